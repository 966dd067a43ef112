"""What a teacher says of each labelled token, small enough to keep: the codec that capture and distillation share.

Of a token's distribution over V words stay the K likeliest, with their log-probabilities, and the mass of all the rest; of the token that
really follows stay its log-probability and how many bytes it writes. A shard is two arrays of records that are mapped and not read: one
record a labelled token, and one a lesson. Log-probabilities are rounded to steps between nought and -RANGE nats ("steps", a byte each) or
to half precision ("half"); what is decoded sums to one again.

How far that is from the truth (q the K+1 masses, q' the decoded ones, d the largest rounding in nats, c = (K+1)·exp(-RANGE) for what lies
below the range): rounding moves a mass by a factor of exp(±d) or by less than exp(-RANGE), and so the sum; hence total variation
TV(q, q') <= exp(d) - 1 + c, and KL(q, q') <= chi² <= (exp(2d + c) - 1)² + c, since KL never exceeds chi² (Gibbs and Su 2002, theorem 5).
Against the whole distribution, with the rest spread evenly, TV grows by the rest's mass at most.

N labelled tokens, K kept words of V.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import exp, expm1
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text

VERSION = 1
HEADER = "signals.json"  # written last
DONE = "captured"  # folder of one small file a shard, written after its arrays
RANGE = 16.0  # nats: masses under 1.1e-7 are not told apart
STEPS = 255
HALF_ROUNDING = 2.0**-8  # half precision between 8 and 16: the spacing is 2**-7

Codec = Literal["steps", "half"]
Records = NDArray[np.void]
LESSON = np.dtype([("line", "<i8"), ("tokens", "<i4"), ("text", "<u8")])  # line of the mix, labelled tokens, hash of the answer's bytes


@dataclass(frozen=True)
class Form:
    """What a token's record is made of: K = `kept` of `vocabulary` words, rounded by `codec`."""

    vocabulary: int
    kept: int
    codec: Codec = "steps"

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The record: ids [K] and logs [K] from the likeliest on, rest, chosen (of the token that follows), width in bytes."""
        ids = "<u2" if self.vocabulary <= 1 << 16 else "<u4"
        log = "u1" if self.codec == "steps" else "<f2"
        return np.dtype([("ids", ids, (self.kept,)), ("logs", log, (self.kept,)), ("rest", log), ("chosen", "<f2"), ("width", "<u2")])

    @property
    def bytes_per_token(self) -> int:
        """Bytes of a record."""
        return self.dtype.itemsize

    @property
    def rounding(self) -> float:
        """The most nats by which a log-probability within the range is moved."""
        return RANGE / STEPS / 2 if self.codec == "steps" else HALF_ROUNDING

    @property
    def bound_variation(self) -> float:
        """What total variation between the K+1 masses and the decoded ones cannot exceed."""
        return expm1(self.rounding) + self._below

    @property
    def bound_divergence(self) -> float:
        """What KL from the K+1 masses to the decoded ones cannot exceed, in nats."""
        return expm1(2 * self.rounding + self._below) ** 2 + self._below

    @property
    def _below(self) -> float:
        return (self.kept + 1) * exp(-RANGE)


@dataclass(frozen=True)
class Top:
    """The K likeliest words of each token: `ids` [N,K], their log-probabilities `logs` [N,K], and the log of the `rest`'s mass [N]."""

    ids: NDArray[np.int64]
    logs: NDArray[np.float32]
    rest: NDArray[np.float32]


def pack(form: Form, top: Top, chosen: NDArray[np.float32], width: NDArray[np.int64]) -> Records:
    """Round signals to records [N]; `chosen` [N] is the log-probability of the token that follows, `width` [N] the bytes it writes."""
    records = np.zeros(len(top.ids), form.dtype)
    records["ids"], records["chosen"], records["width"] = top.ids, np.maximum(chosen, -6e4), width
    for name, logs in (("logs", top.logs), ("rest", top.rest)):
        within = np.clip(-np.nan_to_num(logs, nan=-RANGE, neginf=-RANGE), 0.0, RANGE)
        records[name] = np.rint(within * (STEPS / RANGE)) if form.codec == "steps" else -within
    return records


