"""A base of others through the training stage: what is learned is the answer in its own template, and what comes out is read by all."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from kubestill.domains.cron import domain
from kubestill.ground.errors import Unavailable, UserError
from kubestill.stages.training import prepare, watch
from kubestill.stages.training.pretraining import STAGE as PRETRAINING
from kubestill.stages.training.settings import AdapterWhat, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.stages.training.tuning import STAGE as TUNING
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.pretrained import ARCHITECTURES
from support.toy_training import Cut, CutAfter
from unit.stages.training.test_training import HOW, curve, job, record
from unit.tools.engines.test_pretrained import write_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT's call
COUNT = 80
RANK = AdapterWhat(rank=4, alpha=8.0)
WHAT = TrainingWhat(
    optimizer="adamw",
    rest_rate=0.01,
    tokens=4_000,
    tokens_per_step=512,
    max_tokens=128,
    precision="fp32",
    curriculum=0.0,
    dev_samples=2,
    dev_every_tokens=4_000,
)


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    monkeypatch.setattr(watch, "CURVE_POINTS", 10_000)
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix")
    (folder / "train-00000.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(COUNT)))
    (folder / "dev.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(6)))
    return folder


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return {kind: write_model(tmp_path_factory.mktemp(kind), kind) for kind in ARCHITECTURES}


def started(bases, kind, **changes):
    return WHAT.model_copy(update={"base": str(bases[kind]), **changes})


def test_labels_decode_to_exactly_the_answer_behind_the_bases_own_template(bases, mix, tmp_path):
    prepared = job(mix, tmp_path, started(bases, "qwen2"))
    assert prepare.prepare(prepared, 1).kept == COUNT
    encoded, tokenizer = Encoded.load(tmp_path / ENCODED), AutoTokenizer.from_pretrained(bases["qwen2"])
    for number in range(0, COUNT, 7):
        ids, start, sample = encoded.sample(number), int(encoded.starts[number]), record(number)
        turn = [{"role": "user", "content": sample["request"]}]
        assert tokenizer.decode(ids[:start]) == tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        assert tokenizer.decode(ids[start:]) == sample["answer"] + "<|im_end|>"
    assert not (tmp_path / "chat.json").exists()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_first_loss_is_transformers_own_and_the_answers_of_the_folder_are_its_too(bases, mix, tmp_path, kind):
    """A step of nearly no rate leaves the base's weights; its loss is that over all answers of the mix."""
    what = started(bases, kind, tokens=1, matrix_rate=1e-12, rest_rate=1e-12, tokens_per_step=65_536)
    done = STAGE.run(job(mix, tmp_path, what))
    (point,) = curve(tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(bases[kind]), AutoTokenizer.from_pretrained(bases[kind])
    summed, count = 0.0, 0
    for number in range(COUNT):
        turn = [{"role": "user", "content": record(number)["request"]}]
        prompt = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)
        answer = tokenizer(record(number)["answer"] + "<|im_end|>", add_special_tokens=False)["input_ids"]
        labels = torch.tensor([[-100] * len(prompt) + answer])
        with torch.no_grad():
            summed += float(model(torch.tensor([prompt + answer]), labels=labels).loss) * len(answer)
        count += len(answer)
    assert point["loss"] == pytest.approx(summed / count, abs=2e-5)
    assert done.figures["hugging_face_gap"] < 1e-4
    ask, requests = Ask(max_new_tokens=12), ["3 of cat and 1 more", "a pod"]
    first, second = (TransformersEngine.load(folder).generate(requests, ask) for folder in (bases[kind], tmp_path))
    assert first == second


