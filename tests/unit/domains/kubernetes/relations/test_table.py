"""Every row of the table of relations: its examples are its tests, they are valid manifests, and the table and the folder agree."""

import ast
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import check_text, codes
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.relations import Member, judge_set, table
from kubestill.domains.kubernetes.relations.rule import Relation
from kubestill.tools.checks.api import Tier

FOLDER = Path(table.__file__).parent
every_relation = pytest.mark.parametrize("relation", table.relations(), ids=lambda relation: relation.code)
MODES = (False, True)


def told(text, closed):
    reading = read(text)
    assert not reading.findings, reading.findings
    return [finding for _, finding in judge_set([Member(manifest) for manifest in reading.manifests], closed=closed)]


@every_relation
def test_a_relation_says_what_why_and_how_to_mend(relation):
    assert relation.__doc__ and relation.__doc__.rstrip().endswith(".") and relation.remedy.endswith(".")
    assert re.fullmatch(r"K8S6[0-4]\d", relation.code) and relation.tier is Tier.RULES and relation.bad and relation.good
    assert relation.severity in ("warning", "error") and not (relation.missing and relation.severity == "error")


@every_relation
def test_a_relation_finds_its_bad_examples(relation):
    for text in relation.bad:
        for closed in MODES:
            found = [finding for finding in told(text, closed) if finding.code == relation.code]
            assert bool(found) is (closed or relation.code != "K8S602"), text
            severity = "error" if relation.missing and closed else relation.severity
            for finding in found:
                assert finding.path and finding.message and finding.line and finding.remedy and finding.severity == severity


@every_relation
def test_a_relation_passes_its_good_examples_and_in_an_open_set_so_does_every_other(relation):
    for text in relation.good:
        assert not told(text, False), text
        assert relation.code not in {finding.code for finding in told(text, True)}, text


@every_relation
def test_examples_are_valid_so_no_relation_is_a_validity_rule_in_disguise(relation):
    for text in (*relation.bad, *relation.good):
        for document in check_text(text, "example"):
            assert document.verdict.passed, (text, document.verdict.findings)


@every_relation
def test_no_object_breaks_a_relation_alone_but_by_what_it_lacks(relation):
    """The documents of a bad example, each as a set of its own: only what is missing, or never allows anything, is told."""
    for text in relation.bad:
        for manifest in read(text).manifests:
            for _, finding in judge_set([Member(manifest)]):
                assert table.load(finding.code).missing or finding.code == "K8S636", finding


def test_the_table_and_the_folder_agree():
    written = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            body = [part for part in getattr(node, "body", ()) if isinstance(part, ast.Assign)] if isinstance(node, ast.ClassDef) else []
            if any("code" in ast.unparse(target) for part in body for target in part.targets):
                written.add(f"{path.stem}:{node.name}")
    assert written == set(table.CHECKS.values())
    for code in table.CHECKS:
        assert isinstance(table.load(code), Relation) and table.load(code).code == code
    assert not set(table.CHECKS) & set(codes()) or set(table.CHECKS) <= set(codes())  # all are known to explain, or none yet
