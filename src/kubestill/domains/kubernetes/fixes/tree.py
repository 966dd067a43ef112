"""Where everything stands in a document's text: the nodes of its YAML (or JSON) with their spans, by field path.

Spans are indices into the text, as libyaml counts them (code points). One document a tree: a text of several has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from kubestill.domains.kubernetes import manifests
from kubestill.domains.kubernetes.scalars import ScalarError, key_text, plain

_NODES = (MappingStartEvent, SequenceStartEvent, ScalarEvent, AliasEvent)
_ENDS = (MappingEndEvent, SequenceEndEvent)


@dataclass(slots=True, eq=False)
class Node:
    """One node. `end` of a block mapping or sequence is the end of its last part: comments after it do not belong to it."""

    kind: str  # mapping | sequence | scalar | alias
    start: int
    end: int
    value: str = ""  # of a scalar, without its quotes
    style: str = ""  # of a scalar: "" (plain), ', ", | or >
    flow: bool = False  # written in brackets
    named: bool = False  # has an anchor or a tag: what it means may depend on other places
    entries: "list[tuple[Node | None, Node]]" = field(default_factory=list)  # key (None in a sequence) and value

    @property
    def content(self) -> Any:
        """Return what a scalar stands for; of an unquoted one, the number, boolean or null."""
        return self.value if self.style else plain(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A field or a list item: its way from the root of the document, and its entry."""

    steps: tuple[str | int, ...]
    holder: Node  # the mapping or sequence
    index: int  # of the entry in it

    @property
    def key(self) -> Node | None:
        """Return the node of the key; None of a list item."""
        return self.holder.entries[self.index][0]

    @property
    def node(self) -> Node:
        """Return the node of the value."""
        return self.holder.entries[self.index][1]

    @property
    def first(self) -> "Place":
        """Return the place of the first entry beside it."""
        key = self.holder.entries[0][0]
        return Place((*self.steps[:-1], 0 if key is None else key.value), self.holder, 0)


@dataclass(slots=True, eq=False)
class Tree:
    """A document's root, its places by field path (the last one of a key that stands twice), and by line and column from 0."""

    text: str
    root: Node
    places: dict[str, Place] = field(default_factory=dict)
    spots: dict[tuple[int, int], Place] = field(default_factory=dict)

    @property
    def json(self) -> bool:
        """Return whether the document is JSON, or YAML that looks so: everything new is then written like that."""
        return self.root.flow and all(key is not None and key.style == '"' for key, _ in self.root.entries)

    @property
    def eol(self) -> str:
        """Return how the text ends its lines."""
        return "\r\n" if "\r\n" in self.text else "\n"


def grow(text: str) -> Tree | None:
    """Return the tree of a text; None where it is not exactly one document that can be read."""
    try:
        return _grown(text)
    except (yaml.YAMLError, ScalarError):
        return None


@dataclass(slots=True)
class _Open:
    """A container that is being read: its node and way, and the key that waits for its value."""

    node: Node
    steps: tuple[str | int, ...]
    path: str
    key: Node | None = None
    spot: tuple[int, int] = (0, 0)  # of that key


def _grown(text: str) -> Tree | None:
    stack: list[_Open] = []
    tree: Tree | None = None
    for event in _events(text):
        if type(event) is DocumentStartEvent and tree is not None:
            return None
        if type(event) in _ENDS:
            _close(stack.pop().node, event)
        if type(event) not in _NODES:
            continue
        node, place, path = _node(event), None, ""
        if stack:
            place, path = _placed(stack[-1], node, event)
            if place is None and node.kind in ("mapping", "sequence"):
                return None  # no key that JSON has
            if place is None:
                continue
        if tree is None:
            tree = Tree(text, node)
        elif place is not None:
            tree.places[path] = place
            tree.spots[stack[-1].spot] = place
        if node.kind in ("mapping", "sequence"):
            stack.append(_Open(node, place.steps if place else (), path))
    return tree


def _events(text: str) -> Iterator[Any]:
    parser = manifests.PARSER(text)
    while type(event := parser.get_event()) is not StreamEndEvent:
        yield event


def _node(event: Any) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    named = bool(event.anchor or getattr(event, "tag", None))
    if type(event) is ScalarEvent:
        return Node("scalar", start, end, event.value, event.style or "", named=named)
    if type(event) is AliasEvent:
        return Node("alias", start, end, named=True)
    return Node("mapping" if type(event) is MappingStartEvent else "sequence", start, end, flow=bool(event.flow_style), named=named)


def _close(node: Node, event: Any) -> None:
    node.end = event.end_mark.index if node.flow or not node.entries else node.entries[-1][1].end


def _placed(parent: _Open, node: Node, event: Any) -> tuple[Place | None, str]:
    """Enter a node into its parent; None where it is a key, which waits for its value."""
    spot = (event.start_mark.line, event.start_mark.column)
    if parent.node.kind == "sequence":
        step: str | int = len(parent.node.entries)
        parent.spot = spot
    elif parent.key is None:
        parent.key, parent.spot = node, spot
        return None, ""
    else:
        step = key_text(parent.key.content) if parent.key.kind == "scalar" else ""
    parent.node.entries.append((parent.key, node))
    parent.key = None
    return Place((*parent.steps, step), parent.node, len(parent.node.entries) - 1), manifests.field(parent.path, step)
