"""What a word may look like in each place of a note's line: a pointer to any other word is banned there.

A type is as wide as what people write and the API server takes: `runAsUser` is no flag, a toleration's key no command line, a mounted
path begins with a slash. Of 15,000 requests with their right answers, real objects' among them, none needs a word that is refused here.
"""

import re
from collections.abc import Mapping

from kubestill.domains.kubernetes.intents import notes
from kubestill.domains.kubernetes.intents.kinds import QUANTITY_ASPECTS
from kubestill.domains.kubernetes.intents.notes import shape_of

# The values that the API documents: no request means another.
CLOSED: dict[str, str] = {
    "container.imagePullPolicy": "Always IfNotPresent Never",
    "container.port.protocol": "TCP UDP SCTP",
    "port.protocol": "TCP UDP SCTP",
    "container.terminationMessagePolicy": "File FallbackToLogsOnError",
    "mount.hostPath.type": "Directory DirectoryOrCreate File FileOrCreate Socket CharDevice BlockDevice",
    "spec.hostPath.type": "Directory DirectoryOrCreate File FileOrCreate Socket CharDevice BlockDevice",
    "mount.mountPropagation": "None HostToContainer Bidirectional",
    "pod.dnsPolicy": "ClusterFirst ClusterFirstWithHostNet Default None",
    "pod.restartPolicy": "Always OnFailure Never",
    "pod.securityContext.seccompProfile.type": "RuntimeDefault Localhost Unconfined",
    "container.securityContext.seccompProfile.type": "RuntimeDefault Localhost Unconfined",
    "preemptionPolicy": "Never PreemptLowerPriority",
    "reclaimPolicy": "Delete Retain Recycle",
    "rule.pathType": "Exact Prefix ImplementationSpecific",
    "spec.completionMode": "Indexed NonIndexed",
    "spec.concurrencyPolicy": "Allow Forbid Replace",
    "spec.externalTrafficPolicy": "Cluster Local",
    "spec.internalTrafficPolicy": "Cluster Local",
    "spec.persistentVolumeReclaimPolicy": "Delete Retain Recycle",
    "spec.podManagementPolicy": "OrderedReady Parallel",
    "spec.sessionAffinity": "ClientIP None",
    "spec.strategy.type": "Recreate RollingUpdate",
    "spec.updateStrategy.type": "OnDelete RollingUpdate",
    "spec.type": "ClusterIP NodePort LoadBalancer ExternalName",
    "spec.unhealthyPodEvictionPolicy": "AlwaysAllow IfHealthyBudget",
    "spec.volumeMode": "Block Filesystem",
    "volumeBindingMode": "Immediate WaitForFirstConsumer",
    "deny": "true",
    "allow.all": "true",
}
_INT = re.compile(r"-?\d{1,18}")
_AMOUNT = re.compile(r"\d+(?:\.\d+)?[A-Za-z]{0,2}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?")
_WORD = re.compile(r"\S+")
_ANY = re.compile(r".*")
_CRON = re.compile(r"\S+(?: \S+){4}|@[a-z]+")
_PATH = re.compile(r"/.*|[A-Za-z]:\\.*")
_LABEL = re.compile(r"(?:[a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")  # its key, and without the prefix its value
_VARIABLE = re.compile(r"[!-<>-~]+")  # what the API server takes since 1.32: all that prints, but `=`
_MARK = re.compile(r"[\w./-]+")  # the key of an annotation, whose capitals it lets pass
_KEY = re.compile(r"[\w.-]+")
_IMAGE = re.compile(r"[A-Za-z0-9][\w./:@+-]*")
_HOST = re.compile(r"[A-Za-z0-9*](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_FIELD = re.compile(r"(?:metadata|spec|status)\.\S+")
_PORT = re.compile(r"\d{1,5}|[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")
_EFFECT = re.compile("NoSchedule|PreferNoSchedule|NoExecute")

_COMPOSED = frozenset((_PATH, _LABEL, _VARIABLE, _IMAGE, _HOST))  # a part of one need not look like the whole

# Of each place after the aspect (beside a container's name): the word that may be pointed at. The last holds for all that follow.
_PLACES: Mapping[str, tuple[re.Pattern[str], ...]] = {
    **dict.fromkeys(("label", "podLabel", "selector", "podSelector", "pod.nodeSelector"), (_LABEL, _LABEL)),
    **dict.fromkeys(("annotation", "podAnnotation"), (_MARK, _ANY)),
    **dict.fromkeys(("mount.pvc", "mount.configMap", "mount.secret", "mount.claimTemplate"), (_PATH, _NAME)),
    **dict.fromkeys(("mount.hostPath", "mount.subPath"), (_PATH, _ANY)),
    **dict.fromkeys(("spec.nfs.path", "spec.hostPath.path", "container.workingDir", "container.terminationMessagePath"), (_PATH,)),
    "spec.externalName": (_HOST,),
    **dict.fromkeys(("container.env.secret", "container.env.configMap"), (_VARIABLE, _NAME, _KEY)),
    **dict.fromkeys(("subject.ServiceAccount", "pod.imagePullSecret", "sa.imagePullSecret", "sa.secret", "rename"), (_NAME,)),
    **dict.fromkeys(("container.envFrom.configMap", "container.envFrom.secret", "container.name"), (_NAME,)),
    **{f"container.{probe}.httpGet": (_PATH, _PORT) for probe in ("livenessProbe", "readinessProbe", "startupProbe")},
    **{f"container.{probe}.tcpSocket": (_PORT,) for probe in ("livenessProbe", "readinessProbe", "startupProbe")},
    "claim.storage": (_NAME, _AMOUNT),
    **dict.fromkeys(("claim.storageClassName", "claim.accessModes"), (_NAME, _WORD)),
    "container.env": (_VARIABLE, _ANY),
    "container.env.field": (_VARIABLE, _FIELD),
    "container.image": (_IMAGE,),
    "init.image": (_NAME, _IMAGE),
    "pod.toleration": (_LABEL, _LABEL, _EFFECT),
    "data": (_KEY, _ANY),
    "port.target": (_INT, _PORT),
}
_NAMES = ("ClassName", "AccountName", "serviceName", "volumeName", "schedulerName", "claimRef.name")  # how aspects end that name an object


def scoped(aspect: str) -> bool:
    """Say whether a container's name may lead the words of an aspect."""
    return aspect.split(".", 1)[0] in ("container", "mount")


def types(aspect: str, words: int, begun: bool = False) -> tuple[re.Pattern[str], ...]:
    """Return what a word may look like that follows `words` others after an aspect: where a container's name may lead, one of two.

    What stands between the parts of a list is no word. `begun`: the word's beginning stands already, as the host of an image may.
    """
    lead, place = (_NAME,) if scoped(aspect) else (), _type(aspect, words)
    found = (place,) if not lead else (*lead, place) if words == 0 else (_type(aspect, words - 1), place)
    return tuple(_WORD if one in _COMPOSED else one for one in found) if begun else found


def _type(aspect: str, place: int) -> re.Pattern[str]:
    """Return what a word may look like in a place that no container's name takes."""
    if aspect in _PLACES:
        return _PLACES[aspect][min(place, len(_PLACES[aspect]) - 1)]
    shape = shape_of(aspect)
    if place < shape.keys:
        return _WORD
    if aspect in CLOSED:
        return re.compile(CLOSED[aspect].replace(" ", "|"))
    if shape.value is notes.whole:
        return _INT
    if aspect in QUANTITY_ASPECTS or aspect == "limit":
        return _AMOUNT
    if aspect == "spec.schedule":
        return _CRON
    return _NAME if aspect in ("name", "namespace") or aspect.endswith(_NAMES) else _ANY
