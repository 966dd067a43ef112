"""The order in which the lessons of a mix are seen.

A step is a fixed number of blocks; a block is some samples of like length, padded on the right. Which samples make a block depends on the
seed alone, never on the number of processes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.stages.training.objectives.api import Block, Lessons
from kubestill.tools.modeling.encoding import Encoded, Ids, laid

POOL_BLOCKS = 256  # blocks' worth of samples that are sorted by length together: enough for 3 % padding, few enough to mix
SHORT = 0.3  # the share of the samples, by length, that is open from the first step


def build_block(encoded: Encoded, numbers: NDArray[np.int64], pad: int) -> Block:
    """Pad the samples `numbers` to one rectangle. Place t predicts the token at t+1, so the last token is no input."""
    return padded([encoded.sample(int(number)) for number in numbers], encoded.starts[numbers], numbers, pad)


def padded(rows: Sequence[Ids], starts: Sequence[int] | NDArray[np.int32], numbers: NDArray[np.int64], pad: int) -> Block:
    """Return rows of ids, each learned from its place in `starts` on, as one rectangle; `numbers` says which lesson each is of."""
    ids, where, targets, labelled = laid(rows, starts, pad)
    return Block(ids, where, targets, labelled, numbers)


@dataclass(frozen=True)
class Answers:
    """Lessons of requests and right answers, as they are encoded."""

    encoded: Encoded
    pad: int

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each."""
        return self.encoded.lengths

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Tokens of each answer."""
        return self.encoded.labels

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:  # noqa: ARG002 - nothing is drawn
        """Return the lessons as one block."""
        return build_block(self.encoded, numbers, self.pad)

    def digest(self) -> str:
        """Return the hash of the arrays."""
        return self.encoded.digest()


@dataclass(frozen=True)
class Position:
    """Where in the data a run is: the next step is number `step` of `epoch`.

    Where domains are weighed, an epoch is an interval; `factors` are those of the interval at hand (at its step 0: of the one before) and
    `taken` counts the lessons of each domain that earlier intervals took.
    """

    epoch: int = 0
    step: int = 0
    factors: tuple[float, ...] = ()
    taken: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Take the lists of JSON as tuples."""
        object.__setattr__(self, "factors", tuple(self.factors))
        object.__setattr__(self, "taken", tuple(self.taken))


@dataclass(frozen=True)
class Step:
    """The blocks of one step by sample numbers, what they hold, and the position after them."""

    blocks: list[NDArray[np.int64]]
    tokens: int
    labels: int
    after: Position