def unpack(form: Form, records: Records) -> Top:
    """Return the signals of records [N]: with the rest, the masses of each sum to one."""
    scale = -RANGE / STEPS if form.codec == "steps" else 1.0
    logs = np.concatenate([records["logs"], records["rest"][:, None]], 1).astype(np.float32) * np.float32(scale)
    logs -= np.log(np.exp(logs).sum(1, keepdims=True))
    return Top(records["ids"].astype(np.int64), logs[:, :-1], logs[:, -1])


@dataclass(frozen=True)
class Header:
    """Whose signals these are, of what: `lessons` says by digests which tokens they belong to."""

    teacher: dict[str, str]
    form: Form
    lessons: dict[str, Any]
    shards: tuple[int, ...]  # tokens of each
    perplexity: dict[str, dict[str, float]] = field(default_factory=dict)  # exp of the mean cross-entropy, by skill and by kind
    version: int = VERSION


def text_hash(pieces: Iterable[bytes]) -> int:
    """Return a hash of the bytes that tokens write together, however they are cut."""
    return int.from_bytes(hashlib.blake2b(b"".join(pieces), digest_size=8).digest(), "little")


def write_shard(folder: Path, number: int, records: Records, lessons: Records, figures: dict[str, Any]) -> None:
    """Write a shard, whole or not at all, and the `figures` of it last: their presence means that it is done."""
    for stem, array in (("signals", records), ("lessons", lessons)):
        path = folder / f"{stem}-{number:05d}.npy"
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    write_text(folder / DONE / f"{number:05d}.json", json.dumps(figures, sort_keys=True) + "\n")


def shard_figures(folder: Path, number: int) -> dict[str, Any] | None:
    """Return the figures of a shard that is done, else None."""
    path = folder / DONE / f"{number:05d}.json"
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def write_header(folder: Path, header: Header) -> None:
    """Seal the folder."""
    write_text(folder / HEADER, json.dumps(asdict(header), indent=1, sort_keys=True) + "\n")


def read_header(folder: Path) -> Header:
    """Read what a folder of signals says of itself.

    Raises:
        UserError: there is none, or it is none of ours.
    """
    path = folder / HEADER
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["version"] != VERSION:
            raise UserError(str(path), f"signals of version {record['version']}, this kubestill reads {VERSION}", "capture them again")
        form = Form(**record.pop("form"))
        return Header(form=form, shards=tuple(record.pop("shards")), **record)
    except FileNotFoundError:
        raise UserError(str(folder), f"no {HEADER}", "give a folder that the stage capture made to its end") from None
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(str(path), f"no signals of kubestill ({error})", "capture them again") from None


class Signals:
    """A folder of signals, mapped."""

    def __init__(self, folder: Path) -> None:
        """Map all shards.

        Raises:
            UserError: the folder holds no signals, or an array of it is cut or foreign.
        """
        self.folder, self.header = folder, read_header(folder)
        self.form = self.header.form
        counts = self.header.shards
        self.shards = [_map(folder / f"signals-{number:05d}.npy", self.form.dtype) for number in range(len(counts))]
        tables = [_map(folder / f"lessons-{number:05d}.npy", LESSON) for number in range(len(counts))]
        for number, (shard, table, count) in enumerate(zip(self.shards, tables, counts, strict=True)):
            if not len(shard) == int(table["tokens"].sum()) == count:
                raise UserError(str(folder), f"shard {number} has {len(shard)} tokens, {HEADER} says {count}", "capture them again")
        self.lessons: Records = np.concatenate(tables) if tables else np.zeros(0, LESSON)
        self.ends = np.cumsum(self.lessons["tokens"], dtype=np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def of(self, number: int) -> Records:
        """Return the records of one lesson, in the order of its labelled tokens."""
        end = int(self.ends[number])
        start = end - int(self.lessons["tokens"][number])
        shard = int(np.searchsorted(self.offsets, start, side="right")) - 1
        offset = int(self.offsets[shard])
        return self.shards[shard][start - offset : end - offset]

    def many(self, numbers: Sequence[int] | NDArray[np.int64]) -> Records:
        """Return the records of several lessons, one after the other."""
        return np.concatenate([self.of(int(number)) for number in numbers])


def _map(path: Path, dtype: np.dtype[np.void]) -> Records:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(str(path), f"no whole array of signals ({error})", "capture them again") from None
    if found.dtype != dtype or found.ndim != 1:
        raise UserError(str(path), f"records of another form ({found.dtype})", "capture them again")
    if path.stat().st_size != found.offset + found.nbytes:
        raise UserError(str(path), "bytes after its end", "capture them again")
    return np.asarray(found)
