"""Where knowledge lies: folders, git clones, files, JSON lines, plain or gzip, all of strangers. Every reader reads through here.

What is said of a place (repository, commit, licence) is read from its files alone. Bounds hold before anything is in memory: a link
is not followed, an archive unpacks to so much and no more, a line has an end.
"""

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.ground.errors import UserError

JSON_LINES = (".jsonl", ".jsonl.gz")
MAX_FILE_BYTES = 8 * 2**20
MAX_WHOLE_BYTES = 64 * 2**20  # of one JSON document, unpacked: Kubernetes' own OpenAPI document has 4 MiB
MAX_LINE_BYTES = 16 * 2**20
MAX_FOLDER_DEPTH = 64
# Text packs to a tenth, dull text to a fiftieth, zeros to a thousandth: beyond so many bytes, more than this is a bomb.
MAX_RATIO, BOMB_BYTES = 200, 64 * 2**20
MAX_SAID_CHARACTERS = 500  # of one statement of provenance

# Folders whose files are for other programs, or not the author's own.
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
_LICENCES = (
    ("Apache License", "Apache-2.0"),
    ("MIT License", "MIT"),
    ("Mozilla Public License", "MPL-2.0"),
    ("Attribution 4.0 International", "CC-BY-4.0"),
    ("Attribution-ShareAlike 4.0 International", "CC-BY-SA-4.0"),
    ("GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL-3.0"),
    ("GNU LESSER GENERAL PUBLIC LICENSE", "LGPL-3.0"),
    ("GNU GENERAL PUBLIC LICENSE", "GPL"),
    ("BSD", "BSD"),
)
_LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = re.compile(r"refs/(?:[\w@+=-][\w.@+=-]*/)*[\w@+=-][\w.@+=-]*")

NO_PLAIN_FILE, NOT_UTF8, NOT_JSON = "not a plain file", "not readable as UTF-8", "line is not JSON"


@dataclass(frozen=True, slots=True)
class File:
    """A file to read; `source` says where it comes from, its `path` below the place that was given included."""

    path: Path
    source: Mapping[str, str]


def demand(path: Path) -> Path:
    """Return the path of a source.

    Raises:
        UserError: there is nothing.
    """
    if not path.exists():
        raise UserError(f"sources: {path}", "no such file or folder", "give a folder, a git clone or a .jsonl(.gz) file")
    return path


def unreadable(path: Path, known: Sequence[str], *, folder: bool = True) -> UserError:
    """Return the error that a source is no file of a known type; `folder`: whether the form can be read from a folder, too."""
    found = "is a folder, and this form is read from a file" if path.is_dir() else "cannot read this type of file"
    return UserError(f"sources: {path}", found, f"give {'a folder, or ' * folder}a file that ends in {', '.join(known)}")


def files(path: Path, suffixes: tuple[str, ...]) -> Iterator[File | Drop]:
    """Yield the plain files that end in `suffixes`, in a stable order; of a single file, itself.

    Raises:
        UserError: there is nothing, or a file of another type.
    """
    if not demand(path).is_dir():
        if not path.name.endswith(suffixes):
            raise unreadable(path, suffixes)
        yield _file(path, path.name, beside(path), given=True)
        return
    for folder, names in folders(path):
        chosen = [name for name in names if name.endswith(suffixes)]
        source = source_of(path, folder) if chosen else {}
        for name in chosen:
            yield _file(folder / name, str((folder / name).relative_to(path)), source, given=False)


def _file(path: Path, shown: str, source: Mapping[str, str], *, given: bool) -> File | Drop:
    """Return what stands at a path; a link counts only where the user himself named it."""
    if not path.is_file() or (path.is_symlink() and not given):
        return Drop(NO_PLAIN_FILE)
    return File(path, {**source, "path": shown})


def folders(top: Path, stop: Callable[[Sequence[str]], bool] = lambda _: False) -> Iterator[tuple[Path, list[str]]]:
    """Yield every folder from `top` down with the sorted names of its files; below one whose names make `stop` true nothing is read."""
    waiting = [(top, 0)]
    while waiting:
        folder, depth = waiting.pop()
        below, names = list[str](), list[str]()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    (below if entry.is_dir(follow_symlinks=False) else names).append(entry.name)
        except OSError:
            continue
        yield folder, sorted(name for name in names if not (folder / name).is_dir())  # a link to a folder is no file
        if depth < MAX_FOLDER_DEPTH and not stop(names):
            waiting += [(folder / name, depth + 1) for name in sorted(below, reverse=True) if name not in FOREIGN_FOLDERS]


def text_of(path: Path, most_bytes: int = MAX_FILE_BYTES) -> str | Drop:
    """Return the text of a file, unpacked where it is gzip, or why it cannot be had."""
    try:
        with _opened(path) as stream:
            data = stream.read(most_bytes + 1)
        return data.decode("utf-8-sig") if len(data) <= most_bytes else Drop(f"file over {most_bytes // 2**20} MiB")
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return Drop("not a whole gzip file")
    except (UnicodeDecodeError, OSError):
        return Drop(NOT_UTF8)


