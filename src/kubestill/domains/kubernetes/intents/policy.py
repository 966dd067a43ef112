"""Lenses for access, scaling, budgets, limits, configuration and storage."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.tree import Obj, dig, look, put, take, texts

DEFAULT_CLASS = {
    "StorageClass": "storageclass.kubernetes.io/is-default-class",
    "IngressClass": "ingressclass.kubernetes.io/is-default-class",
}

# --- RBAC ------------------------------------------------------------------------------------------------------------


def read_role(obj: Obj) -> Iterator[Intent]:
    """Yield the verbs granted on each resource, as `resource` or `resource.group`."""
    verbs: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    unnamed: dict[str, set[str]] = {}
    urls: dict[str, set[str]] = {}
    for rule in take(obj, "rules") or []:
        granted = texts(rule.get("verbs"))
        for url in texts(rule.get("nonResourceURLs")):
            urls.setdefault(url, set()).update(granted)
        for group in texts(rule.get("apiGroups")) or [""]:
            for resource in texts(rule.get("resources")):
                key = f"{resource}.{group}" if group else resource
                verbs.setdefault(key, set()).update(granted)
                if rule.get("resourceNames"):
                    names.setdefault(key, set()).update(texts(rule["resourceNames"]))
                else:
                    unnamed.setdefault(key, set()).update(granted)
    # Nobody says it, but a second rule that names no object undoes the names of the first.
    beside = {key: found for key, found in unnamed.items() if key in names}
    for aspect, found in (("grant", verbs), ("grant.names", names), ("grant.unnamed[]", beside), ("grant.url", urls)):
        for key, values in found.items():
            yield Intent(aspect, (key,), tuple(sorted(values)))


def write_role(obj: Obj, intents: list[Intent]) -> None:
    """Write all grants: one rule for each group and set of verbs, in the order in which they were asked."""
    names = {intent.keys: intent.value for intent in intents if intent.aspect == "grant.names"}
    rules: dict[tuple[Any, ...], Obj] = {}
    for intent in intents:
        if intent.aspect == "grant":
            resource, _, group = intent.keys[0].partition(".")
            found = names.get(intent.keys, ())
            fresh: Obj = {"apiGroups": [group], "resources": [], "verbs": list(intent.value)}
            if found:
                fresh["resourceNames"] = list(found)
            rules.setdefault((group, intent.value, found), fresh)["resources"].append(resource)
        elif intent.aspect == "grant.url":
            fresh = {"nonResourceURLs": [], "verbs": list(intent.value)}
            rules.setdefault(("url", intent.value), fresh)["nonResourceURLs"].append(intent.keys[0])
    obj["rules"] = list(rules.values())


def read_binding(obj: Obj) -> Iterator[Intent]:
    """Yield the role and the subjects."""
    role = take(obj, "roleRef") or {}
    yield Intent("roleRef", (), (role.get("kind"), role.get("name")))
    for subject in take(obj, "subjects") or []:
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "ServiceAccount":
            yield Intent("subject.ServiceAccount", (), (name, subject.get("namespace", "")))
        else:
            yield Intent(f"subject.{kind}", (), name)


def write_binding(obj: Obj, intent: Intent) -> bool:
    """Write the role or one subject; False where it is none of this lens."""
    if intent.aspect == "roleRef":
        obj["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": intent.value[0], "name": intent.value[1]}
    elif intent.aspect == "subject.ServiceAccount":
        subject = {"kind": "ServiceAccount", "name": intent.value[0], "namespace": intent.value[1]}
        obj.setdefault("subjects", []).append({key: value for key, value in subject.items() if value})
    elif intent.aspect.startswith("subject."):
        kind = intent.aspect.split(".")[1]
        obj.setdefault("subjects", []).append({"kind": kind, "name": intent.value, "apiGroup": "rbac.authorization.k8s.io"})
    else:
        return False
    return True


# --- HorizontalPodAutoscaler, PodDisruptionBudget, LimitRange --------------------------------------------------------


def read_autoscaler(obj: Obj) -> Iterator[Intent]:
    """Yield the target and the resource metrics of either version."""
    target = take(obj, "spec", "scaleTargetRef") or {}
    yield Intent("target", (), (target.get("kind"), target.get("name")))
    if (percent := take(obj, "spec", "targetCPUUtilizationPercentage")) is not None:
        yield Intent("metric.utilization", ("cpu",), percent)
    others = []
    for metric in take(obj, "spec", "metrics") or []:
        goal = look(metric, "resource", "target") or {}
        name = look(metric, "resource", "name")
        if metric.get("type") == "Resource" and "averageUtilization" in goal:
            yield Intent("metric.utilization", (name,), goal["averageUtilization"])
        elif metric.get("type") == "Resource" and "averageValue" in goal:
            yield Intent("metric.value", (name,), goal["averageValue"])
        else:
            others.append(metric)
    if others:
        put(obj, others, "spec", "metrics")


def write_autoscaler(obj: Obj, intent: Intent) -> bool:
    """Write one intent of an autoscaler; False where it is none of this lens."""
    if intent.aspect == "target":
        api = {} if intent.value[0] == "ReplicationController" else {"apiVersion": "apps/v1"}
        version = api or {"apiVersion": "v1"}
        put(obj, {**version, "kind": intent.value[0], "name": intent.value[1]}, "spec", "scaleTargetRef")
    elif intent.aspect in ("metric.utilization", "metric.value"):
        percent = intent.aspect == "metric.utilization"
        goal = (
            {"type": "Utilization", "averageUtilization": intent.value}
            if percent
            else {"type": "AverageValue", "averageValue": intent.value}
        )
        metric = {"type": "Resource", "resource": {"name": intent.keys[0], "target": goal}}
        dig(obj, "spec").setdefault("metrics", []).append(metric)
    else:
        return False
    return True


def read_budget(obj: Obj) -> Iterator[Intent]:
    """Yield the labels of the pods that the budget protects."""
    for key, value in (take(obj, "spec", "selector", "matchLabels") or {}).items():
        yield Intent("selector", (str(key),), value)


def write_budget(obj: Obj, intent: Intent) -> bool:
    """Write one label of the selector; False where it is none of this lens."""
    if intent.aspect != "selector":
        return False
    put(obj, intent.value, "spec", "selector", "matchLabels", intent.keys[0])
    return True


def read_limits(obj: Obj) -> Iterator[Intent]:
    """Yield (type, field, resource) → quantity of a LimitRange."""
    for item in take(obj, "spec", "limits") or []:
        for field, values in item.items():
            for resource, value in values.items() if isinstance(values, dict) else ():
                yield Intent("limit", (str(item.get("type")), field, resource), value)


def write_limits(obj: Obj, intent: Intent) -> bool:
    """Write one limit; False where it is none of this lens."""
    if intent.aspect != "limit":
        return False
    items = dig(obj, "spec").setdefault("limits", [])
    item = next((item for item in items if item["type"] == intent.keys[0]), None)
    if item is None:
        item = {"type": intent.keys[0]}
        items.append(item)
    put(item, intent.value, *intent.keys[1:])
    return True


# --- configuration ---------------------------------------------------------------------------------------------------


def read_data(obj: Obj) -> Iterator[Intent]:
    """Yield the entries of a ConfigMap or Secret as plain text; what is not text stays where it is."""
    secret = obj["kind"] == "Secret"
    plain = dict(take(obj, "stringData") or {}) if secret else {}
    data = obj.get("data") or {}
    for key in list(data):
        text = decode(data[key]) if secret else data[key]
        if text is not None:
            plain.setdefault(key, text)
            take(obj, "data", key)
    for key, value in plain.items():
        yield Intent("data", (str(key),), value)


def decode(value: Any) -> str | None:
    """Return the text behind base64, or None where it is no text."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def write_data(obj: Obj, intent: Intent) -> bool:
    """Write one entry; a Secret's goes to `stringData`, as a person writes it. False where it is none of this lens."""
    if intent.aspect != "data":
        return False
    put(obj, intent.value, "stringData" if obj["kind"] == "Secret" else "data", intent.keys[0])
    return True


