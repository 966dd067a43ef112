"""What a student invented becomes right-or-wrong samples."""

import json
from random import Random

from kubestill.domains.api import TRAIN, Document, Drop
from kubestill.domains.kubernetes.answers import judge as judge_manifest
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.skills.general.judging import judge
from kubestill.domains.kubernetes.skills.general.mining import contrast, mine, read_invention
from kubestill.domains.kubernetes.skills.general.skill import GeneralSkill
from kubestill.domains.kubernetes.sources.records import documents

WRONG_FIELD = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
spec:
  replica: 3
  selector:
    matchLabels: {app: a}
  template:
    metadata:
      labels: {app: a}
    spec:
      containers:
      - name: a
        image: a:1
        memoryLimit: 1Gi
"""
WRONG_VERSION = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: a\n"
WRONG_KIND = "apiVersion: v1\nkind: ReplicationSet\nmetadata:\n  name: a\n"


def record(answer, verdict, request="r", expected="e"):
    findings = [{"code": f.code, "path": f.path, "message": f.message} for f in verdict.findings]
    return {"request": request, "expected": expected, "answer": answer, "passed": verdict.passed, "findings": findings, "kind": "x"}


def records():
    manifests = [record(text, judge_manifest(text).verdict) for text in (WRONG_FIELD, WRONG_FIELD, WRONG_VERSION, WRONG_KIND)]
    lines = (
        "kubectl get pods --everything",
        "kubectl restart deployment/web",
        "kubectl rollout rollback deployment/web",
        "kubectl get pods",
    )
    return [*manifests, *(record(line, check_command(line)) for line in lines)]


def test_what_was_invented_is_counted_and_told():
    found = {(one.topic, *(value for _, value in one.said)): one.count for one in mine(records())}
    assert found == {
        ("check-field", "Deployment", "spec.replica"): 2,
        ("check-field", "Deployment", "spec.template.spec.containers.memoryLimit"): 2,
        ("check-version", "Ingress", "extensions/v1beta1"): 1,
        ("check-kind", "ReplicationSet"): 1,
        ("check-flag", "kubectl get pods --everything"): 1,
        ("check-command", "kubectl restart"): 1,
        ("check-command", "kubectl rollout rollback"): 1,
    }


def test_each_invention_gives_a_no_and_what_is_right_gives_a_yes():
    samples = [contrast(invention, Random(number), TRAIN) for invention in mine(records()) for number in range(12)]
    answers = {sample.answer for sample in samples}
    assert {
        "No: Deployment has no field spec.replica. Use: spec.replicas",
        "Yes: Deployment has spec.replicas.",
        "No: Ingress is not served as extensions/v1beta1. Use: networking.k8s.io/v1",
        "Yes: Ingress is served as networking.k8s.io/v1.",
        "No: there is no built-in kind ReplicationSet. Use: ReplicaSet",
        "Yes: ReplicaSet is a built-in kind.",
        "No: kubectl get has no flag --everything. Use: kubectl get pods --all-namespaces",
        "No: there is no kubectl restart. Use: kubectl rollout restart",
        "Yes: kubectl rollout restart is a command.",
    } <= answers
    assert all(judge(sample.answer, sample.intents).passed and sample.source["mined"] for sample in samples)


def test_nothing_is_mined_from_what_passed_or_cannot_be_read():
    assert mine([]) == []
    assert mine([{"request": "r", "answer": "{{", "passed": False, "findings": [{"code": "K8S022", "path": "x", "message": ""}]}]) == []


def test_records_of_a_file_become_documents_that_are_asked_about(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (*records(), {"answer": 3})) + "no json\n")
    found = list(documents(path))
    assert [one.reason for one in found if isinstance(one, Drop)] == ["no record of an answer", "line is not JSON"]
    inventions = [one for one in found if isinstance(one, Document)]
    assert [read_invention(one.text) for one in inventions] == list(mine(records()))
    answers = {GeneralSkill().reverse(one, Random(number), TRAIN).answer.split(":")[0] for one in inventions for number in range(8)}
    assert answers == {"Yes", "No"}
