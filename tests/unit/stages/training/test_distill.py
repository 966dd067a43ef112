"""Teacher, capture and student end to end on the toy: offline is online, cut is uncut, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.stages.capture.stage import STAGE as CAPTURE
from kubestill.stages.capture.stage import CaptureHow, CaptureWhat
from kubestill.stages.training import watch
from kubestill.stages.training.settings import DistillWhat, GkdWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.encoding import Encoding, Limits, encode_lines, laid
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.teacher import load_teacher
from support.toy_training import TINY, Cut, CutAfter, tiny
from unit.stages.training.test_training import WHAT, curve, job, mix
from unit.tools.engines.test_pretrained import write_model

__all__ = ["mix", "tiny"]  # fixtures

SMALL = Architecture(hidden=32, layers=1, heads=2, kv_heads=1, head_dim=16, ffn=48, max_position=128)
TAUGHT = WHAT.model_copy(update={"preset": "small", "dev_samples": 0, "tokens": 3_000})
ASKED = CaptureWhat(max_tokens=96, top_k=8, codec="half")


@pytest.fixture(autouse=True)
def small(tiny, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "small", SMALL)


@pytest.fixture(scope="module")
def teacher(mix, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        out = tmp_path_factory.mktemp("teacher")
        STAGE.run(job(mix, out, WHAT.model_copy(update={"dev_samples": 0})))
        return out


@pytest.fixture(scope="module")
def signals(mix, teacher, tmp_path_factory):
    return captured(mix, teacher, tmp_path_factory.mktemp("signals"))


def captured(mix, teacher, out, **change):
    CAPTURE.run(job(mix, out, ASKED.model_copy(update={"teacher": str(teacher), **change}), CaptureHow(processes=1)))
    return out


def train(mix, out, signals=None, progress=None, **change):
    made = job(mix, out, TAUGHT.model_copy(update=change), progress=progress)
    if signals is not None:
        made = replace(made, inputs={**made.inputs, "signals": Artifact("signals", "k", "capture", signals)})
    STAGE.run(made)
    return curve(out)


def logp(folder, mix, texts):
    """Log-probabilities of all labels of the first shard, as `folder`'s model sees the tokens of `texts`."""
    encoded, _ = encode_lines(Encoding(texts, Sample.from_record, Limits(96)), mix / "train-00000.jsonl", slice(0, None))
    ids, where, _, _ = laid([encoded.sample(number) for number in range(len(encoded.ends))], encoded.starts, 0)
    return load_teacher(folder, 0).logits(torch.from_numpy(ids), torch.from_numpy(where)).log_softmax(1)


def divergence(teacher, student, mix):
    log_q, log_p = logp(teacher, mix, teacher), logp(student, mix, teacher)
    return float((log_q.exp() * (log_q - log_p)).sum(1).mean())


def losses(points, name="loss"):
    return np.array([point[name] for point in points])


def test_distillation_comes_nearer_to_the_teacher_than_the_right_answers_alone(mix, teacher, signals, tmp_path):
    alone = train(mix, tmp_path / "sft", tokens=8_000)
    taught = train(mix, tmp_path / "distill", signals, objective="distill", distill=DistillWhat(weight=1.0), tokens=8_000)
    assert [point["tokens"] for point in taught] == [point["tokens"] for point in alone]
    assert taught[-1]["loss"] < taught[0]["loss"] / 2 and taught[-1]["kl"] < taught[0]["kl"] / 2
    assert taught[3]["loss"] == pytest.approx(taught[3]["ce"] + taught[3]["kl"], abs=1e-4)
    assert divergence(teacher, tmp_path / "distill", mix) < divergence(teacher, tmp_path / "sft", mix)
    assert (tmp_path / "distill" / "tokenizer.json").read_bytes() == (teacher / "tokenizer.json").read_bytes()


def test_signals_teach_what_the_live_teacher_teaches(mix, teacher, signals, tmp_path):
    """The same loss code over captured and live top-k words: apart by the codec's rounding alone."""
    live = DistillWhat(teacher=str(teacher), top_k=8, weight=1.0)
    online = train(mix, tmp_path / "online", objective="distill", distill=live)
    offline = train(mix, tmp_path / "offline", signals, objective="distill", distill=DistillWhat(weight=1.0))
    assert np.abs(losses(online) - losses(offline)).max() < 0.02
    assert online[0]["kl"] == pytest.approx(offline[0]["kl"], abs=0.01) and online[0]["ce"] == offline[0]["ce"]


