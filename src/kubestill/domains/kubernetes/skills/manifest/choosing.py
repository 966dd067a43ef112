"""Which of all that an object says a request asks for: what nobody can leave out, and of the rest what people ask for, a handful."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from random import Random

from kubestill.domains.api import Intent

# Said always, where there: without them the object would be another one.
ESSENTIAL = frozenset(
    (
        "container.image init.image port spec.schedule rule backend target roleRef provisioner spec.maxReplicas spec.controller "
        "handler spec.externalName spec.resources.requests.storage spec.capacity.storage value claim.storage deny allow allow.all "
        "podSelector podSelector.all spec.type spec.minAvailable spec.maxUnavailable selector grant grant.names grant.url limit "
        "hard metric.utilization metric.value subject.ServiceAccount subject.User subject.Group"
    ).split()
)
# Without these the image would run something else, or the mount hide a whole directory.
_KEPT = ("container.command", "container.args", "init.command", "mount.subPath")
_ALWAYS = ESSENTIAL | {"kind", "name", "namespace", *_KEPT}
_SOURCES = ("spec.nfs.", "spec.hostPath.", "spec.local.", "spec.csi.driver", "spec.csi.volumeHandle")  # of a volume: it has one
# How many facts a request holds at most; what is essential may be more.
TOTALS = (4, 5, 6, 7, 8, 10)
INVENTED_TOTALS = (6, 8, 9, 11, 24)
MOST = 24  # facts of a request, whatever they are

# How gladly people ask for a fact; the first that fits counts.
_WEIGHTS = tuple(
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"container\.(port|env|name|requests|limits)(\.(cpu|memory|gpu|secret|configMap|name))?\Z", 1.0),
        (r"(spec\.replicas|spec\.minReplicas|data|port\.\w+|mount\.(pvc|configMap|secret|claimTemplate|emptyDir|hostPath))\Z", 1.0),
        (r"(tls|immutable|parameter|spec\.(accessModes|storageClassName|ingressClassName|clusterIP\.none)|type)\Z", 1.0),
        (r"container\.(readiness|liveness)Probe\.(httpGet|tcpSocket|exec|grpc)\Z", 0.7),
        (r"pod\.(serviceAccountName|nodeSelector|restartPolicy)\Z", 0.7),
        (r"(container\.(envFrom\.\w+|imagePullPolicy|env\.field|securityContext\.(privileged|runAsUser))|label|spec\.\w+)\Z", 0.6),
        (r"(mount\.(readOnly|emptyDir\.\w+)|podLabel|pod\.(hostNetwork|imagePullSecret)|\w+)\Z", 0.45),
        (r"container\.(workingDir|startupProbe\.\w+|\w+Probe\.(initialDelay|period)Seconds|port\.\w+)\Z", 0.35),
        (r"spec\.resources\.limits", 0.02),
        (r"(container\.securityContext\.|pod\.(securityContext\.|toleration|termination|hostPID|priorityClass|automount)|spec\.)", 0.25),
    )
)
_SELDOM, _DEFAULTED = 0.1, 0.01  # all else; and what is there anyway
_NEEDED = 0.1  # share of facts that somebody needs, however seldom others do: no field is never asked for
_COMMON = 0.5  # what weighs less is often left out even where there is room
# What a machine or another tool has written: no person asks for it.
_KEPT_BY_TOOLS = re.compile(
    r"(helm\.sh/|kompose\.|meta\.helm\.sh|checksum|kubectl\.kubernetes\.io/|argocd\.argoproj\.io/|deployment\.kubernetes\.io/|olm\.|"
    r"(.*/)?(tracking-id|revision|last-applied\S*|autoupdate|heritage|chart|release|managed-by|createdAt|creationTimestamp)\Z)"
)
_OF_PODS = ("podLabel", "podAnnotation")
_TOKENS = re.compile(r"/secrets/kubernetes\.io/serviceaccount\Z")
_BY_KEY = frozenset("label podLabel annotation podAnnotation".split())
# What the API server says by itself where nothing is said, and the lenses know no default of.
_DEFAULTS = {
    **{"pod.enableServiceLinks": True, "pod.dnsPolicy": "ClusterFirst", "pod.schedulerName": "default-scheduler"},
    **{"container.terminationMessagePath": "/dev/termination-log", "container.terminationMessagePolicy": "File"},
    **{f"container.{probe}.successThreshold": 1 for probe in ("livenessProbe", "readinessProbe", "startupProbe")},
}


@cache
def _weight(aspect: str) -> float:
    return next((weight for pattern, weight in _WEIGHTS if pattern.match(aspect)), _SELDOM)


def choose(intents: Sequence[Intent], rng: Random, totals: Sequence[int] = TOTALS) -> list[Intent]:
    """Keep what is essential and some of the rest, in the manifest's own order: so many facts in all as one of `totals`."""
    told = {(intent.aspect[3:].lower(), intent.keys, repr(intent.value)) for intent in intents if intent.aspect in _OF_PODS}
    rest: list[tuple[float, int]] = []
    always = 0
    for place, intent in enumerate(intents):
        if _always(intent.aspect):
            always += 1
        elif not _by_itself(intent) and (intent.aspect, intent.keys, repr(intent.value)) not in told:
            weight = _DEFAULTED if _DEFAULTS.get(intent.aspect) == intent.value else _weight(intent.aspect)
            if rng.random() < _NEEDED:
                weight = 1.0
            if weight >= _COMMON or rng.random() < weight + 0.3:
                rest.append((rng.random() ** (1 / weight), place))
    room = max(1, rng.choice(totals) - always)
    kept = {place for _, place in sorted(rest, reverse=True)[:room]}
    return whole(_few([intent for place, intent in enumerate(intents) if place in kept or _always(intent.aspect)][:MOST]))


