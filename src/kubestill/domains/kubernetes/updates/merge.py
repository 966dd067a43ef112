"""What `kubectl apply` makes of the object in the cluster and the manifest that is to replace it.

A manifest is silent about much that the server, its controllers and admission filled in. Apply leaves those fields alone and
takes away only what the last applied manifest said (kubectl's three-way strategic merge). Between two manifests nothing was
filled in, so the new one stands for itself.
"""

import json
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.subject import table

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_STAMPS = ("uid", "resourceVersion", "creationTimestamp", "managedFields")  # of metadata: only a server writes them

# Lists whose items are told apart by a field (x-kubernetes-patch-merge-key of the published OpenAPI); all others are replaced
# whole. Ports have containerPort in a container and port in a Service.
_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "volumes", "env", "imagePullSecrets"), ("name",)),
    **dict.fromkeys(("resourceClaims", "schedulingGates", "secrets"), ("name",)),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "ports": ("containerPort", "port"),
    "taints": ("key",),
    "ownerReferences": ("uid",),
}


def is_live(value: Mapping[str, Any]) -> bool:
    """Return whether an object was read from a cluster: it carries what only a server writes."""
    return any(table(value.get("metadata")).get(name) for name in _STAMPS)


def applied(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object that the server would be sent to replace `old`, when `new` is applied."""
    if not is_live(old):
        return new
    said = table(table(old.get("metadata")).get("annotations")).get(LAST_APPLIED)
    merged: Mapping[str, Any] = _merged(_parsed(said), old, new, "")
    return merged


def list_key(name: str, *lists: Any) -> str | None:
    """Return the field that tells the items of the list called `name` apart, None where an item lacks it or two share a value."""
    for key in _KEYS.get(name, ()):
        if all(_keyed(items, key) for items in lists):
            return key
    return None


def _keyed(items: Any, key: str) -> bool:
    if not isinstance(items, list):
        return False
    values = [item.get(key) if isinstance(item, dict) else None for item in items]
    return all(type(value) in (str, int) for value in values) and len(set(values)) == len(values)


def _parsed(text: Any) -> Mapping[str, Any]:
    try:
        return table(json.loads(text)) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}


def _merged(said: Any, live: Any, wanted: Any, name: str) -> Any:
    """Merge one value; `said` is what the last applied manifest had there, `name` the field that holds it."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        said = table(said)
        kept = {key: value for key, value in live.items() if key not in wanted and key not in said}
        given = {key: value for key, value in wanted.items() if value is not None}
        return {**{key: _merged(said.get(key), live.get(key), value, key) for key, value in given.items()}, **kept}
    key = list_key(name, live, wanted)
    return wanted if key is None else _merged_list(said if list_key(name, said) == key else [], live, wanted, key)


def _merged_list(said: Any, live: Any, wanted: Any, key: str) -> list[Any]:
    before, last = {item[key]: item for item in live}, {item[key]: item for item in said}
    given = {item[key]: _merged(last.get(item[key]), before.get(item[key]), item, "") for item in wanted}
    kept = {value: item for value, item in before.items() if value not in given and value not in last}
    shared = [value for value in before if value in given]
    if kept and shared == [value for value in given if value in before]:  # what was injected keeps its place
        both = given | kept
        return [both[value] for value in dict.fromkeys([*before, *given]) if value in both]
    return [*given.values(), *kept.values()]
