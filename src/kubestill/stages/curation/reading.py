"""The first pass: every sample is read once, and what is remembered of it are a few numbers (about 70 bytes)."""

from __future__ import annotations  # array[int] is for the type checker: Python 3.11 cannot subscript it

import json
from array import array
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kubestill.ground.progress import Progress
from kubestill.ground.seeds import stable_hash
from kubestill.stages.curation.likeness import exact_key, keys
from kubestill.stages.curation.suites import Suites

Column = npt.NDArray[Any]
LEFT_OUT = "left out by kind"

# What is remembered of a sample, each with the type of its array. `unit` is what goes to dev or to training as a whole: the page or the
# repository that a sample comes from, or, of an invented one, its family: skill, kind and shape of its answer (a command with its flags,
# a fault with its next command). `part` is the next smaller: the file, or the template; `row` the smallest: again the file, or itself.
COLUMNS = {
    **{"file": "H", "start": "Q", "length": "I"},  # where its line lies: index of the file, offset, bytes with the line's end
    **{"request": "Q", "template": "Q"},  # keys of its request and of its template
    **{"unit": "Q", "part": "Q", "row": "Q", "voice": "Q"},  # voice: whose words these are: the page's or repository's, or the template's
    **{"road": "B", "skill": "B", "reason": "B"},  # indices into the lists of names; reason 0: nothing is known against it
    **{"suite": "H", "close": "B"},  # the suite that the reason is about; 1 where it may be similar to a question
}


class Read:
    """What the first pass remembers: `read["unit"]` is an array with an entry a sample."""

    def __init__(self, without: Sequence[str] = ()) -> None:
        """`without`: patterns of the kinds that are left out."""
        self.without = without
        self.columns: dict[str, array[Any]] = {name: array(code) for name, code in COLUMNS.items()}
        self.roads: list[str] = []
        self.skills: list[str] = []
        self.reasons = [""]
        # Pairs of a sample and a mark (of the suites) that it bears.
        self.marked: array[int] = array("I")
        self.marks: array[int] = array("I")

    def __len__(self) -> int:
        return len(self.columns["file"])

    def __getitem__(self, name: str) -> Column:
        return np.array(self.columns[name])

    def numbers(self, name: str) -> npt.NDArray[np.int64]:
        """Return a column of indices in a type that one can count with."""
        return np.array(self.columns[name], dtype=np.int64)

    def add(self, lies: tuple[int, int, int], record: Mapping[str, Any], suites: Suites) -> None:
        """Note one more; `lies`: file, offset, bytes."""
        words = record["request"].lower().split()
        request = exact_key(" ".join(words))
        template, built = keys(record["request"], record["answer"])
        reason, suite = suites.known(request, template)
        if not reason and any(fnmatchcase(record["kind"], pattern) for pattern in self.without):
            reason = LEFT_OUT
        close, marks = (False, []) if reason else suites.met(words, record["answer"])
        self.marked.extend([len(self)] * len(marks))
        self.marks.extend(marks)
        names = (index_of(record["road"], self.roads), index_of(record["skill"], self.skills), index_of(reason, self.reasons))
        values = (*lies, request, template, *_units(record, request, template, built), *names, suite, close)
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)


def index_of(name: str, known: list[str]) -> int:
    """Return the place of a name in the list, adding it where it is new."""
    if name not in known:
        known.append(name)
    return known.index(name)


def _units(record: Mapping[str, Any], request: int, template: int, built: int) -> tuple[int, int, int, int]:
    """Return unit, part, row and voice of a sample."""
    source = record["source"]
    place = source.get("page") or source.get("repository") or source.get("path")
    if not place:
        return stable_hash(record["skill"], record["kind"], built), template, request, template
    unit = stable_hash("source", place)
    file = stable_hash("file", place, source["path"]) if "path" in source and "page" not in source else unit
    return unit, file, file, unit


def read_samples(files: Sequence[Path], suites: Suites, progress: Progress, without: Sequence[str] = ()) -> Read:
    """Read every sample of the files; `without`: patterns of the kinds that are left out."""
    read = Read(without)
    for index, path in enumerate(files):
        start = 0
        with path.open("rb") as lines:
            for line in lines:
                read.add((index, start, len(line)), json.loads(line), suites)
                start += len(line)
        progress.step(index + 1, len(files), "files of samples", samples=len(read))
    return read


def mixed(values: npt.ArrayLike, seed: int) -> npt.NDArray[np.uint64]:
    """Return numbers that look random and depend on value and seed alone (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = np.asarray(values, dtype=np.uint64) ^ np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def chances(values: npt.ArrayLike, seed: int) -> npt.NDArray[np.float64]:
    """Return numbers from 0 to below 1 that depend on value and seed alone."""
    return (mixed(values, seed) >> np.uint64(11)).astype(np.float64) / 2.0**53
