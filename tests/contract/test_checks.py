"""Every row of the table of checks: its examples are its tests, and the table and the folder agree."""

import ast
import json
import random
import re
from functools import cache
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import codes, explain
from kubestill.domains.kubernetes.checks import table
from kubestill.domains.kubernetes.checks.needs import NEEDS, is_idle, present
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.subject import Subject
from kubestill.tools.checks.api import Check, Outcome
from kubestill.tools.checks.run import ask

FOLDER = Path(table.__file__).parent
every_check = pytest.mark.parametrize("check", table.rules(), ids=lambda check: check.code)


@cache
def subject_of(text):
    reading = read(text)
    assert not reading.findings, reading.findings
    return Subject(reading.manifests)


def look(check, text):
    return ask(check, subject_of(text))


@every_check
def test_a_check_says_what_why_and_how_to_mend(check):
    assert check.__doc__ and check.__doc__.rstrip().endswith(".")
    assert check.remedy and check.bad and check.good
    assert re.fullmatch(r"K8S\d{3}", check.code)


@every_check
def test_a_check_fails_its_bad_examples(check):
    for text in check.bad:
        result = look(check, text)
        assert result.findings, f"nothing found in:\n{text[:500]}{result.reason}"
        assert result.outcome is (Outcome.FAIL if check.severity == "error" else Outcome.PASS)
        assert all(finding.code == check.code and finding.path and finding.message and finding.remedy for finding in result.findings)


@every_check
def test_bad_examples_are_what_no_schema_sees(check):
    # Served enums and required fields do catch some: those are said twice, and the schema says it first.
    seen_by_schema = [bool(schemas().findings(manifest.object)) for text in check.bad for manifest in read(text).manifests]
    assert not all(seen_by_schema), "the schema alone finds every bad example: the rule is not needed"


@every_check
def test_every_rule_and_the_schema_pass_a_checks_good_examples(check):
    for text in check.good:
        assert look(check, text).outcome is Outcome.PASS, look(check, text)
        [manifest] = read(text).manifests
        assert schemas().findings(manifest.object) == ()
        for other in table.rules():
            result = look(other, text)
            assert result.outcome in (Outcome.PASS, Outcome.SKIP), (other.code, result)


def mutated(value, rng):
    """Return a copy with a field lost, emptied or made null somewhere."""
    value = json.loads(json.dumps(value))
    holder = value
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        keys = [key for key in keys if holder is not value or key not in ("apiVersion", "kind")]
        if not keys:
            return value
        key = rng.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and rng.random() < 0.7:
            holder = holder[key]
            continue
        holder[key] = rng.choice([None, {}, [], "", 0, -1, "x", [None], {"a": None}])
        return value


def test_no_check_breaks_on_what_the_schema_lets_through():
    rng, judged = random.Random(7), 0
    for check in table.rules():
        for text in check.bad + check.good:
            if len(text) > 10_000:
                continue
            [manifest] = read(text).manifests
            value = manifest.object
            for _ in range(12):
                value = mutated(value, rng)
                if schemas().findings(value):
                    value = manifest.object
                    continue
                judged += 1
                subject = Subject([Manifest(value, 1)])
                broken = [result for rule in table.rules() if (result := ask(rule, subject)).outcome is Outcome.ERROR]
                assert not broken, (value, broken)
    assert judged > 500


def test_the_plan_for_a_kind_skips_only_rules_that_have_nothing_to_say():
    for check in table.rules():
        for text in check.bad + check.good:
            [view] = subject_of(text).views
            asked, others = table.plan(view.kind, present(view.object))
            assert check in asked or text in check.good
            assert len(asked) + len(others) == len(table.rules())
            for rule in set(table.rules()) - set(asked):
                assert not look(rule, text).findings


def without(value, keys):
    """Return a copy that holds none of the keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(part, keys) for key, part in value.items() if key not in keys}
    return [without(part, keys) for part in value] if isinstance(value, list) else value


def test_a_rule_finds_nothing_where_none_of_the_keys_that_it_needs_occurs():
    for code, keys in NEEDS.items():
        check = table.load(code)
        for text in check.bad:
            [manifest] = read(text).manifests
            assert look(check, text).findings and not is_idle(code, present(manifest.object))
            bare = Manifest(without(manifest.object, keys), 1, text)
            assert is_idle(code, present(bare.object)) and not ask(check, Subject((bare,))).findings
    for rule in table.rules():  # and what one rule is about, another may find
        for text in rule.bad + rule.good:
            [manifest] = read(text).manifests
            kept = present(manifest.object)
            assert not [code for code in NEEDS if is_idle(code, kept) and ask(table.load(code), Subject((manifest,))).findings]


def test_the_table_and_the_folder_agree():
    written = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(part, ast.Assign) and any("code" in ast.unparse(target) for target in part.targets) for part in node.body
            ):
                written.add(f"{path.stem}:{node.name}")
    assert written == set(table.CHECKS.values())
    for code in table.CHECKS:
        assert isinstance(table.load(code), Check) and table.load(code).code == code


def test_every_code_is_explained_and_stands_once():
    assert len(set(codes())) == len(codes())
    for code in codes():
        assert code in explain(code)
    with pytest.raises(KeyError):
        explain("K8S999")