@pytest.fixture(scope="module")
def learned(bases, mix, tmp_path_factory):
    """Adapters, trained uncut by one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "CURVE_POINTS", 10_000)
        out = tmp_path_factory.mktemp("learned")
        done = STAGE.run(job(mix, out, started(bases, "qwen2", adapter=RANK), HOW))
    return out, done


def test_adapters_learn_and_the_folder_is_whole(bases, learned):
    out, done = learned
    losses = [point["loss"] for point in curve(out)]
    assert np.mean(losses[-3:]) < losses[0] - 0.3
    base, model = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (bases["qwen2"], out))
    moved = {name.split(".")[-2] for name in base if not torch.equal(base[name], model[name])}
    assert moved == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert done.figures["parameters"] == 2 * 4 * (2 * (64 + 64) + 2 * (64 + 32) + 3 * (64 + 96))  # layers, rank, in and out
    assert json.loads((out / "fullpass.jsonl").read_text())["total"] == 2
    assert not {"adapter_config.json", "encoded", "chat.json"} & {path.name for path in out.iterdir()}


def test_a_cut_run_goes_on_bit_for_bit_and_two_processes_learn_the_same(bases, mix, learned, tmp_path):
    what = started(bases, "qwen2", adapter=RANK)
    with pytest.raises(Cut):
        STAGE.run(job(mix, tmp_path / "cut", what, HOW, CutAfter(4)))
    STAGE.run(job(mix, tmp_path / "cut", what, HOW))
    assert (tmp_path / "cut" / "model.safetensors").read_bytes() == (learned[0] / "model.safetensors").read_bytes()
    two = HOW.model_copy(update={"processes": 2, "packed_tokens": 256, "activation_checkpointing": True, "checkpoint_seconds": 60.0})
    STAGE.run(job(mix, tmp_path / "two", what, two))
    gaps = [one["loss"] - other["loss"] for one, other in zip(curve(learned[0]), curve(tmp_path / "two"), strict=True)]
    assert max(map(abs, gaps)) < 1e-3


def test_kept_adapters_are_pefts_and_answer_as_merged_ones(bases, mix, learned, tmp_path):
    kept = RANK.model_copy(update={"merge": False})
    STAGE.run(job(mix, tmp_path, started(bases, "qwen2", adapter=kept), HOW))
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(bases["qwen2"]), tmp_path)
    merged = AutoModelForCausalLM.from_pretrained(learned[0])
    ids = torch.arange(40)[None] * 5 % 300
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, merged(ids).logits, atol=1e-4, rtol=1e-4)
    requests = ["3 of cat and 1 more", "2 of hen and 3 more"]
    answers = [TransformersEngine.load(folder).generate(requests, Ask(max_new_tokens=20)) for folder in (tmp_path, learned[0])]
    assert answers[0] == answers[1]


def test_all_weights_of_a_bf16_base_learn_by_muon(bases, mix, tmp_path):
    base = AutoModelForCausalLM.from_pretrained(bases["llama"], dtype=torch.bfloat16)
    folder = tmp_path / "half"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((bases["llama"] / name).read_bytes())
    base.save_pretrained(folder)
    muon = {"optimizer": "muon", "matrix_rate": 0.01, "rest_rate": 0.003, "precision": "bf16", "base": str(folder)}
    STAGE.run(job(mix, tmp_path / "out", WHAT.model_copy(update=muon), HOW))
    losses = [point["loss"] for point in curve(tmp_path / "out")]
    assert np.mean(losses[-3:]) < losses[0] - 0.5
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out").dtype == torch.bfloat16


@pytest.mark.parametrize("merge", [True, False])
def test_a_student_of_ours_gets_adapters_through_its_hugging_face_form(mix, tmp_path, merge):
    small = {"preset": "1m", "vocabulary_size": 400, "copying": "spell", "tokens": 1, "dev_samples": 0, "optimizer": "muon"}
    STAGE.run(job(mix, tmp_path / "base", WHAT.model_copy(update=small), HOW))
    what = WHAT.model_copy(update={"base": str(tmp_path / "base"), "adapter": RANK.model_copy(update={"merge": merge}), "tokens": 2_000})
    STAGE.run(job(mix, tmp_path / "out", what, HOW))
    losses = [point["loss"] for point in curve(tmp_path / "out")]
    assert losses[-1] < losses[0] - 0.1
    first, second = (TransformersEngine.load(tmp_path / name) for name in ("base", "out"))
    ask, requests = Ask(max_new_tokens=20), [record(3)["request"]]
    assert first.generate(requests, ask) != second.generate(requests, ask)
    assert (tmp_path / "out" / "adapter_model.safetensors").exists() is not merge


def test_a_plan_with_adapters_and_without_peft_says_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else find(name))
    for stage in (STAGE, PRETRAINING, TUNING):
        with pytest.raises(Unavailable, match=r"pip install 'kubestill\[lora\]'"):
            stage.ready(stage.what(adapter=RANK), domain())
    STAGE.ready(STAGE.what(), domain())


REFUSED = [
    ({"layers": 4}, "only those can be deepened"),
    ({"max_tokens": 200}, "over the context"),
    ({"base": "", "preset": "1m", "vocabulary_size": 400, "adapter": RANK}, "a student from nothing has no weights"),
    ({"base": "models/none"}, "there is no folder 'models/none'.*hf download"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
def test_what_cannot_be_done_is_one_sentence(bases, mix, tmp_path, changes, told):
    with pytest.raises(UserError, match=told):
        STAGE.run(job(mix, tmp_path, started(bases, "qwen3", **changes)))
