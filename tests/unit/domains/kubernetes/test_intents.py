"""Intents: read, build and read again; equal meanings are equal; and a manifest that changed is noticed."""

import re

import pytest
import yaml

from kubestill.domains.api import TRAIN, Intent
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import Facts, build, read
from kubestill.domains.kubernetes.manifests import read as read_manifests
from support.trees import leaves, nodes, replaced, shown, without

# What an answer says beyond what was asked: the API wants it, or it ties two parts together (the rules look at these).
UNASKED = re.compile(
    r"apiVersion|.*template\.metadata\.labels\.app|spec\.selector\.(matchLabels\.)?app|.*containers\.#\.name|.*paths\.#\.pathType"
    r"|.*spec\.restartPolicy|.*target\.type|roleRef\.apiGroup|subjects\.#\.apiGroup|spec\.scaleTargetRef\.apiVersion|.*accessModes\.#"
    r"|spec\.serviceName|.*tolerations\.#\.operator|spec\.ports\.#\.name|.*volumes\.#\.emptyDir|.*volumes\.#\.name"
)
# Leaves that mean the same when they are left out, from the API reference of Kubernetes v1.36.
DEFAULTS = {
    "replicas": 1, "minReplicas": 1, "type": {"ClusterIP", "RollingUpdate", "Opaque"}, "protocol": "TCP", "path": "/", "maxSurge": "25%",
    "maxUnavailable": "25%", "failureThreshold": 3, "privileged": False, "policyTypes": {"Ingress", "Egress"}, "apiGroups": "",
    "failedJobsHistoryLimit": 1, "successfulJobsHistoryLimit": 3, "concurrencyPolicy": "Allow", "backoffLimit": 6, "periodSeconds": 10,
    "timeoutSeconds": 1, "terminationGracePeriodSeconds": 30, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
    "volumeMode": "Filesystem", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", "persistentVolumeReclaimPolicy": "Retain",
    "restartPolicy": "Always", "targetPort": None, "podSelector": None,
}  # fmt: skip


def fallen(obj, intents):
    facts = Facts(obj)
    return {place for place, intent in enumerate(intents) if not facts.holds(intent)}


