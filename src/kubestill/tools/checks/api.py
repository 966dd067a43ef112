"""What a check is: a question about an answer with four outcomes, never two."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import ClassVar, Generic, TypeVar

Subject = TypeVar("Subject")


class Tier(IntEnum):
    """Tiers run cheapest first; a later tier is skipped once an earlier one failed."""

    FORM = 0  # exactly one answer in the asked form, and no prose
    SYNTAX = 1
    SCHEMA = 2
    RULES = 3
    POLICY = 4
    CLUSTER = 5
    INTENT = 6  # what was asked holds; only where the request's intents are known


class Outcome(StrEnum):
    """PASS and FAIL are judgements; SKIP and ERROR say that nobody could look. Neither of these is a pass."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: `path` is a field path such as `spec.replicas`; `line` counts from 1, 0 when unknown."""

    code: str
    path: str
    message: str
    tier: Tier
    line: int = 0
    column: int = 0
    severity: str = "error"  # error | warning
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check said of one answer."""

    code: str
    tier: Tier
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""  # why it was skipped, or what broke


@dataclass(frozen=True, slots=True)
class Verdict:
    """All results on one answer, in the order of the tiers."""

    results: tuple[Result, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """True when something was judged and nothing failed or broke."""
        outcomes = {result.outcome for result in self.results}
        return Outcome.PASS in outcomes and not outcomes & {Outcome.FAIL, Outcome.ERROR}

    @property
    def failed_on(self) -> str:
        """The lower-case name of the first tier that failed or broke, or an empty string."""
        bad = [r.tier for r in self.results if r.outcome in (Outcome.FAIL, Outcome.ERROR)]
        return Tier(min(bad)).name.lower() if bad else ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of every result, in order."""
        return tuple(finding for result in self.results for finding in result.findings)


class Check(Generic[Subject]):
    """A named question. Subclasses give the class attributes and `look`; `bad` and `good` are its tests."""

    code: ClassVar[str]
    version: ClassVar[int] = 1
    tier: ClassVar[Tier]
    remedy: ClassVar[str]
    bad: ClassVar[tuple[str, ...]] = ()
    good: ClassVar[tuple[str, ...]] = ()

    def look(self, subject: Subject) -> Sequence[Finding] | None:
        """Return the findings (none: it passes), or None when there is nothing here to judge (skipped)."""
        raise NotImplementedError
