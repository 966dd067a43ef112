"""YAML as Kubernetes reads it: text in, objects with their lines out, and findings instead of exceptions.

The reader walks libyaml's events with a stack of its own: nesting and aliases are counted before they cost anything, and
hostile input ends in a finding. A text is cut at its `---` lines first, so that a broken document spoils no other.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
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

from kubestill.domains.kubernetes.scalars import NUMBER_STARTS, WORD_STARTS, WORDS, ScalarError, key_text, number, tagged
from kubestill.tools.checks.api import Finding, Tier

# The C parser where PyYAML was built with libyaml; the pure one reads alike, some ten times slower.
PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_TEXT_BYTES = 3 * 2**20  # of one document: the API server's limit of a request body (MaxRequestBodyBytes)
MAX_DEPTH = 100  # the deepest built-in schema nests 20 levels
MAX_NODES = 500_000  # counted with aliases written out; a CRD of a megabyte has some 40,000
MAX_FINDINGS = 1_000  # of one text; more only hide the first

SYNTAX_CODES = {
    "K8S010": "The text is not YAML that Kubernetes can read.",
    "K8S011": "The text is not UTF-8 or holds a character that YAML forbids.",
    "K8S012": "A key stands twice in one mapping: the server refuses it, kubectl silently keeps the last.",
    "K8S013": "The text is too large, too deep, or its aliases unfold into too much.",
    "K8S014": "A document is not an object (a mapping with apiVersion and kind).",
    "K8S015": "A scalar or key has no JSON value (.inf, a list as a key, a wrong !!tag).",
}

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_MERGE, _NO_KEY = object(), object()


class _Fault(Exception):
    """Ends the reading of one document; becomes its finding."""

    def __init__(self, code: str, message: str, mark: Any = None) -> None:
        self.code, self.message, self.mark = code, message, mark


class Manifest:
    """One object as Kubernetes would read it. `line` is where its document starts, from 1; treat `object` as read-only."""

    __slots__ = ("_places", "document", "line", "object", "prefix", "start", "text")

    def __init__(self, value: dict[str, Any], line: int, text: str = "", start: int = 0, document: int = 0) -> None:
        self.object, self.line, self.document = value, line, document
        self.text, self.start = text, start  # the document's text, and how many lines stand before it
        self.prefix = ""  # where the object stands in its document: not empty for an item of a List
        self._places: dict[str, tuple[int, int]] | None = None

    @property
    def last(self) -> int:
        """Return the last line of the object's document."""
        return self.start + _last_line(self.text)

    def place(self, path: str) -> tuple[int, int]:
        """Return line and column (from 1) of the field at `path`, or of its nearest parent; made on first use."""
        if self._places is None:
            self._places = dict(_places(self.text, self.start))
        path = _joined(self.prefix, path)
        while path and path not in self._places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._places.get(path, (self.line, 1))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text holds: its objects, and what is wrong with the rest of it."""

    manifests: tuple[Manifest, ...]
    findings: tuple[Finding, ...] = ()


def read(text: str | bytes) -> Reading:
    """Read every document of a text. Empty documents are dropped; a `List` of v1 stands for its items."""
    try:
        string = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        string.encode() if not string.isascii() else None
    except UnicodeError as error:
        return Reading((), (_finding("K8S011", f"not UTF-8: {error.reason} at position {error.start}", 1, 1),))  # type: ignore[attr-defined]
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    document = 0
    for start, segment in _segments(string):
        if len(findings) >= MAX_FINDINGS:
            findings.append(_finding("K8S013", f"more than {MAX_FINDINGS:,} faults; what follows was not read", start + 1, 1))
            break
        if len(segment) > MAX_TEXT_BYTES:
            findings.append(_finding("K8S013", f"{len(segment):,} characters; the limit is {MAX_TEXT_BYTES:,}", start + 1, 1))
            continue
        for value, line in _documents(segment, start, findings):
            if type(value) is dict:
                manifests.extend(_unfolded(Manifest(value, line, segment, start, document)))
            elif value is not None:
                findings.append(_finding("K8S014", f"found {describe(value)}, expected an object with apiVersion and kind", line, 1))
            document += value is not None
    return Reading(tuple(manifests), tuple(findings))


def describe(value: Any) -> str:
    """Return how a message calls a value: "string 'x'", "a list", "null"."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "boolean true", False: "boolean false"}[value]
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    shown = str(value) if len(str(value)) <= 60 else str(value)[:57] + "..."
    return f"string {shown!r}" if isinstance(value, str) else f"number {shown}"


def _finding(code: str, message: str, line: int, column: int, path: str = "") -> Finding:
    return Finding(code, path, message, Tier.SYNTAX, line, column, remedy=_REMEDIES[code])


