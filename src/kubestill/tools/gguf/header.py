"""The head of a GGUF file: what it says of itself and where its tensors lie, each number checked before anything relies on it.

A file from a stranger may be cut, swapped or made to hurt: the `gguf` package's reader loops for minutes over some files of 50 bytes, and
llama.cpp may end the process. So every count is held against what the file can hold before a loop starts, and tensors must lie as
llama.cpp lays them: one after another, aligned, to the end. Layout: ggml's docs/gguf.md, versions 2 and 3.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.tools.gguf.kinds import BY_CODE, KINDS, Kind

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES = 65_536  # of metadata, and of tensors: the largest models have 3,000 tensors
MAX_KEY_BYTES, MAX_NAME_BYTES = 65_535, 63  # gguf.md, ggml's GGML_MAX_NAME
MAX_TEXT_BYTES = 64 << 20  # a tokenizer.json with a vocabulary of 256k has 33 MB
MAX_STRINGS = 1_000_000  # in all arrays: the largest known vocabulary has 262k tokens and 515k merges
MAX_DIMENSIONS = 4
ALIGNMENTS = tuple(1 << power for power in range(17))  # powers of two, as gguf.md wants
DEFAULT_ALIGNMENT = 32
MEND = "fetch it or export it again"

Value = bool | int | float | str | list[str] | NDArray[Any]
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 10: "<Q", 11: "<q", 12: "<d"}
_BOOL, _TEXT, _ARRAY = 7, 8, 9


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: `shape` with the rows first, as numpy has it; `start` counted from the file's first byte."""

    name: str
    shape: tuple[int, ...]
    kind: Kind
    start: int
    file_bytes: int


@dataclass(frozen=True)
class Header:
    """All that stands before the data. `start` and `end` bound the data in the file."""

    path: Path
    version: int
    metadata: Mapping[str, Value]
    tensors: Mapping[str, Tensor]
    start: int
    end: int

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text of the metadata.

        Raises:
            UserError: it is not there and has no default, or is no text.
        """
        value = self.metadata.get(key, default)
        if not isinstance(value, str):
            raise UserError(str(self.path), f"no text {key} in its metadata", MEND)
        return value

    def number(self, key: str, least: int = 1, default: int | None = None) -> int:
        """Return a whole number of the metadata that is at least `least`.

        Raises:
            UserError: it is not there and has no default, is no such number, or does not fit 31 bits.
        """
        value = self.metadata.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
            raise UserError(str(self.path), f"{key} is {_shown(value)}, expected a whole number from {least}", MEND)
        return value

    def fraction(self, key: str, default: float | None = None) -> float:
        """Return a positive finite number of the metadata.

        Raises:
            UserError: it is not there and has no default, or is no such number.
        """
        value = self.metadata.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise UserError(str(self.path), f"{key} is {_shown(value)}, expected a positive number", MEND)
        return float(value)

    def strings(self, key: str) -> list[str]:
        """Return a list of texts of the metadata; empty where there is none.

        Raises:
            UserError: it is something else.
        """
        value = self.metadata.get(key, [])
        if not isinstance(value, list):
            raise UserError(str(self.path), f"{key} is no list of texts", MEND)
        return value


def read_header(path: Path) -> Header:
    """Read and check the head of a GGUF file; no tensor's numbers are read.

    Raises:
        UserError: there is no such file, or it is not a whole GGUF file that llama.cpp would read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < 24:
                raise _Malformed(f"{size} bytes, and the head alone has 24")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(path, data)
    except FileNotFoundError:
        raise UserError(str(path), "no such file", "give the path of a .gguf file") from None
    except (IsADirectoryError, PermissionError) as error:
        raise UserError(str(path), str(error.strerror).lower(), "give the path of a .gguf file") from None
    except _Malformed as error:
        raise UserError(str(path), f"not a whole GGUF file ({error})", MEND) from None


class _Malformed(Exception):
    """What is wrong with the bytes."""


