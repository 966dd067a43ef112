"""Custom resources are judged by their definitions as a server judges them: closed objects, pruned nulls, lists whose items differ."""

import gzip
import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from kubestill.domains.kubernetes import expressions
from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.definitions import count_rules, custom_kinds
from kubestill.domains.kubernetes.kubernetes import Kubernetes
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.tools.checks.api import Outcome, Tier

DATA = Path(__file__).parents[5] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the public data in ../shared is not here")

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Database, plural: databases}
  versions:
  - {name: v1alpha1, served: false, storage: false, schema: {openAPIV3Schema: {type: object}}}
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        x-kubernetes-validations: [{rule: "self.metadata.name != 'x'", message: not x}]
        properties:
          metadata: {type: object, properties: {name: {type: string, maxLength: 8}}}
          spec:
            type: object
            required: [engine]
            properties:
              engine: {type: string, enum: [postgres, mysql]}
              size: {type: integer, format: int32, minimum: 0, exclusiveMinimum: true}
              port: {x-kubernetes-int-or-string: true}
              note: {type: string, nullable: true}
              color: {type: string, default: red}
              code: {type: string, pattern: "^[a-z]+$", minLength: 2}
              labels: {type: object, additionalProperties: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              empty: {type: object}
              template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              users: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              hosts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name, port]
                items: {type: object, required: [name], properties: {name: {type: string}, port: {type: integer, default: 1}, $ref: {type: string}}}
              either: {type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}
          status:
            type: object
            required: [phase]
            properties: {phase: {type: string}}
"""  # noqa: E501
GOOD = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "main"}, "spec": {"engine": "postgres"}}


@pytest.fixture(scope="module")
def known():
    return Schemas(custom=list(custom_kinds(read(CRD).manifests[0].object, "crd.yaml")))


def found(known, spec=None, **top):
    value = deepcopy(GOOD) | top
    value["spec"] = value["spec"] | (spec or {})
    return [(finding.code, finding.path) for finding in known.findings(value)]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"size": 1, "port": 80},
        {"port": "http"},
        {"note": None},
        {"color": None},  # replaced by its default
        {"size": None, "labels": None},  # pruned
        {"labels": {"a": "b", "c": None}},
        {"free": {"x": {"y": 1}}},
        {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"any": 1}}},
        {"users": ["a", "b"]},
        {"hosts": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
        {"hosts": [{"name": "a", "$ref": "x"}]},
        {"either": {"a": "x"}},
    ],
)
def test_what_a_definition_allows_passes(known, spec):
    assert found(known, spec) == []


@pytest.mark.parametrize(
    ("spec", "code", "path"),
    [
        ({"engin": "x"}, "K8S022", "spec.engin"),
        ({"engine": "oracle"}, "K8S025", "spec.engine"),
        ({"engine": None}, "K8S023", "spec.engine"),
        ({"size": 0}, "K8S026", "spec.size"),
        ({"size": 2**31}, "K8S026", "spec.size"),
        ({"size": "1"}, "K8S023", "spec.size"),
        ({"port": True}, "K8S023", "spec.port"),
        ({"code": "A"}, "K8S026", "spec.code"),
        ({"labels": {"a": 1}}, "K8S023", "spec.labels.a"),
        ({"empty": {"x": 1}}, "K8S022", "spec.empty.x"),
        ({"template": {"spec": {}}}, "K8S024", "spec.template.apiVersion"),
        ({"users": ["a", "b", "a"]}, "K8S027", "spec.users[2]"),
        ({"users": [None]}, "K8S023", "spec.users[0]"),  # items of a list are never pruned
        ({"hosts": [{"name": "a"}, {"name": "a", "port": 1}]}, "K8S027", "spec.hosts[1]"),
        ({"either": {"a": "x", "b": "y"}}, "K8S026", "spec.either"),
    ],
)
def test_what_it_does_not_allow_is_named_at_its_place(known, spec, code, path):
    assert (code, path) in found(known, spec)


def test_the_whole_object_is_closed_and_the_status_of_a_new_one_is_dropped(known):
    assert found(known, extra=1) == [("K8S022", "extra")]
    assert found(known, metadata={"name": "far-too-long"}) == [("K8S026", "metadata.name")]
    assert found(known, metadata={"name": "main", "labls": {}}) == [("K8S022", "metadata.labls")]
    assert found(known, status={"phase": 5}) == [] and found(known, status={"fase": ""}) == [("K8S022", "status.fase")]
    assert found(known, apiVersion="example.com/v1alpha1") == [("K8S021", "apiVersion")]  # not served
    assert known.owns("example.com") and not Schemas().owns("example.com")
    assert known.property("example.com/v1", "Database", ("spec", "engine")).enum == ("postgres", "mysql")


def results(known, value):
    [row] = check_text(yaml.safe_dump(value), "x", known)
    return row, {result.code: result for result in row.verdict.results}


def test_a_rule_in_cel_holds_or_is_a_finding(known):
    row, said = results(known, GOOD)
    assert said["K8S028"].outcome is Outcome.PASS and row.verdict.passed and "K8S029" not in said
    row, said = results(known, {**GOOD, "metadata": {"name": "x"}})
    assert [finding.message for finding in row.verdict.findings] == ["not x"] and row.verdict.failed_on == "rules"
    _, said = results(known, GOOD | {"spec": {"engine": "oracle"}})
    assert "K8S028" not in said  # rules are about objects that fit the schema


def test_rules_that_nobody_can_judge_are_told_and_not_taken_for_judged(known, monkeypatch):
    monkeypatch.setattr(expressions, "available", lambda: False)
    row, said = results(known, GOOD)
    assert (said["K8S029"].outcome, said["K8S029"].tier) == (Outcome.SKIP, Tier.CLUSTER) and "pip install" in said["K8S029"].reason
    assert row.verdict.passed and "K8S028" not in said
    [row] = check_text(yaml.safe_dump(GOOD), "x")
    assert any(result.tier is Tier.SCHEMA and result.outcome is Outcome.SKIP for result in row.verdict.results)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Pod\napiVersion: v1\nmetadata: {name: a}\n", "holds no CustomResourceDefinition"),
        ("", "holds no CustomResourceDefinition"),
        ("a: [\n", "did not find expected"),
        (CRD.replace("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"), "v1beta1"),
        (CRD.replace("  group: example.com\n", ""), "without 'group'"),
        (CRD.replace("versions:", "versions: 5\n  others:"), "whose parts are not what they must be"),
        (CRD.replace("empty: {type: object}", "empty: 5"), "whose parts are not what they must be"),
        (CRD.replace("empty: {type: object}", "empty: {type: objekt}"), "objekt"),
        (CRD.replace("^[a-z]+$", "(["), "the schema of example.com/v1 Database"),
        (CRD.replace("minLength: 2", "minLength: -2"), "-2 is less than the minimum of 0"),
    ],
)
def test_what_defines_nothing_is_refused_with_a_word(text, told):
    with pytest.raises(UserError, match=re.escape(told)):
        Kubernetes().learn_definitions([("crds.yaml", text.encode())])


@pytest.fixture(scope="module")
def real():
    domain = Kubernetes()
    names = ("cert-manager", "prometheus-operator", "gateway-api")
    texts = [(name, gzip.decompress((DATA / "crds" / f"{name}.yaml.gz").read_bytes())) for name in names]
    assert domain.learn_definitions(texts) == 30
    return domain.schemas


@needs_data
def test_real_definitions_take_nearly_all_real_resources(real):
    """Nearly all: Gateway API's own repository holds resources that must fail, and some files are of another version of it."""
    kinds = {(kind.api_version, kind.kind) for kind in real.kinds() if "." in kind.group and not Schemas().owns(kind.group)}
    assert len(kinds) == 30
    passed = failed = 0
    for record in read_records(DATA / "manifests.jsonl.gz"):
        if (record["apiVersion"], record["kind"]) in kinds and not record["placeholders"] and "gateway-api" not in record["repo"]:
            [manifest] = read(record["text"]).manifests
            bad = bool(real.findings(manifest.object))
            passed, failed = passed + (not bad), failed + bad
    assert passed > 350 and failed <= 0.04 * (passed + failed), (passed, failed)


