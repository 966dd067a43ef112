"""Short answers: what is drawn is right by references of its own, and nothing but the answer passes."""

import base64
import gzip
import json
import math
import re
import subprocess
from collections import Counter
from ipaddress import ip_network
from pathlib import Path
from random import Random

import pytest

from kubestill.domains.api import HELD, SUITE_SEED, TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.checks.formats import dns_label
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fixes.versions import successors
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.skills.general import talk
from kubestill.domains.kubernetes.skills.general.cluster import image_parts
from kubestill.domains.kubernetes.skills.general.codes import CODES
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.fields import ASKED, at, fields, only_place
from kubestill.domains.kubernetes.skills.general.judging import judge
from kubestill.domains.kubernetes.skills.general.shapes import read, write
from kubestill.domains.kubernetes.skills.general.skill import GeneralSkill, ask, build, tables
from kubestill.domains.kubernetes.skills.general.suites import PROCEDURAL
from kubestill.domains.kubernetes.skills.general.table import TOPICS
from kubestill.domains.kubernetes.skills.general.topic import Asked
from kubestill.ground.seeds import Seed

DRAWS = 1200
EXCHANGES = Path(__file__).parents[6] / "shared" / "data" / "general-instructions.jsonl.gz"


@pytest.fixture(scope="module")
def drawn():
    skill = GeneralSkill()
    found = {part: [skill.draw(Seed(21).rng(part, number), part) for number in range(DRAWS)] for part in (TRAIN, HELD)}
    assert all(isinstance(sample, Sample) for samples in found.values() for sample in samples)
    return found


def both(drawn):
    return [*drawn[TRAIN], *drawn[HELD]]


def solved(topic, **said):
    answer = TOPICS[topic].solve(said)
    return write(TOPICS[topic].answers[answer.form], answer.slots)


def test_every_answer_passes_its_own_judge_and_every_topic_is_drawn(drawn):
    samples = both(drawn)
    for sample in samples:
        assert judge(sample.answer, sample.intents).passed, (sample.request, sample.answer)
    assert {sample.kind for sample in samples} == set(TOPICS)
    assert len(TOPICS) >= 25


