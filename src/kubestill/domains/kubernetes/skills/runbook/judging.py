"""From a raw answer to a verdict: a reading of a fired alert, or an alerting rule."""

import re
from collections.abc import Callable, Iterator, Sequence

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.alerts import promql
from kubestill.domains.kubernetes.alerts.checks import check_rules
from kubestill.domains.kubernetes.alerts.durations import seconds
from kubestill.domains.kubernetes.alerts.rules import Reading, Rule, read_rules
from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.skills.runbook.answers import ALERT, FOR, RULE, SEVERITY, SUMMARY, WANTS, Answer
from kubestill.domains.kubernetes.skills.runbook.codes import CHECKS, Subject
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.checks.run import judged, passed, run

INTENT = "K8S100"
# What a right answer holds, judged and never noted.
SAYS, NAMED, RIGHT_CHECKS, RIGHT_NEXT, RIGHT_EXPR = "expect.says", "expect.named", "expect.checks", "expect.next", "expect.expr"
_FEWEST_WORDS = 2  # of an annotation
_RULE_STARTS = ("alert:", "- alert:")
Faults = Iterator[tuple[str, str]]  # what it is about and what is wrong


def judge(answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
    """Judge an answer by its form and, with `intents`, by whether each of them holds.

    Raises:
        Unavailable: it holds PromQL, and promql-parser is not installed.
    """
    wants_rule = answer.startswith(_RULE_STARTS) if intents is None else _said(intents).get(WANTS) == RULE
    return _judge_rule(answer, intents) if wants_rule else _judge_reading(answer, intents)


def _said(intents: Sequence[Intent]) -> dict[str, object]:
    return {intent.aspect: intent.value for intent in intents}


def _judge_reading(answer: str, intents: Sequence[Intent] | None) -> Verdict:
    subject = Subject(answer)
    if isinstance(subject.read, Answer) and subject.read.query:
        promql.load()
    verdict = run(CHECKS, subject)
    if intents is None:
        return verdict
    read = subject.read
    return _with_intents(verdict, lambda: _reading_faults(read, _said(intents)) if isinstance(read, Answer) else iter(()))


def _reading_faults(read: Answer, said: dict[str, object]) -> Faults:
    if (alert := str(said.get(ALERT, ""))) and not _names(read.meaning, alert):
        yield ALERT, f"Meaning does not name {alert}"
    for name in _texts(said.get(NAMED)):
        if not _names(read.meaning, name):
            yield "object", f"Meaning does not name {name}"
    says = str(said.get(SAYS, ""))
    if says and not re.search(says, read.meaning.replace(alert, ""), re.IGNORECASE):
        yield "meaning", "Meaning says something else than the alert"
    right = _texts(said.get(RIGHT_CHECKS))
    if right:
        good = [_same(command, right) for command in read.checks]
        if not good[0] or sum(good) * 2 <= len(good):
            yield "checks", "the first check, or most of them, would not show what is wrong"
    right = _texts(said.get(RIGHT_NEXT))
    if right and not _same(read.next, right):
        yield "next", f"{read.next!r} is not the next step"


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),) if value else ()


def _same(command: str, right: Sequence[str]) -> bool:
    """Say whether a command means the same as one that is right; most are spelled like one."""
    return command in right or canonical(command) in {canonical(one) for one in right}


def _judge_rule(answer: str, intents: Sequence[Intent] | None) -> Verdict:
    reading = read_rules(answer)
    if not reading.faults and (len(reading.rules) != 1 or reading.rules[0].place or not answer.startswith(_RULE_STARTS[0])):
        reading = Reading(())  # one rule alone is asked for: neither a file of groups nor prose
    verdict = check_rules(reading)
    if intents is None:
        return verdict
    return _with_intents(verdict, lambda: _rule_faults(reading.rules[0], _said(intents)))


def _rule_faults(rule: Rule, said: dict[str, object]) -> Faults:
    if (name := said.get(ALERT)) and rule.text("alert") != name:
        yield ALERT, f"found {rule.text('alert')}, asked for {name}"
    right = _texts(said.get(RIGHT_EXPR))
    if right and not any(promql.same(rule.text("expr"), one) for one in right):
        yield "expr", "the expression asks something else"
    if (seconds(rule.text("for")) or 0) != (seconds(str(said.get(FOR, "0"))) or 0):
        yield FOR, f"found {rule.text('for') or 'none'}, asked for {said.get(FOR, 'none')}"
    severity = rule.table("labels").get("severity")
    if (wanted := said.get(SEVERITY)) and severity != wanted:
        yield SEVERITY, f"found {severity}, asked for {wanted}"
    annotations = rule.table("annotations")
    if (wanted := said.get(SUMMARY)) and annotations.get("summary") != wanted:
        yield "annotations.summary", f"found {annotations.get('summary')!r}, asked for {wanted!r}"
    # A rule in words is to be told in words: without both, nobody who is woken knows what and where.
    for name in () if wanted else ("summary", "description"):
        if len(str(annotations.get(name, "")).split()) < _FEWEST_WORDS:
            yield f"annotations.{name}", f"found {annotations.get(name)!r}, expected a sentence"


def _with_intents(verdict: Verdict, faults: Callable[[], Faults]) -> Verdict:
    """Add whether what was asked holds; an answer that failed before cannot be asked."""
    if not verdict.passed:
        result = Result(INTENT, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")
    else:
        findings = [Finding(INTENT, path, message, Tier.INTENT) for path, message in faults()]
        result = judged(INTENT, Tier.INTENT, findings) if findings else passed(INTENT, Tier.INTENT)
    return Verdict((*verdict.results, result))
