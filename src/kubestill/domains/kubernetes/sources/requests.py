"""Written requests: what people asked for in their own words, each beside the manifest that is right for it. YAML files, or JSON lines.

A file is a list of entries: `reference`, the text of one object, and `requests`, a list of `person` (whoever asks; may be left out) and
`text`. All requests of one entry are one document, and entries with the same reference are on one side of every split.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.sources.places import JSON_LINES, demand, document, files, records, text_of
from kubestill.ground.errors import UserError
from kubestill.ground.seeds import stable_hash

FORM = "requests"
SUFFIXES = (".yaml", ".yml", *JSON_LINES)
MAX_ENTRY_BYTES = 64 * 1024
MAX_DEPTH = 8  # a list of mappings with a list of mappings is 4
LAYOUT = "a list of entries with `reference` (one object) and `requests` (each with `text`)"


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every entry, or why one was left out.

    Raises:
        UserError: the path is missing, a file cannot be read, or it is no list of entries.
    """
    for file in files(demand(path), SUFFIXES):
        if isinstance(file, Drop):
            yield file
            continue
        for entry in records(file.path) if file.path.name.endswith(JSON_LINES) else _entries(file.path):
            yield entry if isinstance(entry, Drop) else _entry(entry, file.source)


def _entries(path: Path) -> Iterator[dict[str, Any] | Drop]:
    text = text_of(path)
    if isinstance(text, Drop):
        raise UserError(f"sources: {path}", text.reason, f"give {LAYOUT}")
    try:
        if told := _odd(text):
            raise UserError(f"sources: {path}", told, f"give {LAYOUT}")
        found = yaml.load(text, _LOADER)
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())[:200]
        raise UserError(f"sources: {path}", f"not YAML ({told})", f"give {LAYOUT}") from None
    if not isinstance(found, list):
        raise UserError(f"sources: {path}", f"holds no list but {type(found).__name__}", f"give {LAYOUT}")
    for entry in found:
        yield entry if isinstance(entry, dict) else Drop("an entry that is no mapping")


# Every scalar is a text to it, nothing is merged and nothing constructed.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _odd(text: str) -> str:
    """Say what no file of entries needs: deep nesting, of which the composer dies, and aliases. An empty string if nothing."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.AliasEvent):
            return f"has an alias, {event.anchor!r}"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return f"is nested more than {MAX_DEPTH} deep"
    return ""


def _entry(entry: Mapping[str, Any], source: Mapping[str, str]) -> Document | Drop:
    reference, requests = entry.get("reference"), entry.get("requests")
    if not isinstance(reference, str) or not isinstance(requests, list):
        return Drop("an entry without reference or requests")
    said = (one.get("text") for one in requests if isinstance(one, dict))
    texts = list(dict.fromkeys(text.strip() for text in said if isinstance(text, str) and text.strip()))
    if not texts:
        return Drop("an entry without requests")
    reading = read(reference)
    if reading.findings or len(reading.manifests) != 1:
        return Drop("a reference that is not one readable object")
    kind = reading.manifests[0].object.get("kind")
    if not isinstance(kind, str):
        return Drop("a reference of no kind")
    text = json.dumps({"reference": reference, "requests": texts}, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) > MAX_ENTRY_BYTES:
        return Drop("an entry over 64 KiB")
    return document(text, kind, {**source, "page": f"{stable_hash(reference):016x}"}, FORM)