def test_prose_around_an_answer_fails_and_so_do_nothing_and_half_of_it(drawn):
    for sample in both(drawn):
        answer = sample.answer
        for mutant in (
            f"Sure, here it is:\n{answer}",
            f"{answer}\nHope this helps!",
            "",
            answer[: len(answer) // 2],
            f"```\n{answer}\n```",
        ):
            assert not judge(mutant, sample.intents).passed, (mutant, sample.request)


def test_an_answer_to_another_question_fails(drawn):
    samples, rng, wrong = both(drawn), Random(3), 0
    by_kind: dict[str, list[Sample]] = {}
    for sample in samples:
        by_kind.setdefault(sample.kind, []).append(sample)
    for sample in samples:
        for other in (rng.choice(samples), rng.choice(by_kind[sample.kind])):  # of the same kind, too: there it is hard
            values = [intent for intent in sample.intents if intent.aspect.startswith("expect.")]
            if other.answer != sample.answer and values != [i for i in other.intents if i.aspect.startswith("expect.")]:
                wrong += judge(other.answer, sample.intents).passed
    assert wrong <= 0.002 * 2 * len(samples), wrong


def test_the_answer_can_be_built_from_the_notes_alone(drawn):
    for sample in both(drawn):
        lines = [line.partition(": ") for line in sample.notes().splitlines()]
        noted = [Intent(aspect, (), value) for aspect, _, value in lines]
        assert judge(build(noted), sample.intents).passed, (sample.notes(), build(noted))


def test_notes_that_make_no_question_are_refused():
    for noted in ([], [Intent("topic", (), "weather")], [Intent("topic", (), "field-path"), Intent("kind", (), "Pod")]):
        with pytest.raises(ValueError):
            build(noted)


def test_requests_hold_what_is_noted_and_nothing_of_the_composition(drawn):
    hidden = {"chat": {"talk"}, "reflex": {"action"}, "field-for": {"field"}}
    for sample in both(drawn):
        assert not re.search(r"\{(?!\}|key)\w*\}|\(\w+\|", sample.request), sample.request
        for intent in sample.intents:
            if not intent.aspect.startswith("expect.") and intent.aspect not in {"task", "topic"} | hidden.get(sample.kind, set()):
                assert str(intent.value).lower() in sample.request.lower(), (intent, sample.request)


def test_the_lines_of_a_table_say_the_same():
    slots = re.compile(r"\{\w+\}")
    for name, table in tables().items():
        said = {tuple(sorted(slot.replace("{a_", "{") for slot in set(slots.findall(line)))) for line in (*table.train, *table.held)}
        assert len(said) == 1, (name, said)
        assert len(table.train) >= 2 and table.held, name


def test_the_parts_share_no_forms_and_open_topics_no_questions(drawn):
    forms = {part: {form for sample in samples for form in sample.forms} for part, samples in drawn.items()}
    assert min(map(len, forms.values())) > 200 and not forms[TRAIN] & forms[HELD]
    values = {
        part: {sample.notes() for sample in samples if not TOPICS[sample.kind].closed and len(sample.intents) > 4}
        for part, samples in drawn.items()
    }
    assert not values[TRAIN] & values[HELD], sorted(values[TRAIN] & values[HELD])


def test_requests_seldom_repeat_and_answers_are_short(drawn):
    requests = Counter(sample.request for sample in drawn[TRAIN])
    assert len(requests) > 0.95 * DRAWS
    assert max(len(sample.answer) for sample in both(drawn)) <= 300


def test_yes_and_no_are_about_even(drawn):
    heads = Counter(sample.answer[:3] for sample in both(drawn) if sample.kind.startswith("check-"))
    assert 0.4 < heads["Yes"] / (heads["Yes"] + heads["No:"]) < 0.6


def test_the_suite_repeats_itself_and_a_smaller_one_begins_a_larger():
    larger = PROCEDURAL.samples((), 40, SUITE_SEED)
    assert list(PROCEDURAL.samples((), 15, SUITE_SEED)) == list(larger[:15])
    assert len({sample.request.lower() for sample in larger}) == 40


# Truth, by a second way.


def test_paths_and_types_are_those_of_the_schemas():
    known = schemas()
    for kind, version in ASKED.items():
        for field in list(fields(kind).values())[::7]:
            steps = [step for part in field.path.split(".") for step in (part.removesuffix("[]"), *(["[]"] if part.endswith("[]") else []))]
            found = known.property(version, kind, steps[:-1] if steps[-1] == "[]" else steps)
            assert found is not None and found.required == field.required, (kind, field.path)
            assert found.type == ("array" if field.type.startswith("list") else field.type), (kind, field.path)
    assert only_place("Deployment", "terminationGracePeriodSeconds").path == "spec.template.spec.terminationGracePeriodSeconds"


def test_every_field_of_the_schemas_is_known_to_exist():
    for kind, path in (
        ("Pod", "metadata.labels"),
        ("Pod", "spec.initContainers[0].image"),
        ("Deployment", "spec.template.metadata.annotations"),
        ("Pod", "spec.volumes.awsElasticBlockStore.volumeID"),
        ("Pod", "status.phase"),
        ("Deployment", "spec.selector.matchLabels.app"),
    ):
        assert at(kind, path) is not None, path
        assert solved("check-field", kind=kind, field=path).startswith("Yes")
    assert at("Pod", "metadata.label") is None and at("Pod", "") is None


def test_facts_speak_of_what_exists():
    known = {(kind, old): new for (old, kind), new in successors().items()}
    for old, kinds, _, new in facts()["removed"]:
        for kind in kinds:
            assert not schemas().knows(old, kind)
            assert (not new) or schemas().knows(new, kind), (old, kind)
            assert known.get((kind, old), new) == new
    for kind, path, _ in facts()["defaults"]:
        assert at(kind, path) is not None, (kind, path)
    for kind, moved in facts()["moved"].items():
        assert all(at(kind, path) is not None for path in moved.values()), kind
    for name, kinds in facts()["purposes"].items():
        for kind in kinds or ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"):
            assert only_place(kind, name)


def test_replies_of_the_catalogue_pass_their_own_class_only():
    for name, row in facts()["talk"].items():
        for reply in row["replies"]:
            assert talk.says(reply, name) and all(re.search(mark, reply, re.IGNORECASE) for mark in row["marks"]), (name, reply)
            assert not talk.says(reply[: len(reply) // 2], name), reply
    assert talk.says("You are most welcome!", "thanks") and not talk.says("You are welcome, and", "thanks")


def test_next_steps_are_commands_that_only_read(drawn):
    for sample in both(drawn):
        if sample.kind == "reflex":
            command = sample.answer.split("Next: ")[1]
            assert check_command(command).passed and parse(command).effect in (Effect.READS, Effect.LOCAL), command


def test_commands_that_are_called_right_are_right(drawn):
    for sample in both(drawn):
        if sample.kind == "check-flag":
            line = next(str(intent.value) for intent in sample.intents if intent.aspect == "line")
            assert check_command(line).passed == sample.answer.startswith("Yes"), (line, sample.answer)
            if "Use: " in sample.answer:
                assert check_command(sample.answer.split("Use: ")[1]).passed, sample.answer


def test_sums_agree_with_arithmetic_in_floats():
    units = {"Mi": 2**20, "Gi": 2**30, "Ki": 2**10, "Ti": 2**40, "m": 1e-3, "": 1}

    def value(text):
        number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", text).groups()
        return float(number) * units[unit]

    skill, seen = GeneralSkill(), 0
    for number in range(6000):
        sample = skill.draw(Seed(8).rng(number), TRAIN)
        working, equal, result = sample.answer.partition(" = ")
        if not equal or sample.kind in ("roll-time", "disk-days", "share"):
            continue
        seen += 1
        terms = re.sub(r"[\d.]+[A-Za-z]*", lambda word: repr(value(word[0])), working.replace(", rounded up", "").replace(" x ", " * "))
        reckoned = sum_of(terms)
        reckoned = math.ceil(reckoned) if "rounded up" in working else math.floor(reckoned + 1e-9) if " / " in working else reckoned
        assert value(result) == pytest.approx(reckoned), sample.answer
    assert seen > 300


def sum_of(text: str) -> float:
    """Reckon with + - * / and brackets, in another program."""
    program = 'BEGIN { printf "%.9f", ' + text + " }"
    if sum_of.cache.get(program) is None:  # type: ignore[attr-defined]
        sum_of.cache[program] = float(subprocess.run(["awk", program], capture_output=True, text=True, check=True).stdout)  # type: ignore[attr-defined]
    return sum_of.cache[program]  # type: ignore[attr-defined]


sum_of.cache = {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("topic", "said", "answer"),
    [
        (
            "field-path",
            {"kind": "Deployment", "field": "terminationGracePeriodSeconds"},
            "spec.template.spec.terminationGracePeriodSeconds (integer)",
        ),
        ("bytes", {"amount": "512Mi"}, "536870912 bytes"),
        ("more", {"first": "1G", "second": "1Gi"}, "1Gi is more"),
        ("more", {"first": "1024Mi", "second": "1Gi"}, "1024Mi and 1Gi are equal"),
        ("max-surge", {"replicas": "10", "percent": "25%"}, "3"),
        ("max-unavailable", {"replicas": "10", "percent": "25%"}, "2"),
        ("evictions", {"pods": "7", "least": "50%"}, "3"),  # kubernetes.io: 50 % of 7 rounds up to 4 that must stay
        ("autoscale", {"replicas": "4", "now": "90%", "target": "60%"}, "6"),
        ("autoscale", {"replicas": "10", "now": "84%", "target": "80%"}, "10"),  # within the tolerance of a tenth
        ("mode", {"mode": "0644"}, "420"),
        ("decode", {"code": "YWRtaW4="}, "admin"),
        ("cidr-size", {"cidr": "10.0.0.0/24"}, "256 addresses"),
        ("exit-code", {"code": "137"}, "SIGKILL (128 + 9)"),
        ("service-dns", {"service": "web", "namespace": "shop"}, "web.shop.svc.cluster.local"),
        ("service-variable", {"service": "redis-primary"}, "REDIS_PRIMARY_SERVICE_HOST"),
        ("account-user", {"account": "ci", "namespace": "build"}, "system:serviceaccount:build:ci"),
        ("claim-name", {"template": "data", "pod": "db-0"}, "data-db-0"),
        ("scale-order", {"set": "db", "from": "5", "to": "3"}, "db-4, db-3"),
        ("qos", {"requests": "none", "limits": "cpu=1,memory=1Gi"}, "Guaranteed"),
        ("qos", {"requests": "cpu=500m", "limits": "cpu=0.5"}, "Burstable"),
        ("qos", {"requests": "cpu=1,memory=1Gi", "limits": "cpu=1000m,memory=1024Mi"}, "Guaranteed"),
        ("selector", {"selector": "app=web,tier!=db", "labels": "app=web,tier=db"}, "No: tier!=db does not hold."),
        ("selector", {"selector": "env notin (dev),app", "labels": "app=web"}, "Yes: every term holds."),
        ("toleration", {"taint": "gpu=true:NoSchedule", "toleration": "operator=Exists"}, "Yes: it tolerates the taint."),
        (
            "toleration",
            {"taint": "gpu=true:NoExecute", "toleration": "key=gpu, operator=Exists, effect=NoSchedule"},
            "No: the effect differs.",
        ),
        ("pull-policy", {"image": "localhost:5000/app"}, "Always"),
        ("pull-policy", {"image": "localhost:5000/app:1"}, "IfNotPresent"),
        ("owner", {"pod": "web-7d4b9c6f5d-x2x4k"}, "Deployment web (ReplicaSet web-7d4b9c6f5d)"),
        ("newer", {"first": "1.9", "second": "1.10"}, "1.10"),
        (
            "skew",
            {"component": "kubelet", "version": "1.33", "server": "1.36"},
            "Yes: kubelet may be up to 3 minor versions older than the API server.",
        ),
        (
            "skew",
            {"component": "kubelet", "version": "1.32", "server": "1.36"},
            "No: kubelet may be at most 3 minor versions older than the API server.",
        ),
        ("namespaced", {"kind": "StorageClass"}, "No: StorageClass is cluster-scoped."),
        ("version-removed", {"version": "extensions/v1beta1", "kind": "Ingress"}, "Removed in 1.22. Use networking.k8s.io/v1"),
        (
            "check-field",
            {"kind": "Deployment", "field": "spec.containers.image"},
            "No: Deployment has no field spec.containers.image. Use: spec.template.spec.containers[].image",
        ),
        (
            "check-flag",
            {"line": "kubectl get pods --everything"},
            "No: kubectl get has no flag --everything. Use: kubectl get pods --all-namespaces",
        ),
        ("check-quantity", {"amount": "512MB"}, "No: 512MB is no quantity. Use: 512M"),
        ("has-flag", {"command": "kubectl get", "flag": "--watch"}, "Yes: kubectl get has the flag --watch."),
    ],
)
def test_known_questions_have_their_known_answers(topic, said, answer):
    assert solved(topic, **said) == answer


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("nginx", ("docker.io", "library/nginx", "latest")),
        ("bitnami/redis:7", ("docker.io", "bitnami/redis", "7")),
        ("registry.k8s.io/pause:3.9", ("registry.k8s.io", "pause", "3.9")),
        ("localhost:5000/a/b", ("localhost:5000", "a/b", "latest")),
        ("ghcr.io/x/y@sha256:abc", ("ghcr.io", "x/y", "sha256:abc")),
    ],
)
def test_images_are_read_as_docker_reads_them(image, parts):
    assert image_parts(image) == parts


def test_drawn_codes_networks_and_names_agree_with_the_standard_library():
    for seed in range(200):
        words = Words(Random(seed), TRAIN)
        said = TOPICS["decode"].draw(Random(seed), words).said
        assert solved("encode", text=solved("decode", **said)) == said["code"] == base64.b64encode(base64.b64decode(said["code"])).decode()
        cidr = TOPICS["cidr-size"].draw(Random(seed), words).said["cidr"]
        assert solved("cidr-size", cidr=cidr) == f"{len(list(ip_network(cidr)))} addresses"
        name = TOPICS["name"].draw(Random(seed), words).said["name"]
        assert solved("name", name=name).startswith("No" if dns_label(name) else "Yes")


def test_equal_meaning_passes_and_a_wrong_value_does_not():
    sample = ask(TOPICS["memory-total"], Asked({"name": "web", "replicas": "4", "memory": "256Mi"}), Random(1), TRAIN)
    assert judge("4 x 256Mi = 1024Mi", sample.intents).passed and judge("256Mi x 4 = 1Gi.", sample.intents).passed
    assert not judge("4 x 256Mi = 1000Mi", sample.intents).passed
    place = ask(TOPICS["field-path"], Asked({"kind": "Pod", "field": "stdinOnce"}), Random(1), TRAIN)
    assert judge("spec.containers[0].stdinOnce (boolean)", place.intents).passed
    assert not judge("spec.stdinOnce (boolean)", place.intents).passed


def test_each_code_is_found_in_its_bad_examples_and_not_in_its_good_ones():
    intents = ask(TOPICS["reflex"], Asked({"action": "restart"}, "restart"), Random(1), TRAIN).intents
    version = ask(TOPICS["api-version"], Asked({"kind": "Deployment"}), Random(1), TRAIN).intents
    for code, meaning in CODES.items():
        asked = version if code in ("K8S740", "K8S741") else intents
        for text in meaning.bad:
            assert code in {finding.code for finding in judge(text, asked).findings}, (code, text)
        for text in meaning.good:
            assert code not in {finding.code for finding in judge(text, asked).findings}, (code, text)
        assert meaning.remedy and meaning.text


def test_a_template_reads_what_it_writes():
    template = "No: {command} has no flag {flag:word}. Use: {use:command}"
    slots = {"command": "kubectl get", "flag": "--x", "use": "kubectl get pods -A"}
    assert read(template, write(template, slots)) == slots and read(template, "no: kubectl  get has no flag --x.  use: kubectl get pods -A")
    assert read(template, "No: kubectl get has no flag --x.") is None


# The reverse road.


def exchange(*turns, kind="x"):
    text = json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]})
    return Document("1", text, kind, {"page": "p"}, "exchanges")


