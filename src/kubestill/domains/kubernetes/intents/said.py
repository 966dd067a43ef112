"""Whether a request says what was understood of it: what it says nowhere, in whatever form, nobody asked for."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from kubestill.domains.api import TASK, Intent
from kubestill.domains.kubernetes.intents.kinds import QUANTITY_ASPECTS
from kubestill.domains.kubernetes.intents.lens import silent
from kubestill.domains.kubernetes.intents.notes import groups
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.ground.amounts import Amounts, amounts

_PIECE = re.compile(r"[^\W\d_]+")  # of a name: its words
_NO_LETTER = re.compile(r"[\W_]+")
_STEM = 4  # letters that two forms of a word have in common: `order` and `orders`
_PERCENT = re.compile(r"(\d{1,3})%")
_SECONDS = re.compile(r"Seconds\Z|SecondsAfterFinished\Z")
# Letters that no decomposition takes apart, and how the others are spelled where they cannot be written.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "å": "a"})
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# What is called by somebody's own words.
_NAMES = frozenset(
    "name namespace rename container.image container.name init.image provisioner handler tls subject.User subject.Group "
    "spec.storageClassName spec.ingressClassName spec.serviceName spec.nfs.server spec.nfs.path spec.hostPath.path spec.volumeName "
    "pod.serviceAccountName pod.priorityClassName pod.imagePullSecret mount.pvc mount.configMap mount.secret mount.hostPath "
    "container.envFrom.configMap container.envFrom.secret".split()
)
# Ports that have a name which everybody knows: of Services and Ingresses they are meant by it.
_PORTS = {80: "http", 443: "https", 22: "ssh", 53: "dns", 5432: "postgres", 6379: "redis", 3306: "mysql", 27017: "mongo", 11211: "memcache"}
_UNITS = (  # that a quantity may be said in, as multiples of the one that it is written in, or of a whole in per cent
    *(Fraction(1000) ** power for power in range(-1, 5)),
    *(Fraction(1024) ** power for power in range(-1, 5) if power),
    Fraction(1, 100),
)
# Words for what may have a name and no more: whoever says nothing else must have said one of these.
_BARE = {
    "Namespace": re.compile(r"\bns\b|space|\bnam\w*c|\barea\b|environ|\benv\b|project|tenant|sandbox"),
    "ServiceAccount": re.compile(r"\bs\.?a\b|\bacc|account|identit|\brobot"),
    "NetworkPolicy": re.compile(
        r"net|polic|traffic|gress|bound|incoming|outgoing|den[iy]|isolat|block|firewall|connect|reach|talk|lock|clos|shut|seal"
    ),
}
_NO_VALUES = frozenset(("kind", "name", "namespace", "deny", "allow.all", "podSelector.all"))  # that stand in the request


def unsaid(intents: Sequence[Intent], request: str) -> list[Intent]:
    """Return the statements of which the request says nothing: a name of which no word stands in it, a number that it does not hold.

    Accents, capitals and what joins words do not count in names (`Müller` is `muller`, `front end` is `frontend`), nor do units in
    numbers (`half a gig` is `512Mi`). Of an object of which nothing but a name can be looked for the kind must be said, too.
    What only repeats a default is never unsaid.
    """
    if intents and intents[0].aspect == TASK:
        return []
    said, found = _Said(request), []
    for statements in groups(intents):
        kind = next((intent for intent in statements if intent.aspect == "kind"), None)
        bare = kind is not None and {intent.aspect for intent in statements} <= _NO_VALUES
        if kind is not None and bare and str(kind.value) in _BARE and not _BARE[str(kind.value)].search(said.texts[0]):
            found.append(kind)
            continue
        found += [intent for intent in statements if not silent(intent) and not said.tells(intent)]
    return found


@dataclass(frozen=True)
class _Said:
    """A request, and what is looked up in it."""

    request: str

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The request without capitals and accents, as they are left out and as they are spelled otherwise."""
        return tuple(dict.fromkeys((_folded(self.request), _folded(self.request.casefold().translate(_SPELLED)))))

    @cached_property
    def amounts(self) -> Amounts:
        """Its numbers."""
        return amounts(self.request)

    def tells(self, intent: Intent) -> bool:
        """Say whether a statement is made in some form; of those that are neither names nor numbers none can tell."""
        value = intent.value
        if intent.aspect in _NAMES:
            name = _folded(str(value))
            return any(_stands(name, text) for text in self.texts) or (name.isdecimal() and Fraction(name) in self.amounts.numbers)
        if isinstance(value, bool):
            return True
        if isinstance(value, int):
            number = Fraction(abs(value))
            if _SECONDS.search(intent.aspect):
                return self.amounts.holds_time(number)
            if intent.aspect == "metric.utilization":
                return self.amounts.holds_share(value)
            return self.amounts.holds(number, ()) or (value in _PORTS and _PORTS[value] in self.texts[0])
        if isinstance(value, str) and (percent := _PERCENT.fullmatch(value)):
            return self.amounts.holds_share(int(percent[1]))
        quantity = parse_quantity(value) if isinstance(value, str) and intent.aspect in QUANTITY_ASPECTS else None
        return not quantity or self.amounts.holds(quantity, _UNITS)


def _folded(text: str) -> str:
    parted = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(one for one in parted if not unicodedata.combining(one))


def _stands(name: str, said: str) -> bool:
    letters = _NO_LETTER.sub("", name)
    if not letters or re.search(rf"(?<![^\W_]){'[^a-z0-9]*'.join(map(re.escape, letters))}", said):  # from a word's beginning on
        return True
    for piece in _PIECE.findall(name):
        stem = piece if len(piece) <= _STEM else piece[: max(_STEM, len(piece) - 2)]
        if re.search(rf"(?<![^\W_]){re.escape(stem)}" if len(piece) <= _STEM else re.escape(stem), said):
            return True
    return False
