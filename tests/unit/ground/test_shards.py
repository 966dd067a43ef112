import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.progress import Silent
from kubestill.ground.records import read_records
from kubestill.ground.shards import Shard, ShardWork, read_shards, run_shards
from kubestill.ground.stage import Tally


@dataclass(frozen=True)
class Make:
    """Numbers of a shard; the even ones stay. With `log`, tells which shards were made."""

    log: Path | None = None
    fail_at: int = -1

    def __call__(self, index: int) -> Shard:
        if index == self.fail_at:
            raise RuntimeError("cut")
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{index}\n")
        numbers = range(index * 10, index * 10 + 10)
        kept = [{"number": number} for number in numbers if number % 2 == 0]
        rejects = [{"reason": "odd", "number": number} for number in numbers if number % 2]
        return Shard(kept, rejects, Tally(10, 5, {"odd": 5}), {"sum": sum(numbers)})


def loses_one(index: int) -> Shard:
    return Shard([{"n": index}], [], Tally(2, 1))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_kept_and_dropped_is_all_that_came(tmp_path: Path) -> None:
    made = run_shards(ShardWork(tmp_path, "numbers", 3, Make()), 1, Silent())
    assert (made.tally.came, made.tally.kept, made.tally.dropped) == (30, 15, {"odd": 15})
    assert made.figures == {"sum": sum(range(30))}
    assert [record["number"] for record in read_shards(tmp_path, "numbers")] == list(range(0, 30, 2))
    assert [record["number"] for record in read_records(tmp_path / "rejects.jsonl")] == list(range(1, 30, 2))


def test_the_number_of_processes_changes_no_byte(tmp_path: Path) -> None:
    for processes in (1, 2):
        run_shards(ShardWork(tmp_path / str(processes), "numbers", 4, Make()), processes, Silent())
    assert content(tmp_path / "1") == content(tmp_path / "2")


@pytest.mark.parametrize("fail_at", [0, 2, 4])
def test_a_cut_run_goes_on_with_the_shards_that_are_missing(tmp_path: Path, fail_at: int) -> None:
    whole, cut, log = tmp_path / "whole", tmp_path / "cut", tmp_path / "log"
    run_shards(ShardWork(whole, "numbers", 5, Make()), 1, Silent())
    with pytest.raises(RuntimeError, match="cut"):
        run_shards(ShardWork(cut, "numbers", 5, Make(fail_at=fail_at)), 1, Silent())
    run_shards(ShardWork(cut, "numbers", 5, Make(log)), 1, Silent())
    assert [int(line) for line in log.read_text().split()] == list(range(fail_at, 5))
    assert content(cut) == content(whole)


def test_a_cut_before_the_count_makes_the_shard_again(tmp_path: Path) -> None:
    work = ShardWork(tmp_path / "out", "numbers", 2, Make())
    run_shards(work, 1, Silent())
    whole = content(tmp_path / "out")
    work.count_path(1).unlink()
    (tmp_path / "out" / "rejects.jsonl").unlink()
    for index in range(2):  # as the cut run would have left them
        rejects = Make()(index).rejects
        work.rejects_path(index).write_text("".join(json.dumps(reject, separators=(",", ":")) + "\n" for reject in rejects))
    run_shards(work, 1, Silent())
    assert content(tmp_path / "out") == whole


def test_a_shard_that_loses_something_stops_the_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"2 came, 1 kept, 0 dropped.*vanished"):
        run_shards(ShardWork(tmp_path, "numbers", 1, loses_one), 1, Silent())


def refuses(index: int) -> Shard:
    raise UserError(f"shard {index}", "cannot be used", "give another")


def test_the_error_of_a_worker_process_reaches_the_user_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"shard \d: cannot be used; give another"):
        run_shards(ShardWork(tmp_path, "numbers", 4, refuses), 2, Silent())


SLOW = """
import sys, time
from pathlib import Path
from kubestill.ground.errors import UserError
from kubestill.ground.progress import Silent
from kubestill.ground.shards import Shard, ShardWork, run_shards
from kubestill.ground.stage import Tally

def make(index):
    Path(sys.argv[1], f"pid-{index}").write_text(str(__import__("os").getpid()))
    time.sleep(60)
    return Shard([], [], Tally())

if __name__ == "__main__":
    run_shards(ShardWork(Path(sys.argv[1]), "x", 2, make), 2, Silent())
"""


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    files = [tmp_path / f"pid-{index}" for index in range(2)]
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not any(alive(int(file.read_text())) for file in files))


def wait_for(condition: "object") -> None:
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
