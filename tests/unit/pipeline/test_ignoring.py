from datetime import date
from pathlib import Path

from kubestill.pipeline.ignoring import Ignoring
from kubestill.pipeline.lint_settings import Ignore, LintSettings
from kubestill.pipeline.linting import Checked
from kubestill.tools.checks.api import Finding, Tier

RULE = Finding("K8S130", "spec.volumes", "twice", Tier.RULES, 3)
SCHEMA = Finding("K8S022", "spec.x", "unknown", Tier.SCHEMA, 2)
ADVICE = Finding("K8S541", "spec", "no limits", Tier.POLICY, 1, severity="warning")
BREACH = Finding("K8S502", "spec", "host", Tier.POLICY, 1)


def checked(status: str = "fail", findings: tuple[Finding, ...] = (RULE,), policy: str = "", told: tuple[Finding, ...] = ()) -> Checked:
    return Checked("legacy/a.yaml", 0, 1, "v1", "Pod", "web", status, "", findings, policy, told)


def ignoring(*ignores: Ignore) -> Ignoring:
    return Ignoring(LintSettings(Path.cwd() / ".kubestill.toml", ignores=ignores))


def test_without_its_only_fault_a_document_passes_and_the_reason_is_kept() -> None:
    (one,) = ignoring(Ignore("K8S130", "known")).apply([checked()])
    assert (one.status, one.findings) == ("pass", ()) and [(i.finding, i.reason) for i in one.ignored] == [(RULE, "known")]
    assert one.record()["ignored"][0]["reason"] == "known" and one.record()["ignored"][0]["code"] == "K8S130"


def test_another_fault_still_fails() -> None:
    other = Finding("K8S131", "spec", "m", Tier.RULES)
    (one,) = ignoring(Ignore("K8S130", "known")).apply([checked(findings=(RULE, other))])
    assert (one.status, one.findings) == ("fail", (other,))


def test_an_ignored_fault_of_the_schema_is_no_pass_since_nothing_after_it_was_judged() -> None:
    (one,) = ignoring(Ignore("K8S022", "a fork's field")).apply([checked(findings=(SCHEMA,))])
    assert one.status == "skip" and "after the schema tier was not judged" in one.reason


def test_policies_are_ignored_apart() -> None:
    (one,) = ignoring(Ignore("K8S502", "agent")).apply([checked("pass", (), "fail", (BREACH, ADVICE))])
    assert (one.status, one.policy, one.policy_findings) == ("pass", "pass", (ADVICE,))


def test_what_is_over_or_needless_is_told_and_what_found_something_is_not() -> None:
    over = Ignore("K8S130", "a", until=date(2020, 1, 1))
    used, needless, elsewhere = Ignore("K8S130", "b"), Ignore("K8S131", "c"), Ignore("K8S131", "d", files="other/*")
    work = ignoring(over, used, needless, elsewhere)
    (one,) = work.apply([checked()])
    assert one.status == "pass"
    over_told, needless_told = work.notes()
    assert "was until 2020-01-01 and is over" in over_told and "K8S131 (c): nothing to ignore" in needless_told


def test_nothing_to_ignore_leaves_all_as_it_is() -> None:
    one = checked()
    assert list(ignoring().apply([one])) == [one] == list(ignoring(Ignore("K8S130", "x", object="Job/*")).apply([one]))
