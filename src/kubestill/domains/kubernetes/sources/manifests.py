"""Where real manifests come from: a folder or git clone of YAML and JSON files, or a JSONL file of documents."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kubestill.domains.api import MANIFESTS, Document, Drop
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.sources.places import (
    JSON_LINES,
    NO_PLAIN_FILE,
    demand,
    document,
    folders,
    records,
    said_of,
    source_of,
    text_of,
    unreadable,
)

MAX_DOCUMENT_BYTES = 16 * 1024  # longer ones are generated bundles, and no answer is that long
SUFFIXES = (".yaml", ".yml", ".json")

FOREIGN_FILES = ("values", "docker-compose", "compose.", "Chart.", ".", "package.json", "package-lock.json", "tsconfig")


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every manifest under `path`, or why one was left out, in a stable order.

    Raises:
        UserError: the path is missing, or a file of a kind that cannot be read.
    """
    if demand(path).is_dir():
        return _folder(path)
    if path.name.endswith(JSON_LINES):
        return _lines(path)
    if path.is_file() and path.suffix in SUFFIXES:
        return _file(path, path.name, {"repository": path.resolve().parent.name})
    raise unreadable(path, (*SUFFIXES, *JSON_LINES))


def _lines(path: Path) -> Iterator[Document | Drop]:
    """Read records with `text` and what is known of repo, commit, path, licence and kind."""
    for record in records(path):
        yield record if isinstance(record, Drop) else _record(record, path.name)


def _record(record: Mapping[str, Any], where: str) -> Document | Drop:
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        return Drop("record without text")
    if len(text.encode("utf-8", "replace")) > MAX_DOCUMENT_BYTES:
        return Drop("document over 16 KiB")
    kind = record.get("kind")
    if not isinstance(kind, str) or not kind:
        reading = read(text)
        if reading.findings or len(reading.manifests) != 1:
            return Drop("not one readable manifest")
        kind = _kind(reading.manifests[0])
        if not kind:
            return Drop("no apiVersion and kind")
    return document(text, kind, said_of(record, path=where), MANIFESTS)


def _folder(top: Path) -> Iterator[Document | Drop]:
    def is_chart(names: Sequence[str]) -> bool:
        return "Chart.yaml" in names

    for here, names in folders(top, stop=is_chart):
        chosen = [name for name in names if name.endswith(SUFFIXES)]
        source = source_of(top, here) if chosen else {}
        for name in chosen:
            if is_chart(names):
                yield Drop("in a Helm chart")
            elif name.startswith(FOREIGN_FILES):
                yield Drop("a file of another program")
            else:
                yield from _file(here / name, str((here / name).relative_to(top)), source)


def _file(path: Path, shown: str, source: Mapping[str, str]) -> Iterator[Document | Drop]:
    if not path.is_file() or path.is_symlink():
        yield Drop(NO_PLAIN_FILE)
        return
    text = text_of(path)
    if isinstance(text, Drop):
        yield text
        return
    if "{{" in text and "}}" in text:
        yield Drop("template markers")
        return
    reading = read(text)
    for finding in reading.findings:
        yield Drop("a document that is no object" if finding.code == "K8S014" else "not readable YAML")
    spoiled = sorted(finding.line for finding in reading.findings)
    for manifest in reading.manifests:
        if bisect_right(spoiled, manifest.start) == bisect_right(spoiled, manifest.last):
            yield _piece(manifest, {**source, "path": shown})  # else a key stands twice: counted above


def _piece(manifest: Manifest, source: Mapping[str, str]) -> Document | Drop:
    kind = _kind(manifest)
    if not kind:
        return Drop("no apiVersion and kind")
    text = written(manifest)
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        return Drop("document over 16 KiB")
    return document(text, kind, source, MANIFESTS)


def written(manifest: Manifest) -> str:
    """Return the text of a manifest alone; an item of a List has none of its own and is written anew."""
    if manifest.prefix:
        return yaml.safe_dump(manifest.object, sort_keys=False, allow_unicode=True, width=1000)
    return manifest.text.removeprefix("---").strip() + "\n"


def _kind(manifest: Manifest) -> str:
    kind, api_version = manifest.object.get("kind"), manifest.object.get("apiVersion")
    return kind if isinstance(kind, str) and isinstance(api_version, str) else ""
