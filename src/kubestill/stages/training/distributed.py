"""Processes that torchrun started, on one machine or on several: the meetings of a step as collectives of torch.distributed.

Each process has vectors of its own, on its own device. What is told is gathered, gradients are summed onto the shard that updates them,
new weights are gathered from the shards: the bytes of one all-reduce, Muon's work split as among processes that share memory, and momenta
that only their shard follows (ZeRO, Rajbhandari et al. 2020, arXiv 1910.02054, section 5).

The first process alone runs the recipe. The others wait for its orders: when a training begins, when a step may begin, when a checkpoint
wants the momenta of all, and when all is over. Orders and figures go over gloo, vectors over NCCL where they lie on GPUs. Nobody waits for
the dead: a process that ends closes its sockets, and whatever the others do together next fails at once.
"""

import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kubestill.ground.errors import KubestillError, UserError
from kubestill.ground.settings import read_settings
from kubestill.stages.training.collectives import ORDER_WAIT, Exchange, Order, all_alive, give, step_group, take
from kubestill.stages.training.loop import Given, Trainer, assist
from kubestill.stages.training.parallel import Arena, Crew, Team, shared_file
from kubestill.stages.training.settings import StepsWhat, TrainingHow
from kubestill.tools.modeling.layout import Ordered
from kubestill.tools.modeling.network import Body
from kubestill.tools.modeling.optimizer import Optimizer, Shard

ON_GPU = ("sft", "cpt", "dpo")  # objectives whose lessons follow the weights to their device; the others sample, or read a teacher

Start = Callable[[Given], AbstractContextManager[Trainer]]


class Released(Exception):
    """The first process ended the training."""


@dataclass(frozen=True)
class Ranks(Team):
    """This process among those that torchrun started; each has an arena to itself."""

    group: Any = None  # of torch.distributed, for what happens within a step

    @property
    def slot(self) -> int:
        """The arena has one vector of gradients."""
        return 0

    def meet(self) -> None:
        """Wait until every process is here.

        Raises:
            KubestillError: another process ended.
        """
        self.rows(torch.zeros(1))

    def rows(self, own: Tensor) -> Tensor:
        """Return what each process tells [size, ...], in the order of ranks; `own` lies on the CPU."""
        found = [torch.empty_like(own) for _ in range(self.size)]
        with all_alive():
            dist.all_gather(found, own, group=self.group)
        return torch.stack(found)

    def lay_open(self, arena: Arena, told: Sequence[float]) -> list[list[float]]:
        """Return what each process tells, in the order of ranks."""
        arena.told[0, : len(told)] = torch.tensor(told, dtype=arena.told.dtype)
        found: list[list[float]] = self.rows(arena.told[0]).tolist()
        return found

    def tell(self, arena: Arena, told: Sequence[float]) -> list[float]:
        """Tell the others, and return the sums over all."""
        arena.told[0, :-1] = torch.tensor(told)
        found: list[float] = self.rows(arena.told[0, :-1]).sum(0).tolist()
        return found

    def norm_of(self, square: float) -> float:
        """Return the sum of what each process has as its part of a squared norm."""
        return float(self.rows(torch.tensor([square], dtype=torch.float64)).sum())

    def turn(self) -> None:
        """Come between two steps: the first process says that the next one begins; the others serve it until it does."""
        if self.rank == 0:
            give(Order.STEP)
        else:
            self.serve()

    def serve(self) -> None:
        """Do what the first process asks, until the next step begins.

        Raises:
            Released: the training is over.
        """
        while (asked := take())[0] is not Order.STEP:
            if asked[0] is Order.RELEASE:
                raise Released
            self.help(*asked)

    def begin(self, led: Arena | None) -> None:
        """Let all start from what the first process has in `led`."""
        raise NotImplementedError

    def help(self, order: Order, more: Any) -> None:
        """Do together what is asked between two steps."""
        raise NotImplementedError


