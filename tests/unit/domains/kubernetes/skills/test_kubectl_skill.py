"""What is drawn and asked of kubectl: answers that kubectl takes, requests that say all of them, judges that take no other meaning."""

import re
from itertools import pairwise
from random import Random

import pytest

from kubestill.domains.api import EXPECTED, HELD, TRAIN, Drop, Intent, Sample
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.phrasing.lines import parse as parse_line
from kubestill.domains.kubernetes.skills.kubectl.catalogue import families, frames, options
from kubestill.domains.kubernetes.skills.kubectl.compose import compose
from kubestill.domains.kubernetes.skills.kubectl.judging import judge, meaning
from kubestill.domains.kubernetes.skills.kubectl.skill import KubectlSkill
from kubestill.domains.kubernetes.skills.kubectl.suites import PROCEDURAL
from kubestill.ground.seeds import Seed

SKILL = KubectlSkill()
SLOT = re.compile(r"\{([a-z]+[0-9]?)(?:\.[a-z]+)?\}")


@pytest.fixture(scope="module")
def drawn():
    found = [SKILL.draw(Seed(7).rng(part, number), part) for part in (TRAIN, HELD) for number in range(600)]
    assert not any(isinstance(one, Drop) for one in found)
    return found


def of_every_family(count=3):
    for name, family in families().items():
        for number in range(count):
            for part in (TRAIN, HELD):
                yield name, compose(family, Seed(9).rng(name, part, number), part)


def slots(text):
    return set(SLOT.findall(text))


def surely_said(nodes):
    """Return the slots that every expansion of a line says."""
    said = set()
    for node in nodes:
        said |= slots(node) if isinstance(node, str) else set.intersection(*(surely_said(choice) for choice in node))
    return said


def every_table():
    for name, family in families().items():
        for table in family.tables.values():
            yield name, table, slots(str(family.commands[0]))
    for name, option in options().items():
        for table in option.tables.values():
            yield name, table, slots(option.flags[0])


def test_the_catalogue_is_as_broad_as_kubectl():
    paths = {family.path for family in families().values()}
    assert len(families()) >= 250 and len(paths) >= 70
    assert paths >= {"get", "rollout undo", "set image", "create role", "auth can-i", "config use-context", "debug", "wait", "drain"}


def test_every_phrase_says_exactly_what_its_command_needs():
    for name, table, needed in every_table():
        for line in (*table.train, *table.held):
            assert surely_said(parse_line(line)) == needed, (name, line)


def test_every_list_has_parts_for_training_and_parts_that_are_kept_for_evaluation():
    for table in (*(table for _, table, _ in every_table()), *frames().values()):
        assert table.train and table.held, table.name


def test_every_command_of_every_family_is_taken_and_alternatives_only_where_they_differ():
    for name, composed in of_every_family():
        for place, command in enumerate(composed.commands):
            findings = check_command(command).findings
            assert not [one for one in findings if one.severity == "error" or not place], (name, command, findings)
        assert parse(composed.commands[0]).call.path == tuple(families()[name].path.split()), composed.commands[0]


def test_every_request_is_one_line_or_a_list_without_open_slots():
    for name, composed in of_every_family():
        assert not SLOT.search(re.sub(r"\{\.\.?\w+\}", "", composed.request)), (name, composed.request)
        assert "  " not in composed.request and composed.request == composed.request.strip(), (name, composed.request)
        assert not re.search(r"[«»\[\]|]|\ban? (?:the|an?|our|my) |\b[Aa] [aei]\w|\?\?| [,?]", composed.request.replace("[*]", "")), (
            composed.request
        )


def test_names_of_the_command_stand_in_the_request_letter_by_letter(drawn):
    """A student copies by pointers: what is no word of kubectl must be there to be copied."""
    known = re.compile(
        r"kubernetes\.io|restartCount|\.(status|spec|metadata|data|clusters)\b|Timestamp|current-context|^(contexts|users)\.|^\{|=None$|8001"
    )
    for sample in drawn:
        call = parse(sample.answer).call
        values = [word.text for word in call.arguments] + [use.text for use in call.uses if use.flag.no_value is None]
        for value in values:
            for part in re.split(r"[=:,/ ]", value):
                if len(part) >= 6 and re.search(r"-[a-z0-9]", part) and not known.search(value):
                    assert part.rstrip("-") in sample.request, (sample.request, sample.answer)


