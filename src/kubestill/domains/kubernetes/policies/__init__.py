"""Policies: what a cluster's owner may ask of a valid manifest. Off until asked for; they never mix with validity."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.policies.rule import Level
from kubestill.domains.kubernetes.policies.table import SETS, policies
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION
from kubestill.domains.kubernetes.subject import Subject
from kubestill.ground.errors import UserError, near
from kubestill.tools.checks.api import Check, Finding, Outcome, Tier, Verdict
from kubestill.tools.checks.run import ask, ordered, run

__all__ = ["NEWEST_MINOR", "Level", "judge_policy", "pod_security_level", "policy_set"]

NEWEST_MINOR = 37  # the newest release whose controls are known here; what a later one asks must be read first


def policy_set(names: Sequence[str], version: str = DEFAULT_VERSION) -> tuple[Check[Subject], ...]:
    """Return the checks of some sets, each once, as a cluster of `version` would ask them; `pod-security/privileged` has none.

    Raises:
        UserError: no set has one of the names, or the version is none that is known.
    """
    minor = _minor(version)
    for name in names:
        if name not in SETS:
            mend = "; ".join(part for part in (near(name, SETS), f"use {', '.join(SETS)}") if part)
            raise UserError("policy", f"no set of policies is called {name!r}", mend)
    return ordered({check.code: check for name in names for check in policies(SETS[name], minor)}.values())


def judge_policy(judged: Manifest | Subject, checks: Sequence[Check[Any]]) -> Verdict:
    """Ask policies about one object, or about some together. The verdict holds their results and nothing of validity.

    Raises:
        ValueError: one of the checks is no policy.
    """
    strangers = [check.code for check in checks if check.tier is not Tier.POLICY]
    if strangers:
        raise ValueError(f"no policies: {', '.join(strangers)}")
    subject = _subject(judged)
    results = run(ordered(checks), subject).results
    return Verdict(tuple(replace(one, findings=tuple(_placed(finding, subject) for finding in one.findings)) for one in results))


def pod_security_level(judged: Manifest | Subject, version: str = DEFAULT_VERSION) -> Level | None:
    """Return the highest level that an object meets (of some together: that all of them meet); None where no container is.

    Raises:
        UserError: the version is none that is known.
    """
    subject, minor = _subject(judged), _minor(version)
    for level in (Level.RESTRICTED, Level.BASELINE):
        outcomes = {ask(check, subject).outcome for check in policies(level, minor)}
        if not outcomes & {Outcome.FAIL, Outcome.ERROR}:
            return level if Outcome.PASS in outcomes else None
    return Level.PRIVILEGED


def _subject(judged: Manifest | Subject) -> Subject:
    return Subject((judged,)) if isinstance(judged, Manifest) else judged


def _minor(version: str) -> int:
    match = re.fullmatch(r"v?1\.(\d{1,3})", version)
    if match is None or int(match[1]) > NEWEST_MINOR:
        raise UserError("policy version", f"nothing is known of Kubernetes {version!r}", f"use 1.0 to 1.{NEWEST_MINOR}")
    return int(match[1])


def _placed(finding: Finding, subject: Subject) -> Finding:
    """Return a finding with its line and column; among several objects its path starts with the object's index."""
    place, path = 0, finding.path
    if len(subject.views) > 1:
        head, _, path = path.partition(".")
        place = int(head.strip("[]"))
    line, column = subject.views[place].manifest.place(path)
    return replace(finding, line=line, column=column)
