"""Entries of a document printed in its own manner: at the column that stands there, with its dashes, brackets and line ends."""

import json
from typing import Any

from kubestill.domains.kubernetes.fixes.tree import Node, Place, Tree
from kubestill.domains.kubernetes.intents.order import IDIOM
from kubestill.domains.kubernetes.printing import dump, scalar

_RANK = {key: place for place, key in enumerate(IDIOM)}
# Of a container people say last what it needs and how it is asked.
_CONTAINER_RANK = {**_RANK, "resources": _RANK["valueFrom"], "securityContext": _RANK["subPath"]}
Cut = tuple[int, int, str]


def reprint(tree: Tree, place: Place, value: Any) -> Cut:
    """Print an entry anew with another value, over what stands there; what stands behind it on its line stays."""
    if place.holder.flow:
        return place.node.start, place.node.end, _gap(tree, place.node) + inline(value, tree)
    end = _content_end(tree, place.node)
    start = place.key.start if place.key is not None else _dash(tree, place)
    return start, end if place.key is None else max(end, place.key.end), _joined(tree, _entry(tree, place.key, value), _column(tree, start))


def insert(tree: Tree, holder: Node, key: str | int, value: Any) -> Cut:
    """Add a field to a mapping behind those that people write before it, or an item to a sequence before the one of that number."""
    place = min(key, len(holder.entries)) if isinstance(key, int) else _rank_place(holder, key)
    if holder.flow:
        return _insert_flow(tree, holder, key, value)
    column = _column(tree, holder.entries[0][0].start if holder.entries[0][0] else holder.start)
    named = None if isinstance(key, int) else key
    text = _joined(tree, _entry(tree, named, value), column)
    if place == 0 and (start := _own_line(tree, holder)) is not None:
        return start, start, " " * column + text + tree.eol
    place = max(place, 1)
    end = _line_end(tree, _content_end(tree, holder.entries[place - 1][1]))
    if end and not tree.text[:end].endswith("\n"):
        return end, end, tree.eol + " " * column + text
    return end, end, " " * column + text + tree.eol


def _rank_place(holder: Node, key: str) -> int:
    """Return before which entry of a mapping a new key goes: behind the last of those that are written before it."""
    keys = [one.value if one is not None else "" for one, _ in holder.entries]
    ranks = _CONTAINER_RANK if "image" in keys else _RANK
    last = len(ranks)
    before = [place for place, one in enumerate(keys) if ranks.get(one, last) <= ranks.get(key, last)]
    return before[-1] + 1 if before else 0


def remove_first(tree: Tree, place: Place) -> Cut | None:
    """Remove the first entry of a block up to where the next one begins; None where a comment would go with it."""
    if place.index or place.holder.flow or len(place.holder.entries) < 2:
        return None
    follower = Place((), place.holder, 1)
    start, end = ((one.key or one.node).start if one.key is not None else _dash(tree, one) for one in (place, follower))
    return None if "#" in tree.text[_content_end(tree, place.node) : end] else (start, end, "")


