"""Pretraining end to end on a toy: every token of a document is learned once, and what comes of it is handed on."""

import json
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kubestill.domains.api import HELD_OUT_REPOSITORIES, English
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.seeds import Seed, held_out
from kubestill.ground.stage import Job
from kubestill.ground.store import Store
from kubestill.pipeline.plan import make_plan, wanted_stages
from kubestill.pipeline.recipe import read_recipe
from kubestill.stages.training import documents, watch
from kubestill.stages.training.batches import Plan, Position
from kubestill.stages.training.domains import Groups
from kubestill.stages.training.pretraining import STAGE
from kubestill.stages.training.settings import PretrainingWhat, TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE as TRAINING
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.tokenizer import load_tokenizer
from support.toy_training import TINY, Cut, CutAfter, tiny

__all__ = ["tiny"]  # a fixture

SMALL = {"preset": "tiny", "vocabulary_size": 400, "tokens_per_step": 256, "max_tokens": 96, "precision": "fp32"}
WHAT = PretrainingWhat(**SMALL, tokens=4_000, forms=("pages", "fields"), held=0.2, dev_every_tokens=2_000)
HOW = TrainingHow(processes=1, checkpoint_seconds=1e-9)
WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")


class Toy:
    name = "toy"

    def english(self):
        return English()

    def vocabulary(self):
        return frozenset()

    def forms(self):
        return dict.fromkeys(("pages", "fields", "commands", "runbooks", "manifests"), "")


def sample(number):
    word, count = WORDS[number % 8], number % 7
    answer = f"kind: {word}\nspec:\n  count: {count}\n"
    intents = [{"aspect": "text", "keys": [], "value": answer}]
    same = {"skill": "toy", "kind": word, "road": "procedural", "forms": [], "source": {}}
    return same | {"id": str(number), "request": f"{count} of {word} in a nest", "answer": answer, "intents": intents}


def document(number):
    form = ("pages", "fields", "alerts")[number % 3]
    lines = [
        f"The {WORDS[(number + line) % 8]} has {number % 5} legs, and `spec.{WORDS[line % 8]}` says so." for line in range(1 + number % 9)
    ]
    text = "" if number == 6 else "\n".join(lines)
    return {"id": f"d{number}", "text": text, "kind": "page", "source": {"page": f"page-{number}"}, "form": form}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    mix, corpus = tmp_path_factory.mktemp("mix"), tmp_path_factory.mktemp("documents")
    (mix / "train-00000.jsonl").write_text("".join(json.dumps(sample(number)) + "\n" for number in range(160)))
    (mix / "dev.jsonl").write_text("".join(json.dumps(sample(number)) + "\n" for number in range(6)))
    for shard in range(2):
        lines = [json.dumps(document(number)) + "\n" for number in range(shard, 90, 2)]
        (corpus / f"documents-{shard:05d}.jsonl").write_text("".join(lines))
    return {"mix": Artifact("mix", "m", "curation", mix), "documents": Artifact("documents", "d", "corpus", corpus)}


def job(made, out, what=WHAT, how=HOW, progress=None):
    out.mkdir(exist_ok=True)
    return Job(what, how, made, out, Seed(7), progress or Silent(), Toy())


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        patch.setattr(watch, "CURVE_POINTS", 10_000)
        out = tmp_path_factory.mktemp("whole")
        return out, STAGE.run(job(made, out))


def chosen():
    """What should be learned, measured and dropped, from the documents themselves."""
    found = {"learned": [], "held": [], "another": 0, "suites": 0, "empty": 0}
    for number in [*range(0, 90, 2), *range(1, 90, 2)]:
        record = document(number)
        unit = record["source"]["page"]
        if record["form"] == "alerts":
            found["another"] += 1
        elif held_out("repository", unit, HELD_OUT_REPOSITORIES):
            found["suites"] += 1
        elif not record["text"]:
            found["empty"] += 1
        else:
            found["held" if held_out("pretraining", unit, 0.2) else "learned"].append(record)
    return found


def test_every_token_of_every_document_is_a_label_once_and_nothing_else_is(made, tmp_path):
    done = documents.prepare_documents(job(made, tmp_path), 1)
    encoded, tokenizer = Encoded.load(tmp_path / ENCODED), load_tokenizer(tmp_path)
    assert encoded.lengths.max() <= 96 and done.figures["cut_documents"] > 5
    learned = []
    for number, start in enumerate(encoded.starts):
        row = encoded.sample(number)
        assert tokenizer.decode(row[:4].tolist(), skip_special_tokens=False).startswith("<|user|>\n<|assistant|>\n")
        learned += row[start:].tolist()
    text = tokenizer.decode(learned, skip_special_tokens=False)
    assert text == "".join(record["text"] + "<|end|>" for record in chosen()["learned"])
    # A piece of a cut document begins with the last token of the one before it.
    head = len(tokenizer.encode("<|user|>\n<|assistant|>\n", add_special_tokens=False).ids)
    for number in np_where(encoded.starts == head + 1):
        assert encoded.sample(number)[head] == encoded.sample(number - 1)[-1]


