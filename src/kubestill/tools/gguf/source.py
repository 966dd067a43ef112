"""A Hugging Face folder as numpy reads it: safetensors without torch, bf16 too."""

import json
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_HEADER_BYTES = 16 << 20
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is no such file.

    Raises:
        UserError: it is not JSON, or no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(str(path), f"not JSON ({error})", "fetch or train it again") from None
    if not isinstance(found, dict):
        raise UserError(str(path), f"a {type(found).__name__}, expected an object", "fetch or train it again")
    return found


class Weights:
    """The tensors of a folder: one file, or several with an index. `place` holds file, type, shape and bytes of each."""

    def __init__(self, files: dict[Path, mmap.mmap], place: dict[str, tuple[Path, str, tuple[int, ...], tuple[int, int]]]) -> None:
        self.files, self.place = files, place

    def __contains__(self, name: object) -> bool:
        return name in self.place

    def read(self, name: str) -> NDArray[np.float32]:
        """Return a tensor in fp32."""
        path, kind, shape, (start, end) = self.place[name]
        raw: NDArray[Any] = np.frombuffer(self.files[path][start:end], DTYPES[kind])
        if kind == "BF16":
            raw = (raw.astype(np.uint32) << 16).view(np.float32)  # bf16 is the upper half of fp32
        return raw.astype(np.float32, copy=False).reshape(shape)


@contextmanager
def open_weights(folder: Path) -> Iterator[Weights]:
    """Open the safetensors of a folder, each header checked against its file.

    Raises:
        UserError: there are none, or one is not whole.
    """
    listed = sorted(set(read_json(folder / INDEX).get("weight_map", {}).values())) or [WEIGHTS]
    files: dict[Path, mmap.mmap] = {}
    place: dict[str, tuple[Path, str, tuple[int, ...], tuple[int, int]]] = {}
    try:
        for name in listed:
            path = folder / Path(name).name  # the index is a stranger: no file beside the folder
            files[path] = _map(path)
            for tensor, (kind, shape, span) in _entries(path, files[path]).items():
                place[tensor] = (path, kind, shape, span)
        yield Weights(files, place)
    finally:
        for data in files.values():
            data.close()


def _map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise UserError(str(path), "no such file", "give a Hugging Face folder with safetensors") from None
    except ValueError:
        raise UserError(str(path), "it is empty", "fetch or train it again") from None


def _entries(path: Path, data: mmap.mmap) -> dict[str, tuple[str, tuple[int, ...], tuple[int, int]]]:
    """Return type, shape and place in the file of each tensor."""
    try:
        length = int.from_bytes(data[:8], "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
            raise ValueError(f"a header of {length} bytes in a file of {len(data)}")
        header: dict[str, Any] = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        found = {}
        for name, entry in header.items():
            (start, end), shape, kind = entry["data_offsets"], tuple(entry["shape"]), entry["dtype"]
            if kind not in DTYPES or end - start != prod(shape) * DTYPES[kind].itemsize:
                raise ValueError(f"{name} of type {kind} does not fill its place")
            found[name] = (kind, shape, (start + 8 + length, end + 8 + length))
        spans = sorted(span for _, _, span in found.values())
        if not spans or spans[0][0] != 8 + length or spans[-1][1] != len(data) or any(a[1] != b[0] for a, b in pairwise(spans)):
            raise ValueError("tensors do not fill the file")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(str(path), f"not a whole safetensors file ({error})", "fetch or train it again") from None
    return found
