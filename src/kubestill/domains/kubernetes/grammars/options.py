"""What a grammar of manifests is asked to be."""

from dataclasses import dataclass
from typing import Literal

from kubestill.tools.grammar.api import Span

# How free text is held to what a request says: it says nothing else, it leans to it (favours.py), or it is free.
Grounding = Literal["hard", "soft", "none"]
MAX_DEPTH = 24  # levels of indentation below which no field that may be left out begins another level


@dataclass(frozen=True, slots=True)
class Grounds:
    """What free text may say: only what the request says (`spans`), what a rule derives from it, and the listed defaults of a slot."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """How manifests are written.

    `order`: keys as they come ("any"), or in the order that people write ("idiom"). `pointers`: a value may be, or hold, one of the
    pointers `⟨1⟩`…`⟨40⟩` of the chat format; those of `spans` also stand for a listed word that they say (`UDP`). `grounds`: none, free
    text is free. `documents`: how many a text may hold at most.
    """

    order: Literal["any", "idiom"] = "any"
    pointers: bool = False
    spans: tuple[Span, ...] = ()
    grounds: Grounds | None = None
    documents: int = 1
