"""Forecasts against the layout's own counts, against what was measured before, and in a plan that loads no torch."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kubestill.stages.training import forecast as told
from kubestill.stages.training.forecast import Spent, forecast, remember
from kubestill.stages.training.settings import AdapterWhat, PretrainingWhat, TrainingHow, TrainingWhat, TuningWhat
from kubestill.tools.modeling.heap import few_kernels, trim
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.memory import Forecast, estimate, matrices, parameters
from kubestill.tools.modeling.presets import PRESETS, preset
from kubestill.tools.modeling.rates import FILE, KEPT, Lessons, Rate, add_rate, nearest, processor, read_rates, work

ROOT = Path(__file__).resolve().parents[4]
HOW = TrainingHow(processes=2, device="cpu")
SPENT = Spent(2_000_000, 1_000, 250.0, 280.0, 0.25, 140.0, 0.3)


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


def test_other_work_is_no_measure_and_of_like_work_the_nearest_size_is(cache):
    what = TrainingWhat(preset="4m", dev_samples=0)
    for name in ("1m", "60m", "12m"):
        remember(what, preset(name), 2, SPENT)
    remember(what.model_copy(update={"precision": "fp32"}), preset("4m"), 2, SPENT)
    rates = read_rates(cache)
    like = Rate(processor(), 2, "bf16", "sft", parameters(preset("30m")), 0, 0, 0, 0, 0, 0)
    assert nearest(rates, like).parameters == parameters(preset("60m"))
    assert nearest(rates, replace(like, objective="gkd")) is None and nearest(rates, replace(like, processor="another")) is None
    assert nearest(rates, replace(like, precision="fp32")).parameters == parameters(preset("4m"))


def test_work_is_within_a_fifth_of_what_was_measured_at_three_sizes():
    """docs/log/2026-11-22-training-loop.md, "Muon's share": one process, tokens a second of 2,048-token steps by their parts."""
    seconds = {
        "1m": 57e-3 / 952 + 5 / 3 * 16e-3 / 2048,
        "4m": 179e-3 / 952 + 5 / 3 * 123e-3 / 2048,
        "12m": 355e-3 / 952 + 5 / 3 * 549e-3 / 2048,
    }
    rates = {name: work(preset(name), 1.0, 1 / 2048, Lessons()) / taken for name, taken in seconds.items()}
    assert max(rates.values()) / min(rates.values()) < 1.2


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
        add_rate(cache, Rate("p", 1, "bf16", "sft", number + 1, 1, 1, 0, 1, 1, 1))
    assert [rate.parameters for rate in read_rates(cache)] == list(range(4, KEPT + 4))


def test_the_student_is_the_bases_deepened_or_what_an_earlier_stage_hands_on(cache, tmp_path):
    base = forecast(TrainingWhat(base="kubernetes-base"), HOW, None)
    assert base.parameters == 4_492_672
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
