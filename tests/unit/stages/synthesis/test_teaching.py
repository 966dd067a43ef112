"""The road of teachers, with a teacher on loopback whose words are made by a function."""

import json
import re
from dataclasses import replace

import pytest

from kubestill.domains.api import Intent, Sample
from kubestill.domains.cron import domain
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.ground.shards import read_shards
from kubestill.stages.synthesis.admission import answer_faults, identifiers, request_faults
from kubestill.stages.synthesis.asking import PROMPTS, Lesson, first_question, repair_question
from kubestill.stages.synthesis.stage import STAGE, SynthesisHow, SynthesisWhat
from support.fake_teacher import FakeTeacher

pytest.importorskip("httpx", reason="pip install 'kubestill[http]'")


def between(body, tag):
    return re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", body["messages"][0]["content"], re.DOTALL)[0]


def willing(body):
    """Says the old request with another start; the answer of the prompt `answer` is right if it is one of the usual macros' lines."""
    if "<answer>" in body["messages"][0]["content"]:
        return json.dumps({"request": f"hey, {between(body, 'request')}"})
    return json.dumps({"answer": "0 0 * * *"})


@pytest.fixture
def taught(run, tmp_path):
    documents = tmp_path / "documents"
    documents.mkdir()

    def taught(server, name="taught", limit=0, **what):
        path = tmp_path / "fake.toml"
        path.write_text(f'url = "{server.url}"\nmodel = "fake-1"\n[limits]\nfirst_wait_seconds = 0.005\ntimeout_seconds = 5\n')
        told = {"procedural": 60, "teacher": str(path), "teacher_requests": 40} | what
        how = SynthesisHow(processes=1, limit=limit, ledger=str(tmp_path / "ledger.sqlite"))
        return run(STAGE, SynthesisWhat(**told), how, name, documents=Artifact("documents", "0" * 40, "corpus", documents))

    return taught


def test_what_is_admitted_asks_for_the_same_and_the_ledger_is_not_asked_twice(taught):
    with FakeTeacher(0.0, say=willing).serving() as server:
        done, artifact = taught(server, teacher_tasks=("rephrase",))
        bought, first = server.received, (artifact.path / "samples-00001.jsonl").read_bytes()
        _, again = taught(server, "again", teacher_tasks=("rephrase",))
        assert server.received == bought and (again.path / "samples-00001.jsonl").read_bytes() == first
    samples = [Sample.from_record(record) for record in read_shards(artifact.path, "samples")]
    origins = {sample.id: sample for sample in samples if sample.road == "procedural"}
    teachers = [sample for sample in samples if sample.road == "teacher"]
    assert done.figures["road.teacher"] == len(teachers) == 40 and done.tally.kept == len(samples)
    for sample in teachers:
        origin = origins[sample.source["origin"]]
        assert (sample.answer, sample.intents) == (origin.answer, origin.intents) and sample.request == f"hey, {origin.request}"
        assert sample.source["teacher"] == "fake-1" and sample.source["prompt"] == "rephrase/1" and sample.forms == ()
    assert done.figures["teacher.calls"] == done.figures["teacher.answered"] == bought == 40
    assert done.figures["teacher.prompt_tokens"] == server.prompt_tokens and done.figures["teacher.retries"] == 0


def test_rejects_go_back_once_with_the_findings_and_are_kept_then(taught):
    def stubborn(body):
        return json.dumps(
            {"request": "hey, do it at 77 o'clock"} if "<answer>" in body["messages"][0]["content"] else {"answer": "77 * * * *"}
        )

    with FakeTeacher(0.0, say=stubborn).serving() as server:
        done, artifact = taught(server, teacher_requests=20)
        assert server.received == 40 and done.figures["teacher.calls"] == 40
    rejects = [record for record in read_records(artifact.path / "rejects.jsonl") if record["road"] == "teacher"]
    assert len(rejects) == 20 == sum(count for reason, count in done.tally.dropped.items() if reason.startswith("teacher "))
    assert all(record["repaired"] and record["findings"] and record["reply"] for record in rejects)
    reasons = {record["reason"] for record in rejects}
    assert len(reasons) > 1 and all(re.match("teacher (rephrase: (missing|invented)|answer: [a-z]+/CRON)", reason) for reason in reasons)


