"""A student with drawn weights goes through evaluation and export; transformers itself says whether it is what was written."""

import json

import pytest
import torch

from kubestill.domains.api import TRAIN
from kubestill.domains.cron import domain
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.stages.evaluation.fleet import Fleet
from kubestill.stages.evaluation.stage import STAGE as EVALUATION
from kubestill.stages.evaluation.stage import EvaluationHow, EvaluationWhat
from kubestill.stages.export.stage import PROBE, ExportWhat, read_back
from kubestill.stages.export.stage import STAGE as EXPORT
from kubestill.tools.chat.format import END, PAD, ChatFormat
from kubestill.tools.engines.api import Ask
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.load import save_student
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.tokenizer import save_tokenizer, token_id, train_tokenizer

COUNT = 12


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    samples = [domain().skills()["cron"].draw(Seed(1).rng(number), TRAIN) for number in range(80)]
    chat = ChatFormat.learn([(sample.request, sample.answer) for sample in samples], "spell")
    chat.save(folder)
    tokenizer = train_tokenizer([chat.prompt(sample.request).text + sample.answer for sample in samples], 512, "spell")
    save_tokenizer(tokenizer, folder, 256)
    layout = Layout(Architecture(32, 1, 2, 1, 16, 64, tokenizer.get_vocab_size(), 256))
    save_student(folder, layout, draw(layout, 1), (token_id(tokenizer, PAD), token_id(tokenizer, END)))
    return Artifact("weights", "0" * 40, "training", folder, {"preset": "tiny"})


@pytest.fixture
def inputs(weights, tmp_path):
    def artifact(kind, stage):
        (tmp_path / kind).mkdir(exist_ok=True)
        tally = {"came": 10, "kept": 7, "dropped": {"same request": 3}}
        return Artifact(kind, "0" * 40, stage, tmp_path / kind, {"some": "setting"}, {}, tally)

    stages = {"documents": "corpus", "samples": "synthesis", "mix": "curation"}
    return {"weights": weights, **{kind: artifact(kind, stage) for kind, stage in stages.items()}}


@pytest.fixture
def scores(run, inputs):
    what = EvaluationWhat(count=COUNT, max_new_tokens=8)
    return run(EVALUATION, what, EvaluationHow(processes=1), weights=inputs["weights"], documents=inputs["documents"])


def test_evaluation_writes_each_answer_and_the_score_counts_them(scores):
    done, artifact = scores
    records = list(read_records(artifact.path / "cron.jsonl"))
    score = json.loads((artifact.path / "scores.json").read_text())["cron"]
    assert len(records) == score["total"] == done.tally.came == COUNT
    assert score["passed"] == sum(record["passed"] for record in records) == done.tally.kept
    assert score["tokens_mean"] == pytest.approx(sum(record["tokens"] for record in records) / COUNT, abs=0.06)
    assert all(record["tokens"] <= 8 for record in records)


def test_a_suite_that_is_done_is_not_asked_again(scores, run, inputs):
    _, artifact = scores
    (artifact.path / "cron.jsonl").write_text("as it was\n")
    what = EvaluationWhat(count=COUNT, max_new_tokens=8)
    again, _ = run(EVALUATION, what, EvaluationHow(processes=1), weights=inputs["weights"], documents=inputs["documents"])
    assert (artifact.path / "cron.jsonl").read_text() == "as it was\n" and again.tally.came == COUNT


def test_several_processes_answer_as_one_does(scores, run, inputs):
    what = EvaluationWhat(count=COUNT, max_new_tokens=8)
    _, several = run(EVALUATION, what, EvaluationHow(processes=2), "several", weights=inputs["weights"], documents=inputs["documents"])
    assert (several.path / "cron.jsonl").read_bytes() == (scores[1].path / "cron.jsonl").read_bytes()


def test_a_request_beyond_the_context_comes_home_from_a_worker(weights):
    with Fleet(weights.path, 1) as fleet, pytest.raises(UserError, match="the context holds 256"):
        fleet.generate(["word " * 2_000], Ask())


def test_an_unknown_suite_in_the_recipe_is_told(run, inputs):
    with pytest.raises(UserError, match="did you mean 'cron'"):
        run(EVALUATION, EvaluationWhat(counts={"crom": 3}), weights=inputs["weights"], documents=inputs["documents"])


def test_a_release_loads_as_a_stranger_would_load_it(scores, run, inputs):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    done, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    model, tokenizer = AutoModelForCausalLM.from_pretrained(release.path), AutoTokenizer.from_pretrained(release.path)
    assert sum(parameter.numel() for parameter in model.parameters()) == done.figures["parameters"]
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "every day at 9"}], tokenize=False, add_generation_prompt=True)
    assert prompt == ChatFormat.load(release.path).prompt("every day at 9").text
    assert tokenizer.decode(tokenizer(PROBE).input_ids) == PROBE
    assert not list(release.path.glob("*.part"))


def test_the_card_tells_scores_data_and_recipe(scores, run, inputs):
    _, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    card = (release.path / "README.md").read_text()
    total = json.loads((scores[1].path / "scores.json").read_text())["cron"]["total"]
    for told in ("# tiny", "license: apache-2.0", f"| {total} |", "same request 3", '"preset": "tiny"', "CRON003", "## Limits"):
        assert told in card


def test_weights_that_are_not_whole_are_not_released(scores, run, inputs, tmp_path):
    (tmp_path / "half").mkdir()
    half = Artifact("weights", "0" * 40, "training", tmp_path / "half")
    with pytest.raises(UserError, match=r"chat\.json missing"):
        run(EXPORT, **{**inputs, "weights": half}, scores=scores[1])


def test_a_release_whose_bytes_went_wrong_is_noticed(scores, run, inputs):
    from safetensors.torch import load_file, save_file

    _, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    tensors = load_file(release.path / "model.safetensors")
    tensors["model.norm.weight"] = tensors["model.norm.weight"] + torch.tensor(0.01)
    save_file(tensors, release.path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="logits differ"):
        read_back(inputs["weights"].path, release.path)
