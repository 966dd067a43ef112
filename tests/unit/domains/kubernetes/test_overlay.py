"""Statements written over objects: what changes, what follows, what stays, and what is refused with a reason."""

import copy

import pytest
import yaml

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.answers import judge
from kubestill.domains.kubernetes.intents.aspects import aspects_of
from kubestill.domains.kubernetes.intents.lens import Facts, read
from kubestill.domains.kubernetes.intents.notes import read_notes
from kubestill.domains.kubernetes.intents.overlay import overlay, told
from kubestill.domains.kubernetes.manifests import read as read_manifests

CONTAINER = {
    "name": "web",
    "image": "nginx:1.27",
    "ports": [{"containerPort": 8080, "name": "http"}],
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTPS"}, "periodSeconds": 5},
    "env": [
        {"name": "MODE", "value": "fast"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "old", "key": "t", "optional": True}}},
    ],
    "resources": {"limits": {"memory": "128Mi"}},
    "volumeMounts": [{"name": "conf", "mountPath": "/etc/web"}],
    "securityContext": {"capabilities": {"add": ["CHOWN"], "drop": ["KILL"]}},
}
POD = {"containers": [CONTAINER], "volumes": [{"name": "conf", "configMap": {"name": "web", "defaultMode": 256}}]}
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": POD},
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}]},
}
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 5,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
            {"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
        ],
    },
}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader"},
    "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["db"], "verbs": ["get"]},
    ],
}
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
}
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "web"},
    "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "web"},
    "spec": {"tls": [{"hosts": ["a.io", "b.io"], "secretName": "old"}], "rules": [{"host": "a.io", "http": {"paths": []}}]},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "data": {"user": "YWRtaW4="}}
TWO = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [CONTAINER, {"name": "log", "image": "fluentd:1"}]},
}
OBJECTS = {obj["kind"]: obj for obj in (WEB, SERVICE, AUTOSCALER, ROLE, BUDGET, POLICY, INGRESS, SECRET, TWO)}
SPEC, ONE = ("spec",), ("spec", "template", "spec", "containers", 0)


def changed(kind, *lines):
    obj = OBJECTS[kind]
    before = copy.deepcopy(obj)
    after = overlay(obj, read_notes("\n".join((f"kind: {kind}", "name: " + obj["metadata"]["name"], *lines))))
    assert obj == before, "the object itself is never changed"
    return after


def at(obj, path):
    for step in path:
        obj = obj[step]
    return obj


def leaves(value, path=()):
    if isinstance(value, dict | list) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


@pytest.mark.parametrize(
    ("kind", "lines", "path", "value"),
    [
        ("Deployment", ["spec.replicas: 5"], (*SPEC, "replicas"), 5),
        ("Deployment", ["container.image: nginx:1.28"], (*ONE, "image"), "nginx:1.28"),
        ("Deployment", ["container.limits.memory: 1Gi"], (*ONE, "resources", "limits", "memory"), "1Gi"),
        ("Deployment", ["container.env: MODE slow"], (*ONE, "env", 0, "value"), "slow"),
        ("Deployment", ["mount.configMap: /etc/web site"], ("spec", "template", "spec", "volumes", 0, "configMap", "name"), "site"),
        ("Deployment", ["label: app shop"], ("metadata", "labels", "app"), "shop"),
        ("Deployment", ["container.readinessProbe.httpGet: /live / 8080"], (*ONE, "readinessProbe", "httpGet", "path"), "/live"),
        ("HorizontalPodAutoscaler", ["metric.utilization: cpu 50"], (*SPEC, "metrics", 0, "resource", "target", "averageUtilization"), 50),
        ("HorizontalPodAutoscaler", ["target: Deployment / api"], (*SPEC, "scaleTargetRef", "name"), "api"),
        ("Secret", ["data: user root"], ("data", "user"), "cm9vdA=="),
        ("Service", ["port.node: 80 30090"], (*SPEC, "ports", 0, "nodePort"), 30090),
    ],
)
def test_one_statement_changes_one_value(kind, lines, path, value):
    after = changed(kind, *lines)
    assert at(after, path) == value
    before = dict(leaves(OBJECTS[kind]))
    assert {where: what for where, what in leaves(after) if before.get(where) != what} == {path: value}
    assert len(dict(leaves(after))) == len(before)