def test_a_repaired_reply_is_admitted(taught):
    def slow_to_learn(body):
        return willing(body) if len(body["messages"]) == 3 else json.dumps({"request": "hey, do it"})

    with FakeTeacher(0.0, say=slow_to_learn).serving() as server:
        done, _ = taught(server, teacher_tasks=("rephrase",), teacher_requests=10)
    assert done.figures["teacher.repaired"] == 10 == done.figures["road.teacher"] and done.figures["teacher.calls"] == 20


def test_answers_are_admitted_where_the_judge_passes_them_and_they_say_something_new(taught):
    def answering(body):  # another spelling of the same schedule, which the skill's judge reads as equal
        *parts, day = known[between(body, "request")].split()
        return json.dumps({"answer": " ".join([*parts, dict(zip("12345", "MON TUE WED THU FRI".split(), strict=True)).get(day, day)])})

    known = {}
    with FakeTeacher(0.0, say=answering).serving() as server:
        skill = domain().skills()["cron"]
        for number in range(60):
            sample = skill.draw(Seed(1).rng("procedural", number), "train")
            known |= {sample.request: sample.answer} if isinstance(sample, Sample) else {}
        done, artifact = taught(server, teacher_tasks=("answer",), teacher_requests=60)
    kept = [record for record in read_shards(artifact.path, "samples") if record["road"] == "teacher"]
    assert len(kept) > 3
    assert all(domain().judge(r["answer"], Sample.from_record(r).intents).passed and r["answer"] != known[r["request"]] for r in kept)
    assert done.tally.dropped["teacher answer: nothing new"] + len(kept) == 60


def test_a_limit_stops_the_run_and_the_next_goes_on_where_it_stopped(taught):
    with FakeTeacher(0.0, say=willing).serving() as server:
        with pytest.raises(UserError, match="--limit: 15 questions were sent; run again to go on"):
            taught(server, limit=15, teacher_tasks=("rephrase",))
        assert server.received == 15
        done, _ = taught(server, teacher_tasks=("rephrase",))
        assert server.received == 40 == done.figures["teacher.calls"]


def test_a_key_that_is_not_set_is_told_before_the_other_roads_are_gone(tmp_path, monkeypatch):
    path = tmp_path / "t.toml"
    path.write_text('url = "http://a/v1"\nmodel = "m"\nkey_variable = "KUBESTILL_TEST_KEY"\n')
    monkeypatch.delenv("KUBESTILL_TEST_KEY", raising=False)
    wanted = SynthesisWhat(teacher=str(path), teacher_requests=5)
    with pytest.raises(UserError, match="KUBESTILL_TEST_KEY: is not set; export"):
        STAGE.ready(wanted, domain())
    with pytest.raises(UserError, match="did you mean 'cron'"):
        STAGE.ready(SynthesisWhat(skills=("crom",)), domain())
    STAGE.ready(SynthesisWhat(teacher=str(path)), domain())  # nothing is asked of it
    monkeypatch.setenv("KUBESTILL_TEST_KEY", "k")
    STAGE.ready(wanted, domain())


def test_teachers_need_a_name_and_something_to_teach_from(run, taught, tmp_path):
    with pytest.raises(UserError, match="nobody to ask"):
        STAGE.parts(SynthesisWhat(teacher_requests=5))
    with pytest.raises(UserError, match=r"there is no recipes/teachers/olama\.toml"):
        STAGE.cost(SynthesisWhat(teacher="olama", teacher_requests=5))
    assert STAGE.parts(SynthesisWhat()) == {} and STAGE.cost(SynthesisWhat(teacher="x")) == ""


def sample(request="scale the web deployment in shop to 5 and use nginx:1.27", answer="kubectl scale deployment/web -n shop --replicas=5"):
    intents = (Intent("task", (), "kubectl"), Intent("kind", (), "Deployment"), Intent("name", (), "web"), Intent("namespace", (), "shop"))
    return Sample(
        "s", "cron", request, answer, (*intents, Intent("replicas", (), 5), Intent("image", ("web",), "nginx:1.27")), "k", "natural"
    )


