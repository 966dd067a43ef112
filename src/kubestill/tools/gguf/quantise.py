"""Numbers into ggml's blocks, by llama.cpp's own function, and which tensor gets which kind, as llama.cpp's `quantize` decides."""

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import Unavailable
from kubestill.ground.registry import install_command
from kubestill.tools.gguf.kinds import KINDS, Kind

Format = Literal["f32", "f16", "q8_0", "q4_k_m"]
FILE_TYPES: dict[Format, int] = {"f32": 0, "f16": 1, "q8_0": 7, "q4_k_m": 15}  # llama.h's llama_ftype
MAIN: dict[Format, str] = {"f32": "f32", "f16": "f16", "q8_0": "q8_0", "q4_k_m": "q4_k"}
# What a row that no block fits into gets instead (llama-quant.cpp, tensor_type_fallback).
FALLBACK = {"q4_k": "q5_0", "q6_k": "q8_0"}


def kind_of(name: str, shape: tuple[int, ...], form: Format, model: tuple[int, bool]) -> Kind:
    """Return the kind that llama.cpp gives a tensor; `model`: its layers, and whether its embeddings are tied.

    Vectors stay fp32. In q4_k_m what decides most (the last matrix, and in half of the layers values and the way down) gets six bits.
    """
    if len(shape) < 2:
        return KINDS["f32"]
    layers, tied = model
    last = name == "output.weight" or (tied and name == "token_embd.weight")
    heavy = name.endswith(("attn_v.weight", "ffn_down.weight")) and _more_bits(int(name.split(".")[1]), layers)
    kind = "q6_k" if form == "q4_k_m" and (last or heavy) else MAIN[form]
    if shape[-1] % KINDS[kind].block:
        kind = FALLBACK.get(kind, "f16")
    return KINDS["f16" if shape[-1] % KINDS[kind].block else kind]


def _more_bits(layer: int, layers: int) -> bool:
    """llama-quant.cpp's `use_more_bits`: the first and the last eighth, and every third of the layers between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def quantise(rows: NDArray[np.float32], kind: Kind) -> NDArray[np.uint8]:
    """Return a tensor's bytes: its shape, with the bytes of a row as the last number.

    Raises:
        Unavailable: llama.cpp's library is missing.
    """
    matrix = np.ascontiguousarray(rows, np.float32).reshape(-1, rows.shape[-1])
    shape = (*rows.shape[:-1], rows.shape[-1] // kind.block * kind.block_bytes)
    if kind.name in ("f32", "f16"):
        with np.errstate(over="ignore"):  # what f16 cannot hold becomes infinite, and reading back tells it
            return matrix.astype(np.float16 if kind.name == "f16" else np.float32).view(np.uint8).reshape(shape)
    count, columns = matrix.shape
    found = np.empty(shape, np.uint8)
    pointer = ctypes.c_void_p(matrix.ctypes.data), ctypes.c_void_p(found.ctypes.data)
    written = _library().ggml_quantize_chunk(kind.code, *pointer, 0, count, columns, None)
    assert written == found.nbytes, f"{written} bytes of {kind.name}, expected {found.nbytes}"
    return found


def find_library() -> Path:
    """Return the shared library of llama.cpp that xllamacpp's wheel carries, without importing the package.

    Raises:
        Unavailable: it is not installed.
    """
    spec = find_spec("xllamacpp")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    files = [file for place in places for file in sorted(place.glob("xllamacpp*.so"))]
    if not files:
        raise Unavailable("quantising needs llama.cpp's library (xllamacpp)", install_command("gguf"))
    return files[0]


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(find_library()))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    integers = [ctypes.c_int64] * 3
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *integers, ctypes.c_void_p]
    return library
