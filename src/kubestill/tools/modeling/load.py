"""Students as Hugging Face folders (safetensors and JSON) or as GGUF files, checked before a byte of them is believed."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.presets import Architecture

WEIGHTS, ADAPTERS = "model.safetensors", "adapter_config.json"
MAX_HEADER_BYTES = 16 << 20
DTYPES = {"F32": 4, "BF16": 2, "F16": 2}


def save_student(folder: Path, layout: Layout, masters: Tensor, ids: tuple[int, int], dtype: torch.dtype = torch.float32) -> None:
    """Write config.json, generation_config.json and model.safetensors; `ids` are the tokens for padding and end."""
    pad, end = ids
    config = layout.arch.config(pad, end) | {"dtype": str(dtype).removeprefix("torch.")}
    write_text(folder / "config.json", json.dumps(config, indent=1) + "\n")
    generation = {"do_sample": False, "pad_token_id": pad, "eos_token_id": end, "max_new_tokens": 512}
    write_text(folder / "generation_config.json", json.dumps(generation, indent=1) + "\n")
    tensors = {name: tensor.to(dtype).contiguous() for name, tensor in layout.named(masters.detach()).items()}
    part = folder / (WEIGHTS + ".part")
    save_file(tensors, part, metadata={"format": "pt"})
    part.replace(folder / WEIGHTS)


def load_student(folder: Path) -> tuple[Layout, Tensor]:
    """Read a folder back: its layout and the flat fp32 weights, dequantised where it holds a GGUF file alone.

    Adapters are added to the student that they are for.

    Raises:
        UserError: a file is missing, is not what it claims, or does not fit the configuration.
    """
    if not (folder / WEIGHTS).exists() and (file := gguf_of(folder)) is not None:
        return _load_gguf(file)
    if (folder / ADAPTERS).is_file() and not (folder / WEIGHTS).exists():
        return _load_adapted(folder)
    layout = Layout(read_architecture(folder))
    path = folder / WEIGHTS
    shapes = read_header(path)
    _fit(path, layout, shapes)
    flat = torch.empty(layout.total)
    with safe_open(path, "pt") as file:
        for name, target in layout.named(flat).items():
            target.copy_(file.get_tensor(name))
    return layout, flat


def gguf_of(folder: Path) -> Path | None:
    """Return the GGUF file of a folder with the most bytes, which has lost the least; None where there is none."""
    return max(folder.glob("*.gguf"), key=lambda file: file.stat().st_size, default=None)


def _load_adapted(folder: Path) -> tuple[Layout, Tensor]:
    from kubestill.tools.modeling.adapters import merged, read_adapters

    adapter, base, added = read_adapters(folder)
    layout, flat = load_student(base)
    for name, tensor in layout.named(flat).items():
        tensor.copy_(merged(name, tensor, added, adapter.scale))
    return layout, flat


def _load_gguf(file: Path) -> tuple[Layout, Tensor]:
    from kubestill.tools.gguf.read import check, student_config, student_tensors

    layout = Layout(Architecture.from_config(student_config(check(file)), str(file)))
    flat, tensors = torch.empty(layout.total), student_tensors(file)
    for name, target in layout.named(flat).items():
        if name not in tensors or tensors[name].shape != tuple(target.shape):
            raise UserError(str(file), f"no tensor {name} of shape {list(target.shape)}", "give a student that kubestill made")
        target.copy_(torch.from_numpy(tensors[name].copy()))  # what is mapped from the file cannot be written
    return layout, flat


def read_architecture(folder: Path) -> Architecture:
    """Read config.json of a student's folder.

    Raises:
        UserError: there is none, or it is not JSON of a student.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(str(folder), "no config.json", "give a folder with config.json, model.safetensors and tokenizer.json") from None
    except ValueError as error:
        raise UserError(str(path), f"not JSON ({error})") from None
    try:
        return Architecture.from_config(config, str(path))
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(str(path), f"a student's setting is missing or malformed ({error})") from None


def read_header(path: Path) -> dict[str, tuple[str, list[int]]]:
    """Return type and shape of each tensor after checking the header against the file's size.

    Raises:
        UserError: not a safetensors file, a header of absurd size, or data that do not fill the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise ValueError(f"header of {length} bytes in a file of {size}")
            header: dict[str, Any] = json.loads(file.read(length))
        header.pop("__metadata__", None)
        ends = sorted(tuple(entry["data_offsets"]) for entry in header.values())
        flush = all(a[1] == b[0] for a, b in pairwise(ends))
        if not ends or ends[0][0] != 0 or ends[-1][1] != size - 8 - length or not flush:
            raise ValueError("tensors do not fill the file")
        return {name: (entry["dtype"], list(entry["shape"])) for name, entry in header.items()}
    except FileNotFoundError:
        raise UserError(str(path), "no such file", "give a folder with model.safetensors") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(str(path), f"not a whole safetensors file ({error})", "fetch or train it again") from None


def _fit(path: Path, layout: Layout, shapes: dict[str, tuple[str, list[int]]]) -> None:
    wanted = {name: list(tensor.shape) for name, tensor in layout.named(torch.empty(layout.total, device="meta")).items()}
    for name, shape in wanted.items():
        if name not in shapes:
            raise UserError(str(path), f"no tensor {name}", "config.json and weights must belong together")
        kind, found = shapes[name]
        if found != shape or kind not in DTYPES:
            raise UserError(str(path), f"{name} is {kind}{found}, expected {shape}", "config.json and weights must belong together")
    extra = sorted(set(shapes) - set(wanted) - {"lm_head.weight"})
    if extra:
        raise UserError(str(path), f"unknown tensor {extra[0]}", "config.json and weights must belong together")
