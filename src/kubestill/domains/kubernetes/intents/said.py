"""Whether a request says what was understood of it: what it says nowhere, in whatever form, nobody asked for."""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from kubestill.domains.api import TASK, Intent
from kubestill.domains.kubernetes.intents.kinds import QUANTITY_ASPECTS
from kubestill.domains.kubernetes.intents.notes import groups
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.ground.numerals import said_numbers

_PIECE = re.compile(r"[^\W\d_]+")  # of a name: its words; numbers alone name nothing
_NO_LETTER = re.compile(r"[\W_]+")
_STEM = 4  # letters that two forms of a word have in common: `order` and `orders`
_PERCENT = re.compile(r"(\d+)%")
# What is called by somebody's own words. Of 20,000 requests with their right answers none leaves one of these unsaid.
_NAMES = frozenset(
    "name namespace rename container.image container.name init.image provisioner handler tls subject.User subject.Group "
    "spec.storageClassName spec.ingressClassName spec.serviceName spec.nfs.server spec.nfs.path spec.hostPath.path spec.volumeName "
    "pod.serviceAccountName pod.priorityClassName pod.imagePullSecret mount.pvc mount.configMap mount.secret mount.hostPath "
    "container.envFrom.configMap container.envFrom.secret".split()
)
# A unit that a number may be said in, as a multiple of the one that it is written in, or the other way about.
_UNITS = frozenset(
    (
        *(Fraction(1000) ** power for power in range(-1, 5)),
        *(Fraction(1024) ** power for power in range(-1, 5)),
        *map(Fraction, (60, 3600, 86_400, 604_800, 2_592_000)),  # seconds of a minute to a month
        Fraction(100),  # of a whole in per cent
    )
)
# Words for what has a name and no more: whoever says nothing else must have said one of these.
_BARE = {
    "Namespace": re.compile(r"\bns\b|space|\bnam\w*c|\barea\b"),
    "ServiceAccount": re.compile(r"\bs\.?a\b|\bacc|account|identit"),
}
_SAID_OF_ALL = frozenset(("kind", "name", "namespace"))


def unsaid(intents: Sequence[Intent], request: str) -> list[Intent]:
    """Return the statements of which the request says nothing: a name of which no word stands in it, a number that it does not hold.

    Accents, capitals and what joins words do not count in names (`Müller` is `muller`, `front end` is `frontend`), nor do units in
    numbers (`half a gig` is `512Mi`). Of an object that has a name and nothing else the kind must be said, too.
    """
    if intents and intents[0].aspect == TASK:
        return []
    said = _folded(request)
    joined = _NO_LETTER.sub("", said)
    numbers = said_numbers(request)
    found = []
    for statements in groups(intents):
        kind = next((intent for intent in statements if intent.aspect == "kind"), None)
        bare = kind is not None and {intent.aspect for intent in statements} <= _SAID_OF_ALL
        if kind is not None and bare and str(kind.value) in _BARE and not _BARE[str(kind.value)].search(said):
            found.append(kind)
            continue
        found += [intent for intent in statements if intent.aspect in _NAMES and not _stands(_folded(str(intent.value)), said, joined)]
        found += [intent for intent in statements if not _counted(_number(intent), numbers)]
    return found


def _number(intent: Intent) -> Fraction | None:
    """Return the number that a statement makes, without its sign; None where it makes none."""
    value = intent.value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(abs(value))
    if isinstance(value, str) and (percent := _PERCENT.fullmatch(value)):
        return Fraction(percent[1])
    return parse_quantity(value) if isinstance(value, str) and intent.aspect in QUANTITY_ASPECTS else None


def _counted(number: Fraction | None, numbers: frozenset[Fraction]) -> bool:
    return not number or any(one and number / one in _UNITS for one in numbers)


def _folded(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(one))


def _stands(name: str, said: str, joined: str) -> bool:
    if _NO_LETTER.sub("", name) in joined:
        return True
    for piece in _PIECE.findall(name):
        stem = piece if len(piece) <= _STEM else piece[: max(_STEM, len(piece) - 2)]
        if re.search(rf"(?<![^\W_]){re.escape(stem)}" if len(piece) <= _STEM else re.escape(stem), said):
            return True
    return False