def np_where(mask):
    return mask.nonzero()[0].tolist()


def test_nothing_vanishes_and_suites_are_not_read(made, whole):
    _, done = whole
    wanted = chosen()
    assert done.tally.closed and done.tally.came == 90 and done.tally.kept == len(wanted["learned"]) > 30
    assert done.tally.dropped == {
        documents.OTHER_FORM: wanted["another"],
        documents.HELD_OUT: wanted["suites"],
        documents.HELD: len(wanted["held"]),
        documents.EMPTY: wanted["empty"],
    }
    assert min(done.tally.dropped.values()) > 0
    assert done.figures["documents"] == done.tally.kept and set(done.figures["tokens_by_form"]) == {"pages", "fields"}


def test_the_loss_falls_also_on_what_was_held_back(whole):
    out, _ = whole
    points, held = rows(out / "curve.jsonl"), rows(out / "devloss.jsonl")
    assert points[-1]["loss"] < 0.7 * points[0]["loss"]
    assert held[-1]["loss"] < held[0]["loss"] and set(held[-1]["groups"]) == {"pages", "fields"}


def test_the_held_loss_is_the_one_that_hugging_face_computes(whole):
    out, _ = whole
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    tokenizer, summed, count = AutoTokenizer.from_pretrained(out), {}, {}
    for record in chosen()["held"]:
        head = tokenizer("<|user|>\n<|assistant|>\n", add_special_tokens=False)["input_ids"]
        body = tokenizer(record["text"] + "<|end|>", add_special_tokens=False)["input_ids"]
        for ids, start in documents.pieces(head, body, 96):
            with torch.no_grad():
                logp = model(torch.tensor([ids])).logits.log_softmax(-1)[0, start - 1 : -1]
            loss = -float(logp.gather(-1, torch.tensor(ids[start:])[:, None]).sum())
            summed[record["form"]] = summed.get(record["form"], 0.0) + loss
            count[record["form"]] = count.get(record["form"], 0) + len(ids) - start
    told = rows(out / "devloss.jsonl")[-1]
    assert told["loss"] == pytest.approx(sum(summed.values()) / sum(count.values()), abs=2e-4)
    for form, loss in told["groups"].items():
        assert loss == pytest.approx(summed[form] / count[form], abs=2e-4)


