"""The one training loop. Every process runs it on its blocks; the first one also reports, counts full passes and saves."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from kubestill.ground.errors import UserError
from kubestill.ground.seeds import Seed
from kubestill.stages.training.batches import Block, Encoded, Pace, Plan, Position, Step, build_block
from kubestill.stages.training.objectives.table import objective
from kubestill.stages.training.parallel import Arena, Team
from kubestill.stages.training.settings import TrainingWhat
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.optimizer import Optimizer, Rates, Shard
from kubestill.tools.modeling.qwen3 import Student


@dataclass(frozen=True)
class Given:
    """All that a process needs to take part; picklable."""

    what: TrainingWhat
    layout: Layout
    encoded: Path
    pad: int
    seed: Seed
    start: int  # steps done before
    tokens: int  # tokens seen before
    position: Position


@dataclass(frozen=True)
class Stepped:
    """What a step was: number from 1, tokens seen up to its end, mean loss over its answer tokens in nats, rate of the matrices."""

    number: int
    tokens: int
    loss: float
    learning_rate: float
    after: Position


class Watcher(Protocol):
    """Whoever looks on between steps: reports, checkpoints."""

    def __call__(self, stepped: Stepped) -> None:
        """Look at a step that is done; the other processes wait only if the next step begins without this one."""
        ...


def schedule(share: float, warmup: float) -> float:
    """Return the factor of the learning rates when `share` of the budget is spent: up to one, then down to zero in a line."""
    share = min(max(share, 0.0), 1.0)
    return share / warmup if share < warmup else (1 - share) / (1 - warmup)


class Trainer:
    """One process's part of every step."""

    def __init__(self, given: Given, arena: Arena, team: Team) -> None:
        """The arena's masters and working copy hold the weights to start from."""
        self.given, self.arena, self.team = given, arena, team
        self.encoded = Encoded.load(given.encoded)
        self.student = Student(given.layout, arena.masters, arena.working)
        self.loss = objective(given.what.objective)
        vectors = {"masters": arena.masters, "working": arena.working, "first": arena.first, "second": arena.second}
        self.optimizer = Optimizer(given.layout, vectors, Shard(team.rank, team.size))

    def steps(self) -> Iterator[Stepped]:
        """Do all steps that the budget has left, and yield each.

        Raises:
            UserError: the loss is no number any more.
        """
        given, tokens = self.given, self.given.tokens
        what = given.what
        pace = Pace(what.tokens, what.curriculum) if what.curriculum else None
        plan = Plan(self.encoded, what.tokens_per_step, what.blocks, given.seed, pace)
        for number, step in enumerate(plan.steps(given.position), given.start + 1):
            if tokens >= given.what.tokens:
                return
            factor = schedule((tokens + step.tokens / 2) / given.what.tokens, given.what.warmup)
            loss = self._step(step, number, factor)
            tokens += step.tokens
            yield Stepped(number, tokens, loss, factor * given.what.matrix_rate, step.after)

    def _step(self, step: Step, number: int, factor: float) -> float:
        """Gradient of the own blocks; meet; sum the own shard; meet; update the own shard; meet."""
        what, arena, rank = self.given.what, self.arena, self.team.rank
        arena.told[rank, 0] = self._gradient(step)
        self.team.meet()
        arena.told[rank, 1] = self._sum_shard()
        self.team.meet()
        loss = float(arena.told[:, 0].sum()) / step.labels
        norm = math.sqrt(float(arena.told[:, 1].sum())) / step.labels
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise UserError("training", f"the loss is not a number at step {number}", "lower training.matrix_rate and training.rest_rate")
        rates = Rates(factor * what.matrix_rate, factor * what.rest_rate, what.weight_decay)
        self.optimizer.step(arena.grads[0], rates, number, min(1.0, what.clip / max(norm, 1e-12)) / step.labels)
        self.team.meet()
        return loss

    def _gradient(self, step: Step) -> float:
        """Write the summed gradient of this process's blocks into its vector; return their summed loss."""
        own = self.arena.grads[self.team.rank]
        mine = step.blocks[self.team.rank :: self.team.size]
        if not mine:
            own.zero_()
        total = 0.0
        for place, numbers in enumerate(mine):
            total += self._block(build_block(self.encoded, numbers, self.given.pad))
            self.student.collect(own, add=place > 0)
        return total

    def _block(self, block: Block) -> float:
        logits = self.student.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
        loss = self.loss(logits, torch.from_numpy(block.targets))
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    @torch.no_grad()
    def _sum_shard(self) -> float:
        """Sum all processes' gradients over the own shard into the first vector; return the squared norm there."""
        first, *others = self.arena.grads
        square = 0.0
        for span in self.optimizer.spans():
            for other in others:
                first[span] += other[span]
            square += float(first[span].square().sum())
        return square


def assist(team: Team, file: int, given: Given) -> None:
    """Take part as one of the other processes, to the end of the budget."""
    torch.set_num_threads(1)
    arena = Arena.over(file, given.layout, team.size, given.what.precision)
    team.meet()
    for _ in Trainer(given, arena, team).steps():
        pass


def lead(given: Given, arena: Arena, team: Team, watcher: Watcher) -> None:
    """Take part as the first process, and let the watcher see each step."""
    team.meet()
    for stepped in Trainer(given, arena, team).steps():
        watcher(stepped)


class Clock:
    """Seconds of work, counted over all runs of one training."""

    def __init__(self, before: float) -> None:
        """`before`: seconds of the runs that were cut."""
        self.before, self.start = before, time.monotonic()

    def seconds(self) -> float:
        """Seconds so far."""
        return self.before + time.monotonic() - self.start
