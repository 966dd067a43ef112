"""Statements written over an object that is there: what a person means who says "scale it to 5" of a file.

The lenses build objects from nothing, and so only ever add. Over an object a statement replaces what the object says in its place,
takes away what cannot stand beside it, and moves what depends on it; all else stays as it is, and what cannot be written is an error.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents import lens, network, overlay_pod, overlay_role
from kubestill.domains.kubernetes.intents.aspects import aspects_of
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import Facts
from kubestill.domains.kubernetes.intents.tree import Obj, copy, dig, look, put, take

_BROKEN = (AttributeError, IndexError, KeyError, TypeError)  # of a stranger's object: a list where a mapping belongs

# What a field excludes: writing it takes the other away.
_EXCLUDES: dict[str, tuple[tuple[str, ...], ...]] = {
    "spec.minAvailable": (("spec", "maxUnavailable"),),
    "spec.maxUnavailable": (("spec", "minAvailable"),),
}
_ONLY_OPEN = ("externalTrafficPolicy", "healthCheckNodePort", "loadBalancerIP", "loadBalancerClass", "loadBalancerSourceRanges")
_SIDES = ("ingress", "egress")


def overlay(obj: Obj, intents: Iterable[Intent]) -> Obj:
    """Return a copy of an object with statements written over it; what it says already, or does by default, changes nothing.

    Scalars, lists and handlers replace; labels, entries, environment and metrics do so by their key. Grants, capabilities, subjects and
    peers add to what is there. A port that is noted alone moves the only port that there is, with the probes that ask it; under
    another name or protocol it is one more. A container that is not named is the only one, or the one that `container.name` tells.

    Raises:
        ValueError: a statement cannot be written over this object, with the reason.
    """
    said = list(intents)
    _agree(obj, said)
    changed = copy(obj)
    try:
        asked = overlay_pod.addressed(changed, [intent for intent in said if intent.aspect not in ("kind", "name")])
        _write_all(changed, asked)
        facts = Facts(changed)
        missed = next((intent for intent in asked if not _held(changed, facts, intent)), None)
    except _BROKEN:
        raise ValueError(f"the {obj['kind']} is not of the shape that its kind has") from None
    if missed is not None:
        raise ValueError(f"{told(missed)} cannot be written into this {obj['kind']}")
    whole: Obj = _with_nulls(obj, changed)
    return whole


def told(intent: Intent) -> str:
    """Return a statement as a message names it."""
    value = " / ".join(map(str, intent.value)) if isinstance(intent.value, tuple) else str(intent.value)
    return " ".join(filter(None, (intent.aspect, *intent.keys, value)))


def _agree(obj: Obj, said: Sequence[Intent]) -> None:
    """Refuse statements about another object, and those that no object of the kind can make."""
    kind, name = obj.get("kind"), look(obj, "metadata", "name")
    if kind not in KINDS:
        raise ValueError(f"statements about a {kind} cannot be written")
    for intent in said:
        if intent.aspect in ("kind", "name"):
            is_, found = intent.aspect, kind if intent.aspect == "kind" else name
            if intent.value != found:
                raise ValueError(f"the {is_} of the object is {found}, the statements are about {intent.value}")
        elif intent.aspect not in aspects_of(kind):
            raise ValueError(f"a {kind} has no {intent.aspect}")
    version = str(obj.get("apiVersion"))
    old = version != KINDS[kind].api_version and (kind, version) != ("HorizontalPodAutoscaler", "autoscaling/v1")
    if old and kind in ("Ingress", "HorizontalPodAutoscaler", "NetworkPolicy"):
        raise ValueError(f"{version} {kind} has other fields; move it to {KINDS[kind].api_version} first")


def _write_all(obj: Obj, asked: list[Intent]) -> None:
    overlay_role.grant(obj, asked)
    _move_port(obj, asked)
    overlay_pod.move_ports(obj, asked)
    before = look(obj, "spec", "ports")
    count = len(before) if isinstance(before, list) else 0
    facts = Facts(obj)
    for intent in sorted(asked, key=lambda intent: intent.aspect.count(".") + 2 * overlay_pod.is_detail(intent)):
        if not _held(obj, facts, intent):
            _write(obj, intent)
            facts = Facts(obj)
    if obj["kind"] == "Service" and len(look(obj, "spec", "ports") or []) > max(count, 1):
        network.name_ports(obj)


def _held(obj: Obj, facts: Facts, intent: Intent) -> bool:
    """Say whether an object does what is asked; where more is no harm, more than that will do."""
    if intent.aspect in overlay_role.GRANTS:
        return overlay_role.granted(obj, intent)
    if facts.holds(intent):
        return True
    if intent.aspect in overlay_pod.GROWING:
        return overlay_pod.includes(obj, intent)
    return intent.aspect == "tls" and not intent.value and any(one.aspect == "tls" and one.keys == intent.keys for one in lens.read(obj))


def _write(obj: Obj, intent: Intent) -> None:
    for path in _EXCLUDES.get(intent.aspect, ()):
        take(obj, *path)
    writer = _WRITERS.get(f"{obj['kind']} {intent.aspect}")
    if writer is not None:
        writer(obj, intent)
    elif KINDS[obj["kind"]].template is not None and overlay_pod.write(obj, intent):
        return
    else:
        _tidy_rollout(obj, intent)
        lens.write(obj, intent, "")


def _tidy_rollout(obj: Obj, intent: Intent) -> None:
    """Keep type and parameters of a rollout together: `Recreate` and `OnDelete` have none."""
    for field in ("strategy", "updateStrategy"):
        if intent.aspect == f"spec.{field}.type" and intent.value != "RollingUpdate":
            take(obj, "spec", field, "rollingUpdate")
        elif intent.aspect.startswith(f"spec.{field}.rollingUpdate") and look(obj, "spec", field, "type"):
            put(obj, "RollingUpdate", "spec", field, "type")


# --- Service ---------------------------------------------------------------------------------------------------------


def _move_port(obj: Obj, asked: Sequence[Intent]) -> None:
    """Give the only port of a Service the only number that is asked for; what the port leads to stays the same."""
    ports = look(obj, "spec", "ports")
    if obj["kind"] != "Service" or not ports:
        return
    old = overlay_pod.moved(ports, "port", overlay_pod.numbers(asked, "port", 0))
    if old is not None:
        ports[0].setdefault("targetPort", old)


def _write_service_type(obj: Obj, intent: Intent) -> None:
    """Change who can reach a Service; inside a cluster nothing is left of the ports of nodes and load balancers."""
    put(obj, intent.value, "spec", "type")
    if intent.value == "ClusterIP":
        for field in _ONLY_OPEN:
            obj["spec"].pop(field, None)
        for port in obj["spec"].get("ports") or []:
            port.pop("nodePort", None)


# --- Ingress, NetworkPolicy ------------------------------------------------------------------------------------------


def _write_tls(obj: Obj, intent: Intent) -> None:
    """Give a host another certificate: its own entry changes, or it leaves the one that it shares."""
    host = intent.keys[0]
    for entry in look(obj, "spec", "tls") or []:
        hosts = entry.get("hosts") or []
        if host in hosts and len(hosts) == 1:
            entry["secretName"] = intent.value
            return
        if host in hosts:
            hosts.remove(host)
    lens.write(obj, intent, "")


def _write_path_type(obj: Obj, intent: Intent) -> None:
    if not any(one.aspect == "rule" and one.keys == intent.keys for one in lens.read(obj)):
        raise ValueError(f"the Ingress has no path {intent.keys[1]} of host {intent.keys[0] or '*'}")
    lens.write(obj, intent, "")


def _write_side(obj: Obj, intent: Intent) -> None:
    """Open or close a direction of a NetworkPolicy; the directions that it covered without saying so stay covered."""
    spec, side = dig(obj, "spec"), intent.keys[0]
    if side not in _SIDES:
        raise ValueError(f"a NetworkPolicy covers ingress and egress, not {side!r}")
    implied = not spec.get("policyTypes")
    if implied:
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    if intent.aspect == "deny":
        spec.pop(side, None)
    lens.write(obj, intent, "")
    if implied and spec["policyTypes"] == ["Ingress", *(["Egress"] if spec.get("egress") else [])]:
        del spec["policyTypes"]


# --- HorizontalPodAutoscaler, Secret ---------------------------------------------------------------------------------


def _write_metric(obj: Obj, intent: Intent) -> None:
    """Set the goal of a resource; one that is there changes in its place."""
    if obj["apiVersion"] == "autoscaling/v1":
        if (intent.aspect, intent.keys) != ("metric.utilization", ("cpu",)):
            raise ValueError(f"autoscaling/v1 knows no {told(intent)}; move the autoscaler to autoscaling/v2 first")
        put(obj, intent.value, "spec", "targetCPUUtilizationPercentage")
        return
    metrics = dig(obj, "spec").setdefault("metrics", [])
    place = next((place for place, one in enumerate(metrics) if look(one, "resource", "name") == intent.keys[0]), None)
    lens.write(obj, intent, "")
    if place is not None:
        metrics[place] = metrics.pop()


def _write_target(obj: Obj, intent: Intent) -> None:
    """Point an autoscaler elsewhere; the apiVersion of a kind that stays is kept."""
    old = look(obj, "spec", "scaleTargetRef") or {}
    lens.write(obj, intent, "")
    if old.get("kind") == intent.value[0]:
        obj["spec"]["scaleTargetRef"] = {**old, "name": intent.value[1]}


def _write_secret(obj: Obj, intent: Intent) -> None:
    """Write an entry where it stands, or where the others do: in base64 or as plain text."""
    key, data, plain = intent.keys[0], obj.get("data") or {}, obj.get("stringData") or {}
    if key not in plain and (key in data or (data and not plain)):
        put(obj, base64.b64encode(str(intent.value).encode()).decode(), "data", key)
    else:
        lens.write(obj, intent, "")


_WRITERS: dict[str, Callable[[Obj, Intent], None]] = {
    "Service spec.type": _write_service_type,
    "Ingress tls": _write_tls,
    "Ingress rule.pathType": _write_path_type,
    **{f"NetworkPolicy {aspect}": _write_side for aspect in ("deny", "allow", "allow.all")},
    **{f"HorizontalPodAutoscaler {aspect}": _write_metric for aspect in ("metric.utilization", "metric.value")},
    "HorizontalPodAutoscaler target": _write_target,
    "Secret data": _write_secret,
}


def _with_nulls(before: Any, after: Any) -> Any:
    """Return `after` with the null fields and items of `before` that nothing was written into: they mean nothing, and stay."""
    if isinstance(before, dict) and isinstance(after, dict):
        stay = {key: _with_nulls(value, after.get(key)) for key, value in before.items() if value is None or key in after}
        return {**stay, **{key: value for key, value in after.items() if stay.get(key) is None}}
    if isinstance(before, list) and isinstance(after, list) and len(before) <= len(after):
        pairs = zip(before, after, strict=False)
        return [None if old is None and new == {} else _with_nulls(old, new) for old, new in pairs] + after[len(before) :]
    return after
