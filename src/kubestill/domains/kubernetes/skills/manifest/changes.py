"""What may change in an object that is there: by what it says, one change a fact, and what may be added to its kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.kinds import QUANTITY_ASPECTS
from kubestill.domains.kubernetes.phrasing.schedules import schedule_words
from kubestill.domains.kubernetes.phrasing.singles import is_spelt, spoken
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.skills.manifest.removal import REMOVE, RENAME


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that shall be different: `verb` and `topic` name the tables that say it, `values` fill their lines in.

    `intents` are what a student notes of it: statements that the lenses write, or one that begins with `remove` or `rename`.
    `unit` is what two changes may not share.
    """

    verb: str  # set, raise, lower, add, remove, rename
    topic: str
    intents: tuple[Intent, ...]
    values: Mapping[str, str]
    unit: tuple[str, ...]


Draw = Callable[[Words, Any], Any]
Offer = Callable[[], Change | None]


def _near(words: Words, old: Any) -> Any:
    step = max(1, 10 ** (len(str(old)) - 2))  # nobody goes from 1000 to 1004
    return max(1, int(old) + step * words.rng.choice((-3, -2, -1, 1, 1, 2, 2, 3, 4, 5, 7)))


def _count(words: Words, old: Any) -> Any:
    return max(0, int(old) + words.rng.choice((-2, -1, 1, 2, 3, 5)))


def _seconds(words: Words, _: Any) -> Any:
    return words.rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 900, 1800, 3600))


def _percent(words: Words, _: Any) -> Any:
    return words.rng.choice((40, 50, 55, 60, 65, 70, 75, 80, 85, 90))


def _disruption(words: Words, old: Any) -> Any:
    return _near(words, old) if isinstance(old, int) else f"{words.rng.choice((10, 20, 25, 30, 40, 50, 60, 75))}%"


def _larger(words: Words, old: Any) -> Any:
    """Return a larger size: volumes never shrink."""
    number, unit = parse_quantity(old), str(old)[-2:]
    if number is None or unit not in ("Mi", "Gi", "Ti") or not str(old)[:-2].isdigit():
        return old
    return f"{int(str(old)[:-2]) * words.rng.choice((2, 2, 3, 4, 5, 10))}{unit}"


def _one_of(*values: Any) -> Draw:
    return lambda words, _: words.rng.choice(values)


def _tag(words: Words, old: Any) -> Any:
    """Return the image under another tag; where it has none, or a digest, another image."""
    text = str(old)
    head, colon, tail = text.rpartition(":")
    plain = bool(colon) and "/" not in tail and "@" not in text
    if not plain or words.rng.random() > 0.8:
        return words.image()
    tags = [words.tag() for _ in range(8)]
    return f"{head}:{next((tag for tag in tags if _leading(tag) > _leading(tail)), words.rng.choice(('stable', 'latest')))}"


def _leading(tag: str) -> int:
    """Return the first number of a tag, so that nobody upgrades to an older version; a tag without one is as old as any."""
    found = re.search(r"\d+", tag)
    return int(found[0]) if found else 0


