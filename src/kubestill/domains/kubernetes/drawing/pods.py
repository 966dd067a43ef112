"""Pods and the workloads that run them, drawn as intents."""

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.drawing.words import Words

Draw = Callable[[Words], Iterator[Intent]]


def chance(rng: Random, probability: float) -> bool:
    """Return True with that probability."""
    return rng.random() < probability


def some(aspect: str, probability: float, value: Callable[[Words], Any], *keys: str) -> Draw:
    """Return a draw that gives one intent with that probability."""

    def draw(words: Words) -> Iterator[Intent]:
        if words.rng.random() < probability:
            yield Intent(aspect, keys, value(words))

    return draw


def number(low: int, high: int) -> Callable[[Words], int]:
    """Return a whole number, small ones more often."""
    return lambda words: words.rng.randint(low, high if words.rng.random() < 0.4 else min(high, low + 5))


def pick(*values: Any) -> Callable[[Words], Any]:
    """Return one of the values."""
    return lambda words: words.rng.choice(values)


def seconds(words: Words) -> int:
    """Return a duration."""
    return int(words.rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 900, 1800, 3600, words.rng.randrange(1, 500))))


def _flag(words: Words) -> bool:
    return words.rng.random() < 0.8


def container(words: Words, address: str, rich: float) -> Iterator[Intent]:
    """Yield the intents of one container; `rich` scales how much is asked for."""
    rng = words.rng
    yield Intent("container.image", (address,), words.image())
    ports: list[int] = []
    served: list[int] = []
    for _ in range(rng.choice((0, 1, 1, 1, 2)) if chance(rng, 0.75) else 0):
        port = words.port()
        if port not in ports:
            ports.append(port)
            about = list(_port(words, address, port))
            served += [] if any(intent.aspect.endswith(".protocol") for intent in about) else [port]
            yield from about
    if chance(rng, 0.4 * rich):
        names = {words.variable() for _ in range(rng.choice((1, 1, 2, 3)))}
        used: set[str] = set()
        for name in sorted(names):
            variable = _env(words, address, name)
            if variable.keys[1] not in used:
                used.add(variable.keys[1])
                yield variable
    if chance(rng, 0.08 * rich):
        yield Intent(f"container.envFrom.{rng.choice(('secret', 'configMap'))}", (address,), words.name())
    yield from _resources(words, address, rich)
    yield from _probes(words, address, served, rich)
    for draw in _CONTAINER:
        for intent in draw(words):
            if chance(rng, rich):
                yield Intent(intent.aspect, (address, *intent.keys), intent.value)


def _port(words: Words, address: str, port: int) -> Iterator[Intent]:
    yield Intent("container.port", (address,), port)
    named = chance(words.rng, 0.12)
    if named:
        yield Intent(
            "container.port.name", (address, str(port)), words.rng.choice(("http", "https", "metrics", "grpc", "admin", "web", "tcp"))
        )
    if not named and chance(words.rng, 0.04):  # no `https` over UDP
        yield Intent("container.port.protocol", (address, str(port)), words.rng.choice(("UDP", "UDP", "SCTP")))
    if chance(words.rng, 0.03):
        yield Intent("container.port.hostPort", (address, str(port)), words.port())


def _env(words: Words, address: str, name: str) -> Intent:
    rng, keys = words.rng, (address, name)
    roll = rng.random()
    if roll < 0.7:
        return Intent("container.env", keys, words.setting(name))
    if roll < 0.83:
        return Intent("container.env.secret", keys, (words.name(), words.key()))
    if roll < 0.93:
        return Intent("container.env.configMap", keys, (words.name(), words.key()))
    field = rng.choice(tuple(_FIELDS))
    return Intent("container.env.field", (address, rng.choice(_FIELDS[field])), field)


_FIELDS = {  # of the pod, each with the variables that programs expect it in
    "metadata.name": ("POD_NAME", "POD_NAME", "MY_POD_NAME", "INSTANCE_NAME", "INSTANCE_ID", "HOSTNAME_OVERRIDE"),
    "metadata.namespace": ("POD_NAMESPACE", "NAMESPACE", "MY_POD_NAMESPACE", "K8S_NAMESPACE", "WATCH_NAMESPACE", "KUBE_NAMESPACE"),
    "status.podIP": ("POD_IP", "POD_IP", "MY_POD_IP", "BIND_IP", "ADVERTISE_ADDRESS", "LISTEN_IP"),
    "spec.nodeName": ("NODE_NAME", "NODE_NAME", "MY_NODE_NAME", "K8S_NODE_NAME", "KUBE_NODE_NAME", "NODE_ID"),
    "status.hostIP": ("HOST_IP", "HOST_IP", "NODE_IP", "MY_HOST_IP", "AGENT_HOST", "STATSD_HOST"),
}


