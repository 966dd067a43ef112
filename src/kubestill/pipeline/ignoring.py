"""Findings that a repository lives with are taken out of the verdict, told with their reason, and never in silence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from kubestill.pipeline.lint_settings import Ignore, LintSettings
from kubestill.pipeline.linting import FAIL, PASS, SKIP, Checked, Ignored
from kubestill.tools.checks.api import Finding, Tier


@dataclass
class Ignoring:
    """Applies the ignores of a repository, and remembers which of them found something to ignore."""

    settings: LintSettings
    met: set[Ignore] = field(default_factory=set)  # those whose object was seen
    used: set[Ignore] = field(default_factory=set)

    def apply(self, checked: Iterable[Checked]) -> Iterator[Checked]:
        """Yield every document without its ignored findings, and judged anew."""
        ignores = [ignore for ignore in self.settings.ignores if not ignore.over]
        for one in checked:
            file = self.settings.relative(one.file) if ignores else ""
            about = [ignore for ignore in ignores if ignore.about(file, one.title)]
            self.met.update(about)
            yield self._without(one, about) if about and one.told else one

    def _without(self, one: Checked, ignores: list[Ignore]) -> Checked:
        ignored: list[Ignored] = []
        findings = self._kept(one.findings, ignores, ignored)
        policy_findings = self._kept(one.policy_findings, ignores, ignored)
        if not ignored:
            return one
        status, reason = _status(one, findings)
        policy = PASS if one.policy == FAIL and not _broken(policy_findings) else one.policy
        return replace(
            one,
            status=status,
            reason=reason,
            findings=findings,
            policy=policy,
            policy_findings=policy_findings,
            ignored=tuple(ignored),
        )

    def _kept(self, findings: tuple[Finding, ...], ignores: list[Ignore], ignored: list[Ignored]) -> tuple[Finding, ...]:
        kept = []
        for finding in findings:
            ignore = next((ignore for ignore in ignores if ignore.takes(finding)), None)
            if ignore is None:
                kept.append(finding)
            else:
                self.used.add(ignore)
                ignored.append(Ignored(finding, ignore.reason))
        return tuple(kept)

    def notes(self) -> list[str]:
        """Return what should be said of the ignores themselves: those that are over, and those that nothing needs any more."""
        told = []
        for ignore in self.settings.ignores:
            spelled = f"{self.settings.where}: ignore {ignore.code} ({ignore.reason})"
            if ignore.over:
                told.append(f"{spelled}: was until {ignore.until} and is over")
            elif ignore in self.met and ignore not in self.used:
                told.append(f"{spelled}: nothing to ignore; take it out")
        return told


def _broken(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _status(one: Checked, findings: tuple[Finding, ...]) -> tuple[str, str]:
    """Return the outcome without the ignored findings. An ignored fault of syntax or schema hid all that comes after it."""
    if one.status != FAIL or _broken(findings):
        return one.status, one.reason
    first = min((finding for finding in one.findings if finding.severity == "error"), key=lambda finding: finding.tier)
    if first.tier < Tier.RULES:
        return SKIP, f"{first.code} is ignored, and what comes after the {first.tier.name.lower()} tier was not judged"
    return PASS, ""
