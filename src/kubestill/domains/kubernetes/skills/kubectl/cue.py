"""Says that a command is wanted where a request for something new could as well want its manifest."""

import re
from collections.abc import Mapping
from functools import cache
from random import Random

from kubestill.domains.kubernetes.phrasing.lines import Table, read_tables

PACKAGE = "kubestill.domains.kubernetes.skills.kubectl"
MAKES = frozenset(("create", "run", "expose", "autoscale"))  # first words of commands whose outcome a manifest describes, too
_SAID = re.compile(r"\b(kubectl|commands?|cli|one-?liner|imperative\w*|dry[- ]?run|type)\b", re.IGNORECASE)
# A request that speaks of people, greets or asks has a beginning and an end of its own.
_SPEAKS = re.compile(
    r"[?!]|\b(i|i'll|i'd|we|we'll|my|me|us|let's|can|could|would|please|pls|plz|thanks|thx|ty|hi|hello|hey|how|what|which|help|need|next|task|todo|good|morning|ok|okay|alright|so|sorry|doing|quick)\b",
    re.IGNORECASE,
)
LEADS, ASKS = 0.5, 0.25  # shares of the requests that may begin with it, or end with a question of it


def cued(request: str, path: str, rng: Random, part: str) -> tuple[str, tuple[str, ...]]:
    """Return the request, saying that a command is wanted where nothing in it does, and the ids of the parts that were added."""
    if path.partition(" ")[0] not in MAKES or _SAID.search(request):
        return request, ()
    plain, speaks, roll = request == request.lower(), bool(_SPEAKS.search(request)), rng.random()
    if roll < LEADS and not speaks and ":" not in request[:24]:
        text, form = _tables()["kubectl.cue/lead"].pick(rng, part)
        return (text if plain else text[:1].upper() + text[1:]) + request[:1].lower() + request[1:], (form,)
    text, form = _tables()[f"kubectl.cue/{'ask' if roll > 1 - ASKS and not speaks else 'tail'}"].pick(rng, part)
    text = text if plain else text[:1].upper() + text[1:]
    end = "" if text.endswith("?") or plain else "."
    return f"{request.rstrip()}{'' if request.rstrip()[-1:] in '.?!' else '.'} {text}{end}", (form,)


@cache
def _tables() -> Mapping[str, Table]:
    return read_tables(PACKAGE, "cue.toml", prefix="kubectl.")
