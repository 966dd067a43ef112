"""Diagnoses: what is shown is what a cluster prints, what is answered follows from it, and the judge takes nothing else."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml

from kubestill.domains.api import HELD, TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.intents.lens import build as build_manifest
from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.relations import Member, judge_set
from kubestill.domains.kubernetes.skills.diagnose.align import align
from kubestill.domains.kubernetes.skills.diagnose.asking import tables
from kubestill.domains.kubernetes.skills.diagnose.causes import catalogue, seen, topics
from kubestill.domains.kubernetes.skills.diagnose.codes import CODES
from kubestill.domains.kubernetes.skills.diagnose.objects import OBJECTS, planted
from kubestill.domains.kubernetes.skills.diagnose.scene import Scene
from kubestill.domains.kubernetes.skills.diagnose.skill import MOST_CHARS, MOST_LINES, DiagnoseSkill, build, draw_cause
from kubestill.domains.kubernetes.skills.diagnose.suites import PROCEDURAL
from kubestill.domains.kubernetes.skills.diagnose.values import human
from kubestill.ground.seeds import Seed

SKILL = DiagnoseSkill()
VERDICTS = Path(__file__).parents[6] / "shared" / "data" / "api-server-manifests.jsonl.gz"
PER_CAUSE = 4


@pytest.fixture(scope="module")
def drawn():
    """Some samples of each cause in each part; no draw is dropped."""
    return {
        part: [draw_cause(name, Seed(7).rng(part, name, number), part) for name in catalogue() for number in range(PER_CAUSE)]
        for part in (TRAIN, HELD)
    }


@pytest.fixture(scope="module")
def both(drawn):
    return [*drawn[TRAIN], *drawn[HELD]]


def test_every_cause_gives_samples_of_both_parts_that_pass_their_own_judge(both):
    for sample in both:
        assert isinstance(sample, Sample), sample
        verdict = SKILL.judge(sample.answer, sample.intents)
        assert verdict.passed, (sample.request, sample.answer, verdict.findings)
    assert len({sample.kind for sample in both}) == len(catalogue()) >= 45


def test_the_answer_is_built_from_what_was_noted_alone_also_from_a_file(both):
    for sample in both:
        again = Sample.from_record(json.loads(json.dumps(sample.to_record())))
        assert build([intent for intent in again.intents if not intent.aspect.startswith("expect.")]) == sample.answer
        assert sample.notes().splitlines()[0] == "task: diagnose" and SKILL.judge(again.answer, again.intents).passed


def test_values_stand_in_the_request_or_belong_to_the_cause(both):
    """What a student can only copy must be there to copy; the rest is what the cause itself knows (a path of fields, a verb)."""
    for sample in both:
        cause = catalogue()[sample.kind]
        closed = {str(value) for case in (*cause.cases, cause.given) for whole in case.values() for value in whole.split("|")}
        closed |= {told for view in cause.views.values() for told in seen(view).values()}
        for intent in sample.intents[2:-1]:
            assert intent.value.lower() in sample.request.lower() or intent.value in closed, (intent, sample.request)


def test_the_next_command_only_looks_is_taken_by_kubectl_and_was_not_run_already(both):
    for sample in both:
        command = re.search(r"^Next: (.*)$", sample.answer, re.MULTILINE)[1]
        assert check_command(command).passed and parse(command).effect in (Effect.READS, Effect.LOCAL), command
        assert canonical(command) == sample.intents[-1].value[0]
        run = {canonical(line) for line in re.findall(r"kubectl [^\n|`]*", sample.request)}
        assert canonical(command) not in run, (sample.request, command)


def test_no_namespace_is_said_that_was_not_shown(both):
    for sample in both:
        for flag in re.findall(r" -n (\S+)", re.sub(r" -n kube-system", "", sample.answer)):
            assert flag.strip("`") in sample.request


def test_requests_and_answers_fit_a_small_context_and_nothing_of_the_templates_is_left(both):
    for sample in both:
        assert len(sample.answer) <= 600 and len(sample.request) <= MOST_CHARS + 500
        assert sample.request.count("\n") <= MOST_LINES + 14
        assert not re.search(r"[¦‖]|\{-n\}|(?<!%)\{[a-z_]+\d?\}|%(pods|log|yaml|container)|  ran ", sample.request + sample.answer), sample
        assert not re.search(r"\s[?.,!](\s|\Z)|\(\w+\|", sample.request.split("\n")[0]), sample.request


def test_the_parts_share_no_form_and_no_name(drawn):
    forms = {part: {form for sample in samples for form in sample.forms} for part, samples in drawn.items()}
    assert min(map(len, forms.values())) > 300 and not forms[TRAIN] & forms[HELD]
    named = ("pod", "service", "claim", "node", "ingress", "deployment", "cronjob", "job")
    names = {part: {i.value for sample in samples for i in sample.intents if i.aspect in named} for part, samples in drawn.items()}
    assert min(map(len, names.values())) > 300 and not names[TRAIN] & names[HELD]


def test_a_draw_depends_on_its_seed_alone_and_hardly_ever_repeats():
    first, again = ([SKILL.draw(Seed(3).rng(number), TRAIN) for number in range(120)] for _ in range(2))
    assert first == again and len({sample.request for sample in first}) == 120


def test_each_symptom_has_several_causes(both):
    """Whoever looks at the status alone cannot know."""
    looks = {"CrashLoopBackOff": 15, "Pending": 10, "ImagePullBackOff": 5, "CreateContainerConfigError": 4, "ContainerCreating": 6}
    for status, least in looks.items():
        assert len({sample.kind for sample in both if status in sample.request}) >= least, status


def test_other_causes_other_values_other_commands_and_half_answers_fail(drawn):
    names = list(catalogue())
    for sample in drawn[TRAIN][::3]:
        lines = sample.answer.split("\n")
        other = names[(names.index(sample.kind) + 1) % len(names)]
        mutants = [
            "", sample.answer[: len(sample.answer) // 2], f"Sure:\n{sample.answer}", f"{sample.answer}\nHope this helps!", lines[0],
            sample.answer.replace(f"Cause: {sample.kind}:", f"Cause: {other}:"),
            sample.answer.replace(f"Cause: {sample.kind}:", "Cause: NoSuchCause:"),
            "\n".join((lines[0], "Next: kubectl get configmaps --all-namespaces", *lines[2:])),
            "\n".join((lines[0], "Next: kubectl delete pod web-1", *lines[2:])),
            "\n".join((lines[0], f"{lines[1]} --no-such-flag", *lines[2:])),
            "\n".join((lines[0], f"{lines[1]} | head", *lines[2:])),
        ]  # fmt: skip
        copied = [intent.value for intent in sample.intents[2:-1] if len(intent.value) > 5 and intent.value in sample.answer]
        mutants += [sample.answer.replace(value, f"{value[:-3]}zzq") for value in copied]
        for mutant in mutants:
            assert not SKILL.judge(mutant, sample.intents).passed, (mutant, sample.answer)


def test_a_right_answer_in_other_words_passes_and_another_spelling_of_the_command_too():
    intents = (
        Intent("task", (), "diagnose"), Intent("cause", (), "OOMKilled"), Intent("pod", (), "web-1"), Intent("limit", (), "128Mi"),
        Intent("expect.next", (), (canonical("kubectl top pod web-1 --containers -n prod"),)),
    )  # fmt: skip
    said = "Cause: OOMKilled: the kernel killed web-1 at 128Mi\nNext: kubectl -n prod top po web-1 --containers=true"
    assert SKILL.judge(said, intents).passed
    assert not SKILL.judge(said.replace("128Mi", "1128Mi"), intents).passed
    assert SKILL.judge(said).passed
    fixed = f"{said}\nFix: `kubectl delete deployment web`"
    assert SKILL.judge(fixed).failed_on == "rules" and SKILL.judge(f"{said}\nFix: `kubectl set rezources x`").failed_on == "schema"
    assert all(meaning.text and meaning.remedy for meaning in CODES.values())


def test_what_cannot_be_built_says_why_and_no_document_is_read():
    for intents in ((), (Intent("cause", (), "Nothing"),), (Intent("cause", (), "SecretKeyMissing"), Intent("secret", (), "x"))):
        with pytest.raises(ValueError, match=r"cause|needs"):
            build(intents)
    document = Document("1", "text", "page", {"page": "p"}, "pages")
    assert SKILL.reverse(document, Random(1), TRAIN) == Drop("no reverse road") and not SKILL.reads


def test_the_catalogue_is_whole():
    for cause in catalogue().values():
        parts = Counter(name.startswith(HELD) for name in cause.views)
        assert parts[True] >= 1 and parts[False] >= 1, cause.name
        assert {f"{kind}/{cause.topic}" for kind in ("symptom", "question", "title")} <= set(tables())
        assert cause.says[0] not in ".A" and not cause.says.endswith(".") and len(cause.next) >= 1
    assert len(topics()) > 20


def test_the_suite_asks_of_many_causes_and_never_twice_the_same():
    samples = PROCEDURAL.samples((), 150, Seed(11))
    assert samples[:20] == PROCEDURAL.samples((), 20, Seed(11))
    assert len({sample.request for sample in samples}) == 150 and len({sample.kind for sample in samples}) > 60


# What the screens look like, against outputs of kubectl as its documentation and its source show them.


def test_columns_are_those_of_gos_tabwriter():
    """The first two are the widths of `kubectl get` and `kubectl describe`; in the last a line without a cell ends the column."""
    assert align(["NAME¦READY¦AGE", "web-7d¦1/1¦5m"]) == ["NAME     READY   AGE", "web-7d   1/1     5m"]
    described = align(["    State:‖Waiting", "      Reason:‖CrashLoopBackOff", "    Restart Count:‖3"])
    assert described == ["    State:          Waiting", "      Reason:       CrashLoopBackOff", "    Restart Count:  3"]
    assert align(["a‖b", "Limits:", "  memory:‖1Gi", "  cpu:‖1"]) == ["a  b", "Limits:", "  memory:  1Gi", "  cpu:     1"]
    assert align(["IN¦X¦", "A¦BB¦c"]) == ["IN    X", "A     BB    c"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"), (10_800, "3h"),
     (28_740, "7h59m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (190_000, "2d4h"), (691_200, "8d"), (6_000_000, "69d")],
)  # fmt: skip
def test_ages_are_written_as_kubectl_writes_them(seconds, shown):
    """Cases of k8s.io/apimachinery/pkg/util/duration, duration_test.go."""
    assert human(seconds) == shown


def test_statuses_that_are_pasted_as_yaml_read_back(both):
    read_back = 0
    for sample in both:
        if "\nstatus:\n" in sample.request and "containerStatuses" in sample.request:
            text = re.search(r"^status:\n(?:  .*\n?)+", sample.request, re.MULTILINE)[0]
            (status,) = yaml.safe_load(text)["status"]["containerStatuses"]
            assert status["ready"] is False and status["state"]["waiting"]["reason"]
            read_back += 1
    assert read_back > 20


def test_events_are_sorted_and_tables_are_rectangular(both):
    for sample in both:
        for block in re.findall(r"(?m)^(NAME +.*\n(?:[a-z0-9][^\n]*\n?)+)", sample.request):
            head, *rows = block.rstrip("\n").split("\n")
            starts = [match.start() for match in re.finditer(r"(?<=   )\S", head)]
            for row in rows[:1]:
                assert all(place >= len(row) or row[place - 1] == " " for place in starts), block


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_planted_objects_are_built_of_intents_that_read_back(name):
    scene = Scene(Random(5), TRAIN, {"class": "fast", "value": "{app}-v2", "carried": "{app}"})
    text = dump(build_manifest(planted(name, scene)))
    (manifest,) = read(text).manifests
    assert manifest.object["kind"] and manifest.object["metadata"]["name"]


def test_the_instruments_find_the_faults_that_are_planted_between_objects():
    """A Service that selects no pod, and one that sends where nobody listens: the relations say so, and of the mended ones nothing."""
    for wrong, pod, mended in (("Service", "Workload", {"carried": "{value}"}), ("ServicePort", "WorkloadPort", {"otherport": "{port}"})):
        given = {"value": "cart", "carried": "cart-v2", "label": "app"}
        for more, faults in ((given, 1), (given | mended, 0)):
            scene = Scene(Random(9), TRAIN, more)
            scene.named = False  # the namespace is not among the objects
            objects = [read(dump(build_manifest(planted(name, scene)))).manifests[0] for name in (wrong, pod)]
            found = judge_set([Member(one, file="x.yaml") for one in objects], closed=True)
            told = [finding for index, finding in found if index == 0]
            assert bool(told) == bool(faults), (wrong, told)


def test_refusals_are_worded_as_a_real_api_server_words_them():
    """Verdicts of a 1.36 API server on real manifests hold the very messages of these causes, with their names taken out."""
    if not VERDICTS.exists():
        pytest.skip("../shared/data/api-server-manifests.jsonl.gz is not here")
    with gzip.open(VERDICTS, "rt") as file:
        real = [message for line in file if (message := json.loads(line).get("message"))]
    names = "RequiredFieldMissing UnknownField UnsupportedValue VolumeMountUnknown SecretNotBase64 InvalidName WrongFieldType"
    for name in (*names.split(), "RuntimeClassMissing", "SelectorTemplateMismatch"):
        messages = catalogue()[name].lists["message"].lines("every")
        tails = [re.split(r"is invalid: |\{manifest\}\": |is forbidden: ", message)[-1] for message in messages]
        patterns = [re.sub(r"\\\{[a-z_]+\\\}", ".*", re.escape(tail)) for tail in tails]
        assert any(re.search(pattern, one, re.DOTALL) for pattern in patterns for one in real), (name, patterns)


def test_accepted_commands_are_of_the_pod_and_the_namespace_that_are_pasted_and_were_not_run(both):
    """Also those that the answer itself does not speak of: who answers with another good command must name the place too."""
    placed = 0
    for sample in both:
        pasted = re.findall(r"(?m)^\S*(?: \S+)? ?kubectl [^\n]* -n (\S+)$", sample.request)
        accepted = sample.intents[-1].value
        run = {canonical(line) for line in re.findall(r"kubectl [^\n|`]*", sample.request)}
        assert not run & set(accepted), (sample.request, accepted)
        for command in accepted if pasted else ():
            if re.match(r"kubectl (describe|logs|top) pods?[/ ]", command) and "kube-system" not in command:
                assert f"--namespace={pasted[0]}" in command, (sample.request, command)
                placed += 1
    assert placed > 50


def test_what_is_spoken_of_is_named_once_and_no_question_is_about_any_node(both):
    for sample in both:
        assert not re.search(
            r"(?i)(?<!get )\b(a|one) (node|pod|pvc|claim|worker node|workload|namespace)\?|\bone of (the|our) \w+\?", sample.request
        )
        for name in ("one of the workers", "one of our nodes", "one of our pods"):
            assert sample.request.lower().count(name) <= 1 + ("itle: " in sample.request), sample.request


def test_the_sentence_follows_the_message_that_was_drawn():
    """One cause, several messages: what the pod's own limit is blamed for is not its container, and the plugin's word is passed on."""
    for number in range(40):
        eaten = draw_cause("EphemeralStorageLimitExceeded", Seed(21).rng(number), TRAIN)
        told = re.search(r"(?i)container (\S+) exceeded|EmptyDir volume \"(\S+)\"|total limit of containers", eaten.request)
        blamed = f"container {told[1]} " if told[1] else f"volume {told[2]} " if told[2] else "its containers and emptyDir volumes together"
        assert blamed in eaten.answer, eaten
        network = draw_cause("SandboxNetworkFailed", Seed(22).rng(number), TRAIN)
        plugin = re.search(r'plugin (?:type=)?"(\w+)', network.request)[1]
        assert plugin in network.answer.lower(), network
        broken = draw_cause("YamlSyntaxError", Seed(23).rng(number), TRAIN)
        assert "is not valid YAML" in broken.answer and "\nFix: " in broken.answer
        assert ("tab" in broken.answer) == ("cannot start any token" in broken.request)