class _Cursor:
    """A place in the file that never leaves it."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.place, self.size = data, 0, len(data)
        self.strings = 0

    def take(self, count: int, what: str) -> int:
        """Step over `count` bytes and return where they begin."""
        place = self.place
        if count > self.size - place:
            raise _Malformed(f"cut in {what}, at byte {place}")
        self.place = place + count
        return place

    def number(self, code: str, what: str) -> Any:
        """Read one number, spelled as `struct` does."""
        return struct.unpack_from(code, self.data, self.take(struct.calcsize(code), what))[0]

    def text(self, limit: int, what: str) -> str:
        """Read a length and as many bytes of UTF-8."""
        length = self.number("<Q", what)
        if length > limit:
            raise _Malformed(f"{what} of {length} bytes, at most {limit} are read")
        place = self.take(length, what)
        try:
            return self.data[place : place + length].decode()
        except UnicodeDecodeError:
            raise _Malformed(f"{what} at byte {place} is not UTF-8") from None

    def value(self, key: str) -> Value:
        """Read the type of a value and the value."""
        kind = self.number("<I", key)
        if kind == _TEXT:
            return self.text(MAX_TEXT_BYTES, key)
        if kind == _BOOL:
            return bool(self.number("<B", key))
        if kind in _NUMBERS:
            number: int | float = self.number(_NUMBERS[kind], key)
            return number
        if kind == _ARRAY:
            return self.array(key)
        raise _Malformed(f"{key} has the unknown type {kind}")

    def array(self, key: str) -> Value:
        """Read the type of the items, their number, and the items."""
        kind, count = self.number("<I", key), self.number("<Q", key)
        if kind == _TEXT:
            self.strings += count
            if self.strings > MAX_STRINGS or count * 8 > self.size:
                raise _Malformed(f"{key} of {count} texts, at most {MAX_STRINGS} are read")
            return [self.text(MAX_TEXT_BYTES, key) for _ in range(count)]
        if kind != _BOOL and kind not in _NUMBERS:
            raise _Malformed(f"{key} is an array of the unknown or nested type {kind}")
        dtype = np.dtype("?" if kind == _BOOL else _NUMBERS[kind])
        place = self.take(count * dtype.itemsize, key)
        return np.frombuffer(self.data[place : self.place], dtype)


def _parse(path: Path, data: mmap.mmap) -> Header:
    cursor = _Cursor(data)
    if data[:4] != MAGIC:
        raise _Malformed(f"it begins with {bytes(data[:4])!r}, not with {MAGIC!r}")
    cursor.take(4, "the magic")
    version = cursor.number("<I", "the version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS
        raise _Malformed("its bytes are in big-endian order" if swapped else f"version {version}, 2 and 3 are read")
    tensors, entries = cursor.number("<Q", "the counts"), cursor.number("<Q", "the counts")
    if max(tensors, entries) > MAX_ENTRIES:
        raise _Malformed(f"{tensors} tensors and {entries} entries of metadata, at most {MAX_ENTRIES} are read")
    metadata = _metadata(cursor, entries)
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if isinstance(alignment, bool) or not isinstance(alignment, int) or alignment not in ALIGNMENTS:
        raise _Malformed(f"general.alignment is {_shown(alignment)}, expected a power of two")
    found = _tensors(cursor, tensors, alignment)
    start = _padded(cursor.place, alignment) if found else cursor.place
    end = max((tensor.start + tensor.file_bytes for tensor in found), default=0) + start
    if end > cursor.size:
        raise _Malformed(f"cut: its tensors end at byte {end}, the file at {cursor.size}")
    if cursor.size - end >= alignment:
        raise _Malformed(f"its tensors end at byte {end}, the file at {cursor.size}")
    placed = {t.name: Tensor(t.name, t.shape, t.kind, t.start + start, t.file_bytes) for t in found}
    return Header(path, version, metadata, placed, start, end)


def _metadata(cursor: _Cursor, entries: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(entries):
        key = cursor.text(MAX_KEY_BYTES, "a key")
        if key in metadata:
            raise _Malformed(f"{key!r} stands twice in its metadata")
        metadata[key] = cursor.value(key)
    return metadata


def _tensors(cursor: _Cursor, count: int, alignment: int) -> list[Tensor]:
    """Read the table; `start` is counted from the first byte of the data, as the file does."""
    found: list[Tensor] = []
    names: set[str] = set()
    place = 0
    for _ in range(count):
        tensor = _tensor(cursor)
        if tensor.name in names:
            raise _Malformed(f"tensor {tensor.name!r} stands twice")
        if tensor.start != place:
            raise _Malformed(f"tensor {tensor.name!r} begins at {tensor.start}, expected {place}")
        names.add(tensor.name)
        found.append(tensor)
        place += _padded(tensor.file_bytes, alignment)
    return found


def _tensor(cursor: _Cursor) -> Tensor:
    name = cursor.text(MAX_NAME_BYTES, "a tensor's name")
    dimensions = cursor.number("<I", name)
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise _Malformed(f"tensor {name!r} has {dimensions} dimensions")
    shape = tuple(cursor.number("<Q", name) for _ in range(dimensions))[::-1]
    code, start = cursor.number("<I", name), cursor.number("<Q", name)
    if code not in BY_CODE:
        raise _Malformed(f"tensor {name!r} is of ggml's type {code}; read are {', '.join(KINDS)}")
    kind = BY_CODE[code]
    if not all(shape) or shape[-1] % kind.block or prod(shape) // kind.block * kind.block_bytes > cursor.size:
        raise _Malformed(f"tensor {name!r} of {kind.name}{list(shape)} cannot be in it")
    return Tensor(name, shape, kind, start, prod(shape) // kind.block * kind.block_bytes)


def _padded(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:40]
