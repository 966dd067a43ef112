"""The one training loop. Every process runs it on its blocks; the first one also reports, counts full passes and saves."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from kubestill.ground.errors import UserError
from kubestill.ground.seeds import Seed
from kubestill.stages.training.batches import Pace, Plan, Position, Step
from kubestill.stages.training.objectives.api import FIGURES, Objective, Seat
from kubestill.stages.training.objectives.table import OBJECTIVES
from kubestill.stages.training.parallel import Arena, Team
from kubestill.stages.training.settings import StepsWhat
from kubestill.tools.modeling.network import Body
from kubestill.tools.modeling.optimizer import Optimizer, Rates, Shard


@dataclass(frozen=True)
class Given:
    """All that a process needs to take part; picklable."""

    what: StepsWhat
    objective: str
    body: Body
    domain: Any  # kubestill.domains.api.Domain
    folder: Path  # of the training: tokenizer, chat.json, encoded lessons
    more: Mapping[str, Path]  # further artifacts by name
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
    figures: Mapping[str, float]  # what the objective tells beside the loss, means over the labels


class Watcher(Protocol):
    """Whoever looks on between steps: reports, checkpoints."""

    def __call__(self, stepped: Stepped) -> bool:
        """Look at a step that is done, and say whether to go on; the other processes wait only if the next step begins without this one."""
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
        self.network = given.body.build(arena.masters, arena.working)
        seat = Seat(
            what=given.what,
            domain=given.domain,
            folder=given.folder,
            given=given.more,
            network=self.network,
            masters=arena.masters,
            seed=given.seed,
            pad=given.pad,
        )
        self.objective: Objective = OBJECTIVES.load(given.objective)(seat)
        vectors = {"masters": arena.masters, "working": arena.working, "first": arena.first, "second": arena.second}
        self.optimizer = Optimizer(given.body.layout, vectors, Shard(team.rank, team.size))
        self.stop = False  # of the first process: let everybody end before the next step

    def steps(self) -> Iterator[Stepped]:
        """Do all steps that the budget has left, and yield each.

        Raises:
            UserError: the loss is no number any more.
        """
        given, tokens = self.given, self.given.tokens
        what = given.what
        pace = Pace(what.tokens, what.curriculum) if what.curriculum else None
        plan = Plan(self.objective.lessons, what.tokens_per_step, what.blocks, given.seed, pace)
        for number, step in enumerate(plan.steps(given.position), given.start + 1):
            if tokens >= given.what.tokens:
                return
            factor = schedule((tokens + step.tokens / 2) / given.what.tokens, given.what.warmup)
            told = self._step(step, number, factor)
            if told is None:
                return
            tokens += step.tokens
            figures = dict(zip(self.objective.figures, told[1:], strict=True))
            yield Stepped(number, tokens, told[0], factor * given.what.matrix_rate, step.after, figures)

    def _step(self, step: Step, number: int, factor: float) -> list[float] | None:
        """Gradient of the own blocks; meet; sum the own shard; meet; update the own shard; meet. Return the loss and the figures."""
        what, arena, rank = self.given.what, self.arena, self.team.rank
        arena.told[rank, :-1] = torch.tensor([self.stop, *self._gradient(step, number)])
        self.team.meet()
        stop, summed, labels, *figures = arena.told[:, :-1].sum(0).tolist()
        if stop:
            return None
        arena.told[rank, -1] = self._sum_shard()
        self.team.meet()
        norm = math.sqrt(float(arena.told[:, -1].sum())) / labels
        if not math.isfinite(summed) or not math.isfinite(norm):
            raise UserError("training", f"the loss is not a number at step {number}", "lower training.matrix_rate and training.rest_rate")
        rates = Rates(factor * what.matrix_rate, factor * what.rest_rate, what.weight_decay)
        self.optimizer.step(arena.grads[0], rates, number, min(1.0, what.clip / max(norm, 1e-12)) / labels)
        self.team.meet()
        return [figure / labels for figure in (summed, *figures[: len(self.objective.figures)])]

    def _gradient(self, step: Step, number: int) -> list[float]:
        """Write the summed gradient of this process's blocks into its vector; return their summed loss, labels, and figures."""
        own = self.arena.grads[self.team.rank]
        mine = range(self.team.rank, len(step.blocks), self.team.size)
        if not mine:
            own.zero_()
        total = [0.0] * (2 + FIGURES)
        for place in mine:
            block = self.objective.lessons.block(step.blocks[place], (number, place))
            loss, figures = self.objective.loss(block)
            loss.backward()  # type: ignore[no-untyped-call]
            self.network.collect(own, add=place >= self.team.size)
            for slot, figure in enumerate((float(loss.detach()), len(block.targets), *figures)):
                total[slot] += figure
        return total

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
    arena = Arena.over(file, given.body.layout, team.size, given.what)
    team.meet()
    for _ in Trainer(given, arena, team).steps():
        pass


def lead(given: Given, arena: Arena, team: Team, watcher: Watcher) -> None:
    """Take part as the first process, and let the watcher see each step."""
    team.meet()
    trainer = Trainer(given, arena, team)
    for stepped in trainer.steps():
        trainer.stop = not watcher(stepped)


class Clock:
    """Seconds of work, counted over all runs of one training."""

    def __init__(self, before: float) -> None:
        """`before`: seconds of the runs that were cut."""
        self.before, self.start = before, time.monotonic()

    def seconds(self) -> float:
        """Seconds so far."""
        return self.before + time.monotonic() - self.start
