"""Policies over thousands of real manifests: none breaks, every one finds something or is known not to, levels are ordered."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.policies import Level, judge_policy, pod_security_level, policy_set
from kubestill.domains.kubernetes.policies.table import CHECKS, SETS
from kubestill.domains.kubernetes.subject import POD_TEMPLATES, Subject
from kubestill.tools.checks.api import Outcome

MANIFESTS = Path(__file__).parents[6] / "shared" / "data" / "manifests.jsonl.gz"
LOOKED_AT = {*POD_TEMPLATES, "Role", "ClusterRole"}
# No manifest of the collection sets procMount or a sysctl.
NEVER_FOUND = {"K8S510", "K8S512", "K8S527"}
ORDER = [Level.PRIVILEGED, Level.BASELINE, Level.RESTRICTED]


@pytest.fixture(scope="module")
def subjects():
    """Every real object that a policy can say something about."""
    if not MANIFESTS.exists():
        pytest.skip("../shared/data/manifests.jsonl.gz is not here")
    with gzip.open(MANIFESTS, "rt") as lines:
        records = [record for record in map(json.loads, lines) if record["kind"] in LOOKED_AT]
    found = [Subject((manifest,)) for record in records for manifest in read(record["text"]).manifests]
    assert len(found) > 3_500
    return found


def test_no_policy_breaks_and_every_one_finds_something_or_is_known_not_to(subjects):
    checks, found = policy_set(list(SETS)), Counter()
    for subject in subjects:
        verdict = judge_policy(subject, checks)
        broken = [result for result in verdict.results if result.outcome is Outcome.ERROR]
        assert not broken, (subject.views[0].object, broken)
        found.update({finding.code for finding in verdict.findings})
        assert all(finding.line >= 1 and finding.path for finding in verdict.findings)
    assert set(CHECKS) - set(found) == NEVER_FOUND


def test_what_meets_restricted_meets_baseline_and_levels_agree_with_the_sets(subjects):
    baseline, restricted = policy_set(["pod-security/baseline"]), policy_set(["pod-security/restricted"])
    counted = Counter()
    for subject in subjects:
        level = pod_security_level(subject)
        counted[level] += 1
        if level is not None:
            met = [judge_policy(subject, checks).passed for checks in (baseline, restricted)]
            assert ORDER[sum(met)] is level and (met[0] or not met[1]), subject.views[0].object
    assert all(counted[level] > 100 for level in ORDER), counted
    assert counted[None] >= len([subject for subject in subjects if not subject.pods])
