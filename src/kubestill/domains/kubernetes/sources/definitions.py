"""Definitions of custom kinds: CustomResourceDefinitions in YAML or JSON files, folders, clones, plain or gzip. One a document."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.definitions import KIND, custom_kinds
from kubestill.domains.kubernetes.manifests import MAX_TEXT_BYTES, Manifest, read
from kubestill.domains.kubernetes.sources.manifests import written
from kubestill.domains.kubernetes.sources.places import document, files, text_of
from kubestill.ground.errors import UserError

FORM = "definitions"
SUFFIXES = (".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz")
MAX_BUNDLE_BYTES = 32 * 2**20  # the CRDs of a whole product in one file: those of prometheus-operator have 4.3 MiB


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every definition, or why one was left out; other objects beside them are counted.

    Raises:
        UserError: the path is missing, or a file of a kind that cannot be read.
    """
    for file in files(path, SUFFIXES):
        if isinstance(file, Drop):
            yield file
            continue
        text = text_of(file.path, MAX_BUNDLE_BYTES)
        if isinstance(text, Drop):
            yield text
        elif KIND not in text:
            yield Drop("no definition in the file")
        else:
            yield from _definitions(text, file.source)


def _definitions(text: str, source: Mapping[str, str]) -> Iterator[Document | Drop]:
    reading = read(text)
    for _ in reading.findings:
        yield Drop("not readable YAML")
    for manifest in reading.manifests:
        yield _definition(manifest, source) if manifest.object.get("kind") == KIND else Drop("not a definition")


def _definition(manifest: Manifest, source: Mapping[str, str]) -> Document | Drop:
    value: Mapping[str, Any] = manifest.object
    try:
        served = list(custom_kinds(value, ""))
    except UserError:
        return Drop("a definition that no server takes")
    if not served:
        return Drop("a definition that serves no version")
    kind = served[0].kind
    text = written(manifest)
    if len(text.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
        return Drop("a definition over 3 MiB")
    return document(text, kind.kind, {**source, "page": f"{kind.group}/{kind.kind}"}, FORM)