def test_drawn_samples_note_their_task_only_and_are_grouped_by_command(drawn):
    assert {sample.notes() for sample in drawn} == {"task: kubectl"}
    assert len({sample.kind for sample in drawn}) > 60
    assert all(sample.intents[1].aspect.startswith(EXPECTED) and len(sample.answer) <= 600 for sample in drawn)


def test_two_values_of_one_sort_differ():
    """Of two labels with one key kubectl would take the last, and of two equal kinds the request would say one."""
    for name in ("label.two", "env.two", "get.two", "delete.two", "image.two", "create.configmap.literals"):
        for number in range(40):
            words = compose(families()[name], Seed(number).rng(name), TRAIN).commands[0].split()
            keys = [word.removeprefix("--from-literal=").partition("=")[0] for word in words[2:] if "=" in word and "context" not in word]
            kinds = words[2].split(",") if name == "get.two" else words[3:5] if name == "delete.two" else []
            assert len(set(keys)) == len(keys) and len(set(kinds)) == len(kinds), words


def test_requests_differ_in_more_than_their_names():
    skeletons = {compose(family, Random(number), TRAIN).skeleton for number in range(4) for family in families().values()}
    assert len(skeletons) > 0.9 * 4 * len(families())


def test_an_answer_to_another_request_fails_and_so_does_one_with_more_or_less(drawn):
    some = drawn[:120]
    for sample in some:
        assert judge(sample.answer, sample.intents).passed
        assert not judge(f"{sample.answer} --context=somewhere-else", sample.intents).passed
        assert not judge(f"{sample.answer}\nkubectl get pods", sample.intents).passed
        assert not judge(f"Run {sample.answer}", sample.intents).passed
        assert not judge(f"`{sample.answer}`", sample.intents).passed
        assert not judge(f"{sample.answer} | cat", sample.intents).passed
        assert not judge(f"{sample.answer} && echo done", sample.intents).passed
    for one, other in pairwise(some):
        if one.intents != other.intents:
            assert not judge(other.answer, one.intents).passed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kubectl get po -n x", "kubectl get pods --namespace x"),
        ("kubectl scale deploy/web --replicas=3", "kubectl scale --replicas 3 deployment web"),
        ("kubectl delete pod a --force", "kubectl delete pod a --force --grace-period=0"),
        ("kubectl delete pod a --now", "kubectl delete pods/a --grace-period=1"),
        ("kubectl cp shop/web-0:/a ./b", "kubectl cp web-0:/a b -n shop"),
        ("kubectl wait --for=condition=ready pod/a", "kubectl wait pod/a --for=condition=Ready=true"),
        ("kubectl get pods --sort-by={.metadata.name}", "kubectl get pods --sort-by=.metadata.name"),
        ("kubectl apply -f ./k8s/", "kubectl apply -f k8s"),
        ('kubectl patch pv a -p \'{"spec": {"a": 1}}\'', 'kubectl patch pv a -p \'{"spec":{"a":1}}\''),
        ("kubectl get all -A", "kubectl get all --all-namespaces=true"),
    ],
)
def test_commands_that_mean_the_same_are_equal(one, other):
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kubectl get pods", "kubectl get pods -n default"),
        ("kubectl delete pod a", "kubectl delete pod a --force"),
        ("kubectl logs a", "kubectl logs a --previous"),
        ("kubectl cp a:/x y", "kubectl cp y a:/x"),
        ("kubectl exec a -- ls /", "kubectl exec a -- ls"),
        ("kubectl wait --for=condition=Ready pod/a", "kubectl wait --for=condition=Ready=false pod/a"),
        ("kubectl taint nodes a k=v:NoSchedule", "kubectl taint nodes a k=v:NoExecute"),
        ("kubectl get pods -l a=b", "kubectl get pods -l a!=b"),
    ],
)
def test_commands_that_mean_something_else_are_not(one, other):
    assert meaning(one) != meaning(other)


