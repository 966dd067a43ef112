"""The skill of alerts: what it draws, what it builds from notes, and what its judge refuses."""

import re

import pytest

pytest.importorskip("promql_parser", reason="PromQL is read by promql-parser: pip install 'kubestill[alerts]'")

from kubestill.domains.api import EXPECTED, HELD, SUITE_SEED, TRAIN, Drop, Intent, Sample
from kubestill.domains.kubernetes.alerts.checks import check_rule
from kubestill.domains.kubernetes.skills.runbook.answers import MAX_CHARS, Answer, build, parse
from kubestill.domains.kubernetes.skills.runbook.codes import CHECKS, Subject, explain
from kubestill.domains.kubernetes.skills.runbook.signals import catalogue, signals
from kubestill.domains.kubernetes.skills.runbook.skill import RunbookSkill
from kubestill.domains.kubernetes.skills.runbook.suites import SUITES
from kubestill.ground.seeds import Seed
from kubestill.tools.checks.api import Outcome
from kubestill.tools.checks.run import run

SKILL = RunbookSkill()
EXAMPLES = [(check.code, text, good) for check in CHECKS for good, texts in ((False, check.bad), (True, check.good)) for text in texts]


@pytest.fixture(scope="module")
def drawn():
    found = {part: [SKILL.draw(Seed(7).rng(part, number), part) for number in range(400)] for part in (TRAIN, HELD)}
    samples = {part: [one for one in several if isinstance(one, Sample)] for part, several in found.items()}
    assert all(len(several) > 390 for several in samples.values())
    return samples


def value(sample, aspect):
    return next((intent.value for intent in sample.intents if intent.aspect == aspect), None)


@pytest.mark.parametrize(("code", "text", "good"), EXAMPLES)
def test_a_check_finds_its_bad_examples_and_passes_its_good_ones(code, text, good):
    verdict = run(CHECKS, Subject(text))
    assert not any(result.outcome is Outcome.ERROR for result in verdict.results)
    assert (code in {finding.code for finding in verdict.findings}) is not good
    assert code in explain(code)


def test_every_sample_passes_its_own_judge_and_follows_from_its_notes(drawn):
    for sample in (*drawn[TRAIN], *drawn[HELD]):
        verdict = SKILL.judge(sample.answer, sample.intents)
        assert verdict.passed, (sample.request, sample.answer, verdict.findings)
        noted = [intent for intent in sample.intents if not intent.aspect.startswith(EXPECTED)]
        assert noted[0] == Intent("task", (), "runbook") and build(noted) == sample.answer
        assert len(sample.answer) <= MAX_CHARS and len(sample.request) <= 900
        assert not re.search(r"\{[a-z_]+\}|[\u2768\u2769]|\[\[", sample.request)


def test_names_that_the_answer_repeats_stand_in_the_request(drawn):
    for sample in (*drawn[TRAIN], *drawn[HELD]):
        for intent in sample.intents:
            if intent.aspect in ("alert", "namespace", "pod", "node", "deployment", "service", "container", "name", "threshold"):
                assert str(intent.value) in sample.request


