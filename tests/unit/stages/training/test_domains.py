"""Shares of domains: DDK's factors by hand, what is drawn by them, and that processes and cuts change nothing."""

import json
import math
import shutil
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kubestill.domains.api import English
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job
from kubestill.stages.training import watch
from kubestill.stages.training.batches import DomainPlan, PlanGiven, Position
from kubestill.stages.training.domains import Groups, Together, clipped, first_factors, next_factors
from kubestill.stages.training.settings import DomainsWhat, TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.encoding import Encoded
from support.toy_training import TINY, Cut, CutAfter, tiny

__all__ = ["tiny"]  # a fixture

TEACHER = {"count": 1.2, "rhyme": 1.1, "copy": 1.3}
DOMAINS = DomainsWhat(by="skill", interval_tokens=1_500, teacher_perplexity=TEACHER, clip=50.0)
WHAT = TrainingWhat(
    preset="tiny", vocabulary_size=400, copying="spell", tokens=5_000, tokens_per_step=256, max_tokens=96, precision="fp32",
    dev_samples=0, curriculum=0.0, domains=DOMAINS,
)  # fmt: skip
HOW = TrainingHow(processes=1, checkpoint_seconds=1e-9)
WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")
SKILLS = ("count", "count", "count", "rhyme", "copy", "rare")


# The formulas.


def test_the_factors_are_those_of_the_paper_by_hand():
    students, teachers = {"a": 3.0, "b": 2.0, "c": 1.5}, {"a": 1.5, "b": 1.6, "c": 1.5}
    ratios, over = clipped(students, teachers, 100.0)
    assert list(ratios.values()) == [2.0, 1.25, 1.0] and not over
    total = math.e**2.0 + math.e**1.25 + math.e**1.0
    first = first_factors([2.0, 1.25, 1.0])
    assert first == pytest.approx([math.e**2.0 / total, math.e**1.25 / total, math.e / total], rel=1e-12)
    # Worked out on paper with r = (0.5, 0.3, 0.2): psi = (3.694528, 1.047103, 0.543656), sum 5.285287.
    found = next_factors([0.5, 0.3, 0.2], [2.0, 1.25, 1.0], 0.5)
    assert found == pytest.approx([0.516178, 0.265725, 0.218098], abs=2e-6)
    assert sum(found) == pytest.approx(1, abs=1e-12)


def test_without_smoothing_the_factors_are_psi_and_with_nothing_else_they_are_even():
    before, ratios = [0.7, 0.3], [1.0, 1.5]
    psi = [0.7 * math.e, 0.3 * math.e**1.5]
    assert next_factors(before, ratios, 1.0) == pytest.approx([value / sum(psi) for value in psi])
    assert next_factors(before, ratios, 0.0) == (0.5, 0.5)


@pytest.mark.parametrize("ratio", [50.0, 1e3, 1e6, 1e300])
def test_factors_saturate_at_their_bounds_and_never_overflow(ratio):
    factors = first_factors([ratio, 1.0, 1.0])
    for _ in range(30):
        factors = next_factors(factors, [ratio, 1.0, 1.0], 0.5)
    assert factors == pytest.approx([0.5 + 0.5 / 3, 0.5 / 3, 0.5 / 3])


def test_a_ratio_over_the_clip_counts_as_the_clip_and_is_named():
    ratios, over = clipped({"a": 4_000.0, "b": 9.0, "c": 2.0, "d": 3.0}, {"a": 1.5, "b": 1.8, "c": 1.6}, 5.0)
    assert ratios == {"a": 5.0, "b": 5.0, "c": 1.25} and over == ["a"]  # 5 itself is not over
    assert first_factors([5.0, 5.0, 1.25])[0] == pytest.approx(math.e**5 / (2 * math.e**5 + math.e**1.25))


# What is drawn.


