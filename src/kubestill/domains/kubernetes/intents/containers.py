"""The lens for containers: image, ports, environment, resources, probes, mounts' owner. Keys begin with an address.

The address is the container's name, or an empty string where the pod has only one: nobody says the name then.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.tree import Obj, dig, flatten, graft, look, named, put, take

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
GPU = "nvidia.com/gpu"


def read_container(container: Obj, address: str, scope: str = "container") -> Iterator[Intent]:
    """Yield the intents of one container; what is read is taken out of it."""
    yield from _read_ports(container, address, scope)
    yield from _read_env(container, address, scope)
    for side in ("requests", "limits"):
        for name, value in (take(container, "resources", side) or {}).items():
            short = "gpu" if name == GPU else name
            known = short in ("cpu", "memory", "gpu")
            yield Intent(f"{scope}.{side}.{short if known else 'other'}", (address,) if known else (address, name), value)
    yield from _read_probes(container, address, scope)
    if preset := take(container, "lifecycle", "preStop", "exec", "command"):
        yield Intent(f"{scope}.lifecycle.preStop.exec", (address,), tuple(map(str, preset)))
    yield from flatten(container, scope, (address,))


def _read_ports(container: Obj, address: str, scope: str) -> Iterator[Intent]:
    for port in container.pop("ports", None) or []:
        number = port.get("containerPort")
        if number is None:
            continue
        yield Intent(f"{scope}.port", (address,), number)
        for field in ("name", "protocol", "hostPort"):
            if field in port:
                yield Intent(f"{scope}.port.{field}", (address, str(number)), port[field])


def _read_env(container: Obj, address: str, scope: str) -> Iterator[Intent]:
    for item in container.pop("env", None) or []:
        keys = (address, str(item.get("name")))
        source = item.get("valueFrom") or {}
        if secret := source.get("secretKeyRef"):
            yield Intent(f"{scope}.env.secret", keys, (secret.get("name"), secret.get("key")))
        elif config := source.get("configMapKeyRef"):
            yield Intent(f"{scope}.env.configMap", keys, (config.get("name"), config.get("key")))
        elif field := source.get("fieldRef"):
            yield Intent(f"{scope}.env.field", keys, field.get("fieldPath"))
        elif source:
            yield from flatten(source, f"{scope}.env[]", keys)
        else:
            yield Intent(f"{scope}.env", keys, str(item.get("value", "")))
    for item in container.pop("envFrom", None) or []:
        for field, short in (("secretRef", "secret"), ("configMapRef", "configMap")):
            if name := look(item, field, "name"):
                yield Intent(f"{scope}.envFrom.{short}", (address,), name)


def _read_probes(container: Obj, address: str, scope: str) -> Iterator[Intent]:
    for probe in _PROBES:
        if not isinstance(container.get(probe), dict):
            continue
        for handler in ("httpGet", "tcpSocket", "grpc"):
            port = take(container, probe, handler, "port")
            if port is None:
                continue
            path = take(container, probe, handler, "path") if handler == "httpGet" else None
            yield Intent(f"{scope}.{probe}.{handler}", (address,), (path or "/", port) if handler == "httpGet" else port)
            take(container, probe, handler, "scheme") if look(container, probe, handler, "scheme") == "HTTP" else None
        if command := take(container, probe, "exec", "command"):
            yield Intent(f"{scope}.{probe}.exec", (address,), tuple(map(str, command)))


def write_container(containers: list[Obj], name: str, intent: Intent, scope: str = "container") -> None:
    """Write one intent into the container called `name`."""
    container = named(containers, name)
    aspect = intent.aspect[len(scope) + 1 :]
    head, _, rest = aspect.partition(".")
    if head == "port":
        _write_port(container, intent, rest)
    elif head in ("env", "envFrom"):
        _write_env(container, intent, head, rest)
    elif head in ("requests", "limits"):
        resource = intent.keys[1] if rest == "other" else GPU if rest == "gpu" else rest
        put(container, intent.value, "resources", head, resource)
    elif head in _PROBES and rest in ("httpGet", "tcpSocket", "grpc", "exec"):
        dig(container, head, rest).update(_handler(rest, intent.value))  # its scheme may stand there already
    elif aspect == "lifecycle.preStop.exec":
        put(container, {"command": list(intent.value)}, "lifecycle", "preStop", "exec")
    else:
        graft(container, Intent(intent.aspect, intent.keys[1:], intent.value), aspect)


def _handler(kind: str, value: Any) -> Obj:
    if kind == "httpGet":
        return {"path": value[0], "port": value[1]}
    return {"command": list(value)} if kind == "exec" else {"port": value}


def _write_port(container: Obj, intent: Intent, field: str) -> None:
    number = intent.value if not field else int(intent.keys[1])
    ports = container.setdefault("ports", [])
    port = next((item for item in ports if item["containerPort"] == number), None)
    if port is None:
        port = {"containerPort": number}
        ports.append(port)
    if field:
        port[field] = intent.value


def _write_env(container: Obj, intent: Intent, head: str, source: str) -> None:
    if head == "envFrom":
        field = "secretRef" if source == "secret" else "configMapRef"
        container.setdefault("envFrom", []).append({field: {"name": intent.value}})
        return
    item = named(container.setdefault("env", []), intent.keys[1])
    if source in ("secret", "configMap"):
        put(item, {"name": intent.value[0], "key": intent.value[1]}, "valueFrom", f"{source}KeyRef")
    elif source == "field":
        put(item, {"fieldPath": intent.value}, "valueFrom", "fieldRef")
    else:
        item["value"] = intent.value


# --- mounts join a container's volumeMounts with the pod's volumes ---------------------------------------------------


def read_mounts(container: Obj, address: str, volumes: dict[str, Obj], templates: set[str]) -> Iterator[Intent]:
    """Yield what stands where in a container's file system; the volume's own name says nothing to a person."""
    for mount in container.pop("volumeMounts", None) or []:
        path, name = str(mount.get("mountPath")), mount.get("name")
        keys = (address, path)
        yield from _read_volume(keys, str(name), volumes.get(str(name)), templates)
        if mount.get("readOnly"):
            yield Intent("mount.readOnly", keys, True)
        for field in ("subPath", "mountPropagation"):
            if field in mount:
                yield Intent(f"mount.{field}", keys, mount[field])


def _read_volume(keys: tuple[str, ...], name: str, volume: Obj | None, templates: set[str]) -> Iterator[Intent]:
    if name in templates:
        yield Intent("mount.claimTemplate", keys, name)
    elif volume is None:
        return
    elif claim := volume.get("persistentVolumeClaim"):
        yield Intent("mount.pvc", keys, claim.get("claimName"))
    elif config := volume.get("configMap"):
        yield Intent("mount.configMap", keys, config.get("name"))
    elif secret := volume.get("secret"):
        yield Intent("mount.secret", keys, secret.get("secretName"))
    elif host := volume.get("hostPath"):
        yield Intent("mount.hostPath", keys, host.get("path"))
        if host.get("type"):
            yield Intent("mount.hostPath.type", keys, host["type"])
    elif "emptyDir" in volume or volume.keys() <= {"name"}:  # the server's default of a volume without a source
        empty = volume.get("emptyDir") or {}
        yield Intent("mount.emptyDir", keys, True)
        if empty.get("medium") == "Memory":
            yield Intent("mount.emptyDir.memory", keys, True)
        if "sizeLimit" in empty:
            yield Intent("mount.emptyDir.sizeLimit", keys, empty["sizeLimit"])
    else:
        yield from flatten(volume, "mount[]", keys)


_SOURCES: dict[str, Callable[[Any], Obj]] = {
    "pvc": lambda value: {"persistentVolumeClaim": {"claimName": value}},
    "configMap": lambda value: {"configMap": {"name": value}},
    "secret": lambda value: {"secret": {"secretName": value}},
    "hostPath": lambda value: {"hostPath": {"path": value}},
    "emptyDir": lambda _: {"emptyDir": {}},
}
_PLAIN_NAMES = {"emptyDir": "scratch", "hostPath": "host"}


def write_mount(pod: Obj, container_name: str, intent: Intent) -> None:
    """Write one mount intent: the mount into the container, the volume into the pod."""
    container = named(dig(pod).setdefault("containers", []), container_name)
    path, field = intent.keys[1], intent.aspect.split(".", 1)[1]
    mounts = container.setdefault("volumeMounts", [])
    mount = next((item for item in mounts if item["mountPath"] == path), None)
    if mount is None:
        mount = {"name": "", "mountPath": path}
        mounts.append(mount)
    if field == "claimTemplate":
        mount["name"] = intent.value
    elif field in _SOURCES:
        mount["name"] = _volume(pod, field, intent)
    elif field in ("readOnly", "subPath", "mountPropagation"):
        mount[field] = intent.value
    elif field in ("emptyDir.memory", "emptyDir.sizeLimit", "hostPath.type"):
        _volume_detail(pod, mount["name"], field, intent.value)


def _volume(pod: Obj, field: str, intent: Intent) -> str:
    """Return the name of the volume for this source, adding it where the pod has none with that content."""
    volumes, source = pod.setdefault("volumes", []), _SOURCES[field](intent.value)
    shared = field != "emptyDir"
    for volume in volumes:
        if shared and {key: item for key, item in volume.items() if key != "name"} == source:
            return str(volume["name"])
    # Named after what it holds, so that the name is a word of the request or one of two fixed words.
    wanted = _PLAIN_NAMES.get(field) or _label(str(intent.value))
    name = _free_name(wanted, {volume["name"] for volume in volumes})
    volumes.append({"name": name, **source})
    return name


def _label(text: str) -> str:
    """Turn an object's name into a DNS label of 63 characters at most."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:63].strip("-") or "data"


def _free_name(name: str, used: set[str]) -> str:
    number, free = 2, name
    while free in used:
        free, number = f"{name}-{number}", number + 1
    return free


def _volume_detail(pod: Obj, name: str, field: str, value: Any) -> None:
    volume = named(pod.setdefault("volumes", []), name)
    source, detail = field.split(".")
    if detail == "memory":
        put(volume, "Memory", source, "medium")
    else:
        put(volume, value, source, detail)
