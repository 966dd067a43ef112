import json
import math
import pickle
import random
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from kubestill.domains.api import English, Intent, Sample
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Job, makers
from kubestill.pipeline.table import DOMAINS, STAGES
from kubestill.stages.training import likelihood, trackers, watch
from kubestill.stages.training.asking import ASKED, START, prepare_tuning
from kubestill.stages.training.objectives.api import Seat
from kubestill.stages.training.objectives.dpo import Dpo
from kubestill.stages.training.objectives.grpo import Grpo, advantages
from kubestill.stages.training.pairs import Pairs, make_pairs
from kubestill.stages.training.prepare import prepare_weights
from kubestill.stages.training.rewards import TERMS, applying, distinct, graded, reward, terms
from kubestill.stages.training.rollouts import Drawn
from kubestill.stages.training.settings import DpoWhat, RewardsWhat, TrainingHow, TrainingWhat, TuningWhat
from kubestill.stages.training.stage import STAGE as TRAINING
from kubestill.stages.training.tuning import STAGE
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.tokenizer import load_tokenizer
from support.toy_training import TINY, Cut, CutAfter, tiny
from unit.tools.engines.test_pretrained import write_model

__all__ = ["tiny"]  # a fixture

COMMON = {"tokens_per_step": 1_024, "max_tokens": 64, "precision": "fp32", "dev_samples": 0}
SCHOOL = TrainingWhat(
    preset="tiny", vocabulary_size=400, copying="spell", tokens=56_000, curriculum=0.0, **{**COMMON, "tokens_per_step": 512}
)
WHAT = TuningWhat(tokens=4_000, requests=24, samples=6, matrix_rate=0.003, rest_rate=0.0006, **COMMON)
HOW = TrainingHow(processes=1, checkpoint_seconds=1e-9)
WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")


class Toy:
    """A domain with a tier of form (two lines) and one of intents (each stands on a line)."""

    def english(self):
        return English()

    def vocabulary(self):
        return frozenset()

    def judge(self, answer, intents=None, skill=""):
        lines = answer.splitlines()
        if len(lines) != 2:
            broken = Result("T1", Tier.FORM, Outcome.FAIL, (Finding("T1", "", "not two lines", Tier.FORM),))
            return Verdict((broken, Result("T2", Tier.INTENT, Outcome.SKIP)))
        missed = tuple(Finding("T2", i.aspect, "", Tier.INTENT) for i in intents if f"{i.aspect}: {i.value}" not in lines)
        return Verdict((Result("T1", Tier.FORM, Outcome.PASS), Result("T2", Tier.INTENT, Outcome.FAIL if missed else Outcome.PASS, missed)))


