"""A document rewritten so that it reads as another object, with as little of its text changed as can be.

Difference by difference the text is changed at one place, read back, and kept only if it then says what it should and nothing else.
Where a place cannot be changed (an alias, a style that hides where things stand) the block around it is printed anew, and its
comments with it; as the last resort the whole document.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from kubestill.domains.kubernetes.fixes import blocks
from kubestill.domains.kubernetes.fixes.operations import drop, put
from kubestill.domains.kubernetes.fixes.tree import Place, Tree, grow
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.printing import dump

MAX_CHANGES = 200  # an edit that a person asks for makes a handful; each is read back, some milliseconds a time

Steps = tuple[str | int, ...]
Cut = tuple[int, int, str]  # what stands from an index to another becomes a text


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text after its change; `whole` says that the document was printed anew, without its comments.

    `remarks` are what a person should know of it beside the difference.
    """

    text: str
    whole: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two objects do not share: at `steps` something is to be set, added (in a list: before that item) or removed."""

    how: str  # set | add | remove
    steps: Steps
    value: Any = None


def rewrite(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Rewritten:
    """Return the text of one document, in which `before` stands, changed so that it reads as `after`.

    Everything else of it stays letter for letter: comments, order, quotes, line ends, other items of a List.

    Raises:
        ValueError: the text does not hold `before`.
    """
    found = read(text).manifests
    number = next((number for number, one in enumerate(found) if _same(one.object, before)), None)
    if number is None:
        raise ValueError("the text does not hold the object")
    for _ in range(MAX_CHANGES):
        now = found[number].object
        difference = next(differences(now, after), None)
        if difference is None:
            return Rewritten(text)
        changed = _changed(text, found, number, difference, after)
        if changed is None:
            break
        text, found = changed, read(changed).manifests
    return Rewritten(_printed(text, found, number, after), whole=True)


def differences(before: Any, after: Any, steps: Steps = ()) -> Iterator[Difference]:
    """Yield what to do to `before` so that it becomes `after`; in lists the first thing only, since it moves the others."""
    if isinstance(before, dict) and isinstance(after, dict) and before and after:
        for key, value in before.items():
            if key not in after:
                yield Difference("remove", (*steps, key))
            else:
                yield from differences(value, after[key], (*steps, key))
        yield from (Difference("add", (*steps, key), value) for key, value in after.items() if key not in before)
    elif isinstance(before, list) and isinstance(after, list) and before and after:
        yield from _of_lists(before, after, steps)
    elif not _same(before, after):
        yield Difference("set", steps, after)


def carried(value: Any, before: Any, after: Any) -> Any:
    """Return a value with all that differs between two others, of which `before` says what it says, without its nulls."""
    while (difference := next(differences(before, after), None)) is not None:
        value, before = _apply(value, difference), _apply(before, difference)
    return value


def _of_lists(before: list[Any], after: list[Any], steps: Steps) -> Iterator[Difference]:
    for place, (old, new) in enumerate(zip_longest(before, after)):
        here = (*steps, place)
        if place >= len(before):
            yield Difference("add", here, new)
            return
        if place >= len(after):
            yield Difference("remove", here)
            return
        if _same(old, new):
            continue
        if len(before) > len(after) and any(_same(one, new) for one in before[place + 1 :]):
            yield Difference("remove", here)
            return
        if len(before) < len(after) and any(_same(old, one) for one in after[place + 1 :]):
            yield Difference("add", here, new)
            return
        yield from differences(old, new, here)


def _changed(text: str, found: Sequence[Manifest], number: int, difference: Difference, after: Any) -> str | None:
    """Return the text with one difference made up for, or the smallest block around it printed anew; None where nothing does."""
    tree = grow(text)
    if tree is None:
        return None
    root = ("items", int(found[number].prefix[6:-1])) if found[number].prefix else ()
    places = {place.steps: place for place in tree.places.values()}
    for cut in _cuts(tree, places, root, difference):
        expected = _apply(found[number].object, difference)
        if (new := _proved(text, cut, found, number, expected)) is not None:
            return new
    for depth in range(len(difference.steps), 0, -1):
        steps = difference.steps[:depth]
        place = places.get((*root, *steps))
        value = _at(after, steps)
        if place is None or value is _NOTHING:
            continue
        expected = _apply(found[number].object, Difference("set", steps, value))
        if (new := _proved(text, blocks.reprint(tree, place, value), found, number, expected)) is not None:
            return new
    return _without_alias(text, tree, root, found, number)


def _without_alias(text: str, tree: Tree, root: Steps, found: Sequence[Manifest], number: int) -> str | None:
    """Return the text with the first alias written out, so that it no longer changes with its anchor; None where there is none."""
    own, places = found[number].object, {place.steps: place for place in tree.places.values()}
    for steps in [place.steps for place in places.values() if place.node.kind == "alias"]:
        place = places.get(steps[:-1] if steps[-1] == "<<" else steps)
        value = _at(own, place.steps[len(root) :]) if place is not None and place.steps[: len(root)] == root else _NOTHING
        if place is not None and value is not _NOTHING:
            return _proved(text, blocks.reprint(tree, place, value), found, number, own)
    return None


def _cuts(tree: Tree, places: Mapping[Steps, Place], root: Steps, difference: Difference) -> Iterator[Cut]:
    """Yield the ways of making one change, the one that touches least first."""
    steps = (*root, *difference.steps)
    place, holder = places.get(steps), places.get(steps[:-1])
    if difference.how == "set" and place is not None:
        if not isinstance(difference.value, dict | list) and (operation := put(tree, place, difference.value)) is not None:
            yield operation.start, operation.end, operation.text
        yield blocks.reprint(tree, place, difference.value)
    elif difference.how == "remove" and place is not None:
        if (operation := drop(tree, place)) is not None:
            yield operation.start, operation.end, operation.text
        if (cut := blocks.remove_first(tree, place)) is not None:
            yield cut
        if (cut := _own_lines(tree, place)) is not None:
            yield cut
    else:
        node = tree.root if len(steps) == 1 else holder.node if holder is not None else None
        if node is not None and node.entries:
            yield blocks.insert(tree, node, steps[-1], difference.value)


def _own_lines(tree: Tree, place: Place) -> Cut | None:
    """Remove an entry with the comments that stand within it or behind it; of brackets, the first up to the second."""
    entries = place.holder.entries
    start = (place.key or place.node).start
    if place.holder.flow:
        second = entries[1][0] or entries[1][1] if place.index == 0 and len(entries) > 1 else None
        return (start, second.start, "") if second is not None and "#" not in tree.text[place.node.end : second.start] else None
    last = place.node
    while last.entries and not last.flow:
        last = last.entries[-1][1]
    begin, end = tree.text.rfind("\n", 0, start) + 1, tree.text.find("\n", last.end)
    alone = tree.text[begin:start].strip() == ("-" if place.key is None else "")
    behind = tree.text[last.end : len(tree.text) if end < 0 else end].strip()
    return (begin, len(tree.text) if end < 0 else end + 1, "") if alone and (not behind or behind.startswith("#")) else None


def _proved(text: str, cut: Cut, found: Sequence[Manifest], number: int, expected: Any) -> str | None:
    """Return the changed text if its objects are what they were, apart from the one that reads as `expected`."""
    start, end, inner = cut
    new = text[:start] + inner + text[end:]
    reading = read(new)
    if len(reading.manifests) != len(found) or len(reading.findings) > len(read(text).findings):
        return None
    wanted = [expected if place == number else one.object for place, one in enumerate(found)]
    return new if all(_same(one.object, value) for one, value in zip(reading.manifests, wanted, strict=True)) else None


def _printed(text: str, found: Sequence[Manifest], number: int, after: Mapping[str, Any]) -> str:
    """Return the document printed anew below what stands before its first key: a separator and comments."""
    objects = [dict(after) if place == number else one.object for place, one in enumerate(found)]
    value = {"apiVersion": "v1", "kind": "List", "items": objects} if found[number].prefix else objects[number]
    tree = grow(text)
    head = text[: tree.root.start] if tree is not None else "---\n" if text.startswith("---") else ""
    return (head if not head or head.endswith("\n") else "---\n") + dump(value)


_NOTHING = object()


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return value


def _apply(value: Any, difference: Difference) -> Any:
    """Return a copy of an object with one difference made up for."""
    if not difference.steps:
        return difference.value
    root = json.loads(json.dumps(value))
    holder, last = _at(root, difference.steps[:-1]), difference.steps[-1]
    if difference.how == "remove":
        del holder[last]
    elif difference.how == "add" and isinstance(holder, list):
        holder.insert(int(last), difference.value)
    else:
        holder[last] = difference.value
    return root


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are the same JSON: `1`, `1.0` and `true` are three things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
