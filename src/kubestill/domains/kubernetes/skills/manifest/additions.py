"""What may be added to an object that is there: each draws one change, or none where the object holds something like it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.drawing.others import NAMESPACED, verbs_for
from kubestill.domains.kubernetes.drawing.pods import BATCH
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.phrasing.joins import resource_text, verbs_text
from kubestill.domains.kubernetes.phrasing.singles import spoken
from kubestill.domains.kubernetes.skills.manifest.changes import Change, Offer

Facts = Sequence[Intent]
Addition = Callable[[Facts, Words], Change | None]


def _has(facts: Facts, *starts: str) -> bool:
    return any(fact.aspect.startswith(starts) for fact in facts)


def _keys(facts: Facts, aspect: str) -> set[str]:
    return {fact.keys[-1] for fact in facts if fact.aspect.startswith(aspect) and fact.keys}


def _added(topic: str, intents: Sequence[Intent], values: Mapping[str, str]) -> Change:
    return Change("add", topic, tuple(intents), values, (intents[0].aspect, *intents[0].keys))


def _entry(aspect: str, topic: str, draw: Callable[[Words], tuple[str, str]], scope: tuple[str, ...] = ()) -> Addition:
    """Return an addition of one entry, unless there is one of its key."""

    def add(facts: Facts, words: Words) -> Change | None:
        key, value = draw(words)
        if key in _keys(facts, aspect):
            return None
        return _added(topic, [Intent(aspect, (*scope, key), value)], {"k": key, "v": value})

    return add


def _once(aspect: str, value: Callable[[Words], Any], topic: str, keys: tuple[str, ...] = ()) -> Addition:
    """Return an addition of something that an object has once at most; said as the tables of `do` say it."""

    def add(facts: Facts, words: Words) -> Change | None:
        if _has(facts, aspect):
            return None
        intent = Intent(aspect, keys, value(words))
        return Change("set", topic, (intent,), {"k": "", "o": "", "v": spoken(intent, words.rng)}, (aspect, *keys))

    return add


def _unless(addition: Addition, *starts: str) -> Addition:
    """Return an addition that is none where the object says something that it cannot go with."""

    def add(facts: Facts, words: Words) -> Change | None:
        return None if _has(facts, *starts) else addition(facts, words)

    return add


def _immutable(facts: Facts, words: Words) -> Change | None:
    """Freeze what there is; of nothing there is nothing to freeze."""
    return _FROZEN(facts, words) if _has(facts, "data") else None


def _flag(aspect: str, topic: str, value: bool = True, keys: tuple[str, ...] = ()) -> Addition:
    return _once(aspect, lambda _: value, topic, keys)


def _probe(facts: Facts, words: Words) -> Change | None:
    rng = words.rng
    probe = rng.choice(("liveness", "readiness", "readiness", "startup"))
    if _has(facts, f"container.{probe}Probe"):
        return None
    if any(fact.aspect == "kind" and fact.value in BATCH for fact in facts):
        return None
    udp = {fact.keys[-1] for fact in facts if fact.aspect == "container.port.protocol"}
    ports = [int(fact.value) for fact in facts if fact.aspect == "container.port" and str(fact.value) not in udp]
    port = rng.choice(ports) if ports else words.port()
    if rng.random() < 0.8 or probe == "startup":
        path = words.url_path()
        intent = Intent(f"container.{probe}Probe.httpGet", ("",), (path, port))
        return _added("http_probe", [intent], {"k": probe, "s": path, "p": str(port)})
    return _added("tcp_probe", [Intent(f"container.{probe}Probe.tcpSocket", ("",), port)], {"k": probe, "p": str(port)})


_SOURCES = {"configMap": ("configmap", "config map", "ConfigMap"), "secret": ("secret", "Secret"), "pvc": ("claim", "pvc", "PVC")}


def _mount(facts: Facts, words: Words) -> Change | None:
    rng, path = words.rng, words.path()
    if path in _keys(facts, "mount."):
        return None
    if rng.random() < 0.25:
        return _added("scratch", [Intent("mount.emptyDir", ("", path), True)], {"k": path})
    source = rng.choice(tuple(_SOURCES))
    name = words.name()
    values = {"k": path, "s": rng.choice(_SOURCES[source]), "v": name}
    return _added("mount", [Intent(f"mount.{source}", ("", path), name)], values)


def _env_from(facts: Facts, words: Words) -> Change | None:
    source, name = words.rng.choice(("configMap", "secret")), words.name()
    intent = Intent(f"container.envFrom.{source}", ("",), name)
    return None if intent in facts else _added("env_from", [intent], {"s": words.rng.choice(_SOURCES[source]), "v": name})


def _toleration(_: Facts, words: Words) -> Change | None:
    key, value, effect = words.word(), words.rng.choice(("true", words.word())), words.rng.choice(("NoSchedule", "NoExecute"))
    return _added("toleration", [Intent("pod.toleration", (), (key, value, effect))], {"k": key, "v": value, "e": effect})


def _pull_secret(aspect: str, topic: str) -> Addition:
    def add(_: Facts, words: Words) -> Change | None:
        name = words.name()
        return _added(topic, [Intent(aspect, (), name)], {"v": name})

    return add


def _rule(facts: Facts, words: Words) -> Change | None:
    rules = [fact.keys for fact in facts if fact.aspect == "rule"]
    host = words.rng.choice(rules)[0] if rules and words.rng.random() < 0.5 else words.host()
    path = words.url_path()
    if (host, path) in rules:
        return None
    service, port = words.name(), words.port()
    values = {"k": f"{host}{path}" if host else path, "s": service, "p": str(port)}
    return _added("rule", [Intent("rule", (host, path), (service, port))], values)


def _tls(facts: Facts, words: Words) -> Change | None:
    hosts = [fact.keys[0] for fact in facts if fact.aspect == "rule" and fact.keys[0]]
    free = [host for host in hosts if host not in {fact.keys[0] for fact in facts if fact.aspect == "tls"}]
    if not free:
        return None
    host, name = words.rng.choice(free), words.name()
    return _added("tls", [Intent("tls", (host,), name)], {"k": host, "v": name})


def _subject(facts: Facts, words: Words) -> Change | None:
    del facts
    kind, name = words.rng.choice(("ServiceAccount", "User", "Group")), words.name()
    if kind == "ServiceAccount":
        space = words.namespace()
        return _added("service_account_subject", [Intent("subject.ServiceAccount", (), (name, space))], {"k": name, "v": space})
    return Change("add", kind.lower(), (Intent(f"subject.{kind}", (), name),), {"k": name}, ("subject", name))


def _grant(facts: Facts, words: Words) -> Change | None:
    resource = words.rng.choice(NAMESPACED)
    verbs = verbs_for(resource, words.rng)
    if resource in _keys(facts, "grant") or "*" in verbs:
        return None
    told = {"k": resource_text(resource, words.rng), "v": verbs_text(verbs, words.rng)}
    return _added("grant", [Intent("grant", (resource,), verbs)], told)


def _quota(facts: Facts, words: Words) -> Change | None:
    name = words.rng.choice(("pods", "services", "secrets", "configmaps", "requests.cpu", "requests.memory", "limits.memory"))
    if name in _keys(facts, "hard"):
        return None
    value = words.cpu() if name.endswith("cpu") else words.memory() if "memory" in name else str(words.rng.randrange(2, 100))
    return _added("hard", [Intent("hard", (name,), value)], {"k": name, "v": value})


def _metric(facts: Facts, words: Words) -> Change | None:
    if any(fact.aspect.startswith("metric.") and fact.keys == ("memory",) for fact in facts):
        return None
    goal = words.rng.choice((60, 70, 75, 80, 85, 90))
    return _added("utilization", [Intent("metric.utilization", ("memory",), goal)], {"k": "memory", "v": str(goal)})


def _deny(facts: Facts, words: Words) -> Change | None:
    del words
    covered = {fact.keys[0] for fact in facts if fact.aspect in ("deny", "allow", "allow.all")}
    side = next((side for side in ("egress", "ingress") if side not in covered), "")
    return Change("set", f"deny_{side}", (Intent("deny", (side,), True),), {}, ("deny", side)) if side else None


def _label(facts: Facts, words: Words) -> Change | None:
    """Add a label; seldom, since any object could have one."""
    return _LABELLED(facts, words) if words.rng.random() < 0.4 else None


_FROZEN = _flag("immutable", "immutable")
_LABELLED = _entry("label", "label", lambda words: words.label())
_LABEL: Addition = _label
_ENFORCED = ("pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/warn", "pod-security.kubernetes.io/audit")
_SCOPE = ("",)
POD_ADDITIONS: tuple[Addition, ...] = (
    _entry("container.env", "env", lambda words: (name := words.variable(), words.setting(name)), _SCOPE),
    _entry("container.env", "env", lambda words: (name := words.variable(), words.setting(name)), _SCOPE),
    _entry("pod.nodeSelector", "node_selector", lambda words: (key := words.rng.choice(("disktype", "zone", "pool")), words.of_key(key))),
    _probe,
    _probe,
    _mount,
    _env_from,
    _toleration,
    _pull_secret("pod.imagePullSecret", "pull_secret"),
    _once("container.limits.memory", lambda words: words.memory(), "memory_limit", _SCOPE),
    _once("container.limits.cpu", lambda words: words.cpu(), "cpu_limit", _SCOPE),
    _once("container.requests.memory", lambda words: words.memory(), "memory_request", _SCOPE),
    _once("container.requests.cpu", lambda words: words.cpu(), "cpu_request", _SCOPE),
    _once("pod.serviceAccountName", lambda words: words.name(), "account"),
    _flag("container.securityContext.readOnlyRootFilesystem", "read_only", True, _SCOPE),
    _flag("container.securityContext.allowPrivilegeEscalation", "no_escalation", False, _SCOPE),
    _unless(_flag("container.securityContext.runAsNonRoot", "non_root", True, _SCOPE), "pod.securityContext.runAsNonRoot"),
)
_REPLICAS = _once("spec.replicas", lambda words: words.rng.randint(2, 9), "replicas")
ADDITIONS: dict[str, tuple[Addition, ...]] = {
    "Deployment": (_REPLICAS, _REPLICAS, _once("spec.strategy.type", lambda _: "Recreate", "strategy"), _LABEL),
    "StatefulSet": (_REPLICAS, _LABEL),
    "ReplicaSet": (_REPLICAS, _LABEL),
    "DaemonSet": (_once("spec.updateStrategy.type", lambda _: "OnDelete", "strategy"), _LABEL),
    "CronJob": (_flag("spec.suspend", "suspend"), _once("spec.concurrencyPolicy", lambda _: "Forbid", "concurrency"), _LABEL),
    "Job": (_LABEL,),
    "Pod": (_LABEL,),
    "Service": (
        _LABEL,
        _unless(_once("spec.sessionAffinity", lambda _: "ClientIP", "affinity"), "spec.clusterIP.none", "spec.externalName"),
        _once("spec.type", lambda words: words.rng.choice(("NodePort", "LoadBalancer")), "service_type"),
    ),
    "Ingress": (_rule, _rule, _tls, _LABEL),
    "NetworkPolicy": (_deny, _LABEL),
    "ConfigMap": (
        _entry("data", "data", lambda words: (words.key(), words.text())),
        _entry("data", "data", lambda words: (words.key(), words.text())),
        _immutable,
        _LABEL,
    ),
    "Secret": (_entry("data", "data", lambda words: (words.key(), words.secret())), _LABEL),
    "PersistentVolumeClaim": (_LABEL,),
    "PersistentVolume": (_LABEL,),
    "StorageClass": (
        _flag("allowVolumeExpansion", "expansion"),
        _LABEL,
    ),
    "ServiceAccount": (
        _pull_secret("sa.imagePullSecret", "account_secret"),
        _flag("automountServiceAccountToken", "no_automount", False),
        _LABEL,
    ),
    "Role": (_grant, _grant, _LABEL),
    "ClusterRole": (_grant, _LABEL),
    "RoleBinding": (_subject, _LABEL),
    "ClusterRoleBinding": (_subject,),
    "HorizontalPodAutoscaler": (_metric, _LABEL),
    "ResourceQuota": (_quota, _quota),
    "LimitRange": (_LABEL,),
    "Namespace": (
        _LABELLED,
        _entry("label", "label", lambda words: (words.rng.choice(_ENFORCED), words.rng.choice(("restricted", "baseline")))),
        _entry("annotation", "annotation", lambda words: (f"{words.host()}/{words.word()}", words.word())),
    ),
    "PriorityClass": (_once("preemptionPolicy", lambda _: "Never", "no_preempt"), _LABEL),
}


def additions(kind: str, facts: Facts, words: Words, count: int) -> list[Offer]:
    """Return at most `count` things that an object of a kind may be given."""
    pool = [*ADDITIONS.get(kind, ()), *(POD_ADDITIONS if KINDS[kind].template is not None else ())]
    return [partial(addition, facts, words) for addition in words.rng.sample(pool, min(len(pool), count))]
