"""What a mend can do to a document: each operation changes the text at one place and, on its own, the object.

The two are compared afterwards: the changed text must read as the changed object. So none of them has to foresee every way of
writing YAML: one that goes wrong is not kept.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubestill.domains.kubernetes.fixes.tree import Node, Place, Tree
from kubestill.domains.kubernetes.printing import dump, scalar


@dataclass(frozen=True, slots=True)
class Operation:
    """Put `text` in place of what stands from `start` to `end`; `change` does the same to the parsed root of the document."""

    start: int
    end: int
    text: str
    change: Callable[[Any], None]


def rename(tree: Tree, place: Place, name: str) -> Operation | None:
    """Give a field another name; it keeps its quotes."""
    key = place.key
    if key is None or key.kind != "scalar" or not _on_one_line(tree, key):
        return None

    def change(root: Any) -> None:
        holder = _at(root, place.steps[:-1])
        holder[name] = holder.pop(place.steps[-1])

    return Operation(key.start, key.end, _spelt(name, key, tree), change)


def put(tree: Tree, place: Place, value: Any) -> Operation | None:
    """Write another value: a scalar in place of a scalar, or anything in place of an empty value, `{}` or `[]`."""
    node = place.node
    empty = node.kind in ("mapping", "sequence") and node.flow and not node.entries
    if not (empty or node.kind == "scalar") or not _on_one_line(tree, node):
        return None
    text = _inline(value, tree) if isinstance(value, dict | list) else _spelt(value, node, tree)
    if node.start == node.end and tree.text[: node.start].endswith(":"):
        text = f" {text}"

    def change(root: Any) -> None:
        _at(root, place.steps[:-1])[place.steps[-1]] = value

    return Operation(node.start, node.end, text, change)


def insert(tree: Tree, sibling: Place, added: dict[str, Any], after: bool = False) -> Operation | None:
    """Add fields before their sibling, or `after` it where its value is a plain one on its line."""
    holder, key = sibling.holder, sibling.key
    if key is None:
        return None
    if holder.flow:
        position, text = key.start, _inline(added, tree)[1:-1] + "," + _gap(tree, key)
    elif after:
        position, text = _after(tree, sibling, added)
    else:
        indent = _indent(tree, key)
        position, text = key.start - len(indent or ""), _block(added, indent or "", tree)
        if indent is None:
            return None

    def change(root: Any) -> None:
        _at(root, sibling.steps[:-1]).update(added)

    return Operation(position, position, text, change) if text else None


def drop(tree: Tree, place: Place, repeated: bool = False) -> Operation | None:
    """Remove an entry that is not the first one; of a `repeated` key, which the object has only once, the object stays as it is.

    None where a comment would go with it.
    """
    if not place.index or place.holder.named:
        return None
    before = place.holder.entries[place.index - 1][1]
    start, end = (before.end, place.node.end) if place.holder.flow else _lines(tree, place)
    if end <= start or "#" in _outside_scalars(tree, place, start, end):
        return None

    def change(root: Any) -> None:
        if not repeated:
            del _at(root, place.steps[:-1])[place.steps[-1]]

    return Operation(start, end, "", change)


def wrap(tree: Tree, place: Place) -> Operation | None:
    """Make a list of one out of a value."""
    node = place.node
    if node.named or node.kind == "alias" or place.key is None:
        return None
    written = tree.text[node.start : node.end]
    if node.kind == "mapping" and not node.flow:
        if _indent(tree, node) is None:
            return None
        written = "- " + re.sub(r"\n(?=[^\r\n])", "\n  ", written)
    elif _on_one_line(tree, node) or node.flow:
        written = f"[{written}]"

    def change(root: Any) -> None:
        holder = _at(root, place.steps[:-1])
        holder[place.steps[-1]] = [holder[place.steps[-1]]]

    return Operation(node.start, node.end, written, change)


def _at(root: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        root = root[step]
    return root


def _on_one_line(tree: Tree, node: Node) -> bool:
    """Return whether a node can be replaced by itself: on one line, without anchor and tag, in no block style."""
    return not node.named and node.style not in ("|", ">") and "\n" not in tree.text[node.start : node.end]


def _spelt(value: Any, node: Node, tree: Tree) -> str:
    """Return a scalar in the quotes that stand there now, or in those that it needs."""
    if isinstance(value, str) and (tree.json or node.style == '"'):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and node.style == "'":
        return "'" + value.replace("'", "''") + "'"
    return scalar(value)


def _quoted(name: str, tree: Tree) -> str:
    return json.dumps(name) if tree.json else scalar(name)


def _inline(value: Any, tree: Tree) -> str:
    """Return any value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key, tree)}: {_inline(part, tree)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(part, tree) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False) if tree.json else scalar(value)


def _block(value: dict[str, Any], indent: str, tree: Tree) -> str:
    return "".join(f"{indent}{line}{tree.eol}" for line in dump(value).splitlines())


def _line_start(tree: Tree, position: int) -> int:
    return tree.text.rfind("\n", 0, position) + 1


def _line_end(tree: Tree, position: int) -> int:
    """Return where the line of a position ends, its line break included."""
    found = tree.text.find("\n", position)
    return found + 1 if found >= 0 else len(tree.text)


def _indent(tree: Tree, node: Node) -> str | None:
    """Return the blanks before a node that is the first thing on its line; None where it is not."""
    lead = tree.text[_line_start(tree, node.start) : node.start]
    return None if lead.strip(" ") else lead


def _gap(tree: Tree, key: Node) -> str:
    """Return what separates two entries in brackets: a blank, or a new line where the key stands on its own."""
    indent = _indent(tree, key)
    return " " if indent is None else tree.eol + indent


def _after(tree: Tree, sibling: Place, value: dict[str, Any]) -> tuple[int, str]:
    """Return position and text of lines after a sibling with a plain value; an empty text where that cannot be."""
    key, node = sibling.key, sibling.node
    indent = _indent(tree, key) if key else None
    if indent is None or node.kind != "scalar" or not _on_one_line(tree, node):
        return 0, ""
    end = _line_end(tree, node.end)
    text = _block(value, indent, tree)
    return (end, text) if tree.text[:end].endswith("\n") else (end, tree.eol + text.removesuffix(tree.eol))


def _lines(tree: Tree, place: Place) -> tuple[int, int]:
    """Return the span of the whole lines of a block entry; an empty one where other things stand on them."""
    first = place.key or place.node
    start = _line_start(tree, first.start)
    lead = tree.text[start : first.start]
    if lead.strip(" ") != ("" if place.key else "-"):
        return 0, 0
    at_line_start = tree.text[: place.node.end].endswith("\n")  # a block scalar ends there
    end = place.node.end if at_line_start else _line_end(tree, place.node.end)
    if end == len(tree.text) and not tree.text.endswith("\n"):
        return start - len(tree.eol), end  # the last line of a text without a line break at its end
    return start, end


def _outside_scalars(tree: Tree, place: Place, start: int, end: int) -> str:
    """Return the part of a span that belongs to no scalar of an entry: blanks, marks, and comments."""
    kept, position = [], start
    for node in _scalars(place):
        kept.append(tree.text[position : node.start])
        position = node.end
    return "".join([*kept, tree.text[position:end]])


def _scalars(place: Place) -> list[Node]:
    found, waiting = [], [place.node, place.key]
    while waiting:
        node = waiting.pop()
        if node is not None and node.kind == "scalar":
            found.append(node)
        elif node is not None:
            waiting += [part for entry in node.entries for part in entry]
    return sorted(found, key=lambda node: node.start)
