"""Objects as a cluster has them: what the server and its controllers filled in is no change of the manifest's."""

import copy
import json

import pytest

from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.updates import judge_update, pair
from kubestill.domains.kubernetes.updates.merge import LAST_APPLIED, applied

POD = read(
    """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: prod}
spec:
  containers:
  - name: web
    image: nginx:1.27
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
"""
).manifests[0]
SERVICE = read("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}], selector: {a: b}}\n").manifests[0]
JOB = read(
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: web}\n"
    "spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}\n"
).manifests[0]
UID = "3a1f0d5e-0000-4000-8000-000000000001"


def live(manifest, remembered=True, **more):
    """Return what a server makes of a manifest: stamps, and the annotation that kubectl apply leaves."""
    value = copy.deepcopy(manifest.object)
    said = {LAST_APPLIED: json.dumps(manifest.object)} if remembered else {}
    value["metadata"] |= {"uid": UID, "resourceVersion": "7", "creationTimestamp": "2026-01-31T12:00:00Z", "annotations": said}
    return value | more


def running_pod(remembered=True):
    """Return the pod as a kubelet runs it: scheduled, with a token and a sidecar that a webhook put first."""
    value = live(POD, remembered, status={"phase": "Running", "qosClass": "BestEffort"})
    token = {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    value["spec"]["containers"][0] |= {"imagePullPolicy": "IfNotPresent", "resources": {}, "terminationMessagePolicy": "File"}
    value["spec"]["containers"][0]["volumeMounts"].append(token)
    value["spec"]["containers"].insert(0, {"name": "proxy", "image": "envoy:1", "volumeMounts": [token]})
    added = {"effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 300}
    value["spec"] |= {
        "nodeName": "n1",
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "volumes": [*value["spec"]["volumes"], {"name": "kube-api-access-x", "projected": {"defaultMode": 420, "sources": []}}],
        "tolerations": [{**added, "key": f"node.kubernetes.io/{name}"} for name in ("not-ready", "unreachable")],
    }
    return value


def edited(manifest, *steps, value):
    new = copy.deepcopy(manifest.object)
    holder = new
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = value
    return Manifest(new, 1)


@pytest.mark.parametrize("remembered", [True, False])
def test_a_running_pod_takes_the_manifest_that_it_was_made_from(remembered):
    assert judge_update(running_pod(remembered), POD) == []
    image = edited(POD, "spec", "containers", 0, "image", value="nginx:latest")
    assert judge_update(running_pod(remembered), image) == []
    tolerant = edited(POD, "spec", "tolerations", value=[{"key": "a", "operator": "Exists"}])
    assert judge_update(running_pod(remembered), tolerant) == []


@pytest.mark.parametrize("remembered", [True, False])
def test_a_running_pod_keeps_what_the_manifest_may_not_change(remembered):
    found = judge_update(running_pod(remembered), edited(POD, "spec", "containers", 0, "args", value=["-v"]))
    assert [finding.code for finding in found] == ["K8S655"] and found[0].path.endswith("args")
    found = judge_update(running_pod(remembered), edited(POD, "spec", "nodeName", value="n2"))
    assert [(finding.path, finding.message) for finding in found] == [
        ("spec.nodeName", "found string 'n2', expected string 'n1' as before")
    ]


def test_what_was_applied_and_is_gone_from_the_manifest_is_a_change_and_what_was_not_is_kept():
    smaller = edited(POD, "spec", "volumes", value=[])
    assert [finding.code for finding in judge_update(running_pod(), smaller)] == ["K8S655"]
    assert judge_update(running_pod(remembered=False), smaller) == []


def test_a_service_keeps_its_addresses_and_ports():
    value = live(SERVICE)
    value["spec"] |= {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
    assert judge_update(value, SERVICE) == []
    assert [finding.code for finding in judge_update(value, edited(SERVICE, "spec", "clusterIP", value="None"))] == ["K8S669"]
    assert judge_update(value, edited(SERVICE, "spec", "type", value="LoadBalancer")) == []


def test_a_job_keeps_the_selector_and_labels_that_its_controller_gave_it():
    value = live(JOB, status={"active": 1, "startTime": "2026-01-31T12:00:00Z"})
    labels = {"controller-uid": UID, "batch.kubernetes.io/controller-uid": UID, "job-name": "web"}
    value["spec"] |= {"selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": UID}}, "completions": 1, "parallelism": 1}
    value["spec"]["template"]["metadata"] = {"creationTimestamp": None, "labels": labels}
    assert judge_update(value, JOB) == []
    assert judge_update(value, edited(JOB, "spec", "parallelism", value=3)) == []
    assert [one.code for one in judge_update(value, edited(JOB, "spec", "completions", value=3))] == ["K8S668"]


def test_a_suspended_job_that_ran_already_may_be_steered_since_1_36_once_its_pods_are_gone():
    value = live(JOB)
    value["spec"]["suspend"] = True
    steered = edited(JOB, "spec", "template", "spec", "nodeSelector", value={"a": "b"})
    for status, minors in (({}, (35, 36)), ({"startTime": "2026"}, (36,)), ({"startTime": "2026", "active": 1}, ())):
        taken = tuple(minor for minor in (35, 36) if not judge_update(value | {"status": status}, steered, f"1.{minor}"))
        assert taken == minors, status


def test_the_merge_is_that_of_kubectls_documentation():
    # concepts of "Declarative Management of Kubernetes Objects Using Configuration Files": fields that the file has are set, those
    # that only the last applied file had are cleared, all others are kept; keyed lists are merged, plain ones replaced.
    said = {"spec": {"replicas": 2, "minReadySeconds": 5, "args": [1], "ports": [{"containerPort": 80}, {"containerPort": 90}]}}
    cluster = {"metadata": {"uid": UID, "annotations": {LAST_APPLIED: json.dumps(said)}}}
    cluster |= {"spec": {**said["spec"], "args": [1, 2], "nodeName": "n", "ports": [*said["spec"]["ports"], {"containerPort": 70}]}}
    wanted = {"spec": {"replicas": 3, "args": [3], "ports": [{"containerPort": 90, "name": "a"}]}}
    merged = applied(cluster, wanted)
    assert merged["spec"] == {
        "replicas": 3,
        "args": [3],
        "nodeName": "n",
        "ports": [{"containerPort": 90, "name": "a"}, {"containerPort": 70}],
    }
    assert applied(wanted, said) is said  # between two manifests nothing is kept


def test_no_value_of_a_secret_is_shown():
    old, new = read(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nimmutable: true\ndata: {k: aHVudGVyMg==}\n---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nimmutable: true\ntype: b\nstringData: {k: hunter3, l: hunter4}\n"
    ).manifests
    found = judge_update(old.object, new)
    assert {finding.path for finding in found} == {"data.k", "data.l", "type"}
    assert not any("hunter" in repr(finding) or "aHVud" in repr(finding) for finding in found)


def test_objects_are_paired_by_group_kind_namespace_and_name():
    def some(api_version, kind, name, namespace=None):
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        return Manifest({"apiVersion": api_version, "kind": kind, "metadata": metadata}, 1)

    a, b = some("v1", "ConfigMap", "a", "x"), some("v1", "ConfigMap", "a", "y")
    scaler = some("autoscaling/v1", "HorizontalPodAutoscaler", "a")
    olds = [a, b, scaler, Manifest({"kind": 7, "metadata": []}, 1), some("v1", "Secret", "s", "x")]
    news = [
        some("v1", "ConfigMap", "a", "y"),
        some("v1", "ConfigMap", "a"),  # two could be meant
        some("autoscaling/v2", "HorizontalPodAutoscaler", "a"),
        some("v1", "Secret", "s"),  # only one can
        some("example.com/v1", "Secret", "s", "x"),
        Manifest({"kind": 7, "metadata": []}, 1),
        some("v1", "Secret", "new"),
    ]
    assert pair(olds, news) == [(0, b), (2, scaler), (3, olds[4])]
    assert pair([], news) == [] and pair(olds, []) == []


def test_versions_whose_fields_moved_are_not_compared_and_that_is_said():
    def claim(version, spec):
        return {"apiVersion": f"resource.k8s.io/{version}", "kind": "ResourceClaim", "metadata": {"name": "a"}, "spec": spec}

    [found] = judge_update(claim("v1beta1", {"a": 1}), Manifest(claim("v1", {"a": 2}), 1))
    assert (found.code, found.severity) == ("K8S652", "warning") and "not compared" in found.message
    codes = [one.code for one in judge_update(claim("v1", {"a": 1}), Manifest(claim("v1", {"a": 2}), 1))]
    assert codes == ["K8S695"]


def test_findings_point_at_the_line_of_the_new_manifest():
    text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: nginx:1.27\n    args: [-v]\n"
    [new] = read(text).manifests
    old = copy.deepcopy(new.object)
    del old["spec"]["containers"][0]["args"]
    [found] = judge_update(old, new)
    assert (found.path, found.line, found.column) == ("spec.containers[0].args", 9, 5)
    assert found.message == 'found ["-v"], expected nothing as before'
