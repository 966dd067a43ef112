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
from kubestill.stages.training.batches import Position, Step
from kubestill.stages.training.domains import Together, make_plan
from kubestill.stages.training.objectives.api import FIGURES, Objective, Seat
from kubestill.stages.training.objectives.table import OBJECTIVES
from kubestill.stages.training.parallel import Arena, Team
from kubestill.stages.training.schedule import factor
from kubestill.stages.training.settings import StepsWhat
from kubestill.tools.modeling import heap
from kubestill.tools.modeling.network import Body, Network
from kubestill.tools.modeling.optimizer import Optimizer, Rates


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
    """What a step was: number from 1, tokens seen up to its end, mean loss in nats, rate of the matrices."""

    number: int
    tokens: int
    loss: float
    learning_rate: float
    after: Position
    figures: Mapping[str, float]  # what the objective tells beside the loss, means over what its blocks say


class Watcher(Protocol):
    """Whoever looks on between steps: reports, checkpoints."""

    def __call__(self, stepped: Stepped, network: Network) -> bool:
        """Look at a step that is done, and say whether to go on; the other processes wait only if the next step begins without this one.

        `network` is the student as it is now, over the arena's weights.
        """
        ...


class Trainer:
    """One process's part of every step."""

    def __init__(self, given: Given, arena: Arena, team: Team) -> None:
        """The arena's masters and working copy hold the weights to start from."""
        self.given, self.arena, self.team = given, arena, team
        self.network = given.body.build(arena.masters, arena.working)
        self.shown: Network = self.network  # what whoever looks on may use
        seat = Seat(
            what=given.what,
            domain=given.domain,
            folder=given.folder,
            given=given.more,
            body=given.body,
            network=self.network,
            masters=arena.masters,
            seed=given.seed,
            pad=given.pad,
            arena=arena,
        )
        self.objective: Objective = OBJECTIVES.load(given.objective)(seat)
        vectors = {"masters": arena.masters, "working": arena.working, "first": arena.first, "second": arena.second}
        self.optimizer = Optimizer(given.body.layout, vectors, team.shard)
        self.stop = False  # of the first process: let everybody end before the next step

    def steps(self) -> Iterator[Stepped]:
        """Do all steps that the budget has left, and yield each.

        Raises:
            UserError: the loss is no number any more.
        """
        given, tokens = self.given, self.given.tokens
        what = given.what
        plan = make_plan(given, self.objective.lessons, self.network, Together(self.arena, self.team))
        for number, step in enumerate(plan.steps(given.position), given.start + 1):
            if tokens >= given.what.tokens:
                return
            scale = factor(what, (tokens + step.tokens / 2) / what.tokens)
            told = self._step(step, number, scale)
            if told is None:
                return
            tokens += step.tokens
            figures = dict(zip(self.objective.figures, told[1:], strict=True))
            yield Stepped(number, tokens, told[0], scale * what.matrix_rate, step.after, figures)
            self.team.turn()
            if number % heap.EVERY_STEPS == 0:
                heap.trim()

    def _step(self, step: Step, number: int, scale: float) -> list[float] | None:
        """Gradient of the own blocks; meet; sum the own shard; meet; update the own shard; meet. Return the loss and the figures."""
        what, arena, team, spans = self.given.what, self.arena, self.team, self.optimizer.spans()
        stop, summed, parts, counted, *figures = team.tell(arena, [self.stop, *self._gradient(step, number)])
        if stop:
            return None
        norm = math.sqrt(team.add_up(arena, spans)) / parts
        if not math.isfinite(summed) or not math.isfinite(norm):
            raise UserError("training", f"the loss is not a number at step {number}", "lower training.matrix_rate and training.rest_rate")
        rates = Rates(scale * what.matrix_rate, scale * what.rest_rate, what.weight_decay)
        self.optimizer.step(arena.grads[0], rates, number, min(1.0, what.clip / max(norm, 1e-12)) / parts)
        team.share(arena, spans)
        return [summed / parts, *(figure / counted for figure in figures[: len(self.objective.figures)])]

    def _gradient(self, step: Step, number: int) -> list[float]:
        """Write the summed gradient of this process's blocks into its vector; return their summed loss, divisors, and figures."""
        own = self.arena.grads[self.team.slot]
        mine = range(self.team.rank, len(step.blocks), self.team.size)
        if not mine:
            own.zero_()
        total = [0.0] * (3 + FIGURES)
        for place in mine:
            block = self.objective.lessons.block(step.blocks[place], (number, place))
            loss, figures = self.objective.loss(block)
            loss.backward()  # type: ignore[no-untyped-call]
            self.network.collect(own, add=place >= self.team.size)
            for slot, figure in enumerate((float(loss.detach()), *block.divisors, *figures)):
                total[slot] += figure
        return total


def assist(team: Team, file: int, given: Given) -> None:
    """Take part as one of the other processes, to the end of the budget."""
    torch.set_num_threads(1)
    arena = Arena.over(file, given.body.layout, team.size, given.what)
    team.meet()
    for _ in Trainer(given, arena, team).steps():
        pass


def lead(trainer: Trainer, watcher: Watcher) -> None:
    """Take part as the first process, and let the watcher see each step."""
    for stepped in trainer.steps():
        trainer.stop = not watcher(stepped, trainer.shown)


class Clock:
    """Seconds of work, counted over all runs of one training."""

    def __init__(self, before: float) -> None:
        """`before`: seconds of the runs that were cut."""
        self.before, self.start = before, time.monotonic()

    def seconds(self) -> float:
        """Seconds so far."""
        return self.before + time.monotonic() - self.start
