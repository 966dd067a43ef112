"""Tensors of a GGUF file as fp32, and a whole model back in Hugging Face's names."""

import mmap
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.ground.registry import need
from kubestill.tools.gguf.architecture import Body, turn_back
from kubestill.tools.gguf.header import MEND, Header, Tensor, read_header
from kubestill.tools.gguf.vocabulary import read_vocabulary

DIGEST = "kubestill.data.sha256"  # of the bytes of all tensors: what a header cannot tell
AT_LEAST = "0.17"  # of the `gguf` package: numpy 2, and the types of kinds.py


def check(path: Path) -> Header:
    """Make sure that llama.cpp can load a file and that its bytes are those that were written; return its header.

    What is looked at: the layout, the architecture's numbers, each tensor's shape, the vocabulary, and where kubestill wrote the file the
    digest of the data.

    Raises:
        UserError: it cannot be believed; one sentence says why.
    """
    header = read_header(path)
    Body.from_header(header)
    read_vocabulary(header)
    if DIGEST in header.metadata and header.text(DIGEST) != data_digest(header):
        raise UserError(str(path), "its numbers are not those that were written (sha256 differs)", MEND)
    return header


def data_digest(header: Header) -> str:
    """Return the SHA-256 of the bytes of all tensors, in their order."""
    digest = sha256()
    with header.path.open("rb") as file:
        for tensor in header.tensors.values():
            file.seek(tensor.start)
            digest.update(file.read(tensor.file_bytes))
    return digest.hexdigest()


def read_tensors(header: Header) -> Iterator[tuple[Tensor, NDArray[np.float32]]]:
    """Yield each tensor with its numbers in fp32, in the order of the file.

    Raises:
        Unavailable: the `gguf` package is missing.
    """
    need("gguf", AT_LEAST, extra="gguf")
    with header.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for tensor in header.tensors.values():
            yield tensor, _numbers(tensor, data[tensor.start : tensor.start + tensor.file_bytes])


def _numbers(tensor: Tensor, data: bytes) -> NDArray[np.float32]:
    """Return the numbers that a tensor's bytes stand for."""
    from gguf import GGMLQuantizationType, dequantize

    rows = np.frombuffer(data, np.uint8).reshape(-1, tensor.shape[-1] // tensor.kind.block * tensor.kind.block_bytes)
    found: NDArray[np.float32] = dequantize(rows, GGMLQuantizationType(tensor.kind.code)).astype(np.float32, copy=False)
    return found.reshape(tensor.shape)


def student_config(header: Header) -> dict[str, Any]:
    """Return `config.json` as the metadata tell it, with the ids of padding and end.

    Raises:
        UserError: the file is no Llama, Qwen2 or Qwen3, or is not whole.
    """
    vocabulary = read_vocabulary(header)
    return Body.from_header(header).config | {"pad_token_id": vocabulary.pad, "eos_token_id": vocabulary.end}


def student_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a GGUF file, dequantised, under Hugging Face's names.

    Raises:
        UserError: the file is no Llama, Qwen2 or Qwen3, or is not whole.
        Unavailable: the `gguf` package is missing.
    """
    header = check(path)
    parts = Body.from_header(header).parts
    found = {}
    for tensor, rows in read_tensors(header):
        part = parts.get(tensor.name)
        if part is not None:
            found[part.source] = turn_back(rows, part.turned) if part.turned else rows
    return found