_REMEDIES = {
    "K8S010": "Mend the indentation, quotes or brackets at the place named.",
    "K8S011": "Save the file as UTF-8 text.",
    "K8S012": "Keep one of the two.",
    "K8S013": "Split the file, or write the aliases out by hand.",
    "K8S014": "Write one mapping per document; remove prose and code fences.",
    "K8S015": "Quote the value if a string is meant.",
}


def _segments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the documents' texts with the number of lines before each; a head of comments or directives joins the next."""
    cuts = [match.start() for match in _SEPARATOR.finditer(text)]
    if not cuts:
        yield 0, text
        return
    if cuts[0] and all(not line.strip() or line.lstrip()[0] in "#%" for line in text[: cuts[0]].splitlines()):
        cuts = cuts[1:]
    start = line = 0
    for cut in [*cuts, len(text)]:
        if cut > start:
            segment = text[start:cut]
            yield line, segment
            line += segment.count("\n")
            start = cut


def _last_line(segment: str) -> int:
    """Return the last line of a text that is not blank, from 1."""
    return segment.rstrip().count("\n") + 1


def _documents(segment: str, start: int, findings: list[Finding]) -> Iterator[tuple[Any, int]]:
    """Yield each document's value and line; a fault becomes a finding and ends the segment."""
    if segment.lstrip()[:1] == "{":
        try:
            yield _json(segment), start + 1
            return
        except ValueError:
            pass  # flow YAML, or broken: the reader below says where
    try:
        yield from _Reader(segment, start, findings).documents()
    except _Fault as fault:
        findings.append(_finding(fault.code, fault.message, *_spot(fault.mark, segment, start)))
    except yaml.MarkedYAMLError as error:
        message = " ".join(filter(None, (error.problem, error.context)))
        findings.append(_finding("K8S010", message, *_spot(error.problem_mark or error.context_mark, segment, start)))
    except yaml.reader.ReaderError as error:
        line = start + 1 + segment.encode()[: error.position].count(b"\n")
        findings.append(_finding("K8S011", f"character {error.character!r} is not allowed: {error.reason}", line, 1))


def _spot(mark: Any, segment: str, start: int) -> tuple[int, int]:
    """Return line and column of a mark; what is missing at the end of a document is missing on its last line."""
    if mark is None:
        return start + 1, 1
    last = _last_line(segment)
    return (start + mark.line + 1, mark.column + 1) if mark.line < last else (start + last, 1)


def _json(text: str) -> Any:
    """Read JSON with the numbers as Kubernetes has them; ValueError for everything that must go the long way."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(items)
        if len(value) != len(items):
            raise ValueError("a key stands twice")
        return value

    def refuse(name: str) -> Any:
        raise ValueError(name)

    if len(re.findall(r"[\[{]", text)) > MAX_NODES or _depth(text) > MAX_DEPTH:
        raise ValueError("too deep")
    return json.loads(text, object_pairs_hook=pairs, parse_constant=refuse, parse_float=number)


def _depth(text: str) -> int:
    """Return the deepest nesting of brackets, those inside strings included (an upper bound)."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[{}\]]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


