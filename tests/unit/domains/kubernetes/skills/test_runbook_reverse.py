"""Requests that real runbooks and rules answer: made-up ones here, and all of ../shared/data where it is."""

import gzip
import json
from pathlib import Path

import pytest
import yaml

pytest.importorskip("promql_parser", reason="PromQL is read by promql-parser: pip install 'kubestill[alerts]'")

from kubestill.domains.api import SUITE_SEED, TRAIN, Document, Drop, Sample
from kubestill.domains.kubernetes.skills.runbook.answers import parse
from kubestill.domains.kubernetes.skills.runbook.skill import RunbookSkill
from kubestill.domains.kubernetes.skills.runbook.suites import SUITES
from kubestill.ground.seeds import Seed, held_out

SKILL = RunbookSkill()
DATA = Path(__file__).parents[6] / "shared" / "data"
RUNBOOK = """# Queue workers

## Meaning

This alert fires when [workers](https://example.com) of the `queue` cannot keep up. More about it elsewhere.

## Impact

Orders of customers are late.

## Diagnosis

```shell
$ kubectl -n $NAMESPACE get pod $POD
$ kubectl -n $NAMESPACE delete pod $POD
$ kubectl get pods | grep worker
$ kubectl -n <namespace> logs <pod-name> --tail=10
$ kubectl -n shop describe cm $OTHER
```
"""
RULE = {
    "alert": "WorkerPodSlow",
    "expr": "queue_wait_seconds > 30",
    "for": "10m",
    "labels": {"severity": "warning"},
    "annotations": {
        "summary": "Worker is slow",
        "description": "Worker {{ $labels.namespace }}/{{ $labels.pod }} waits {{ $value }} seconds on cluster {{ $labels.cluster }}.",
    },
}


def asked(document, turns=12):
    samples = [SKILL.reverse(document, Seed(3).rng(document.id, turn), TRAIN) for turn in range(turns)]
    for sample in samples:
        if isinstance(sample, Sample):
            verdict = SKILL.judge(sample.answer, sample.intents)
            assert verdict.passed, (sample.request, sample.answer, verdict.findings)
    return samples


def rule_document(rule, unit="rules"):
    return Document(unit + rule["alert"], yaml.safe_dump(rule, sort_keys=False), rule["alert"], {"page": unit}, "alerts")


def test_a_runbook_gives_its_sentences_and_the_commands_that_only_read():
    for sample in asked(Document("a", RUNBOOK, "WorkerPodSlow", {"page": "a"}, "runbooks")):
        answer = parse(sample.answer)
        assert answer.meaning.endswith(": Workers of the queue cannot keep up.") and answer.impact == "Orders of customers are late."
        pod, namespace = (next(intent.value for intent in sample.intents if intent.aspect == name) for name in ("pod", "namespace"))
        assert answer.checks[0].startswith("kubectl get pod") and pod in answer.checks[0] and answer.checks[0].endswith(f"-n {namespace}")
        assert answer.checks[1] == f"kubectl logs {pod} --tail=10 -n {namespace}"
        assert "delete" not in sample.answer and pod in sample.request and namespace in sample.request


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("# X\n\nnothing", "WorkerPodSlow", "the first sentence under Meaning cannot be used: there is none"),
        (RUNBOOK, "NothingKnown", "the alert's name does not tell what it is about"),
        (RUNBOOK, "not a name", "a runbook of no alert's name"),
        (
            RUNBOOK.replace("Orders", "See https://x.example"),
            "WorkerPodSlow",
            "the first sentence under Impact cannot be used: it points elsewhere (a link, a colon, a list) or is unfinished",
        ),
    ],
)
def test_runbooks_that_cannot_be_used_are_dropped_with_a_reason(text, kind, reason):
    assert {sample.reason for sample in asked(Document("a", text, kind, {}, "runbooks"), 3)} == {reason}


def test_a_rule_is_asked_about_as_it_would_arrive_and_asked_for():
    samples = asked(rule_document(RULE))
    wished = [sample for sample in samples if sample.answer.startswith("alert:")]
    fired = [sample for sample in samples if not sample.answer.startswith("alert:")]
    assert wished and fired
    assert all(RULE["expr"] in sample.request and "for: 10m" in sample.answer for sample in wished)
    for sample in fired:
        assert "WorkerPodSlow" in sample.request and "{{" not in sample.request and "cluster" not in sample.request
        assert "waits" in parse(sample.answer).meaning


@pytest.mark.parametrize(
    "text", ["", "{", "alert: A\n", "- alert: A\n  expr: up\n- alert: B\n  expr: up\n", "alert: A\nexpr: up\nannotations: 3\n"]
)
def test_what_is_no_rule_is_dropped(text):
    assert all(isinstance(sample, Drop) for sample in asked(Document("a", text, "A", {}, "alerts"), 3))


def test_a_value_that_is_shown_is_one_that_would_fire():
    rule = RULE | {"alert": "KubeQuotaAlmostFull", "expr": "used / hard > 0.9"}
    rule["annotations"] = {
        "description": "Namespace {{ $labels.namespace }} uses {{ $value | humanizePercentage }} of {{ $labels.resource }}."
    }
    for sample in asked(rule_document(rule)):
        if isinstance(sample, Sample) and " uses " in sample.request:
            assert 90 < float(sample.request.partition(" uses ")[2].partition("%")[0]) <= 100


@pytest.fixture(scope="module")
def real():
    if not (DATA / "runbooks.jsonl.gz").exists():
        pytest.skip("../shared/data/runbooks.jsonl.gz is not here")
    found = []
    with gzip.open(DATA / "runbooks.jsonl.gz", "rt") as lines:
        found += [Document(row["path"], row["text"], row["alert"], {"page": row["path"]}, "runbooks") for row in map(json.loads, lines)]
    with gzip.open(DATA / "prometheus-alert-rules.jsonl.gz", "rt") as lines:
        rows = [{key: value for key, value in json.loads(line).items() if key in RULE and value is not None} for line in lines]
    return found + [rule_document(row, f"rules/{number}/") for number, row in enumerate(rows)]


def test_most_real_documents_make_a_sample(real):
    for form, least in (("runbooks", 0.8), ("alerts", 0.93)):
        samples = [sample for document in real if document.form == form for sample in asked(document, 1)]
        assert sum(isinstance(sample, Sample) for sample in samples) / len(samples) > least


def test_the_real_suite_asks_of_held_out_pages_only(real):
    suite = next(suite for suite in SUITES if suite.name == "runbook-real")
    larger = suite.samples(real, 60, SUITE_SEED)
    assert list(suite.samples(real, 9, SUITE_SEED)) == larger[:9] and len(larger) > 20
    assert all(held_out("repository", sample.source["page"], 0.1) for sample in larger)
    assert suite.samples((), 9, SUITE_SEED) == []
