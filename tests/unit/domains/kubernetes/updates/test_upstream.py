"""Updates and what the API server's own tests expect of them.

The tables were written by hand from the cases of TestValidatePodUpdate, TestValidateServiceUpdate,
TestValidatePersistentVolumeClaimUpdate and TestValidatePersistentVolumeSourceUpdate (pkg/apis/core/validation), of
TestValidateStatefulSetUpdate and TestValidateJobUpdate (pkg/apis/apps and batch), and of their kin. Each row: what is
changed in the plain object, first in the old one, then in the new one; then whether the server takes it.
"""

import copy

import pytest

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.updates import judge_update

GONE = object()
SOME, LIVE = {"name": "a", "namespace": "ns"}, {"name": "a", "namespace": "ns", "uid": "1", "resourceVersion": "1"}
CONTAINER = {"name": "c", "image": "i:1"}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER], "restartPolicy": "Always"}}
ONCE = {"spec": {"containers": [CONTAINER], "restartPolicy": "OnFailure"}}
SELECTOR = {"matchLabels": {"a": "b"}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": SOME, "spec": {"containers": [CONTAINER]}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": SOME, "spec": {"ports": [{"port": 80}], "type": "ClusterIP"}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": SOME, "spec": {"template": ONCE}}
SET = {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "a"}
STATEFUL = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": SOME, "spec": SET}
WANTED = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10G"}}}
CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": LIVE, "spec": WANTED, "status": {"phase": "Bound"}}
OFFERED = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1G"}}
VOLUME = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "a"}, "spec": OFFERED}

GATE, NODE = [{"name": "g"}], "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
TERM = {"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}
MORE = {"matchExpressions": [*TERM["matchExpressions"], {"key": "l", "operator": "Exists"}]}
HOLDS = {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 10}
INDEXED = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
DATA = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
HOST = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]
ZONE = [{"matchExpressions": [{"key": "beta.kubernetes.io/arch", "operator": "In", "values": ["a"]}]}]
TERMS = "nodeAffinity.required.nodeSelectorTerms"

