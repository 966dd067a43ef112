"""The mix as numbers, and the order in which they are seen.

Samples are encoded once, into flat arrays on disk that every process maps. A step is a fixed number of blocks; a block is some samples of
like length, padded on the right. Which samples make a block depends on the seed alone, never on the number of processes.
"""

import hashlib
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.domains.api import Sample
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed, stable_hash
from kubestill.ground.stage import Tally
from kubestill.stages.training.objectives.api import Block, Lessons

POOL_BLOCKS = 256  # blocks' worth of samples that are sorted by length together: enough for 3 % padding, few enough to mix
SHORT = 0.3  # the share of the samples, by length, that is open from the first step
ENCODED_AT_ONCE = 4_000  # samples of one call: the processes share a mix evenly, whatever its shards
ENCODED = "encoded"  # folder of the arrays below that of a training, removed when it is done
FILES = ("ids", "ends", "starts")

Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Encoded:
    """All samples: `ids` of all in one row, `ends` of each in it, and `starts` of each answer counted within its sample."""

    ids: NDArray[np.uint16]
    ends: NDArray[np.int64]
    starts: NDArray[np.int32]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sample."""
        return np.diff(self.ends, prepend=0)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Tokens of each sample's answer, its end included."""
        return self.lengths - self.starts

    def sample(self, number: int) -> NDArray[np.uint16]:
        """Return the ids of one sample."""
        start = int(self.ends[number - 1]) if number else 0
        return self.ids[start : int(self.ends[number])]

    def save(self, folder: Path) -> None:
        """Write the arrays."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "Encoded":
        """Map the arrays."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in FILES))

    def digest(self) -> str:
        """Return a hash of all that is learned from."""
        found = hashlib.blake2b(digest_size=16)
        for name in FILES:
            found.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Limits:
    """Longest sample in tokens, share of the samples whose answer is learned and not their notes alone, share of rare words hidden."""

    max_tokens: int
    answers: float = 1.0
    hidden: float = 0.0


def encode_lines(folder: Path, shard: Path, lines: slice, limits: Limits) -> tuple[Encoded, Tally]:
    """Encode some lines of a JSONL file of samples with the tokenizer and chat.json in `folder`."""
    from kubestill.tools.chat.format import ChatFormat
    from kubestill.tools.chat.mask import encode_many
    from kubestill.tools.modeling.tokenizer import load_tokenizer

    tally, ids, lengths, starts = Tally(), [], [], []
    samples = map(Sample.from_record, _some_records(shard, lines))
    chat = ChatFormat.load(folder)
    lessons = ((sample.request, _answer(sample, chat.notes, limits.answers), sample.notes()) for sample in samples)
    for found in encode_many(load_tokenizer(folder), chat, lessons, limits.max_tokens, limits.hidden):
        if found is None:
            tally.drop("too-long")
            continue
        tally.keep()
        ids.append(np.array(found[0], dtype=np.uint16))
        lengths.append(len(found[0]))
        starts.append(found[1])
    row = np.concatenate(ids) if ids else np.zeros(0, np.uint16)
    return Encoded(row, np.cumsum(lengths, dtype=np.int64), np.array(starts, dtype=np.int32)), tally


def _answer(sample: Sample, notes: bool, share: float) -> str | None:
    """Return the answer, or None where the lesson shall end with the notes: which, the request alone decides."""
    return None if notes and stable_hash("notes-only", sample.request) % 10_000 >= share * 10_000 else sample.answer


def _some_records(shard: Path, lines: slice) -> Iterator[dict[str, Any]]:
    with shard.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in islice(file, lines.start, lines.stop))


def _work(folder: Path, shards: list[Path], limits: Limits) -> Iterator[tuple[Path, Path, slice, Limits]]:
    """Yield what `encode_lines` takes, for all lines in their order."""
    for shard in shards:
        with shard.open("rb") as file:
            count = sum(1 for _ in file)
        for start in range(0, count, ENCODED_AT_ONCE):
            yield folder, shard, slice(start, start + ENCODED_AT_ONCE), limits


