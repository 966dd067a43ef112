import pytest

from kubestill.tools.checks.api import Check, Finding, Outcome, Result, Tier
from kubestill.tools.checks.run import ordered, run


class Says(Check[str]):
    """A check made for these tests."""

    remedy = "none"

    def __init__(self, code, tier, answer):
        self.code, self.tier, self.answer = code, tier, answer
        self.asked = 0

    def look(self, subject):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def finding(tier, severity="error"):
    return Finding("X", "spec", "wrong", tier, severity=severity)


def outcomes(verdict):
    return [(result.code, result.outcome) for result in verdict.results]


def test_later_tiers_are_skipped_with_a_reason_once_one_failed_but_its_own_tier_is_heard_out():
    schema = Says("B", Tier.SCHEMA, [finding(Tier.SCHEMA)])
    same, later = Says("C", Tier.SCHEMA, ()), Says("D", Tier.RULES, ())
    verdict = run(ordered([later, same, schema, Says("A", Tier.SYNTAX, ())]), "x")
    assert outcomes(verdict) == [("A", Outcome.PASS), ("B", Outcome.FAIL), ("C", Outcome.PASS), ("D", Outcome.SKIP)]
    assert verdict.results[3].reason == "the schema tier failed" and later.asked == 0
    assert not verdict.passed and verdict.failed_on == "schema"


def test_a_check_that_breaks_is_an_error_and_never_a_pass():
    verdict = run([Says("A", Tier.RULES, ZeroDivisionError("oh"))], "x")
    [result] = verdict.results
    assert result.outcome is Outcome.ERROR and result.reason == "ZeroDivisionError: oh"
    assert not verdict.passed and verdict.failed_on == "rules"


def test_an_error_skips_later_tiers_too():
    verdict = run([Says("A", Tier.SYNTAX, ValueError()), Says("B", Tier.RULES, ())], "x")
    assert outcomes(verdict) == [("A", Outcome.ERROR), ("B", Outcome.SKIP)]


def test_none_is_a_skip_and_skips_alone_do_not_pass():
    verdict = run([Says("A", Tier.RULES, None)], "x")
    assert outcomes(verdict) == [("A", Outcome.SKIP)] and not verdict.passed and verdict.failed_on == ""


def test_warnings_are_kept_but_do_not_fail():
    verdict = run([Says("A", Tier.RULES, [finding(Tier.RULES, "warning")])], "x")
    assert verdict.passed and len(verdict.findings) == 1


def test_results_of_earlier_tiers_count():
    before = (Result("FORM", Tier.FORM, Outcome.FAIL),)
    check = Says("A", Tier.SYNTAX, ())
    verdict = run([check], "x", before)
    assert outcomes(verdict) == [("FORM", Outcome.FAIL), ("A", Outcome.SKIP)] and check.asked == 0


def test_two_checks_cannot_share_a_code():
    with pytest.raises(ValueError, match="code A"):
        ordered([Says("A", Tier.RULES, ()), Says("A", Tier.SYNTAX, ())])
