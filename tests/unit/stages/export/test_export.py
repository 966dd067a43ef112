"""A student with drawn weights goes through evaluation and export; transformers itself says whether it is what was written."""

import json

import pytest
import torch

from kubestill.domains.api import SUITE_SEED, TRAIN
from kubestill.domains.cron import domain
from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.stages.evaluation.fleet import Fleet
from kubestill.stages.evaluation.stage import STAGE as EVALUATION
from kubestill.stages.evaluation.stage import EvaluationHow, EvaluationWhat
from kubestill.stages.export.files import modelfile
from kubestill.stages.export.stage import PROBE, ExportWhat, read_back
from kubestill.stages.export.stage import STAGE as EXPORT
from kubestill.tools.chat.format import END, PAD, ChatFormat
from kubestill.tools.engines.api import Ask, TooLong
from kubestill.tools.gguf.read import check
from kubestill.tools.gguf.vocabulary import read_vocabulary
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
    return run(EVALUATION, what, EvaluationHow(processes=1), **{name: inputs[name] for name in EVALUATION.inputs})


def test_evaluation_writes_each_answer_and_the_score_counts_them(scores):
    done, artifact = scores
    records = list(read_records(artifact.path / "cron.jsonl"))
    score = json.loads((artifact.path / "scores.json").read_text())["cron"]
    assert len(records) == score["total"] == done.tally.came == COUNT
    assert score["passed"] == sum(record["passed"] for record in records) == done.tally.kept
    assert score["tokens_mean"] == pytest.approx(sum(record["tokens"] for record in records) / COUNT, abs=0.06)
    assert all(record["tokens"] <= 8 for record in records)


def test_questions_that_training_has_seen_the_like_of_are_counted_apart(run, inputs):
    what, asked = EvaluationWhat(count=COUNT, max_new_tokens=8, constrained=False), {name: inputs[name] for name in EVALUATION.inputs}
    ids = [sample.id for sample in domain().suites()["cron"].samples((), COUNT, SUITE_SEED)]
    (inputs["mix"].path / "similar.json").write_text(json.dumps({"cron": ids[:5]}))
    _, artifact = run(EVALUATION, what, EvaluationHow(processes=1), **asked)
    apart = json.loads((artifact.path / "scores.json").read_text())["cron"]["by_likeness"]
    assert (apart["similar"]["total"], apart["other"]["total"]) == (5, COUNT - 5)


def test_a_suite_that_is_done_is_not_asked_again(scores, run, inputs):
    _, artifact = scores
    (artifact.path / "cron.jsonl").write_text("as it was\n")
    what = EvaluationWhat(count=COUNT, max_new_tokens=8)
    again, _ = run(EVALUATION, what, EvaluationHow(processes=1), **{name: inputs[name] for name in EVALUATION.inputs})
    assert (artifact.path / "cron.jsonl").read_text() == "as it was\n" and again.tally.came == COUNT


def test_several_processes_answer_as_one_does(scores, run, inputs):
    what = EvaluationWhat(count=COUNT, max_new_tokens=8)
    _, several = run(EVALUATION, what, EvaluationHow(processes=2), "several", **{name: inputs[name] for name in EVALUATION.inputs})
    assert (several.path / "cron.jsonl").read_bytes() == (scores[1].path / "cron.jsonl").read_bytes()


def test_a_request_beyond_the_context_comes_home_from_a_worker(weights):
    with Fleet(weights.path, 1) as fleet, pytest.raises(TooLong, match="the context holds 256"):
        fleet.generate(["word " * 2_000], Ask())


def test_an_unknown_suite_in_the_recipe_is_told(run, inputs):
    with pytest.raises(UserError, match="did you mean 'cron'"):
        run(EVALUATION, EvaluationWhat(counts={"crom": 3}), **{name: inputs[name] for name in EVALUATION.inputs})


def test_a_release_loads_as_a_stranger_would_load_it(scores, run, inputs):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    done, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    model, tokenizer = AutoModelForCausalLM.from_pretrained(release.path), AutoTokenizer.from_pretrained(release.path)
    assert sum(parameter.numel() for parameter in model.parameters()) == done.figures["parameters"]
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "every day at 9"}], tokenize=False, add_generation_prompt=True)
    assert prompt == ChatFormat.load(release.path).prompt("every day at 9").text
    assert tokenizer.decode(tokenizer(PROBE).input_ids) == PROBE
    assert not list(release.path.glob("*.part"))