@dataclass
class Led(Arena):
    """What the first process looks at between steps. While others take part, vectors are made whole before they are looked at."""

    gather: Callable[[Collection[str]], None] | None = None

    def kept(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold."""
        if self.gather is not None:
            self.gather(("masters", "first", "second"))
        return super().kept()

    def whole(self) -> Tensor:
        """Return the weights [total], fp32, as the CPU reads them."""
        if self.gather is not None:
            self.gather(("masters",))
        return super().whole()

    def ready(self) -> Tensor:
        """Return the weights [total] in the type of the multiplications, as the CPU reads them."""
        self.working.copy_(self.whole())
        return super().ready()


@dataclass(frozen=True)
class Replicas(Ranks):
    """Ranks that each have all weights, and the momenta of their own shard."""

    arena: Any = None  # Arena
    exchanges: Any = None  # Exchange of each vector by name

    @classmethod
    def over(cls, arena: Arena, layout: Ordered) -> "Replicas":
        """Return the team for this process's arena; all ranks make it at the same time."""
        rank, size = dist.get_rank(), dist.get_world_size()
        group = step_group(arena.masters.device)
        vectors = {"masters": arena.masters, "working": arena.working, "first": arena.first, "second": arena.second}
        shards = [Shard(other, size) for other in range(size)]
        updated = Exchange(group, [Optimizer(layout, vectors, shard).spans() for shard in shards])
        squares = Exchange(group, [[shard.span(len(arena.second))] for shard in shards])
        return cls(rank, size, None, group, arena, {"masters": updated, "first": updated, "second": squares})

    def begin(self, led: Arena | None) -> None:  # noqa: ARG002 - it is the arena of the first process
        """Let all start from what the first process has."""
        for vector in (self.arena.masters, self.arena.first, self.arena.second):
            with all_alive():
                dist.broadcast(vector, 0, group=self.group)
        self.arena.working.copy_(self.arena.masters)

    @torch.no_grad()
    def add_up(self, arena: Arena, spans: Sequence[slice]) -> float:
        """Sum all processes' gradients over the own `spans`; return the squared norm of the whole sum."""
        self.exchanges["masters"].sum(arena.grads[0], self.rank)
        return self.norm_of(sum(float(arena.grads[0][span].square().sum()) for span in spans))

    @torch.no_grad()
    def share(self, arena: Arena, spans: Sequence[slice]) -> None:  # noqa: ARG002 - the exchange knows everybody's
        """Let all have the weights that each has updated."""
        self.exchanges["masters"].spread(arena.masters, self.rank)
        arena.working.copy_(arena.masters)

    @torch.no_grad()
    def help(self, order: Order, more: Any) -> None:
        """Let all have the momenta of all; of the weights they have them."""
        assert order is Order.GATHER
        for name in more:
            if name != "masters":
                self.exchanges[name].spread(getattr(self.arena, name), self.rank)


@dataclass(frozen=True)
class Part:
    """What each process must know to take part in a training."""

    given: Given
    strategy: str
    device: str

    def trainer(self, led: Arena | None) -> Trainer:
        """Return this process's trainer, with all else that it needs; `led` is the first process's arena, None elsewhere."""
        given, device = self.given, device_of(self.device)
        if self.strategy == "fsdp":
            from kubestill.stages.training.sharded import ShardedTrainer, Shards

            team = Shards.over(given, device)
            team.begin(led)
            return ShardedTrainer(team.given, team.arena, team)
        arena = led if led is not None else Arena.apart(given.body.layout, given.what, device)
        replicas = Replicas.over(arena, given.body.layout)
        replicas.begin(led)
        return Trainer(given, arena, replicas)


@dataclass(frozen=True)
class Arranged:
    """What the first process of a training works with: the arena that it looks at, what starts the others, how many there are in all."""

    arena: Arena
    start: Start
    processes: int


@contextmanager
def arranged(how: TrainingHow, what: StepsWhat, body: Body, processes: int) -> Iterator[Arranged]:
    """Lay out the vectors as the strategy wants them; `processes` is how many may share one memory.

    Raises:
        UserError: strategy, device, objective and what is trained do not go together, or nobody started the processes.
    """
    ranks = dist.get_world_size() if dist.is_initialized() else 1
    strategy, device = choose(how, getattr(what, "objective", ""), ranks)
    if strategy == "processes":
        file = shared_file()
        try:
            arena = Arena.over(file, body.layout, processes, what)
            yield Arranged(arena, partial(_shared, arena, (processes, file)), processes)
        finally:
            os.close(file)
    elif ranks == 1:
        arena = Arena.apart(body.layout, what, device)
        yield Arranged(arena, partial(_alone, arena), 1)
    else:
        if strategy == "fsdp":
            from kubestill.stages.training.sharded import refuse

            refuse(what, body)
        led = Led.apart(body.layout, what, *((torch.device("cpu"), False) if strategy == "fsdp" else (device, True)))
        assert isinstance(led, Led)
        yield Arranged(led, partial(_led, led, (strategy, device.type)), ranks)


def choose(how: TrainingHow, objective: str, ranks: int) -> tuple[str, torch.device]:
    """Return the strategy and the device of a training for an objective among `ranks` processes of torchrun.

    Raises:
        UserError: they do not go together, or the device is not there.
    """
    device, strategy = device_of(how.device), how.strategy
    if device.type != "cpu" and objective not in ON_GPU:
        if how.device != "auto":
            raise UserError("how.training.device", f"{how.device!r} for the objective {objective!r}", f"it is for {', '.join(ON_GPU)}")
        device = torch.device("cpu")
    if strategy == "auto":
        strategy = "ddp" if ranks > 1 or device.type != "cpu" else "processes"
    if strategy == "processes" and device.type != "cpu":
        raise UserError("how.training.strategy", f"'processes' on {device}", "they share memory of the CPU; give 'auto' or 'ddp'")
    if ranks == 1 and (strategy == "fsdp" or (strategy == "ddp" and device.type == "cpu")):
        mend = "start it with: torchrun --nproc-per-node 2 -m kubestill run RECIPE"
        raise UserError("how.training.strategy", f"{strategy!r} of one process", mend)
    return strategy, device


def device_of(name: str) -> torch.device:
    """Return the device called `name` ("auto", "cpu", "cuda") of this process.

    Raises:
        UserError: there is no GPU.
    """
    there = torch.cuda.is_available()
    if name == "cpu" or (name == "auto" and not there):
        return torch.device("cpu")
    if not there:
        raise UserError("how.training.device", "'cuda', and torch finds no GPU", "give 'cpu', or install a torch that knows the GPU")
    return torch.device("cuda", read_settings().local_rank)


@contextmanager
def _shared(arena: Arena, shared: tuple[int, int], given: Given) -> Iterator[Trainer]:
    arena.working.copy_(arena.masters)
    processes, file = shared
    with Crew(processes, file, assist, given) as team:
        team.meet()
        yield Trainer(given, arena, team)


@contextmanager
def _alone(arena: Arena, given: Given) -> Iterator[Trainer]:
    arena.working.copy_(arena.masters)
    yield Trainer(given, arena, Team(0, 1))


@contextmanager
def _led(arena: Led, way: tuple[str, str], given: Given) -> Iterator[Trainer]:
    """Lead the ranks through a training. If it ends with an error, this process ends, and the others with it."""
    part = Part(given, *way)
    give(Order.TRAIN, part)
    trainer = part.trainer(arena)
    team = trainer.team
    assert isinstance(team, Ranks)

    def gather(names: Collection[str]) -> None:
        give(Order.GATHER, tuple(names))
        team.help(Order.GATHER, tuple(names))

    arena.gather = gather
    yield trainer
    gather(("masters",))
    arena.gather = None
    give(Order.RELEASE)


@contextmanager
def joined() -> Iterator[bool]:
    """Join the processes that torchrun started with this one, and say whether it leads; if not, it has by then done its part to the end.

    Raises:
        SystemExit: another process ended; the first one says so.
    """
    settings = read_settings()
    if settings.ranks == 1:
        yield True
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(settings.local_rank)
    dist.init_process_group("gloo", timeout=ORDER_WAIT)
    if settings.rank:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the first process's to answer
        try:
            _attend()
        except KubestillError as error:
            raise SystemExit(error.exit_code) from None
    yield not settings.rank
    if not settings.rank:
        give(Order.END)
    dist.destroy_process_group()


def _attend() -> None:
    """Take part in all trainings of a run, as one of the other processes."""
    torch.set_num_threads(1)
    while (asked := take())[0] is not Order.END:
        assert asked[0] is Order.TRAIN
        part: Part = asked[1]
        if not part.given.folder.is_dir():
            raise UserError(str(part.given.folder), "is not on this machine", "give a --workspace that all machines share")
        trainer = part.trainer(None)
        team = trainer.team
        assert isinstance(team, Ranks)
        try:
            for _ in trainer.steps():
                pass
            while True:  # what is asked after the last step; a step is not
                team.serve()
        except Released:
            continue