@pytest.mark.parametrize(
    ("kind", "lines", "path", "value"),
    [
        ("Deployment", ["container.env: TOKEN abc"], (*ONE, "env", 1), {"name": "TOKEN", "value": "abc"}),
        (
            "Deployment",
            ["container.env.secret: TOKEN new / key"],
            (*ONE, "env", 1, "valueFrom"),
            {"secretKeyRef": {"name": "new", "key": "key", "optional": True}},
        ),
        (
            "Deployment",
            ["container.env.configMap: MODE c / m"],
            (*ONE, "env", 0),
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "m"}}},
        ),
        ("Deployment", ["spec.strategy.type: Recreate"], (*SPEC, "strategy"), {"type": "Recreate"}),
        (
            "Deployment",
            ["container.readinessProbe.exec: cat / /ok"],
            (*ONE, "readinessProbe"),
            {"exec": {"command": ["cat", "/ok"]}, "periodSeconds": 5},
        ),
        (
            "Deployment",
            ["container.securityContext.capabilities.add: SYS_TIME"],
            (*ONE, "securityContext", "capabilities", "add"),
            ["CHOWN", "SYS_TIME"],
        ),
        ("Deployment", ["container.securityContext.capabilities.drop: ALL"], (*ONE, "securityContext", "capabilities", "drop"), ["ALL"]),
        ("Deployment", ["container.name: server"], (*ONE, "name"), "server"),
        (
            "Deployment",
            ["mount.pvc: /etc/web data"],
            ("spec", "template", "spec", "volumes"),
            [{"name": "conf", "persistentVolumeClaim": {"claimName": "data"}}],
        ),
        ("Service", ["spec.type: ClusterIP"], SPEC, {"type": "ClusterIP", "selector": {"app": "web"}, "ports": [{"port": 80}]}),
        ("PodDisruptionBudget", ["spec.maxUnavailable: 1"], SPEC, {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1}),
        ("Role", ["grant: pods list / watch"], ("rules", 0, "verbs"), ["get", "list", "watch"]),
        ("Role", ["grant: services delete", "grant: endpoints delete"], ("rules", 1, "verbs"), ["get", "delete"]),
        ("Role", ["grant: services delete"], ("rules", 3), {"apiGroups": [""], "resources": ["services"], "verbs": ["delete"]}),
        ("Role", ["grant: secrets get", "grant.names: secrets cert"], ("rules", 2, "resourceNames"), ["db", "cert"]),
        (
            "Role",
            ["grant.names: pods web"],
            ("rules", 0),
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"], "resourceNames": ["web"]},
        ),
        ("NetworkPolicy", ["deny: egress true"], (*SPEC, "policyTypes"), ["Ingress", "Egress"]),
        ("NetworkPolicy", ["deny: ingress true"], SPEC, {"podSelector": {}}),
        (
            "Ingress",
            ["tls: b.io new"],
            (*SPEC, "tls"),
            [{"hosts": ["a.io"], "secretName": "old"}, {"hosts": ["b.io"], "secretName": "new"}],
        ),
        ("Secret", ["data: password x"], ("data", "password"), "eA=="),
    ],
)
def test_what_cannot_stand_beside_a_statement_goes_and_what_belongs_to_it_comes(kind, lines, path, value):
    assert at(changed(kind, *lines), path) == value


def test_a_port_that_moves_takes_its_probes_along():
    container = at(changed("Deployment", "container.port: 9090"), ONE)
    assert container["ports"] == [{"containerPort": 9090, "name": "http"}]
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 9090, "scheme": "HTTPS"}


def test_a_port_under_another_name_is_one_more():
    container = at(changed("Deployment", "container.port: 9090", "container.port.name: 9090 metrics"), ONE)
    assert container["ports"] == [{"containerPort": 8080, "name": "http"}, {"containerPort": 9090, "name": "metrics"}]
    assert container["readinessProbe"]["httpGet"]["port"] == 8080
    ports = at(changed("Service", "port: 80", "port: 443"), ("spec", "ports"))
    assert [(port["port"], port["name"]) for port in ports] == [(80, "port-80"), (443, "port-443")]


def test_the_port_of_a_service_moves_and_what_it_leads_to_stays():
    assert at(changed("Service", "port: 8080"), ("spec", "ports")) == [{"port": 8080, "nodePort": 30080, "targetPort": 80}]