def _resources(words: Words, address: str, rich: float) -> Iterator[Intent]:
    rng = words.rng
    if not chance(rng, 0.45 * rich):
        return
    for what, draw in (("cpu", words.cpu), ("memory", words.memory)):
        roll = rng.random()
        if roll < 0.25:
            value = draw()
            yield Intent(f"container.requests.{what}", (address,), value)
            yield Intent(f"container.limits.{what}", (address,), value)
        elif roll < 0.45:
            low, high = _pair(words, what)
            yield Intent(f"container.requests.{what}", (address,), low)
            yield Intent(f"container.limits.{what}", (address,), high)
        elif roll < 0.85:
            yield Intent(f"container.{'limits' if roll < 0.7 else 'requests'}.{what}", (address,), draw())
    if chance(rng, 0.05):
        yield Intent("container.limits.gpu", (address,), rng.choice((1, 1, 2, 4)))


def _pair(words: Words, what: str) -> tuple[str, str]:
    base = words.rng.choice((1, 2, 5, words.rng.randrange(1, 60)))
    factor = words.rng.choice((2, 2, 4, 5))
    unit = "Mi" if what == "memory" else "m"
    scale = 64 if what == "memory" else 50
    return f"{base * scale}{unit}", f"{base * scale * factor}{unit}"


_ALIVE = (  # what tells whether a process is alive, and returns at once
    ("cat", "/tmp/healthy"),
    ("cat", "/tmp/ready"),
    ("test", "-f", "/tmp/healthy"),
    ("ls", "/tmp/alive"),
    ("pg_isready",),
    ("pg_isready", "-U", "postgres"),
    ("redis-cli", "ping"),
    ("mysqladmin", "ping"),
    ("mongosh", "--eval", "db.adminCommand('ping')"),
    ("rabbitmq-diagnostics", "-q", "ping"),
    ("nginx", "-t"),
    ("/bin/grpc_health_probe", "-addr=:50051"),
    ("curl", "-f", "http://localhost/healthz"),
)


def _probes(words: Words, address: str, ports: list[int], rich: float) -> Iterator[Intent]:
    rng = words.rng
    for probe, probability in (("livenessProbe", 0.14), ("readinessProbe", 0.14), ("startupProbe", 0.03)):
        if not chance(rng, probability * rich):
            continue
        port = rng.choice(ports) if ports else words.port()
        roll = rng.random()
        if roll < 0.7 or probe == "startupProbe":
            yield Intent(f"container.{probe}.httpGet", (address,), (words.url_path(), port))
        elif roll < 0.85:
            yield Intent(f"container.{probe}.tcpSocket", (address,), port)
        else:
            yield Intent(f"container.{probe}.exec", (address,), rng.choice(_ALIVE))
        for field in ("initialDelaySeconds", "periodSeconds", "failureThreshold", "timeoutSeconds"):
            if probe != "startupProbe" and chance(rng, 0.2):
                yield Intent(
                    f"container.{probe}.{field}", (address,), rng.randint(1, 60) if field != "failureThreshold" else rng.randint(1, 10)
                )


