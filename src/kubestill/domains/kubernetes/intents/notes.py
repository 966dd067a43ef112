"""Notes → intents: what a student wrote down of a request, read back as the statements that it makes.

`Sample.notes` writes a line a statement: aspect, keys, value. What the line leaves out (is `web 80` a container and its port,
or one value?) the aspect and the other lines decide.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.kinds import KINDS, MAPS

LISTED, ITEMS = " / ", ", "  # how Sample.notes joins the parts of a value, and of the parts
_LINE = re.compile(r"([A-Za-z][\w.]*):(?: (.*))?\Z")
_WHOLE = re.compile(r"-?\d{1,18}\Z")
_SCOPES = ("container", "mount")  # of one container: its name leads where the pod has several


@dataclass(frozen=True)
class Shape:
    """How the words after an aspect are read: the number of `keys` (beside a container's name), and what the rest becomes."""

    keys: int = 0
    value: Callable[[str], Any] = str


def whole(text: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: it is none.
    """
    if not _WHOLE.match(text):
        raise ValueError(f"expected a whole number, found {text!r}")
    return int(text)


def either(text: str) -> int | str:
    """Read a whole number as one, any other text as itself: ports by number or name, `1` or `25%`."""
    return int(text) if _WHOLE.match(text) else text


def truth(text: str) -> bool:
    """Read `true` or `false`.

    Raises:
        ValueError: it is neither.
    """
    if text not in ("true", "false"):
        raise ValueError(f"expected true or false, found {text!r}")
    return text == "true"


def listed(text: str) -> tuple[str, ...]:
    """Read a list."""
    return tuple(text.split(LISTED))


def _pair(text: str) -> tuple[str, str]:
    first, found, second = text.partition(LISTED)
    return first, second if found else ""


def _service(text: str) -> tuple[str, int | str]:
    name, found, port = text.rpartition(LISTED)
    if not found:
        raise ValueError(f"expected a service and its port, found {text!r}")
    return name, either(port)


def _toleration(text: str) -> tuple[str, ...]:
    parts = text.split(LISTED)
    if len(parts) != 3:
        raise ValueError(f"expected key, value and effect, found {text!r}")
    return tuple(parts)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(whole, text.split(LISTED)))


def _allowed(text: str) -> tuple[Any, ...]:
    """Read whom a network policy lets through, and to which ports."""
    peers, found, ports = f"{text} ".partition(LISTED)
    if not found:
        raise ValueError(f"expected peers and ports, found {text!r}")
    return tuple(map(_peer, filter(None, peers.split(ITEMS)))), tuple(map(_port, filter(None, ports.rstrip().split(ITEMS))))


def _peer(text: str) -> tuple[Any, ...]:
    head, *words = text.split()
    if head == "cidr" and words:
        return ("cidr", *words)
    if head in ("pods", "namespaces") and len(words) % 2 == 0:
        return (head, _labels(words))
    if head == "both" and len(words) == 4:  # one label each; of more it can't be told which belongs to whom
        return ("both", _labels(words[:2]), _labels(words[2:]))
    raise ValueError(f"expected pods, namespaces, both or cidr, found {text!r}")


def _labels(words: list[str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(zip(words[::2], words[1::2], strict=True)))


def _port(text: str) -> tuple[int | str, str]:
    words = text.split()
    if len(words) not in (1, 2):
        raise ValueError(f"expected a port and its protocol, found {text!r}")
    return (either(words[0]), words[1]) if len(words) == 2 else ("", words[0])


def _named(texts: str, shape: Shape) -> dict[str, Shape]:
    return dict.fromkeys(texts.split(), shape)


_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
SHAPES: dict[str, Shape] = {
    **_named("label annotation podLabel podAnnotation podSelector selector data parameter hard pod.nodeSelector", Shape(1)),
    **_named("port.name port.protocol port.appProtocol metric.value claim.storage claim.storageClassName tls", Shape(1)),
    **_named("port.node metric.utilization", Shape(1, whole)),
    **_named("container.env container.env.field container.port.name container.port.protocol", Shape(1)),
    **_named("container.limits.other container.requests.other", Shape(1)),
    **_named("container.env.secret container.env.configMap", Shape(1, _pair)),
    **_named("mount.pvc mount.configMap mount.secret mount.hostPath mount.hostPath.type mount.claimTemplate mount.subPath", Shape(1)),
    **_named("mount.emptyDir.sizeLimit mount.mountPropagation", Shape(1)),
    **_named("mount.emptyDir mount.emptyDir.memory mount.readOnly deny allow.all", Shape(1, truth)),
    **_named("grant grant.names grant.url claim.accessModes", Shape(1, listed)),
    **_named("container.command container.args container.lifecycle.preStop.exec mountOptions spec.mountOptions", Shape(0, listed)),
    **_named("container.securityContext.capabilities.add container.securityContext.capabilities.drop", Shape(0, listed)),
    **_named("spec.accessModes spec.ipFamilies spec.externalIPs pod.dnsConfig.nameservers pod.dnsConfig.searches", Shape(0, listed)),
    **_named("roleRef target subject.ServiceAccount", Shape(0, _pair)),
    **_named("spec.maxUnavailable spec.minAvailable", Shape(0, either)),
    **{
        f"spec.{kind}.rollingUpdate.{field}": Shape(0, either)
        for kind in ("strategy", "updateStrategy")
        for field in ("maxSurge", "maxUnavailable")
    },
    **{f"container.{probe}.exec": Shape(0, listed) for probe in _PROBES},
    **{f"container.{probe}.httpGet": Shape(0, _service) for probe in _PROBES},
    **{f"container.{probe}.{handler}": Shape(0, either) for probe in _PROBES for handler in ("tcpSocket", "grpc")},
    "init.command": Shape(1, listed),
    "init.image": Shape(1),
    "allow": Shape(1, _allowed),
    "backend": Shape(0, _service),
    "container.port.hostPort": Shape(1, whole),
    "limit": Shape(3),
    "pod.securityContext.supplementalGroups": Shape(0, _numbers),
    "pod.toleration": Shape(0, _toleration),
    "port.target": Shape(1, either),
    "rule": Shape(2, _service),
    "rule.pathType": Shape(2),
}
_WHOLE_ASPECTS = frozenset(
    "port value spec.replicas spec.minReplicas spec.maxReplicas spec.backoffLimit spec.backoffLimitPerIndex spec.maxFailedIndexes "
    "spec.completions spec.parallelism spec.activeDeadlineSeconds spec.ttlSecondsAfterFinished spec.startingDeadlineSeconds "
    "spec.successfulJobsHistoryLimit spec.failedJobsHistoryLimit spec.revisionHistoryLimit spec.progressDeadlineSeconds "
    "spec.minReadySeconds spec.updateStrategy.rollingUpdate.partition spec.sessionAffinityConfig.clientIP.timeoutSeconds "
    "spec.behavior.scaleDown.stabilizationWindowSeconds spec.behavior.scaleUp.stabilizationWindowSeconds "
    "pod.priority pod.terminationGracePeriodSeconds container.port container.limits.gpu container.requests.gpu "
    "container.lifecycle.preStop.httpGet.port".split()
)
_WHOLE_ENDS = (
    "runAsUser",
    "runAsGroup",
    "fsGroup",
    "failureThreshold",
    "successThreshold",
    "DelaySeconds",
    "periodSeconds",
    "timeoutSeconds",
)
_TRUE_ASPECTS = frozenset(
    "default.class podSelector.all spec.clusterIP.none allowVolumeExpansion automountServiceAccountToken globalDefault immutable "
    "spec.suspend spec.paused spec.publishNotReadyAddresses spec.azureFile.readOnly spec.csi.readOnly pod.automountServiceAccountToken "
    "pod.enableServiceLinks pod.hostIPC pod.hostNetwork pod.hostPID pod.hostUsers pod.shareProcessNamespace container.stdin container.tty "
    "pod.securityContext.runAsNonRoot pod.securityContext.windowsOptions.hostProcess".split()
)
_TRUE_ENDS = ("allowPrivilegeEscalation", "privileged", "readOnlyRootFilesystem", "runAsNonRoot")


def shape_of(aspect: str) -> Shape:
    """Return how the words after an aspect are read."""
    if aspect in SHAPES:
        return SHAPES[aspect]
    last = aspect.rsplit(".", 1)[-1]
    if last in MAPS:
        return Shape(1)
    if aspect in _WHOLE_ASPECTS or last.endswith(_WHOLE_ENDS):
        return Shape(0, whole)
    return Shape(0, truth if aspect in _TRUE_ASPECTS or last in _TRUE_ENDS else str)


def read_notes(text: str) -> list[Intent]:
    """Return the statements of a student's notes, each once; the first two are kind and name.

    Raises:
        ValueError: a line is no statement, or the notes name no known kind or no name.
    """
    lines = [match.groups(default="") for match in map(_match, filter(str.strip, text.splitlines()))]
    several = any(aspect == "container.image" and " " in rest for aspect, rest in lines)
    found = dict.fromkeys(_statement(aspect, rest, several) for aspect, rest in lines)
    facts = {intent.aspect: intent for intent in found if intent.aspect in ("kind", "name")}
    if len(facts) != 2 or facts["kind"].value not in KINDS or not facts["name"].value:
        raise ValueError("the notes name no kind that can be built, or no name")
    return [facts["kind"], facts["name"], *(intent for intent in found if intent.aspect not in facts)]


def _match(line: str) -> re.Match[str]:
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"no statement: {line!r}")
    return match


def _statement(aspect: str, rest: str, several: bool) -> Intent:
    shape, keys, words = shape_of(aspect), list[str](), rest
    if aspect.split(".", 1)[0] in _SCOPES:
        address, words = _cut(words) if several else ("", words)
        keys.append(address)
    wanted = shape.keys
    if aspect.startswith("rule") and words.startswith("/"):  # a rule for every host
        keys.append("")
        wanted -= 1
    elif aspect == "tls":
        host, words = _certificate(words)
        keys, wanted = [host], 0
    for _ in range(wanted):
        key, words = _cut(words)
        keys.append(key)
    return Intent(aspect, tuple(keys), shape.value(words))


def _cut(words: str) -> tuple[str, str]:
    first, _, rest = words.partition(" ")
    if not first:
        raise ValueError(f"a word is missing before {rest!r}")
    return first, rest


def _certificate(words: str) -> tuple[str, str]:
    """Return host and Secret; of one word a dot makes it a host."""
    first, found, second = words.partition(" ")
    if found:
        return first, second
    return (first, "") if "." in first else ("", first)


def groups(intents: Iterable[Intent]) -> list[list[Intent]]:
    """Return the statements of several objects, object by object: each begins with its kind."""
    found: list[list[Intent]] = []
    for intent in intents:
        if intent.aspect == "kind" or not found:
            found.append([])
        found[-1].append(intent)
    return found


def read_several(notes: str) -> list[Intent]:
    """Return the statements of a student's notes about one object or several.

    Raises:
        ValueError: a line is no statement, or an object has no kind that can be built, or no name.
    """
    found: list[list[str]] = []
    for line in filter(str.strip, notes.splitlines()):
        if line.startswith("kind: ") or not found:
            found.append([])
        found[-1].append(line)
    return [intent for lines in found for intent in read_notes("\n".join(lines))]