@needs_data
def test_every_field_of_a_real_resource_is_missed_under_another_name(real):
    records = read_records(DATA / "manifests.jsonl.gz")
    text = next(record["text"] for record in records if record["kind"] == "Prometheus" and len(record["text"]) > 1200)
    value = read(text).manifests[0].object
    assert real.findings(value) == ()
    for name in value["spec"]:
        renamed = {**value, "spec": {(key + "z" if key == name else key): item for key, item in value["spec"].items()}}
        assert ("K8S022", f"spec.{name}z") in [(finding.code, finding.path) for finding in real.findings(renamed)]


def test_rules_are_counted_at_any_depth():
    assert count_rules({"a": [{"x-kubernetes-validations": [1, 2]}], "x-kubernetes-validations": [1]}) == 3 and count_rules("x") == 0


@needs_data
def test_rules_in_cel_find_what_gateway_api_marks_as_invalid_and_hardly_anything_else(real):
    """Gateway API's manifests that must fail say so in their paths. Elsewhere one fixture of a parser has `tls: {}` on plain HTTP."""
    right = wrong = judged = 0
    for record in read_records(DATA / "manifests.jsonl.gz"):
        custom = real.custom(record["apiVersion"], record["kind"])
        if custom and custom.cel_rules and not record["placeholders"]:
            [manifest] = read(record["text"]).manifests
            if real.findings(manifest.object):
                continue
            said = expressions.judge(manifest.object, custom.written)
            judged += said.judged
            bad = bool(said.broken)
            marked = "invalid" in record["path"]
            right, wrong = right + (bad and marked), wrong + (bad and not marked)
    assert judged > 4_000 and right >= 8 and wrong <= 1, (judged, right, wrong)
