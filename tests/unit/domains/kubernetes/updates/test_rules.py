"""Every row of the table of update rules: its examples are its tests, and the table and the folder agree."""

import ast
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import judge
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, schemas
from kubestill.domains.kubernetes.updates import NEWEST_MINOR, OLDEST_MINOR, judge_update
from kubestill.domains.kubernetes.updates import table as update_table
from kubestill.domains.kubernetes.updates.rule import Update
from kubestill.ground.errors import UserError
from kubestill.tools.checks.api import Tier

ALL = [update_table.load(code) for code in update_table.CHECKS]
every_rule = pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.code)
# A version that is off by default, an image taken away, containers that no manifest may bring, a request that is none.
ABOUT_VALIDITY = {"K8S652", "K8S656", "K8S658", "K8S694"}


def examples(rule, kind):
    """Yield version, old object and new manifest of all bad or good examples."""
    for version, text in (*((DEFAULT_VERSION, text) for text in getattr(rule, kind)), *getattr(rule, f"{kind}_at")):
        old, new = read(text).manifests
        yield version, old.object, new


@every_rule
def test_a_rule_says_what_why_and_how_to_proceed(rule):
    assert rule.__doc__ and rule.__doc__.rstrip().endswith(".") and "\n" not in rule.__doc__.strip()
    assert rule.remedy.endswith(".") and rule.bad and rule.good
    assert re.fullmatch(r"K8S6[5-9]\d", rule.code) and rule.tier is Tier.RULES


@every_rule
def test_a_rule_finds_its_bad_examples_alone(rule):
    for version, old, new in examples(rule, "bad"):
        found = judge_update(old, new, version)
        assert {finding.code for finding in found} - {"K8S652"} == {rule.code} - {"K8S652"}, (version, old, new.object, found)
        for finding in found:
            assert finding.path and finding.message.startswith("found ") and finding.remedy and finding.line > 0
            assert finding.severity == (rule.severity if finding.code == rule.code else "warning")
            assert re.search(r"expected|was", finding.message)


@every_rule
def test_a_rule_passes_its_good_examples(rule):
    for version, old, new in examples(rule, "good"):
        assert judge_update(old, new, version) == [], (version, old, new.object)


@every_rule
def test_nothing_is_said_of_an_object_that_stays_as_it_is(rule):
    for kind in ("bad", "good"):
        for version, _, new in examples(rule, kind):
            assert judge_update(new.object, new, version) == []


@every_rule
def test_examples_are_valid_so_no_rule_is_a_validity_rule_in_disguise(rule):
    known = schemas()
    for part in (part for text in (*rule.bad, *rule.good) for part in text.split("---\n")):
        value = read(part).manifests[0].object
        if rule.code not in ABOUT_VALIDITY and known.knows(value["apiVersion"], value["kind"]):
            verdict = judge(part).verdict
            assert verdict.passed, (part, verdict.findings)


def test_a_rule_about_other_kinds_is_skipped_and_says_so():
    old, new = read(update_table.load("K8S664").bad[0]).manifests
    asked = {rule.code for rule in ALL if rule.look(Update(old.object, new)) is not None}
    assert asked == {"K8S651", "K8S652", "K8S653", "K8S654", "K8S664"}


def test_the_table_and_the_folder_agree():
    written = set()
    for path in Path(update_table.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and re.search(r"\bcode\b[^=]*= ", ast.unparse(node).replace("code: ", "")):
                written.add(f"{path.stem}:{node.name}")
    assert written == set(update_table.CHECKS.values())
    assert all(update_table.load(code).code == code for code in update_table.CHECKS)


def test_a_release_that_nobody_read_is_refused():
    old, new = read(update_table.load("K8S664").bad[0]).manifests
    for minor in (OLDEST_MINOR, NEWEST_MINOR):
        assert judge_update(old.object, new, f"1.{minor}")
    for version in ("1.24", "1.38", "2.1", "", "1.x"):
        with pytest.raises(UserError, match="no update rules"):
            judge_update(old.object, new, version)
