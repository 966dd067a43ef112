"""The pass that decides, sample by sample, what stays. Of what stays it remembers only where it lies: memory stays small."""

from __future__ import annotations  # array[int] is for the type checker: Python 3.11 cannot subscript it

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubestill.ground.progress import Progress
from kubestill.ground.seeds import Seed, stable_hash
from kubestill.ground.stage import Tally
from kubestill.stages.curation.likeness import Contamination, skeleton_key, text_key


@dataclass
class Kept:
    """Where the kept samples lie: one entry each in every array."""

    file: array[int] = field(default_factory=lambda: array("H"))  # index of the file
    start: array[int] = field(default_factory=lambda: array("Q"))  # byte offset of the line
    length: array[int] = field(default_factory=lambda: array("L"))  # bytes of the line, with its end
    order: array[int] = field(default_factory=lambda: array("Q"))  # hash of the source file, or of the request: who goes to dev
    road: array[int] = field(default_factory=lambda: array("B"))  # index into `roads`
    roads: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.start)

    def add(self, file: int, start: int, length: int, order: int, road: str) -> None:
        """Note one more."""
        if road not in self.roads:
            self.roads.append(road)
        self.file.append(file)
        self.start.append(start)
        self.length.append(length)
        self.order.append(order)
        self.road.append(self.roads.index(road))


@dataclass
class Sieve:
    """What is let through."""

    suites: Contamination
    near_cap: int
    weights: Mapping[str, float]
    seed: Seed
    requests: set[int] = field(default_factory=set)
    skeletons: dict[int, int] = field(default_factory=dict)

    def sift(self, files: Sequence[Path], kept: Kept, tally: Tally, progress: Progress) -> Iterator[dict[str, Any]]:
        """Fill `kept` and `tally`; yield what is dropped, each with its reason."""
        for index, path in enumerate(files):
            start = 0
            with path.open("rb") as lines:
                for line in lines:
                    record = json.loads(line)
                    key = text_key(record["request"])
                    if reason := self.reason(record, key):
                        tally.drop(reason)
                        yield {"reason": reason, "id": record["id"], "kind": record["kind"], "request": record["request"]}
                    else:
                        tally.keep()
                        kept.add(index, start, len(line), _unit(record["source"], key), record["road"])
                    start += len(line)
            progress.step(index + 1, len(files), "files of samples", kept=tally.kept)

    def reason(self, record: Mapping[str, Any], key: int) -> str:
        """Return why a sample goes, or an empty string."""
        request, answer = record["request"], record["answer"]
        weight = self.weights.get(record["road"], 1.0)
        if weight < 1.0 and stable_hash(self.seed.value, "weight", key) % 10_000 >= weight * 10_000:
            return "weight"
        if key in self.requests:
            return "same request"
        if reason := self.suites.reason(request, answer, key):
            return reason
        self.requests.add(key)
        if self.near_cap:
            skeleton = skeleton_key(request, answer)
            seen = self.skeletons.get(skeleton, 0)
            self.skeletons[skeleton] = seen + 1
            if seen >= self.near_cap:
                return "near duplicate"
        return ""


def _unit(source: Mapping[str, str], key: int) -> int:
    """Return what goes to dev together: all samples of one real file, so that dev asks for files that training has not seen."""
    return text_key(f"{source.get('repository')} {source['path']}") if "path" in source else key
