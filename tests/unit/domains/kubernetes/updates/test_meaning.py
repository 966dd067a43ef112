"""Real manifests: what says the same is no change, whoever spells it; what says another thing where nothing may change is one."""

import copy
import gzip
import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.subject import POD_TEMPLATES
from kubestill.domains.kubernetes.updates import judge_update
from kubestill.domains.kubernetes.updates.meaning import Amount, differences, pull_policy, same

MANIFESTS = Path(__file__).parents[6] / "shared" / "data" / "manifests.jsonl.gz"
PROBE = {"initialDelaySeconds": 0, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


@pytest.fixture(scope="module")
def objects():
    """A sixth of the real objects of kinds that have update rules."""
    if not MANIFESTS.exists():
        pytest.skip("../shared/data/manifests.jsonl.gz is not here")
    kinds = {*POD_TEMPLATES, "Service", "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "Secret", "ConfigMap", "RoleBinding"}
    kinds |= {
        "ClusterRoleBinding",
        "CSIDriver",
        "IngressClass",
        "PriorityClass",
        "ResourceQuota",
        "CustomResourceDefinition",
        "EndpointSlice",
    }
    with gzip.open(MANIFESTS, "rt") as lines:
        records = [record for number, record in enumerate(map(json.loads, lines)) if record["schema_1_36"] == "valid" and number % 6 == 0]
    found = [one.object for record in records if record["kind"] in kinds for one in read(record["text"]).manifests]
    found = [value for value in found if "deletionTimestamp" not in value["metadata"]]
    assert len(found) > 700
    return found


def pod_spec(value):
    """Return the pod spec within an object, or None."""
    for step in (*POD_TEMPLATES.get(value["kind"], ("?",)), "spec"):
        value = (value or {}).get(step)
    return value


def filled(value):
    """Return a copy in which the server's defaults are written out: written from the API reference, apart from the package's table."""
    value = copy.deepcopy(value)
    spec = value.get("spec") or {}
    if value["kind"] in ("PersistentVolumeClaim", "PersistentVolume"):
        spec.setdefault("volumeMode", "Filesystem")
    elif value["kind"] == "Secret":
        value.setdefault("type", "Opaque")
    elif value["kind"] == "StorageClass":
        value.update({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"} | value)
    elif value["kind"] == "StatefulSet":
        spec.setdefault("podManagementPolicy", "OrderedReady")
        for claim in spec.get("volumeClaimTemplates") or ():
            claim.update(apiVersion="v1", kind="PersistentVolumeClaim", status={"phase": "Pending"})
            claim["spec"].setdefault("volumeMode", "Filesystem")
    elif value["kind"] == "Job":
        spec.setdefault("completionMode", "NonIndexed")
    pod = pod_spec(value)
    if pod:
        fill_pod(pod)
    return value


def fill_pod(pod):
    for name, default in {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "enableServiceLinks": True,
        "hostNetwork": False,
    }.items():
        pod.setdefault(name, default)
    if pod.get("serviceAccountName"):
        pod["serviceAccount"] = pod["serviceAccountName"]
    for container in (one for role in ("containers", "initContainers") for one in pod.get(role) or ()):
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        image = container.get("image", "")
        latest = ":" not in image.split("/")[-1] or image.endswith(":latest")
        if "imagePullPolicy" not in container:
            container["imagePullPolicy"] = "Always" if latest and "@" not in image else "IfNotPresent"
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(name):
                container[name] = {**PROBE, **container[name]}
        limits = (container.get("resources") or {}).get("limits")
        if limits:
            container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}
    for volume in pod.get("volumes") or ():
        for source in ("configMap", "secret", "downwardAPI", "projected"):
            if volume.get(source):
                volume[source].setdefault("defaultMode", 420)


def test_an_object_as_it_is_or_with_its_defaults_written_out_is_no_change(objects):
    for value in objects:
        full = filled(value)
        for old, new in ((value, value), (value, full), (full, value)):
            found = judge_update(old, Manifest(new, 1))
            assert found == [], (found, old, new)


def test_labels_and_annotations_are_free(objects):
    for value in objects:
        new = copy.deepcopy(value)
        new["metadata"].update(labels={"a": "b"}, annotations={"example.com/c": "d"}, finalizers=["example.com/e"])
        assert judge_update(value, Manifest(new, 1)) == [], value


def test_a_change_within_a_pod_template_is_refused_where_it_runs_already_and_nowhere_else(objects):
    rng, tried = random.Random(3), Counter()
    for value in objects:
        pod = pod_spec(value)
        if not pod or not pod.get("containers"):
            continue
        new = copy.deepcopy(value)
        spec = pod_spec(new)
        change = rng.choice(("env", "volumes", "image", "restartPolicy"))
        if change == "env":
            spec["containers"][0].setdefault("env", []).append({"name": "KUBESTILL_TEST", "value": "1"})
        elif change == "volumes":
            spec["volumes"] = [*(spec.get("volumes") or ()), {"name": "kubestill-test", "emptyDir": {}}]
        elif change == "image":
            spec["containers"][0]["image"] = "example.com/kubestill:1"
        else:
            spec["restartPolicy"] = "OnFailure" if pod.get("restartPolicy", "Always") != "OnFailure" else "Never"
        refused = value["kind"] == "Job" or (value["kind"] == "Pod" and change != "image")
        if value["kind"] == "Job" and value["spec"].get("suspend"):
            continue
        tried[value["kind"], change] += 1
        assert bool(judge_update(value, Manifest(new, 1))) is refused, (value["kind"], change)
    assert min(tried[kind, change] for kind in ("Pod", "Job", "Deployment") for change in ("env", "volumes", "image")) >= 3


def test_amounts_are_equal_by_number_and_true_is_not_one():
    assert Amount(Fraction(1), "1") == Amount(Fraction(1), "1000m")
    assert not same(True, 1) and not same({"a": False}, {"a": 0}) and same([1, {"a": None}], [1, {"a": None}])
    assert list(differences({"a": 1}, {"a": True}, "")) == [("a", 1, True)]


def test_differences_are_the_smallest_parts_and_lead_to_the_new_object():
    one = {"containers": [{"name": "a", "x": 1}, {"name": "b", "y": [1]}], "labels": {"a.b/c": "d"}}
    two = {"containers": [{"name": "b", "y": [2]}, {"name": "a", "x": 1}, {"name": "c"}], "labels": {}}
    assert list(differences(one, two, "spec")) == [
        ("spec.containers[0].y", [1], [2]),
        ("spec.containers[2]", None, {"name": "c"}),
        ("spec.containers", ["a", "b"], ["b", "a"]),
        ("spec.labels[a.b/c]", "d", None),
    ]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("example.com:5000/nginx", "Always"),
        ("example.com:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_default_pull_policy_goes_by_the_tag(image, policy):
    assert pull_policy(image) == policy
