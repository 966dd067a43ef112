"""Where real manifests come from: a folder or git clone of YAML and JSON files, or a JSONL file of documents."""

import gzip
import json
import os
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.ground.errors import UserError

MAX_DOCUMENT_BYTES = 16 * 1024  # longer ones are generated bundles, and no answer is that long
MAX_FILE_BYTES = 8 * 2**20
SUFFIXES = (".yaml", ".yml", ".json")
JSON_LINES = (".jsonl", ".jsonl.gz")

# Folders whose YAML is for other programs, or not the author's own.
FOREIGN_FOLDERS = frozenset(
    [
        ".git",
        ".github",
        ".gitlab",
        ".circleci",
        ".tekton-ci",
        ".azure-pipelines",
        ".vscode",
        ".idea",
        "node_modules",
        "vendor",
        "third_party",
        "__pycache__",
        ".venv",
    ]
)
FOREIGN_FILES = ("values", "docker-compose", "compose.", "Chart.", ".", "package.json", "package-lock.json", "tsconfig")
_LICENCES = (("Apache License", "Apache-2.0"), ("MIT License", "MIT"), ("Mozilla Public License", "MPL-2.0"), ("BSD", "BSD"))


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every manifest under `path`, or why one was left out, in a stable order.

    Raises:
        UserError: the path is missing, or a file of a kind that cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise UserError(f"sources: {path}", "no such file or folder", "give a folder of manifests or a .jsonl(.gz) file")
    if path.name.endswith(JSON_LINES):
        return _lines(path)
    if path.is_file() and path.suffix in SUFFIXES:
        return _file(path, path.name, {"repository": path.resolve().parent.name})
    known = ", ".join((*SUFFIXES, *JSON_LINES))
    raise UserError(f"sources: {path}", "cannot read this type of file", f"give a folder, or a file that ends in {known}")


def _lines(path: Path) -> Iterator[Document | Drop]:
    """Read records with `text` and what is known of repo, commit, path, licence and kind."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as lines:
            for line in lines:
                if line.strip():
                    yield _record(line, path.name)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"sources: {path}", f"not a whole gzip file ({error})", "write the file again") from None


def _record(line: bytes, where: str) -> Document | Drop:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return Drop("line is not JSON")
    text = record.get("text") if isinstance(record, dict) else None
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
    known = {"repository": record.get("repo", record.get("repository")), "path": record.get("path", where)}
    known |= {name: record.get(name) for name in ("commit", "licence")}
    return _document(text, kind, {name: value for name, value in known.items() if isinstance(value, str)})


def _folder(top: Path) -> Iterator[Document | Drop]:
    sources: dict[Path, Mapping[str, str]] = {}
    for folder, folders, files in os.walk(top):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if name not in FOREIGN_FOLDERS)
        chart = "Chart.yaml" in files
        if chart:
            folders.clear()
        names = [name for name in sorted(files) if name.endswith(SUFFIXES)]
        if names and here not in sources:
            sources[here] = _source(top, here)
        for name in names:
            if chart:
                yield Drop("in a Helm chart")
            elif name.startswith(FOREIGN_FILES):
                yield Drop("a file of another program")
            else:
                yield from _file(here / name, str((here / name).relative_to(top)), sources[here])


def _file(path: Path, shown: str, source: Mapping[str, str]) -> Iterator[Document | Drop]:
    if not path.is_file() or path.is_symlink():
        yield Drop("not a plain file")
        return
    if path.stat().st_size > MAX_FILE_BYTES:
        yield Drop("file over 8 MiB")
        return
    try:
        text = path.read_text("utf-8-sig")
    except (UnicodeDecodeError, OSError):
        yield Drop("not readable as UTF-8")
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
    if manifest.prefix:  # an item of a List has no text of its own
        text = yaml.safe_dump(manifest.object, sort_keys=False, allow_unicode=True, width=1000)
    else:
        text = manifest.text.removeprefix("---").strip() + "\n"
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        return Drop("document over 16 KiB")
    return _document(text, kind, source)


def _kind(manifest: Manifest) -> str:
    kind, api_version = manifest.object.get("kind"), manifest.object.get("apiVersion")
    return kind if isinstance(kind, str) and isinstance(api_version, str) else ""


def _document(text: str, kind: str, source: Mapping[str, str]) -> Document:
    return Document(sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16], text, kind, source)


def _source(top: Path, folder: Path) -> Mapping[str, str]:
    """Return repository, commit and licence of a folder: of the clone that it is in, else of the folder below `top`."""
    inside = [folder, *folder.parents]
    for clone in inside[: inside.index(top) + 1]:
        if (clone / ".git").exists():
            known = {"repository": clone.resolve().name, "commit": _commit(clone / ".git"), "licence": _licence(clone)}
            return {name: value for name, value in known.items() if value}
    parts = folder.relative_to(top).parts
    home = top / parts[0] if parts else top
    known = {"repository": home.resolve().name, "licence": _licence(home) or _licence(top)}
    return {name: value for name, value in known.items() if value}


def _commit(git: Path) -> str:
    """Return the commit that a clone stands at, read from its files (no git needed), or an empty string."""
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text("ascii").strip()
        packed = (git / "packed-refs").read_text("ascii").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(" " + name)), "")
    except (OSError, UnicodeDecodeError):
        return ""


def _licence(folder: Path) -> str:
    """Return the licence that the head of a LICENSE file names, or an empty string."""
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"):
        if (folder / name).is_file():
            head = (folder / name).read_bytes()[:600].decode("utf-8", "replace")
            return next((short for words, short in _LICENCES if words in head), "")
    return ""
