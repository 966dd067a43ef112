"""What processes without a memory in common do together: orders of the first one to all others, and the exchange of parts of vectors."""

import enum
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kubestill.ground.errors import KubestillError

ORDER_WAIT = timedelta(days=60)  # the first process may be at work on other stages meanwhile
STEP_WAIT = timedelta(hours=2)  # within a step: more than the slowest process may take for its blocks
BACKENDS = "cpu:gloo,cuda:nccl"


class Order(enum.IntEnum):
    """What the first process asks of the others."""

    END = 0  # there will be no more orders
    TRAIN = 1  # take part in a training; which, follows
    STEP = 2  # do the next step
    GATHER = 3  # let the first process have some vectors whole; which, follows
    READ = 4  # read a block with the network, which nobody has whole; the block follows
    RELEASE = 5  # the training is over


@contextmanager
def all_alive() -> Iterator[None]:
    """Turn what a collective raises when a process has ended into the message of the house."""
    try:
        yield
    except RuntimeError as error:
        raise KubestillError("a training process ended before the others; the next run goes on from the last checkpoint") from error


def give(order: Order, more: object = None) -> None:
    """Tell all others what to do, as the first process.

    Raises:
        KubestillError: another process ended.
    """
    with all_alive():
        dist.broadcast_object_list([int(order), more], 0)


def take() -> tuple[Order, Any]:
    """Wait for the next order.

    Raises:
        KubestillError: another process ended.
    """
    told: list[Any] = [None, None]
    with all_alive():
        dist.broadcast_object_list(told, 0)
    return Order(told[0]), told[1]


@dataclass(frozen=True)
class Exchange:
    """Moves parts of flat vectors among the ranks of `group`; `spans[rank]` are those that `rank` is in charge of."""

    group: Any
    spans: Sequence[Sequence[slice]]

    @property
    def width(self) -> int:
        """Elements of the largest share."""
        return longest(self.spans)

    def sum(self, vector: Tensor, rank: int) -> None:
        """Sum everybody's `vector` onto the ranks in charge; what else stands in it then is nobody's sum."""
        room = vector.new_zeros(len(self.spans), self.width)
        for row, spans in zip(room, self.spans, strict=True):
            pack(vector, spans, row)
        found = torch.empty_like(room[0])
        with all_alive():
            dist.reduce_scatter(found, list(room), group=self.group)
        unpack(found, self.spans[rank], vector)

    def spread(self, vector: Tensor, rank: int) -> None:
        """Let everybody have in `vector` what the ranks in charge have there."""
        room = vector.new_zeros(len(self.spans), self.width)
        own = torch.zeros_like(room[0])
        pack(vector, self.spans[rank], own)
        with all_alive():
            dist.all_gather(list(room), own, group=self.group)
        for other, row in enumerate(room):
            if other != rank:
                unpack(row, self.spans[other], vector)


def longest(spans: Sequence[Sequence[slice]]) -> int:
    """Return the elements of the largest share."""
    return max(sum(int(span.stop) - int(span.start) for span in own) for own in spans)


def pack(vector: Tensor, spans: Sequence[slice], row: Tensor) -> None:
    """Lay the `spans` of a vector one behind the other into the front of `row`."""
    place = 0
    for span in spans:
        row[place : place + span.stop - span.start] = vector[span]
        place += span.stop - span.start


def unpack(row: Tensor, spans: Sequence[slice], vector: Tensor) -> None:
    """Undo `pack`."""
    place = 0
    for span in spans:
        vector[span] = row[place : place + span.stop - span.start]
        place += span.stop - span.start


def step_group(device: torch.device) -> Any:
    """Return the group in which vectors on `device` travel, and figures on the CPU; all ranks ask for it at the same time."""
    with all_alive():
        return dist.new_group(backend=BACKENDS if device.type == "cuda" else "gloo", timeout=STEP_WAIT)
