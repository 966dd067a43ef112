"""Every row of the table of checks: its examples are its tests, and the table and the folder agree."""

import ast
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import codes, explain
from kubestill.domains.kubernetes.checks import table
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.subject import Subject
from kubestill.tools.checks.api import Check, Outcome
from kubestill.tools.checks.run import ask

FOLDER = Path(table.__file__).parent
every_check = pytest.mark.parametrize("check", table.rules(), ids=lambda check: check.code)


def look(check, text):
    reading = read(text)
    assert not reading.findings, reading.findings
    return ask(check, Subject(reading.manifests))


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
