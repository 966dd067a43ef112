"""The cron domain through every stage on a CPU: once uncut, once killed in several places, and the bytes compared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Small enough for seconds; nothing else differs from the recipe that ships.
SMALL = {
    "synthesis.procedural": 2500,
    "training.tokens": 6_000,
    "training.dev_every_tokens": 3_000,
    "training.dev_samples": 2,
    "evaluation.count": 6,
    "curation.suite_samples": 20,
    "how.training.checkpoint_seconds": 0.05,
}
# Files whose content tells time, or (the report's data) where and when it was made.
TIMED_KEYS = {"seconds", "tokens_per_second", "training_seconds", "peak_memory_bytes"}


def command(workspace: Path) -> list[str]:
    overrides = [f"--set={name}={value}" for name, value in SMALL.items()]
    return [sys.executable, "-m", "kubestill", "run", str(ROOT / "recipes" / "cron.toml"), f"--workspace={workspace}", *overrides]


def start(workspace: Path) -> subprocess.Popen[str]:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job, whose children would not hear ctrl-C either
        signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = {**os.environ, "KUBESTILL_PROCESSES": "1"}  # bit-equality is promised for one CPU thread
    pipe = subprocess.PIPE
    arguments = [*command(workspace), "--set=how.training.processes=1"]
    return subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=workspace.parent, start_new_session=True)


def finish(workspace: Path) -> tuple[str, str]:
    process = start(workspace)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out, err


def cut(workspace: Path, there: Callable[[], bool], sign: signal.Signals) -> tuple[int, str]:
    """Start a run, send it and its children a signal as soon as `there` holds; return how it left and what it said."""
    process = start(workspace)
    with process:
        while process.poll() is None and not there():
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, sign)
        _, err = process.communicate()
    return process.returncode, err


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMED_KEYS}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def stable(path: Path) -> Any:
    """The content of a file, without times."""
    if path.suffix == ".jsonl":
        return [without_times(json.loads(line)) for line in path.read_text().splitlines()]
    if path.suffix == ".json":
        return without_times(json.loads(path.read_text()))
    return path.read_bytes()


def artifacts(workspace: Path) -> dict[str, Any]:
    """Every file of every artifact by its place; two runs of one recipe have equal ones."""
    folder = workspace / "artifacts"
    return {str(path.relative_to(folder)): stable(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("uncut") / "workspace"
    out, _ = finish(workspace)
    assert out.rstrip().endswith("report.md")
    return workspace


def test_every_stage_is_there_and_the_report_tells_it(uncut: Path) -> None:
    latest = uncut / "runs" / "latest"
    report = json.loads((latest / "report.json").read_text())
    assert [stage["name"] for stage in report["stages"]] == ["corpus", "synthesis", "curation", "training", "evaluation", "export"]
    assert report["suites"]["cron"]["total"] == 6
    assert report["peak_memory_bytes"] > 0 and report["seconds_total"] > 0
    for row in report["river"]:
        assert row["came"] == row["kept"] + sum(row["dropped"].values())
    steps = {row["step"] for row in report["curve"]}
    assert steps and report["fullpass"]
    for name in ("report.md", "report.html", "recipe.toml"):
        assert (latest / name).stat().st_size > 500
    assert not (latest / "failure.json").exists()


def test_a_second_run_does_nothing(uncut: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in uncut.rglob("*")}
    _, err = finish(uncut)
    assert "nothing to do" in err
    assert {path: path.stat().st_mtime_ns for path in uncut.rglob("*") if path.name != ".lock"} == {
        path: stamp for path, stamp in before.items() if path.name != ".lock"
    }


def test_a_run_that_was_cut_in_several_places_equals_an_uncut_one(uncut: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"

    def some(pattern: str) -> Callable[[], bool]:
        return lambda: any(workspace.glob(f"artifacts/{pattern}"))

    assert cut(workspace, some("samples/*/samples-00000.jsonl"), signal.SIGKILL)[0] == -signal.SIGKILL
    code, err = cut(workspace, some("weights/*/curve.jsonl"), signal.SIGINT)  # no import is left that could swallow it
    # CPython itself ends with the signal, after our sentence, when ctrl-C fell into an exec() of an import; a shell says 130 for both.
    assert code in (130, -signal.SIGINT), err
    assert "the next run goes on where this one stopped" in err and "Traceback" not in err
    (note,) = workspace.glob("runs/*/failure.json")
    assert json.loads(note.read_text())["error"] == "KeyboardInterrupt"
    assert cut(workspace, some("weights/*/checkpoint*"), signal.SIGKILL)[0] == -signal.SIGKILL
    cut(workspace, some("scores/*"), signal.SIGKILL)
    assert not any(workspace.glob("runs/*/report.json"))
    finish(workspace)
    pieces, whole = artifacts(workspace), artifacts(uncut)
    assert pieces.keys() == whole.keys()
    assert not [name for name in whole if pieces[name] != whole[name]]
    assert not note.exists()
