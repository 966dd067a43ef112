"""Statements about a pod written over the one that is there: its containers by name, their ports, probes, environment and mounts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents import lens
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.tree import Obj, look, put

# Sets that a request adds to: who asks for NET_ADMIN does not ask for the loss of what was added before.
GROWING = frozenset(("container.securityContext.capabilities.add", "container.securityContext.capabilities.drop"))
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_REFERENCES = {"secret": "secretKeyRef", "configMap": "configMapKeyRef", "field": "fieldRef"}
# Where a volume keeps what it holds, by the statement that says so.
_SOURCES: dict[str, tuple[str, str]] = {
    "mount.pvc": ("persistentVolumeClaim", "claimName"),
    "mount.configMap": ("configMap", "name"),
    "mount.secret": ("secret", "secretName"),
    "mount.hostPath": ("hostPath", "path"),
    "mount.emptyDir": ("emptyDir", ""),
    "mount.claimTemplate": ("", ""),
}


def is_detail(intent: Intent) -> bool:
    """Say whether a statement is about something that another one may have to write first: a mount, a probe."""
    head, _, rest = intent.aspect.partition(".")
    probe = rest.split(".")
    return (head == "mount" and intent.aspect not in _SOURCES) or (probe[0] in _PROBES and probe[-1] not in _HANDLERS)


def addressed(obj: Obj, asked: Sequence[Intent]) -> list[Intent]:
    """Return statements with the names of their containers; `container.name` tells which is meant, or renames the only one.

    Raises:
        ValueError: it cannot be told which container is meant, or there is none of that name.
    """
    if not any(intent.aspect.startswith(("container.", "mount.")) for intent in asked):
        return list(asked)
    pod = _spec(obj)
    names = [str(container.get("name")) for container in pod.get("containers") or []]
    meant = next((str(intent.value) for intent in asked if intent.aspect == "container.name"), "")
    if meant and meant not in names and len(names) == 1:
        pod["containers"][0]["name"] = meant
        names = [meant]
    fresh = {intent.keys[0] for intent in asked if intent.aspect == "container.image"}
    default = meant or (names[0] if len(names) == 1 else "")
    return [_address(intent, default, names, fresh) for intent in asked if intent.aspect != "container.name" or meant not in names]


def _address(intent: Intent, default: str, names: Sequence[str], fresh: set[str]) -> Intent:
    """Return a statement with the name of its container; one that gets an image may be new."""
    if not intent.aspect.startswith(("container.", "mount.")):
        return intent
    name = intent.keys[0] or default
    there = f"there are {', '.join(names)}" if names else "there is none"
    if not name:
        raise ValueError(f"{intent.aspect}: which container is meant? {there[0].upper()}{there[1:]}")
    if name not in names and (name not in fresh or intent.aspect == "container.name"):
        raise ValueError(f"{intent.aspect}: no container is called {name}; {there}")
    return Intent(intent.aspect, (name, *intent.keys[1:]), intent.value)


def write(obj: Obj, intent: Intent) -> bool:
    """Write one statement about a pod; False where it is about something else."""
    head, _, rest = intent.aspect.partition(".")
    if head == "container":
        _write_container(obj, intent, rest)
    elif head == "mount":
        _write_mount(obj, intent)
    elif head == "podLabel":
        _write_label(obj, intent)
    elif intent.aspect == "pod.toleration":
        _write_toleration(obj, intent)
    elif head in ("init", "pod", "podAnnotation"):
        lens.write(obj, intent, "")
    else:
        return False
    return True


def includes(obj: Obj, intent: Intent) -> bool:
    """Say whether a set of the pod holds at least what is asked for."""
    found = look(_container(obj, intent.keys[0]), *intent.aspect.split(".")[1:]) or []
    return set(intent.value) <= set(found)


def _spec(obj: Obj) -> Obj:
    pod: Obj = look(obj, *(KINDS[obj["kind"]].template or ()), "spec") or {}
    return pod


def _container(obj: Obj, name: str) -> Obj:
    """Return the container of that name; an empty one where there is none."""
    return next((one for one in _spec(obj).get("containers") or [] if one.get("name") == name), {})


def _write_container(obj: Obj, intent: Intent, aspect: str) -> None:
    container, (head, _, rest) = _container(obj, intent.keys[0]), aspect.partition(".")
    if head == "env":
        _write_env(obj, intent, container, rest)
        return
    if head in _PROBES and rest in _HANDLERS:
        for other in _HANDLERS:
            if other != rest and other in (container.get(head) or {}):
                del container[head][other]
    elif head in _PROBES and not set(_HANDLERS) & set(container.get(head) or {}):
        raise ValueError(f"{intent.aspect}: the container {intent.keys[0]} has no {head}")
    elif head == "lifecycle":
        other = "httpGet" if rest == "preStop.exec" else "exec"
        (look(container, "lifecycle", "preStop") or {}).pop(other, None)
    elif intent.aspect in GROWING:
        old = tuple(look(container, *aspect.split(".")) or ())
        more = tuple(item for item in intent.value if item not in old)
        intent = Intent(intent.aspect, intent.keys, intent.value if "ALL" in intent.value else old + more)
    lens.write(obj, intent, "")


def _write_env(obj: Obj, intent: Intent, container: Obj, source: str) -> None:
    """Write a variable; a value takes the place of a reference, and the other way round."""
    item: Obj = next((one for one in container.get("env") or [] if one.get("name") == intent.keys[1]), {})
    old = look(item, "valueFrom", _REFERENCES.get(source, "")) or {}
    item.pop("valueFrom" if not source else "value", None)
    if source:
        item.pop("valueFrom", None)
    lens.write(obj, intent, "")
    if "optional" in old:
        put(item, old["optional"], "valueFrom", _REFERENCES[source], "optional")


def _write_label(obj: Obj, intent: Intent) -> None:
    """Write a label of the pods, unless the selector holds on to it: what a workload selects cannot be changed afterwards."""
    selector = look(obj, "spec", "selector") or {}
    tie = selector.get("matchLabels") or {} if KINDS[obj["kind"]].selects else selector
    if intent.keys[0] in tie and str(tie[intent.keys[0]]) != str(intent.value):
        raise ValueError(
            f"the pod label {intent.keys[0]} cannot become {intent.value}: the selector holds {tie[intent.keys[0]]}, "
            "and a selector cannot be changed; make a new object instead"
        )
    lens.write(obj, intent, "")


def _write_toleration(obj: Obj, intent: Intent) -> None:
    """Tolerate a taint; what was tolerated under the same key and effect changes in its place."""
    tolerations = _spec(obj).get("tolerations") or []
    key, _, effect = intent.value
    alike = (place for place, one in enumerate(tolerations) if (one.get("key", ""), one.get("effect", "")) == (key, effect))
    place = next(alike, None)
    lens.write(obj, intent, "")
    if place is not None:
        tolerations[place] = tolerations.pop()


# --- ports -----------------------------------------------------------------------------------------------------------


def numbers(asked: Sequence[Intent], aspect: str, place: int) -> dict[int, dict[str, Any]]:
    """Return the ports that statements are about, with the name and protocol that they give; the number is the key at `place`."""
    found: dict[int, dict[str, Any]] = {}
    for intent in asked:
        if intent.aspect == aspect:
            found.setdefault(int(intent.value), {})
        elif intent.aspect.startswith(f"{aspect}."):
            field = intent.aspect[len(aspect) + 1 :]
            if not intent.keys[place].isdigit():
                raise ValueError(f"{intent.aspect}: {intent.keys[place]!r} is no number of a port")
            found.setdefault(int(intent.keys[place]), {}).update({field: intent.value} if field in ("name", "protocol") else {})
    return found


def moved(ports: Sequence[Obj], field: str, said: Mapping[int, Mapping[str, Any]]) -> int | None:
    """Give the only port the only number that is said of it, and return its old one; None where it is not that one that is meant."""
    if len(ports) != 1 or len(said) != 1:
        return None
    ((number, given),) = said.items()
    old, port = ports[0].get(field), ports[0]
    if old == number or any(port.get(key, "TCP" if key == "protocol" else "") != value for key, value in given.items()):
        return None
    port[field] = number
    return int(old) if isinstance(old, int) else None


def move_ports(obj: Obj, asked: Sequence[Intent]) -> None:
    """Move the ports of containers that have only one, and the probes that ask them."""
    for name in {intent.keys[0] for intent in asked if intent.aspect.startswith("container.port")}:
        own = [intent for intent in asked if intent.aspect.startswith("container.") and intent.keys[:1] == (name,)]
        said, ports = numbers(own, "container.port", 1), _container(obj, name).get("ports") or []
        old = moved(ports, "containerPort", said)
        if old is None:
            continue
        number = next(iter(said))
        if ports[0].get("hostPort") == old and _spec(obj).get("hostNetwork"):
            ports[0]["hostPort"] = number
        for handler in _handlers(_spec(obj)):
            if handler.get("port") == old:
                handler["port"] = number


def _handlers(pod: Obj) -> Iterator[Obj]:
    """Yield whatever asks a port of the pod: all its containers share one network."""
    for container in [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]:
        hooks = container.get("lifecycle") or {}
        for caller in [container.get(probe) for probe in _PROBES] + [hooks.get("preStop"), hooks.get("postStart")]:
            yield from (caller[kind] for kind in ("httpGet", "tcpSocket", "grpc") if caller and isinstance(caller.get(kind), dict))


# --- mounts ----------------------------------------------------------------------------------------------------------


def _write_mount(obj: Obj, intent: Intent) -> None:
    """Mount something; what is mounted there already by nobody else changes in its volume, and a volume that is left over goes."""
    pod, path = _spec(obj), intent.keys[1]
    mounts = _container(obj, intent.keys[0]).get("volumeMounts") or []
    mount = next((one for one in mounts if one.get("mountPath") == path), None)
    if intent.aspect not in _SOURCES:
        if mount is None:
            raise ValueError(f"{intent.aspect}: nothing is mounted at {path}")
        lens.write(obj, intent, "")
        return
    volume = next((one for one in pod.get("volumes") or [] if mount and one.get("name") == mount.get("name")), None)
    alone = volume is not None and _users(pod, str(volume["name"])) == 1
    source, field = _SOURCES[intent.aspect]
    if volume is not None and alone and source:
        _fill(volume, source, field, intent.value)
        return
    lens.write(obj, intent, "")
    if volume is not None and alone:
        pod["volumes"].remove(volume)
        if not pod["volumes"]:
            del pod["volumes"]


def _users(pod: Obj, name: str) -> int:
    containers = [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]
    return sum(mount.get("name") == name for one in containers for mount in one.get("volumeMounts") or [])


def _fill(volume: Obj, source: str, field: str, value: Any) -> None:
    """Give a volume another content; under the same kind of source its other settings stay."""
    kept = volume.get(source)
    for other in set(volume) - {"name"}:
        del volume[other]
    volume[source] = {**(kept or {}), field: value} if field else kept or {}
