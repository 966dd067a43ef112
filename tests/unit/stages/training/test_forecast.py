"""Forecasts against the layout's own counts, against what was measured before, and in a plan that loads no torch."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kubestill.ground.manifest import Artifact
from kubestill.stages.training import forecast as told
from kubestill.stages.training.forecast import Meter, Outlay, Spent, forecast, remember
from kubestill.stages.training.pretraining import STAGE as PRETRAINING
from kubestill.stages.training.settings import AdapterWhat, PretrainingWhat, TrainingHow, TrainingWhat, TuningWhat
from kubestill.stages.training.stage import STAGE as TRAINING
from kubestill.tools.modeling import rates
from kubestill.tools.modeling.encoding import Encoded
from kubestill.tools.modeling.heap import few_kernels, trim
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.memory import Forecast, estimate, matrices, parameters
from kubestill.tools.modeling.presets import PRESETS, preset
from kubestill.tools.modeling.rates import FILE, KEPT, Lessons, Rate, add_rate, between, expected, read_rates, readying, work

ROOT = Path(__file__).resolve().parents[4]
HOW = TrainingHow(processes=2, device="cpu")
SPENT = Spent(2_000_000, 1_000, 250.0, 280.0, 0.25, 140.0, 0.3)
RATE = Rate("p", 2, "bf16", "sft", "full", 1, 1.0, 1.0, 0.9, 0.0, 1, 1, 1, 0.0, 0.0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "kubestill"


@pytest.mark.parametrize("name", PRESETS)
def test_sizes_are_the_layouts_own(name):
    layout = Layout(preset(name))
    assert (parameters(layout.arch), matrices(layout.arch)) == (layout.total, layout.matrices)


def test_a_training_like_the_measured_one_is_forecast_to_take_as_long(cache):
    what = TrainingWhat(preset="4m", tokens=2_000_000, tokens_per_step=2048, dev_samples=0)
    assert forecast(what, HOW, None).seconds is None
    remember(what, preset("4m"), 2, SPENT)
    assert forecast(what, HOW, None).seconds == pytest.approx(280.0)
    assert forecast(what.model_copy(update={"tokens": 6_000_000}), HOW, None).seconds == pytest.approx(840.0)
    counting = what.model_copy(update={"dev_samples": 40, "dev_every_tokens": 900_000})  # two of them, and one at the end
    assert forecast(counting, HOW, None).seconds == pytest.approx(280.0 + 3 * 40 * 0.25)
    one = forecast(what, HOW.model_copy(update={"processes": 1}), None)
    assert one.seconds == pytest.approx(560.0)


def test_waiting_is_taken_from_the_least_disturbed_training(cache):
    what = TrainingWhat(preset="4m", tokens=2_000_000, dev_samples=0)
    remember(what, preset("4m"), 2, replace(SPENT, seconds=2_500.0))
    remember(what, preset("1m"), 2, replace(SPENT, seconds=260.0))
    assert forecast(what, HOW, None).seconds == pytest.approx(260.0)


def test_the_end_counts_once_where_it_is_a_count_of_its_own(cache):
    what = TrainingWhat(preset="4m", tokens=2_000_000, dev_samples=40, dev_every_tokens=1_000_000)
    remember(what, preset("4m"), 2, SPENT)
    assert forecast(what, HOW, None).seconds == pytest.approx(280.0 + 2 * 40 * 0.25)
    assert forecast(what.model_copy(update={"dev_every_tokens": 10**9}), HOW, None).seconds == pytest.approx(280.0 + 40 * 0.25)


def test_lessons_are_made_ready_and_processes_begin(cache):
    what = TrainingWhat(base="kubernetes-base", tokens=2_000_000, dev_samples=0)
    for arch in (forecast(what, HOW, None).arch, preset(what.preset)):
        remember(what, arch, 2, replace(SPENT, lesson_seconds=0.001, around_seconds=12.0))
        remember(what, arch, 2, replace(SPENT, lesson_seconds=0.009, around_seconds=90.0))  # on a busy machine
        remember(what, arch, 2, SPENT)  # the end of one that was cut tells nothing of its begin
    alone = 280.0 + 12.0
    assert forecast(what, HOW, None, 60_000).seconds == pytest.approx(alone + readying(60_000, False) * 0.001 / 2)
    assert forecast(what, HOW, None).seconds == pytest.approx(alone + readying(2_000_000 / 140, False) * 0.001 / 2)
    fresh = what.model_copy(update={"base": ""})
    assert forecast(fresh, HOW, None, 60_000).seconds == pytest.approx(alone + readying(60_000, True) * 0.001 / 2)


def test_of_a_tokenizer_the_first_samples_count():
    assert readying(20_000, True) - readying(20_000, False) == readying(300_000, True) - readying(300_000, False) > 0
    assert readying(3_000, True) - readying(3_000, False) == 2.0 * 3_000 and readying(2_000, False) - readying(1_000, False) == 1_000


def test_other_work_is_no_measure():
    like = replace(RATE, token_flops=5.0)
    for change in ({"objective": "gkd"}, {"processor": "another"}, {"precision": "fp32"}, {"mixing": "linear"}):
        assert expected([RATE], replace(like, **change)) is None
    assert expected([], like) is None and expected([RATE], like).token_flops == 5.0


def test_speeds_of_unmeasured_sizes_lie_between_those_of_their_neighbours():
    rates = [replace(RATE, token_flops=size, work_per_second=speed) for size, speed in ((100.0, 8.0), (10_000.0, 2.0), (10.0, 6.0))]
    found = {size: expected(rates, replace(RATE, token_flops=size)).work_per_second for size in (1.0, 10.0, 1_000.0, 10_000.0, 1e9)}
    assert found == pytest.approx({1.0: 6.0, 10.0: 6.0, 1_000.0: 4.0, 10_000.0: 2.0, 1e9: 2.0})
    alone = replace(rates[0], processes=1)
    assert expected([*rates, replace(alone, work_per_second=9.0)], alone).work_per_second == pytest.approx(9.0)


def test_of_one_size_the_median_of_the_latest_counts():
    assert between([(3.0, 100.0)] * 9 + [(3.0, value) for value in (1.0, 5.0, 2.0, 3.0, 50.0)], 3.0) == pytest.approx(3.0)
    assert between([(3.0, 1.0), (3.0, 7.0), (3.0, 2.0)], 3.0, max) == pytest.approx(7.0)
    assert between([], 3.0) == 0.0


def test_answers_take_longer_of_larger_students_and_none_where_none_was_asked():
    asked = [replace(RATE, token_flops=10.0, answer_seconds=0.1), replace(RATE, token_flops=1_000.0, answer_seconds=2.5)]
    alike = [expected(asked, replace(RATE, token_flops=size)).answer_seconds for size in (10.0, 100.0, 1_000.0, 4_000.0)]
    assert alike == pytest.approx([0.1, 100.0 / math.sqrt(100.0 * 400.0), 2.5, 10.0])
    assert expected([RATE], RATE).answer_seconds == 0.0
    assert expected([*asked, replace(RATE, token_flops=1_000.0)], asked[1]).answer_seconds == pytest.approx(2.5)


@pytest.fixture
def clock(monkeypatch):
    """Wall seconds go on as they are told; the processor works half of them."""
    now = [100.0]
    monkeypatch.setattr(told.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(told.time, "process_time", lambda: now[0] / 2)

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


ENCODED = Encoded(np.zeros(30, np.uint16), np.array([10, 30]), np.array([5, 10], np.int32))


def test_steps_are_measured_from_the_end_of_the_first_and_without_answers(clock):
    meter = Meter()
    clock(9.0)  # processes begin, and the first step is done
    meter.add(1_000)
    for _ in range(3):
        clock(2.0)
        meter.add(500)
    with meter.aside(4):
        clock(8.0)
    clock(1.0)
    found = meter.spent(ENCODED)
    assert (found.tokens, found.steps, found.seconds, found.processor_seconds, found.answer_seconds) == (1_500, 3, 7.0, 3.5, 2.0)
    assert (found.places, found.labelled) == (15.0, 0.5)


@pytest.mark.parametrize("ready", [False, True])
def test_a_run_is_made_of_lessons_steps_answers_and_what_is_around_them(cache, clock, monkeypatch, ready):
    monkeypatch.setattr(told, "LEAST_SECONDS", 1.0)
    outlay, meter = Outlay(ready), Meter()
    clock(30.0)
    outlay.prepared(1_000, 2, fresh=False)
    clock(10.0)
    for _ in range(3):
        clock(5.0)
        meter.add(1_000)
    with meter.aside(40):
        clock(4.0)
    outlay.stepped(preset("1m"), 2, meter, ENCODED)
    clock(3.0)
    outlay.remember(TrainingWhat())
    (rate,) = read_rates(cache)
    assert rate.lesson_seconds == (0.0 if ready else pytest.approx(30.0 * 2 / readying(1_000, False)))
    assert (rate.around_seconds, rate.answer_seconds, rate.busy) == (pytest.approx(10.0 + 5.0 + 3.0), pytest.approx(0.1), 0.5)


def test_a_run_that_made_no_steps_leaves_no_measure(cache):
    outlay = Outlay(ready=True)
    outlay.prepared(1_000, 2, fresh=True)
    outlay.remember(TrainingWhat())
    assert not cache.exists()


def test_stages_count_what_they_read_as_it_was_made(cache, tmp_path):
    remember(TrainingWhat(), preset("4m"), 2, replace(SPENT, lesson_seconds=0.5))
    remember(PretrainingWhat(), preset("4m"), 2, replace(SPENT, lesson_seconds=2.0))
    mix = Artifact("mix", "", "curation", tmp_path, tally={"kept": 1_400}, figures={"train": 1_000})
    documents = Artifact("documents", "", "corpus", tmp_path, tally={"kept": 70})
    made = {"mix": mix, "documents": documents}
    told_of = (
        (TRAINING, TrainingWhat(base="kubernetes-base"), 0.5, 1_000),
        (PRETRAINING, PretrainingWhat(base="kubernetes-base", tokens=1), 2.0, 70),
    )
    for stage, what, per_lesson, lessons in told_of:
        costs = [stage.forecast(what, HOW, {}, given).seconds for given in (made, {**made, "mix": replace(mix, figures={"train": 0})})]
        alone = forecast(what, HOW, None, 0).seconds
        assert costs[0] - alone == pytest.approx(per_lesson * lessons / 2)
        assert (costs[1] == costs[0]) == (stage is PRETRAINING)


@pytest.mark.parametrize(
    ("units", "steps", "lessons"),
    [
        # docs/log/2026-11-22-training-loop.md, "Muon's share": one process, 2,048-token steps by their parts.
        (
            False,
            {
                "1m": 57e-3 / 952 + 5 / 3 * 16e-3 / 2048,
                "4m": 179e-3 / 952 + 5 / 3 * 123e-3 / 2048,
                "12m": 355e-3 / 952 + 5 / 3 * 549e-3 / 2048,
            },
            Lessons(),
        ),
        # docs/log/2026-11-27-few-shapes.md: 10.1, 27.9 and 67.0 s of each of two processes for 120 steps.
        (True, {"1m": 10.1 / 60 / 1903, "4m": 27.9 / 60 / 1903, "12m": 67.0 / 60 / 1903}, Lessons(92.6, 0.473, 0.929)),
    ],
)
def test_work_is_within_a_fifth_of_what_was_measured_at_three_sizes(units, steps, lessons, monkeypatch):
    monkeypatch.setattr(rates, "has_matrix_units", lambda: units)
    found = {name: work(preset(name), 1.0, 1 / 2048, lessons) / taken for name, taken in steps.items()}
    assert max(found.values()) / min(found.values()) < 1.2


def test_short_trainings_and_strangers_leave_no_measure(cache):
    remember(TrainingWhat(), preset("4m"), 2, replace(SPENT, processor_seconds=told.LEAST_SECONDS - 1))
    remember(TrainingWhat(), None, 2, SPENT)
    assert not cache.exists()


def test_a_file_that_cannot_be_read_is_no_measure_and_old_ones_go(cache):
    cache.mkdir(parents=True)
    for text in ("[", "{}", '[{"processor": 3}]', "[1]"):
        (cache / FILE).write_text(text)
        assert read_rates(cache) == []
    for number in range(KEPT + 3):
        add_rate(cache, replace(RATE, parameters=number + 1))
    assert [rate.parameters for rate in read_rates(cache)] == list(range(4, KEPT + 4))


def test_the_student_is_the_bases_deepened_or_what_an_earlier_stage_hands_on(cache, tmp_path):
    base = forecast(TrainingWhat(base="kubernetes-base"), HOW, None)
    assert base.parameters == 6_558_976
    deep = forecast(TrainingWhat(base="kubernetes-base", layers=10), HOW, None)
    assert deep.arch.layers == 10 and deep.memory_bytes > base.memory_bytes
    small = forecast(PretrainingWhat(preset="1m", tokens=1), HOW, None)
    assert forecast(TrainingWhat(preset="60m"), HOW, small).arch == forecast(TuningWhat(tokens=1), HOW, small).arch == small.arch
    assert forecast(TuningWhat(tokens=1), HOW, None) is None


@pytest.mark.parametrize("change", [{"base": "nowhere"}, {"adapter": AdapterWhat(rank=8)}, {"preset": "no such"}])
def test_of_what_nobody_can_tell_nothing_is_told(cache, change):
    assert forecast(TrainingWhat(**change), HOW, None) is None


def test_a_foreign_base_is_not_guessed_at(cache, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "hidden_size": 896}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert forecast(TrainingWhat(base=str(tmp_path)), HOW, None) is None


def test_memory_grows_with_blocks_processes_and_rows():
    arch = preset("4m")
    found = [estimate(arch, 1024, 1).total, estimate(arch, 2048, 1).total, estimate(arch, 2048, 2).total]
    assert found == sorted(found) and estimate(arch, 1024, 1, 512).total > estimate(arch, 1024, 1, 128).total
    assert Forecast(arch, found[0], None).parameters == parameters(arch)


def test_the_number_of_kernels_is_lent_and_the_users_own_stays(monkeypatch):
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "7")
    few_kernels()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "7"
    trim()


def test_a_plan_tells_the_forecast_and_loads_no_torch(cache, tmp_path):
    what = TrainingWhat(preset="1m", dev_samples=0)
    remember(what, preset("1m"), 2, SPENT)
    code = (
        "import sys; from kubestill.cli.main import answer\n"
        f"assert answer(['plan', {str(ROOT / 'recipes' / 'cron.toml')!r}, '--workspace', {str(tmp_path / 'ws')!r},"
        " '--set', 'training.dev_samples=0']) == 0\n"
        "assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout
    (line,) = [line for line in shown.splitlines() if "(forecast)" in line]
    assert "M parameters, " in line and "iB, about " in line
