"""The files that `kubestill check` looks at: found one after another, read without a wait or a limitless read.

What is no regular file in a folder, or cannot be read, is told of and does not keep the others from being checked. Nothing that
is not asked for is opened: to open a FIFO or a device can do something.
"""

import os
import select
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubestill.ground.errors import UserError
from kubestill.tools.checks.api import Outcome

ENDINGS = (".yaml", ".yml", ".json")
FILE_BYTES = 64 * 2**20  # a larger file is no manifest; etcd takes no object above 1.5 MiB
_PIPE_BYTES = 2**16  # of one read; the capacity of a pipe on Linux
_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFDIR: "a folder"}


@dataclass(frozen=True)
class Unread:
    """A file or folder that was not looked into: a skip where there is nothing to check, else an error."""

    file: str
    status: str  # skip | error
    reason: str


class _UnreadableError(Exception):
    """Becomes an `Unread` or a `UserError`; `status` says which of the two kinds of unread it would be."""

    def __init__(self, reason: str, status: Outcome = Outcome.ERROR) -> None:
        self.reason, self.status = reason, status
        super().__init__(reason)


def contents(paths: Sequence[Path], stdin: bytes, unread: list[Unread] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file of the paths, folders in the order of their names; "-" stands for `stdin`.

    A path that is named may be a FIFO that somebody writes to (`<(helm template .)` in a shell). What cannot be read within a
    folder is added to `unread`, where one is given; links to folders are not followed.

    Raises:
        UserError: a path that is named, or any file where there is no `unread`, is not there, is no file, cannot be read or is
            larger than FILE_BYTES; a folder holds no manifest.
    """
    for path in paths:
        if str(path) == "-":
            yield "<stdin>", stdin
            continue
        content = _named(path)
        if content is None:
            yield from _folder(path, unread)
        else:
            yield _shown(path), content


def _named(path: Path) -> bytes | None:
    """Return what a path that is named holds; None for a folder."""
    try:
        mode = path.stat().st_mode
        return None if stat.S_ISDIR(mode) else _piped(path) if stat.S_ISFIFO(mode) else _read(path)
    except FileNotFoundError:
        raise UserError(_shown(path), "no such file or folder", "give manifests, folders of them, or - for standard input") from None
    except OSError as error:
        raise UserError(_shown(path), f"cannot be read: {error.strerror}", "mend its permissions or leave it out") from error
    except _UnreadableError as error:
        raise UserError(_shown(path), error.reason, "give manifests, folders of them, or - for standard input") from error


def _folder(path: Path, unread: list[Unread] | None) -> Iterator[tuple[str, bytes]]:
    """Yield the manifests below a folder."""
    is_empty = True
    for found in _walk(str(path)):
        is_empty = False
        try:
            if found.error is not None:
                raise found.error
            content = _read(found.path)
        except (OSError, _UnreadableError) as error:
            status, reason = _reason(error)
            if unread is None:
                if status == Outcome.SKIP:
                    continue
                raise UserError(_shown(found.path), reason, "mend its permissions or leave it out") from error
            unread.append(Unread(_shown(found.path), status.value, reason))
            continue
        yield _shown(found.path), content
    if is_empty:
        raise UserError(_shown(path), f"holds no {', '.join(f'*{ending}' for ending in ENDINGS)}", "name the files themselves")


def _reason(error: OSError | _UnreadableError) -> tuple[Outcome, str]:
    if isinstance(error, _UnreadableError):
        return error.status, error.reason
    if isinstance(error, FileNotFoundError):  # Emacs marks a file that is being edited with such a link
        return Outcome.SKIP, "is not there: a link to nothing, or removed since it was found"
    return Outcome.ERROR, f"cannot be read: {error.strerror}"


@dataclass(frozen=True)
class _Found:
    path: Path
    error: OSError | None = None  # of a folder that cannot be listed


def _walk(folder: str) -> Iterator[_Found]:
    """Yield the files below a folder that end like manifests; a stack of its own, since folders may nest deeper than calls."""
    stack = [iter(_entries(folder))]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, _Found):
            yield entry
        elif entry.is_dir(follow_symlinks=False):
            stack.append(iter(_entries(entry.path)))
        elif entry.name.endswith(ENDINGS):
            yield _Found(Path(entry.path))


def _entries(folder: str) -> Sequence["os.DirEntry[str] | _Found"]:
    """Return what a folder holds, in order of names, or the reason why nobody can say."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return (_Found(Path(folder), error),)


def _read(path: Path) -> bytes:
    """Return what a regular file holds.

    Raises:
        OSError, _UnreadableError
    """
    _demand_file(path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # should a FIFO take its place now, nothing waits
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        _demand_file(os.fstat(descriptor).st_mode)
        parts: list[bytes] = []
        left = FILE_BYTES + 1  # whatever size it says it has: it may grow, and those of /proc say 0
        while left and (part := file.read(left)):
            parts.append(part)
            left -= len(part)
    return _bounded(parts)


def _demand_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _UnreadableError(f"is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file", Outcome.SKIP)


def _piped(path: Path) -> bytes:
    """Return what comes through a FIFO until its writer ends.

    Raises:
        OSError, _UnreadableError: nobody writes to it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    parts: list[bytes] = []
    left = FILE_BYTES + 1
    try:
        while left > 0:
            try:  # before any wait: a FIFO that no writer ever opened never becomes ready
                part = os.read(descriptor, _PIPE_BYTES)
            except BlockingIOError:
                select.select([descriptor], [], [])
                continue
            if not part:
                break
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    if not parts:
        raise _UnreadableError("is a FIFO that nobody writes to")
    return _bounded(parts)


def _bounded(parts: list[bytes]) -> bytes:
    content = b"".join(parts)
    if len(content) > FILE_BYTES:
        raise _UnreadableError(f"is larger than {FILE_BYTES // 2**20} MiB: no manifest is")
    return content


def _shown(path: Path) -> str:
    """Return a name that every terminal and file can take: bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")
