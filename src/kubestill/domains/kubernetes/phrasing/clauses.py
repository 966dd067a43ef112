"""Intents → clauses: what is said together is one clause, and every clause knows which tables can say it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing import values
from kubestill.domains.kubernetes.phrasing.lines import EVERY, Table, tables

# Noun phrase, bare infinitive, terse form, and what may follow the head noun: "a service for the web pods".
REGISTERS = ("np", "vp", "kv", "at")


@dataclass(frozen=True, slots=True)
class Clause:
    """Something to be said: `tables` maps register → table, `variables` fill the line in."""

    tables: Mapping[str, Table]
    variables: Mapping[str, str]
    address: str = ""  # the container it speaks of, where there are several
    intents: tuple[Intent, ...] = ()  # what it says
    literal: str = ""  # the value without a unit, for lines that bring their own

    def say(self, register: str, rng: Random, part: str) -> tuple[str, str]:
        """Return (text, id of the part) in a register; one that has no table speaks in another."""
        table = self.tables.get(register) or self.tables["np"]
        text, form = table.pick(rng, part)
        spoken = self.variables
        if self.literal and _UNIT.search(text):
            spoken = {**spoken, "v": self.literal}
        for name, value in spoken.items():
            text = text.replace("{" + name + "}", shield(value))
        return (f"{text} {_in_container(shield(self.address), rng)}" if self.address else text), form


OPEN, CLOSE = "\ue000", "\ue001"  # private characters around values, so that no later change of the text touches them


def shield(value: str) -> str:
    """Mark a value as untouchable."""
    return f"{OPEN}{value}{CLOSE}" if value else ""


_UNIT = re.compile(r"\{v\}\)?\]?['\"]? ?(?:s\b|sec|min|%|percent|pct|core|cpu|vcpu|milli|m\b|mb\b|gb\b|meg|gig|byte)")


def _in_container(name: str, rng: Random) -> str:
    return rng.choice(("in the {} container", "for {}", "for the {} container", "(container {})", "on {}", "in {}", "for container {}")).format(name)


@dataclass
class Pool:
    """The intents not yet said, by aspect."""

    rng: Random
    left: dict[tuple[str, tuple[str, ...]], list[Intent]] = field(default_factory=dict)

    @classmethod
    def of(cls, intents: Iterable[Intent], rng: Random) -> "Pool":
        """Return a pool that holds all of them."""
        pool = cls(rng)
        for intent in intents:
            pool.left.setdefault((intent.aspect, intent.keys), []).append(intent)
        return pool

    def pop(self, aspect: str, keys: tuple[str, ...] = ()) -> Intent | None:
        """Remove and return one intent of that aspect and keys."""
        found = self.left.get((aspect, keys))
        if not found:
            return None
        intent = found.pop(0)
        if not found:
            del self.left[(aspect, keys)]
        return intent

    def all(self, aspect: str) -> list[Intent]:
        """Return the intents of an aspect, without removing them."""
        return [intent for (name, _), items in self.left.items() if name == aspect for intent in items]

    def drain(self) -> list[Intent]:
        """Return and remove all that is left."""
        items = [intent for found in self.left.values() for intent in found]
        self.left.clear()
        return items


def pick_tables(name: str, suffix: str = "") -> dict[str, Table]:
    """Return the tables of an aspect by register; `suffix` names a variant such as `_true`."""
    found = {register: tables().get(f"{name}/{register}{suffix}") for register in REGISTERS}
    if not any(found.values()):
        return {}
    found["at"] = found["at"] or tables().get(f"at.{name}/at{suffix}")
    return {register: table for register, table in found.items() if table}


# Where there is only one of them, nobody repeats which: `node port 30080`, not `node port 30080 for port 80`.
_ALONE = {"port": "port", "rule": "rule", "tls": "rule"}


def clauses(intents: Sequence[Intent], rng: Random) -> tuple[list[Clause], list[Intent]]:
    """Return the clauses for all intents, and the intents that no table can say."""
    pool = Pool.of(intents, rng)
    said: list[Clause] = []
    for join in _JOINS:
        said.extend(join(pool))
    alone = {head for head, aspect in _ALONE.items() if sum(intent.aspect == aspect for intent in intents) == 1}
    unsaid = [intent for clause in said if not clause.tables for intent in clause.intents]
    said = [clause for clause in said if clause.tables]
    for intent in pool.drain():
        short = pick_tables(intent.aspect, "_short") if intent.aspect.split(".")[0] in alone and rng.random() < 0.4 else {}
        clause = Clause(short, {"v": str(intent.value)}) if short else _single(intent, rng)
        if clause and clause.tables:
            said.append(replace(clause, intents=(intent,)))
        else:
            unsaid.append(intent)
    return said, unsaid


# --- what is said together -------------------------------------------------------------------------------------------


def _range(pool: Pool) -> list[Clause]:
    low, high = pool.all("spec.minReplicas"), pool.all("spec.maxReplicas")
    found = pick_tables("replicas.range")
    if not (low and high and found) or pool.rng.random() < 0.35:
        return []
    pool.pop("spec.minReplicas"), pool.pop("spec.maxReplicas")
    return [Clause(found, {"v0": values.count_text(low[0].value, pool.rng), "v1": values.count_text(high[0].value, pool.rng)}, "", (low[0], high[0]))]


def _both_resources(pool: Pool) -> list[Clause]:
    said = []
    for what in ("cpu", "memory"):
        found = pick_tables(f"container.resources.{what}")
        for request in pool.all(f"container.requests.{what}"):
            limit = (pool.left.get((f"container.limits.{what}", request.keys)) or [None])[0]
            if found and limit is not None and limit.value == request.value and pool.rng.random() < 0.7:
                pool.pop(request.aspect, request.keys), pool.pop(limit.aspect, limit.keys)
                said.append(Clause(found, {"v": _text(limit, pool.rng)}, request.keys[0], (request, limit)))
    return said


def _target_ports(pool: Pool) -> list[Clause]:
    """A target port's clause names the port, too: then the port alone need not be said."""
    said = []
    for target in pool.all("port.target"):
        port = next((item for item in pool.all("port") if str(item.value) == target.keys[0]), None)
        clause = _single(target, pool.rng)
        if port and clause and pool.rng.random() < 0.7:
            pool.pop(target.aspect, target.keys)
            pool.left[("port", ())].remove(port)
            said.append(replace(clause, intents=(port, target)))
    if not pool.left.get(("port", ())):
        pool.left.pop(("port", ()), None)
    return said


