import gzip
import json
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import check_text, judge
from kubestill.tools.checks.api import Outcome, Tier

SHARED = Path(__file__).parents[5] / "shared" / "data"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector:\n    app: web\n  ports:\n  - port: 80\n"


def failed_on(text):
    return judge(text).verdict.failed_on


def test_a_whole_and_valid_manifest_passes_every_tier_that_can_look():
    answer = judge(SERVICE)
    assert answer.verdict.passed and answer.object["kind"] == "Service" and answer.verdict.findings == ()
    outcomes = {result.tier: result.outcome for result in answer.verdict.results if result.tier < Tier.RULES}
    assert outcomes == {Tier.FORM: Outcome.PASS, Tier.SYNTAX: Outcome.PASS, Tier.SCHEMA: Outcome.PASS}
    assert judge(json.dumps(answer.object)).verdict.passed  # JSON is YAML


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "# nothing\n",
        "I am sorry, I cannot do that.",
        "```yaml\n" + SERVICE + "```\n",
        "Here is the manifest:\n\n```yaml\n" + SERVICE + "```",
        "Here is the manifest:\n" + SERVICE,
        SERVICE + "---\n" + SERVICE,
        SERVICE + "---\nThis makes a Service.\n",
        "- " + SERVICE.replace("\n", "\n  "),
        '"text"',
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace}\n- {apiVersion: v1, kind: Pod}\n",
    ],
)
def test_anything_but_one_manifest_fails_on_form(text):
    verdict = judge(text).verdict
    assert verdict.failed_on == "form" and len(verdict.findings) == 1
    assert all(result.outcome is Outcome.SKIP for result in verdict.results if result.tier > Tier.SYNTAX)


def test_a_fence_within_a_value_is_no_fence_around_the_answer():
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: notes\ndata:\n  README.md: |\n    ```yaml\n    a: 1\n    ```\n"
    assert judge(text).verdict.passed


def test_later_tiers_name_the_failing_one_and_its_line():
    assert failed_on(SERVICE + "  ports: [") == "syntax"
    assert failed_on(SERVICE + "  selector: {}\n") == "syntax"  # a key that stands twice
    assert failed_on(SERVICE.replace("port: 80", "prt: 80")) == "schema"
    assert failed_on(SERVICE.replace("v1", "example.com/v1")) == "schema"
    answer = judge(SERVICE.replace("port: 80", "port: 99999"))
    [finding] = answer.verdict.findings
    assert answer.verdict.failed_on == "rules" and (finding.path, finding.line, finding.column) == ("spec.ports[0].port", 9, 5)


def test_each_document_of_a_file_has_its_own_verdict():
    custom = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {}\n"
    text = SERVICE + "---\n" + custom + "---\nkind: [\n---\n" + SERVICE.replace("80", "0") + "---\nhello\n---\na: 1\na: 2\n"
    rows = check_text(text, "all.yaml")
    found = [(row.document, row.line, row.kind, row.name, row.verdict.passed, row.verdict.failed_on) for row in rows]
    assert found == [
        (0, 1, "Service", "web", True, ""),
        (1, 11, "Widget", "w", True, ""),
        (2, 16, "", "", False, "syntax"),
        (3, 18, "Service", "web", False, "rules"),
        (4, 28, "", "", False, "syntax"),
        (5, 30, "", "", False, ""),  # no manifest, so that even its double key is nobody's business
    ]
    skipped = next(result for result in rows[1].verdict.results if result.tier is Tier.SCHEMA)
    assert skipped.outcome is Outcome.SKIP and skipped.reason == "no schema of example.com/v1 Widget"
    assert rows[3].verdict.findings[0].line == 26 and rows[0].file == "all.yaml" and rows[0].api_version == "v1"


def test_an_unknown_kind_in_a_group_of_kubernetes_own_fails():
    [row] = check_text("apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: a}\n", "x")
    assert row.verdict.failed_on == "schema"
    [row] = check_text("apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n", "x")
    assert row.verdict.failed_on == "schema"


def test_the_findings_of_one_object_are_few_enough_to_read():
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    many = head + "".join(f"field{number}: 1\n" for number in range(500))
    assert len(judge(many).verdict.findings) == 50
    keys = head + "data:\n" + "".join(f"  'a {number}': x\n" for number in range(500))
    assert len(judge(keys).verdict.findings) == 50


def verdicts_of_the_server():
    documents, verdicts = SHARED / "manifests.jsonl.gz", SHARED / "api-server-manifests.jsonl.gz"
    with gzip.open(verdicts, "rt") as lines:
        said = {record["sha256_16"]: record for record in map(json.loads, lines)}
    with gzip.open(documents, "rt") as lines:
        for record in map(json.loads, lines):
            if record["sha256_16"] in said:
                yield record["text"], said[record["sha256_16"]]


@pytest.mark.skipif(
    not (SHARED / "api-server-manifests.jsonl.gz").exists(), reason="../shared/data/api-server-manifests.jsonl.gz is not here"
)
def test_the_checks_agree_with_a_real_api_server():
    accepted = caught = missed = 0
    for text, server in verdicts_of_the_server():
        if server["verdict"] == "accepted":
            accepted += 1
            if accepted % 5 == 0:
                verdict = judge(text).verdict
                assert verdict.passed, (text, verdict.findings)
        elif server["verdict"] == "rejected":
            passed = judge(text).verdict.passed
            caught, missed = caught + (not passed), missed + passed
    assert accepted > 7_500 and caught + missed > 500
    assert caught / (caught + missed) >= 0.97, missed


@pytest.mark.skipif(
    not (SHARED / "api-server-manifests.jsonl.gz").exists(), reason="../shared/data/api-server-manifests.jsonl.gz is not here"
)
def test_findings_name_the_field_that_the_server_names():
    same = other = 0
    pattern = re.compile(r"((?:spec|metadata|rules|subjects|roleRef|webhooks|data)[\w.\[\]/-]*): (?:Invalid|Required|Unsupp|Dupl)")
    for text, server in verdicts_of_the_server():
        # The server leaves list indices out in places (metadata.ownerReferences.uid).
        named = {re.sub(r"\[\d+\]", "", path) for path in pattern.findall(server.get("message", ""))}
        if server["verdict"] != "rejected" or not named:
            continue
        paths = [re.sub(r"\[\d+\]", "", finding.path) for finding in judge(text).verdict.findings]
        hit = any(path.startswith(name) or name.startswith(path) for path in paths for name in named)
        same, other = same + hit, other + (not hit)
    # The rest: a schema's "required" stands before the rules here, while the server names what the rules find too.
    assert same + other > 300 and same / (same + other) >= 0.95, (same, other)


@pytest.mark.parametrize("finalizers", ["{a: 1}", "[{a: 1}, 3, [x]]", "text", "7"])
def test_finalizers_of_a_resource_without_a_schema_may_be_anything(finalizers):
    [row] = check_text(f"apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: a, finalizers: {finalizers}}}\n", "x")
    assert Outcome.ERROR not in {result.outcome for result in row.verdict.results}