@cache
def _always(aspect: str) -> bool:
    return aspect in _ALWAYS or aspect.startswith(_SOURCES)


def _by_itself(intent: Intent) -> bool:
    """Say whether a fact is there without anybody asking: a note that a tool keeps for itself, or what nothing heeds."""
    if intent.aspect in _BY_KEY:
        return bool(_KEPT_BY_TOOLS.match(intent.keys[-1]))
    if intent.aspect.startswith("mount."):
        return any(_TOKENS.search(key) for key in intent.keys)
    return intent.aspect == "port.node" and not intent.value


def _few(intents: Sequence[Intent]) -> list[Intent]:
    """Return intents with no more of one sort than a person goes through one by one; of several annotations those that are plain words."""
    counted: Counter[tuple[str, ...]] = Counter()
    there = Counter(intent.aspect for intent in intents)
    mapped = {aspect for aspect in ("annotation", "podAnnotation") if there[aspect] > 1}
    kept = []
    for intent in intents:
        if intent.aspect in mapped and set(str(intent.value)) & set(',"{'):
            continue
        most = _FEW.get(intent.aspect)
        if most is not None and there[intent.aspect] > most:
            sort = (intent.aspect, *(intent.keys[:1] if intent.aspect.startswith(("container", "mount")) else ()))
            counted[sort] += 1
            if counted[sort] > most:
                continue
        kept.append(intent)
    return kept


_FEW = {
    **dict.fromkeys("data parameter spec.csi.volumeAttributes".split(), 5),
    **dict.fromkeys("container.env mount.configMap mount.hostPath mount.emptyDir pod.imagePullSecret".split(), 3),
    **dict.fromkeys("container.env.secret container.env.configMap container.env.field pod.toleration mount.secret".split(), 2),
    **dict.fromkeys("label podLabel annotation podAnnotation".split(), 2),
}


def whole(intents: Sequence[Intent]) -> list[Intent]:
    """Return intents without details whose thing is not among them."""
    places = {(intent.aspect, intent.keys[:2]) for intent in intents}
    ports = {(intent.aspect, (*intent.keys, str(intent.value))) for intent in intents if intent.aspect in ("port", "container.port")}
    return [intent for intent in intents if not _orphaned(intent, places | ports)]


_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_MOUNTS = ("pvc", "configMap", "secret", "emptyDir", "hostPath", "claimTemplate")


def _orphaned(intent: Intent, places: set[tuple[str, tuple[str, ...]]]) -> bool:
    """Say whether a detail (of a port, of a mount, of a probe) is asked for without the thing that it belongs to."""
    parts = intent.aspect.split(".")
    if parts[-2:-1] == ["port"]:
        return (".".join(parts[:-1]), intent.keys) not in places
    if parts[0] == "mount":
        wanted = [f"mount.{source}" for source in _MOUNTS] if len(parts) == 2 else [f"mount.{parts[1]}"]
        return (len(parts) > 2 or parts[1] not in _MOUNTS) and not any((aspect, intent.keys[:2]) in places for aspect in wanted)
    if len(parts) == 4 and parts[1].endswith("Probe"):
        return (".".join(parts[:3]), intent.keys[:1]) not in places
    if len(parts) == 3 and parts[1].endswith("Probe") and parts[2] not in _HANDLERS:
        return not any((f"{parts[0]}.{parts[1]}.{handler}", intent.keys[:1]) in places for handler in _HANDLERS)
    return False
