"""What an object says once the server has filled in its defaults: two spellings of one meaning come out alike.

A field that only repeats its default is dropped, as are empty strings, lists and objects (`Semantic.DeepEqual` of
apimachinery takes them for absent where the field is no pointer); quantities become numbers that remember their spelling.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from kubestill.domains.kubernetes.intents.kinds import DEFAULTS, MAPS
from kubestill.domains.kubernetes.manifests import field as child
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.subject import rows, table
from kubestill.domains.kubernetes.updates.merge import list_key


@dataclass(frozen=True)
class Amount:
    """A quantity: `1`, `1000m` and `"1.0"` are equal; `text` is how it was written."""

    number: Fraction
    text: str = field(compare=False)


# A scope is the name of the field that holds an object (of a list, for its items), or one of those that `_scope` gives.
_SCOPES = {"initContainers": "containers", "ephemeralContainers": "containers"}
_SCOPES |= dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), "probe")
_POINTERS = frozenset(  # where an empty value is not an absent one
    ("storageClassName", "volumeAttributesClassName", "labelSelector", "namespaceSelector", "podSelector")
)
_QUANTITY_MAPS = frozenset(("limits", "requests", "capacity", "overhead", "hard"))
_QUANTITIES = frozenset(("sizeLimit", "divisor"))

_PV, _PVC = "PersistentVolume.spec", "PersistentVolumeClaim.spec"
_POD_FIELDS = ("restartPolicy", "hostNetwork", "hostPID", "hostIPC", "dnsPolicy", "schedulerName", "terminationGracePeriodSeconds")
_PROBE_FIELDS = ("periodSeconds", "failureThreshold", "timeoutSeconds", "initialDelaySeconds")
_FILE_MODE = 0o644  # SecretVolumeSourceDefaultMode and its kin

# By scope and field: what the server fills in (pkg/apis/*/v1/defaults.go), where it is the same as silence.
_DEFAULTS: dict[tuple[str, str], Any] = {
    **{("pod", name): DEFAULTS[f"pod.{name}"] for name in _POD_FIELDS},
    **{("probe", name): DEFAULTS[f"container.livenessProbe.{name}"] for name in _PROBE_FIELDS},
    ("pod", "enableServiceLinks"): True,
    ("pod", "serviceAccountName"): "default",  # the admission plugin ServiceAccount
    ("pod", "preemptionPolicy"): DEFAULTS["preemptionPolicy"],
    ("containers", "terminationMessagePath"): "/dev/termination-log",
    ("containers", "terminationMessagePolicy"): "File",
    **{("containers", name): False for name in ("stdin", "stdinOnce", "tty")},
    ("probe", "successThreshold"): 1,
    ("httpGet", "path"): "/",
    ("httpGet", "scheme"): "HTTP",
    ("ports", "protocol"): DEFAULTS["port.protocol"],
    ("ports", "hostPort"): 0,
    ("fieldRef", "apiVersion"): "v1",
    ("securityContext", "procMount"): "Default",
    **{(source, "defaultMode"): _FILE_MODE for source in ("secret", "configMap", "downwardAPI", "projected")},
    ("serviceAccountToken", "expirationSeconds"): 3600,
    ("iscsi", "iscsiInterface"): "default",
    ("rbd", "pool"): "rbd",
    ("rbd", "user"): "admin",
    ("rbd", "keyring"): "/etc/ceph/keyring",
    ("azureDisk", "cachingMode"): "ReadWrite",
    ("azureDisk", "fsType"): "ext4",
    ("azureDisk", "kind"): "Shared",
    ("scaleIO", "storageMode"): "ThinProvisioned",
    ("scaleIO", "fsType"): "xfs",
    ("claim", "volumeMode"): DEFAULTS["spec.volumeMode"],
    (_PV, "volumeMode"): DEFAULTS["spec.volumeMode"],
    (_PV, "persistentVolumeReclaimPolicy"): DEFAULTS["spec.persistentVolumeReclaimPolicy"],
    ("StorageClass", "reclaimPolicy"): DEFAULTS["reclaimPolicy"],
    ("StorageClass", "volumeBindingMode"): DEFAULTS["volumeBindingMode"],
    ("PriorityClass", "preemptionPolicy"): DEFAULTS["preemptionPolicy"],
    ("Secret", "type"): DEFAULTS["type"],
    ("StatefulSet.spec", "podManagementPolicy"): DEFAULTS["spec.podManagementPolicy"],
    ("StatefulSet.spec", "revisionHistoryLimit"): DEFAULTS["spec.revisionHistoryLimit"],
    ("Job.spec", "completionMode"): "NonIndexed",
    ("Job.spec", "managedBy"): "kubernetes.io/job-controller",
    ("CSIDriver.spec", "attachRequired"): True,
    ("CSIDriver.spec", "podInfoOnMount"): False,
    ("CSIDriver.spec", "fsGroupPolicy"): "ReadWriteOnceWithFSType",
    ("CSIDriver.spec", "volumeLifecycleModes"): ["Persistent"],
    ("roleRef", "apiGroup"): "rbac.authorization.k8s.io",
    ("exactly", "allocationMode"): "ExactCount",
    ("exactly", "count"): 1,
}
_READ_ONLY = "readOnly"  # false is silence in every volume source and mount


def meaning(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole object without what only repeats a default. Nothing of it is shared with `value` but scalars."""
    kind = value.get("kind")
    return _object(value, kind if isinstance(kind, str) else "")


