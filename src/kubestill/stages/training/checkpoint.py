"""Where a cut run goes on: weights and optimiser as safetensors, all else as JSON beside them, written whole or not at all.

The last few checkpoints stay while a training runs, and beside them the weights that stood best on the dev slice, in a file of their own
that each checkpoint names. What is older goes only when the newest is whole.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from kubestill.ground.errors import KubestillError
from kubestill.stages.training.batches import Position
from kubestill.stages.training.standing import Standing

LAST, BEST, ENDING, PART = "checkpoint-", "best-", ".safetensors", ".part"
STATE = "state"  # the metadata entry: tensors and state stand in one file, so that they cannot part
MASTERS = "masters"


@dataclass(frozen=True)
class State:
    """All that a run needs besides its vectors. Randomness needs no state: it is drawn by seed, epoch and step."""

    step: int
    tokens: int
    position: Position
    seconds: float
    digest: str  # of what is learned from: a resume on other data is refused
    written: Mapping[str, int] = field(default_factory=dict)  # how many bytes of each JSONL file beside it belong to this state
    standing: Standing = field(default_factory=Standing)
    stopped: bool = False  # the dev slice saw no gain for too long: there is nothing more to do

    @property
    def best(self) -> int | None:
        """The step after which the weights were best that are kept; None where none are."""
        return self.standing.step if self.standing.kept else None

    @classmethod
    def read(cls, text: str) -> "State":
        """Return the state that was written as JSON."""
        record = json.loads(text)
        return cls(**record | {"position": Position(**record["position"]), "standing": Standing(**record["standing"])})


class Checkpoints:
    """The checkpoints of the training in `folder`, of which the last `count` stay."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        self.folder, self.count = folder, count
        self.named: dict[int, int | None] = {}  # step of a checkpoint -> step of the best weights that it names

    def load(self, digest: str) -> tuple[State, dict[str, Tensor]] | None:
        """Return the last whole checkpoint of these data, or None; all files that it does not need to go on are removed."""
        found = None
        for path in sorted(self.folder.glob(f"{LAST}*{ENDING}"), reverse=True):
            state = self._state(path)
            if state is None or state.digest != digest:
                path.unlink()
                continue
            self.named[state.step] = state.best
            found = found or (state, load_file(path))
        for part in (*self.folder.glob(f"{LAST}*{PART}"), *self.folder.glob(f"{BEST}*{PART}")):
            part.unlink()
        self._prune()
        return found

    def _state(self, path: Path) -> State | None:
        """Return the state of a checkpoint; None where the file is torn, or the best weights that it names are not there."""
        try:
            with safe_open(path, "pt") as file:  # holds the header against the size of the file
                state = State.read(file.metadata()[STATE])
        except (SafetensorError, OSError, ValueError, LookupError, TypeError):
            return None
        return state if state.best is None or self._best(state.best).exists() else None

    def save(self, state: State, vectors: Mapping[str, Tensor]) -> None:
        """Write a checkpoint, then remove what nobody needs any more.

        Raises:
            KubestillError: there is no room for it; the one before stands.
        """
        self._write(self._path(state.step), vectors, {STATE: json.dumps(asdict(state))})
        self.named[state.step] = state.best
        self._prune()

    def save_best(self, step: int, masters: Tensor) -> None:
        """Write the weights [total] that stand best; they count once a checkpoint names them.

        Raises:
            KubestillError: there is no room for them; the last checkpoint stands.
        """
        self._write(self._best(step), {MASTERS: masters}, {})

    def best(self, step: int) -> Tensor:
        """Return the weights [total] that were best after `step`."""
        return load_file(self._best(step))[MASTERS]

    def clear(self) -> None:
        """Remove all: the training is done and its weights are saved."""
        self.count = 0
        self._prune()

    def _path(self, step: int) -> Path:
        return self.folder / f"{LAST}{step:09d}{ENDING}"

    def _best(self, step: int) -> Path:
        return self.folder / f"{BEST}{step:09d}{ENDING}"

    def _write(self, path: Path, vectors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
        part = path.with_name(path.name + PART)
        try:
            save_file({name: tensor.contiguous() for name, tensor in vectors.items()}, part, metadata=metadata)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
        except (OSError, SafetensorError) as error:
            part.unlink(missing_ok=True)
            stands = f"that of step {max(self.named):,} stands" if self.named else "there is none before it"
            told = f"{path}: cannot be written ({error}); {stands}: make room and run again, it goes on from there"
            raise KubestillError(told) from error

    def _prune(self) -> None:
        """Remove checkpoints but the last ones, and best weights that no checkpoint names."""
        self.named = dict(sorted(self.named.items())[-self.count :] if self.count else [])
        needed = {self._path(step) for step in self.named} | {self._best(step) for step in self.named.values() if step is not None}
        for path in (*self.folder.glob(f"{LAST}*{ENDING}"), *self.folder.glob(f"{BEST}*{ENDING}")):
            if path not in needed:
                path.unlink()
