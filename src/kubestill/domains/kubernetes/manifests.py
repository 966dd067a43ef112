"""YAML as Kubernetes reads it: text in, objects with their lines out, and findings instead of exceptions.

The reader walks libyaml's events with a stack of its own: nesting and aliases are counted before they cost anything, and
hostile input ends in a finding. A text is cut at its `---` lines first, as bytes: a broken document spoils no other, and what is
held beside the text itself is one document's.
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

from kubestill.domains.kubernetes.documents import Document, breaks, segments
from kubestill.domains.kubernetes.scalars import NUMBER_STARTS, WORD_STARTS, WORDS, ScalarError, key_text, number, shortened, tagged
from kubestill.tools.checks.api import Finding, Tier

# The C parser where PyYAML was built with libyaml; the pure one reads alike, some ten times slower.
PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_TEXT_BYTES = 3 * 2**20  # of one document: the API server's limit of a request body (MaxRequestBodyBytes)
MAX_DEPTH = 100  # the deepest built-in schema nests 20 levels
MAX_NODES = 250_000  # counted with aliases written out; a CRD of a megabyte has some 40,000, and no request is above 3 MiB
MAX_FINDINGS = 1_000  # of one text; more only hide the first

SYNTAX_CODES = {
    "K8S010": "The text is not YAML that Kubernetes can read.",
    "K8S011": "The text is not UTF-8 or holds a character that YAML forbids.",
    "K8S012": "A key stands twice in one mapping: the server refuses it, kubectl silently keeps the last.",
    "K8S013": "The text is too large, too deep, or its aliases unfold into too much.",
    "K8S014": "A document is not an object (a mapping with apiVersion and kind).",
    "K8S015": "A scalar or key has no JSON value (.inf, a list as a key, a wrong !!tag).",
}

_SEPARATED_MARK = re.compile("(---[ \t]*(?:\r\n?|\n))\ufeff")  # a byte order mark after `---`, as `cat a.yaml b.yaml` leaves it
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16 and UTF-32
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MERGE, _NO_KEY = object(), object()


def _quick_reader() -> Any:
    """Return the reader in C, which reads what manifests usually are six times as fast, or None where no compiler built it."""
    try:
        from kubestill.domains.kubernetes.fastyaml import document
    except ImportError:
        return None
    return document


_quick = _quick_reader()


class _Fault(Exception):
    """Ends the reading of one document; becomes its finding."""

    def __init__(self, code: str, message: str, mark: Any = None) -> None:
        self.code, self.message, self.mark = code, message, mark


class Manifest:
    """One object as Kubernetes would read it. `line` is where its document starts, from 1; treat `object` as read-only."""

    __slots__ = ("_source", "document", "line", "object", "prefix")

    def __init__(self, value: dict[str, Any], line: int, text: str = "", start: int = 0, document: int = 0) -> None:
        self.object, self.line, self.document = value, line, document
        self._source = Document(text, start)
        self.prefix = ""  # where the object stands in its document: not empty for an item of a List

    @classmethod
    def _of(cls, source: Document, value: dict[str, Any], line: int, document: int) -> "Manifest":
        """Make one that shares its document with others: 100,000 items of a List have one table of places."""
        manifest = cls(value, line, "", 0, document)
        manifest._source = source
        return manifest

    @property
    def text(self) -> str:
        """Return the document's text."""
        return self._source.text

    @property
    def start(self) -> int:
        """Return how many lines stand before the document."""
        return self._source.start

    @property
    def last(self) -> int:
        """Return the last line of the object's document."""
        return self._source.last

    def place(self, path: str) -> tuple[int, int]:
        """Return line and column (from 1) of the field at `path`, or of its nearest parent; made on first use."""
        if self._source.places is None:
            self._source.places = dict(_places(self._source))
        places, path = self._source.places, _joined(self.prefix, path)
        while path and path not in places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return places.get(path, (self.line, 1))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text holds: its objects, and what is wrong with the rest of it."""

    manifests: tuple[Manifest, ...]
    findings: tuple[Finding, ...] = ()
    lists: tuple[int, ...] = ()  # lines of the documents that are lists: findings of those who look for one object


def read(text: str | bytes, before: int = 0) -> Reading:
    """Read every document of a text. Empty documents are dropped; a `List` of v1 stands for its items.

    `before` counts the lines that stand before the text, where it is a part of a file.
    """
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    lists: list[int] = []
    for reading in readings(text, before):
        manifests.extend(reading.manifests)
        findings.extend(reading.findings)
        lists.extend(reading.lists)
    return Reading(tuple(manifests), tuple(findings), tuple(lists))


def readings(text: str | bytes, before: int = 0) -> Iterator[Reading]:
    """Read a text document by document, each when it is asked for: what `read` returns, in parts and in order."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if data.startswith(_WIDE_MARKS):
        yield Reading((), (_finding("K8S011", "the text is UTF-16 or UTF-32, expected UTF-8", before + 1, 1),))
        return
    document = told = 0
    for start, segment in segments(data.removeprefix(b"\xef\xbb\xbf"), before):
        if told >= MAX_FINDINGS:
            yield Reading((), (_finding("K8S013", f"more than {MAX_FINDINGS:,} faults; what follows was not read", start + 1, 1),))
            return
        findings: list[Finding] = []
        manifests: list[Manifest] = []
        lists: list[int] = []
        source = _decoded(segment, start, findings)
        if source is None:
            told += 1
            yield Reading((), tuple(findings))
            continue
        for value, line in _values(source, findings, MAX_FINDINGS - told):
            if type(value) is dict:
                manifests.extend(_unfolded(Manifest._of(source, value, line, document)))
            elif value is not None:
                findings.append(_finding("K8S014", f"found {describe(value)}, expected an object with apiVersion and kind", line, 1))
                lists += [line] if type(value) is list else []
            document += value is not None
        told += len(findings)
        yield Reading(tuple(manifests), tuple(findings), tuple(lists))