def test_the_gguf_of_a_release_answers_as_its_weights_do(scores, run, inputs):
    pytest.importorskip("xllamacpp")
    from kubestill.tools.engines.llama_cpp import LlamaCppEngine
    from kubestill.tools.engines.transformers import TransformersEngine

    done, release = run(EXPORT, ExportWhat(name="tiny", formats=("f32", "q8_0")), **inputs, scores=scores[1])
    requests, ask = [f"every day at {hour}" for hour in range(6, 12)], Ask(max_new_tokens=12)
    answers = TransformersEngine.load(release.path).generate(requests, ask)
    assert [reply.text for reply in LlamaCppEngine.load(release.path / "model-f32.gguf").generate(requests, ask)] == [
        a.text for a in answers
    ]
    exact, small = (done.figures["gguf"][form] for form in ("f32", "q8_0"))
    assert exact["error"] == 0 and exact["same_first"] == 1 and exact["divergence"] < 1e-9
    assert 0 < small["error"] < 0.01 and small["divergence"] < 0.01 and small["file_bytes"] < exact["file_bytes"]
    assert small["file_bytes"] == (release.path / "model-q8_0.gguf").stat().st_size
    assert "| model-q8_0.gguf |" in (release.path / "README.md").read_text()
    assert (release.path / "Modelfile").read_text().startswith("FROM ./model-f32.gguf\n")


def test_a_gguf_alone_holds_the_chat_format_and_the_tokenizer(scores, run, inputs):
    pytest.importorskip("xllamacpp")
    from tokenizers import Tokenizer

    _, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    header = check(release.path / "model-q8_0.gguf")
    vocabulary = read_vocabulary(header)
    whole, theirs = Tokenizer.from_str(vocabulary.tokenizer), Tokenizer.from_file(str(release.path / "tokenizer.json"))
    assert whole.encode(PROBE).ids == theirs.encode(PROBE).ids and vocabulary.texts[vocabulary.end] == END
    assert json.loads(vocabulary.chat) == json.loads((release.path / "chat.json").read_text())
    assert header.metadata["general.sampling.temp"] == 0 and header.text("general.name") == "tiny"


def test_a_student_of_pointers_is_not_for_ollama_and_its_modelfile_says_so(tmp_path):
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 1024}')
    ChatFormat(copying="slots").save(tmp_path)
    told = modelfile(tmp_path, "model-q8_0.gguf")
    assert "kubestill ask" in told and 'PARAMETER stop "<|end|>"' in told and "num_ctx 1024" in told


def test_without_the_packages_nothing_is_released_in_silence(scores, run, inputs, monkeypatch):
    monkeypatch.setattr("kubestill.tools.gguf.quantise.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"kubestill\[gguf\]"):
        run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    done, release = run(EXPORT, ExportWhat(name="tiny", formats=()), "bare", **inputs, scores=scores[1])
    assert done.figures["gguf"] == {} and not list(release.path.glob("*.gguf"))


def test_the_card_tells_scores_data_and_recipe(scores, run, inputs):
    _, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    card = (release.path / "README.md").read_text()
    total = json.loads((scores[1].path / "scores.json").read_text())["cron"]["total"]
    for told in ("# tiny", "license: apache-2.0", f"| {total} |", "same request 3", '"preset": "tiny"', "CRON003", "## Limits"):
        assert told in card


def test_weights_that_are_not_whole_are_not_released(scores, run, inputs, tmp_path):
    (tmp_path / "half").mkdir()
    half = Artifact("weights", "0" * 40, "training", tmp_path / "half")
    with pytest.raises(UserError, match=r"model\.safetensors, tokenizer\.json.* missing"):
        run(EXPORT, **{**inputs, "weights": half}, scores=scores[1])


def test_a_release_whose_bytes_went_wrong_is_noticed(scores, run, inputs):
    from safetensors.torch import load_file, save_file

    _, release = run(EXPORT, ExportWhat(name="tiny"), **inputs, scores=scores[1])
    tensors = load_file(release.path / "model.safetensors")
    tensors["model.norm.weight"] = tensors["model.norm.weight"] + torch.tensor(0.01)
    save_file(tensors, release.path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="logits differ"):
        read_back(inputs["weights"].path, release.path)