def test_a_cut_distillation_goes_on_bit_for_bit(mix, signals, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    given = {"objective": "distill", "distill": DistillWhat(divergence="jensen"), "tokens": 1_200}
    train(mix, tmp_path / "whole", signals, **given)
    with pytest.raises(Cut):
        train(mix, tmp_path / "cut", signals, CutAfter(3), **given)
    train(mix, tmp_path / "cut", signals, **given)
    assert (tmp_path / "cut" / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_gkd_learns_from_its_own_answers_and_goes_on_bit_for_bit(mix, teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    given = {"objective": "gkd", "gkd": GkdWhat(teacher=str(teacher), share=0.6), "tokens": 2_000}
    points = train(mix, tmp_path / "whole", **given)
    assert set(losses(points, "own")) == {0.0, 1.0}  # whole steps, the student's or the mix's
    for own in (0.0, 1.0):
        of_kind = [point["kl"] for point in points if point["own"] == own]
        assert of_kind[-1] < of_kind[0]
    with pytest.raises(Cut):
        train(mix, tmp_path / "cut", progress=CutAfter(4), **given)
    train(mix, tmp_path / "cut", **given)
    assert (tmp_path / "cut" / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_across_vocabularies_chunks_are_taught(mix, teacher, signals, tmp_path):
    own = DistillWhat(words="across", tokenizer="own", weight=1.0)
    points = train(mix, tmp_path / "out", signals, objective="distill", distill=own, vocabulary_size=340)
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() != (teacher / "tokenizer.json").read_bytes()
    assert points[-1]["kl"] < 0.8 * points[0]["kl"] and 0.5 < points[-1]["aligned"] <= 1
    assert points[-1]["ce"] < 0.9 * points[0]["ce"]


def test_across_the_same_vocabulary_every_label_is_aligned(mix, signals, tmp_path):
    (point, *_) = train(mix, tmp_path / "out", signals, objective="distill", distill=DistillWhat(words="across"), tokens=300)
    assert point["aligned"] == 1


@pytest.mark.parametrize(
    ("change", "distill", "told"),
    [
        ({"max_tokens": 24}, {}, "max_tokens 96 and not 24"),
        ({"vocabulary_size": 340}, {"tokenizer": "own"}, "another tokenizer"),
        ({"copying": "slots"}, {"words": "across", "tokenizer": "own"}, r"0.0% of the student's labels can be aligned"),
        ({}, {"temperature": 2.0}, "how much mass the others would have"),
        ({}, {"words": "across", "teacher": "here"}, "live teacher of another vocabulary"),
        ({"vocabulary_size": 340}, {"tokenizer": "own", "teacher": "here"}, "tokens the student reads"),
        ({"copying": "slots"}, {"tokenizer": "own", "teacher": "here"}, "tokens the student reads"),
    ],
)
def test_what_does_not_fit_is_one_sentence(mix, teacher, signals, tmp_path, change, distill, told):
    distill = {**distill, **({"teacher": str(teacher)} if "teacher" in distill else {})}
    with pytest.raises(UserError, match=told):
        train(mix, tmp_path / "out", signals, objective="distill", distill=DistillWhat(**distill), **change)


@pytest.mark.parametrize(("objective", "told"), [("distill", "distill without a teacher"), ("gkd", "name the teacher's folder")])
def test_without_a_teacher_nothing_is_distilled(mix, tmp_path, objective, told):
    with pytest.raises(UserError, match=told):
        train(mix, tmp_path / "out", objective=objective)


def test_a_base_of_others_learns_from_its_like_and_says_what_it_says(mix, tmp_path):
    """Teacher and student are the same folder: the first divergence is nought, live and captured; a capture reads the base's template."""
    (tmp_path / "base").mkdir()
    base = write_model(tmp_path / "base", "qwen2")
    given = {"base": str(base), "optimizer": "adamw", "max_tokens": 128, "tokens_per_step": 512, "tokens": 300, "objective": "distill"}
    (live, *_) = train(mix, tmp_path / "live", distill=DistillWhat(teacher=str(base)), **given)
    signals = captured(mix, base, tmp_path / "signals", max_tokens=128, top_k=16)
    (offline, *_) = train(mix, tmp_path / "offline", signals, distill=DistillWhat(), **given)
    assert live["kl"] == pytest.approx(0, abs=1e-6) and offline["kl"] == pytest.approx(0, abs=1e-4)
    assert live["ce"] == pytest.approx(offline["ce"], abs=1e-5)
    assert live["loss"] == pytest.approx(live["ce"], abs=1e-5)