_SECURITY = "securityContext"
_CONTAINER: tuple[Draw, ...] = (
    some("container.command", 0.12, lambda words: words.command()),
    some("container.args", 0.08, lambda words: words.options()),
    some("container.imagePullPolicy", 0.08, pick("Always", "IfNotPresent", "Never")),
    some("container.workingDir", 0.03, lambda words: words.path()),
    some(f"container.{_SECURITY}.runAsUser", 0.04, pick(1000, 1001, 65534, 999, 10001)),
    some(f"container.{_SECURITY}.runAsNonRoot", 0.05, lambda _: True),
    some(f"container.{_SECURITY}.privileged", 0.03, _flag),
    some(f"container.{_SECURITY}.allowPrivilegeEscalation", 0.04, lambda _: False),
    some(f"container.{_SECURITY}.readOnlyRootFilesystem", 0.05, lambda _: True),
    some(f"container.{_SECURITY}.capabilities.drop", 0.03, lambda _: ("ALL",)),
    some(
        f"container.{_SECURITY}.capabilities.add",
        0.03,
        pick(("NET_ADMIN",), ("SYS_TIME",), ("NET_BIND_SERVICE",), ("NET_ADMIN", "SYS_TIME")),
    ),
    some("container.tty", 0.015, lambda _: True),
    some("container.stdin", 0.015, lambda _: True),
    some("container.lifecycle.preStop.exec", 0.03, lambda words: ("sleep", str(words.rng.randrange(2, 60)))),
)
_POD: tuple[Draw, ...] = (
    some("pod.serviceAccountName", 0.1, lambda words: words.name()),
    some("pod.nodeSelector", 0.03, lambda words: words.of_key("disktype"), "disktype"),
    some("pod.nodeSelector", 0.03, lambda words: words.word(), "pool"),
    some(
        "pod.toleration",
        0.05,
        lambda words: (words.word(), words.rng.choice(("true", words.word())), words.rng.choice(("NoSchedule", "NoExecute"))),
    ),
    some("pod.toleration", 0.03, lambda words: (words.word(), "", "NoSchedule")),
    some("pod.hostNetwork", 0.03, lambda _: True),
    some("pod.hostPID", 0.01, lambda _: True),
    some("pod.dnsPolicy", 0.02, pick("ClusterFirstWithHostNet", "Default")),
    some("pod.terminationGracePeriodSeconds", 0.06, seconds),
    some("pod.imagePullSecret", 0.05, lambda words: words.name()),
    some("pod.priorityClassName", 0.03, lambda words: words.name()),
    some("pod.automountServiceAccountToken", 0.02, lambda _: False),
    some("pod.securityContext.runAsUser", 0.03, pick(1000, 2000, 65534, 101)),
    some("pod.securityContext.fsGroup", 0.03, pick(1000, 2000, 65534, 101)),
    some("pod.securityContext.runAsNonRoot", 0.03, lambda _: True),
    some("pod.runtimeClassName", 0.01, lambda words: words.word()),
    some("podLabel", 0.05, lambda words: words.word(), "tier"),
    some("podAnnotation", 0.02, lambda _: "true", "prometheus.io/scrape"),
)


def _mounts(words: Words, address: str, stateful: list[str]) -> Iterator[Intent]:
    rng = words.rng
    used: set[str] = set()
    for _ in range(rng.choice((1, 1, 2))):
        path = words.path()
        if path in used:
            continue
        used.add(path)
        keys, source = (address, path), rng.choice(("pvc", "configMap", "secret", "emptyDir", "hostPath"))
        value = True if source == "emptyDir" else words.path() if source == "hostPath" else words.name()
        yield Intent(f"mount.{source}", keys, value)
        if source in ("configMap", "secret", "hostPath") and chance(rng, 0.25):
            yield Intent("mount.readOnly", keys, True)
        if source == "emptyDir" and chance(rng, 0.2):
            yield Intent("mount.emptyDir.memory", keys, True)
    for name in stateful:
        yield Intent("mount.claimTemplate", (address, words.path()), name)


def pod(words: Words, rich: float, stateful: list[str], stands_alone: bool) -> Iterator[Intent]:
    """Yield the intents of a pod: one container, or two or three named ones, mounts, and pod-level fields.

    A pod that stands alone has no template whose labels could differ from its own.
    """
    rng = words.rng
    names = [""] if chance(rng, 0.9) else [words.name() for _ in range(rng.choice((2, 2, 3)))]
    if len(set(names)) < len(names):
        names = [""]
    for place, name in enumerate(names):
        yield from container(words, name, rich if place == 0 else rich * 0.5)
        if name == "" and chance(rng, 0.04):
            yield Intent("container.name", ("",), words.name())
    if chance(rng, 0.18 * rich) or stateful:
        yield from _mounts(words, names[0], stateful)
    if chance(rng, 0.04 * rich):
        name = words.name()
        yield Intent("init.image", (name,), words.image())
        if chance(rng, 0.6):
            yield Intent("init.command", (name,), words.command())
    for draw in _POD:
        for intent in draw(words):
            if chance(rng, rich) and (stands_alone is False or intent.aspect not in ("podLabel", "podAnnotation")):
                yield intent


