"""Schedules, the dev slice, the best weights, early stops, trackers: each against a formula, Hugging Face, or the run that kept all."""

import importlib.util
import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from kubestill.domains.api import English
from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.progress import Silent
from kubestill.stages.training import stage, watch
from kubestill.stages.training.schedule import factor
from kubestill.stages.training.settings import StepsWhat
from kubestill.stages.training.stage import STAGE
from kubestill.stages.training.standing import Standing, score_of
from kubestill.stages.training.trackers import TRACKERS, open_tracker, series
from kubestill.tools.modeling.load import load_student
from support.toy_training import tiny
from tests.unit.stages.training.test_training import HOW, WHAT, curve, job, mix, record

__all__ = ["mix", "tiny"]  # fixtures
SHORT = WHAT.model_copy(update={"tokens": 3_000, "dev_every_tokens": 500})


def test_the_linear_fall_to_nought_is_what_it_was():
    what = StepsWhat()
    for share in np.linspace(-0.1, 1.1, 997):
        within = min(max(share, 0.0), 1.0)
        assert factor(what, share) == (within / 0.02 if within < 0.02 else (1 - within) / (1 - 0.02))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", lambda x: 1 - (x - 0.1) / 0.9),
        ("cosine", lambda x: 0.5 * (1 + math.cos(math.pi * (x - 0.1) / 0.9))),
        ("constant", lambda x: 1.0),
        ("wsd", lambda x: 1.0 if x <= 0.8 else 1 - math.sqrt((x - 0.8) / 0.2)),
    ],
)
def test_schedules_rise_alike_and_fall_by_their_formulas_to_the_floor(schedule, expected):
    what = StepsWhat(schedule=schedule, warmup=0.1, decay=0.2, floor=0.05)
    for share in np.linspace(0, 1, 101):
        wanted = share / 0.1 if share < 0.1 else 0.05 + 0.95 * expected(share)
        assert factor(what, share) == pytest.approx(wanted, abs=1e-12)
    assert factor(what, 1.0) == pytest.approx(1.0 if schedule == "constant" else 0.05)


def test_a_wsd_that_decays_all_the_time_begins_when_the_rates_have_risen():
    what = StepsWhat(schedule="wsd", warmup=0.5, decay=1.0)
    assert factor(what, 0.5) == 1 and factor(what, 0.625) == pytest.approx(0.5) and factor(what, 1.0) == 0


def test_of_equal_counts_the_later_is_best_and_neither_is_a_gain():
    standing, told = Standing(), []
    for step, score in enumerate([-2.0, -1.5, 3, 5, 4, 5, 5, 6], 1):
        standing = standing.after(step, 10 * step, score)
        told.append((standing.step, standing.waited))
    assert told == [(1, 0), (2, 0), (3, 0), (4, 0), (4, 1), (6, 2), (7, 3), (8, 0)]
    assert standing.tokens == 80 and standing.score == 6


def test_a_pass_is_worth_more_than_any_loss_and_without_one_the_loss_decides():
    assert score_of(1, 9.0) > score_of(0, 0.01) > score_of(0, 0.5) == score_of(None, 0.5)
    assert score_of(2, 9.0) > score_of(1, 0.1)


class Script:
    """A domain whose verdicts follow a script: as many passes in the nth count as it says."""

    def __init__(self, script, size=4):
        self.script, self.size, self.asked = script, size, 0

    def english(self):
        return English()

    def vocabulary(self):
        return frozenset()

    def judge(self, answer, intents=None, skill=""):
        count, place = divmod(self.asked, self.size)
        self.asked += 1
        return SimpleNamespace(passed=place < self.script[count])


class Cut(Exception):
    pass


class CutAt(Silent):
    """Cuts the run when so many tokens are seen."""

    def __init__(self, tokens):
        self.tokens = tokens

    def step(self, done, total, unit, **figures):
        if unit == "tokens" and done >= self.tokens:
            raise Cut


def masters(path):
    return load_file(path)["masters"]


