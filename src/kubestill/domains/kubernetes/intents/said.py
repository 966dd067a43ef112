"""Whether a request says what was understood of it."""

import re
import unicodedata
from collections.abc import Sequence

from kubestill.domains.api import TASK, Intent

_PIECE = re.compile(r"[^\W\d_]+")  # of a name: its words; numbers alone name nothing
_NO_LETTER = re.compile(r"[\W_]+")
_STEM = 4  # letters that two forms of a word have in common: `order` and `orders`


def unsaid_names(intents: Sequence[Intent], request: str) -> list[str]:
    """Return the names of objects of which no word stands in the request, in whatever form: nobody can have meant them.

    Accents, capitals and what joins words do not count (`Müller` is `muller`, `front end` is `frontend`).
    """
    if intents and intents[0].aspect == TASK:
        return []
    said = _folded(request)
    joined = _NO_LETTER.sub("", said)
    names = [str(intent.value) for intent in intents if intent.aspect == "name"]
    return [name for name in names if not _stands(_folded(name), said, joined)]


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
