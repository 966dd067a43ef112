"""Soft grounding: while a value is written, what the request says is likelier than the model thinks; nothing is forbidden.

The hard form (grounding.py) gives free text other terminals. This one leaves the grammar alone and raises tokens, so it also stands where
a value is right although nobody said it.
"""

from collections.abc import Callable, Sequence

from kubestill.tools.grammar.api import Span

NATS = 1.0  # what a token on the way to a span gains: bench/slots.py tried 0.5, 1, 2 and 4


def favours(spans: Sequence[Span]) -> Callable[[str], tuple[str, ...]]:
    """Return what tells, from the text so far of a manifest or of notes, what the value at hand may go on with."""
    surfaces = tuple(dict.fromkeys(span.surface for span in spans if span.surface and "\n" not in span.surface))

    def found(text: str) -> tuple[str, ...]:
        begun = value_begun(text.rpartition("\n")[2])
        if begun is None:
            return ()
        return tuple(one[len(begun) :] if begun != " " else f" {one}" for one in surfaces if begun == " " or _goes_on(one, begun))

    return found


def value_begun(line: str) -> str | None:
    """Return what stands of the word at hand of a line's value: " " right after the colon, None where no value is written.

    What follows a dash counts as a value as long as no colon makes it a key.
    """
    body = line.lstrip(" ")
    item = body.startswith("- ")
    while body.startswith("- "):
        body = body[2:]
    _, colon, value = body.partition(":")
    if not colon:
        return body if item else None
    if not value:
        return " "
    return value.rpartition(" ")[2].lstrip('"') if value.startswith(" ") else None


def _goes_on(surface: str, begun: str) -> bool:
    return len(surface) > len(begun) and surface.startswith(begun)