def test_a_container_is_the_one_that_is_named():
    for lines in (
        ["container.image: log fluentd:2", "container.image: web nginx:2"],
        ["container.name: log", "container.image: fluentd:2"],
    ):
        images = [one["image"] for one in changed("Pod", *lines)["spec"]["containers"]]
        assert images[1] == "fluentd:2"
    with pytest.raises(ValueError, match="web, log"):
        changed("Pod", "container.image: nginx:2")
    with pytest.raises(ValueError, match="no container is called api; there are web, log"):
        changed("Pod", "container.name: api", "container.limits.cpu: 1")


def test_what_holds_already_changes_nothing():
    assert changed("Deployment", "container.limits.memory: 134217728", "spec.replicas: 2", "container.port: 8080") == WEB
    plain = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    assert overlay(plain, [Intent("port.target", ("80",), 80), Intent("spec.type", (), "ClusterIP")]) == plain


def test_null_fields_and_key_order_stay():
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", "labels": None, "annotations": None}, "data": {"k": "v"}}
    after = overlay(obj, [Intent("label", ("x",), "y")])
    assert list(after) == list(obj)
    assert after["metadata"] == {"name": "a", "labels": {"x": "y"}, "annotations": None}


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("Deployment", "podLabel: app api", "selector"),
        ("Deployment", "spec.schedule: * * * * *", "no spec.schedule"),
        ("Deployment", "container.livenessProbe.periodSeconds: 5", "no livenessProbe"),
        ("Deployment", "mount.readOnly: /srv true", "nothing is mounted at /srv"),
        ("Deployment", "container.port.name: http 8080", "no number"),
        ("Role", "grant.names: services web", "other resources"),
        ("NetworkPolicy", "deny: sideways true", "sideways"),
        ("Ingress", "rule.pathType: a.io / Exact", "no path /"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(kind, line, reason):
    with pytest.raises(ValueError, match=reason):
        changed(kind, line)


def test_another_object_is_refused():
    for intent in (Intent("name", (), "api"), Intent("kind", (), "StatefulSet")):
        with pytest.raises(ValueError, match=str(intent.value)):
            overlay(WEB, [intent])
    with pytest.raises(ValueError, match="Widget"):
        overlay({"kind": "Widget"}, [])
    with pytest.raises(ValueError, match="shape"):
        overlay(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": {"a": 1}}},
            [Intent("container.image", ("",), "x")],
        )


def test_statements_of_one_object_written_over_another_hold_and_a_second_time_change_nothing(drawn):
    """The lenses' own reading is the second way: what was written is read as what was said."""
    samples = [sample for part in drawn.values() for sample in part][::4]
    kinds, done = {}, 0
    for sample in samples:
        donor = kinds.get(sample.kind)
        kinds[sample.kind] = sample
        if donor is None:
            continue
        obj = yaml.safe_load(sample.answer)
        said = [intent for intent in donor.intents if intent.aspect not in ("kind", "name")]
        try:
            after = overlay(obj, said)
        except ValueError:
            continue
        done += 1
        assert overlay(after, said) == after
        facts = Facts(after)
        for intent in (one for one in said if one.aspect.split(".")[0] not in ("container", "mount", "grant")):
            assert facts.holds(intent), (sample.answer, told(intent))
    assert done > 50


def test_varied_statements_of_real_manifests_change_nothing_else(real_records):
    done = 0
    for record in real_records[::2]:
        manifests = read_manifests(record["text"]).manifests
        obj = manifests[0].object if len(manifests) == 1 else {}
        if record["schema_1_36"] != "valid" or obj.get("kind") not in OBJECTS or judge(record["text"]).verdict.failed_on:
            continue
        for intent in read(obj):
            if intent.aspect not in aspects_of(obj["kind"]) or type(intent.value) is not int or intent.aspect in ("port", "container.port"):
                continue
            after = overlay(obj, [Intent(intent.aspect, intent.keys, intent.value + 1)])
            facts = Facts(after)
            assert all(facts.holds(one) for one in read(obj) if (one.aspect, one.keys) != (intent.aspect, intent.keys))
            before = dict(leaves(obj))
            assert sum(before.get(where) != value for where, value in leaves(after)) == 1
            done += 1
    assert done > 25