def counts(out):
    return [json.loads(line) for line in (out / "fullpass.jsonl").read_text().splitlines()]


def test_the_best_weights_survive_a_cut_and_are_saved_at_the_end(mix, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    script = [0, 2, 3, 3, 1, 2, 0]
    what, how = SHORT.model_copy(update={"keep": "best"}), HOW.model_copy(update={"checkpoints": 100})
    with pytest.raises(Cut):
        STAGE.run(replace(job(mix, tmp_path, what, how, CutAt(2_300)), domain=Script(script)))
    best = counts(tmp_path)[3]["step"]
    (kept,) = {path.name for path in tmp_path.glob("best-*")} - {
        f"best-{counts(tmp_path)[place]['step']:09d}.safetensors" for place in range(3)
    }
    wanted = masters(tmp_path / f"checkpoint-{best:09d}.safetensors")
    assert kept == f"best-{best:09d}.safetensors" and masters(tmp_path / kept).equal(wanted)
    done = STAGE.run(replace(job(mix, tmp_path, what, HOW), domain=Script(script[len(counts(tmp_path)) :])))
    assert [count["passed"] for count in counts(tmp_path)] == script[: len(counts(tmp_path))]
    assert done.figures["best_step"] == best and "stopped_early" not in done.figures
    assert load_student(tmp_path)[1].equal(wanted)
    assert curve(tmp_path)[-1]["tokens"] >= what.tokens and not list(tmp_path.glob("*-0*.safetensors*"))


def test_of_the_best_weights_only_those_stay_that_a_checkpoint_names(mix, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    what = SHORT.model_copy(update={"keep": "best"})
    with pytest.raises(Cut):
        STAGE.run(
            replace(job(mix, tmp_path, what, HOW.model_copy(update={"checkpoints": 2}), CutAt(2_300)), domain=Script([1, 2, 3, 4, 4, 4]))
        )
    assert len(list(tmp_path.glob("checkpoint-*"))) == 2 and len(list(tmp_path.glob("best-*"))) <= 2


@pytest.mark.parametrize("processes", [1, 2])
def test_patience_stops_all_processes_and_a_stopped_run_does_not_go_on(mix, tmp_path, monkeypatch, processes):
    what = SHORT.model_copy(update={"patience": 2})
    run = job(mix, tmp_path, what, HOW.model_copy(update={"processes": processes}))
    finish = stage._finish
    monkeypatch.setattr(stage, "_finish", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        STAGE.run(replace(run, domain=Script([1, 2, 1, 2, 4, 4])))
    stopped = counts(tmp_path)
    assert [count["passed"] for count in stopped] == [1, 2, 1, 2]
    weights = masters(max(tmp_path.glob("checkpoint-*")))
    monkeypatch.setattr(stage, "_finish", finish)
    done = STAGE.run(replace(run, domain=Script([])))
    assert counts(tmp_path) == stopped and load_student(tmp_path)[1].equal(weights)
    assert curve(tmp_path)[-1]["step"] == stopped[-1]["step"] and curve(tmp_path)[-1]["tokens"] < what.tokens
    assert done.figures["stopped_early"] and done.figures["best_step"] == stopped[3]["step"]


def test_the_best_of_no_dev_slice_is_one_sentence(mix, tmp_path):
    with pytest.raises(UserError, match=r"no dev slice; raise training\.dev_samples"):
        STAGE.run(job(mix, tmp_path, WHAT.model_copy(update={"keep": "best", "dev_samples": 0})))


def test_the_dev_loss_is_the_one_that_hugging_face_computes_by_skill(mix, tmp_path):
    """All but one answer are within max_tokens; what is too long is left out, and the skills stay with their lessons."""
    folder, out = tmp_path / "mix", tmp_path / "out"
    folder.mkdir()
    for path in mix.glob("train-*"):
        (folder / path.name).write_bytes(path.read_bytes())
    records = [record(number) | {"skill": ("odd", "even")[number % 3 == 0]} for number in range(6)]
    records[1]["answer"] = records[1]["answer"] * 20
    (folder / "dev.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    what = WHAT.model_copy(update={"tokens": 600, "dev_samples": 6})
    STAGE.run(job(folder, out, what))
    last = json.loads((out / "devloss.jsonl").read_text().splitlines()[-1])
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32), AutoTokenizer.from_pretrained(out)
    sums: dict[str, list[float]] = {"odd": [], "even": []}
    for sample in records[:1] + records[2:]:
        turn = [{"role": "user", "content": sample["request"]}]
        head = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        prompt = tokenizer(head, add_special_tokens=False)["input_ids"]
        answer = tokenizer(sample["answer"] + "<|end|>", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logp = model(torch.tensor([prompt + answer])).logits.log_softmax(-1)[0, len(prompt) - 1 : -1]
        sums[sample["skill"]] += (-logp.gather(-1, torch.tensor(answer)[:, None])[:, 0]).tolist()
    everything = sums["odd"] + sums["even"]
    assert last["labels"] == len(everything) and last["loss"] == pytest.approx(np.mean(everything), abs=1e-4)
    assert last["groups"] == pytest.approx({name: np.mean(found) for name, found in sums.items()}, abs=1e-4)


def test_a_curve_in_a_line_keeps_order_and_width():
    assert watch.sparkline(range(8)) == watch.BARS and watch.sparkline(range(7, -1, -1)) == watch.BARS[::-1]
    assert watch.sparkline([2.0]) == watch.sparkline([7.0]) == watch.BARS[0]
    assert len(watch.sparkline(range(1_000))) == 48 and watch.sparkline([0, 0, 4, 4], 2) == watch.BARS[0] + watch.BARS[-1]


def test_figures_have_one_name_in_every_tracker():
    assert series("curve.jsonl", {"step": 3, "tokens": 9, "seconds": 1.0, "loss": 0.5}) == {"train/loss": 0.5}
    assert series("fullpass.jsonl", {"step": 3, "tokens": 9, "seconds": 1.0, "passed": 1, "total": 4}) == {"dev/full_pass": 0.25}
    found = series("devloss.jsonl", {"step": 3, "tokens": 9, "labels": 7, "loss": 0.5, "groups": {"a": 0.25}})
    assert found == {"dev/loss": 0.5, "dev/loss/a": 0.25}


def test_a_tracker_that_is_not_installed_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name, (_, package, command) in TRACKERS.items():
        with pytest.raises(Unavailable, match=f"{package} is not installed; run: pip install"):
            open_tracker(name, tmp_path, [])
        assert command.startswith("pip install")
    open_tracker("", tmp_path, []).close()


def events(folder):
    """Read TensorBoard's files by their format alone: length, its checksum, a protocol buffer, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        rest = path.read_bytes()
        while rest:
            length = int.from_bytes(rest[:8], "little")
            event = Event.FromString(rest[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            rest = rest[16 + length :]
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the writer's own
def test_tensorboard_shows_each_point_once_also_after_a_cut(mix, tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX")
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    how = HOW.model_copy(update={"tracker": "tensorboard"})
    with pytest.raises(Cut):
        STAGE.run(job(mix, tmp_path, SHORT, how, CutAt(1_200)))
    STAGE.run(job(mix, tmp_path, SHORT, how))
    found = events(tmp_path / "tensorboard")
    losses = [(step, value) for step, tag, value in found if tag == "train/loss"]
    assert losses == [(point["step"], pytest.approx(point["loss"], rel=1e-6)) for point in curve(tmp_path)]
    passes = [(step, value) for step, tag, value in found if tag == "dev/full_pass"]
    assert passes == [(count["step"], pytest.approx(count["passed"] / count["total"])) for count in counts(tmp_path)]
    assert {tag for _, tag, _ in found} >= {"dev/loss", "dev/loss/toy", "train/learning_rate", "train/tokens_per_second"}