def inline(value: Any, tree: Tree) -> str:
    """Return any value on one line, in the quotes of the document."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(str(key), tree)}: {inline(part, tree)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(part, tree) for part in value) + "]"
    plain = isinstance(value, str) and not tree.json and not set(value) & set(",[]{}:#")
    return scalar(value) if plain else json.dumps(value, ensure_ascii=False)


def _insert_flow(tree: Tree, holder: Node, key: str | int, value: Any) -> Cut:
    """Add an entry at the end of brackets: behind a comma, on its own line where the last one has its own."""
    last_key, last = holder.entries[-1]
    first = last_key or last
    lead = tree.text[_line_start(tree, first.start) : first.start]
    text = inline(value, tree) if isinstance(key, int) else f"{inline(key, tree)}: {inline(value, tree)}"
    gap = tree.eol + lead if lead and not lead.strip(" \t") else " "
    return last.end, last.end, f",{gap}{text}"


def _entry(tree: Tree, key: "Node | str | None", value: Any) -> list[str]:
    """Return the lines of an entry, the first at column 0; an item of a sequence begins with its dash."""
    if key is None:
        lines = _lines(tree, {"": value})
        if isinstance(value, dict) and value:
            return [f"- {line}" if place == 0 else f"  {line}" if line else "" for place, line in enumerate(_lines(tree, value))]
        if isinstance(value, list) and value:
            return ["-", *(f"  {line}" if line else "" for line in _items(tree, value))]
        return ["-" + lines[0].removeprefix('"":'), *lines[1:]]
    if isinstance(key, str):
        return _lines(tree, {key: value})
    lines = _lines(tree, {"": value})
    return [tree.text[key.start : key.end] + lines[0].removeprefix('""'), *lines[1:]]


def _lines(tree: Tree, value: dict[str, Any]) -> list[str]:
    """Return the lines of a mapping, with its dashes where the document has them: under the key, or two columns on."""
    found: list[str] = []
    for key, part in value.items():
        if isinstance(part, dict) and part:
            found += [f"{scalar(key)}:", *(f"  {line}" if line else "" for line in _lines(tree, part))]
        elif isinstance(part, list) and part and (text := _in_brackets(tree, key, part)):
            found.append(f"{scalar(key)}: {text}")
        elif isinstance(part, list) and part:
            lead = "  " if _indents_dashes(tree) else ""
            found += [f"{scalar(key)}:", *(lead + line if line else "" for line in _items(tree, part))]
        else:
            found += dump({key: part}).splitlines()
    return found


def _items(tree: Tree, items: list[Any]) -> list[str]:
    return [line for item in items for line in _entry(tree, None, item)]


def _in_brackets(tree: Tree, key: str, items: list[Any]) -> str:
    """Return a list of scalars on one line, in the document's quotes, where it writes those under this key so; else an empty text."""
    if any(isinstance(item, dict | list) for item in items):
        return ""
    alike = (place.node for place in tree.places.values() if place.key is not None and place.key.value == key and place.node.entries)
    first = next(alike, None)
    if first is None or not first.flow or first.kind != "sequence" or "\n" in tree.text[first.start : first.end]:
        return ""
    quoted = first.entries[0][1].style == '"'
    texts = (json.dumps(item, ensure_ascii=False) if quoted and isinstance(item, str) else inline(item, tree) for item in items)
    return f"[{', '.join(texts)}]"


def _indents_dashes(tree: Tree) -> bool:
    """Say whether the first sequence of the document in block style stands further in than its key."""
    blocks = (place for place in tree.places.values() if place.node.kind == "sequence" and not place.node.flow and place.key is not None)
    first = next(blocks, None)
    return first is not None and first.key is not None and _column(tree, first.node.start) > _column(tree, first.key.start)


def _joined(tree: Tree, lines: list[str], column: int) -> str:
    return (tree.eol + " " * column).join(lines).replace(tree.eol + " " * column + tree.eol, tree.eol + tree.eol)


def _content_end(tree: Tree, node: Node) -> int:
    """Return where what a node says ends: a block scalar's own end is that of the blank lines after it."""
    while node.entries and not node.flow:
        node = node.entries[-1][1]
    return len(tree.text[: node.end].rstrip()) if node.style in ("|", ">") else node.end


def _gap(tree: Tree, node: Node) -> str:
    return " " if node.start == node.end and tree.text[: node.start].endswith(":") else ""


def _dash(tree: Tree, place: Place) -> int:
    """Return where the dash of an item stands."""
    return tree.text.rfind("-", _line_start(tree, place.holder.start), place.node.start) if place.index else place.holder.start


def _own_line(tree: Tree, holder: Node) -> int | None:
    """Return where the line of the first entry begins; None where something else begins it."""
    start = _line_start(tree, holder.start)
    return start if not tree.text[start : holder.start].strip(" ") else None


def _column(tree: Tree, position: int) -> int:
    return position - _line_start(tree, position)


def _line_start(tree: Tree, position: int) -> int:
    return tree.text.rfind("\n", 0, position) + 1


def _line_end(tree: Tree, position: int) -> int:
    found = tree.text.find("\n", position)
    return found + 1 if found >= 0 else len(tree.text)
