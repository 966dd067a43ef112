"""Students whose layers see a window or keep a state, trained by the stage: they learn, go on where they were cut, and answer."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from kubestill.ground.errors import UserError
from kubestill.stages.training import watch
from kubestill.stages.training.forecast import _student
from kubestill.stages.training.settings import AttentionWhat, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.memory import parameters
from support.toy_training import Cut, CutAfter, tiny
from unit.stages.training.test_training import WHAT, job, mix

__all__ = ["mix", "tiny"]  # fixtures


def settings(kind, **more):
    return TrainingWhat(**{**WHAT.model_dump(), "attention": {"kind": kind, "full_every": 2, "window": 12}, **more})


@pytest.mark.parametrize("kind", ["sliding", "linear"])
def test_it_learns_goes_on_where_it_was_cut_and_answers_as_hugging_face_generates(mix, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)  # told of every step
    whole, cut = job(mix, tmp_path / "whole", settings(kind)), tmp_path / "cut"
    assert STAGE.run(whole).figures["loss"] < 3.5  # log 400 is 6.0
    with pytest.raises(Cut):
        STAGE.run(job(mix, cut, settings(kind), progress=CutAfter(9)))
    STAGE.run(job(mix, cut, settings(kind)))
    layout, flat = load_student(tmp_path / "whole")
    assert torch.equal(load_student(cut)[1], flat)
    assert layout.arch.kinds == (f"{kind}_attention", "full_attention") and layout.total == parameters(layout.arch)
    foretold = _student(settings(kind), None)
    assert foretold.with_vocabulary(layout.arch.vocabulary) == layout.arch
    engine, model = TransformersEngine.load(cut), AutoModelForCausalLM.from_pretrained(cut).eval()
    requests = ["3 of ant and 2 more", "1 of hen and 0 more", "6 of elk and 3 more"]
    for request, reply in zip(requests, engine.generate(requests, Ask(max_new_tokens=24)), strict=True):
        prompt = engine.words.voice.prompt(request)
        ids = engine.words.tokenizer.encode(prompt.text, add_special_tokens=False).ids
        found = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)[0, len(ids) :].tolist()
        text = engine.words.tokenizer.decode([token for token in found if token not in engine.words.ends], skip_special_tokens=False)
        assert engine.words.voice.answer(text, prompt) == reply.text


def test_adapters_are_refused(mix, tmp_path):
    STAGE.run(job(mix, tmp_path / "base", settings("sliding", tokens=300)))
    pytest.importorskip("peft")
    tuned = settings("full", base=str(tmp_path / "base"), adapter={"rank": 2})
    with pytest.raises(UserError, match="full attention alone"):
        STAGE.run(job(mix, tmp_path / "out", tuned))


def test_what_is_plain_enters_no_key():
    assert "attention" not in TrainingWhat().model_dump(mode="json")
    chosen = TrainingWhat(attention=AttentionWhat(kind="sliding")).model_dump(mode="json")
    assert chosen["attention"]["window"] == 64 and TrainingWhat(**chosen).attention.kind == "sliding"