def _alike(words: Words, old: Any) -> Any:
    """Return a value of the same sort: nobody sets a number to `dns`, nor a switch to a number."""
    text = str(old)
    if text.isdigit():
        return str(words.rng.choice((int(text) * 2, int(text) + 1, int(text) * 10, max(1, int(text) // 2))))
    other = next((pair[1 - place] for pair in _SWITCHES for place, one in enumerate(pair) if one == text.lower()), None)
    if other is not None:
        return other if text.islower() else other.capitalize() if text.istitle() else other.upper()
    drawn = (words.text() for _ in range(8))
    return next((new for new in drawn if ("://" in new) == ("://" in text) and not new.isdigit() and new not in _SWITCHED), words.word())


_SWITCHES = (("true", "false"), ("on", "off"), ("yes", "no"), ("enabled", "disabled"))
_SWITCHED = frozenset(one for pair in _SWITCHES for one in pair)


def _probe(words: Words, old: Any) -> Any:
    return words.url_path(), old[1]  # its port is one that the container serves on


def _port(words: Words, _: Any) -> Any:
    """Return a port that nobody takes for a node port."""
    port = words.port()
    return port if port < 30_000 else port - 20_000


_NODES = {"linux": "windows", "windows": "linux", "amd64": "arm64", "arm64": "amd64"}  # of which there are no others


def _node(words: Words, old: Any) -> Any:
    return _NODES.get(str(old)) or words.like(str(old))


def _named(words: Words, _: Any) -> Any:
    return words.name()


@dataclass(frozen=True, slots=True)
class Settable:
    """A fact that can be given another value, and be taken away where `gone`."""

    topic: str
    draw: Draw
    gone: bool = False


_S = Settable
SETTABLE: dict[str, Settable] = {
    "spec.replicas": _S("replicas", _near),
    "container.image": _S("tag", _tag),
    "container.port": _S("container_port", _port),
    "container.limits.memory": _S("memory_limit", lambda words, _: words.memory(), True),
    "container.limits.cpu": _S("cpu_limit", lambda words, _: words.cpu(), True),
    "container.requests.memory": _S("memory_request", lambda words, _: words.memory(), True),
    "container.requests.cpu": _S("cpu_request", lambda words, _: words.cpu(), True),
    "container.env": _S("env", _alike, True),
    "container.imagePullPolicy": _S("pull_policy", _one_of("Always", "IfNotPresent", "Never")),
    "container.securityContext.runAsUser": _S("run_as", _one_of(1000, 1001, 2000, 65534, 10001, 101)),
    "pod.restartPolicy": _S("restart_policy", _one_of("Never", "OnFailure")),
    "pod.serviceAccountName": _S("account", _named, True),
    "pod.terminationGracePeriodSeconds": _S("grace", _seconds, True),
    "pod.nodeSelector": _S("node_selector", _node, True),
    "podLabel": _S("pod_label", lambda words, _: words.word()),
    "label": _S("label", lambda words, old: words.like(str(old)), True),
    "data": _S("data", _alike, True),
    "spec.schedule": _S("schedule", lambda words, _: words.schedule()),
    "spec.concurrencyPolicy": _S("concurrency", _one_of("Forbid", "Replace", "Allow")),
    "spec.successfulJobsHistoryLimit": _S("history_ok", _count),
    "spec.failedJobsHistoryLimit": _S("history_failed", _count),
    "spec.timeZone": _S("timezone", _one_of("Europe/Berlin", "America/New_York", "UTC", "Asia/Tokyo", "Europe/London", "Asia/Kolkata")),
    "spec.backoffLimit": _S("backoff", _count),
    "spec.completions": _S("completions", _near),
    "spec.parallelism": _S("parallelism", _near),
    "spec.activeDeadlineSeconds": _S("deadline", _seconds, True),
    "spec.ttlSecondsAfterFinished": _S("ttl", _seconds, True),
    "spec.strategy.type": _S("strategy", _one_of("Recreate", "RollingUpdate")),
    "spec.updateStrategy.type": _S("strategy", _one_of("OnDelete", "RollingUpdate")),
    "spec.resources.requests.storage": _S("storage", _larger),
    "spec.capacity.storage": _S("capacity", _larger),
    "spec.storageClassName": _S("storage_class", _named),
    "spec.persistentVolumeReclaimPolicy": _S("reclaim", _one_of("Retain", "Delete")),
    "reclaimPolicy": _S("class_reclaim", _one_of("Retain", "Delete")),
    "spec.minReplicas": _S("min_replicas", _near),
    "spec.maxReplicas": _S("max_replicas", _near),
    "metric.utilization": _S("utilization", _percent),
    "target": _S("scale_target", lambda words, old: (old[0], words.name())),
    "port": _S("service_port", _port),
    "port.target": _S("target_port", _port),
    "port.node": _S("node_port", lambda words, _: words.rng.randrange(30000, 32768)),
    "spec.type": _S("service_type", _one_of("ClusterIP", "NodePort", "LoadBalancer")),
    "selector": _S("selector", lambda words, old: words.like(str(old)) if "." in str(old) else words.name()),
    "podSelector": _S("pod_selector", _named),
    "limit": _S("limit", lambda words, old: words.cpu() if str(old).endswith("m") or str(old).isdigit() else words.memory()),
    "rule": _S("backend", lambda words, _: (words.name(), words.port()), True),
    "tls": _S("tls", _named, True),
    "spec.ingressClassName": _S("ingress_class", _one_of("nginx", "traefik", "public", "internal", "haproxy")),
    "hard": _S("hard", lambda words, old: words.cpu() if str(old).endswith("m") else _more(words, old), True),
    "value": _S("priority", lambda words, _: words.rng.choice((1000, 5000, 10000, 100000, 500, 250, 1000000))),
    "spec.minAvailable": _S("min_available", _disruption),
    "spec.maxUnavailable": _S("max_unavailable", _disruption),
    **{f"container.{probe}.httpGet": _S("probe", _probe, True) for probe in ("livenessProbe", "readinessProbe", "startupProbe")},
    **{f"container.{probe}.initialDelaySeconds": _S("probe_delay", _near) for probe in ("livenessProbe", "readinessProbe")},
    **{f"container.{probe}.periodSeconds": _S("probe_period", _near) for probe in ("livenessProbe", "readinessProbe")},
    **{f"container.{probe}.failureThreshold": _S("probe_failures", _near) for probe in ("livenessProbe", "readinessProbe")},
    **{f"mount.{source}": _S("mount", _named, True) for source in ("pvc", "configMap", "secret")},
}
# What can only be taken away.
_ONLY_GONE = {
    "container.command": "command",
    "container.args": "args",
    "container.workingDir": "working_dir",
    "container.lifecycle.preStop.exec": "pre_stop",
    "container.securityContext.privileged": "privileged",
    "pod.hostNetwork": "host_network",
    "pod.priorityClassName": "priority_class",
    "mount.emptyDir": "mount",
    "mount.hostPath": "mount",
    "parameter": "parameter",  # another value may be one that the provisioner does not know
}
_PROBE_WORDS = {"livenessProbe": "liveness", "readinessProbe": "readiness", "startupProbe": "startup"}
_IMMUTABLE = {
    ("Job", "spec.completions"),
    ("Job", "container.image"),
    ("RoleBinding", "roleRef"),
    ("PersistentVolumeClaim", "spec.storageClassName"),
}


def _more(words: Words, old: Any) -> Any:
    text = str(old)
    return _larger(words, old) if text[-1:] == "i" else str(_near(words, old)) if text.isdigit() else old


def offers(kind: str, facts: Sequence[Intent], words: Words) -> list[Offer]:
    """Return what an object that says `facts` offers to be changed: each draws its new value when it is called."""
    rng = words.rng
    hand = rng.getrandbits(32)
    found: list[Offer] = []
    probed = {
        str(port) for fact in facts if "Probe." in fact.aspect for port in (fact.value if isinstance(fact.value, tuple) else (fact.value,))
    }
    told = sum(fact.aspect.startswith(_RUNS) for fact in facts)  # of a command and its arguments none is taken away alone
    for fact in facts:
        if fact.aspect == "container.port" and str(fact.value) in probed:
            continue  # which would be probed where nothing is served any more
        if fact.aspect in SETTABLE and (kind, fact.aspect) not in _IMMUTABLE:
            found.append(partial(_set, fact, words, hand))
            if SETTABLE[fact.aspect].gone and rng.random() < 0.4:
                found.append(partial(_gone, fact))
        elif fact.aspect in _ONLY_GONE and not (fact.aspect.startswith(_RUNS) and told > 1):
            found.append(partial(_gone, fact))
        elif fact.aspect.startswith("subject.") and rng.random() < 0.5:
            found.append(partial(_gone_subject, fact))
    if rng.random() < 0.15:
        found.append(partial(_rename, facts, words))
    return found


_RUNS = ("container.command", "container.args")


def _unit(fact: Intent) -> tuple[str, ...]:
    return (fact.aspect, *fact.keys)


def _said_key(fact: Intent) -> str:
    """Return what a fact is called by: its key, the probe's name, or a route as people write it."""
    probe = fact.aspect.split(".")[1] if fact.aspect.count(".") > 1 else ""
    if probe in _PROBE_WORDS:
        return _PROBE_WORDS[probe]
    if fact.aspect == "rule":
        host, path = fact.keys
        return f"{host}{path}" if host else path
    if fact.aspect == "limit":
        return _LIMIT_WORDS[fact.keys[1]].format(fact.keys[2]) if fact.keys[1] in _LIMIT_WORDS else ""
    return fact.keys[-1] if fact.keys else ""


_LIMIT_WORDS = {"default": "default {} limit", "defaultRequest": "default {} request", "max": "{} maximum", "min": "{} minimum"}


def _set(fact: Intent, words: Words, hand: int) -> Change | None:
    new = SETTABLE[fact.aspect].draw(words, fact.value)
    if new == fact.value or (fact.aspect == "limit" and (fact.keys[0] != "Container" or fact.keys[1] not in _LIMIT_WORDS)):
        return None
    return setting(fact, new, words.rng, hand)


def setting(fact: Intent, new: Any, rng: Random, hand: int) -> Change:
    """Return the change of one fact to another value; by `hand` both are spelt, alike."""
    intent, old, topic = Intent(fact.aspect, fact.keys, new), str(fact.value), SETTABLE[fact.aspect].topic
    old = spoken(fact, Random(hand)) if is_spelt(fact) else "" if "\n" in old or len(old) > _LONG else old
    values = {"k": _said_key(fact), "o": old, "v": spoken(intent, Random(hand))}
    if fact.aspect == "container.image":
        head, _, tag = str(new).rpartition(":")
        same = bool(head) and str(fact.value).rpartition(":")[0] == head
        topic, values = ("tag", {**values, "v": tag, "o": old.rpartition(":")[2]}) if same else ("image", values)
    elif fact.aspect == "spec.schedule":
        told = schedule_words(str(new), rng)
        topic, values = ("schedule_words", {**values, "v": told}) if told and rng.random() < 0.6 else (topic, values)
    elif isinstance(new, tuple):
        values = _paired(fact, new, values)
    verb = _direction(fact, new)
    return Change(verb, topic, (intent,), values, _unit(fact))


def _paired(fact: Intent, new: tuple[Any, ...], values: dict[str, str]) -> dict[str, str]:
    """Return the placeholders of a change whose value has two parts."""
    first, second = str(new[0]), str(new[1])
    if fact.aspect == "target":
        return {**values, "s": first.lower(), "v": second, "o": str(fact.value[1])}
    return {**values, "s": first, "p": second, "v": f"{first}:{second}", "o": f"{fact.value[0]}:{fact.value[1]}"}


def _direction(fact: Intent, new: Any) -> str:
    """Say whether a number grows or falls; of anything else it can only be said what it becomes."""
    measured = fact.aspect in QUANTITY_ASPECTS or isinstance(new, int)
    if not measured or fact.aspect in _LABELS or isinstance(new, bool):
        return "set"
    old_number, new_number = parse_quantity(fact.value), parse_quantity(new)
    if old_number is None or new_number is None:
        return "set"
    return "raise" if new_number > old_number else "lower"


_LONG = 40  # a longer old value nobody repeats
# Numbers that name something: a port is not raised.
_LABELS = frozenset("port port.target port.node container.port container.securityContext.runAsUser".split())


def _gone(fact: Intent) -> Change | None:
    aspect = fact.aspect
    if aspect.split(".")[-1] == "httpGet":
        aspect = aspect.rpartition(".")[0]
    topic = SETTABLE[fact.aspect].topic if fact.aspect in SETTABLE else _ONLY_GONE[fact.aspect]
    topic = "rule" if topic == "backend" else topic
    keys = (*fact.keys[1:],) if fact.keys and aspect.split(".")[0] in ("container", "mount") else fact.keys
    return Change("remove", topic, (Intent(REMOVE, (aspect, *keys), None),), {"k": _said_key(fact), "v": ""}, _unit(fact))


def _gone_subject(fact: Intent) -> Change:
    kind = fact.aspect.partition(".")[2]
    name = fact.value[0] if isinstance(fact.value, tuple) else str(fact.value)
    word = {"ServiceAccount": "service account"}.get(kind, kind.lower())
    return Change("remove", "subject", (Intent(REMOVE, ("subject", kind, name), None),), {"k": name, "v": word}, ("subject", name))


def _rename(facts: Sequence[Intent], words: Words) -> Change:
    old = next(str(fact.value) for fact in facts if fact.aspect == "name")
    new = f"{old}-{words.rng.choice(('v2', 'next', 'new', words.word()))}" if words.rng.random() < 0.5 else words.name()
    return Change("rename", "name", (Intent(RENAME, (), new),), {"o": old, "v": new}, ("name",))
