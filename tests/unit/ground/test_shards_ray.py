"""Shards over Ray, against shards made here. Where Ray is not installed these tests skip, but for the one about its absence."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubestill.ground import registry
from kubestill.ground.errors import Unavailable
from kubestill.ground.progress import Silent
from kubestill.ground.shards import Shard, ShardWork, run_shards
from kubestill.ground.stage import Tally

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'kubestill[ray]'")

# A process of its own: what Ray sets up for the process that calls it must not outlive the test.
DRIVER = """
import os, signal, sys, time
from pathlib import Path
from kubestill.ground.errors import KubestillError, UserError
from kubestill.ground.progress import Silent
from kubestill.ground.shards import Shard, ShardWork, run_shards
from kubestill.ground.stage import Tally

out, on, fault = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
killed = out.parent / f"{out.name}-killed"

def make(index):
    if fault == "refuses" and index == 2:
        raise UserError(f"shard {index}", "cannot be used", "give another")
    if fault == "dies" and index == 2 and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "slow" and index > 1:
        time.sleep(60)
    numbers = range(index * 10, index * 10 + 10)
    kept = [{"number": number} for number in numbers if number % 2 == 0]
    rejects = [{"reason": "odd", "number": number} for number in numbers if number % 2]
    return Shard(kept, rejects, Tally(10, 5, {"odd": 5}), {"sum": sum(numbers)})

if __name__ == "__main__":
    try:
        made = run_shards(ShardWork(out, "numbers", 5, make), 2, Silent(), on)
    except KubestillError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(made.tally.came, made.tally.kept)
"""


@pytest.fixture
def start(tmp_path: Path):
    """Begin a run of five shards in a process of its own."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)

    def start(name: str, on: str = "ray", fault: str = "none", **environment: str) -> subprocess.Popen[str]:
        surroundings = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        surroundings |= {"HOME": str(tmp_path), "RAY_TMPDIR": f"/tmp/kr{os.getpid()}", **environment}  # the token lies under HOME
        arguments = [sys.executable, str(script), str(tmp_path / name), on, fault]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings)

    return start


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out.strip(), err.strip()


@needs_ray
def test_ray_makes_the_same_bytes_under_a_token_even_where_a_worker_dies(tmp_path: Path, start) -> None:
    assert finish(start("here", "local"))[:2] == (0, "50 25")
    assert finish(start("ray", fault="dies"))[:2] == (0, "50 25")
    assert (tmp_path / "ray-killed").exists()
    assert content(tmp_path / "ray") == content(tmp_path / "here")
    assert (tmp_path / ".ray" / "auth_token").read_text().strip()


@needs_ray
def test_the_error_of_a_task_reaches_the_user_as_it_is(start) -> None:
    code, _, err = finish(start("refused", fault="refuses"))
    assert code == 1 and err.endswith("UserError: shard 2: cannot be used; give another")


@needs_ray
def test_ray_without_tokens_is_refused(start) -> None:
    code, _, err = finish(start("open", RAY_AUTH_MODE="disabled"))
    assert code == 1 and "Unavailable: Ray's token authentication is off" in err and "export RAY_AUTH_MODE=token" in err


@needs_ray
def test_a_killed_driver_leaves_its_shards_and_the_next_run_makes_the_others(tmp_path: Path, start) -> None:
    assert finish(start("here", "local"))[0] == 0
    driver = start("cut", fault="slow")
    counts = [tmp_path / "cut" / "shards" / f"{index:05d}.json" for index in range(2)]
    end = time.monotonic() + 60
    while not all(path.exists() for path in counts):
        assert time.monotonic() < end and driver.poll() is None
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    stamps = [path.stat().st_mtime_ns for path in counts]
    assert finish(start("cut"))[:2] == (0, "50 25")
    assert content(tmp_path / "cut") == content(tmp_path / "here")
    assert [path.stat().st_mtime_ns for path in counts] == stamps


def loses_nothing(index: int) -> Shard:
    return Shard([{"n": index}], [], Tally(1, 1))


def test_without_ray_the_command_that_brings_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    work = ShardWork(tmp_path, "numbers", 2, loses_nothing)
    with pytest.raises(Unavailable, match=r"ray is not installed; run: pip install 'kubestill\[ray\]'"):
        run_shards(work, 1, Silent(), "ray")
    assert not work.done()
