"""One intent → one clause: how its value is spoken, and which table has the words."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing import values
from kubestill.domains.kubernetes.phrasing.clause import Clause, pick_tables
from kubestill.domains.kubernetes.phrasing.lines import EVERY, tables
from kubestill.domains.kubernetes.phrasing.schedules import schedule_words, unscheduled

# --- one intent ------------------------------------------------------------------------------------------------------

_COUNTS = re.compile(r"(replicas|Replicas|Limit|Threshold|completions|parallelism|minAvailable|maxUnavailable|gpu)\Z")
_SECONDS = re.compile(r"Seconds(AfterFinished)?\Z")


def spoken(intent: Intent, rng: Random) -> str:
    """Return the value of an intent as people say it."""
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


def is_spelt(intent: Intent) -> bool:
    """Say whether people spell a value in more ways than YAML has: an amount, a duration, a count."""
    return not isinstance(intent.value, bool | tuple) and bool(_SPELT.search(intent.aspect))


_SPELT = re.compile(rf"({_COUNTS.pattern}|{_SECONDS.pattern}|(memory|storage|sizeLimit|cpu)\Z)")


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


def single(intent: Intent, rng: Random, voice: Random | None = None) -> Clause | None:
    """Return the clause for one intent, its value spelt by `voice`, or None where no table can say it."""
    voice = voice or rng
    aspect, address = intent.aspect, intent.keys[0] if intent.keys and intent.aspect.startswith(("container", "mount")) else ""
    worded = pick_tables(f"{aspect}={_value_name(intent.value)}") or pick_tables(aspect, f"_{_value_name(intent.value)}")
    if rng.random() < 0.5:
        worded = pick_tables(aspect, f"_{_value_name(intent.value)}") or worded
    if worded and not isinstance(intent.value, bool) and rng.random() < 0.4:
        return Clause(worded, {}, address)
    special = _SPECIAL.get(aspect)
    if special:
        return special(intent, voice if aspect in ("limit", "hard") else rng)
    keys = {f"k{place}": key for place, key in enumerate(intent.keys)}
    variables = {**keys, "k": intent.keys[-1] if intent.keys else ""}
    if isinstance(intent.value, bool) and pick_tables(aspect, f"_{str(intent.value).lower()}"):
        return Clause(pick_tables(aspect, f"_{str(intent.value).lower()}"), variables, address)
    found = pick_tables(aspect)
    if found and not isinstance(intent.value, bool):
        if isinstance(intent.value, tuple) and not aspect.endswith(("command", "args", "exec")):
            variables.update({f"v{place}": str(value) for place, value in enumerate(intent.value)})
        exact = {"v": str(intent.value)} if is_spelt(intent) else {}
        return Clause(found, {**variables, "v": spoken(intent, voice)}, address, literal=_literal(intent), exact=exact)
    if found:  # a mark such as "headless": there is nothing to fill in
        return Clause(found, variables, address) if intent.value is True else None
    return _generic(intent, rng)


def _value_name(value: Any) -> str:
    return str(value[0]) if isinstance(value, tuple) and len(value) == 1 else str(value)


_SAYABLE = re.compile(r"[\x20-\x7e]{1,60}\Z")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


_AMOUNT = re.compile(r"\bof \{v\}|equal to")  # nobody has an `enableServiceLinks of true`
_SCOPES = frozenset("spec pod container template securityContext".split())


def _field_name(aspect: str, rng: Random) -> str:
    """Return a field's name as one word or as several; a field of a field that has no words of its own is named with that one."""
    parts = [part for part in aspect.split(".") if part not in _SCOPES][-3:]
    words = [word if word.isupper() else word.lower() for part in parts for word in _HUMPS.findall(part)]
    twice = any(one == other for one, other in pairwise(words))  # nobody says `host path path`
    return ".".join(parts) if twice or (len(parts) == 1 and rng.random() < 0.3) else " ".join(words)


def _generic(intent: Intent, rng: Random) -> Clause | None:
    """Any other leaf is asked for by its field's name, as one word or as several."""
    value = intent.value
    text = values.list_text(value, rng) if isinstance(value, tuple) else plain_text(value)
    if "[]" in intent.aspect or not _SAYABLE.match(text) or '"' in str(value) or len(intent.keys) > 2:
        return None
    if intent.aspect.startswith("init.") or ".metadata." in intent.aspect:
        return None
    own_key = intent.keys[-1] if intent.keys and not (intent.aspect.startswith("container") and len(intent.keys) == 1) else ""
    if intent.aspect.endswith(".other"):  # of the requests, or of the limits: `ephemeral-storage limit`
        spoken = f"{own_key} {intent.aspect.split('.')[-2].removesuffix('s')}"
    else:
        spoken = f"{_field_name(intent.aspect, rng)} {own_key}".strip()
    address = intent.keys[0] if intent.keys and intent.aspect.startswith("container") else ""
    variables = {"field": spoken, "v": text}
    return Clause(pick_tables("field"), variables, address, unfit=_AMOUNT if isinstance(value, bool) else None)


def _probe(intent: Intent, _: Random) -> Clause | None:
    variables = {"v0": str(intent.value[0]), "v1": str(intent.value[1])}
    return Clause(pick_tables(intent.aspect), variables, intent.keys[0])