def _decoded(segment: bytes, start: int, findings: list[Finding]) -> Document | None:
    """Return a document's text, or None with a finding."""
    if len(segment) > MAX_TEXT_BYTES:
        findings.append(_finding("K8S013", f"{len(segment):,} bytes; the limit is {MAX_TEXT_BYTES:,}", start + 1, 1))
        return None
    try:
        text = segment.decode()
    except UnicodeDecodeError as error:
        head = segment[: error.start]
        column = len(head[max(head.rfind(b"\n"), head.rfind(b"\r")) + 1 :].decode()) + 1
        findings.append(_finding("K8S011", f"not UTF-8: {error.reason}", start + breaks(head) + 1, column))
        return None
    return Document(_SEPARATED_MARK.sub(r"\1", text, count=1) if text.startswith("---") and "\ufeff" in text else text, start)


def describe(value: Any) -> str:
    """Return how a message calls a value: "string 'x'", "a list", "null"."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "boolean true", False: "boolean false"}[value]
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    shown = shortened(str(value))
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


def _values(source: Document, findings: list[Finding], room: int) -> Iterator[tuple[Any, int]]:
    """Yield the value and line of each document in a segment; a fault becomes a finding and ends the segment."""
    if _quick is not None and (found := _quick(source.text, number)) is not None:
        yield found[0], source.start + found[1] + 1
        return
    try:
        head = source.text[: len(source.text) - len(source.text.lstrip())]
        if source.text.startswith("{", len(head)):
            try:
                yield _json(source), source.start + breaks(head) + 1
                return
            except ValueError:
                pass  # flow YAML, or broken: the reader below says where
        yield from _Reader(source, findings, room).documents()
    except _Fault as fault:
        findings.append(_finding(fault.code, fault.message, *_spot(fault.mark, source)))
    except yaml.MarkedYAMLError as error:
        message = " ".join(filter(None, (error.problem, error.context)))
        findings.append(_finding("K8S010", message, *_spot(error.problem_mark or error.context_mark, source)))
    except yaml.reader.ReaderError as error:
        # The C parser counts bytes, the pure one characters.
        in_bytes = error.encoding != "unicode"
        index = len(source.text.encode()[: error.position].decode("utf-8", "ignore")) if in_bytes else error.position
        place = source.spot(source.mark(index))
        findings.append(_finding("K8S011", f"character {error.character!r} is not allowed: {error.reason}", *place))


def _spot(mark: Any, source: Document) -> tuple[int, int]:
    """Return line and column of a mark; what is missing at the end of a document is missing on its last line."""
    line, column = (source.start + 1, 1) if mark is None else source.spot(mark)
    return (line, column) if line <= source.last else (source.last, 1)


def _json(source: Document) -> Any:
    """Read JSON with the numbers as Kubernetes has them; ValueError for everything that must go the long way."""
    text = source.text

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(items)
        if len(value) != len(items):
            raise ValueError("a key stands twice")
        return value

    def refuse(name: str) -> Any:
        raise ValueError(name)

    def finite(written: str) -> Any:
        value = number(written)
        if type(value) is str:  # YAML makes a string of it, Go's JSON decoder refuses it
            raise _Fault("K8S015", f"{shortened(written)} does not fit a number of 64 bits", source.mark(text.find(written)))
        return value

    if text.count("[") + text.count("{") > MAX_NODES or _is_deep(text):
        raise ValueError("too deep")
    value = json.loads(text, object_pairs_hook=pairs, parse_constant=refuse, parse_float=finite, parse_int=finite)
    return _whole(value) if "\\ud" in text or "\\uD" in text else value


def _is_deep(text: str) -> bool:
    """Return whether brackets nest too deep; those within strings are left out where they would make it so."""
    return _depth(text) > MAX_DEPTH and _depth(_STRING.sub("", text)) > MAX_DEPTH


def _depth(text: str) -> int:
    """Return the deepest nesting of brackets, up to one more than the limit."""
    depth = deepest = 0
    for match in re.finditer(r"[\[{}\]]", text):
        depth += 1 if match[0] in "[{" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _whole(value: Any) -> Any:
    """Replace halves of surrogate pairs by U+FFFD, as Go's JSON decoder does: no program can write them."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