@pytest.mark.parametrize(
    "request_",
    [
        "Could the deployment web in shop run five copies, with nginx:1.27 as its image?",
        "web (deployment, in shop): 5 replicas. it's to run nginx:1.27",
    ],
)
def test_a_request_that_names_all_and_nothing_else_is_admitted(request_):
    assert request_faults(request_, sample(), {}) == []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("scale the web deployment in shop to 5 and  use nginx:1.27", "unchanged"),
        ("deployment web, 5 of it, nginx:1.27", "missing"),  # shop
        ("deployment web in shop should have 6 of nginx:1.27", "missing"),
        ("deployment web in shop, 5 of nginx:1.27 with port 8080", "invented"),
        ("deployment web in shop beside cache-redis, 5 of nginx:1.27", "invented"),
        ("deployment web in shop, 5 of nginx:1.27, " + "and so on " * 40, "length"),
        ("nginx:1.27 for deployment web in shop, and 5 of it", "order"),
        ("run kubectl scale deployment/web -n shop --replicas=5 with nginx:1.27", "leak"),
        ("```\ndeployment web in shop, 5 of nginx:1.27\n```", "leak"),
        ("kind: Deployment\nname: web\nnamespace: shop\nreplicas: 5\nimage: nginx:1.27", "leak"),
    ],
)
def test_a_request_that_asks_for_something_else_is_not(request_, reason):
    assert request_faults(request_, sample(), {})[0].startswith(reason)


def test_the_context_opens_the_vocabulary_and_an_answer_must_keep_to_it():
    said = "deployment web in shop beside cache-redis, 5 of nginx:1.27"
    assert request_faults(said, sample(), {"vocabulary": "cache-redis web"}) == []
    assert answer_faults("kubectl scale deployment/web -n shop --replicas=5 --timeout=30s", sample(), {"vocabulary": "30s"}) == []
    assert answer_faults("kubectl scale deployment/web -n prod-eu7", sample(), {})[0].startswith("invented: 'prod-eu7'")


def test_english_words_are_no_identifiers_and_names_are():
    assert identifiers("1. a read-only, built-in and/or long-running thing, e.g. for 15-minute runs; the team's k8s") == {"15"}
    named = "web-api's nginx:1.27 at /var/log on 10.0.0.0/8, MIN_SIZE=3Gi, kube-system."
    assert identifiers(named) == {"web-api", "nginx:1.27", "/var/log", "10.0.0.0/8", "MIN_SIZE", "3Gi", "kube-system"}


class Told(type(domain().skills()["cron"])):
    def context(self, sample):
        return {"grammar": "GRAMMAR-PART", "slice": "SLICE-PART {{ 7 * 7 }}", "vocabulary": "VOCABULARY-PART"}


class ToldDomain(type(domain())):
    def skills(self):
        return {"cron": Told()}


@pytest.mark.parametrize("task", ["rephrase", "answer"])
@pytest.mark.parametrize("parts", [(), ("grammar",), ("slice",), ("vocabulary",), ("grammar", "slice", "vocabulary")])
def test_each_part_of_the_context_can_be_left_out(task, parts):
    one = replace(sample(), request="every day {{ config }} {% for %}")  # a stranger's text stays text
    (((_, text),)) = first_question(Lesson(task, one, 0), ToldDomain(), parts, Seed(1).rng("x")).messages
    assert {part for part in ("grammar", "slice", "vocabulary") if f"{part.upper()}-PART" in text} == set(parts)
    assert one.request in text and ("{{ 7 * 7 }}" in text) is ("slice" in parts)


def test_prompts_are_what_their_versions_say():
    """A golden digest: changed words are another purchase, so raise PROMPTS with them."""
    from kubestill.ground.fingerprint import fingerprint
    from kubestill.stages.synthesis.asking import FOLDER

    first = first_question(Lesson("answer", sample(), 0), domain(), (), Seed(1).rng("x"))
    asked = repair_question(Lesson("answer", sample(), 0), first, "{}", ["a: b"])
    assert [role for role, _ in asked.messages] == ["user", "assistant", "user"] and "- a: b" in asked.messages[2][1]
    texts = {path.name: path.read_text() for path in sorted(FOLDER.iterdir())}
    assert (fingerprint(texts), dict(PROMPTS)) == ("c5f9dcb441c70bb5b4699dd4ec50994f3bcd9dd4", {"rephrase": 1, "answer": 1, "repair": 1})