def encode_mix(folder: Path, shards: list[Path], limits: Limits, processes: int) -> tuple[Encoded, Tally]:
    """Encode all shards, in their order, with several processes."""
    work = list(_work(folder, shards, limits))
    if processes > 1 and len(work) > 1:
        with multiprocessing.get_context("spawn").Pool(min(processes, len(work))) as pool:
            found = pool.starmap(encode_lines, work, chunksize=1)
    else:
        found = [encode_lines(*one) for one in work]
    tally, offset = Tally(), 0
    ends: list[NDArray[np.int64]] = []
    for encoded, part in found:
        tally.add(part)
        ends.append(encoded.ends + offset)
        offset += len(encoded.ids)
    joined = [np.concatenate([getattr(encoded, name) for encoded, _ in found]) for name in ("ids", "starts")]
    return Encoded(joined[0], np.concatenate(ends), joined[1]), tally


def build_block(encoded: Encoded, numbers: NDArray[np.int64], pad: int) -> Block:
    """Pad the samples `numbers` to one rectangle. Place t predicts the token at t+1, so the last token is no input."""
    return padded([encoded.sample(int(number)) for number in numbers], encoded.starts[numbers], numbers, pad)


def padded(rows: Sequence[Ids], starts: Sequence[int] | NDArray[np.int32], numbers: NDArray[np.int64], pad: int) -> Block:
    """Return rows of ids, each learned from its place in `starts` on, as one rectangle; `numbers` says which lesson each is of."""
    width = max(len(row) for row in rows) - 1
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    where, targets, labelled = [], [], []
    for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
        ids[place, : len(row) - 1] = row[:-1]
        where.append(place * width + np.arange(start - 1, len(row) - 1))
        targets.append(row[start:].astype(np.int64))
        labelled.append(np.full(len(row) - start, place, dtype=np.int64))
    return Block(ids, np.concatenate(where), np.concatenate(targets), np.concatenate(labelled), numbers)


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
    """Where in the data a run is: the next step is number `step` of `epoch`."""

    epoch: int = 0
    step: int = 0


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

    def __init__(self, lessons: "Lessons | Encoded", tokens_per_step: int, blocks: int, seed: Seed, pace: "Pace | None" = None) -> None:
        """`tokens_per_step` counts padding and is shared evenly by the `blocks`; `pace` holds long samples back at first."""
        self.pace = pace
        self.lengths, self.labels = lessons.lengths, lessons.labels
        self.block_tokens, self.blocks, self.seed = tokens_per_step // blocks, blocks, seed

    def steps(self, position: Position) -> Iterator[Step]:
        """Yield steps from `position` on, for ever; each epoch is shuffled anew."""
        epoch, skip = position.epoch, position.step
        while True:
            blocks = self._epoch(epoch)
            count = max(1, len(blocks) // self.blocks)
            for step in range(skip, count):
                # The last blocks of an epoch that fill no step are left for the next shuffle.
                chosen = blocks[step * self.blocks : (step + 1) * self.blocks]
                numbers = np.concatenate(chosen)
                after = Position(epoch, step + 1) if step + 1 < count else Position(epoch + 1, 0)
                yield Step(chosen, int(self.lengths[numbers].sum()), int(self.labels[numbers].sum()), after)
            epoch, skip = epoch + 1, 0

    def _epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        rng = np.random.default_rng(self.seed.child("epoch", epoch).value)
        order = rng.permutation(len(self.lengths))
        if epoch == 0 and self.pace:
            order = self.pace.order(order, self.lengths, rng)
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


def shards_of(mix: Path) -> list[Path]:
    """Return the training files of a mix in their order."""
    return sorted(mix.glob("train-*.jsonl"))


def read_samples(path: Path, count: int) -> list[dict[str, Any]]:
    """Return the first `count` records of a file."""
    found: list[dict[str, Any]] = []
    for record in read_records(path):
        if len(found) == count:
            break
        found.append(record)
    return found
