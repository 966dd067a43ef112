"""A mix as numbers, written once: training learns from it, and a teacher is asked about the very same tokens.

Samples are encoded into flat arrays on disk that every process maps.
"""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.seeds import stable_hash
from kubestill.ground.stage import Tally

ENCODED_AT_ONCE = 4_000  # samples of one call: the processes share a mix evenly, whatever its shards
ENCODED = "encoded"  # folder of the arrays below that of a training, removed when it is done
FILES = ("ids", "ends", "starts")
LINES = "lines"
SMALL = 1 << 16  # tokens of a vocabulary whose ids take two bytes

Ids = NDArray[np.integer[Any]]


class Asked(Protocol):
    """What is encoded of a sample (kubestill.domains.api.Sample)."""

    @property
    def request(self) -> str:
        """What is asked."""
        ...

    @property
    def answer(self) -> str:
        """The right answer."""
        ...

    def notes(self) -> str:
        """What the request says, as it may be written before the answer."""
        ...


Read = Callable[[Mapping[str, Any]], Asked]  # a record of the mix as its sample; picklable


@dataclass(frozen=True)
class Encoded:
    """All samples: `ids` of all in one row, `ends` of each in it, and `starts` of each answer counted within its sample.

    `lines` says which line of the mix each sample is; it is empty where there is no mix behind them.
    """

    ids: NDArray[Any]  # uint16, or uint32 for a vocabulary over SMALL
    ends: NDArray[np.int64]
    starts: NDArray[np.int32]
    lines: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sample."""
        return np.diff(self.ends, prepend=0)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Tokens of each sample's answer, its end included."""
        return self.lengths - self.starts

    def sample(self, number: int) -> NDArray[Any]:
        """Return the ids of one sample."""
        start = int(self.ends[number - 1]) if number else 0
        return self.ids[start : int(self.ends[number])]

    def save(self, folder: Path) -> None:
        """Write the arrays."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*FILES, LINES):
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "Encoded":
        """Map the arrays."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*FILES, LINES)))

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


@dataclass(frozen=True)
class Encoding:
    """What encodes: the tokenizer and chat.json in `folder`, records as `read` takes them, within `limits`."""

    folder: Path
    read: Read
    limits: Limits


def encode_lines(encoding: Encoding, shard: Path, lines: slice) -> tuple[Encoded, Tally]:
    """Encode some lines of a JSONL file of samples; the lines of what is returned count from the first of these."""
    from kubestill.tools.chat.mask import encode_many
    from kubestill.tools.modeling.texts import read_texts

    limits, tally = encoding.limits, Tally()
    ids, lengths, starts, kept = [], [], [], []
    texts = read_texts(encoding.folder)
    chat, tokenizer = texts.chat, texts.tokenizer
    samples = map(encoding.read, _some_records(shard, lines))
    lessons = ((sample.request, _answer(sample, chat.notes, limits.answers), sample.notes()) for sample in samples)
    dtype = np.uint16 if texts.vocabulary <= SMALL else np.uint32
    for line, found in enumerate(encode_many(tokenizer, chat, lessons, limits.max_tokens, limits.hidden)):
        if found is None:
            tally.drop("too-long")
            continue
        tally.keep()
        ids.append(np.array(found[0], dtype=dtype))
        lengths.append(len(found[0]))
        starts.append(found[1])
        kept.append(line)
    row = np.concatenate(ids) if ids else np.zeros(0, dtype)
    return Encoded(row, np.cumsum(lengths, dtype=np.int64), np.array(starts, dtype=np.int32), np.array(kept, dtype=np.int64)), tally


def _answer(sample: Asked, notes: bool, share: float) -> str | None:
    """Return the answer, or None where the lesson shall end with the notes: which, the request alone decides."""
    return None if notes and stable_hash("notes-only", sample.request) % 10_000 >= share * 10_000 else sample.answer


def _some_records(shard: Path, lines: slice) -> Iterator[dict[str, Any]]:
    with shard.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in islice(file, lines.start, lines.stop))


def _work(encoding: Encoding, shards: Iterable[Path]) -> Iterator[tuple[Encoding, Path, slice]]:
    """Yield what `encode_lines` takes, for all lines in their order."""
    for shard in shards:
        with shard.open("rb") as file:
            count = sum(1 for _ in file)
        for start in range(0, count, ENCODED_AT_ONCE):
            yield encoding, shard, slice(start, start + ENCODED_AT_ONCE)


def encode_mix(encoding: Encoding, shards: list[Path], processes: int) -> tuple[Encoded, Tally]:
    """Encode all shards, in their order, with several processes."""
    work = list(_work(encoding, shards))
    if processes > 1 and len(work) > 1:
        with multiprocessing.get_context("spawn").Pool(min(processes, len(work))) as pool:
            found = pool.starmap(encode_lines, work, chunksize=1)
    else:
        found = [encode_lines(*one) for one in work]
    tally, offset = Tally(), 0
    ends: list[NDArray[np.int64]] = []
    lines: list[NDArray[np.int64]] = []
    for encoded, part in found:
        ends.append(encoded.ends + offset)
        lines.append(encoded.lines + tally.came)
        offset += len(encoded.ids)
        tally.add(part)
    joined = [np.concatenate([getattr(encoded, name) for encoded, _ in found]) for name in ("ids", "starts")]
    return Encoded(joined[0], np.concatenate(ends), joined[1], np.concatenate(lines)), tally


def shards_of(mix: Path) -> list[Path]:
    """Return the training files of a mix in their order."""
    return sorted(mix.glob("train-*.jsonl"))


def laid(rows: Sequence[Ids], starts: Sequence[int] | NDArray[np.int32], pad: int) -> tuple[NDArray[np.int64], ...]:
    """Lay rows of ids, each learned from its place in `starts` on, in one rectangle padded on the right.

    Returns `ids` [B,T], and of each of M labels its flat place `where`, its `targets` and its row. Place t predicts the token at t+1, so
    the last token is no input.
    """
    width = max(len(row) for row in rows) - 1
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    where, targets, labelled = [], [], []
    for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
        ids[place, : len(row) - 1] = row[:-1]
        where.append(place * width + np.arange(start - 1, len(row) - 1))
        targets.append(row[start:].astype(np.int64))
        labelled.append(np.full(len(row) - start, place, dtype=np.int64))
    return ids, np.concatenate(where), np.concatenate(targets), np.concatenate(labelled)
