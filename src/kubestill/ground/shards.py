"""Work cut into shards: the unit of resume. The same bytes come out whatever the number of processes, here or on Ray, cut or uncut.

Files in the folder: `<stem>-00000.jsonl` … hold what was kept, `rejects.jsonl` what was dropped, `shards/00000.json` the
count of each shard. A count is written after its shard's records: its presence means that the shard is done.
"""

import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from kubestill.ground.progress import Progress
from kubestill.ground.records import read_records, write_records, write_text
from kubestill.ground.spread import over_ray
from kubestill.ground.stage import Tally

Record = dict[str, Any]
Place = Literal["local", "ray"]  # where shards are made: in processes of this machine, or on Ray


@dataclass
class Shard:
    """What the work on one shard gives: records to keep, rejects with their `reason`, and the count of both."""

    records: list[Record]
    rejects: list[Record]
    tally: Tally
    figures: dict[str, int] = field(default_factory=dict)  # summed over the shards


@dataclass
class Sharded:
    """What all shards together counted."""

    tally: Tally
    figures: dict[str, int]


@dataclass(frozen=True)
class ShardWork:
    """Which shards there are and what makes one: `make(index)` depends on nothing but its index and must pickle."""

    out: Path
    stem: str
    count: int
    make: Callable[[int], Shard]

    def records_path(self, index: int) -> Path:
        """Return the file of the kept records of a shard."""
        return self.out / f"{self.stem}-{index:05d}.jsonl"

    def count_path(self, index: int) -> Path:
        """Return the file whose presence means that the shard is done."""
        return self.out / "shards" / f"{index:05d}.json"

    def rejects_path(self, index: int) -> Path:
        """Return where a shard's rejects lie until all of them are joined."""
        return self.out / "shards" / f"rejects-{index:05d}.jsonl"

    def done(self) -> list[int]:
        """Return the indices of the shards that an earlier run finished."""
        return [index for index in range(self.count) if self.count_path(index).exists()]


def run_shards(work: ShardWork, processes: int, progress: Progress, on: Place = "local") -> Sharded:
    """Make the shards that are missing, in at most `processes` processes or `on` Ray, and join the rejects.

    Raises:
        ValueError: a shard's count is not closed: something came and was neither kept nor dropped.
        Unavailable: Ray is asked for and cannot be used.
    """
    done = set(work.done())
    todo = [index for index in range(work.count) if index not in done]
    for finished, _ in enumerate(_run(work, todo, processes, on), len(done) + 1):
        progress.step(finished, work.count, "shards")
    _join_rejects(work)
    return _total(work)


def _run(work: ShardWork, todo: list[int], processes: int, on: Place) -> Iterator[int]:
    if on == "ray" and todo:
        yield from over_ray(partial(_make, work), todo, processes)
        return
    if processes <= 1 or len(todo) <= 1:
        for index in todo:
            yield _make(work, index)
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit the workspace's lock and torch's threads
    with ProcessPoolExecutor(min(processes, len(todo)), context, initializer=_end_with_parent) as pool:
        futures: list[Future[int]] = [pool.submit(_make, work, index) for index in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """End this process when its parent is gone, as after kill -9: nobody would collect what it makes.

    Ctrl-C reaches the whole group of processes; the parent alone answers it, and lets the shards in hand be finished.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            multiprocessing.connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _make(work: ShardWork, index: int) -> int:
    shard = work.make(index)
    tally = shard.tally
    if not tally.closed or tally.kept != len(shard.records):
        raise ValueError(
            f"{work.stem} shard {index}: {tally.came} came, {tally.kept} kept, {sum(tally.dropped.values())} dropped, "
            f"{len(shard.records)} records: something vanished"
        )
    write_records(work.records_path(index), shard.records)
    write_records(work.rejects_path(index), shard.rejects)
    count = {"came": tally.came, "kept": tally.kept, "dropped": tally.dropped, "figures": shard.figures}
    write_text(work.count_path(index), json.dumps(count, sort_keys=True) + "\n")
    return index


def _join_rejects(work: ShardWork) -> None:
    joined = work.out / "rejects.jsonl"
    parts = [work.rejects_path(index) for index in range(work.count)]
    if not joined.exists():
        write_records(joined, (record for part in parts for record in read_records(part)))
    for part in parts:
        part.unlink(missing_ok=True)


def _total(work: ShardWork) -> Sharded:
    total = Sharded(Tally(), {})
    for index in range(work.count):
        count = json.loads(work.count_path(index).read_text())
        total.tally.add(Tally(count["came"], count["kept"], count["dropped"]))
        for name, value in count["figures"].items():
            total.figures[name] = total.figures.get(name, 0) + value
    return total


def read_shards(folder: Path, stem: str) -> Iterable[Record]:
    """Yield the records of all shards of a whole artifact, in order."""
    for path in sorted(folder.glob(f"{stem}-[0-9]*.jsonl")):
        yield from read_records(path)
