"""What is no manifest is told apart, and what is one with a fault is not taken for a stranger."""

from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import check_text
from kubestill.tools.checks.api import Outcome

ALERTS = """apiVersion: v1
kind: ConfigMap
metadata: {name: alerts}
data:
  rules.yml: |
    annotations:
      summary: "{{ $labels.pod }} is {{ .Status }}"
      {{ if .x }}y{{ end }}
"""


def only(text: str, where: str = "a.yaml") -> str:
    (row,) = check_text(text, where)
    skipped = [result.reason for result in row.verdict.results if result.outcome is Outcome.SKIP and result.code == "K8S002"]
    return skipped[0] if skipped else ""


@pytest.mark.parametrize(
    "text",
    [
        "metadata:\n  name: {{ .Values.name }}\n",
        "{{- if .Values.enabled }}\napiVersion: v1\nkind: Service\n{{- end }}\n",
        'apiVersion: v1\nkind: Service\nmetadata:\n  name: "{{ .Release.Name }}-web"\n',
        '{{/* names */}}\n{{- define "web.name" }}x{{ end }}\n',
        'apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    {{- include "web.labels" . | nindent 4 }}\n',
    ],
)
def test_templates_of_helm_are_named_as_such(text: str) -> None:
    assert "template of Helm" in only(text)
    (row,) = check_text(text.encode(), "-")
    assert not row.verdict.passed and not row.verdict.failed_on


def test_a_manifest_in_the_templates_of_a_chart_is_one_and_elsewhere_is_not(tmp_path: Path) -> None:
    (tmp_path / "templates" / "web").mkdir(parents=True)
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: "{{ b }}"}\n'
    assert only(text, str(tmp_path / "templates" / "web" / "a.yaml")) == ""
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    assert "template of Helm" in only(text, str(tmp_path / "templates" / "web" / "a.yaml"))


def test_braces_inside_of_values_are_data() -> None:
    assert only(ALERTS) == ""
    (row,) = check_text(ALERTS, "a.yaml")
    assert row.verdict.passed
    (row,) = check_text("a: {{ b\n", "a.yaml")  # broken, but no action of a template
    assert row.verdict.failed_on == "syntax"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("replicas: 3\nimage: {repository: nginx}\n", "no apiVersion, kind or metadata"),
        ("services:\n  web: {image: nginx}\n", "no apiVersion, kind or metadata"),
        ("apiVersion: v2\nname: web\nversion: 0.1.0\n", "Chart.yaml"),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n", "kubectl kustomize"),
        ("- hosts: all\n  tasks: []\n", "a list"),
    ],
)
def test_files_of_other_tools_are_left_out(text: str, told: str) -> None:
    assert told in only(text)


@pytest.mark.parametrize(
    "text", ["kind: Pod\nmetadata: {name: a}\n", "apiVersion: v1\nmetadata: {name: a}\n", "metadata: {name: a}\nspec: {}\n", "just words\n"]
)
def test_a_manifest_that_lacks_something_fails(text: str) -> None:
    (row,) = check_text(text, "a.yaml")
    assert row.verdict.failed_on and only(text) == ""
