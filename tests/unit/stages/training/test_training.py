"""The training stage end to end on a toy: what must not matter does not, what was cut goes on, what comes out is right."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kubestill.domains.api import English
from kubestill.ground.errors import KubestillError, UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job
from kubestill.stages.training import prepare, watch
from kubestill.stages.training.settings import TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.tokenizer import load_tokenizer
from support.toy_training import TINY, Cut, CutAfter, tiny

__all__ = ["tiny"]  # a fixture

WHAT = TrainingWhat(
    preset="tiny",
    vocabulary_size=400,
    copying="spell",
    tokens=6_000,
    tokens_per_step=256,
    max_tokens=96,
    precision="fp32",
    dev_samples=4,
    dev_every_tokens=3_000,
)
HOW = TrainingHow(processes=1, checkpoint_seconds=1e-9)
WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")


class Toy:
    """A domain whose answers are right when they equal the intent."""

    def english(self):
        return English()

    def vocabulary(self):
        return frozenset()

    def judge(self, answer, intents=None, skill=""):
        return SimpleNamespace(passed=answer == intents[0].value)


def record(number):
    word, count = WORDS[number % 8], number % 7
    answer = f"kind: {word}\nspec:\n  count: {count}\n" + "  more: yes\n" * (number % 4)
    intents = [{"aspect": "text", "keys": [], "value": answer}]
    same = {"skill": "toy", "kind": word, "road": "procedural", "forms": [], "source": {}}
    return same | {"id": str(number), "request": f"{count} of {word} and {number % 4} more", "answer": answer, "intents": intents}


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix")
    for shard in range(2):
        lines = [json.dumps(record(number)) + "\n" for number in range(shard, 240, 2)]
        (folder / f"train-{shard:05d}.jsonl").write_text("".join(lines))
    (folder / "dev.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(6)))
    return folder


def job(mix, out, what=WHAT, how=HOW, progress=None):
    out.mkdir(exist_ok=True)
    inputs = {"mix": Artifact("mix", "k", "curation", mix)}
    return Job(what, how, inputs, out, Seed(7), progress or Silent(), Toy())


def curve(out):
    return [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(mix, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        patch.setattr(watch, "CURVE_POINTS", 10_000)
        out = tmp_path_factory.mktemp("whole")
        done = STAGE.run(job(mix, out))
        return out, done


def test_with_notes_a_share_of_the_samples_ends_before_the_answer(mix, tmp_path):
    share, ids = {}, {}
    for answers in (1.0, 0.25):
        what = WHAT.model_copy(update={"notes": True, "answers": answers, "max_tokens": 128, "tokens_per_step": 256})
        prepared = job(mix, tmp_path / str(answers), what)
        prepare.prepare(prepared, 1)
        encoded, tokenizer = Encoded.load(prepared.out / ENCODED), load_tokenizer(prepared.out)
        last = [int(encoded.sample(number)[-1]) for number in range(len(encoded.ends))]
        share[answers] = sum(token == tokenizer.token_to_id("<|end|>") for token in last) / len(last)
        assert set(last) <= {tokenizer.token_to_id("<|end|>"), tokenizer.token_to_id("<|answer|>")}
        ids[answers] = tokenizer.decode(encoded.sample(0).tolist(), skip_special_tokens=False)
    assert share[1.0] == 1 and 0.1 < share[0.25] < 0.45
    assert ids[1.0].startswith("<|user|>") and "<|assistant|>\ntext: kind:" in ids[1.0]


def test_the_loss_falls_and_everything_is_counted(whole):
    out, done = whole
    points = curve(out)
    assert points[-1]["loss"] < points[0]["loss"] / 2
    assert [point["step"] for point in points] == list(range(1, len(points) + 1))
    assert points[-1]["tokens"] >= WHAT.tokens > points[-2]["tokens"]
    assert done.tally.closed and done.tally.kept == 240
    passes = [json.loads(line) for line in (out / "fullpass.jsonl").read_text().splitlines()]
    assert [entry["total"] for entry in passes] == [4] * len(passes) and len(passes) == 2
    names = {path.name for path in out.iterdir()}
    assert {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat.json"} <= names
    assert "encoded" not in names and not any(name.startswith(("checkpoint-", "best-")) for name in names)


def test_the_first_loss_is_the_one_that_hugging_face_computes(mix, tmp_path):
    """One step of nearly no rate: the saved weights are the first ones, and their loss is the curve's first."""
    what = WHAT.model_copy(update={"tokens": 1, "matrix_rate": 1e-12, "rest_rate": 1e-12, "dev_samples": 0, "tokens_per_step": 16_384})
    STAGE.run(job(mix, tmp_path, what))
    (point,) = curve(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    summed, count, tokens = 0.0, 0, 0
    for number in range(240):
        sample = record(number)
        turn = [{"role": "user", "content": sample["request"]}]
        head = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        prompt = tokenizer(head, add_special_tokens=False)["input_ids"]
        answer = tokenizer(sample["answer"] + "<|end|>", add_special_tokens=False)["input_ids"]
        ids = torch.tensor([prompt + answer])
        with torch.no_grad():
            logp = model(ids).logits.log_softmax(-1)
        chosen = logp[0, :-1].gather(-1, ids[0, 1:, None])[len(prompt) - 1 :]
        summed, count, tokens = summed - float(chosen.sum()), count + len(answer), tokens + ids.numel()
    assert point["tokens"] == tokens  # the one step held the whole mix
    assert point["loss"] == pytest.approx(summed / count, abs=2e-5)


def test_two_processes_learn_what_one_learns(mix, whole, tmp_path):
    out, _ = whole
    STAGE.run(job(mix, tmp_path, how=HOW.model_copy(update={"processes": 2, "checkpoint_seconds": 60.0})))
    gaps = [one["loss"] - two["loss"] for one, two in zip(curve(out), curve(tmp_path), strict=True)]
    assert max(map(abs, gaps)) < 2e-3 and abs(sum(gaps)) / len(gaps) < 2e-4


@pytest.mark.parametrize("steps", [1, 9])
def test_a_cut_run_goes_on_bit_for_bit(mix, whole, tmp_path, monkeypatch, steps):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    out, _ = whole
    with pytest.raises(Cut):
        STAGE.run(job(mix, tmp_path, progress=CutAfter(steps)))
    STAGE.run(job(mix, tmp_path))
    assert (tmp_path / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
    timeless = [[{key: point[key] for key in ("step", "tokens", "loss")} for point in curve(where)] for where in (out, tmp_path)]
    assert timeless[0] == timeless[1]
    assert (tmp_path / "tokenizer.json").read_bytes() == (out / "tokenizer.json").read_bytes()


KILLED = """
import sys, time
sys.path[:0] = [{here!r}, {tests!r}]
import test_training as t
from pathlib import Path
from kubestill.stages.training import watch
t.presets.PRESETS["tiny"] = t.TINY
watch.CURVE_POINTS = 10_000
save = watch.Watch.save
def save_and_wait(self, stepped):
    save(self, stepped)
    time.sleep(3600)  # so that the run cannot end before it is killed
watch.Watch.save = save_and_wait
if __name__ == "__main__":
    how = t.HOW.model_copy(update=dict(processes=2))
    t.STAGE.run(t.job(Path({mix!r}), Path({out!r}), how=how))
"""


def test_a_killed_run_leaves_no_process_and_goes_on(mix, whole, tmp_path):
    script, out = tmp_path / "run.py", tmp_path / "out"
    script.write_text(KILLED.format(here=str(Path(__file__).parent), tests=str(Path(__file__).parents[3]), mix=str(mix), out=str(out)))
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    while not list(out.glob("checkpoint-*.safetensors")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    patience = 2_400  # a loaded machine takes its time; a child that lives on takes for ever
    while members(process.pid):
        assert patience, "a child lives on"
        patience -= 1
        time.sleep(0.05)
    assert [point["step"] for point in curve(out)] == [1]
    STAGE.run(job(mix, out))
    first, again = curve(whole[0]), curve(out)
    assert [point["step"] for point in again] == [point["step"] for point in first]
    assert again[-1]["loss"] == pytest.approx(first[-1]["loss"], abs=2e-3)


def members(group):
    """Living processes of a process group, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def test_the_engine_answers_from_the_folder_and_hugging_face_says_the_same(whole):
    out, _ = whole
    engine = TransformersEngine.load(out)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32), AutoTokenizer.from_pretrained(out)
    for number in (3, 10):
        request = record(number)["request"]
        (reply,) = engine.generate([request], Ask(max_new_tokens=40))
        text = tokenizer.apply_chat_template([{"role": "user", "content": request}], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            generated = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False)[0, ids.shape[1] :]
        assert tokenizer.decode(generated, skip_special_tokens=True) == reply.text


def test_a_base_keeps_its_words_and_goes_on_from_its_weights(mix, whole, tmp_path):
    out, _ = whole
    what = WHAT.model_copy(update={"base": str(out), "tokens": 1, "matrix_rate": 1e-12, "rest_rate": 1e-12, "dev_samples": 0})
    STAGE.run(job(mix, tmp_path, what))
    for name in ("tokenizer.json", "chat.json"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()
    assert curve(tmp_path)[0]["loss"] < 1.5 * curve(out)[-1]["loss"] + 0.1


def test_a_base_reads_the_words_of_the_domain_as_words_from_now_on(mix, tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "english", lambda self: English(frozenset({"quxly"}), frozenset({"zebra"})))
    what = TrainingWhat(base="kubernetes-base")
    prepare.prepare_texts(job(mix, tmp_path, what), [])
    before, after = ChatFormat.load(find_base("kubernetes-base")), ChatFormat.load(tmp_path)
    assert after.known == before.known | {"quxly"} and after.namesakes == before.namesakes | {"zebra"}
    assert (
        after.prompt("deploy the zebra").text.endswith("⟨1⟩ ~ zebra<|assistant|>\n") and "~" not in before.prompt("deploy the zebra").text
    )
    assert "quxly" not in before.prompt("a job called web, quxly").text and "quxly" in after.prompt("a job called web, quxly").text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_tokens": 8_192, "tokens_per_step": 32_768}, "over the context"),
        ({"tokens_per_step": 64}, "does not fit a block"),
        ({"base": "no-such-student"}, "no student 'no-such-student'"),
        ({"preset": "5m"}, "no preset '5m'"),
        ({"max_tokens": 16}, "none of 240 samples fits 16 tokens"),
    ],
)
def test_unusable_settings_are_one_sentence(mix, tmp_path, change, told):
    with pytest.raises(UserError, match=told):
        STAGE.run(job(mix, tmp_path, WHAT.model_copy(update=change)))


def test_an_empty_mix_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no train-"):
        STAGE.run(job(tmp_path, tmp_path / "out"))


def test_long_samples_are_dropped_and_counted(mix, whole, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(whole[0])  # the mix decides on the tokenizer, whatever is dropped later
    texts = [f"<|user|>\n{sample['request']}<|assistant|>\n{sample['answer']}<|end|>" for sample in map(record, range(240))]
    lengths = sorted(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)
    longest = lengths[120]
    what = WHAT.model_copy(update={"tokens": 1, "dev_samples": 0, "max_tokens": longest})
    done = STAGE.run(job(mix, tmp_path, what))
    assert done.tally.closed and done.tally.came == 240
    assert done.tally.dropped == {"too-long": sum(length > longest for length in lengths)} and done.tally.kept > 120


@pytest.mark.parametrize("processes", [1, 2])
def test_a_loss_that_is_no_number_is_one_sentence(mix, tmp_path, processes):
    what = WHAT.model_copy(update={"matrix_rate": 1e36, "rest_rate": 1e36, "warmup": 0.0})
    with pytest.raises(KubestillError, match="loss is not a number at step"):
        STAGE.run(job(mix, tmp_path, what, HOW.model_copy(update={"processes": processes})))


def test_bf16_learns_what_fp32_learns(mix, whole, tmp_path):
    STAGE.run(job(mix, tmp_path, WHAT.model_copy(update={"precision": "bf16"})))
    gaps = [one["loss"] - two["loss"] for one, two in zip(curve(whole[0]), curve(tmp_path), strict=True)]
    assert abs(sum(gaps)) / len(gaps) < 0.05


def test_the_seed_and_only_the_seed_changes_the_weights(mix, tmp_path):
    short = WHAT.model_copy(update={"tokens": 600, "dev_samples": 0})
    weights = []
    for number, seed in enumerate((1, 1, 2)):
        place = tmp_path / str(number)
        STAGE.run(replace(job(mix, place, short), seed=Seed(seed)))
        weights.append((place / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]
