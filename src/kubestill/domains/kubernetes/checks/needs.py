"""What a rule cannot do without: where none of its keys occurs in an object, at any depth, it has nothing to judge and is not asked.

Most manifests hold few of the things that there are rules about, and to see that they are absent costs less than to ask every
rule. A rule that is not named here is always asked. A test takes the keys out of every rule's bad examples, which are then good.
"""

from collections.abc import Mapping
from typing import Any

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_REFERENCES = ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName", "hostname", "subdomain", "hostAliases")
_NAMESPACES = ("shareProcessNamespace", "hostUsers", "procMount", "sysctls")

NEEDS: Mapping[str, tuple[str, ...]] = {
    "K8S103": ("namespace",),
    "K8S104": ("ownerReferences",),
    "K8S105": ("finalizers",),
    "K8S107": ("annotations",),
    "K8S108": ("schedulingGates",),
    "K8S109": ("activeDeadlineSeconds",),
    "K8S110": ("labels",),
    "K8S111": ("labels",),
    "K8S112": ("annotations",),
    "K8S115": ("matchLabels", "matchExpressions"),
    "K8S116": ("selector", "nodeSelector"),
    "K8S118": ("nodeAffinity",),
    "K8S119": ("topologySpreadConstraints", "affinity"),
    "K8S123": ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "securityContext"),
    "K8S124": ("tolerations",),
    "K8S125": ("affinity",),
    "K8S126": ("topologySpreadConstraints",),
    "K8S127": _REFERENCES,
    "K8S128": ("dnsConfig", "dnsPolicy"),
    "K8S129": ("hostPort",),
    "K8S130": ("volumes",),
    "K8S131": ("volumes",),
    "K8S133": ("volumeMounts", "volumeDevices"),
    "K8S134": ("volumeMounts",),
    "K8S135": ("projected",),
    "K8S136": ("downwardAPI",),
    "K8S137": ("volumeMounts", "volumeDevices"),
    "K8S138": ("ephemeral",),
    "K8S141": ("ports",),
    "K8S142": ("env", "envFrom"),
    "K8S143": ("env", "envFrom"),
    "K8S144": ("env",),
    "K8S145": ("allowPrivilegeEscalation",),
    "K8S147": ("seccompProfile", "appArmorProfile"),
    "K8S148": _NAMESPACES,
    "K8S149": ("os",),
    "K8S150": ("requests", "limits"),
    "K8S151": ("requests", "limits"),
    "K8S152": ("claims", "resourceClaims"),
    "K8S153": ("resources",),
    "K8S154": ("sleep",),
    "K8S155": (*_PROBES, "lifecycle"),
    "K8S156": (*_PROBES, "lifecycle"),
    "K8S157": _PROBES,
    "K8S158": ("initContainers",),
    "K8S159": ("windowsOptions",),
}
_NAMED = frozenset(key for keys in NEEDS.values() for key in keys)


def present(value: Mapping[str, Any]) -> frozenset[str]:
    """Return which of the keys that rules need occur in an object, at any depth."""
    found: set[str] = set()
    left: list[Any] = [value]
    while left:
        part = left.pop()
        if type(part) is dict:
            found.update(part)
            left.extend(part.values())
        elif type(part) is list:
            left.extend(part)
    return _NAMED & found


def is_idle(code: str, keys: frozenset[str]) -> bool:
    """Say whether a rule has nothing to judge in an object that holds only those of the keys."""
    needed = NEEDS.get(code)
    return needed is not None and keys.isdisjoint(needed)