class _Reader:
    """Builds the values of one segment from libyaml's events."""

    def __init__(self, source: Document, findings: list[Finding], room: int) -> None:
        self.next: Any = PARSER(source.text).get_event
        self.source, self.findings, self.room = source, findings, room
        self.nodes = 0
        self.characters = 0
        self.anchors: dict[str, tuple[Any, int, int]] = {}  # value, and how many nodes and characters it holds when written out

    def documents(self) -> Iterator[tuple[Any, int]]:
        """Yield each document's value and the line of its first node."""
        while (kind := type(event := self.next())) is not StreamEndEvent:
            if kind is DocumentStartEvent:
                self.anchors.clear()
                event = self.next()
                yield self._value(event), self.source.spot(event.start_mark)[0]

    def _value(self, event: Any) -> Any:
        """Build the node that starts at `event`. The stack holds containers, their pending key and what was counted before them."""
        stack: list[tuple[Any, Any, Any, tuple[int, int], list[Any] | None]] = []
        container: Any = None
        key: Any = _NO_KEY  # in a mapping: the key that waits for its value
        anchor, before, merges = None, (0, 0), None
        follow = self.next
        while True:
            kind = type(event)
            if kind is ScalarEvent:
                self.nodes += 1
                if self.nodes > MAX_NODES:
                    raise _Fault("K8S013", f"more than {MAX_NODES:,} values", event.start_mark)
                self.characters += len(event.value)
                value = self._scalar(event)
                if event.anchor is not None:
                    self.anchors[event.anchor] = value, 1, len(event.value)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                stack.append((container, key, anchor, before, merges))
                if len(stack) > MAX_DEPTH:
                    raise _Fault("K8S013", f"nested more than {MAX_DEPTH} levels deep", event.start_mark)
                container, key, merges = {} if kind is MappingStartEvent else [], _NO_KEY, None
                anchor, before = event.anchor, (self.nodes, self.characters)
                event = follow()
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = container
                if merges:
                    self._merge(container, merges, event)
                self.nodes += 1
                if anchor is not None:
                    self.anchors[anchor] = value, self.nodes - before[0], self.characters - before[1]
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
            name = shortened(getattr(event, "anchor", ""))
            raise _Fault("K8S010", f"unknown anchor {name!r}, or one that contains itself", event.start_mark)
        value, nodes, characters = self.anchors[event.anchor]
        self.nodes += nodes
        self.characters += characters
        if self.nodes > MAX_NODES:
            raise _Fault("K8S013", f"aliases unfold into more than {MAX_NODES:,} nodes", event.start_mark)
        if self.characters > MAX_TEXT_BYTES:  # no request could hold it written out
            raise _Fault("K8S013", f"aliases unfold into more than {MAX_TEXT_BYTES:,} characters", event.start_mark)
        return value

    def _key(self, value: Any, event: Any, container: dict[str, Any]) -> Any:
        if type(value) is not str:
            try:
                value = key_text(value)
            except ScalarError as error:
                raise _Fault("K8S015", str(error), event.start_mark) from None
        elif value == "<<" and type(event) is ScalarEvent and event.implicit[0]:
            return _MERGE
        if value in container and len(self.findings) < self.room:
            place = self.source.spot(event.start_mark)
            self.findings.append(_finding("K8S012", f"key {shortened(value)!r} stands twice", *place, value))
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
        own = item if isinstance(item, dict) else {}
        part = Manifest._of(manifest._source, own, manifest.line, manifest.document)
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


def _places(source: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the field path and place of every key and list item of a document."""
    stack: list[list[Any]] = []  # path, next list index or pending key, whether it is a mapping
    try:
        parser = PARSER(source.text)
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
                yield path, source.spot(event.start_mark)
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