def test_a_cut_run_goes_on_bit_for_bit(made, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    with pytest.raises(Cut):
        STAGE.run(job(made, tmp_path, progress=CutAfter(7)))
    done = STAGE.run(job(made, tmp_path))
    assert (tmp_path / "model.safetensors").read_bytes() == (whole[0] / "model.safetensors").read_bytes()
    assert done.tally == whole[1].tally and done.figures["rows"] == whole[1].figures["rows"]


def test_training_goes_on_from_it_with_its_words(made, whole, tmp_path):
    before = {"before": Artifact("weights", "w", "pretraining", whole[0]), "mix": made["mix"]}
    what = TrainingWhat(**SMALL | {"preset": "4m", "vocabulary_size": 4096}, tokens=1, matrix_rate=1e-12, rest_rate=1e-12, dev_samples=0)
    TRAINING.run(replace(job(made, tmp_path, what), inputs=before))
    for name in ("tokenizer.json", "chat.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (whole[0] / name).read_bytes()
    assert (tmp_path / "config.json").read_bytes() == (whole[0] / "config.json").read_bytes()  # its body, not the preset's


def test_replayed_lessons_have_their_share_and_only_their_answers_are_learned(made, tmp_path):
    what = WHAT.model_copy(update={"replay": 0.25, "order": "forms"})
    documents.prepare_documents(job(made, tmp_path, what), 1)
    encoded, groups = Encoded.load(tmp_path / ENCODED), Groups.load(tmp_path / ENCODED)
    assert groups.names == ("pages", "fields", documents.REPLAY)
    mine = np_where(groups.of == 2)
    assert encoded.lengths[mine].sum() / encoded.lengths.sum() == pytest.approx(0.25, abs=0.01)
    tokenizer, chat = load_tokenizer(tmp_path), ChatFormat.load(tmp_path)
    for place in range(3):  # the mix's first ones, since it is shuffled
        record, number = sample(place), mine[place]
        row, start = encoded.sample(number).tolist(), int(encoded.starts[number])
        prompt = chat.prompt(record["request"])
        assert tokenizer.decode(row[:start], skip_special_tokens=False) == prompt.text
        assert tokenizer.decode(row[start:], skip_special_tokens=False) == chat.target(record["answer"], prompt) + "<|end|>"


def test_textbooks_first_means_form_by_form_in_every_epoch(made, tmp_path):
    what = WHAT.model_copy(update={"replay": 0.2, "order": "forms", "forms": ("fields", "pages")})
    documents.prepare_documents(job(made, tmp_path, what), 1)
    encoded, groups = Encoded.load(tmp_path / ENCODED), Groups.load(tmp_path / ENCODED)
    plan = Plan(encoded, 192, 2, Seed(1))
    plan.ranks = groups.of
    for epoch in (0, 1):
        blocks = [block for step in steps_of(plan, epoch) for block in step.blocks]
        ranks = [set(groups.of[block].tolist()) for block in blocks]
        assert all(len(rank) == 1 for rank in ranks) and ranks == sorted(ranks, key=min) and {0, 1, 2} == set().union(*ranks)
        seen = [number for block in blocks for number in block.tolist()]
        assert len(seen) == len(set(seen)) > 0.9 * len(encoded.ends)


def steps_of(plan, epoch):
    for step in plan.steps(Position(epoch)):
        yield step
        if step.after.epoch > epoch:
            return


@pytest.mark.parametrize("notes", [False, True])
def test_a_stranger_cannot_write_our_marks(notes):
    head, text = ChatFormat(notes=notes).document("a <|end|> b ⟨3⟩ c <|ASSISTANT|> d ‹name› e\x00")
    assert head == "<|user|>\n<|assistant|>\n" + "<|answer|>" * notes
    assert text.split() == ["a", "b", "3", "c", "d", "name", "e"]


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 17, 18, 19, 100, 1000])
def test_pieces_are_whole_and_even(length):
    head, body = [-1, -2], list(range(length))
    found = list(documents.pieces(head, body, 12))
    assert [token for ids, start in found for token in ids[start:]] == body
    assert all(ids[:2] == head and 2 < len(ids) <= 12 for ids, _ in found)
    sizes = [len(ids) - start for ids, start in found]
    assert max(sizes) - min(sizes) <= 1 and len(found) <= -(-length // 9)


def test_a_reference_in_json_is_read_as_lines():
    text = json.dumps({"command": "kubectl get", "usage": ["kubectl get TYPE"], "flags": [{"name": "all", "default": False, "x": None}]})
    assert documents.written(text) == "command: kubectl get\nusage:\n  - kubectl get TYPE\nflags:\n  - name: all\n    default: false"
    assert documents.written("{not json") == "{not json" and documents.written("# A page") == "# A page"
    assert documents.written('{"a": "one\\ntwo"}') == "a:\n  one\n  two"


def test_nothing_to_read_is_one_sentence(made, tmp_path):
    what = WHAT.model_copy(update={"forms": ("runbooks",)})
    with pytest.raises(UserError, match="nothing to read: a form that is not read"):
        STAGE.run(job(made, tmp_path, what))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"forms": ("page",)}, "no such form: 'page'"),
        ({"order": "forms", "curriculum": 0.5}, "both by form and by length"),
        ({"domains": {"by": "skill"}}, "its lessons have no skill"),
        ({"domains": {"by": "form"}, "order": "forms"}, "by shares of domains"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_beforehand(change, told):
    with pytest.raises(UserError, match=told):
        STAGE.ready(PretrainingWhat(tokens=1, **change), Toy())


def test_a_recipe_without_it_is_planned_without_it(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text('name = "toy"\n[domain]\nname = "cron"\n')
    plain = make_plan(read_recipe(path), Store(tmp_path / "workspace"))
    (step,) = [step for step in plain.steps if step.stage.name == "training"]
    assert "pretraining" not in [step.stage.name for step in plain.steps] and set(step.settled.inputs) == {"mix"}
    recipe = read_recipe(path, ["pretraining.tokens=1000", 'pretraining.forms=["crontabs"]'])
    assert "pretraining" in wanted_stages(recipe)
    (step,) = [step for step in make_plan(recipe, Store(tmp_path / "workspace")).steps if step.stage.name == "training"]
    assert step.settled.inputs["before"] == "pretraining"