class Fixed:
    """Shares that change from one interval to the next, and what was asked."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []

    def factors(self, interval):
        self.asked.append(interval)
        return self.rows[interval.number % len(self.rows)]

    def shares(self, number, factors):
        return factors


@pytest.fixture(scope="module")
def lessons():
    rng = np.random.default_rng(0)
    of = rng.choice(3, 2_000, p=[0.8, 0.15, 0.05]).astype(np.int32)
    lengths = np.where(of == 0, rng.integers(100, 300, 2_000), rng.integers(10, 60, 2_000))
    starts = (lengths * 0.5).astype(np.int32)
    return Encoded(rng.integers(0, 400, lengths.sum()).astype(np.uint16), np.cumsum(lengths), starts), of


def plan(lessons, weights, tokens=0):
    return DomainPlan(lessons[0], lessons[1], weights, PlanGiven(1024, 2, 60_000, Seed(3), tokens))


ROWS = [(0.2, 0.3, 0.5), (0.6, 0.3, 0.1)]


def drawn(lessons, steps):
    """Tokens and lessons of each domain by interval."""
    tokens, numbers = {}, {}
    for step in steps:
        interval = step.after.epoch - (step.after.step == 0)
        for block in step.blocks:
            np.add.at(tokens.setdefault(interval, np.zeros(3)), lessons[1][block], lessons[0].lengths[block])
            numbers.setdefault(interval, []).extend(block.tolist())
    return tokens, numbers


def test_an_interval_holds_each_domain_by_its_share_of_the_tokens(lessons):
    weights = Fixed(ROWS)
    steps = list(islice(plan(lessons, weights).steps(Position()), 300))
    tokens, _ = drawn(lessons, steps)
    for number in range(4):
        assert tokens[number] / tokens[number].sum() == pytest.approx(ROWS[number % 2], abs=0.02)
        assert tokens[number].sum() == pytest.approx(60_000, rel=0.05)
    assert [interval.before for interval in weights.asked[:3]] == [(), ROWS[0], ROWS[1]]
    sums = np.cumsum([step.tokens for step in steps]).tolist()
    at = [total for step, total in zip(steps, sums, strict=True) if step.after.step == 0]
    assert [interval.tokens for interval in weights.asked[1:4]] == at[:3]


def test_a_domain_that_runs_out_begins_anew_and_is_counted(lessons):
    weights = Fixed(ROWS)
    steps = list(islice(plan(lessons, weights).steps(Position()), 300))
    size = int((lessons[1] == 2).sum())
    taken = [interval.taken[2] for interval in weights.asked[:3]]
    assert taken[0] == 0 and taken[1] > 3 * size  # 30,000 tokens of a domain that has about 3,500
    numbers = [number for number in drawn(lessons, steps)[1][0] if lessons[1][number] == 2]
    counts = np.bincount(numbers, minlength=2_000)[lessons[1] == 2]
    passes = taken[1] / size
    assert counts.max() - counts.min() <= 2 and abs(counts.mean() - passes) < 0.2 * passes  # evenly, but for the blocks that fill no step


def test_lessons_are_not_seen_twice_before_the_domain_has_run_out(lessons):
    first = [
        number for number in drawn(lessons, islice(plan(lessons, Fixed(ROWS)).steps(Position()), 150))[1][0] if lessons[1][number] == 0
    ]
    assert len(first) == len(set(first))
    steps = list(islice(plan(lessons, Fixed(ROWS)).steps(Position()), 150))
    second = [number for number in drawn(lessons, steps)[1][1] if lessons[1][number] == 0]
    assert not set(first) & set(second)


@pytest.mark.parametrize("place", [0, 20, 57, 58, 59, 60, 61, 119])
def test_the_plan_goes_on_from_any_position_as_a_checkpoint_spells_it(lessons, place):
    steps = list(islice(plan(lessons, Fixed(ROWS)).steps(Position()), 125))
    position = Position(**json.loads(json.dumps(steps[place].after.__dict__)))
    assert position == steps[place].after
    seen = sum(step.tokens for step in steps[: place + 1])
    weights = Fixed(ROWS)
    rest = list(islice(plan(lessons, weights, seen).steps(position), 124 - place))
    assert [[b.tolist() for b in s.blocks] for s in rest] == [[b.tolist() for b in s.blocks] for s in steps[place + 1 :]]
    assert rest[-1].after == steps[-1].after
    assert bool(position.step) != bool(
        weights.asked and weights.asked[0].number == position.epoch
    )  # an interval at hand is not measured anew


def test_groups_are_told_in_the_order_that_was_asked_for(tmp_path):
    groups = Groups.of_lessons(["b", "z", "a", "b"], ("z", "q", "b"))
    assert groups.names == ("z", "b", "a") and groups.of.tolist() == [1, 0, 2, 1]
    groups.save(tmp_path)
    again = Groups.load(tmp_path)
    assert again.names == groups.names and again.of.tolist() == groups.of.tolist()


# The whole.


class Toy:
    def english(self):
        return English()

    def vocabulary(self):
        return frozenset()

    def judge(self, answer, intents=None, skill=""):
        return SimpleNamespace(passed=answer == intents[0].value)


def record(number):
    skill, word, count = SKILLS[number % 6], WORDS[number % 8], number % 7
    answer = {"count": f"count: {count}", "rhyme": f"{word} and {WORDS[(number + 3) % 8]}", "copy": f"say: {word} {word}", "rare": "never"}[
        skill
    ]
    intents = [{"aspect": "text", "keys": [], "value": answer}]
    same = {"skill": skill, "kind": word, "road": "procedural", "forms": [], "source": {}}
    return same | {"id": str(number), "request": f"{skill} {count} of {word}", "answer": answer, "intents": intents}


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix")
    for shard in range(2):
        (folder / f"train-{shard:05d}.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(shard, 240, 2)))
    dev = [record(number) for number in range(500, 560)]
    (folder / "dev.jsonl").write_text("".join(json.dumps(one) + "\n" for one in dev if one["skill"] != "rare"))
    return folder


def job(mix, out, what=WHAT, how=HOW, progress=None):
    out.mkdir(exist_ok=True)
    return Job(what, how, {"mix": Artifact("mix", "k", "curation", mix)}, out, Seed(7), progress or Silent(), Toy())


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def with_domains(**change):
    return WHAT.model_copy(update={"domains": DOMAINS.model_copy(update=change)})


@pytest.fixture(scope="module")
def whole(mix, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        patch.setattr(watch, "CURVE_POINTS", 10_000)
        out = tmp_path_factory.mktemp("whole")
        STAGE.run(job(mix, out))
        return out


def test_the_log_obeys_the_formulas_from_line_to_line(whole):
    told = rows(whole / "factors.jsonl")
    assert [line["interval"] for line in told] == list(range(len(told))) and len(told) >= 3
    assert [line["tokens"] for line in told] == sorted({line["tokens"] for line in told}) and told[0]["tokens"] == 0
    names = ["copy", "count", "rare", "rhyme"]
    before = None
    for line in told:
        found = line["domains"]
        assert list(found) == names and line["unmeasured"] == ["rare"] and found["rare"]["student"] is None
        ratios = {name: min(found[name]["student"] / TEACHER[name], 50.0) for name in TEACHER}
        assert {name: found[name]["ratio"] for name in TEACHER} == pytest.approx(ratios)
        assert line["clipped"] == [name for name in sorted(TEACHER) if found[name]["student"] / TEACHER[name] > 50]
        ratios["rare"] = sum(ratios.values()) / 3  # could not be measured: as the others are on the whole
        psi = {name: (before[name] if before else 1) * math.exp(ratios[name]) for name in names}
        total = sum(psi.values())
        wanted = {name: 0.5 * psi[name] / total + 0.125 if before else psi[name] / total for name in names}
        assert {name: found[name]["factor"] for name in names} == pytest.approx(wanted)
        assert {name: found[name]["share"] for name in names} == (pytest.approx(wanted) if before else dict.fromkeys(names, 0.25))
        before = {name: found[name]["factor"] for name in names}
    assert told[0]["clipped"] == ["copy", "count", "rhyme"] and told[-1]["domains"]["rare"]["passes"] > 1
    assert told[-1]["domains"]["count"]["student"] < told[0]["domains"]["count"]["student"]


def test_a_student_is_as_perplexed_as_hugging_face_says(mix, whole, tmp_path):
    """A run of one step and no rate measures the student that it starts from."""
    what = with_domains().model_copy(update={"base": str(whole), "tokens": 1, "matrix_rate": 1e-12, "rest_rate": 1e-12})
    STAGE.run(job(mix, tmp_path, what))
    told = rows(tmp_path / "factors.jsonl")[0]["domains"]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(whole, dtype=torch.float32), AutoTokenizer.from_pretrained(whole)
    summed, count = dict.fromkeys(TEACHER, 0.0), dict.fromkeys(TEACHER, 0)
    for sample in rows(mix / "dev.jsonl"):
        prompt = tokenizer(f"<|user|>\n{sample['request']}<|assistant|>\n", add_special_tokens=False)["input_ids"]
        answer = tokenizer(sample["answer"] + "<|end|>", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logp = model(torch.tensor([prompt + answer])).logits.log_softmax(-1)[0, len(prompt) - 1 : -1]
        summed[sample["skill"]] -= float(logp.gather(-1, torch.tensor(answer)[:, None]).sum())
        count[sample["skill"]] += len(answer)
    for name in TEACHER:
        assert told[name]["student"] == pytest.approx(math.exp(summed[name] / count[name]), rel=1e-4)


def ends(whole):
    """The steps after which an interval of the whole run had ended."""
    marks, points = [line["tokens"] for line in rows(whole / "factors.jsonl")[1:]], rows(whole / "curve.jsonl")
    return [point["step"] for point in points if point["tokens"] in marks]


@pytest.mark.parametrize("shift", [-1, 0, 1, 2])
def test_a_cut_run_goes_on_bit_for_bit(mix, whole, tmp_path, monkeypatch, shift):
    """Before, at and after the border of two intervals; the progress is told before the checkpoint is written."""
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", -1.0)
    with pytest.raises(Cut):
        STAGE.run(job(mix, tmp_path, progress=CutAfter(ends(whole)[0] + shift)))
    with (tmp_path / "factors.jsonl").open("a") as file:
        file.write('{"interval": 9, "torn')
    STAGE.run(job(mix, tmp_path))
    for name in ("model.safetensors", "factors.jsonl"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()


def test_two_processes_find_the_same_factors(mix, whole, tmp_path):
    what = WHAT.model_copy(update={"tokens": 2_000})  # past one border
    STAGE.run(job(mix, tmp_path / "two", what, HOW.model_copy(update={"processes": 2})))
    STAGE.run(job(mix, tmp_path / "one", what))
    one, two = (rows(tmp_path / name / "factors.jsonl") for name in ("one", "two"))
    assert len(one) == len(two) == 2
    assert one[0] == two[0]  # equal weights: equal to the last bit
    for name, row in one[1]["domains"].items():
        assert two[1]["domains"][name]["factor"] == pytest.approx(row["factor"], rel=1e-3)
    pairs = zip(rows(tmp_path / "one" / "curve.jsonl"), rows(tmp_path / "two" / "curve.jsonl"), strict=True)
    assert max(abs(left["loss"] - right["loss"]) for left, right in pairs) < 2e-3


def test_equal_shares_and_those_of_the_mix_are_switches_on_the_same_seeds(mix, whole, tmp_path):
    found = {}
    for sampling in ("equal", "mix"):
        what = with_domains(sampling=sampling).model_copy(update={"tokens": 2_000})
        STAGE.run(job(mix, tmp_path / sampling, what))
        found[sampling] = rows(tmp_path / sampling / "factors.jsonl")
    first = rows(whole / "factors.jsonl")[0]["domains"]
    assert {row["share"] for line in found["equal"] for row in line["domains"].values()} == {0.25}
    assert [row["student"] for row in found["equal"][0]["domains"].values()] == [
        row["student"] for row in first.values()
    ]  # the same student
    assert rows(tmp_path / "equal" / "curve.jsonl")[0]["loss"] == rows(whole / "curve.jsonl")[0]["loss"]  # and the same first lessons
    lengths = dict.fromkeys(first, 0)
    tokenizer = AutoTokenizer.from_pretrained(whole)
    for number in range(240):
        one = record(number)
        text = f"<|user|>\n{one['request']}<|assistant|>\n{one['answer']}<|end|>"
        lengths[one["skill"]] += len(tokenizer(text, add_special_tokens=False)["input_ids"])
    told = {name: row["share"] for name, row in found["mix"][0]["domains"].items()}
    assert told == pytest.approx({name: tokens / sum(lengths.values()) for name, tokens in lengths.items()}, rel=0.02)


def test_a_live_teacher_is_measured_on_the_same_samples(mix, whole, tmp_path):
    what = with_domains(teacher_perplexity={}, teacher=str(whole)).model_copy(
        update={"base": str(whole), "tokens": 1, "matrix_rate": 1e-12}
    )
    STAGE.run(job(mix, tmp_path, what.model_copy(update={"rest_rate": 1e-12})))
    for name, row in rows(tmp_path / "factors.jsonl")[0]["domains"].items():
        assert row["ratio"] == (None if name == "rare" else pytest.approx(1, rel=1e-5))  # the student is its own teacher here


def test_a_teacher_of_other_words_is_one_sentence(mix, whole, tmp_path):
    teacher = tmp_path / "teacher"
    shutil.copytree(whole, teacher)
    (teacher / "tokenizer.json").write_text((teacher / "tokenizer.json").read_text() + " ")
    what = with_domains(teacher=str(teacher)).model_copy(update={"base": str(whole)})
    with pytest.raises(UserError, match=r"has another tokenizer\.json than the student"):
        STAGE.run(job(mix, tmp_path / "out", what))


@pytest.mark.parametrize(
    ("teacher", "told"), [({}, "of copy, count, rhyme is unknown"), ({"copy": 1.5, "count": 2.0}, "of rhyme is unknown")]
)
def test_a_teacher_without_figures_is_one_sentence(mix, tmp_path, teacher, told):
    with pytest.raises(UserError, match=told):
        STAGE.run(job(mix, tmp_path, with_domains(teacher_perplexity=teacher)))


def test_without_a_dev_slice_nothing_can_be_weighed(mix, tmp_path):
    bare = tmp_path / "mix"
    bare.mkdir()
    shutil.copyfile(mix / "train-00000.jsonl", bare / "train-00000.jsonl")
    with pytest.raises(UserError, match="no dev samples to measure on"):
        STAGE.run(job(bare, tmp_path / "out"))
    STAGE.run(job(bare, tmp_path / "even", with_domains(sampling="equal").model_copy(update={"tokens": 500})))
    assert all(row["student"] is None for row in rows(tmp_path / "even" / "factors.jsonl")[0]["domains"].values())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"by": "form"}, "its lessons have no form"),
        ({"interval_tokens": 100}, "shorter than a step"),
        ({"teacher_perplexity": {"count": 0.5}}, "no perplexity"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_beforehand(change, told):
    with pytest.raises(UserError, match=told):
        STAGE.ready(with_domains(**change), Toy())
    with pytest.raises(UserError, match="by domain and by length"):
        STAGE.ready(WHAT.model_copy(update={"curriculum": 0.5}), Toy())


class Mouths:
    """Three processes in one: what each tells in a round is known beforehand."""

    def __init__(self, values):
        self.values, self.size, self.rank, self.rounds = values, 3, 1, 0

    def lay_open(self, arena, told):
        width = arena.told.shape[1]
        rows = [self.values[rank :: self.size][self.rounds * width :][:width] for rank in range(self.size)]
        assert list(told) == rows[self.rank]
        self.rounds += 1
        return [row + [-1.0] * (width - len(row)) for row in rows]


@pytest.mark.parametrize("total", [0, 1, 3, 11, 12, 13, 31])
def test_the_processes_tell_each_other_everything_in_its_order(total):
    values = [float(number) for number in range(total)]
    together = Together(SimpleNamespace(told=np.zeros((3, 4))), Mouths(values))
    assert together.spread(values[1::3], total) == values
