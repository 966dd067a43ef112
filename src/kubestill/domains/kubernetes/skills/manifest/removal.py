"""What a request takes away from an object: the counterpart of the lenses, which only ever add."""

from collections.abc import Callable, Sequence

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.tree import Obj, copy, look, take

REMOVE, RENAME = "remove", "rename"  # what the notes of an edit call taking away and renaming, which no lens reads
_MAPS = {
    "label": ("metadata", "labels"),
    "annotation": ("metadata", "annotations"),
    "hard": ("spec", "hard"),
    "parameter": ("parameters",),
}
PROBES = ("container.livenessProbe", "container.readinessProbe", "container.startupProbe")


def without(obj: Obj, removal: Intent) -> Obj:
    """Return a copy of an object without what a removal names: `Intent("remove", (aspect, *keys), None)`.

    Raises:
        ValueError: the object does not hold it, or nothing can be removed there.
    """
    changed: Obj = copy(obj)
    aspect, keys = removal.keys[0], removal.keys[1:]
    head = aspect.split(".", 1)[0]
    if aspect in _MAPS:
        gone = take(changed, *_MAPS[aspect], keys[0])
    elif aspect == "data":
        gone = take(changed, "data", keys[0]) or take(changed, "stringData", keys[0])
    elif aspect in _LISTED:
        gone = _LISTED[aspect](changed, keys)
    elif head in ("container", "mount"):
        gone = _from_container(_only_container(changed), _pod(changed), aspect, keys)
    elif head == "pod":
        gone = take(_pod(changed), *aspect.split(".")[1:], *keys)
    else:
        gone = take(changed, *aspect.split("."))
    if gone in (None, False):
        raise ValueError(f"there is no {' '.join(removal.keys)} to remove")
    return changed


def _pod(obj: Obj) -> Obj:
    pod: Obj = look(obj, *(KINDS[obj["kind"]].template or ()), "spec") or {}
    return pod


def _only_container(obj: Obj) -> Obj:
    containers = _pod(obj).get("containers") or [{}]
    if len(containers) != 1:
        raise ValueError("it cannot be told of which container")
    container: Obj = containers[0]
    return container


def _from_container(container: Obj, pod: Obj, aspect: str, keys: Sequence[str]) -> object:
    if aspect.startswith("mount"):
        return _unmount(container, pod, keys[-1])
    path = aspect.split(".")[1:]
    if path[0] == "env":
        rest = [one for one in container.get("env") or [] if one.get("name") != keys[-1]]
        gone = len(rest) < len(container.get("env") or [])
        container["env"] = rest
        if not rest:
            del container["env"]
        return gone
    if path[0] in ("limits", "requests"):
        return take(container, "resources", *path)
    return take(container, *path)


def _unmount(container: Obj, pod: Obj, path: str) -> bool:
    mounts = container.get("volumeMounts") or []
    found = [one for one in mounts if one.get("mountPath") == path]
    if not found:
        return False
    mounts.remove(found[0])
    if not mounts:
        del container["volumeMounts"]
    name = found[0].get("name")
    if not any(one.get("name") == name for one in mounts):
        volumes = [one for one in pod.get("volumes") or [] if one.get("name") != name]
        pod["volumes"] = volumes
        if not volumes:
            del pod["volumes"]
    return True


def _without_rule(obj: Obj, keys: Sequence[str]) -> bool:
    host, path = keys
    rules = look(obj, "spec", "rules") or []
    for rule in rules:
        paths = look(rule, "http", "paths") or []
        found = [one for one in paths if one.get("path", "/") == path and rule.get("host", "") == host]
        if found:
            paths.remove(found[0])
            if not paths:
                rules.remove(rule)
            return bool(rules)  # an Ingress without any rule is another matter
    return False


def _without_tls(obj: Obj, keys: Sequence[str]) -> bool:
    entries = look(obj, "spec", "tls") or []
    found = [one for one in entries if one.get("hosts") == [keys[0]]]
    if not found:
        return False
    entries.remove(found[0])
    if not entries:
        del obj["spec"]["tls"]
    return True


def _without_subject(obj: Obj, keys: Sequence[str]) -> bool:
    kind, name = keys
    subjects = obj.get("subjects") or []
    found = [one for one in subjects if one.get("kind") == kind and one.get("name") == name]
    if not found or len(subjects) < 2:
        return False
    subjects.remove(found[0])
    return True


_LISTED: dict[str, Callable[[Obj, Sequence[str]], bool]] = {
    "rule": _without_rule,
    "tls": _without_tls,
    "subject": _without_subject,
}
