"""The second pass: what stays is written, what goes is told. Lines are copied as bytes: nothing is parsed or spelt a second time."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kubestill.ground.records import write_records, write_text
from kubestill.ground.seeds import Seed
from kubestill.stages.curation.deciding import Decided, Mask
from kubestill.stages.curation.reading import Read, mixed
from kubestill.stages.curation.suites import Similar, Suites

SHARD_SAMPLES = 20_000
OPEN_FILES = 500  # at once; most systems allow a process 1,024
SIMILAR_FILE = "similar.json"
TOLD = ("id", "skill", "kind", "road", "request")  # of a sample that goes, in rejects.jsonl


class Lines:
    """The lines of the samples, by their place in the first pass. Read one by one: a mapped file would count as memory of ours."""

    def __init__(self, files: Sequence[Path], read: Read) -> None:
        self.files, self.read = files, read
        self.places = [read.columns[name] for name in ("file", "start", "length")]
        self.handles: dict[int, int] = {}  # index of the file -> descriptor

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        while self.handles:
            os.close(self.handles.popitem()[1])

    def __getitem__(self, place: int) -> bytes:
        file, start, length = (column[place] for column in self.places)
        if file not in self.handles:
            if len(self.handles) >= OPEN_FILES:
                self._close()
            self.handles[file] = os.open(self.files[file], os.O_RDONLY)
        return os.pread(self.handles[file], length, start)


def write_mix(lines: Lines, decided: Decided, dev: Mask, seed: Seed, out: Path) -> npt.NDArray[np.int64]:
    """Write `dev.jsonl` and `train-*.jsonl`, each sample as often as it weighs, shuffled; return the places of the training samples."""
    read = lines.read
    requests = read["request"]
    places = np.flatnonzero(dev)
    order = np.argsort(mixed(requests[places], seed.child("dev").value), kind="stable")
    _write_lines(out / "dev.jsonl", (lines[place] for place in places[order].tolist()))
    train = np.repeat(np.arange(len(read)), np.where(dev, 0, decided.times))
    train = train[np.argsort(mixed(np.arange(len(train)), seed.child("order").value), kind="stable")]
    for number, first in enumerate(range(0, len(train), SHARD_SAMPLES)):
        _write_lines(out / f"train-{number:05d}.jsonl", (lines[place] for place in train[first : first + SHARD_SAMPLES].tolist()))
    return train


def write_rejects(lines: Lines, decided: Decided, suites: Suites, out: Path) -> dict[str, dict[str, int]]:
    """Write `rejects.jsonl`; return how much each suite took away, by reason."""
    taken: dict[str, dict[str, int]] = {name: {} for name in suites.names}

    def rows() -> Iterator[dict[str, Any]]:
        for place in np.flatnonzero(~decided.stays).tolist():
            record, reason = json.loads(lines[place]), lines.read.reasons[decided.reason[place]]
            about = {}
            if reason.startswith("suite:"):
                about = {"suite": suites.names[decided.suite[place]]}
                counts = taken[about["suite"]]
                counts[reason] = counts.get(reason, 0) + 1
            yield {"reason": reason, **about, **{name: record[name] for name in TOLD}}

    write_records(out / "rejects.jsonl", rows())
    return taken


def write_similar(lines: Lines, train: Mask, suites: Suites, out: Path) -> Mapping[str, list[str]]:
    """Write `similar.json`: {suite: ids of its questions that have a similar request in training}; return the same."""
    similar = Similar(suites)
    close = lines.read["close"].astype(bool)
    for place in np.flatnonzero(train & close).tolist():
        similar.add(json.loads(lines[place])["request"])
    found = similar.by_suite()
    write_text(out / SIMILAR_FILE, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return found


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write whole or not at all, as `ground.records` does."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