def _grants(pool: Pool) -> list[Clause]:
    """Resources with the same verbs are said in one breath."""
    grants: dict[tuple[str, ...], list[str]] = {}
    for intent in pool.all("grant"):
        if pool.left.get(("grant.names", intent.keys)):
            continue
        grants.setdefault(intent.value, []).append(intent.keys[0])
    found, said = pick_tables("grant"), []
    for verbs, resources in grants.items():
        for resource in resources:
            pool.pop("grant", (resource,))
        names = [resource_text(resource, pool.rng) for resource in resources]
        asked = tuple(Intent("grant", (resource,), verbs) for resource in resources)
        known = _NAMED_VERBS.get(verbs)
        said.append(Clause(pick_tables("grant", known) if known and pool.rng.random() < 0.35 else found, {"verbs": verbs_text(verbs, pool.rng), "resources": values.list_text(names, pool.rng)}, "", asked))
    named = pick_tables("grant.names")
    for intent in pool.all("grant.names"):
        grant = pool.pop("grant", intent.keys)
        pool.pop("grant.names", intent.keys)
        resource = resource_text(intent.keys[0], pool.rng)
        if grant:
            said.append(Clause(found, {"verbs": verbs_text(grant.value, pool.rng), "resources": resource}, "", (grant,)))
        said.append(Clause(named, {"resources": resource, "names": values.list_text(intent.value, pool.rng)}, "", (intent,)))
    urls = pick_tables("grant.url")
    for intent in pool.all("grant.url"):
        pool.pop("grant.url", intent.keys)
        said.append(Clause(urls, {"verbs": verbs_text(intent.value, pool.rng), "urls": intent.keys[0]}, "", (intent,)))
    return said


