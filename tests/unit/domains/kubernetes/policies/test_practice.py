"""Best practice at its edges: what a check must leave alone, beside the examples that stand with it."""

import pytest

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.policies import judge_policy, policy_set


def paths(code, value):
    checks = [check for check in policy_set(["best-practice"]) if check.code == code]
    return [finding.path for finding in judge_policy(Manifest(value, 1), checks).findings]


def pod(container=None, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container or {}], **spec}}


def workload(kind, container, **spec):
    return {"apiVersion": "apps/v1", "kind": kind, "spec": {"template": {"spec": {"containers": [container], **spec}}}}


@pytest.mark.parametrize(
    ("image", "moves"),
    [
        ("nginx", True),
        ("nginx:latest", True),
        ("example.com:5000/nginx", True),
        ("example.com:5000/nginx:latest", True),
        ("example.com:5000/nginx:1", False),
        ("nginx:latest@sha256:" + "0" * 64, False),
        ("nginx@sha256:" + "0" * 64, False),
        ("nginx:latest-alpine", False),
        ("ko://example.com/cmd/web", False),
        ("$(REGISTRY)/web", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_an_image_moves_without_a_tag_with_latest_and_never_with_a_digest(image, moves):
    assert paths("K8S545", pod({"image": image})) == (["spec.containers[0].image"] if moves else [])


def test_a_pull_policy_is_named_only_beside_an_image_that_moves():
    assert paths("K8S545", pod({"image": "web", "imagePullPolicy": "Never"}))[1] == "spec.containers[0].imagePullPolicy"
    assert len(paths("K8S545", pod({"image": "web", "imagePullPolicy": "Always"}))) == 1
    assert not paths("K8S545", pod({"image": "web:1", "imagePullPolicy": "IfNotPresent"}))


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("DB_PASSWORD", "x", True),
        ("PGPASSWORD", "x", True),
        ("dbPassword", "x", True),
        ("MYSQL_ROOT_PASSWORD", "$(OTHER)", False),
        ("DB_PASS", "x", True),
        ("DB_PWD", "x", True),
        ("PWD", "srv", False),
        ("BYPASS", "x", False),
        ("GITHUB_TOKEN", "x", True),
        ("CLIENT_SECRET", "x", True),
        ("api-key", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("AWS_ACCESS_KEY_ID", "x", False),
        ("SECRET_NAME", "x", False),
        ("TOKEN_FILE", "/run/token", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/key.json", False),
        ("MAX_TOTAL_TOKENS", "2048", False),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "1", False),
        ("ALLOW_EMPTY_PASSWORD", "Yes", False),
        ("DB_PASSWORD", "", False),
        ("PARTITION_KEY", "x", False),
    ],
)
def test_a_secret_is_known_by_the_last_word_of_its_name_and_a_literal_value(name, value, found):
    assert bool(paths("K8S550", pod({"env": [{"name": name, "value": value}]}))) is found


def test_probes_are_asked_of_what_runs_for_ever():
    listening = {"ports": [{"containerPort": 80}]}
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        value = workload(kind, listening, initContainers=[listening])
        assert paths("K8S541", value) == ["spec.template.spec.containers[0].readinessProbe"]
        assert paths("K8S542", value) == ["spec.template.spec.containers[0].livenessProbe"]
    for value in (pod(listening), {**workload("Job", listening), "apiVersion": "batch/v1"}):
        checks = [check for check in policy_set(["best-practice"]) if check.code in ("K8S541", "K8S542")]
        assert [result.outcome.value for result in judge_policy(Manifest(value, 1), checks).results] == ["skip", "skip"]
    assert not paths("K8S541", workload("Deployment", {"ports": []}))


def test_resources_are_asked_of_sidecars_and_not_of_what_ends_before():
    limits = {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}
    first, side = {"name": "first"}, {"name": "side", "restartPolicy": "Always"}
    value = pod(limits, initContainers=[first, side])
    assert paths("K8S543", value) == ["spec.initContainers[1].resources.limits.memory"]
    assert paths("K8S544", value) == [f"spec.initContainers[1].resources.requests.{name}" for name in ("cpu", "memory")]
    assert not paths("K8S543", pod({}, **limits)) and not paths("K8S544", pod({}, **limits))


@pytest.mark.parametrize(
    ("own", "whole", "found"),
    [
        ({}, {}, True),
        ({"runAsNonRoot": True}, {}, False),
        ({}, {"runAsUser": 1000}, False),
        ({"runAsUser": 0}, {"runAsUser": 1000}, True),
        ({"runAsNonRoot": False}, {"runAsNonRoot": True}, True),
        ({"runAsNonRoot": False, "runAsUser": 5}, {}, False),
        ({"runAsGroup": 1000}, {}, True),
    ],
)
def test_root_is_what_the_container_says_before_what_the_pod_says(own, whole, found):
    assert bool(paths("K8S546", pod({"securityContext": own}, securityContext=whole))) is found


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, True),
        ({"serviceAccountName": ""}, True),
        ({"serviceAccount": "default"}, True),
        ({"serviceAccountName": "web"}, False),
        ({"serviceAccount": "web"}, False),
        ({"automountServiceAccountToken": False}, False),
        ({"automountServiceAccountToken": True}, False),
    ],
)
def test_a_token_is_questioned_only_where_nobody_chose(spec, found):
    assert bool(paths("K8S548", pod(**spec))) is found
