"""Data-parallel processes of one thread each, which share the student instead of sending it about.

Weights, optimiser and gradients lie in one piece of memory that all processes map. Each writes the gradient of its blocks into its own
vector; each then sums and updates its own shard of the parameters, which the others read where they lie. So a step exchanges nothing
through a socket, Muon's work is split, and there are three meetings a step. At these sizes a second thread in one process
adds 7 %, a second process 90 % (docs/log/2026-11-22-training-loop.md).
"""

import mmap
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from torch import Tensor

from kubestill.ground.errors import KubestillError
from kubestill.stages.training.objectives.api import FIGURES
from kubestill.stages.training.settings import StepsWhat
from kubestill.tools.modeling.layout import Ordered
from kubestill.tools.modeling.optimizer import Shard

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
# What each process tells the others in a step: that all shall stop, summed loss, its divisor and that of the figures, the objective's
# figures; then the squared norm of its shard's gradient.
TOLD = 4 + FIGURES + 1


@dataclass
class Arena:
    """The shared vectors: each [total], but `second` with Muon [total - matrices], `grads` [processes, total], `told` [processes, TOLD]."""

    masters: Tensor
    working: Tensor
    first: Tensor
    second: Tensor
    grads: Tensor
    told: Tensor

    @classmethod
    def over(cls, file: int, layout: Ordered, processes: int, what: StepsWhat) -> "Arena":
        """Map the arena in the file with descriptor `file`, growing it where it is too short."""
        total, rest = layout.total, layout.total - (layout.matrices if what.optimizer == "muon" else 0)
        sizes = [("told", processes * TOLD, torch.float64), ("masters", total, torch.float32), ("first", total, torch.float32)]
        sizes += [("second", rest, torch.float32), ("grads", processes * total, torch.float32)]
        if what.precision != "fp32":
            sizes.append(("working", total, TYPES[what.precision]))
        places, end = {}, 0
        for name, count, dtype in sizes:
            places[name] = end
            end += -(-count * dtype.itemsize // 64) * 64
        if os.fstat(file).st_size < end:
            os.ftruncate(file, end)
        memory = mmap.mmap(file, end)
        found = {name: torch.frombuffer(memory, dtype=dtype, count=count, offset=places[name]) for name, count, dtype in sizes}
        found.setdefault("working", found["masters"])
        found["grads"], found["told"] = found["grads"].view(processes, total), found["told"].view(processes, TOLD)
        return cls(**found)

    @classmethod
    def apart(cls, layout: Ordered, what: StepsWhat, device: torch.device, learns: bool = True) -> "Arena":
        """Lay the arena of one process alone into the memory of `device`; who only looks on has no gradient."""
        total, rest = layout.total, layout.total - (layout.matrices if what.optimizer == "muon" else 0)
        masters, first, second, grads = (torch.zeros(count, device=device) for count in (total, total, rest, total * learns))
        working = masters if what.precision == "fp32" else torch.zeros(total, dtype=TYPES[what.precision], device=device)
        return cls(masters, working, first, second, grads[None], torch.zeros(1, TOLD, dtype=torch.float64))

    def kept(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold; the rest follows from it."""
        return {"masters": self.masters, "first": self.first, "second": self.second}

    def whole(self) -> Tensor:
        """Return the weights [total], fp32, as the CPU reads them; where that is a copy, it does not follow later steps."""
        return self.masters.cpu()

    def ready(self) -> Tensor:
        """Return the weights [total] in the type of the multiplications, as the CPU reads them."""
        return self.working.cpu()


def shared_file() -> int:
    """Return the descriptor of a nameless file in memory (Linux) or in the temporary folder."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("kubestill-arena")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@dataclass(frozen=True)
class Team:
    """This process among the others, and the three meetings of a step: `tell`, `add_up`, `share`."""

    rank: int
    size: int
    barrier: Any = None  # multiprocessing.Barrier; None for a team of one

    @property
    def slot(self) -> int:
        """Which of the arena's gradients is this process's."""
        return self.rank

    @property
    def shard(self) -> Shard:
        """The part of the arena that this process updates."""
        return Shard(self.rank, self.size)

    def lay_open(self, arena: Arena, told: Sequence[float]) -> list[list[float]]:
        """Return what each process tells, at most TOLD numbers each, in the order of ranks."""
        arena.told[self.rank, : len(told)] = torch.tensor(told, dtype=arena.told.dtype)
        self.meet()
        rows: list[list[float]] = arena.told.tolist()
        self.meet()
        return rows

    def tell(self, arena: Arena, told: Sequence[float]) -> list[float]:
        """Tell the others, and return the sums over all; who comes back knows that every gradient is written."""
        arena.told[self.rank, :-1] = torch.tensor(told)
        self.meet()
        found: list[float] = arena.told[:, :-1].sum(0).tolist()
        return found

    @torch.no_grad()
    def add_up(self, arena: Arena, spans: Sequence[slice]) -> float:
        """Sum all processes' gradients over the own `spans` into the first vector; return the squared norm of the whole sum."""
        first, *others = arena.grads
        square = 0.0
        for span in spans:
            for other in others:
                first[span] += other[span]
            square += float(first[span].square().sum())
        arena.told[self.rank, -1] = square
        self.meet()
        return float(arena.told[:, -1].sum())

    def share(self, arena: Arena, spans: Sequence[slice]) -> None:  # noqa: ARG002 - what lies in shared memory is shared
        """Let all have the weights that each has updated in its `spans`."""
        self.meet()

    def turn(self) -> None:
        """Come between two steps: the first process goes on when it likes, and the others may by then serve it."""

    def meet(self) -> None:
        """Wait until every process is here.

        Raises:
            KubestillError: another process ended.
        """
        if self.barrier is None:
            return
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            raise KubestillError("a training process ended before the others; the next run goes on from the last checkpoint") from None


class Crew:
    """Starts the other processes, watches them, and ends them on the way out."""

    def __init__(self, size: int, file: int, work: Callable[[Team, int, Any], None], given: object) -> None:
        """`work(team, file, given)` runs in processes 1 to size-1; it and `given` must be picklable."""
        self.size, self.processes = size, list[BaseProcess]()
        self.team = Team(0, size)
        if size == 1:
            return
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(size)
        self.team = Team(0, size, barrier)
        for rank in range(1, size):
            team = Team(rank, size, barrier)
            process = context.Process(target=_start, args=(work, team, _Descriptor(file), given), daemon=True)
            process.start()
            self.processes.append(process)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Break the barrier when a process ends with an error, so that nobody waits for it."""
        waiting: dict[object, BaseProcess] = {process.sentinel: process for process in self.processes}
        while waiting:
            for sentinel in wait([process.sentinel for process in waiting.values()]):
                process = waiting.pop(sentinel)
                process.join()
                if process.exitcode:
                    self.team.barrier.abort()

    def __enter__(self) -> Team:
        return self.team

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None and self.processes:
            self.team.barrier.abort()
        for process in self.processes:
            process.join(timeout=None if kind is None else 1)
            if process.is_alive():
                process.kill()
                process.join()


class _Descriptor:
    """A file descriptor that survives pickling to a process being spawned."""

    def __init__(self, file: int) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.reduction import DupFd

        return _detach, (DupFd(self.file),)


def _detach(duplicate: Any) -> int:
    found: int = duplicate.detach()
    return found


def _start(work: Callable[[Team, int, Any], None], team: Team, file: int, given: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the first process's to answer
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    try:
        work(team, file, given)
    except KubestillError:
        raise SystemExit(1) from None  # the first process meets the same error, or broke the barrier itself


def _end_with(sentinel: Any) -> None:
    wait([sentinel])
    os._exit(1)
