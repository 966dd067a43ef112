"""Every row of the table of policies: its examples are its tests, they are valid manifests, and the table and the folder agree."""

import ast
import json
import random
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import codes, judge
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.policies import Level, judge_policy, policy_set
from kubestill.domains.kubernetes.policies import table as policy_table
from kubestill.domains.kubernetes.policies.rule import Policy
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, schemas
from kubestill.tools.checks.api import Check, Outcome, Tier

FOLDER = Path(policy_table.__file__).parent
ALL = [policy_table.load(code) for code in policy_table.CHECKS]
every_policy = pytest.mark.parametrize("policy", ALL, ids=lambda policy: policy.code)


def examples(policy, kind):
    """Yield version and text of all bad or good examples."""
    yield from ((DEFAULT_VERSION, text) for text in getattr(policy, kind))
    yield from getattr(policy, f"{kind}_at")


def set_of(policy):
    return f"pod-security/{policy.level}" if policy.level else "best-practice"


def found_by(policy, version, text):
    """Return the codes of all findings that the policy's own set has about a text."""
    [manifest] = read(text).manifests
    verdict = judge_policy(manifest, policy_set([set_of(policy)], version))
    assert Outcome.ERROR not in {result.outcome for result in verdict.results}, verdict
    return {finding.code for finding in verdict.findings}, verdict


@every_policy
def test_a_policy_says_what_why_and_how_to_mend(policy):
    assert policy.__doc__ and policy.__doc__.rstrip().endswith(".")
    assert policy.remedy and policy.remedy.endswith(".") and len(policy.bad) + len(policy.good) > 1
    assert re.fullmatch(r"K8S5\d\d", policy.code) and policy.version >= 1 and policy.tier is Tier.POLICY
    assert policy.severity == ("error" if policy.level else "warning")


@every_policy
def test_a_policy_finds_its_bad_examples_and_no_other_of_its_level_does(policy):
    for version, text in examples(policy, "bad"):
        found, verdict = found_by(policy, version, text)
        assert policy.code in found, f"nothing found in:\n{text}"
        if policy.level:
            assert found == {policy.code, *policy.also}, (found, text)
        [result] = [result for result in verdict.results if result.code == policy.code]
        assert result.outcome is (Outcome.FAIL if policy.level else Outcome.PASS)
        assert all(one.path and one.message and one.remedy and one.line > 1 and one.tier is Tier.POLICY for one in result.findings)


@every_policy
def test_a_policy_passes_its_good_examples_and_so_does_its_level(policy):
    for version, text in examples(policy, "good"):
        found, verdict = found_by(policy, version, text)
        assert policy.code not in found, (found, text)
        assert [result.outcome for result in verdict.results if result.code == policy.code] == [Outcome.PASS]
        if policy.level:
            assert found == set() and verdict.passed, (found, text)


# Unmasked without hostUsers: false is refused by the server, too (K8S148); older standards forbid it with that field as well.
ALSO_INVALID = {"K8S510": {"K8S148"}}


@every_policy
def test_examples_are_valid_so_no_policy_is_a_validity_rule_in_disguise(policy):
    for kind in ("bad", "good"):
        for version, text in examples(policy, kind):
            verdict = judge(text, schemas(version)).verdict
            told = {finding.code for finding in verdict.findings}
            assert verdict.passed or told == ALSO_INVALID.get(policy.code), (version, text, verdict.findings)


def mutated(value, rng):
    """Return a copy with something lost, emptied, made null or of another type somewhere."""
    value = json.loads(json.dumps(value))
    holder = value
    while True:
        keys = [key for key in (holder if isinstance(holder, dict) else range(len(holder))) if key not in ("apiVersion", "kind")]
        if not keys:
            return value
        key = rng.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and rng.random() < 0.7:
            holder = holder[key]
            continue
        holder[key] = rng.choice([None, {}, [], "", 0, -1, True, "x", [None], [[]], [{}], {"a": None}, {"type": []}])
        return value


def test_no_policy_breaks_on_an_object_whatever_it_holds():
    rng = random.Random(11)
    sets = [policy_set(list(policy_table.SETS), version) for version in ("1.18", DEFAULT_VERSION)]  # 1.18 reads annotations
    for policy in ALL:
        for _, text in (*examples(policy, "bad"), *examples(policy, "good")):
            [manifest] = read(text).manifests
            value = manifest.object
            for _ in range(15):
                value = mutated(value, rng)
                for checks in sets:
                    results = judge_policy(Manifest(value, 1), checks).results
                    assert Outcome.ERROR not in {result.outcome for result in results}, (value, results)


def test_the_table_and_the_folder_agree():
    written = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assigned = (
                [part for part in getattr(node, "body", ()) if isinstance(part, ast.Assign)] if isinstance(node, ast.ClassDef) else []
            )
            if any("code" in ast.unparse(target) for part in assigned for target in part.targets):
                written.add(f"{path.stem}:{node.name}")
    assert written == set(policy_table.CHECKS.values())
    for code in policy_table.CHECKS:
        policy = policy_table.load(code)
        assert isinstance(policy, Check) and isinstance(policy, Policy) and policy.code == code
        assert set(policy.overrides) <= {one.code for one in ALL if one.level is Level.BASELINE}


def test_policies_stay_apart_from_validity():
    assert not set(policy_table.CHECKS) & set(codes())
    assert {check.tier for name in policy_table.SETS for check in policy_set([name])} == {Tier.POLICY}