class _Reader:
    """Builds the values of one segment from libyaml's events."""

    def __init__(self, text: str, start: int, findings: list[Finding]) -> None:
        self.next: Any = PARSER(text).get_event
        self.start, self.findings = start, findings
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int]] = {}  # value, and how many nodes it holds when written out

    def documents(self) -> Iterator[tuple[Any, int]]:
        """Yield each document's value and the line of its first node."""
        while (kind := type(event := self.next())) is not StreamEndEvent:
            if kind is DocumentStartEvent:
                self.anchors.clear()
                event = self.next()
                yield self._value(event), event.start_mark.line + self.start + 1

    def _value(self, event: Any) -> Any:
        """Build the node that starts at `event`. The stack holds containers, their pending key and their node count."""
        stack: list[tuple[Any, Any, Any, int, list[Any] | None]] = []
        container: Any = None
        key: Any = _NO_KEY  # in a mapping: the key that waits for its value
        anchor, before, merges = None, 0, None
        follow = self.next
        while True:
            kind = type(event)
            if kind is ScalarEvent:
                self.nodes += 1
                if self.nodes > MAX_NODES:
                    raise _Fault("K8S013", f"more than {MAX_NODES:,} values", event.start_mark)
                value = self._scalar(event)
                if event.anchor is not None:
                    self.anchors[event.anchor] = value, 1
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                stack.append((container, key, anchor, before, merges))
                if len(stack) > MAX_DEPTH:
                    raise _Fault("K8S013", f"nested more than {MAX_DEPTH} levels deep", event.start_mark)
                container, key, merges = {} if kind is MappingStartEvent else [], _NO_KEY, None
                anchor, before = event.anchor, self.nodes
                event = follow()
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = container
                if merges:
                    self._merge(container, merges, event)
                self.nodes += 1
                if anchor is not None:
                    self.anchors[anchor] = value, self.nodes - before
                container, key, anchor, before, merges = stack.pop()
            else:
                value = self._alias(event)
            if container is None:
                return value
            if type(container) is list:
                container.append(value)
            elif key is _NO_KEY:
                key = self._key(value, event, container)
            elif key is _MERGE:
                merges, key = [*(merges or ()), value], _NO_KEY
            else:
                container[key] = value
                key = _NO_KEY
            event = follow()

    def _scalar(self, event: Any) -> Any:
        value = event.value
        try:
            if event.implicit[0]:
                start = value[:1]
                if start in WORD_STARTS:
                    return WORDS.get(value, value)
                return number(value) if start in NUMBER_STARTS else value
            return value if event.tag is None else tagged(event.tag, value)
        except ScalarError as error:
            raise _Fault("K8S015", str(error), event.start_mark) from None

    def _alias(self, event: Any) -> Any:
        if type(event) is not AliasEvent or event.anchor not in self.anchors:
            raise _Fault("K8S010", f"unknown anchor {getattr(event, 'anchor', '')!r}, or one that contains itself", event.start_mark)
        value, nodes = self.anchors[event.anchor]
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _Fault("K8S013", f"aliases unfold into more than {MAX_NODES:,} nodes", event.start_mark)
        return value

    def _key(self, value: Any, event: Any, container: dict[str, Any]) -> Any:
        if type(value) is not str:
            try:
                value = key_text(value)
            except ScalarError as error:
                raise _Fault("K8S015", str(error), event.start_mark) from None
        elif value == "<<" and type(event) is ScalarEvent and event.implicit[0]:
            return _MERGE
        if value in container and len(self.findings) < MAX_FINDINGS:
            mark = event.start_mark
            self.findings.append(_finding("K8S012", f"key {value!r} stands twice", mark.line + self.start + 1, mark.column + 1, value))
        return value

    @staticmethod
    def _merge(container: dict[str, Any], merges: list[Any], event: Any) -> None:
        """Add what `<<` brings; keys that are written out win, and earlier sources win over later ones."""
        for source in merges:
            for part in source if isinstance(source, list) else [source]:
                if not isinstance(part, dict):
                    raise _Fault("K8S010", f"a merge key takes mappings; found {describe(part)}", event.start_mark)
                for name, value in part.items():
                    container.setdefault(name, value)


def _unfolded(manifest: Manifest) -> Iterator[Manifest]:
    """Yield the items of a `List`, each with its own place, or the manifest itself."""
    value = manifest.object
    items = value.get("items")
    if value.get("kind") != "List" or value.get("apiVersion") != "v1" or not isinstance(items, list) or not items:
        yield manifest
        return
    for index, item in enumerate(items):
        part = Manifest(item if isinstance(item, dict) else {}, manifest.line, manifest.text, manifest.start, manifest.document)
        part.prefix = f"items[{index}]"
        part.line = part.place("")[0]
        yield part


def _joined(prefix: str, path: str) -> str:
    if not prefix or not path:
        return prefix or path
    return prefix + path if path[0] == "[" else f"{prefix}.{path}"


def field(parent: str, key: str | int) -> str:
    """Return the field path of a child: `spec.ports[0]`, and `data[my.key]` where a key holds a dot or a bracket."""
    if isinstance(key, int):
        return f"{parent}[{key}]"
    if re.fullmatch(r"[\w$-]+", key):
        return f"{parent}.{key}" if parent else key
    return f"{parent}[{key}]"


def _places(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the field path and place of every key and list item of the first document in `text`."""
    stack: list[list[Any]] = []  # path, next list index or pending key, whether it is a mapping
    try:
        parser = PARSER(text)
        while type(event := parser.get_event()) is not StreamEndEvent:
            kind = type(event)
            if kind in (MappingEndEvent, SequenceEndEvent):
                stack.pop()
                if not stack:
                    return
                continue
            if kind not in (MappingStartEvent, SequenceStartEvent, ScalarEvent, AliasEvent):
                continue
            path, known = _step(stack, event)
            if known:
                yield path, (event.start_mark.line + start + 1, event.start_mark.column + 1)
            if kind in (MappingStartEvent, SequenceStartEvent):
                stack.append([path, None if kind is MappingStartEvent else 0, kind is MappingStartEvent])
    except (yaml.YAMLError, ScalarError):
        return


def _step(stack: list[list[Any]], event: Any) -> tuple[str, bool]:
    """Advance the innermost container by one event: return the event's path, and whether the path starts here."""
    if not stack:
        return "", False
    top = stack[-1]
    if not top[2]:
        top[1] += 1
        return field(top[0], top[1] - 1), True
    if top[1] is None:
        plain = type(event) is ScalarEvent
        key = field(top[0], event.value if plain else "")
        top[1] = key
        return key, True
    path = str(top[1])
    top[1] = None
    return path, False