_DEPLOYMENT: tuple[Draw, ...] = (
    some("spec.replicas", 0.75, number(1, 20)),
    some("spec.strategy.type", 0.08, pick("Recreate", "RollingUpdate")),
    some("spec.strategy.rollingUpdate.maxSurge", 0.04, pick(1, 2, "25%", "50%", "10%")),
    some("spec.strategy.rollingUpdate.maxUnavailable", 0.04, pick(0, 1, "25%", "10%")),
    some("spec.minReadySeconds", 0.03, seconds),
    some("spec.revisionHistoryLimit", 0.04, number(1, 10)),
    some("spec.progressDeadlineSeconds", 0.02, seconds),
)
_JOB: tuple[Draw, ...] = (
    some("spec.completions", 0.15, number(2, 20)),
    some("spec.parallelism", 0.15, number(2, 10)),
    some("spec.backoffLimit", 0.3, number(0, 10)),
    some("spec.activeDeadlineSeconds", 0.1, seconds),
    some("spec.ttlSecondsAfterFinished", 0.15, seconds),
)
_CRON: tuple[Draw, ...] = (
    some("spec.concurrencyPolicy", 0.25, pick("Forbid", "Replace", "Allow", "Forbid")),
    some("spec.successfulJobsHistoryLimit", 0.12, number(0, 10)),
    some("spec.failedJobsHistoryLimit", 0.12, number(0, 10)),
    some("spec.startingDeadlineSeconds", 0.06, seconds),
    some("spec.suspend", 0.06, lambda _: True),
    some("spec.timeZone", 0.05, pick("Europe/Berlin", "America/New_York", "UTC", "Asia/Tokyo", "Etc/UTC", "Europe/London")),
)


def _all(draws: tuple[Draw, ...], words: Words) -> Iterator[Intent]:
    for draw in draws:
        yield from draw(words)


def _rolled_or_recreated(intents: Iterator[Intent]) -> Iterator[Intent]:
    """Leave out how an update is rolled where nothing is rolled."""
    recreated = False
    for intent in intents:
        recreated = recreated or intent.value == "Recreate"
        if not (recreated and intent.aspect.startswith("spec.strategy.rollingUpdate")):
            yield intent


BATCH = ("Job", "CronJob")
_SERVING = re.compile(r"Probe\.|container\.port\b")  # of what runs to its end nobody asks whether it is ready, nor where it serves


def workload(kind: str, words: Words) -> Iterator[Intent]:
    """Yield the intents of a workload of that kind, or of a Pod."""
    rng = words.rng
    rich = rng.choice((0.2, 0.6, 0.6, 1.0, 1.6))
    stateful: list[str] = []
    if kind in ("Deployment", "ReplicaSet", "ReplicationController"):
        yield from _rolled_or_recreated(_all(_DEPLOYMENT if kind == "Deployment" else _DEPLOYMENT[:1], words))
    elif kind == "StatefulSet":
        yield from _all(
            (_DEPLOYMENT[0], some("spec.serviceName", 0.4, lambda w: w.name()), some("spec.podManagementPolicy", 0.1, pick("Parallel"))),
            words,
        )
        if chance(rng, 0.6):
            stateful = [rng.choice(("data", "storage", words.word()))]
            yield Intent("claim.storage", (stateful[0],), words.memory(large=True))
            if chance(rng, 0.25):
                yield Intent("claim.storageClassName", (stateful[0],), words.name())
    elif kind == "DaemonSet":
        yield from some("spec.updateStrategy.type", 0.12, pick("OnDelete", "RollingUpdate"))(words)
    elif kind == "Job":
        yield from _all(_JOB, words)
    elif kind == "CronJob":
        yield Intent("spec.schedule", (), words.schedule())
        yield from _all(_CRON, words)
        yield from (intent for intent in _all(_JOB, words) if chance(rng, 0.35))
    yield from (intent for intent in pod(words, rich, stateful, kind == "Pod") if kind not in BATCH or not _SERVING.search(intent.aspect))
    if kind in ("Job", "CronJob", "Pod") and chance(rng, 0.35):
        yield Intent("pod.restartPolicy", (), rng.choice(("Never", "OnFailure") if kind != "Pod" else ("Never", "OnFailure", "Always")))
