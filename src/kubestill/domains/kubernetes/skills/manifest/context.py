"""The domain context model of a manifest (arXiv 2606.22578): what a teacher is told beside the request."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.api import Sample
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.schema import schemas

GRAMMAR = (
    "YAML in block style, two blanks a level, each document beginning with apiVersion, kind and metadata; several documents are parted "
    "by a line ---. No comment, no anchor, no status, no empty field, no field that is nowhere asked for unless the schema or a "
    "selector demands it."
)
MAX_SLICE_CHARS, SHOWN_FIELDS = 1_600, 24


def manifest_context(sample: Sample) -> Mapping[str, str]:
    """Return grammar, API slice and closed vocabulary: of every object in the answer, the fields that the schema has at its place."""
    lines = [line for manifest in read(sample.answer).manifests for line in _slice(manifest.object)]
    return {"grammar": GRAMMAR, "slice": "\n".join(dict.fromkeys(lines))[:MAX_SLICE_CHARS].rpartition("\n")[0] or "\n".join(lines)}


def _slice(obj: Mapping[str, Any]) -> Iterator[str]:
    version, kind = str(obj.get("apiVersion")), str(obj.get("kind"))
    yield f"{kind}: apiVersion {version}"

    def walk(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
        found = schemas().property(version, kind, path)
        if isinstance(value, list):
            for item in value[:1]:
                yield from walk(item, (*path, "[]"))
        elif isinstance(value, Mapping) and found is not None and found.keys and path:
            keys = [f"{key}*" if key in found.required_keys else key for key in found.keys]
            shown = sorted(keys, key=lambda key: key.rstrip("*") not in value)[:SHOWN_FIELDS]
            more = ", ..." * (len(keys) > len(shown))
            yield f"{'.'.join(map(str, path)).replace('.[]', '[]')}: {', '.join(sorted(shown, key=keys.index))}{more}"
        if isinstance(value, Mapping):
            for key, item in value.items():
                if path or key not in ("apiVersion", "kind"):
                    yield from walk(item, (*path, key))

    yield from walk(obj, ())