_NAMED_VERBS = {("get", "list", "watch"): "_read", ("*",): "_full"}
def _pairs(pool: Pool) -> list[Clause]:
    """Processor and memory in one breath, or the request and the limit of one of them."""
    said = []
    for address in sorted({keys[0] for aspect, keys in pool.left if aspect.startswith(("container.requests", "container.limits"))}):
        for name, (first, second) in _PAIRS.items():
            one, other = (pool.left.get((aspect, (address,))) for aspect in (first, second))
            if one and other and pool.rng.random() < 0.45:
                found = (pool.pop(first, (address,)), pool.pop(second, (address,)))
                asked = tuple(intent for intent in found if intent)
                variables = {f"v{place}": _text(intent, pool.rng) for place, intent in enumerate(asked)}
                said.append(Clause(pick_tables(name), variables, address, asked))
    return said


_PAIRS = {
    "container.memory.span": ("container.requests.memory", "container.limits.memory"),
    "container.cpu.span": ("container.requests.cpu", "container.limits.cpu"),
    "container.requests.pair": ("container.requests.cpu", "container.requests.memory"),
    "container.limits.pair": ("container.limits.cpu", "container.limits.memory"),
}


def _lists(pool: Pool) -> list[Clause]:
    """Several things of one sort: `ports 80 and 443`, `env A=1, B=2`."""
    said = []
    for aspect, address in sorted({(aspect, keys[0] if aspect.startswith("container") else "") for aspect, keys in pool.left if aspect in _LISTED}):
        keyed = aspect in ("container.env", "data")
        asked = [i for i in pool.all(aspect) if not aspect.startswith("container") or i.keys[0] == address]
        if aspect == "port":
            asked = [intent for intent in asked if ("port.target", (str(intent.value),)) not in pool.left]
        texts = [f"{intent.keys[-1]}={plain_text(intent.value)}" if keyed else str(intent.value) for intent in asked]
        if len(asked) < 2 or pool.rng.random() < 0.35 or any(set(text) & set(', "') for text in texts):
            continue
        for intent in asked:
            pool.pop(aspect, intent.keys) if keyed else pool.left[(aspect, intent.keys)].remove(intent)
        if not keyed and not pool.left[(aspect, asked[0].keys)]:
            del pool.left[(aspect, asked[0].keys)]
        items = _pairs_text(texts, pool.rng) if keyed else values.list_text(texts, pool.rng)
        said.append(Clause(pick_tables(f"{aspect}.list"), {"items": items}, address, tuple(asked)))
    return said


_LISTED = ("container.env", "container.port", "data", "port")


def _pairs_text(texts: list[str], rng: Random) -> str:
    mark = rng.choice(("=", "=", "=", ": ", " = ", " set to ", " "))
    spoken = [text.replace("=", mark, 1) for text in texts]
    if rng.random() < 0.6:
        return ", ".join(spoken[:-1]) + rng.choice((" and ", ", ", ", and ")) + spoken[-1]
    return rng.choice((" ", "; ", "\n", ", ")).join(spoken)


_JOINS: tuple[Callable[[Pool], list[Clause]], ...] = (_range, _both_resources, _pairs, _target_ports, _lists, _grants)


def verbs_text(verbs: tuple[str, ...], rng: Random) -> str:
    """Return verbs as people say them; the common sets have names."""
    found = set(verbs)
    if found == {"*"}:
        return rng.choice(("do everything", "*", "all verbs", "do anything")) if rng.random() < 0.5 else "*"
    order = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
    return values.list_text([*(verb for verb in order if verb in found), *sorted(found - set(order))], rng)


def resource_text(resource: str, rng: Random) -> str:
    """Return a resource; groups are named where the resource is not built in."""
    name, _, group = resource.partition(".")
    if not group or group in _WELL_KNOWN_GROUPS:
        return name
    return rng.choice((f"{name} ({group})", f"{name} in {group}", f"{name} of the {group} group", f"{group} {name}", f"{name}.{group}"))


_WELL_KNOWN_GROUPS = frozenset(
    (
        "apps batch autoscaling policy networking.k8s.io rbac.authorization.k8s.io storage.k8s.io coordination.k8s.io "
        "apiextensions.k8s.io admissionregistration.k8s.io discovery.k8s.io authentication.k8s.io authorization.k8s.io"
    ).split()
)

# --- one intent ------------------------------------------------------------------------------------------------------