def same(one: Any, other: Any) -> bool:
    """Return whether two meanings are equal; other than in Python, `true` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(part, other[key]) for key, part in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def differences(before: Any, after: Any, path: str, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield path, old and new value of the smallest parts that differ; `name` is the last field of the path.

    Items of lists that Kubernetes merges are matched by their key; a path of the new object leads to where the item now is.
    """
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*after, *before]):
            yield from differences(before.get(key), after.get(key), child(path, str(key)), str(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, path, name)
    else:
        yield path, before, after


def _list_differences(before: list[Any], after: list[Any], path: str, name: str) -> Iterator[tuple[str, Any, Any]]:
    key = list_key(name, before, after)
    if key is None:
        if len(before) == len(after) and all(isinstance(item, dict | list) for item in (*before, *after)):
            for index, pair in enumerate(zip(before, after, strict=True)):
                yield from differences(*pair, child(path, index), "")
        else:
            yield path, before, after
        return
    olds, news = ({item[key]: (index, item) for index, item in enumerate(items)} for items in (before, after))
    for value, (index, item) in news.items():
        yield from differences(olds.get(value, (0, None))[1], item, child(path, index), "")
    for value, (_, item) in olds.items():
        if value not in news:
            yield path, item, None
    order = [[value for value in one if value in other] for one, other in ((olds, news), (news, olds))]
    if order[0] != order[1]:
        yield path, order[0], order[1]


def _object(value: Mapping[str, Any], scope: str) -> dict[str, Any]:
    found = {key: part for key, part in ((key, _part(key, part, scope)) for key, part in value.items()) if _says(scope, key, part)}
    finish = _FINISH.get(scope)
    if finish is not None:
        finish(found)
    return found


def _part(key: str, part: Any, scope: str) -> Any:
    if key in _QUANTITY_MAPS and isinstance(part, dict):
        return {name: _amount(amount) for name, amount in part.items()}
    if key in MAPS and isinstance(part, dict):
        return {name: "" if value is None else value for name, value in part.items()}  # the user's own keys: nothing is a default
    return _amount(part) if key in _QUANTITIES else _value(part, _scope(scope, key))


def _value(value: Any, scope: str) -> Any:
    if isinstance(value, dict):
        return _object(value, scope)
    return [_value(item, scope) for item in value] if isinstance(value, list) else value


def _scope(scope: str, key: str) -> str:
    """Return the scope of what stands below the field `key` of an object in `scope`."""
    if key != "spec":
        return _SCOPES.get(key, key)
    if scope in ("template", "Pod"):
        return "pod"
    return "claim" if scope in ("volumeClaimTemplates", "volumeClaimTemplate", "PersistentVolumeClaim") else f"{scope}.spec"


def _says(scope: str, key: str, part: Any) -> bool:
    """Return whether a field says more than silence would."""
    if part is None or (key == _READ_ONLY and part is False):
        return False
    if isinstance(part, str | list | dict) and not part:
        return key in _POINTERS
    return (scope, key) not in _DEFAULTS or not same(part, _DEFAULTS[scope, key])


def _amount(value: Any) -> Any:
    number = parse_quantity(value) if isinstance(value, str | int | float) else None
    return value if number is None else Amount(number, str(value))


def _finish_pod(pod: dict[str, Any]) -> None:
    alias = pod.pop("serviceAccount", None)  # the deprecated twin of serviceAccountName
    if alias not in (None, "default"):
        pod.setdefault("serviceAccountName", alias)
    if pod.get("hostNetwork") is True:
        for port in (port for part in pod.values() for item in rows(part) for port in rows(item.get("ports"))):
            if isinstance(port, dict) and same(port.get("hostPort"), port.get("containerPort")):
                port.pop("hostPort", None)  # SetDefaults_HostNetworkPorts
    given = pod.get("tolerations")
    if isinstance(given, list) and not (kept := [one for one in given if not same(one, _ADDED | {"key": table(one).get("key")})]):
        del pod["tolerations"]
    elif isinstance(given, list):
        pod["tolerations"] = kept


# The admission plugin DefaultTolerationSeconds gives every pod these two: node.kubernetes.io/not-ready and unreachable.
_ADDED = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}


