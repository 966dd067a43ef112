"""Pairs of answers to one request, the first better than the second: from samples that passed and samples that did not.

Two rows of the encoded arrays are one lesson: row 2i is chosen, row 2i+1 is rejected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Tally
from kubestill.stages.training.batches import padded
from kubestill.stages.training.objectives.api import Block
from kubestill.stages.training.settings import DpoWhat
from kubestill.tools.modeling.encoding import Encoded

REFERENCE = "reference.npy"  # beside the encoded pairs: the log-probability of each row before tuning
ALL_PASS, ALL_FAIL = "all samples pass", "all samples fail"

Row = tuple[NDArray[Any], int]  # ids, and where the answer begins


@dataclass
class Made:
    """What pairs were made: their rows, a tally of requests, and how many pairs have the mix's answer as the chosen one."""

    rows: list[Row] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    gold: int = 0

    @property
    def encoded(self) -> Encoded:
        """The rows as arrays."""
        ids = [ids for ids, _ in self.rows]
        ends = np.cumsum([len(one) for one in ids], dtype=np.int64)
        return Encoded(np.concatenate(ids), ends, np.array([start for _, start in self.rows], dtype=np.int32))


def make_pairs(records: Iterable[Mapping[str, Any]], right: Encoded, what: DpoWhat, seed: Seed) -> Made:
    """Make the pairs of every request of the rollouts; `right` holds the right answer to each line."""
    made = Made()
    for record in records:
        line = int(record["line"])
        groups = _shuffled(record, right.ids.dtype, seed.rng("pairs", line))
        if not groups[True] and what.gold:
            groups[True] = [(right.sample(line), int(right.starts[line]))]
            made.gold += 1
        pairs = list(zip(groups[True], groups[False], strict=False))[: what.pairs]
        if not pairs:
            made.tally.drop(ALL_FAIL if groups[False] else ALL_PASS)
            continue
        made.tally.keep()
        made.rows += [row for pair in pairs for row in pair]
    return made


def _shuffled(record: Mapping[str, Any], dtype: Any, rng: Random) -> dict[bool, list[Row]]:
    """Return the distinct samples that passed and those that did not, in a random order."""
    groups: dict[bool, list[Row]] = {True: [], False: []}
    for one in record["samples"]:
        groups[one["passed"]].append((np.array(one["ids"], dtype=dtype), int(one["start"])))
    for group in groups.values():
        rng.shuffle(group)
    return groups


@dataclass(frozen=True)
class Pairs:
    """Lessons of two rows each; `reference` [2 x lessons] lies beside the rows of a block, where there is one."""

    encoded: Encoded
    pad: int
    reference: NDArray[np.float32] | None = None

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each pair, both rows."""
        return _pairwise(self.encoded.lengths)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Tokens of each pair's answers, both rows."""
        return _pairwise(self.encoded.labels)

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:  # noqa: ARG002 - nothing is drawn
        """Return the pairs as one block: chosen and rejected rows take turns."""
        rows = np.stack([2 * numbers, 2 * numbers + 1], 1).ravel()
        found = padded([self.encoded.sample(int(row)) for row in rows], self.encoded.starts[rows], np.repeat(numbers, 2), self.pad)
        extras = {} if self.reference is None else {"reference": self.reference[rows]}
        return Block(found.ids, found.where, found.targets, found.rows, found.numbers, extras, parts=len(numbers))

    def digest(self) -> str:
        """Return the hash of the arrays."""
        return self.encoded.digest()


def _pairwise(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of each lesson's two rows."""
    found: NDArray[np.int64] = counts.reshape(-1, 2).sum(1)
    return found