_COUNTS = re.compile(r"(replicas|Replicas|Limit|Threshold|completions|parallelism|minAvailable|maxUnavailable|gpu)\Z")
_SECONDS = re.compile(r"Seconds(AfterFinished)?\Z")


def _text(intent: Intent, rng: Random) -> str:
    aspect, value = intent.aspect, intent.value
    if aspect.endswith(("memory", "storage", "sizeLimit")) or (aspect in ("hard", "limit", "metric.value") and _is_memory(intent)):
        return values.memory_text(value, rng)
    if aspect.endswith(".cpu") or (aspect in ("hard", "limit", "metric.value") and "cpu" in intent.keys[-1]):
        return values.cpu_text(value, rng)
    if _COUNTS.search(aspect) or aspect == "hard":
        return values.count_text(value, rng)
    if _SECONDS.search(aspect):
        return values.seconds_text(value, rng)
    if aspect == "metric.utilization":
        return f"{value}{rng.choice(('%', '%', ' percent', '%'))}"
    if isinstance(value, tuple) and aspect.endswith(("command", "args", "exec")):
        return values.command_text(value, rng)
    if isinstance(value, tuple):
        return values.list_text(value, rng)
    return plain_text(value)


def _literal(intent: Intent) -> str:
    """Return the bare number of a value that may be spoken with a unit."""
    value = str(intent.value)
    return value if _SECONDS.search(intent.aspect) or intent.aspect == "metric.utilization" or intent.aspect.endswith("cpu") else ""


def _is_memory(intent: Intent) -> bool:
    return any(word in intent.keys[-1] for word in ("memory", "storage"))


def plain_text(value: Any) -> str:
    """Return a value as it stands in YAML; words with spaces are quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f'"{text}"' if " " in text and '"' not in text else text


def _single(intent: Intent, rng: Random) -> Clause | None:
    aspect, address = intent.aspect, intent.keys[0] if intent.keys and intent.aspect.startswith(("container", "mount")) else ""
    worded = pick_tables(f"{aspect}={_value_name(intent.value)}") or pick_tables(aspect, f"_{_value_name(intent.value)}")
    if rng.random() < 0.5:
        worded = pick_tables(aspect, f"_{_value_name(intent.value)}") or worded
    if worded and not isinstance(intent.value, bool) and rng.random() < 0.4:
        return Clause(worded, {}, address)
    special = _SPECIAL.get(aspect)
    if special:
        return special(intent, rng)
    keys = {f"k{place}": key for place, key in enumerate(intent.keys)}
    variables = {**keys, "k": intent.keys[-1] if intent.keys else ""}
    if isinstance(intent.value, bool) and pick_tables(aspect, f"_{str(intent.value).lower()}"):
        return Clause(pick_tables(aspect, f"_{str(intent.value).lower()}"), variables, address)
    found = pick_tables(aspect)
    if found and not isinstance(intent.value, bool):
        if isinstance(intent.value, tuple) and not aspect.endswith(("command", "args", "exec")):
            variables.update({f"v{place}": str(value) for place, value in enumerate(intent.value)})
        return Clause(found, {**variables, "v": _text(intent, rng)}, address, literal=_literal(intent))
    if found:  # a mark such as "headless": there is nothing to fill in
        return Clause(found, variables, address) if intent.value is True else None
    return _generic(intent, rng)


def _value_name(value: Any) -> str:
    return str(value[0]) if isinstance(value, tuple) and len(value) == 1 else str(value)


_SAYABLE = re.compile(r"[\x20-\x7e]{1,60}\Z")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _generic(intent: Intent, rng: Random) -> Clause | None:
    """Any other leaf is asked for by its field's name, as one word or as several."""
    value = intent.value
    text = values.list_text(value, rng) if isinstance(value, tuple) else plain_text(value)
    if "[]" in intent.aspect or not _SAYABLE.match(text) or '"' in str(value) or len(intent.keys) > 2:
        return None
    if intent.aspect.startswith("init."):
        return None
    own_key = intent.keys[-1] if intent.keys and not (intent.aspect.startswith("container") and len(intent.keys) == 1) else ""
    name = intent.aspect.split(".")[-1]
    words = " ".join(word if word.isupper() else word.lower() for word in _HUMPS.findall(name))
    spoken = rng.choice((name, words, words, words))
    address = intent.keys[0] if intent.keys and intent.aspect.startswith("container") else ""
    variables = {"field": f"{spoken} {own_key}".strip(), "v": text}
    return Clause(pick_tables("field"), variables, address)