def test_prose_halves_and_answers_to_other_requests_are_refused(drawn):
    several = drawn[TRAIN][:30]
    for sample in several:
        for mutant in (
            f"Sure, here it is:\n{sample.answer}",
            f"{sample.answer}\nHope this helps!",
            "",
            sample.answer[: len(sample.answer) // 2],
        ):
            assert not SKILL.judge(mutant, sample.intents).passed, mutant
    wrong = [SKILL.judge(two.answer, one.intents).passed for one in several for two in several if one.intents != two.intents]
    assert sum(wrong) / len(wrong) < 0.005


def test_the_parts_share_neither_phrases_nor_invented_names(drawn):
    forms, alerts = (
        [{form for sample in drawn[part] for form in sample.forms} for part in (TRAIN, HELD)],
        [{value(sample, "alert") for sample in drawn[part]} - set(catalogue()) - {None, ""} for part in (TRAIN, HELD)],
    )
    assert not forms[0] & forms[1] and not alerts[0] & alerts[1] and min(map(len, (*forms, *alerts))) > 80


def test_a_pasted_rule_is_a_whole_one_and_a_query_is_seldom_left_out(drawn):
    pasted = [sample for sample in drawn[TRAIN] if re.search(r"^alert: .*\nexpr: ", sample.request, re.MULTILINE)]
    assert len(pasted) > 8
    for sample in pasted:
        text = re.search(r"^alert: (?:.|\n)*?description: .*$", sample.request, re.MULTILINE)[0]
        assert check_rule(text).passed, text
    signal_of = {sample.id: signals()[value(sample, "signal")] for sample in drawn[TRAIN] if value(sample, "wants") is None}
    read = [sample for sample in drawn[TRAIN] if sample.id in signal_of and signal_of[sample.id].query]
    assert sum("\nQuery: " not in sample.answer for sample in read) < 0.05 * len(read)


def test_many_subjects_and_both_kinds_of_wish_are_drawn(drawn):
    assert len({sample.kind for sample in drawn[TRAIN]}) > 20
    rules = [sample for sample in drawn[TRAIN] if value(sample, "wants") == "rule"]
    assert 80 < len(rules) < 180 and all(sample.answer.startswith("alert: ") for sample in rules)


ALERT = (
    Intent("task", (), "runbook"),
    Intent("alert", (), "ShopRestarts"),
    Intent("pod", (), "web-1"),
    Intent("container", (), "app"),
    Intent("namespace", (), "shop"),
    Intent("threshold", (), "5"),
    Intent("window", (), "1h"),
    Intent("for", (), "10m"),
    Intent("signal", (), "pod-restarts"),
)


def test_an_answer_holds_what_was_noted():
    answer = parse(build(ALERT))
    assert isinstance(answer, Answer)
    assert answer.meaning == ("ShopRestarts says that container app of pod web-1 in namespace shop restarted more than 5 times within 1h.")
    assert answer.checks[1] == "kubectl logs web-1 -c app --previous -n shop"
    assert answer.query == 'increase(kube_pod_container_status_restarts_total{namespace="shop",pod="web-1"}[1h])'


def test_other_spellings_of_right_steps_are_right_and_wrong_steps_are_not():
    expected = (
        Intent("expect.named", (), ("web-1",)),
        Intent("expect.says", (), "restart"),
        Intent("expect.checks", (), ("kubectl describe pod web-1 -n shop", "kubectl logs web-1 -c app --previous -n shop")),
        Intent("expect.next", (), ("kubectl describe pod web-1 -n shop",)),
    )
    free = (
        "Meaning: ShopRestarts means that web-1 is restarting all the time.\nImpact: Requests to it fail now and then.\nCheck:\n"
        "1. kubectl --namespace=shop describe po/web-1\n2. kubectl logs -p web-1 --namespace shop -c app\n"
        "Next: kubectl describe pods web-1 -n shop"
    )
    intents = (*ALERT, *expected)
    assert SKILL.judge(free, intents).passed
    for old, new in (
        ("web-1 is", "web-2 is"),
        ("ShopRestarts means", "It means"),
        ("restarting", "sleeping"),
        ("describe po/web-1", "describe po/web-2"),
        ("describe pods web-1", "delete pods web-1"),
        ("describe pods web-1", "describe pods web-1 | head"),
        ("describe pods web-1 -n shop", "top nodes"),
    ):
        assert not SKILL.judge(free.replace(old, new), intents).passed, (old, new)


RULE = (
    Intent("task", (), "runbook"),
    Intent("wants", (), "rule"),
    Intent("alert", (), "DiskLow"),
    Intent("threshold", (), "10"),
    Intent("for", (), "15m"),
    Intent("severity", (), "page"),
    Intent("signal", (), "disk-space"),
)


def test_a_rule_is_judged_by_its_meaning():
    answer = build(RULE)
    expr = next(line for line in answer.splitlines() if line.startswith("expr: "))[6:]
    intents = (*RULE, Intent("expect.expr", (), (expr,)))
    assert SKILL.judge(answer, intents).passed
    same = answer.replace(expr, '(node_filesystem_avail_bytes{fstype!=""} / node_filesystem_size_bytes{fstype!=""}) * 100 < 10').replace(
        "15m", "900s"
    )
    assert SKILL.judge(same, intents).passed
    for old, new in (
        ("< 10", "< 20"),
        ("< 10", "> 10"),
        ("15m", "5m"),
        ("page", "info"),
        ("DiskLow", "DiskHigh"),
        ("$labels.instance", "$label.x"),
    ):
        assert not SKILL.judge(answer.replace(old, new), intents).passed, (old, new)
    assert not SKILL.judge(f"groups:\n- name: a\n  rules:\n  - {answer.replace(chr(10), chr(10) + '    ')}", intents).passed


def test_the_suite_asks_the_same_each_time_and_nothing_twice():
    suite = next(suite for suite in SUITES if suite.name == "runbook-procedural")
    larger = suite.samples((), 60, SUITE_SEED)
    assert list(suite.samples((), 20, SUITE_SEED)) == larger[:20]
    assert len({sample.request for sample in larger}) == 60
    assert all(not isinstance(sample, Drop) and sample.road == "procedural" for sample in larger)