def read_claims(obj: Obj) -> Iterator[Intent]:
    """Yield the volume claim templates of a StatefulSet."""
    for claim in take(obj, "spec", "volumeClaimTemplates") or []:
        keys = (str(look(claim, "metadata", "name")),)
        spec = claim.get("spec") or {}
        if size := look(spec, "resources", "requests", "storage"):
            yield Intent("claim.storage", keys, size)
        if name := spec.get("storageClassName"):
            yield Intent("claim.storageClassName", keys, name)
        modes = spec.get("accessModes") or []
        if modes != ["ReadWriteOnce"]:
            yield Intent("claim.accessModes", keys, tuple(modes))


def write_claim(obj: Obj, intent: Intent) -> bool:
    """Write one intent of a claim template; False where it is none of this lens."""
    if not intent.aspect.startswith("claim."):
        return False
    claims = dig(obj, "spec").setdefault("volumeClaimTemplates", [])
    claim = next((item for item in claims if item["metadata"]["name"] == intent.keys[0]), None)
    if claim is None:
        claim = {"metadata": {"name": intent.keys[0]}, "spec": {"accessModes": ["ReadWriteOnce"]}}
        claims.append(claim)
    field = intent.aspect.split(".")[1]
    if field == "storage":
        put(claim, intent.value, "spec", "resources", "requests", "storage")
    else:
        claim["spec"][field] = list(intent.value) if isinstance(intent.value, tuple) else intent.value
    return True


def read_account(obj: Obj) -> Iterator[Intent]:
    """Yield the secrets that a ServiceAccount carries."""
    for field, aspect in (("imagePullSecrets", "sa.imagePullSecret"), ("secrets", "sa.secret")):
        for item in take(obj, field) or []:
            yield Intent(aspect, (), item.get("name"))


def write_account(obj: Obj, intent: Intent) -> bool:
    """Write one secret of a ServiceAccount; False where it is none of this lens."""
    field = {"sa.imagePullSecret": "imagePullSecrets", "sa.secret": "secrets"}.get(intent.aspect)
    if field:
        obj.setdefault(field, []).append({"name": intent.value})
    return field is not None
