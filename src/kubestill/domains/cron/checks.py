"""The instruments of the cron domain: form, syntax, and whether it fires exactly when it was asked to."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.cron.schedule import NotASchedule, Schedule, parse, spell
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Check, Finding, Outcome, Result, Tier, Verdict

FIELD_CHARACTERS = frozenset("*,-/?" + string.digits + string.ascii_letters)


class OneExpression(Check[str]):
    """The answer is more or less than one cron expression on one line."""

    code, version, tier = "CRON001", 1, Tier.FORM
    remedy = "Answer with the expression alone: five fields on one line, without words, quotes or a code fence."
    bad = ("", "Sure! 0 9 * * 1-5", "```\n0 9 * * *\n```", "0 9 * * *\n0 10 * * *", "0 9 * *", "every day at 9 am")
    good = ("0 9 * * 1-5", "*/5 * * * *\n", "@daily", "0 0 1 JAN ?", "61 9 * * *")

    def look(self, subject: str) -> Sequence[Finding]:
        """Return what is wrong with the form."""
        lines = [line for line in subject.splitlines() if line.strip()]
        if len(lines) != 1:
            return (Finding(self.code, "", f"found {len(lines)} lines, expected one", self.tier, remedy=self.remedy),)
        parts = lines[0].split()
        macro = len(parts) == 1 and parts[0].startswith("@")
        strange = [part for part in parts if not set(part) <= FIELD_CHARACTERS or (part.isalpha() and len(part) != 3)]
        if not macro and (len(parts) != 5 or strange):
            found = f"{strange[0]!r}" if strange else f"{len(parts)} words"
            return (Finding(self.code, "", f"found {found}, expected five fields and nothing else", self.tier, remedy=self.remedy),)
        return ()


class Readable(Check[str]):
    """The expression cannot be read: a value out of bounds, a bad range or step."""

    code, version, tier = "CRON002", 1, Tier.SYNTAX
    remedy = "Use minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, weekday 0-6 or SUN-SAT."
    bad = (
        "60 9 * * *",
        "0 24 * * *",
        "0 9 0 * *",
        "0 9 * 13 *",
        "0 9 * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "@fortnightly",
        "0 9 * FOO *",
        "0 9 1,, * *",
    )
    good = ("59 23 31 12 6", "*/5 8-18/2 1,15 JAN-MAR mon", "@weekly", "0 9 ? * *")

    def look(self, subject: str) -> Sequence[Finding]:
        """Return the field that cannot be read."""
        try:
            parse(subject)
        except NotASchedule as error:
            return (Finding(self.code, error.field, str(error), self.tier, remedy=self.remedy),)
        return ()


class Fires(Check[str]):
    """The expression can be read but names no day that exists, such as 30 February."""

    code, version, tier = "CRON003", 1, Tier.RULES
    remedy = "Name a day that at least one of the months has."
    bad = ("0 0 30 2 *", "0 0 31 4,6 *")
    good = ("0 0 29 2 *", "0 0 31 * *", "0 0 30 2 1")

    def look(self, subject: str) -> Sequence[Finding]:
        """Return a finding where it never fires."""
        if parse(subject).dates:
            return ()
        return (Finding(self.code, "day of month", "never fires", self.tier, remedy=self.remedy),)


CHECKS: tuple[Check[str], ...] = (OneExpression(), Readable(), Fires())
INTENT_CODE = "CRON-INTENT"
ASPECTS: Mapping[str, str] = {"minutes": "minute", "hours": "hour", "dates": "day"}


def intents(schedule: Schedule) -> tuple[Intent, ...]:
    """Return the meaning of a schedule: equal intents fire at equal times, always."""
    return tuple(Intent(aspect, (), value) for aspect, value in _meaning(schedule).items())


def _meaning(schedule: Schedule) -> dict[str, Any]:
    return {
        "minutes": spell(schedule.minutes),
        "hours": spell(schedule.hours),
        "dates": f"{stable_hash('dates', schedule.dates):016x}",
    }


def judge(answer: str, wanted: Sequence[Intent] | None) -> Verdict:
    """Run the checks in the order of their tiers; after the first failure the rest is skipped."""
    results: list[Result] = []
    for check in CHECKS:
        if results and results[-1].outcome is not Outcome.PASS:
            results.append(Result(check.code, check.tier, Outcome.SKIP, reason="an earlier tier failed"))
            continue
        findings = tuple(check.look(answer) or ())
        results.append(Result(check.code, check.tier, Outcome.FAIL if findings else Outcome.PASS, findings))
    if wanted is not None:
        results.append(_intent_result(answer, wanted, results))
    return Verdict(tuple(results))


def _intent_result(answer: str, wanted: Sequence[Intent], earlier: Sequence[Result]) -> Result:
    if any(result.outcome is not Outcome.PASS for result in earlier):
        return Result(INTENT_CODE, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")
    if not wanted:
        return Result(INTENT_CODE, Tier.INTENT, Outcome.SKIP, reason="nothing was asked")
    found = _meaning(parse(answer))
    findings = tuple(
        Finding(INTENT_CODE, ASPECTS.get(intent.aspect, intent.aspect), _difference(intent, found), Tier.INTENT)
        for intent in wanted
        if found.get(intent.aspect) != intent.value
    )
    return Result(INTENT_CODE, Tier.INTENT, Outcome.FAIL if findings else Outcome.PASS, findings)


def _difference(intent: Intent, found: Mapping[str, Any]) -> str:
    if intent.aspect == "dates":
        return "fires on other days than asked"
    return f"found {found.get(intent.aspect)}, asked for {intent.value}"