# Plain object, name of the case, old, new, whether the server takes it.
CASES = [
    (POD, "nothing", {}, {}, True),
    (POD, "image", {}, {"containers": [{"name": "c", "image": "i:2"}]}, True),
    (POD, "image of an init container", {"initContainers": [CONTAINER]}, {"initContainers": [{"name": "c", "image": "i:2"}]}, True),
    (POD, "more containers", {}, {"containers": [CONTAINER, {"name": "d", "image": "i"}]}, False),
    (POD, "less containers", {"containers": [CONTAINER, {"name": "d", "image": "i"}]}, {}, False),
    (POD, "more init containers", {}, {"initContainers": [{"name": "d", "image": "i"}]}, False),
    (POD, "containers swapped", {"containers": [CONTAINER, {"name": "d", "image": "i"}]},
     {"containers": [{"name": "d", "image": "i"}, CONTAINER]}, False),
    (POD, "image removed", {}, {"containers": [{"name": "c", "image": ""}]}, False),
    (POD, "port changed", {"containers": [{**CONTAINER, "ports": [{"containerPort": 80}]}]},
     {"containers": [{**CONTAINER, "ports": [{"containerPort": 81}]}]}, False),
    (POD, "hostPort changed", {"containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}]}]},
     {"containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 81}]}]}, False),
    (POD, "cpu changed", {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": "100m"}}}]},
     {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": "200m"}}}]}, False),
    (POD, "cpu spelled otherwise", {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": "100m"}}}]},
     {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": 0.1}, "requests": {"cpu": "0.1"}}}]}, True),
    (POD, "deadline set", {}, {"activeDeadlineSeconds": 30}, True),
    (POD, "deadline to zero", {}, {"activeDeadlineSeconds": 0}, True),
    (POD, "deadline shorter", {"activeDeadlineSeconds": 50}, {"activeDeadlineSeconds": 30}, True),
    (POD, "deadline longer", {"activeDeadlineSeconds": 30}, {"activeDeadlineSeconds": 50}, False),
    (POD, "deadline gone", {"activeDeadlineSeconds": 30}, {}, False),
    (POD, "grace set to 1 from below zero", {"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 1}, True),
    (POD, "grace set to 2 from below zero", {"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 2}, False),
    (POD, "grace set to 1 from above zero", {"terminationGracePeriodSeconds": 20}, {"terminationGracePeriodSeconds": 1}, False),
    (POD, "toleration added", {}, {"tolerations": [HOLDS]}, True),
    (POD, "toleration gone", {"tolerations": [HOLDS]}, {}, False),
    (POD, "toleration changed", {"tolerations": [HOLDS]}, {"tolerations": [{**HOLDS, "value": "w"}]}, False),
    (POD, "toleration's seconds changed", {"tolerations": [HOLDS]}, {"tolerations": [{**HOLDS, "tolerationSeconds": 20}]}, True),
    (POD, "tolerations reordered", {"tolerations": [HOLDS, {"operator": "Exists"}]},
     {"tolerations": [{"operator": "Exists"}, HOLDS]}, True),
    (POD, "priority changed", {"priority": 1}, {"priority": 2}, False),
    (POD, "priorityClassName changed", {"priorityClassName": "a"}, {"priorityClassName": "b"}, False),
    (POD, "priorityClassName gone", {"priorityClassName": "a"}, {}, False),
    (POD, "runtimeClassName changed", {"runtimeClassName": "a"}, {"runtimeClassName": "b"}, False),
    (POD, "os changed", {"os": {"name": "windows"}}, {"os": {"name": "linux"}}, False),
    (POD, "gate added", {}, {"schedulingGates": GATE}, False),
    (POD, "gate gone", {"schedulingGates": GATE}, {}, True),
    (POD, "gate replaced", {"schedulingGates": GATE}, {"schedulingGates": [{"name": "h"}]}, False),
    (POD, "selector of nodes, gated", {"schedulingGates": GATE}, {"schedulingGates": GATE, "nodeSelector": {"a": "b"}}, True),
    (POD, "selector of nodes grows, gate gone", {"schedulingGates": GATE, "nodeSelector": {"a": "b"}},
     {"nodeSelector": {"a": "b", "c": "d"}}, True),
    (POD, "selector of nodes, not gated", {}, {"nodeSelector": {"a": "b"}}, False),
    (POD, "selector of nodes loses a key, gated", {"schedulingGates": GATE, "nodeSelector": {"a": "b"}}, {"schedulingGates": GATE}, False),
    (POD, "selector of nodes changes, gated", {"schedulingGates": GATE, "nodeSelector": {"a": "b"}},
     {"schedulingGates": GATE, "nodeSelector": {"a": "c"}}, False),
    (POD, "affinity, gated", {"schedulingGates": GATE}, {"schedulingGates": GATE, NODE: [TERM]}, True),
    (POD, "affinity, not gated", {}, {NODE: [TERM]}, False),
    (POD, "affinity narrower, gated", {"schedulingGates": GATE, NODE: [TERM]}, {"schedulingGates": GATE, NODE: [MORE]}, True),
    (POD, "affinity wider, gated", {"schedulingGates": GATE, NODE: [MORE]}, {"schedulingGates": GATE, NODE: [TERM]}, False),
    (POD, "affinity with a term more, gated", {"schedulingGates": GATE, NODE: [TERM]},
     {"schedulingGates": GATE, NODE: [TERM, MORE]}, False),
    (POD, "affinity gone, gated", {"schedulingGates": GATE, NODE: [TERM]}, {"schedulingGates": GATE}, False),
    (POD, "affinity between pods, gated", {"schedulingGates": GATE},
     {"schedulingGates": GATE, "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "a"}]}, False),
    (SERVICE, "port", {}, {"ports": [{"port": 81}]}, True),
    (SERVICE, "selector", {}, {"selector": {"a": "c"}}, True),
    (SERVICE, "type NodePort", {}, {"type": "NodePort"}, True),
    (SERVICE, "session affinity", {}, {"sessionAffinity": "ClientIP"}, True),
    (SERVICE, "address changed", {"clusterIP": "1.2.3.4", "clusterIPs": ["1.2.3.4"]},
     {"clusterIP": "1.2.3.5", "clusterIPs": ["1.2.3.5"]}, False),
    (SERVICE, "address gone with the type", {"clusterIP": "1.2.3.4"}, {"type": "ExternalName", "externalName": "a", "ports": GONE}, True),
    (SERVICE, "address from ExternalName", {"type": "ExternalName", "externalName": "a"}, {"clusterIP": "1.2.3.4"}, True),
    (SERVICE, "headless", {"clusterIP": "1.2.3.4", "clusterIPs": ["1.2.3.4"]}, {"clusterIP": "None", "clusterIPs": ["None"]}, False),
    (SERVICE, "second address", {"clusterIPs": ["1.2.3.4"]}, {"clusterIPs": ["1.2.3.4", "2001::1"]}, True),
    (SERVICE, "second address gone", {"clusterIPs": ["1.2.3.4", "2001::1"]}, {"clusterIPs": ["1.2.3.4"]}, True),
    (SERVICE, "second address changed", {"clusterIPs": ["1.2.3.4", "2001::1"]}, {"clusterIPs": ["1.2.3.4", "2001::2"]}, False),
    (SERVICE, "first family", {"ipFamilies": ["IPv4"]}, {"ipFamilies": ["IPv6"]}, False),
    (SERVICE, "families swapped", {"ipFamilies": ["IPv4", "IPv6"]}, {"ipFamilies": ["IPv6", "IPv4"]}, False),
    (SERVICE, "second family", {"ipFamilies": ["IPv4"]}, {"ipFamilies": ["IPv4", "IPv6"]}, True),
    (SERVICE, "class changed", {"type": "LoadBalancer", "loadBalancerClass": "a/b"},
     {"type": "LoadBalancer", "loadBalancerClass": "a/c"}, False),
    (SERVICE, "class set late", {"type": "LoadBalancer"}, {"type": "LoadBalancer", "loadBalancerClass": "a/c"}, False),
    (SERVICE, "class set with the type", {}, {"type": "LoadBalancer", "loadBalancerClass": "a/c"}, True),
    (SERVICE, "class gone with the type", {"type": "LoadBalancer", "loadBalancerClass": "a/b"}, {}, True),
    (SERVICE, "health check port", {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 3001},
     {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 3002}, False),
    (STATEFUL, "replicas, template, strategy", {},
     {"replicas": 3, "updateStrategy": {"type": "OnDelete"}, "template.metadata.labels": {"a": "b", "c": "d"}}, True),
    (STATEFUL, "minReadySeconds", {}, {"minReadySeconds": 10}, True),
    (STATEFUL, "ordinals", {}, {"ordinals": {"start": 2}}, True),
    (STATEFUL, "retention of claims", {}, {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}, True),
    (STATEFUL, "serviceName", {}, {"serviceName": "b"}, False),
    (STATEFUL, "podManagementPolicy", {}, {"podManagementPolicy": "Parallel"}, False),
    (STATEFUL, "podManagementPolicy by default", {}, {"podManagementPolicy": "OrderedReady"}, True),
    (STATEFUL, "selector", {}, {"selector": {"matchLabels": {"a": "b", "c": "d"}}}, False),
    (STATEFUL, "claim added", {}, {"volumeClaimTemplates": [DATA]}, False),
    (STATEFUL, "claim gone", {"volumeClaimTemplates": [DATA]}, {}, False),
    (JOB, "parallelism", {"completions": 2, "parallelism": 1}, {"completions": 2, "parallelism": 2}, True),
    (JOB, "suspend, backoffLimit, ttl", {}, {"suspend": True, "backoffLimit": 2, "ttlSecondsAfterFinished": 3}, True),
    (JOB, "completions", {"completions": 1}, {"completions": 2}, False),
    (JOB, "completions of an indexed Job alone", INDEXED, {**INDEXED, "completions": 3}, False),
    (JOB, "completions of an indexed Job with parallelism", INDEXED, {**INDEXED, "completions": 3, "parallelism": 3}, True),
    (JOB, "completionMode", {"completions": 2}, {"completions": 2, "completionMode": "Indexed"}, False),
    (JOB, "selector", {"selector": SELECTOR}, {"selector": {"matchLabels": {"c": "d"}}}, False),
    (JOB, "template", {}, {"template.spec.dnsPolicy": "Default"}, False),
    (JOB, "success policy", INDEXED, {**INDEXED, "successPolicy": {"rules": [{"succeededCount": 1}]}}, False),
    (JOB, "failure policy", {}, {"podFailurePolicy": {"rules": []}, "backoffLimitPerIndex": 1}, False),
    (JOB, "nodeSelector", {}, {"template.spec.nodeSelector": {"a": "b"}}, False),
    (JOB, "nodeSelector, suspended", {"suspend": True}, {"suspend": True, "template.spec.nodeSelector": {"a": "b"}}, True),
    (JOB, "nodeSelector, resumed", {"suspend": True}, {"template.spec.nodeSelector": {"a": "b"}}, True),
    (JOB, "tolerations, suspended", {"suspend": True}, {"suspend": True, "template.spec.tolerations": [HOLDS]}, True),
    (JOB, "labels, suspended", {"suspend": True}, {"suspend": True, "template.metadata": {"labels": {"a": "c"}}}, True),
    (JOB, "gates, suspended", {"suspend": True}, {"suspend": True, "template.spec.schedulingGates": GATE}, True),
    (JOB, "node affinity, suspended", {"suspend": True}, {"suspend": True, f"template.spec.{NODE}": [TERM]}, True),
    (JOB, "pod affinity, suspended", {"suspend": True}, {"suspend": True, "template.spec.affinity.podAffinity.x": [1]}, False),
    (JOB, "image, suspended", {"suspend": True}, {"suspend": True, "template.spec.containers": [{"name": "c", "image": "i:2"}]}, False),
    (CLAIM, "size grows", {}, {"resources.requests.storage": "12G"}, True),
    (CLAIM, "size shrinks", {}, {"resources.requests.storage": "8G"}, False),
    (CLAIM, "accessModes", {}, {"accessModes": ["ReadWriteMany"]}, False),
    (CLAIM, "limits", {}, {"resources.limits": {"storage": "20G"}}, False),
    (CLAIM, "volume named", {}, {"volumeName": "v"}, True),
    (CLAIM, "volume renamed", {"volumeName": "v"}, {"volumeName": "w"}, False),
    (CLAIM, "volumeMode", {}, {"volumeMode": "Block"}, False),
    (CLAIM, "class from none", {}, {"storageClassName": "a"}, True),
    (CLAIM, "class from the empty one", {"storageClassName": ""}, {"storageClassName": "a"}, False),
    (CLAIM, "class changed", {"storageClassName": "a"}, {"storageClassName": "b"}, False),
    (CLAIM, "dataSourceRef as the server writes it", {"dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}},
     {"dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}, "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "a"}}, True),
    (CLAIM, "attributes class", {"volumeAttributesClassName": "a"}, {"volumeAttributesClassName": "b"}, True),
    (VOLUME, "path", {"hostPath": {"path": "/a"}}, {"hostPath": {"path": "/b"}}, False),
    (VOLUME, "kind of source", {"hostPath": {"path": "/a"}}, {"local": {"path": "/a"}}, False),
    (VOLUME, "secret to expand with set", {"csi": {"driver": "d"}},
     {"csi": {"driver": "d", "controllerExpandSecretRef": {"name": "a"}}}, True),
    (VOLUME, "secret to expand with changed", {"csi": {"driver": "d", "controllerExpandSecretRef": {"name": "a"}}},
     {"csi": {"driver": "d", "controllerExpandSecretRef": {"name": "b"}}}, False),
    (VOLUME, "capacity, class, policy, modes, claim", {"hostPath": {"path": "/a"}},
     {"hostPath": {"path": "/a"}, "capacity": {"storage": "2G"}, "storageClassName": "a", "persistentVolumeReclaimPolicy": "Delete",
      "accessModes": ["ReadOnlyMany"], "claimRef": {"name": "a"}, "mountOptions": ["ro"]}, True),
    (VOLUME, "affinity set", {"local": {"path": "/a"}}, {"local": {"path": "/a"}, TERMS: HOST}, True),
    (VOLUME, "affinity changed", {TERMS: HOST}, {TERMS: ZONE}, False),
    (VOLUME, "affinity with the label's new name", {TERMS: ZONE},
     {TERMS: [{"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["a"]}]}]}, True),
]  # fmt: skip


def with_spec(plain, changes):
    """Return a copy of an object with fields of its spec set ("template.spec.dnsPolicy") or taken away."""
    value = copy.deepcopy(plain)
    for path, part in changes.items():
        *steps, last = path.split(".")
        holder = value["spec"]
        for step in steps:
            holder = holder.setdefault(step, {})
        if part is GONE:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(part)
    return value


@pytest.mark.parametrize(("plain", "name", "old", "new", "taken"), CASES, ids=lambda part: part if isinstance(part, str) else "")
def test_the_verdict_is_that_of_the_servers_own_tests(plain, name, old, new, taken):
    before = with_spec(plain, old)
    after = with_spec({**plain, "metadata": SOME} if plain is CLAIM else plain, new)
    found = judge_update(before, Manifest(after, 1))
    assert (found == []) is taken, found


def test_no_kind_that_may_change_freely_is_refused():
    free = ("CronJob", "Ingress", "NetworkPolicy", "LimitRange", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ServiceAccount")
    for kind in (
        *free,
        "Role",
        "Namespace",
        "Lease",
        "APIService",
        "FlowSchema",
        "ValidatingAdmissionPolicyBinding",
        "ReplicationController",
    ):
        old = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": {"a": 1, "selector": {"a": "b"}, "template": TEMPLATE}}
        new = {**old, "spec": {"a": 2, "selector": {"a": "c"}, "template": ONCE}, "rules": []}
        assert judge_update(old, Manifest(new, 1)) == [], kind


def test_releases_differ_where_a_feature_came_on():
    def taken(plain, old, new):
        after = with_spec(plain, new)
        before = with_spec(plain, old)
        return [minor for minor in range(25, 38) if not judge_update(before, Manifest(after, 1), f"1.{minor}")]

    assert taken(STATEFUL, {}, {"ordinals": {"start": 2}}) == list(range(27, 38))
    assert taken(JOB, INDEXED, {**INDEXED, "completions": 3, "parallelism": 3}) == list(range(27, 38))
    resources = {"template.spec.containers": [{**CONTAINER, "resources": {"limits": {"cpu": 1}}}]}
    assert taken(JOB, {"suspend": True}, resources) == [36, 37]
    assert taken(POD, {"schedulingGates": GATE}, {"nodeSelector": {"a": "b"}}) == list(range(27, 38))
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "a"}, "spec": {}}
    assert taken(driver, {}, {"fsGroupPolicy": "File"}) == list(range(29, 38))