def record(number, more=""):
    """A request with its right answer, or with one that says `more` than was asked."""
    word, count = WORDS[number % 8], number // 8 % 4
    intents = [{"aspect": "kind", "keys": [], "value": word}, {"aspect": "count", "keys": [], "value": str(count)}]
    same = {"skill": "toy", "kind": word, "road": "procedural", "forms": [], "source": {}, "intents": intents}
    return same | {"id": str(number), "request": f"{count} of {word}", "answer": f"kind: {word}\ncount: {count}\n{more}"}


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix")
    for shard in range(2):
        (folder / f"train-{shard:05d}.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(shard, 64, 2)))
    (folder / "dev.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(32)))
    return folder


@pytest.fixture(scope="module")
def schooled(tmp_path_factory):
    """A student whose teacher was right two times in five, as its samples are."""
    out, folder = tmp_path_factory.mktemp("schooled"), tmp_path_factory.mktemp("school")
    taught = [record(number, more) for number in range(32) for more in ("", "", *["more: yes\n"] * 3)]
    (folder / "train-00000.jsonl").write_text("".join(json.dumps(one) + "\n" for one in taught))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        TRAINING.run(Job(SCHOOL, HOW.model_copy(update={"checkpoint_seconds": 60.0}), inputs(folder), out, Seed(7), Silent(), Toy()))
    return out


def inputs(mix, before=None):
    found = {"mix": Artifact("mix", "k", "curation", mix)}
    return found if before is None else found | {"before": Artifact("weights", "w", "training", before)}


def job(mix, before, out, what=WHAT, how=HOW, progress=None):
    out.mkdir(exist_ok=True)
    return Job(what, how, inputs(mix, before), out, Seed(7), progress or Silent(), Toy())


def curve(out):
    return [json.loads(line) for line in (out / trackers.CURVE).read_text().splitlines()]


def changed(what=WHAT, **fields):
    return TuningWhat.model_validate(what.model_dump() | fields)


def seat_of(prepared):
    """What an objective is given, over a copy of the weights that tuning starts from."""
    body, flat = prepare_weights(prepared)
    more = {label: artifact.path for label, artifact in prepared.inputs.items()}
    arena = SimpleNamespace(whole=lambda: flat)
    return Seat(prepared.what, prepared.domain, prepared.out, more, body, body.build(flat, flat), flat, prepared.seed, 0, arena)


def hugging_face(folder, block, change=None):
    """The log-probability [M] of a block's labels by transformers, and the model."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if change is not None:
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                tensor.copy_(change[name])
    logits = model(torch.from_numpy(block.ids)).logits.flatten(0, 1)[torch.from_numpy(block.where)]
    return logits.log_softmax(-1).gather(-1, torch.from_numpy(block.targets)[:, None])[:, 0], model


def shaken(seat):
    """Move the weights a little away from the reference, in place; return them by name."""
    seat.masters.add_(0.02 * torch.randn(seat.masters.shape, generator=torch.Generator().manual_seed(5)))
    return {name: tensor.clone() for name, tensor in seat.body.layout.named(seat.masters).items()}


def same_gradient(seat, model):
    ours = torch.zeros_like(seat.masters)
    seat.network.collect(ours, add=False)
    named = seat.body.layout.named(ours)
    largest = max(float(named[name].abs().max()) for name, _ in model.named_parameters())
    assert largest > 1e-4
    return all(torch.allclose(named[name], tensor.grad, rtol=2e-4, atol=2e-5 * largest) for name, tensor in model.named_parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_log_probabilities_and_their_gradient_are_those_of_log_softmax(dtype):
    rng = torch.Generator().manual_seed(1)
    logits, targets = torch.randn(5, 11, generator=rng).to(dtype), torch.randint(11, (5,), generator=rng)
    weights = torch.randn(5, generator=rng)
    one, two = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    ours, plain = likelihood.chosen(one, targets), two.float().log_softmax(-1).gather(-1, targets[:, None])[:, 0]
    assert torch.equal(ours, plain)
    (ours * weights).sum().backward()
    (plain * weights).sum().backward()
    assert torch.allclose(one.grad, two.grad, atol=1e-6 if dtype == torch.float32 else 2e-2)


def preferred(form, beta, margin, chosen, rejected):
    """TRL's DPOTrainer.dpo_loss and CPOTrainer.cpo_loss (simpo), spelled out: (log-probability, reference's, tokens) of each answer."""
    if form == "simpo":
        logits = chosen[0] / chosen[2] - rejected[0] / rejected[2] - margin / beta
        return -torch.nn.functional.logsigmoid(beta * logits)
    logratios, reference = chosen[0] - rejected[0], chosen[1] - rejected[1]
    logits = logratios - reference
    return (logits - 1 / (2 * beta)) ** 2 if form == "ipo" else -torch.nn.functional.logsigmoid(beta * logits)


@pytest.mark.parametrize(("form", "sft"), [("dpo", 0.0), ("ipo", 0.0), ("simpo", 0.0), ("dpo", 0.3)])
def test_the_loss_of_pairs_and_its_gradient_are_those_of_the_formula_on_hugging_face(mix, schooled, tmp_path, form, sft):
    prepared = job(mix, schooled, tmp_path, changed(dpo={"form": form, "beta": 0.4, "margin": 0.2, "sft": sft, "gold": True}))
    prepare_tuning(prepared, 1)
    seat = seat_of(prepared)
    objective = Dpo(seat)
    block = objective.lessons.block(np.arange(4), (1, 0))
    assert block.numbers.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] and block.divisors == (4, 4)
    reference = torch.zeros(8).index_add(0, torch.from_numpy(block.rows), hugging_face(schooled, block)[0].detach())
    if form != "simpo":
        assert np.allclose(block.extras["reference"], reference, atol=1e-4)
        assert float(objective.loss(block)[0].detach()) == pytest.approx(
            4 * (math.log(2) if form == "dpo" else 1.25**2) + sft * mean_loss(reference, block), abs=1e-3
        )
    logp, model = hugging_face(schooled, block, shaken(seat))
    rows = torch.zeros(8).index_add(0, torch.from_numpy(block.rows), logp)
    lengths = np.bincount(block.rows)
    wanted = sum(
        preferred(form, 0.4, 0.2, *((rows[row], reference[row], int(lengths[row])) for row in (first, first + 1)))
        - sft * rows[first] / int(lengths[first])
        for first in range(0, 8, 2)
    )
    loss, figures = objective.loss(block)
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), abs=2e-4)
    told = dict(zip(objective.figures, figures, strict=True))
    assert told["chosen"] == pytest.approx(float(rows[::2].sum().detach()), abs=1e-3) and 0 <= told["accuracy"] <= 4
    loss.backward()
    wanted.backward()
    assert same_gradient(seat, model)


def mean_loss(rows, block):
    return sum(-float(rows[row]) / int(np.bincount(block.rows)[row]) for row in range(0, len(rows), 2))


def test_advantages_are_deviations_from_the_group_and_equal_rewards_teach_nothing():
    found = advantages(np.array([[0.0, 1.0, 1.0, 0.0], [0.3, 0.3, 0.3, 0.3], [0.0, 0.0, 0.0, 1.0]]), divided=True)
    assert found[0] == pytest.approx([-1, 1, 1, -1], abs=1e-3) and not found[1].any()
    assert found[2] == pytest.approx([-(3**-0.5)] * 3 + [3**0.5], abs=1e-3)
    assert advantages(np.array([[0.0, 0.0, 0.0, 1.0]]), divided=False)[0] == pytest.approx([-0.25, -0.25, -0.25, 0.75])


@pytest.mark.parametrize(("form", "kl"), [("dapo", 0.0), ("grpo", 0.1), ("dr-grpo", 0.0)])
def test_the_gradient_of_rewards_is_that_of_autograd_on_hugging_face(mix, schooled, tmp_path, form, kl):
    prepared = job(mix, schooled, tmp_path, changed(objective="grpo", temperature=1.3, grpo={"form": form, "kl": kl}))
    prepare_tuning(prepared, 1)
    assert (tmp_path / ENCODED / START).exists() is (kl > 0)
    seat = seat_of(prepared)
    weights = shaken(seat)
    objective = Grpo(seat)
    block = objective.lessons.block(np.arange(3), (1, 0))
    rows, lengths = torch.from_numpy(block.rows), np.bincount(block.rows)
    told = dict(zip(objective.figures, block.extras["figures"], strict=False))
    samples, tokens = 18, int(told["answer_tokens"])
    assert block.divisors == ({"dapo": tokens, "grpo": samples, "dr-grpo": samples * 64}[form], samples)

    def scored(change):
        model = AutoModelForCausalLM.from_pretrained(schooled, dtype=torch.float32)
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                tensor.copy_(change.get(name, tensor))
        logits = model(torch.from_numpy(block.ids)).logits.flatten(0, 1)[torch.from_numpy(block.where)] / 1.3
        return logits.log_softmax(-1).gather(-1, torch.from_numpy(block.targets)[:, None])[:, 0], model

    logp, model = scored(weights)
    reference = scored({})[0].detach()
    above = torch.from_numpy(block.extras["above"])[rows]
    each = -above * logp + kl * (torch.exp(reference - logp) - (reference - logp) - 1)
    each = each / torch.from_numpy(lengths)[rows] if form == "grpo" else each
    each.sum().backward()
    loss, figures = objective.loss(block)
    loss.backward()
    assert same_gradient(seat, model)
    divergence = float((torch.exp(reference - logp) - (reference - logp) - 1).sum().detach())
    assert figures[-1] == pytest.approx(divergence if kl else 0.0, rel=1e-3, abs=1e-4) and divergence > 0.1
    again = objective.lessons.block(np.arange(3), (1, 0))
    other = objective.lessons.block(np.arange(3), (2, 0))
    assert np.array_equal(again.ids, block.ids) and not (other.ids.shape == block.ids.shape and np.array_equal(other.ids, block.ids))


def test_rewards_raise_the_pass_rate_of_a_student(mix, schooled, tmp_path):
    what = changed(objective="grpo", tokens=40_000, requests=64, tokens_per_step=2_048, dev_samples=32, matrix_rate=0.01, rest_rate=0.002)
    done = STAGE.run(job(mix, schooled, tmp_path, what, HOW.model_copy(update={"checkpoint_seconds": 60.0})))
    assert done.tally.closed and done.tally.kept == 64
    points = curve(tmp_path)
    first, last = (sum(point["passed"] for point in part) / 3 for part in (points[:3], points[-3:]))
    assert 0.3 < first < 0.5 and last > 0.8
    assert points[-1]["reward"] > points[0]["reward"] and points[-1]["flat"] > points[0]["flat"]
    assert all(0 <= point[name] <= 1 for point in points for name in ("reward", *TERMS, "flat"))


@pytest.mark.parametrize(("objective", "unit"), [("grpo", "tokens"), ("dpo", "tokens"), ("dpo", "shards")])
def test_a_cut_run_goes_on_bit_for_bit_and_two_processes_learn_what_one_learns(mix, schooled, tmp_path, monkeypatch, objective, unit):
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr("kubestill.stages.training.rollouts.AT_ONCE", 8)
    what = changed(objective=objective, tokens=2_000, dpo={"gold": True})
    for name in ("whole", "cut"):
        if name == "cut":
            with pytest.raises(Cut):
                STAGE.run(job(mix, schooled, tmp_path / name, what, progress=CutAfter(2, unit)))
        STAGE.run(job(mix, schooled, tmp_path / name, what))
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == two != (schooled / "model.safetensors").read_bytes()
    if objective == "grpo":
        STAGE.run(job(mix, schooled, tmp_path / "two", what, HOW.model_copy(update={"processes": 2})))
        told = {name: [(point["step"], point["loss"]) for point in curve(tmp_path / name)] for name in ("whole", "two")}
        assert np.allclose(told["whole"], told["two"], atol=2e-3) and len(told["two"]) > 1
    if objective == "dpo":
        files = [sorted((tmp_path / name / "rollouts").glob("rollouts-*.jsonl")) for name in ("whole", "cut")]
        assert [one.read_bytes() for one in files[0]] == [two.read_bytes() for two in files[1]] and len(files[0]) == 3


def test_rollouts_are_what_the_student_wrote_and_each_is_counted(mix, schooled, tmp_path):
    prepared = job(mix, schooled, tmp_path, changed(dpo={"gold": False, "pairs": 3}))
    done = prepare_tuning(prepared, 1)
    told, tokenizer = done.figures["rollouts"], load_tokenizer(tmp_path)
    records = list(read_shards(tmp_path / "rollouts", "rollouts"))
    assert told["requests"] == len(records) == 24 == told["all pass"] + told["all fail"] + told["mixed"]
    assert told["samples"] == 24 * 6 == sum(one["times"] for entry in records for one in entry["samples"])
    asked = list(read_records(tmp_path / ENCODED / ASKED))
    for entry, sample in zip(records, asked, strict=True):
        assert entry["request"] == sample["request"]
        for one in entry["samples"]:
            text = tokenizer.decode(one["ids"], skip_special_tokens=False)
            head = f"<|user|>\n{sample['request']}<|assistant|>\n"
            ended = text.endswith("<|end|>")
            assert text == head + one["answer"] + "<|end|>" * ended and tokenizer.decode(one["ids"][: one["start"]], False) == head
            right = sorted(one["answer"].splitlines()) == sorted(sample["answer"].splitlines())
            assert one["passed"] is (ended and right) and (one["failed_on"] == "") is one["passed"]
    assert done.tally.closed and done.tally.came == 24
    assert done.tally.dropped.get("all samples fail", 0) == told["all fail"]
    assert prepare_tuning(prepared, 1) == done  # made once


def test_pairs_are_of_one_request_and_the_right_answer_stands_in_only_where_it_is_asked_for():
    def row(*ids):
        return {"ids": [1, 2, *ids], "start": 2, "times": 1}

    samples = {
        0: [row(5) | {"passed": True}, row(6) | {"passed": False}, row(7) | {"passed": False}, row(4) | {"passed": True}],
        1: [row(8) | {"passed": False}, row(9) | {"passed": False}],
        2: [row(3) | {"passed": True}],
    }
    records = [{"line": line, "samples": group} for line, group in samples.items()]
    right = Encoded(np.array([1, 2, 30, 1, 2, 31, 31, 1, 2, 32], np.uint16), np.array([3, 7, 10]), np.array([2, 2, 2], np.int32))
    made = make_pairs(records, right, DpoWhat(pairs=9), Seed(1))
    assert [ids[2] in (4, 5) for ids, _ in made.rows] == [True, False, True, False] and len({ids[2] for ids, _ in made.rows}) == 4
    assert made.tally.dropped == {"all samples fail": 1, "all samples pass": 1} and made.tally.kept == 1 and not made.gold
    assert len(make_pairs(records, right, DpoWhat(pairs=1), Seed(1)).rows) == 2
    made = make_pairs(records, right, DpoWhat(pairs=9, gold=True), Seed(1))
    assert made.gold == 1 and made.tally.dropped == {"all samples pass": 1}
    lessons = Pairs(made.encoded, 0)
    assert made.rows[4][0].tolist() == [1, 2, 31, 31] and made.rows[5][0][2] in (8, 9)
    assert lessons.lengths.tolist() == [6, 6, 7] and lessons.labels.tolist() == [2, 2, 3]
    block = lessons.block(np.array([2, 0]), (1, 0))
    assert (
        block.ids.shape == (4, 3) and block.targets[:3].tolist() == [31, 31, made.rows[5][0][2]] and block.rows.tolist() == [0, 0, 1, 2, 3]
    )


def verdict(*told):
    results = []
    for tier, faults in told:
        outcome = Outcome.SKIP if faults is None else Outcome.FAIL if faults else Outcome.PASS
        results.append(Result("X", tier, outcome, tuple(Finding("X", "", "", tier) for _ in range(faults or 0))))
    return Verdict(tuple(results))


def test_terms_of_a_reward_are_bounded_graded_and_have_no_cliffs():
    ten = [graded(verdict((Tier.FORM, 0), (Tier.INTENT, faults)), (Tier.INTENT,), 10) for faults in range(12)]
    assert ten == [pytest.approx(10 / (10 + faults)) for faults in range(12)]
    assert graded(verdict((Tier.FORM, 1), (Tier.INTENT, None)), (Tier.INTENT,), 10) == 0
    assert graded(verdict((Tier.SCHEMA, 2)), (Tier.SCHEMA,), 1) == pytest.approx(1 / 3)
    assert graded(Verdict(), (Tier.FORM,), 1) == 0  # nobody looked
    assert graded(verdict((Tier.FORM, 0), (Tier.RULES, None)), (Tier.RULES,), 1) == 1  # nothing there to judge

    sample = SimpleNamespace(intents=(Intent("a", (), 1),))
    good, right = verdict((Tier.FORM, 0), (Tier.INTENT, 0)), list(range(10))
    values = [terms(Drawn((0, *range(length)), 1, True, ""), good, sample, right, 30)["length"] for length in range(1, 31)]
    assert values[:10] == [1] * 10 and values[-1] == 0 and max(np.diff(values)) <= 0 and min(np.diff(values)) == pytest.approx(-1 / 20)
    cut = terms(Drawn((0, *range(30)), 1, False, ""), good, sample, right, 30)
    assert cut["passed"] == cut["length"] == 0 and cut["form"] == 1
    assert distinct([1, 2, 3, 4] * 5) == pytest.approx(4 / 17) and distinct([1, 2]) == 1
    assert terms(Drawn((0, *[1, 2, 3, 4] * 5), 1, True, ""), good, sample, right, 30)["variety"] == pytest.approx(4 / 17)
    assert reward(dict.fromkeys(TERMS, 1.0), RewardsWhat()) == pytest.approx(1) and reward(dict.fromkeys(TERMS, 0.0), RewardsWhat()) == 0
    assert reward(dict.fromkeys(TERMS, 0.0) | {"intents": 1.0}, RewardsWhat(passed=0, intents=1)) == pytest.approx(1 / 1.95)


def test_only_tiers_that_judge_the_right_answer_count():
    assert set(TERMS) - set(applying(verdict((Tier.FORM, 0), (Tier.RULES, None), (Tier.INTENT, 0)))) == {"schema_fit", "rules"}
    assert applying(verdict((Tier.SYNTAX, 0), (Tier.SCHEMA, 0), (Tier.POLICY, 0), (Tier.INTENT, 0))) == TERMS
    found = dict.fromkeys(TERMS, 1.0) | {"intents": 0.0}
    assert reward(found, RewardsWhat(form=3, intents=1), ("form", "intents")) == pytest.approx(0.75)
    assert reward(found, RewardsWhat(rules=0), ("rules",)) == 0


def test_every_domain_reaches_other_processes_and_judges_there_as_it_does_here():
    for name in DOMAINS:
        domain = DOMAINS.load(name)()
        again = pickle.loads(pickle.dumps(domain))
        for skill in islice(domain.skills().values(), 2):
            rng = random.Random(3)
            sample = next(one for one in iter(lambda s=skill, r=rng: s.draw(r, "train"), None) if isinstance(one, Sample))
            for answer in (sample.answer, sample.answer[:-5], "no"):
                one, two = (each.judge(answer, sample.intents, sample.skill) for each in (domain, again))
                assert one == two and (one.passed or answer != sample.answer)


def test_a_recipe_without_a_budget_is_planned_as_before_and_one_with_it_hands_the_tuned_student_on():
    assert not STAGE.wanted(TuningWhat()) and STAGE.wanted(WHAT)
    for reader in ("evaluation", "export"):
        stage = STAGES.load(reader)
        plain = ["corpus", "synthesis", "curation", "training"]
        assert makers(stage, plain)["weights"] == "training" and makers(stage, [*plain, "tuning"])["weights"] == "tuning"


def test_what_cannot_be_learned_from_is_one_sentence(mix, schooled, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="fits 8 tokens"):
        prepare_tuning(job(mix, schooled, tmp_path / "long", WHAT.model_copy(update={"max_tokens": 8})), 1)
    monkeypatch.setattr(Toy, "judge", lambda self, answer, intents=None, skill="": verdict((Tier.FORM, 1)))
    with pytest.raises(UserError, match="24 all fail"):
        prepare_tuning(job(mix, schooled, tmp_path / "fail"), 1)
    with pytest.raises(UserError, match="weighs"):
        STAGE.ready(changed(grpo={"rewards": dict.fromkeys(TERMS, 0.0)}), Toy())


@pytest.mark.parametrize("objective", ["dpo", "grpo"])
def test_adapters_beside_a_base_of_others_are_tuned_too(mix, tmp_path, objective):
    """Random weights: no answer is right, so that pairs need the mix's, and rewards differ by form, length and variety alone."""
    (tmp_path / "base").mkdir()
    base = write_model(tmp_path / "base", "qwen2")
    what = changed(
        **{**COMMON, "max_tokens": 128, "blocks": 1},
        objective=objective,
        optimizer="adamw",
        requests=6,
        samples=3,
        tokens=1_200,
        dpo={"gold": True},
        adapter={"rank": 4, "alpha": 8.0},
        rest_rate=0.01,
    )
    done = STAGE.run(job(mix, base, tmp_path / objective, what))
    points = curve(tmp_path / objective)
    assert done.tally.closed and len(points) > 1 and all(math.isfinite(point["loss"]) for point in points)
    if objective == "dpo":
        assert done.figures["pairs"] == done.figures["pairs with the mix's answer"] == 6
        assert points[0]["loss"] == pytest.approx(math.log(2), abs=1e-3) and points[-1]["loss"] < points[0]["loss"]
    else:
        assert points[0]["kl"] == pytest.approx(0, abs=1e-5) and points[-1]["kl"] > 1e-4
    asked, ask = ["3 of cat"], Ask(max_new_tokens=8)
    before, after = (TransformersEngine.load(folder).generate(asked, ask)[0].tokens for folder in (base, tmp_path / objective))
    assert before > 0 < after
