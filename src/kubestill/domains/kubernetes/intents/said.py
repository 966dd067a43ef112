"""Whether a request says what was understood of it."""

import re
from collections.abc import Sequence

from kubestill.domains.api import TASK, Intent

_PIECE = re.compile(r"[^\W\d_]+|\d+")  # of a name: words and numbers
_STEM = 4  # letters that two forms of a word have in common: `order` and `orders`


def unsaid_names(intents: Sequence[Intent], request: str) -> list[str]:
    """Return the names of objects of which no piece stands in the request, in whatever form: nobody can have meant them."""
    if intents and intents[0].aspect == TASK:
        return []
    said = request.lower()
    names = [str(intent.value) for intent in intents if intent.aspect == "name"]
    return [name for name in names if not any(_stands(piece, said) for piece in _PIECE.findall(name.lower()))]


def _stands(piece: str, said: str) -> bool:
    return piece in said if len(piece) <= _STEM else piece[: max(_STEM, len(piece) - 2)] in said
