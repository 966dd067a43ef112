"""Runs checks on a subject, cheapest tier first, and turns whatever happens into one of four outcomes."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from kubestill.tools.checks.api import Check, Finding, Outcome, Result, Tier, Verdict

NOTHING_TO_JUDGE = "nothing here to judge"
BAD = (Outcome.FAIL, Outcome.ERROR)


def ordered(checks: Iterable[Check[Any]]) -> tuple[Check[Any], ...]:
    """Return checks in the order in which `run` takes them: by tier, then by code.

    Raises:
        ValueError: two checks share a code.
    """
    row = tuple(sorted(checks, key=lambda check: (check.tier, check.code)))
    codes = [check.code for check in row]
    for code in codes:
        if codes.count(code) > 1:
            raise ValueError(f"two checks have the code {code}")
    return row


def run(checks: Sequence[Check[Any]], subject: Any, before: Sequence[Result] = ()) -> Verdict:
    """Ask every check (in the order of `ordered`) about `subject`; `before` are results of earlier tiers.

    A tier is skipped once an earlier one failed or broke. Findings of severity "warning" do not fail a check.
    """
    results = list(before)
    failed = min((result.tier for result in before if result.outcome in BAD), default=None)
    for check in checks:
        if failed is not None and check.tier > failed:
            results.append(skipped(check.code, check.tier, f"the {failed.name.lower()} tier failed"))
            continue
        result = ask(check, subject)
        if result.outcome in BAD and failed is None:
            failed = check.tier
        results.append(result)
    return Verdict(tuple(results))


def quiet(checks: Sequence[Check[Any]], subject: Any) -> tuple[bool, ...] | None:
    """Return which checks had something to judge, where none of them found anything; None where one did, or broke: then `run` tells.

    Most subjects are clean, and equal answers of all checks make an equal verdict, which callers can keep: this is the quick way
    to know that there is nothing to tell.
    """
    seen = []
    try:
        for check in checks:
            findings = check.look(subject)
            if findings:
                return None
            seen.append(findings is not None)
    except Exception:  # `ask` says which check broke
        return None
    return tuple(seen)


def ask(check: Check[Any], subject: Any) -> Result:
    """Return one check's result. A check that breaks yields ERROR: any exception is caught here."""
    try:
        findings = check.look(subject)
    except Exception as error:
        return Result(check.code, check.tier, Outcome.ERROR, (), f"{type(error).__name__}: {error}")
    if findings is None:
        return skipped(check.code, check.tier, NOTHING_TO_JUDGE)
    return judged(check.code, check.tier, findings) if findings else passed(check.code, check.tier)


def judged(code: str, tier: Tier, findings: Sequence[Finding]) -> Result:
    """Return the result that findings make: FAIL when one of them is an error, else PASS."""
    wrong = any(finding.severity == "error" for finding in findings)
    return Result(code, tier, Outcome.FAIL if wrong else Outcome.PASS, tuple(findings))


# Results without findings are equal and frozen: one of each is enough, and a verdict of sixty costs microseconds.
@lru_cache(maxsize=1024)
def passed(code: str, tier: Tier) -> Result:
    """Return a clean PASS."""
    return Result(code, tier, Outcome.PASS)


@lru_cache(maxsize=4096)
def skipped(code: str, tier: Tier, reason: str) -> Result:
    """Return a SKIP with its reason."""
    return Result(code, tier, Outcome.SKIP, (), reason)
