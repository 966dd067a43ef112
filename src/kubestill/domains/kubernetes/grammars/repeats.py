"""Keys that people choose must differ, which no grammar can say: what may not come next because it would repeat one.

`bans(text)` looks at what has been written and returns the continuations that would end a key a second time. Whoever masks tokens takes
away each token that begins with one of them. That leaves a way on: a key that may be any text goes on with another letter instead.
"""

import re

_KEY = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s"#][^\n]*?):(?=\s|\Z)')
_BLOCK = re.compile(r"(?:: |- )\|[-+]?\Z")


def bans(text: str) -> tuple[str, ...]:
    """Return the texts that may not follow: each would complete a key that stands in the same map already.

    A key may begin on the next line or be begun already; what stands in a literal block is no key.
    """
    *before, last = text.split("\n")
    found = []
    if last.strip(" -") and not _ends_key(last):
        begun = _column(last) if _column(last) == _indent(last) else len(last) + 1  # after a dash a new map begins
        found += [f"{key[len(last) - begun :]}:" for key in _siblings(before, begun) if key.startswith(last[begun:])]
    elif not last.strip(" "):
        found += [" " * (column - len(last)) + f"{key}:" for column, key in _open_keys(before) if column >= len(last)]
        return tuple(dict.fromkeys(found))
    lines = [*before, last]
    found += ["\n" + " " * column + f"{key}:" for column, key in _open_keys(lines)]
    return tuple(dict.fromkeys(found))


def _column(line: str) -> int:
    """Return where the key of a line begins: after its indentation and the dashes of the lists that begin on it."""
    column = len(line) - len(line.lstrip(" "))
    while line[column : column + 2] == "- ":
        column += 2
    return column


def _ends_key(line: str) -> bool:
    return bool(_KEY.match(line[_column(line) :]))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _siblings(lines: list[str], column: int) -> list[str]:
    """Return the keys of the map that a line at `column` would stand in."""
    return [key for at, key in _open_keys(lines) if at == column]


def _open_keys(lines: list[str]) -> list[tuple[int, str]]:
    """Return column and key of every entry of the maps that are open at the end of the lines."""
    stack: list[tuple[int, list[str]]] = []  # the open maps: column, keys
    block = -1  # the indentation of the line that holds a literal block's mark
    for line in lines:
        if not line.strip():
            continue
        indent = _indent(line)
        if block >= 0 and indent > block:
            continue
        block = -1
        if line == "---":
            stack = []
            continue
        column = _column(line)
        while stack and (stack[-1][0] > column or (column > indent and stack[-1][0] > indent)):
            stack.pop()
        match = _KEY.match(line[column:])
        if match:
            if not stack or stack[-1][0] != column:
                stack.append((column, []))
            stack[-1][1].append(match[1])
        if _BLOCK.search(line):
            block = column if match else indent
    return [(column, key) for column, keys in stack for key in keys]
