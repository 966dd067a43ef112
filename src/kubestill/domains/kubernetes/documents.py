"""A file cut into documents, and where in the file things stand: bytes in, texts with their lines out.

The cut is made on bytes: text that is not UTF-8 spoils one document only, and no second copy of a large file is made.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Any, AnyStr

import yaml

# Begins with its letters, so that the search for it runs at the speed of memory; that it starts a line is looked at afterwards.
_SEPARATOR = re.compile(rb"---(?=\s|\Z)")
_BODY = re.compile(rb"(?:\A|[\r\n])[ \t]*[^ \t\r\n#%]")  # a line that is neither blank, a comment nor a directive
_NOTHING = (b"", b"---")
_YAML_BREAK = re.compile("[\x85\u2028\u2029]")  # ends a line for YAML 1.1, and for hardly any editor


class Document:
    """One document's text, and how many lines stand before it; lines are counted from 1.

    `places` is room for what a reader finds out once: line and column by field path.
    """

    def __init__(self, text: str, start: int) -> None:
        self.text, self.start = text, start
        self.places: dict[str, tuple[int, int]] | None = None

    @cached_property
    def last(self) -> int:
        """The last line that is not blank."""
        return self.start + breaks(self.text.rstrip()) + 1

    @cached_property
    def _odd(self) -> list[int]:
        """Where the lines end that only YAML ends."""
        return [] if self.text.isascii() else [match.end() for match in _YAML_BREAK.finditer(self.text)]

    def spot(self, mark: Any) -> tuple[int, int]:
        """Return line and column of a mark, from 1, as an editor counts them."""
        if not self._odd:
            return self.start + mark.line + 1, mark.column + 1
        before = max(self.text.rfind("\n", 0, mark.index), self.text.rfind("\r", 0, mark.index))
        return self.start + mark.line - bisect_right(self._odd, mark.index) + 1, mark.index - before

    def mark(self, index: int) -> yaml.Mark:
        """Return the mark of a character, with lines as YAML counts them."""
        head = self.text[:index]
        line = breaks(head) + len(_YAML_BREAK.findall(head))
        return yaml.Mark("", index, line, index - max(head.rfind("\n"), head.rfind("\r")) - 1, None, 0)


def segments(data: bytes, before: int) -> Iterator[tuple[int, bytes]]:
    """Yield the documents' texts with the number of lines before each; a head of comments or directives joins the next.

    A document of nothing but its separator is left out.
    """
    start, line = 0, before
    for match in _SEPARATOR.finditer(data):
        cut = match.start()
        if cut == 0 or data[cut - 1] not in b"\r\n" or (start == 0 and _BODY.search(data, 0, cut) is None):
            continue
        segment = data[start:cut]
        if segment.strip() not in _NOTHING:
            yield line, segment
        line += breaks(segment)
        start = cut
    if (segment := data[start:]).strip() not in _NOTHING:
        yield line, segment


def breaks(text: AnyStr) -> int:
    """Return how many lines end within a text or bytes: at CR, LF or both."""
    cr, lf, both = ("\r", "\n", "\r\n") if isinstance(text, str) else (b"\r", b"\n", b"\r\n")
    returns = text.count(cr)
    return text.count(lf) + (returns - text.count(both) if returns else 0)
