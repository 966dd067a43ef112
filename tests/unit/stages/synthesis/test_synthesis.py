import json
from dataclasses import dataclass

import pytest

from kubestill.domains.api import HELD_OUT_REPOSITORIES, Document, Intent, Sample
from kubestill.domains.cron import CronDomain, CronSkill, domain
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records, write_records
from kubestill.ground.seeds import Seed, held_out
from kubestill.ground.shards import read_shards
from kubestill.stages.synthesis.making import SHARD_DRAWS, Maker
from kubestill.stages.synthesis.stage import STAGE, SynthesisHow, SynthesisWhat

HERE = next(name for name in map(str, range(100)) if not held_out("repository", name, HELD_OUT_REPOSITORIES))
KEPT_AWAY = next(name for name in map(str, range(100)) if held_out("repository", name, HELD_OUT_REPOSITORIES))


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    records = [
        {"id": f"d{unit}", "text": "0 5 * * 1", "kind": "weekly", "source": {"repository": unit, "path": "crontab"}, "form": "crontabs"}
        for unit in (HERE, KEPT_AWAY)
    ]
    write_records(folder / "documents-00000.jsonl", records)
    return Artifact("documents", "0" * 40, "corpus", folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl"))}


def test_held_out_repositories_give_no_samples(run, documents):
    done, artifact = run(STAGE, SynthesisWhat(procedural=10, reverse_variants=3), documents=documents)
    samples = list(read_shards(artifact.path, "samples"))
    assert {record["source"]["repository"] for record in samples if record["road"] == "reverse"} == {HERE}
    assert done.tally.dropped == {"held out for evaluation": 1} and done.tally.kept == 13
    assert [record["document"] for record in read_records(artifact.path / "rejects.jsonl")] == [f"d{KEPT_AWAY}"]
    assert done.figures["road.reverse"] == 3


def test_bytes_do_not_depend_on_the_number_of_processes_nor_on_a_cut(run, documents):
    what = SynthesisWhat(procedural=SHARD_DRAWS + 30)
    _, one = run(STAGE, what, SynthesisHow(processes=1), "one", documents=documents)
    _, two = run(STAGE, what, SynthesisHow(processes=2), "two", documents=documents)
    assert contents(one.path) == contents(two.path)
    (two.path / "shards" / "00001.json").unlink()  # as if killed while the second shard was made
    (two.path / "samples-00001.jsonl").unlink()
    _, again = run(STAGE, what, SynthesisHow(processes=1), "two", documents=documents)
    assert contents(one.path) == contents(again.path)


class WrongSkill(CronSkill):
    """Answers every second request with another time."""

    def draw(self, rng, part):
        sample = super().draw(rng, part)
        if rng.random() < 0.5:
            record = sample.to_record() | {"answer": "1 1 1 1 *", "intents": sample.intents, "forms": sample.forms}
            return Sample(**record)
        return sample


class WrongDomain(CronDomain):
    def skills(self):
        return {"wrong": WrongSkill()}


def test_what_its_own_judge_fails_is_rejected_with_tier_and_code():
    shard = Maker(WrongDomain(), ("wrong",), Seed(1), 100, 0, ())(0)
    assert set(shard.tally.dropped) == {"intent/CRON-INTENT"} and 20 < shard.tally.kept < 80
    assert all(
        domain().judge(record["answer"], [Intent(i["aspect"], (), i["value"]) for i in record["intents"]]).passed
        for record in shard.records
    )
    assert all(record["findings"] for record in shard.rejects)


def test_samples_are_plain_records(run, documents):
    _, artifact = run(STAGE, SynthesisWhat(procedural=5), documents=documents)
    lines = (artifact.path / "samples-00000.jsonl").read_text().splitlines()
    assert [Sample.from_record(json.loads(line)).skill for line in lines] == ["cron"] * 5


def test_an_unknown_skill_is_told_with_the_nearest(run, documents):
    with pytest.raises(UserError, match="did you mean 'cron'"):
        run(STAGE, SynthesisWhat(skills=("crom",)), documents=documents)


def test_nothing_asked_for_is_told(run, documents):
    with pytest.raises(UserError, match="none of 0 candidates"):
        run(STAGE, SynthesisWhat(procedural=0, reverse_variants=0), documents=documents)


class BusySkill(CronSkill):
    """Reads manifests; says the same of each, whatever the dice, or throws them first."""

    reads = frozenset({"manifests"})

    def __init__(self, dice):
        self.dice = dice

    def reverse(self, document, rng, part):
        if self.dice:
            rng.random()
        return super().reverse(Document("d", "0 5 * * 1", "weekly", document.source, "crontabs"), Seed(1).rng("same"), part)


@dataclass
class BusyDomain(CronDomain):
    dice: bool = False

    def skills(self):
        return {"cron": BusySkill(self.dice)}


def manifests_of(tmp_path, text):
    path = tmp_path / "documents-00000.jsonl"
    write_records(path, [{"id": "m", "text": text, "kind": "k", "source": {"repository": HERE, "path": "a.yaml"}, "form": "manifests"}])
    return (path,)


@pytest.mark.parametrize(("dice", "count"), [(False, 1), (True, 6)])
def test_what_depends_on_nothing_random_is_asked_once(tmp_path, dice, count):
    shard = Maker(BusyDomain(dice), ("cron",), Seed(1), 0, 6, manifests_of(tmp_path, "0 5 * * 1"))(0)
    assert (shard.tally.came, shard.tally.kept) == (count, count)


def test_a_faulty_document_is_dropped_with_its_findings_and_its_place(tmp_path):
    shard = Maker(BusyDomain(True), ("cron",), Seed(1), 0, 6, manifests_of(tmp_path, "0 99 * * 1"))(0)
    [(reason, count)] = shard.tally.dropped.items()
    assert reason.startswith("a faulty document: ") and count == 1 and shard.tally.kept == 0
    [reject] = shard.rejects
    assert reject["source"]["path"] == "a.yaml" and reject["findings"]


def test_the_key_holds_what_a_teacher_is_and_not_where_its_file_lies(tmp_path):
    parts = []
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text('url = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
        parts.append(STAGE.parts(SynthesisWhat(teacher=str(tmp_path / name), teacher_requests=5)))
    assert parts[0] == parts[1] and "m" in str(parts[0]["teacher"]) and parts[0]["what"]["teacher_requests"] == 5
    assert "teacher" not in parts[0]["what"]
