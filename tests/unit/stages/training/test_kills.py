"""Killed at random moments and on a full disk: what comes out in the end is what an uncut run makes, bit for bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.unit.stages.training.test_training import mix

__all__ = ["mix"]  # a fixture
ROOT = Path(__file__).resolve().parents[4]
KILLS = 20

# A process that has imported all that a training imports, and forks a child for each attempt: what is killed is the work, not the imports.
HEAD = """
import os, random, resource, signal, sys, time
from pathlib import Path
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
import torch
torch.set_num_threads(1)
from tests.unit.stages.training import test_training as toy
from kubestill.ground.errors import KubestillError
from kubestill.stages.training import loop, parallel, stage, watch
from kubestill.tools.modeling import presets, verify
from kubestill.tools.engines import transformers
from transformers import AutoModelForCausalLM, Qwen3ForCausalLM
presets.PRESETS["tiny"] = toy.TINY
what = toy.WHAT.model_copy(update=dict(tokens=2_500, dev_every_tokens=600, keep="best"))
how = toy.HOW.model_copy(update=dict(checkpoints=2))
mix, place = Path({mix!r}), Path({place!r})

def attempt(out):
    child = os.fork()
    if child == 0:
        out.mkdir(parents=True, exist_ok=True)
        code = 1
        try:
            stage.STAGE.run(toy.job(mix, out, what, how))
            code = 0
        finally:
            os._exit(code)
    return child
"""
KILLED = """
begun = time.monotonic()
assert os.waitpid(attempt(place / "whole"), 0)[1] == 0
whole = time.monotonic() - begun
rng, killed, runs = random.Random(5), 0, 0
while killed < {kills}:
    runs += 1
    out = place / f"run-{{runs}}"
    while True:
        child = attempt(out)
        time.sleep(rng.uniform(0, whole / 3) if killed < {kills} else 0)
        if killed < {kills} and os.waitpid(child, os.WNOHANG) == (0, 0):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            killed += 1
            for path in out.glob("*-0*.safetensors"):
                with toy_open(path) as file:
                    assert file.keys()
            assert len(list(out.glob("checkpoint-*.safetensors"))) <= how.checkpoints + 1
        elif killed < {kills}:
            break
        else:
            assert os.waitpid(child, 0)[1] == 0
            break
print(killed, runs)
"""
FULL = """
out, room = place / "out", {room}
def full():
    \"\"\"From the third checkpoint on, no file may be longer than half of one: what a full disk does to it.\"\"\"
    save = watch.Watch.save
    def less(self, stepped):
        if stepped.number == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        save(self, stepped)
    watch.Watch.save = less
full()
try:
    out.mkdir()
    stage.STAGE.run(toy.job(mix, out, what, how))
except KubestillError as error:
    print(error)
"""


def run(script, tmp_path, **values):
    file = tmp_path / "run.py"
    file.write_text(script.format(root=str(ROOT), place=str(tmp_path), **values))
    done = subprocess.run([sys.executable, "-W", "error", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_killed_twenty_times_ends_in_the_weights_of_an_uncut_one(mix, tmp_path):
    head = HEAD + "from safetensors import safe_open\ntoy_open = lambda path: safe_open(path, 'pt')\n"
    killed, runs = map(int, run(head + KILLED, tmp_path, mix=str(mix), kills=KILLS).split())
    assert killed == KILLS
    whole = (tmp_path / "whole" / "model.safetensors").read_bytes()
    for number in range(1, runs + 1):
        out = tmp_path / f"run-{number}"
        assert (out / "model.safetensors").read_bytes() == whole
        for name in ("curve.jsonl", "fullpass.jsonl", "devloss.jsonl"):
            assert timeless(out / name) == timeless(tmp_path / "whole" / name)
        assert not list(out.glob("*.part")) and not list(out.glob("checkpoint-*")) and not list(out.glob("best-*"))


def timeless(path):
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in one.items() if key not in ("seconds", "tokens_per_second")} for one in records]


def test_a_full_disk_leaves_the_last_good_checkpoint_and_one_clear_sentence(mix, tmp_path):
    told = run(HEAD + FULL, tmp_path, mix=str(mix), room=100_000)
    assert "cannot be written" in told and "File too large" in told
    assert "that of step 2 stands: make room and run again, it goes on from there" in told
    names = sorted(path.name for path in (tmp_path / "out").glob("checkpoint-*"))
    assert names == ["checkpoint-000000001.safetensors", "checkpoint-000000002.safetensors"]
    assert load_file(tmp_path / "out" / names[-1])["masters"].isfinite().all()


@pytest.mark.parametrize("harm", ["torn", "no state", "other data", "best gone"])
def test_what_is_not_whole_is_never_gone_on_from(tmp_path, harm):
    import torch

    from kubestill.stages.training.batches import Position
    from kubestill.stages.training.checkpoint import Checkpoints, State
    from kubestill.stages.training.standing import Standing

    checkpoints = Checkpoints(tmp_path, 2)
    for step in (1, 2):
        checkpoints.save_best(step, torch.full((3,), float(step)))
        standing = Standing(step, 10 * step, float(step), 0, True)
        checkpoints.save(State(step, 10 * step, Position(0, step), 1.0, "data", {}, standing), {"masters": torch.full((3,), float(step))})
    last = tmp_path / "checkpoint-000000002.safetensors"
    if harm == "torn":
        last.write_bytes(last.read_bytes()[:-4])
    elif harm == "no state":
        from safetensors.torch import save_file

        save_file({"masters": torch.zeros(3)}, last)
    elif harm == "other data":
        Checkpoints(tmp_path, 2).save(State(2, 20, Position(0, 2), 1.0, "other"), {"masters": torch.zeros(3)})
        last = tmp_path / "checkpoint-000000002.safetensors"
    else:
        (tmp_path / "best-000000002.safetensors").unlink()
    (tmp_path / "checkpoint-000000003.safetensors.part").write_bytes(b"half")
    found = Checkpoints(tmp_path, 2).load("data")
    if harm == "other data":
        assert found is None
    else:
        assert found is not None and found[0].step == 1 and found[0].best == 1 and found[1]["masters"].tolist() == [1.0] * 3
        assert sorted(path.name for path in tmp_path.iterdir()) == ["best-000000001.safetensors", "checkpoint-000000001.safetensors"]
