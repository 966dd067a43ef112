"""A Hugging Face folder into one GGUF file, written whole or not at all, and read back."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import KubestillError, UserError
from kubestill.ground.registry import need
from kubestill.tools.gguf.architecture import ROPE_FACTORS, Body, rope_factors, turn
from kubestill.tools.gguf.header import Value
from kubestill.tools.gguf.kinds import Kind
from kubestill.tools.gguf.quantise import FILE_TYPES, Format, find_library, kind_of, quantise
from kubestill.tools.gguf.read import AT_LEAST, DIGEST, check, read_tensors
from kubestill.tools.gguf.source import Weights, open_weights, read_json
from kubestill.tools.gguf.tokens import read_tokens

if TYPE_CHECKING:
    from gguf import GGUFWriter

QUANTISATION_VERSION = 2  # ggml.h's GGML_QNT_VERSION
# How far a number that is read back may be off: a share of the largest in its block, and what the rounding of a scale to f16 (2^-25 at
# its smallest) makes of the steps that it is multiplied by. A block with one scale is off by half a step at most; k-quants round the
# scales of their parts, too. Beyond are no larger errors of rounding but rows in a wrong order, or another tensor.
BOUNDS: dict[str, tuple[float, float]] = {
    "f32": (0.0, 0.0),
    "f16": (2**-11, 2**-25),
    "q8_0": (0.0045, 2**-18),
    "q5_0": (0.064, 2**-21),
    "q6_k": (0.05, 2**-13),
    "q4_k": (0.2, 2**-15),
}


@dataclass(frozen=True)
class Written:
    """What reading a file back told: sizes, kinds by number of tensors, and by how much the numbers differ from the source.

    `error` is the root mean square of the differences over that of the numbers, the largest of all tensors; `exact_tokens` says whether
    llama.cpp's own tokenizer splits text as the source's does.
    """

    file_bytes: int
    tensors: int
    kinds: Mapping[str, int]
    error: float
    error_at: str
    exact_tokens: bool


def write_gguf(folder: Path, target: Path, form: Format, about: Mapping[str, Value] | None = None) -> Written:
    """Write `target` from a Hugging Face folder (Qwen3, Qwen2, Llama; byte-level BPE); `about`: metadata such as `general.name`.

    Raises:
        UserError: the folder is not whole, or is of another architecture.
        Unavailable: a package of the extra `gguf` is missing.
        KubestillError: what was read back is not what was written.
    """
    need_packages()
    config = read_json(folder / "config.json")
    if not config:
        raise UserError(str(folder), "no config.json", "give a whole Hugging Face folder")
    body = Body.from_config(config, str(folder / "config.json"))
    tokens = read_tokens(folder, config)
    with open_weights(folder) as weights:
        source = dict(_source(weights, body, str(folder)))
    factors = rope_factors(config, body, str(folder / "config.json"))
    if factors is not None:
        source[ROPE_FACTORS] = factors
    packed = {}
    for name, rows in source.items():
        kind = kind_of(name, rows.shape, form, (body.layers, body.tied))
        packed[name] = (kind, quantise(rows, kind))
    metadata: dict[str, Value] = {"general.type": "model", **(about or {}), "general.file_type": FILE_TYPES[form]}
    metadata |= {"general.quantization_version": QUANTISATION_VERSION, **body.metadata, **tokens.metadata, DIGEST: _digest(packed)}
    part = target.with_name(target.name + ".part")
    try:
        _write(part, body.architecture, metadata, packed)
        written = _read_back(part, source, tokens.exact)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return written


def need_packages() -> None:
    """Make sure that a file can be written, before any work.

    Raises:
        Unavailable: a package of the extra `gguf` is missing.
    """
    need("gguf", AT_LEAST, extra="gguf")
    find_library()


def _source(weights: Weights, body: Body, where: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield each tensor of the file in fp32, in GGUF's order of rows."""
    for name, part in body.parts.items():
        if part.source not in weights:
            raise UserError(where, f"no tensor {part.source}", "config.json and weights must belong together")
        rows = weights.read(part.source)
        if rows.shape != part.shape:
            raise UserError(
                where, f"{part.source} is {list(rows.shape)}, expected {list(part.shape)}", "config.json belongs to other weights"
            )
        if not np.isfinite(rows).all():
            raise UserError(where, f"{part.source} holds numbers that are not finite", "train it again")
        yield name, turn(rows, part.turned) if part.turned else rows


def _digest(packed: Mapping[str, tuple[Kind, NDArray[np.uint8]]]) -> str:
    digest = sha256()
    for _, data in packed.values():
        digest.update(data.tobytes())
    return digest.hexdigest()


def _write(part: Path, architecture: str, metadata: Mapping[str, Value], packed: Mapping[str, tuple[Kind, NDArray[np.uint8]]]) -> None:
    """Write all bytes, and make sure that the disk has them."""
    from gguf import GGMLQuantizationType, GGUFWriter

    writer = GGUFWriter(None, architecture)
    for key, value in metadata.items():
        _add(writer, key, value)
    for name, (kind, data) in packed.items():
        writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType(kind.code))
    writer.write_header_to_file(part)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _add(writer: "GGUFWriter", key: str, value: Value) -> None:
    """Add one entry of metadata in the type that llama.cpp expects of it."""
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_array(key, value if isinstance(value, list) else value.tolist())


def _read_back(target: Path, source: Mapping[str, NDArray[np.float32]], exact: bool) -> Written:
    """Read the file as a stranger would and hold each number against its source."""
    header = check(target)
    if list(header.tensors) != list(source):
        raise KubestillError(f"{target}: it holds other tensors than were written")
    worst, place = 0.0, ""
    for tensor, found in read_tensors(header):
        rows = source[tensor.name]
        gap = np.abs(found - rows)
        blocks = (-1, tensor.kind.block)
        share, least = BOUNDS[tensor.kind.name]
        allowed = share * np.abs(rows).reshape(blocks).max(1) + least
        if found.shape != rows.shape or not (gap.reshape(blocks).max(1) <= allowed).all():
            raise KubestillError(f"{target}: {tensor.name} in {tensor.kind.name} differs from what was written by {gap.max():.3g}")
        error = float(np.sqrt(np.mean(gap**2) / max(np.mean(rows**2), np.finfo(np.float32).tiny)))
        if error >= worst:
            worst, place = error, tensor.name
    kinds = Counter(tensor.kind.name for tensor in header.tensors.values())
    return Written(target.stat().st_size, len(source), dict(kinds), worst, place, exact)
