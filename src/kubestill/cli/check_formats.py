"""The forms of a checked file that other programs read: SARIF 2.1.0 and JUnit's XML."""

import importlib.metadata
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from kubestill.pipeline.linting import Checked

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(checked: Sequence["Checked"]) -> str:
    """Spell the findings as one SARIF run (OASIS, "Static Analysis Results Interchange Format", 2.1.0)."""
    rules = {finding.code: finding.remedy for found in checked for finding in found.told}
    driver = {
        "name": "kubestill",
        "version": importlib.metadata.version("kubestill"),
        "rules": [{"id": code, "help": {"text": remedy or code}} for code, remedy in sorted(rules.items())],
    }
    results = [_sarif_result(found, finding) for found in checked for finding in found.told]
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}, indent=1)


def _sarif_result(found: "Checked", finding: Any) -> dict[str, Any]:
    region = {"startLine": max(1, finding.line or found.line), "startColumn": max(1, finding.column)}
    where = f"{finding.path}: " if finding.path else ""
    return {
        "ruleId": finding.code,
        "level": "warning" if finding.severity == "warning" else "error",
        "message": {"text": f"{found.title}: {where}{finding.message}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": found.file}, "region": region}}],
    }


def junit(checked: Sequence["Checked"]) -> str:
    """Spell each document as a test case, as continuous integration servers read it."""
    counts = {status: str(sum(found.status == status for found in checked)) for status in ("error", "skip")}
    failures = str(sum("fail" in (found.status, found.policy) for found in checked))
    totals = {"tests": str(len(checked)), "failures": failures, "errors": counts["error"], "skipped": counts["skip"]}
    suite = ElementTree.Element("testsuite", {"name": "kubestill check", **totals})
    for found in checked:
        case = ElementTree.SubElement(suite, "testcase", {"classname": found.file, "name": f"{found.title} (line {found.line})"})
        if "fail" in (found.status, found.policy):
            is_valid = found.status != "fail"
            findings, kind = (found.policy_findings, {"type": "policy"}) if is_valid else (found.findings, {})
            told = "\n".join(f"{finding.code} {finding.path}: {finding.message}" for finding in findings)
            ElementTree.SubElement(case, "failure", {**kind, "message": told.partition("\n")[0]}).text = told
        elif found.status in ("error", "skip"):
            ElementTree.SubElement(case, "error" if found.status == "error" else "skipped", {"message": found.reason})
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)