def pull_policy(image: Any) -> str:
    """Return the default of imagePullPolicy: Always for the tag latest, or none (SetDefaults_Container)."""
    name = str(image).rpartition("/")[2]
    tag = "" if "@" in name else name.partition(":")[2] or "latest"
    return "Always" if tag == "latest" else "IfNotPresent"


def _finish_container(container: dict[str, Any]) -> None:
    if container.get("imagePullPolicy") == pull_policy(container.get("image")):
        del container["imagePullPolicy"]
    resources = container.get("resources")
    if isinstance(resources, dict) and isinstance(resources.get("requests"), dict):
        limits = table(resources.get("limits"))  # a request that is not given is its limit (SetDefaults_Pod)
        resources["requests"] = {name: amount for name, amount in resources["requests"].items() if not same(amount, limits.get(name))}
        container["resources"] = {name: part for name, part in resources.items() if part}
    policies = container.get("resizePolicy")
    if isinstance(policies, list) and all(table(one).get("restartPolicy") == "NotRequired" for one in policies):
        del container["resizePolicy"]


def _finish_claim(claim: dict[str, Any]) -> None:
    """Let dataSourceRef stand for dataSource: the server copies either into the other, unless a namespace is named."""
    reference = claim.get("dataSourceRef")
    if isinstance(reference, dict) and "namespace" not in reference and "dataSource" not in claim:
        claim["dataSource"] = claim.pop("dataSourceRef")
    elif "dataSource" in claim and same(claim["dataSource"], reference):
        del claim["dataSourceRef"]


def _finish_claim_template(template: dict[str, Any]) -> None:
    for name in ("apiVersion", "kind", "status"):  # the server writes them; nobody need
        template.pop(name, None)


_FINISH: dict[str, Callable[[dict[str, Any]], None]] = {
    "pod": _finish_pod,
    "containers": _finish_container,
    "claim": _finish_claim,
    "volumeClaimTemplates": _finish_claim_template,
}
