"""The forms of a report: text as compilers write it, JSON, SARIF 2.1.0, JUnit's XML, and annotations of GitHub."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from kubestill.pipeline.linting import Checked

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def text(checked: Iterable["Checked"]) -> Iterator[str]:
    """Spell findings as compilers do: place, code, what was found, how to mend it. Each document is told as soon as it is judged."""
    for found in checked:
        reason = f": {found.reason}" if found.status not in ("pass", "fail") else ""
        yield _plain(f"{found.file}:{found.line}: {found.status} {found.title}{reason}")
        if found.policy:
            yield _plain(f"{found.file}:{found.line}: policy {found.policy} {found.title}")
        for finding in found.told:
            place = f"{found.file}:{finding.line or found.line}:{finding.column or 1}"
            yield _plain(f"{place}: {finding.severity} {finding.code} {_said(finding)}")


# What a name may hold and a line or XML may not: a terminal would obey it, a line break would forge a line of the report.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}


def _plain(text: str) -> str:
    """Spell control characters as YAML's escapes do."""
    return text.translate(_CONTROLS)


def _said(finding: Any) -> str:
    """Return field, message and remedy as sentences."""
    where = f"{finding.path}: " if finding.path else ""
    stop = "" if finding.message.endswith((".", "?", "!")) else "."
    return f"{where}{finding.message}{stop} {finding.remedy}" if finding.remedy else f"{where}{finding.message}"


def as_json(checked: Iterable["Checked"]) -> Iterator[str]:
    """Spell all documents as a JSON list, a document a line."""
    lead = "["
    for found in checked:
        yield lead + json.dumps(found.record(), ensure_ascii=False)
        lead = ","
    yield "[]" if lead == "[" else "]"


def github(checked: Iterable["Checked"]) -> Iterator[str]:
    """Spell findings as workflow commands, which GitHub shows beside the changed lines."""
    for found in checked:
        if found.status == "error":
            yield f"::error file={_property(found.file)},line={found.line},title={_property(found.title)}::{_message(found.reason)}"
        for finding in found.told:
            level = "warning" if finding.severity == "warning" else "error"
            where = f"file={_property(found.file)},line={finding.line or found.line},col={finding.column or 1}"
            yield f"::{level} {where},title={_property(f'{finding.code} {found.title}')}::{_message(_said(finding))}"


def _message(text: str) -> str:
    """Escape what would end a workflow command (actions/toolkit, packages/core/src/command.ts)."""
    return _plain(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def sarif(checked: Iterable["Checked"]) -> Iterator[str]:
    """Spell the findings as one SARIF run (OASIS, "Static Analysis Results Interchange Format", 2.1.0)."""
    import importlib.metadata  # 18 ms that no other form needs

    checked = list(checked)
    everything = [finding for found in checked for finding in (*found.told, *(one.finding for one in found.ignored))]
    rules = {finding.code: finding.remedy for finding in everything}
    driver = {
        "name": "kubestill",
        "version": importlib.metadata.version("kubestill"),
        "rules": [{"id": code, "help": {"text": remedy or code}} for code, remedy in sorted(rules.items())],
    }
    results = [_sarif_result(found, finding) for found in checked for finding in found.told]
    results += [
        {**_sarif_result(found, one.finding), "suppressions": [{"kind": "external", "justification": one.reason}]}
        for found in checked
        for one in found.ignored
    ]
    yield json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}, indent=1)


def _sarif_result(found: "Checked", finding: Any) -> dict[str, Any]:
    region = {"startLine": max(1, finding.line or found.line), "startColumn": max(1, finding.column)}
    where = f"{finding.path}: " if finding.path else ""
    return {
        "ruleId": finding.code,
        "level": "warning" if finding.severity == "warning" else "error",
        "message": {"text": f"{found.title}: {where}{finding.message}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": found.file}, "region": region}}],
    }


def junit(checked: Iterable["Checked"]) -> Iterator[str]:
    """Spell each document as a test case, as continuous integration servers read it."""
    checked = list(checked)
    counts = {status: str(sum(found.status == status for found in checked)) for status in ("error", "skip")}
    failures = str(sum("fail" in (found.status, found.policy) for found in checked))
    totals = {"tests": str(len(checked)), "failures": failures, "errors": counts["error"], "skipped": counts["skip"]}
    suite = ElementTree.Element("testsuite", {"name": "kubestill check", **totals})
    for found in checked:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": _plain(found.file), "name": _plain(f"{found.title} (line {found.line})")}
        )
        if "fail" in (found.status, found.policy):
            is_valid = found.status != "fail"
            findings, kind = (found.policy_findings, {"type": "policy"}) if is_valid else (found.findings, {})
            told = "\n".join(_plain(f"{finding.code} {finding.path}: {finding.message}") for finding in findings)
            ElementTree.SubElement(case, "failure", {**kind, "message": told.partition("\n")[0]}).text = told
        elif found.status in ("error", "skip"):
            ElementTree.SubElement(case, "error" if found.status == "error" else "skipped", {"message": _plain(found.reason)})
    ElementTree.indent(suite)
    yield ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)