def _probe(intent: Intent, rng: Random) -> Clause | None:
    variables = {"v0": str(intent.value[0]), "v1": str(intent.value[1])}
    return Clause(pick_tables(intent.aspect), variables, intent.keys[0])


def _schedule(intent: Intent, rng: Random) -> Clause | None:
    words = values.schedule_words(str(intent.value), rng) if rng.random() < 0.6 else None
    return Clause(pick_tables("spec.schedule", "_words" if words else ""), {"v": words or str(intent.value)})


def _toleration(intent: Intent, rng: Random) -> Clause | None:
    key, value, effect = intent.value
    variables = {"v0": key, "v1": value, "v2": effect}
    if not key:
        return None
    if value:
        return Clause(pick_tables("pod.toleration"), variables) if effect else None
    return Clause(pick_tables("pod.toleration", "_effect" if effect else "_key"), variables)


def _selector(intent: Intent, rng: Random) -> Clause | None:
    if intent.keys == ("app",) and rng.random() < 0.6:
        name = {"selector": "selector.name", "podSelector": "podSelector.name"}[intent.aspect]
        return Clause(pick_tables(name), {"v": str(intent.value)})
    return Clause(pick_tables(intent.aspect), {"k": intent.keys[0], "v": str(intent.value)})


def _mark(intent: Intent, rng: Random) -> Clause | None:
    variables = {"k": intent.keys[-1] if intent.keys else "", "v": ""}
    found = pick_tables(intent.aspect) or pick_tables(intent.aspect, "_true")
    if intent.aspect in ("deny", "allow.all") and rng.random() < 0.6:
        found = pick_tables(intent.aspect, "_in" if intent.keys[0] == "ingress" else "_out")
    address = intent.keys[0] if intent.aspect.startswith("mount") else ""
    return Clause(found, variables, address) if found and intent.value is True else None


def _rule(intent: Intent, rng: Random) -> Clause | None:
    host, path = intent.keys
    variant = "_anyhost" if not host else "_root" if path == "/" and rng.random() < 0.6 else ""
    return Clause(pick_tables("rule", variant), {"k0": host, "k1": path, "v0": str(intent.value[0]), "v1": str(intent.value[1])})


def _limit(intent: Intent, rng: Random) -> Clause | None:
    of, field, what = intent.keys
    found = pick_tables("limit", f"_{field}") if rng.random() < 0.7 else {}
    names = {"Container": "container", "PersistentVolumeClaim": rng.choice(("PersistentVolumeClaim", "pvc", "volume claim")), "Pod": "pod"}
    variables = {"k0": names.get(of, of), "k1": field, "k2": what, "k": what, "v": _text(intent, rng)}
    return Clause(found or pick_tables("limit"), variables, literal=_literal(intent))


_QUOTA_NAMES = {
    "persistentvolumeclaims": ("pvcs", "persistent volume claims", "volume claims"),
    "configmaps": ("config maps", "configmaps"),
    "requests.cpu": ("cpu requests", "requested cpu"),
    "requests.memory": ("memory requests", "requested memory"),
    "limits.cpu": ("cpu limits",),
    "limits.memory": ("memory limits",),
    "requests.storage": ("storage requests", "storage"),
    "services.loadbalancers": ("load balancers", "loadbalancer services"),
    "services.nodeports": ("node ports", "nodeport services"),
}


def _hard(intent: Intent, rng: Random) -> Clause | None:
    key = intent.keys[0]
    name = rng.choice(_QUOTA_NAMES[key]) if key in _QUOTA_NAMES and rng.random() < 0.5 else key
    return Clause(pick_tables("hard"), {"k": name, "v": _text(intent, rng)})


_MODE_WORDS = {
    "ReadWriteOnce": ("RWO", "read write once", "read-write-once", "rwo", "ReadWriteOnce"),
    "ReadWriteMany": ("RWX", "read write many", "read-write-many", "rwx", "ReadWriteMany"),
    "ReadOnlyMany": ("ROX", "read only many", "read-only-many", "ReadOnlyMany"),
    "ReadWriteOncePod": ("RWOP", "read write once pod", "ReadWriteOncePod"),
}


