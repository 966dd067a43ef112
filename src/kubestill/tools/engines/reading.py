"""A request as a guide is told of it: which words an answer may repeat, and how the model writes them."""

import re

from kubestill.tools.chat.format import POINTERS, Prompt
from kubestill.tools.grammar.api import Reading, Span

_RUN = re.compile(r"[^\s\"'`,;()\[\]{}<>|\u201c\u201d]+")
_JOINT = re.compile(r"[:=]")
_EDGE = ".:!?*"


def read_request(request: str, prompt: Prompt, notes: bool = False, pointers: bool = True) -> Reading:
    """Return the reading of a request; with `pointers` its spans are the prompt's slots, else its words as they stand."""
    if pointers:
        ordered = sorted(prompt.slots.items(), key=lambda slot: slot[1])
        return Reading(request, tuple(Span(POINTERS[index], word) for word, index in ordered), notes)
    return Reading(request, tuple(Span(word, word) for word in _words(request)), notes)


def _words(request: str) -> list[str]:
    """Return the words of a request in the order of mention, each once; what a colon or `=` joins also in its parts."""
    found: dict[str, None] = {}
    for run in _RUN.findall(request):
        word = run.strip(_EDGE)
        for part in (word, *(_JOINT.split(word) if _JOINT.search(word) else ())):
            if part:
                found.setdefault(part)
    return list(found)
