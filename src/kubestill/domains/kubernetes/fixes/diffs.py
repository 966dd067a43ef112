"""Differences of two texts as `git diff` prints them, so that `git apply` takes them."""

import difflib
from collections.abc import Iterator


def diff(path: str, before: str, after: str) -> str:
    """Return the unified diff of a file's two texts with three lines of context; "" where they are equal.

    Lines end at "\\n" only, as git has it: a "\\r" before it belongs to the line.
    """
    if before == after:
        return ""
    name = path.lstrip("/")
    old, new = (text.split("\n") for text in (before, after))
    lines = difflib.unified_diff(_ended(old), _ended(new), f"a/{name}", f"b/{name}")
    return "".join([f"diff --git a/{name} b/{name}\n", *_told(lines)])


def _ended(lines: list[str]) -> list[str]:
    """Give every line its end; what follows the last one is a line of its own unless it is empty."""
    return [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]


def _told(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