def _schedule(intent: Intent, rng: Random) -> Clause | None:
    words = schedule_words(str(intent.value), rng) if rng.random() < 0.6 else None
    unfit = unscheduled(words) if words else None
    return Clause(pick_tables("spec.schedule", "_words" if words else ""), {"v": words or str(intent.value)}, unfit=unfit)


def _toleration(intent: Intent, _: Random) -> Clause | None:
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
    variables = {"k0": names.get(of, of), "k1": _BOUNDS.get(field, field), "k2": what, "k": what, "v": spoken(intent, rng)}
    return Clause(found or pick_tables("limit"), variables, literal=_literal(intent), exact={"k1": field})


_BOUNDS = {"defaultRequest": "default request", "maxLimitRequestRatio": "highest ratio of limit to request"}


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


_COUNTED = re.compile(r"\{v\} \{k\}")  # what only things are that can be counted: `29 services`, but not `29 count/jobs.batch`


def _hard(intent: Intent, rng: Random) -> Clause | None:
    key = intent.keys[0]
    name = rng.choice(_QUOTA_NAMES[key]) if key in _QUOTA_NAMES and rng.random() < 0.6 else key
    value = str(intent.value) if key.endswith("cpu") else spoken(intent, rng)  # the name says of what: `half a cpu` would say it twice
    counted = "." not in key if name == key else not key.startswith(("requests.", "limits."))
    return Clause(pick_tables("hard"), {"k": name, "raw": key, "v": value}, unfit=None if counted else _COUNTED)


_MODE_WORDS = {
    "ReadWriteOnce": ("RWO", "read write once", "read-write-once", "rwo", "ReadWriteOnce"),
    "ReadWriteMany": ("RWX", "read write many", "read-write-many", "rwx", "ReadWriteMany"),
    "ReadOnlyMany": ("ROX", "read only many", "read-only-many", "ReadOnlyMany"),
    "ReadWriteOncePod": ("RWOP", "read write once pod", "ReadWriteOncePod"),
}


def _modes(intent: Intent, rng: Random) -> Clause | None:
    names = [rng.choice(_MODE_WORDS.get(mode, (mode,))) if rng.random() < 0.5 else mode for mode in intent.value]
    return Clause(pick_tables(intent.aspect), {"v": values.list_text(names, rng)}, unfit=_PLURAL if len(names) == 1 else None)


_PLURAL = re.compile(r"\bmodes\b")


def _account(intent: Intent, _: Random) -> Clause | None:
    name, space = intent.value
    return Clause(pick_tables(intent.aspect), {"v0": name, "v1": space}) if space else None


def _provisioner(intent: Intent, _: Random) -> Clause | None:
    none = str(intent.value).endswith("no-provisioner")  # which makes nothing: nobody puts it in charge of creating disks
    return Clause(pick_tables("provisioner", "_none" if none else ""), {"v": str(intent.value)})


def _target(intent: Intent, rng: Random) -> Clause | None:
    if intent.value[0] is None:
        return None
    kind, _ = tables()[f"kinds/{intent.value[0]}"].pick(rng, EVERY) if f"kinds/{intent.value[0]}" in tables() else (intent.value[0], "")
    return Clause(pick_tables("target"), {"v0": kind, "v1": intent.value[1]})


def peers_text(intent: Intent, rng: Random) -> tuple[str, str] | None:
    """Return (peers, ports) of an allowed direction in words, or None where one of them is missing or there are many."""
    peers, ports = intent.value
    if not 0 < len(peers) < 3 or not 0 < len(ports) < 4:
        return None
    return " and ".join(peer_text(peer, rng) for peer in _pods_first(peers)), _ports_text(ports, rng)


def _pods_first(peers: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return peers with pods before namespaces: `the namespace river and pods stage=profile` would be pods in there."""
    return sorted(peers, key=lambda peer: peer[0] != "pods")


def _allow(intent: Intent, rng: Random) -> Clause | None:
    peers, ports = intent.value
    side = "in" if intent.keys[0] == "ingress" else "out"
    texts = [peer_text(peer, rng) for peer in _pods_first(peers)]
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
        return rng.choice((f"all {what}", f"any {what[:-1]}", f"every {what[:-1]}", f"all the {what}", f"each {what[:-1]}"))
    text = values.list_text([f"{key}={value}" for key, value in pairs], rng)
    if what == "pods" and len(pairs) == 1 and pairs[0][0] == "app" and rng.random() < 0.4:
        return rng.choice(("the {} pods", "{} pods", "pods of {}", "the {} app", "the pods that belong to {}", "the app {}")).format(
            pairs[0][1]
        )
    if what == "namespaces" and len(pairs) == 1 and pairs[0][0] == "kubernetes.io/metadata.name" and rng.random() < 0.6:
        return rng.choice(("the {} namespace", "namespace {}", "the namespace {}", "ns {}", "the namespace called {}")).format(pairs[0][1])
    return rng.choice(
        (
            f"{what} labelled {text}",
            f"{what} with label {text}",
            f"{what} with the label {text}",
            f"{text} {what}",
            f"{what} labeled {text}",
            f"{what} that have {text}",
            f"{what} that carry {text}",
            f"{what} carrying the label {text}",
            f"{what} matching {text}",
            f"{what} with {text} on them",
            f"{what} with {text}",
            f"{what} whose label is {text}",
            f"{what} selected by {text}",
            f"{what} ({text})",
        )
    )


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
    "provisioner": _provisioner,
    "allow": _allow,
    "limit": _limit,
    "hard": _hard,
    "spec.accessModes": _modes,
}
