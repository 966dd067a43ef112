"""The contract of an objective: what a lesson is, what a block of lessons carries, what the loss is.

B rows, T places, M labelled places of a block, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kubestill.ground.seeds import Seed
from kubestill.tools.modeling.network import Body, Network

FIGURES = 12  # sums that an objective may tell of each block beside its loss


@dataclass(frozen=True)
class Block:
    """One block: `ids` [B,T] padded on the right, flat places `where` [M] that predict, the `targets` [M] there, and the row of each."""

    ids: NDArray[np.int64]
    where: NDArray[np.int64]
    targets: NDArray[np.int64]
    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]  # the lesson of each row
    extras: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # what an objective's lessons lay beside the labels or rows
    parts: int = 0  # what the step's loss is a mean over; 0: its labels
    counted: int = 0  # what the step's figures are means over; 0: what the loss is

    @property
    def divisors(self) -> tuple[int, int]:
        """What the sums of the loss and of the figures are divided by, summed over the blocks of a step."""
        parts = self.parts or len(self.targets)
        return parts, self.counted or parts


class Lessons(Protocol):
    """What is learned from, in pieces that a plan orders; `lengths` and `labels` are tokens of each, estimates where they are yet to be."""

    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:
        """Return the lessons `numbers` as one block; `place` is the step's number and the block's number in it, which seed any chance."""
        ...

    def digest(self) -> str:
        """Return a hash of all that is learned from."""
        ...


@dataclass(frozen=True)
class Seat:
    """What an objective is given where it works: in each process of a training, once."""

    what: Any  # TrainingWhat
    domain: Any  # kubestill.domains.api.Domain; None in processes that need none
    folder: Path  # of the training: tokenizer, chat.json, encoded lessons
    given: Mapping[str, Path]  # further artifacts by name (signals)
    body: Body  # what the network is made of
    network: Network
    masters: Tensor  # [total] fp32, which change with every step
    seed: Seed
    pad: int
    arena: Any = None  # parallel.Arena, whose vectors change with every step: for objectives that let the model write


class Objective(Protocol):
    """A loss over blocks of its own lessons."""

    figures: Sequence[str]  # names of what `loss` tells beside the loss, at most FIGURES

    @property
    def lessons(self) -> Lessons:
        """What it learns from."""
        ...

    def loss(self, block: Block) -> tuple[Tensor, Sequence[float]]:
        """Return the summed loss of a block, with its graph, and the sums of `figures`; the loop divides them by the blocks' `divisors`."""
        ...
