"""What is kept, split, weighed and shuffled. Lines are copied as bytes: nothing is parsed or spelt a second time."""

import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path
from typing import Any

from kubestill.ground.seeds import Seed, stable_hash
from kubestill.stages.curation.sifting import Kept


@dataclass(frozen=True)
class Mix:
    """What is to be written."""

    files: Sequence[Path]
    kept: Kept
    dev_samples: int
    weights: Mapping[str, float]
    seed: Seed


def write_mix(mix: Mix, out: Path, shard_samples: int) -> dict[str, Any]:
    """Write `train-*.jsonl` and `dev.jsonl`; return the figures for the report."""
    dev = nsmallest(mix.dev_samples, range(len(mix.kept)), key=lambda place: (mix.kept.order[place], place))
    train = _train(mix, set(dev))
    with ExitStack() as stack:
        maps = [_mapped(path, stack) for path in mix.files]
        _write_lines(out / "dev.jsonl", (_line(mix.kept, maps, place) for place in dev))
        for number, first in enumerate(range(0, len(train), shard_samples)):
            places = train[first : first + shard_samples]
            _write_lines(out / f"train-{number:05d}.jsonl", (_line(mix.kept, maps, place) for place in places))
    by_road = dict.fromkeys(sorted(mix.kept.roads), 0)
    for place in train:
        by_road[mix.kept.roads[mix.kept.road[place]]] += 1
    return {"dev": len(dev), "train": len(train), "train_by_road": by_road}


def _train(mix: Mix, dev: set[int]) -> list[int]:
    """Return the places of the training samples in their order, each as often as its road weighs."""
    places: list[int] = []
    for place in range(len(mix.kept)):
        if place in dev:
            continue
        weight = max(1.0, mix.weights.get(mix.kept.roads[mix.kept.road[place]], 1.0))  # lower ones thinned the sieve already
        extra = stable_hash(mix.seed.value, "repeat", mix.kept.order[place]) % 10_000 < (weight % 1) * 10_000
        places.extend([place] * (int(weight) + extra))
    mix.seed.rng("order").shuffle(places)
    return places


def _mapped(path: Path, stack: ExitStack) -> mmap.mmap | bytes:
    """Map a file for random reads until the stack unwinds; an empty one cannot be mapped, and nothing in it is read."""
    if not path.stat().st_size:
        return b""
    with path.open("rb") as file:
        return stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _line(kept: Kept, maps: Sequence[mmap.mmap | bytes], place: int) -> bytes:
    start = kept.start[place]
    return maps[kept.file[place]][start : start + kept.length[place]]


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write whole or not at all, as `ground.records` does."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