def test_an_exchange_becomes_its_first_turn():
    turns = [("system", "Be brief."), ("user", "What is 2 and 2?"), ("assistant", "Two and two.\nThe answer is 4."), ("user", "Sure?")]
    sample = GeneralSkill().reverse(exchange(*turns), Random(1), TRAIN)
    assert sample.request == "Be brief.\n\nWhat is 2 and 2?" and sample.answer.endswith("4.") and sample.road == "reverse"
    assert judge("It is four. The answer is 4", sample.intents).passed and not judge("The answer is 5.", sample.intents).passed
    assert not judge("", sample.intents).passed


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (exchange(("user", "a")), "unreadable-exchange"),
        (Document("1", "[]", "x", {}, "exchanges"), "unreadable-exchange"),
        (exchange(("user", ""), ("assistant", "b")), "empty-turn"),
        (exchange(("user", "why " * 400), ("assistant", "b")), "request-too-long"),
        (exchange(("user", "why"), ("assistant", "b " * 400)), "answer-too-long"),
        (exchange(("user", "почему это так?"), ("assistant", "потому")), "not-english"),
    ],
)
def test_exchanges_that_make_no_sample_say_why(document, reason):
    assert GeneralSkill().reverse(document, Random(1), TRAIN) == Drop(reason)


@pytest.mark.skipif(not EXCHANGES.exists(), reason="../shared/data/general-instructions.jsonl.gz is not here")
def test_most_short_real_exchanges_make_samples_that_pass():
    skill, found = GeneralSkill(), Counter()
    with gzip.open(EXCHANGES, "rt") as lines:
        for row in map(json.loads, lines):
            request = "\n".join(filter(None, (row["instruction"], row["input"])))
            sample = skill.reverse(exchange(("user", request), ("assistant", row["output"]), kind=row["source"]), Random(1), TRAIN)
            found[sample.reason if isinstance(sample, Drop) else "kept"] += 1
            assert isinstance(sample, Drop) or skill.judge(sample.answer, sample.intents).passed
    assert found["kept"] > 700 and found["unreadable-exchange"] == 0, found