@dataclass(frozen=True)
class Pace:
    """A curriculum: the limit of length opens from the shortest samples to all over the first `share` of the budget (at most: of an epoch).

    Short samples never go away: a hard change from short to long ones cost what was learned (docs/log/2026-11-22-main-job.md).
    """

    budget_tokens: int
    share: float

    def order(self, order: NDArray[np.int64], lengths: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return `order` with the samples that come too early moved to a random time after they open."""
        ranks = np.empty(len(lengths))
        ranks[np.argsort(lengths, kind="stable")] = np.arange(len(lengths)) / len(lengths)
        seen = np.cumsum(lengths[order])
        times = seen / min(self.budget_tokens, seen[-1])
        opens = self.share * np.clip((ranks[order] - SHORT) / (1 - SHORT), 0, 1)
        later = opens + (times[-1] - opens) * rng.random(len(order))
        return order[np.argsort(np.where(times < opens, later, times), kind="stable")]


class Plan:
    """The endless row of steps over an encoded mix."""

    ranks: NDArray[np.int32] | None = None  # [lessons]: in each epoch, those of a lower rank come first

    def __init__(self, lessons: "Lessons | Encoded", tokens_per_step: int, blocks: int, seed: Seed, pace: "Pace | None" = None) -> None:
        """`tokens_per_step` counts padding and is shared evenly by the `blocks`; `pace` holds long samples back at first."""
        self.pace = pace
        self.lengths, self.labels = lessons.lengths, lessons.labels
        self.block_tokens, self.blocks, self.seed = tokens_per_step // blocks, blocks, seed

    def steps(self, position: Position) -> Iterator[Step]:
        """Yield steps from `position` on, for ever; each epoch is shuffled anew."""
        epoch, skip = position.epoch, position.step
        while True:
            yield from self._stepped(self._epoch(epoch), skip, (Position(epoch), Position(epoch + 1)))
            epoch, skip = epoch + 1, 0

    def _stepped(self, blocks: list[NDArray[np.int64]], skip: int, positions: tuple[Position, Position]) -> Iterator[Step]:
        """Yield the steps of an epoch but the first `skip`; `positions`: that of its first step, and that of the next epoch's."""
        count = max(1, len(blocks) // self.blocks)
        for step in range(skip, count):
            # The last blocks of an epoch that fill no step are left for the next shuffle.
            chosen = blocks[step * self.blocks : (step + 1) * self.blocks]
            numbers = np.concatenate(chosen)
            after = replace(positions[0], step=step + 1) if step + 1 < count else positions[1]
            yield Step(chosen, int(self.lengths[numbers].sum()), int(self.labels[numbers].sum()), after)

    def _epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        rng = np.random.default_rng(self.seed.child("epoch", epoch).value)
        order = rng.permutation(len(self.lengths))
        if epoch == 0 and self.pace:
            order = self.pace.order(order, self.lengths, rng)
        if self.ranks is None:
            return self._pooled(order, rng)
        ranked = (order[self.ranks[order] == rank] for rank in np.unique(self.ranks))
        return [block for part in ranked for block in self._pooled(part, rng)]

    def _pooled(self, order: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Return lessons in about this order as blocks of like lengths."""
        mean = max(1.0, float(self.lengths.mean()))
        pool = max(1, int(POOL_BLOCKS * self.block_tokens / mean))
        blocks: list[NDArray[np.int64]] = []
        for start in range(0, len(order), pool):
            members = order[start : start + pool]
            members = members[np.argsort(self.lengths[members], kind="stable")]
            found = list(self._cut(members))
            blocks += [found[place] for place in rng.permutation(len(found))]
        return blocks

    def _cut(self, members: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Cut samples sorted by length into rectangles of at most `block_tokens` inputs."""
        widths = self.lengths[members] - 1
        start = 0
        for place in range(1, len(members) + 1):
            full = place < len(members) and int(widths[place]) * (place + 1 - start) > self.block_tokens
            if full or place == len(members):
                yield members[start:place]
                start = place


@dataclass(frozen=True)
class Interval:
    """An interval that is about to begin: its number from 0, the factors of the one before (none at first), and what was seen so far."""

    number: int
    before: tuple[float, ...]
    tokens: int
    taken: tuple[int, ...]  # lessons of each domain


class Weights(Protocol):
    """What decides on the shares of N domains."""

    def factors(self, interval: Interval) -> tuple[float, ...]:
        """Return the factors [N] of an interval; asked in every process before its first step, with the student as it is then."""
        ...

    def shares(self, number: int, factors: tuple[float, ...]) -> tuple[float, ...]:
        """Return the shares [N] of the tokens that the domains get in an interval with these factors; together 1, each over 0."""
        ...


class DomainPlan(Plan):
    """Steps in intervals of about `interval_tokens`: of each domain its share, in an order of its own that begins anew at its end."""

    def __init__(self, lessons: "Lessons", domains: NDArray[np.int32], weights: Weights, given: "PlanGiven") -> None:
        """`domains` [lessons] are numbers from 0 to N-1; each has lessons."""
        super().__init__(lessons, given.tokens_per_step, given.blocks, given.seed)
        self.members = [np.flatnonzero(domains == number) for number in range(int(domains.max()) + 1)]
        self.weights, self.interval_tokens, self.tokens = weights, given.interval_tokens, given.tokens

    def steps(self, position: Position) -> Iterator[Step]:
        """Yield steps from `position` on, for ever."""
        number, skip, factors = position.epoch, position.step, position.factors
        taken = position.taken or (0,) * len(self.members)
        while True:
            if not skip:
                factors = self.weights.factors(Interval(number, factors, self.tokens, taken))
            chosen, then = self._drawn(self.weights.shares(number, factors), taken)
            rng = np.random.default_rng(self.seed.child("interval", number).value)
            blocks = self._pooled(rng.permutation(chosen), rng)
            places = Position(number, 0, factors, taken), Position(number + 1, 0, factors, then)
            for step in self._stepped(blocks, skip, places):
                self.tokens += step.tokens
                yield step
            number, skip, taken = number + 1, 0, then

    def _drawn(self, shares: tuple[float, ...], taken: tuple[int, ...]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Return the lessons of an interval, and how many of each domain are taken after it."""
        found, then = [], []
        for domain, (share, start) in enumerate(zip(shares, taken, strict=True)):
            chosen = self._next(domain, start, share * self.interval_tokens)
            found.append(chosen)
            then.append(start + len(chosen))
        return np.concatenate(found), tuple(then)

    def _next(self, domain: int, start: int, tokens: float) -> NDArray[np.int64]:
        """Return lessons of a domain from its `start`-th on, of at most `tokens`, but one at least."""
        members = self.members[domain]
        number, skip = divmod(start, len(members))
        chosen: list[NDArray[np.int64]] = []
        while True:
            order = members[np.random.default_rng(self.seed.child("domain", domain, number).value).permutation(len(members))][skip:]
            sums = np.cumsum(self.lengths[order])
            if sums[-1] > tokens:
                least = 0 if chosen else 1
                return np.concatenate([*chosen, order[: max(least, int(np.searchsorted(sums, tokens, side="right")))]])
            chosen.append(order)
            tokens -= float(sums[-1])
            number, skip = number + 1, 0


@dataclass(frozen=True)
class PlanGiven:
    """Sizes of a step and of an interval in tokens, the seed, and the tokens that were seen before the first step."""

    tokens_per_step: int
    blocks: int
    interval_tokens: int
    seed: Seed
    tokens: int


def read_samples(path: Path, count: int) -> list[dict[str, Any]]:
    """Return the first `count` records of a file."""
    found: list[dict[str, Any]] = []
    for record in read_records(path):
        if len(found) == count:
            break
        found.append(record)
    return found
