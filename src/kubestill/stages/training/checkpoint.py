"""Where a cut run goes on: weights and optimiser as safetensors, all else as JSON beside them, written whole or not at all."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from kubestill.stages.training.batches import Position

NAME = "checkpoint.safetensors"
STATE = "state"  # the metadata entry: tensors and state stand in one file, so that they cannot part


@dataclass(frozen=True)
class State:
    """All that a run needs besides its vectors. Randomness needs no state: it is drawn by seed, epoch and step."""

    step: int
    tokens: int
    position: Position
    seconds: float
    digest: str  # of the encoded mix: a resume on other data is refused
    curve_bytes: int  # how much of curve.jsonl and fullpass.jsonl belongs to this state
    fullpass_bytes: int


def save_checkpoint(folder: Path, state: State, vectors: Mapping[str, Tensor]) -> None:
    """Write the checkpoint in place of the former one."""
    part = folder / (NAME + ".part")
    save_file({name: tensor.contiguous() for name, tensor in vectors.items()}, part, metadata={STATE: json.dumps(asdict(state))})
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(folder / NAME)


def load_checkpoint(folder: Path, digest: str) -> tuple[State, dict[str, Tensor]] | None:
    """Return the last checkpoint, or None where there is none or it belongs to other data."""
    path = folder / NAME
    if not path.exists():
        return None
    with safe_open(path, "pt") as file:
        record = json.loads(file.metadata()[STATE])
    state = State(**{**record, "position": Position(**record["position"])})
    return (state, load_file(path)) if state.digest == digest else None