def other(value):
    """Another value of the same type, valid where that is easy."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 7
    peer = [{"podSelector": {"matchLabels": {"x": "y"}}}]
    return {"matchLabels": {"x": "y"}, "from": peer, "to": peer} if value == {} else f"{value}7"


def is_default(path, value):
    name = next(key for key in reversed(path) if isinstance(key, str))
    usual = DEFAULTS.get(name, ...)
    return usual is None or (value in usual if isinstance(usual, set) else value == usual and type(value) is type(usual))


def test_whatever_leaf_changes_or_goes_some_intent_falls_and_every_intent_can_fall(drawn):
    never: dict[str, list[bool]] = {}
    for sample in [sample for samples in drawn.values() for sample in samples[::4]]:
        obj = read_manifests(sample.answer).manifests[0].object
        assert not fallen(obj, sample.intents), sample.answer
        broken = {0}
        for path, value in leaves(obj):
            if path == ("kind",):
                continue
            changed, gone = fallen(replaced(obj, path, other(value)), sample.intents), fallen(without(obj, path), sample.intents)
            where = (shown(path), value, sample.answer)
            assert changed or UNASKED.fullmatch(shown(path)), where
            assert gone or UNASKED.fullmatch(shown(path)) or is_default(path, value), where
            broken |= changed | gone
        for place, intent in enumerate(sample.intents):
            never.setdefault(intent.aspect, []).append(place in broken)
    assert len(never) > 60
    assert {aspect: found for aspect, found in never.items() if not all(found)} == {}


def test_what_is_built_says_what_was_asked_and_building_it_again_says_the_same(drawn):
    kinds = set()
    for sample in [sample for samples in drawn.values() for sample in samples]:
        obj = build(sample.intents)
        kinds.add(obj["kind"])
        assert not fallen(obj, sample.intents)
        again = build(read(obj))
        assert not fallen(again, sample.intents) and not fallen(again, read(obj)) and not fallen(obj, read(again))
    assert kinds == set(KINDS)


def test_the_order_of_the_asking_does_not_matter(drawn):
    for sample in drawn[TRAIN]:
        assert not fallen(build([sample.intents[0], *reversed(sample.intents)]), sample.intents), sample.answer


def test_real_manifests_read_build_and_read_back(real_records):
    objects = [found[0].object for record in real_records if len(found := read_manifests(record["text"]).manifests) == 1]
    objects = [obj for obj in objects if obj.get("kind") in KINDS and obj.get("apiVersion") == KINDS[obj["kind"]].api_version]
    assert len(objects) > 150
    lost = []
    for obj in objects:
        intents = [intent for intent in read(obj) if "[]" not in intent.aspect and intent.value is not None]
        assert not fallen(obj, intents), obj
        if any(intent.aspect == "name" for intent in intents):
            lost += [intents[place] for place in fallen(build(intents), intents)]
    assert len(lost) <= 3, lost  # two ports of one number (TCP and UDP) are one to the lens


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: a:1\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n"
POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web}\nspec:\n  podSelector: {}\n"
ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: web}\nrules:\n"
CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: web}\nspec:\n"
VOLUME = "    volumeMounts: [{name: v, mountPath: /d}]\n  volumes:\n"
RESOURCES = "    resources: {limits: {cpu: %s, memory: %s}}\n"
PROBED = "    ports: [{name: http, containerPort: 8080}]\n    %s: {%s}\n"
INIT = "  initContainers: [{name: i, image: b, resources: {requests: {memory: %s, cpu: %s}}}]\n"
ALLOW = "  policyTypes: [Ingress]\n  ingress: [%s]\n"
SAME = {
    "quantities": (POD + RESOURCES % (1, "1Gi"), POD + RESOURCES % ("1000m", "1024Mi")),
    "quantities of an init container": (POD + INIT % ("1Gi", "500m"), POD + INIT % ("1024Mi", 0.5)),
    "order of environment": (
        POD + "    env: [{name: A, value: x}, {name: B, value: y}]\n",
        POD + "    env: [{name: B, value: y}, {name: A, value: x}]\n",
    ),
    "order of sets": (CLAIM + "  accessModes: [ReadWriteOnce, ReadOnlyMany]\n", CLAIM + "  accessModes: [ReadOnlyMany, ReadWriteOnce]\n"),
    "order of verbs, and rules split": (
        ROLE + "- {apiGroups: [''], resources: [pods], verbs: [get, list]}\n",
        ROLE + "- {apiGroups: [''], resources: [pods], verbs: [list]}\n- {apiGroups: [''], resources: [pods], verbs: [get]}\n",
    ),
    "target port that repeats the port": (SERVICE + "  ports: [{port: 80, targetPort: 80}]\n", SERVICE + "  ports: [{port: 80}]\n"),
    "protocol TCP": (SERVICE + "  ports: [{port: 80, protocol: TCP}]\n", SERVICE + "  ports: [{port: 80}]\n"),
    "type ClusterIP": (SERVICE + "  type: ClusterIP\n  ports: [{port: 80}]\n", SERVICE + "  ports: [{port: 80}]\n"),
    "a probe by number and by name": (
        POD + PROBED % ("livenessProbe", "httpGet: {path: /, port: 8080}"),
        POD + PROBED % ("livenessProbe", "httpGet: {path: /, port: http, scheme: HTTP}"),
    ),
    "a TCP probe by number and by name": (
        POD + PROBED % ("readinessProbe", "tcpSocket: {port: 8080}"),
        POD + PROBED % ("readinessProbe", "tcpSocket: {port: http}, periodSeconds: 10"),
    ),
    "the name of a volume": (
        POD + VOLUME.replace("v,", "x,") + "  - {name: x, secret: {secretName: s}}\n",
        POD + VOLUME + "  - {name: v, secret: {secretName: s}}\n",
    ),
    "a volume without a source": (POD + VOLUME + "  - {name: v, emptyDir: {}}\n", POD + VOLUME + "  - {name: v}\n"),
    "a volume with a null source": (POD + VOLUME + "  - {name: v, emptyDir: {}}\n", POD + VOLUME + "  - {name: v, emptyDir: null}\n"),
    "a null value": (POD + "    env: [{name: A}]\n", POD + "    env: [{name: A, value: null}]\n"),
    "a rule that restricts nothing": (POLICY + ALLOW % "{}", POLICY + ALLOW % "{from: [], ports: []}"),
    "a null rule": (POLICY + ALLOW % "{}", POLICY + ALLOW % "null"),
    "policy types by default": (POLICY + "  policyTypes: [Ingress]\n", POLICY + "  egress: []\n"),
    "data and stringData": (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aGVsbG8=}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: Opaque\nstringData: {a: hello}\n",
    ),
    "number and text of a percentage-free budget": (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 2, selector: {matchLabels: {a: b}}}\n",
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {selector: {matchLabels: {a: b}}, minAvailable: 2}\n",
    ),
}
OTHER = {
    "quantity": (POD + RESOURCES % (1, "1Gi"), POD + RESOURCES % (1, "1G")),
    "order of a command": (POD + "    command: [a, b]\n", POD + "    command: [b, a]\n"),
    "a verb more": (
        ROLE + "- {apiGroups: [''], resources: [pods], verbs: [get]}\n",
        ROLE + "- {apiGroups: [''], resources: [pods], verbs: [get, list]}\n",
    ),
    "the group": (
        ROLE + "- {apiGroups: [apps], resources: [deployments], verbs: [get]}\n",
        ROLE + "- {apiGroups: [''], resources: [deployments], verbs: [get]}\n",
    ),
    "a UDP port": (SERVICE + "  ports: [{port: 53, protocol: UDP}]\n", SERVICE + "  ports: [{port: 53}]\n"),
    "a target port": (SERVICE + "  ports: [{port: 80, targetPort: 81}]\n", SERVICE + "  ports: [{port: 80}]\n"),
    "deny and allow all": (POLICY + "  policyTypes: [Ingress]\n", POLICY + ALLOW % "{}"),
    "deny egress": (POLICY + "  policyTypes: [Egress]\n", POLICY + "  egress: []\n"),
    "one rule and two": (
        POLICY + ALLOW % "{from: [{podSelector: {matchLabels: {a: b}}}], ports: [{port: 1}]}",
        POLICY + ALLOW % "{from: [{podSelector: {matchLabels: {a: b}}}]}, {ports: [{port: 1}]}",
    ),
    "both selectors of a peer and either": (
        POLICY + ALLOW % "{from: [{podSelector: {matchLabels: {a: b}}, namespaceSelector: {}}]}",
        POLICY + ALLOW % "{from: [{podSelector: {matchLabels: {a: b}}}, {namespaceSelector: {}}]}",
    ),
    "a sidecar": (POD, POD + "  - {name: b, image: b}\n"),
    "the port of another container": (
        POD + PROBED % ("livenessProbe", "tcpSocket: {port: 8080}") + "  - {name: b, image: b, ports: [{name: http, containerPort: 9}]}\n",
        POD + PROBED.replace("8080", "7070") % ("livenessProbe", "tcpSocket: {port: http}")
        + "  - {name: b, image: b, ports: [{name: http, containerPort: 8080}]}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("one, other_", SAME.values(), ids=SAME)
def test_what_means_the_same_holds_both_ways(one, other_):
    first, second = (yaml.load(text, yaml.CSafeLoader) for text in (one, other_))
    assert not fallen(second, read(first)) and not fallen(first, read(second))


@pytest.mark.parametrize("one, other_", OTHER.values(), ids=OTHER)
def test_what_means_something_else_falls(one, other_):
    first, second = (yaml.load(text, yaml.CSafeLoader) for text in (one, other_))
    assert fallen(second, read(first))


def test_the_only_container_may_be_called_by_its_name_or_by_none():
    facts = Facts(yaml.safe_load(POD.replace("- name: web", "- name: app")))
    for address in ("", "app"):
        assert facts.holds(Intent("container.image", (address,), "a:1"))
        assert not facts.holds(Intent("container.image", (address,), "a:2"))
    assert facts.holds(Intent("container.name", ("",), "app")) and not facts.holds(Intent("container.name", ("",), "web"))
    assert not facts.holds(Intent("container.image", ("other",), "a:1"))


def test_a_label_that_also_ties_the_selector_is_a_label_all_the_same():
    intents = [Intent("kind", (), "Deployment"), Intent("name", (), "web"), Intent("podLabel", ("app",), "front")]
    obj = build(intents)
    assert obj["spec"]["selector"]["matchLabels"] == obj["spec"]["template"]["metadata"]["labels"] == {"app": "front"}
    assert not fallen(obj, intents)
    assert fallen(build(intents[:2]), intents) == {2}


def test_no_valid_or_broken_object_makes_reading_fail(drawn):
    """A model's answer may hold nulls and empty lists anywhere."""
    seen = set()
    for sample in drawn[TRAIN]:
        obj = read_manifests(sample.answer).manifests[0].object
        for path in nodes(obj):
            if path[0] in ("kind", "apiVersion") or (place := (sample.kind, shown(path))) in seen:
                continue
            seen.add(place)
            for value in (None, {}, []):
                mutant = replaced(obj, path, value)
                if read_manifests(yaml.dump(mutant, Dumper=yaml.CSafeDumper)).manifests and typed(obj, path, value):
                    Facts(mutant)


def typed(obj, path, value):
    """Say whether the value has the type of what stood there: other ones the schema has refused before."""
    for key in path:
        obj = obj[key]
    return value is None or type(value) is type(obj)
