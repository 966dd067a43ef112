"""Lenses for Service, Ingress and NetworkPolicy."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.tree import Obj, dig, look, put, take, texts

Pairs = tuple[tuple[str, str], ...]
_PORT_FIELDS = {"targetPort": "target", "nodePort": "node", "name": "name", "protocol": "protocol", "appProtocol": "appProtocol"}


def read_service(obj: Obj) -> Iterator[Intent]:
    """Yield ports, selector and headlessness."""
    for port in take(obj, "spec", "ports") or []:
        number = port.get("port")
        if number is None:
            continue
        yield Intent("port", (), number)
        for field, short in _PORT_FIELDS.items():
            if field in port and not (field == "targetPort" and port[field] == number):
                yield Intent(f"port.{short}", (str(number),), port[field])
    for key, value in (take(obj, "spec", "selector") or {}).items():
        yield Intent("selector", (str(key),), value)
    if look(obj, "spec", "clusterIP") == "None":
        take(obj, "spec", "clusterIP")
        yield Intent("spec.clusterIP.none", (), True)


def write_service(obj: Obj, intent: Intent) -> bool:
    """Write one intent of a Service; False where it is none of this lens."""
    head, _, field = intent.aspect.partition(".")
    if head == "selector":
        put(obj, intent.value, "spec", "selector", intent.keys[0])
    elif intent.aspect == "spec.clusterIP.none":
        put(obj, "None", "spec", "clusterIP")
    elif head == "port":
        number = intent.value if not field else int(intent.keys[0])
        ports = dig(obj, "spec").setdefault("ports", [])
        port = next((item for item in ports if item["port"] == number), None)
        if port is None:
            port = {"port": number}
            ports.append(port)
        if field:
            port[{short: name for name, short in _PORT_FIELDS.items()}[field]] = intent.value
    else:
        return False
    return True


def name_ports(obj: Obj) -> None:
    """Several ports must have names; a port nobody named is called after its number."""
    ports = look(obj, "spec", "ports") or []
    for port in ports:
        if len(ports) > 1:
            port.setdefault("name", f"port-{port['port']}")


# --- Ingress ---------------------------------------------------------------------------------------------------------


_REGEX = re.compile(r"[^\w/.~%:@-]")  # a path with such characters is a regular expression, which only the controller understands


def _path_type(path: str) -> str:
    """Return the type of a path that nobody gave one: controllers refuse a regular expression as a prefix."""
    return "ImplementationSpecific" if _REGEX.search(path) else "Prefix"


def as_patterns(intents: Sequence[Intent]) -> list[Intent]:
    """Return the routes whose path the controller takes for a regular expression: by its characters, or as an annotation says of all."""
    all_of_them = any(
        intent.aspect == "annotation" and intent.keys[0].endswith("/use-regex") and intent.value == "true" for intent in intents
    )
    return [intent for intent in intents if intent.aspect == "rule" and (all_of_them or _REGEX.search(intent.keys[1]))]


def _backend(backend: Any) -> tuple[str, Any] | None:
    port = look(backend, "service", "port") or {}
    name = look(backend, "service", "name")
    return (name, port.get("number", port.get("name"))) if name else None


def read_ingress(obj: Obj) -> Iterator[Intent]:
    """Yield (host, path) → (service, port), certificates, and the default backend."""
    for rule in take(obj, "spec", "rules") or []:
        host = rule.get("host", "")
        for path in look(rule, "http", "paths") or []:
            keys = (host, path.get("path", "/"))
            if target := _backend(path.get("backend")):
                yield Intent("rule", keys, target)
            if path.get("pathType", "Prefix") != "Prefix":
                yield Intent("rule.pathType", keys, path["pathType"])
    if target := _backend(look(obj, "spec", "defaultBackend")):
        take(obj, "spec", "defaultBackend")
        yield Intent("backend", (), target)
    for entry in take(obj, "spec", "tls") or []:
        for host in texts(entry.get("hosts")) or [""]:
            yield Intent("tls", (host,), entry.get("secretName", ""))


def write_ingress(obj: Obj, intent: Intent) -> bool:
    """Write one intent of an Ingress; False where it is none of this lens."""
    spec = dig(obj, "spec")
    if intent.aspect in ("rule", "rule.pathType"):
        path = _path(spec, *intent.keys)
        if intent.aspect == "rule":
            path["backend"] = _to_backend(intent.value)
        else:
            path["pathType"] = intent.value
    elif intent.aspect == "backend":
        spec["defaultBackend"] = _to_backend(intent.value)
    elif intent.aspect == "tls":
        _write_tls(spec.setdefault("tls", []), intent)
    else:
        return False
    return True


def _write_tls(entries: list[Obj], intent: Intent) -> None:
    entry = next((item for item in entries if item.get("secretName") == intent.value), None)
    if entry is None:
        entry = {"hosts": [], "secretName": intent.value}
        entries.append(entry)
    if intent.keys[0]:
        entry["hosts"].append(intent.keys[0])


def _path(spec: Obj, host: str, path: str) -> Obj:
    rules = spec.setdefault("rules", [])
    rule = next((item for item in rules if item.get("host", "") == host), None)
    if rule is None:
        rule = {"host": host} if host else {}
        rules.append(rule)
    paths = dig(rule, "http").setdefault("paths", [])
    entry: Obj | None = next((item for item in paths if item["path"] == path), None)
    if entry is None:
        entry = {"path": path, "pathType": _path_type(path)}
        paths.append(entry)
    return entry


def _to_backend(value: tuple[str, Any]) -> Obj:
    field = "number" if isinstance(value[1], int) else "name"
    return {"service": {"name": value[0], "port": {field: value[1]}}}


# --- NetworkPolicy ---------------------------------------------------------------------------------------------------

_SIDES = {"ingress": "from", "egress": "to"}


def read_network_policy(obj: Obj) -> Iterator[Intent]:
    """Yield whom the policy covers, and per direction: deny, allow all, (peers, ports), or a rule that no lens can say."""
    labels = look(obj, "spec", "podSelector", "matchLabels") or {}
    if "matchExpressions" not in (look(obj, "spec", "podSelector") or {}):
        take(obj, "spec", "podSelector")
        for key, value in labels.items():
            yield Intent("podSelector", (str(key),), value)
        if not labels:
            yield Intent("podSelector.all", (), True)
    spec = obj.get("spec") or {}
    types = spec.pop("policyTypes", None) or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for side, field in _SIDES.items():
        if side.capitalize() not in types:
            continue
        rules = spec.pop(side, None) or []
        if not rules:
            yield Intent("deny", (side,), True)
        for rule in rules:
            if not rule.get(field) and not rule.get("ports"):  # an empty list restricts nothing either
                yield Intent("allow.all", (side,), True)
            elif (allowed := _allowed(rule, field)) is not None:
                yield Intent("allow", (side,), allowed)
            else:
                yield Intent("allow[]", (side,), json.dumps(rule, sort_keys=True, default=str))  # nobody says it, but it is there


def _allowed(rule: Obj, field: str) -> tuple[Any, ...] | None:
    """Return (peers, ports) of a rule, or None where it says more than a lens can."""
    peers = [_peer(peer) for peer in rule.get(field) or []]
    ports = [(port.get("port", ""), port.get("protocol", "TCP")) for port in rule.get("ports") or []]
    if None in peers or any("endPort" in port for port in rule.get("ports") or []):
        return None
    return (tuple(sorted(peers, key=str)), tuple(sorted(ports, key=str)))


def _pairs(selector: Obj | None) -> Pairs | None:
    if selector is None:
        return ()
    if "matchExpressions" in selector:
        return None
    return tuple(sorted((str(key), str(value)) for key, value in (selector.get("matchLabels") or {}).items()))


def _peer(peer: Obj) -> tuple[Any, ...] | None:
    if block := peer.get("ipBlock"):
        return ("cidr", block.get("cidr"), *sorted(block.get("except") or []))
    pods, spaces = _pairs(peer.get("podSelector")), _pairs(peer.get("namespaceSelector"))
    if pods is None or spaces is None:
        return None
    if "podSelector" in peer and "namespaceSelector" in peer:
        return ("both", pods, spaces)
    return ("pods", pods) if "podSelector" in peer else ("namespaces", spaces)


def write_network_policy(obj: Obj, intent: Intent) -> bool:
    """Write one intent of a NetworkPolicy; False where it is none of this lens."""
    spec = dig(obj, "spec")
    if intent.aspect == "podSelector":
        put(spec, intent.value, "podSelector", "matchLabels", intent.keys[0])
    elif intent.aspect == "podSelector.all":
        spec["podSelector"] = {}
    elif intent.aspect in ("deny", "allow", "allow.all"):
        _write_side(spec, intent)
    else:
        return False
    return True


def _write_side(spec: Obj, intent: Intent) -> None:
    side = intent.keys[0]
    spec.setdefault("podSelector", {})
    types = spec.setdefault("policyTypes", [])
    if side.capitalize() not in types:
        types.append(side.capitalize())
    if intent.aspect == "allow.all":
        spec.setdefault(side, []).append({})
    elif intent.aspect == "allow":
        peers, ports = intent.value
        rule: Obj = {}
        if peers:
            rule[_SIDES[side]] = [_to_peer(peer) for peer in peers]
        if ports:
            rule["ports"] = [{"protocol": protocol, **({"port": port} if port != "" else {})} for port, protocol in ports]
        spec.setdefault(side, []).append(rule)


def _to_peer(peer: tuple[Any, ...]) -> Obj:
    if peer[0] == "cidr":
        return {"ipBlock": {"cidr": peer[1], **({"except": list(peer[2:])} if peer[2:] else {})}}
    selectors = [{"matchLabels": dict(pairs)} if pairs else {} for pairs in peer[1:]]
    if peer[0] == "both":
        return {"namespaceSelector": selectors[1], "podSelector": selectors[0]}
    return {"podSelector" if peer[0] == "pods" else "namespaceSelector": selectors[0]}