def _modes(intent: Intent, rng: Random) -> Clause | None:
    names = [rng.choice(_MODE_WORDS.get(mode, (mode,))) if rng.random() < 0.5 else mode for mode in intent.value]
    return Clause(pick_tables(intent.aspect), {"v": values.list_text(names, rng)})


def _account(intent: Intent, rng: Random) -> Clause | None:
    name, space = intent.value
    return Clause(pick_tables(intent.aspect), {"v0": name, "v1": space}) if space else None


def _target(intent: Intent, rng: Random) -> Clause | None:
    if intent.value[0] is None:
        return None
    kind, _ = tables()[f"kinds/{intent.value[0]}"].pick(rng, EVERY) if f"kinds/{intent.value[0]}" in tables() else (intent.value[0], "")
    return Clause(pick_tables("target"), {"v0": kind, "v1": intent.value[1]})


def _allow(intent: Intent, rng: Random) -> Clause | None:
    peers, ports = intent.value
    side = "in" if intent.keys[0] == "ingress" else "out"
    texts = [peer_text(peer, rng) for peer in peers]
    if len(texts) > 2 or len(ports) > 3 or not (texts or ports):
        return None
    if not texts:
        return Clause(pick_tables("allow", f"_{side}_all"), {"ports": _ports_text(ports, rng)})
    variables = {"peers": " and ".join(texts), "ports": _ports_text(ports, rng)}
    return Clause(pick_tables("allow", f"_{side}" if ports else f"_{side}_any"), variables)


def _ports_text(ports: tuple[tuple[Any, str], ...], rng: Random) -> str:
    texts = [f"{port}" if protocol == "TCP" else f"{port}/{protocol}" for port, protocol in ports]
    return f"port{'s' if len(texts) > 1 else ''} {values.list_text(texts, rng)}"


def peer_text(peer: tuple[Any, ...], rng: Random) -> str:
    """Return a peer of a NetworkPolicy as people name it."""
    if peer[0] == "cidr":
        text = rng.choice(("the {} range", "the range {}", "{}", "ip block {}", "the cidr {}", "addresses in {}")).format(peer[1])
        return text + (f" except {values.list_text(peer[2:], rng)}" if peer[2:] else "")
    if peer[0] == "both":
        return f"{_labelled('pods', peer[1], rng)} in {_labelled('namespaces', peer[2], rng)}"
    return _labelled(peer[0], peer[1], rng)


def _labelled(what: str, pairs: tuple[tuple[str, str], ...], rng: Random) -> str:
    if not pairs:
        return rng.choice((f"all {what}", f"any {what[:-1]}", f"every {what[:-1]}"))
    text = values.list_text([f"{key}={value}" for key, value in pairs], rng)
    if what == "pods" and len(pairs) == 1 and pairs[0][0] == "app" and rng.random() < 0.4:
        return rng.choice(("the {} pods", "{} pods", "pods of {}", "the {} app")).format(pairs[0][1])
    return rng.choice((f"{what} labelled {text}", f"{what} with label {text}", f"{what} with the label {text}", f"{text} {what}", f"{what} labeled {text}"))


_SPECIAL: dict[str, Callable[[Intent, Random], Clause | None]] = {
    "container.livenessProbe.httpGet": _probe,
    "container.readinessProbe.httpGet": _probe,
    "container.startupProbe.httpGet": _probe,
    "spec.schedule": _schedule,
    "pod.toleration": _toleration,
    "selector": _selector,
    "podSelector": _selector,
    "podSelector.all": _mark,
    "spec.clusterIP.none": _mark,
    "default.class": _mark,
    "deny": _mark,
    "allow.all": _mark,
    "mount.emptyDir": _mark,
    "mount.emptyDir.memory": _mark,
    "mount.readOnly": _mark,
    "rule": _rule,
    "subject.ServiceAccount": _account,
    "target": _target,
    "allow": _allow,
    "limit": _limit,
    "hard": _hard,
    "spec.accessModes": _modes,
}