def whole(path: Path) -> Any:
    """Return the value of a JSON file, plain or gzip.

    Raises:
        UserError: it is too large, no JSON, or not whole.
    """
    text = text_of(path, MAX_WHOLE_BYTES)
    if isinstance(text, Drop):
        raise UserError(f"sources: {path}", text.reason, "give the file as it was published")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"sources: {path}", f"not JSON ({error})", "give the file as it was published") from None


def records(path: Path) -> Iterator[dict[str, Any] | Drop]:
    """Yield the objects of a file of JSON lines, plain or gzip.

    Raises:
        UserError: the file is no whole gzip file, or a bomb.
    """
    for line in _lines(path):
        if line is None:
            yield Drop("line over 16 MiB")
            continue
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield Drop(NOT_JSON)
            continue
        yield record if isinstance(record, dict) else Drop("record without text")


def _lines(path: Path) -> Iterator[bytes | None]:
    """Yield the lines of a file, None for one that is too long."""
    packed_bytes, unpacked_bytes = path.stat().st_size, 0
    try:
        with _opened(path) as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                unpacked_bytes += len(line)
                if unpacked_bytes > max(BOMB_BYTES, MAX_RATIO * packed_bytes):
                    raise UserError(f"sources: {path}", f"unpacks to more than {MAX_RATIO} times its size", "no text packs like that")
                if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
                    yield line
                    continue
                while rest := stream.readline(MAX_LINE_BYTES):
                    unpacked_bytes += len(rest)
                    if rest.endswith(b"\n") or unpacked_bytes > max(BOMB_BYTES, MAX_RATIO * packed_bytes):
                        break
                yield None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"sources: {path}", f"not a whole gzip file ({error})", "write the file again") from None


def _opened(path: Path) -> io.BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def document(text: str, kind: str, source: Mapping[str, str], form: str) -> Document | Drop:
    """Return a document named by the hash of its text; none where text or provenance is no Unicode that can be written."""
    try:
        name = sha256(text.encode()).hexdigest()[:16]
        "".join((kind, *source.values())).encode()
    except UnicodeEncodeError:  # half a surrogate pair, as JSON may hold it
        return Drop(NOT_UTF8)
    return Document(name, text, kind, source, form)


def said_of(record: Mapping[str, Any], **known: str) -> dict[str, str]:
    """Return the provenance that a record states, laid over what is `known` of its file."""
    told = {
        "repository": record.get("repo", record.get("repository")),
        "path": record.get("path"),
        "commit": record.get("commit"),
        "licence": record.get("licence", record.get("license")),
    }
    stated = {name: value for name, value in told.items() if isinstance(value, str) and 0 < len(value) <= MAX_SAID_CHARACTERS}
    return {name: value for name, value in {**known, **stated}.items() if value}


def source_of(top: Path, folder: Path) -> Mapping[str, str]:
    """Return repository, commit and licence of a folder: of the clone that it is in, else of the folder below `top`."""
    inside = [folder, *folder.parents]
    for clone in inside[: inside.index(top) + 1]:
        if (clone / ".git").exists():
            known = {"repository": clone.resolve().name, "commit": _commit(clone / ".git"), "licence": licence_of(clone)}
            return {name: value for name, value in known.items() if value}
    parts = folder.relative_to(top).parts
    home = top / parts[0] if parts else top
    known = {"repository": home.resolve().name, "licence": licence_of(home) or licence_of(top)}
    return {name: value for name, value in known.items() if value}


def beside(path: Path) -> dict[str, str]:
    """Return what is known of a single file: all of a clone that it lies in the top of, else what a LICENSE beside it says."""
    home = path.resolve().parent
    known = source_of(home, home)
    return dict(known) if (home / ".git").exists() else {name: value for name, value in known.items() if name == "licence"}


def _commit(git: Path) -> str:
    """Return the commit that a clone stands at, read from its files (no git needed), or an empty string."""
    head = _head(git / "HEAD", 1_000)
    name = head.removeprefix("ref: ")
    if head != name:
        if not _BRANCH.fullmatch(name):  # a stranger's clone might name any file
            return ""
        head = _head(git / name, 1_000) or _packed(git, name)
    return head if _COMMIT.fullmatch(head) else ""


def _packed(git: Path, name: str) -> str:
    packed = _head(git / "packed-refs", MAX_FILE_BYTES).splitlines()
    return next((line.split()[0] for line in packed if line.endswith(" " + name)), "")


def licence_of(folder: Path) -> str:
    """Return the licence that the head of a LICENSE file names, or an empty string."""
    for name in _LICENCE_FILES:
        if head := _head(folder / name, 600):
            return next((short for words, short in _LICENCES if words in head), "")
    return ""


def _head(path: Path, most_bytes: int) -> str:
    """Return the first bytes of a plain file as text, or nothing."""
    if path.is_symlink() or not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return file.read(most_bytes).decode("utf-8", "replace").strip()
    except OSError:
        return ""