@pytest.mark.parametrize(
    "answer", ["", "  ", "get pods", "kubectl", "kubectl get pods -n <namespace>", "kubectl gte pods", "$ kubectl get pods"]
)
def test_what_is_no_command_or_is_not_filled_in_fails(answer):
    assert not judge(answer).passed
    assert not judge(answer, (Intent("task", (), "kubectl"), Intent("expect.command", (), "kubectl get pods"))).passed


def test_the_suite_repeats_itself_and_a_smaller_one_begins_a_larger():
    larger, smaller = (PROCEDURAL.samples((), count, Seed(3)) for count in (40, 15))
    assert list(smaller) == list(larger[:15]) and len({sample.request for sample in larger}) == 40
    assert all(isinstance(sample, Sample) and SKILL.judge(sample.answer, sample.intents).passed for sample in larger)


def test_what_is_drawn_for_evaluation_is_never_drawn_for_training(drawn):
    train, held = ({form for sample in half for form in sample.forms} for half in (drawn[:600], drawn[600:]))
    assert train and held and not train & held


AN_OPTION_OF_WAYS = r" (?:as (?:json|yaml)|in (?:wide|yaml|json) \w+|with (?:-o|yaml|json|wide) \w+|without headers|sorted by \w+)"


@pytest.fixture(scope="module")
def requests(drawn):
    return [sample.request for sample in drawn] + [composed.request for _, composed in of_every_family(2)]


def test_how_the_command_works_is_never_said_behind_a_clause_about_something_else(requests):
    """ "Which user am i authenticated as as json", "wait until the pods are ready for up to 300 seconds"."""
    for text in requests:
        assert not re.search(r"\b(as|with|in) \1\b", text), text
        assert not re.search(rf"\b(?:whose|until) [^,.?(]*{AN_OPTION_OF_WAYS}", text), text
        assert not re.search(r"\bready for (?:up to|at most|no longer)", text), text


def test_a_list_below_a_request_is_not_announced_by_its_last_word(requests):
    listed = [text for text in requests if "\n" in text]
    assert len(listed) > 20
    for text in listed:
        head, *rest = text.split("\n")
        assert not head.endswith(":") or (all(line.startswith(("- ", "* ")) for line in rest) and not re.search(r"s:|\.\w{2,4}:$", head)), (
            text
        )


def test_a_question_ends_before_what_is_added_to_it(requests):
    for text in requests:
        assert not re.search(r"\?[^ \n'\"`)]", re.sub(r"https?://\S+|`.*?`|'.*?'|\".*?\"", "", text)), text


def test_a_name_is_no_word_for_its_kind_or_for_what_it_is_like(drawn):
    plain = re.compile(r"\b(pod|job|service|deployment|account|context|container) \1\b|\bmy account account\b")
    for sample in drawn:
        call = parse(sample.answer).call
        names = {part for word in call.arguments[1:] for part in word.text.split("/")[-1:]}
        assert not plain.search(sample.request), sample.request
        if call.path in {("get",), ("delete",), ("describe",), ("scale",), ("create", "serviceaccount")}:
            assert not names & {"account", "job", "jobs", "config", "node", "primary", "secondary", "internal"}, sample.answer


def test_objects_have_an_article_where_a_question_word_would_take_them(requests):
    for text in requests:
        assert not re.search(r"\b(?:what|lines) (?:pod|deployment|service|job) ['\"`]?[a-z0-9-]+['\"`]? (?:logged|logs|wrote)", text), text
        assert not re.search(r"(?<!the )(?<!our )(?<!my )(?<!that )\bingress (?:named|called) [a-z0-9-]+\Z", text) or " a" in text, text


def test_nobody_is_told_to_look_and_nothing_leads_in_twice(requests):
    for text in requests:
        assert not re.match(r"(?:have|take) a (?:quick )?look|look at", text, re.I), text
        assert not re.match(r"[^?.,:]*namespace[^?.,:]*: (?:in kubectl|next|todo|task|kubectl)", text, re.I), text
        assert not re.search(r"(?:service|project|ticket) (?:needs|asks for) an? [^.]*\b(?:shell|interactive)", text), text
