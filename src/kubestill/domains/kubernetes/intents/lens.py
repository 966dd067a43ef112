"""Manifest → intents, intents → manifest, and whether an intent holds: three uses of the same lenses."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents import network, policy
from kubestill.domains.kubernetes.intents.kinds import DEFAULTS, KINDS, QUANTITY_ASPECTS, SET_ASPECTS
from kubestill.domains.kubernetes.intents.pods import read_pod, tie_selector, write_pod
from kubestill.domains.kubernetes.intents.schedule import schedule_meaning
from kubestill.domains.kubernetes.intents.tree import Obj, copy, flatten, graft, look, put
from kubestill.domains.kubernetes.quantities import parse_quantity

Reader = Callable[[Obj], Iterator[Intent]]
Writer = Callable[[Obj, Intent], bool]

_READERS: dict[str, Reader] = {
    "Service": network.read_service,
    "Ingress": network.read_ingress,
    "NetworkPolicy": network.read_network_policy,
    "Role": policy.read_role,
    "ClusterRole": policy.read_role,
    "RoleBinding": policy.read_binding,
    "ClusterRoleBinding": policy.read_binding,
    "HorizontalPodAutoscaler": policy.read_autoscaler,
    "PodDisruptionBudget": policy.read_budget,
    "LimitRange": policy.read_limits,
    "ConfigMap": policy.read_data,
    "Secret": policy.read_data,
    "ServiceAccount": policy.read_account,
    "StatefulSet": policy.read_claims,
}
_WRITERS: dict[str, Writer] = {
    "Service": network.write_service,
    "Ingress": network.write_ingress,
    "NetworkPolicy": network.write_network_policy,
    "RoleBinding": policy.write_binding,
    "ClusterRoleBinding": policy.write_binding,
    "HorizontalPodAutoscaler": policy.write_autoscaler,
    "PodDisruptionBudget": policy.write_budget,
    "LimitRange": policy.write_limits,
    "ConfigMap": policy.write_data,
    "Secret": policy.write_data,
    "ServiceAccount": policy.write_account,
    "StatefulSet": policy.write_claim,
}
_POD_SCOPES = ("container", "init", "mount", "pod", "podLabel", "podAnnotation")
_RENAMED = {"parameters": "parameter", "spec.hard": "hard"}
# A CronJob's job settings are asked for as a Job's are.
_JOB_FIELDS = frozenset(
    "backoffLimit completions parallelism activeDeadlineSeconds ttlSecondsAfterFinished completionMode manualSelector".split()
)
_JOB_PREFIX = "spec.jobTemplate.spec."


def read(obj: Obj) -> list[Intent]:
    """Return what `obj` says, one intent a fact, in the order in which manifests say it.

    Raises:
        KeyError: the kind is none of `KINDS`.
    """
    obj = copy(obj)
    kind = KINDS[obj["kind"]]
    name = str((obj.get("metadata") or {}).get("name", ""))
    out = [Intent("kind", (), obj["kind"]), *_read_metadata(obj)]
    if obj["kind"] == "StatefulSet":
        # The pod's mounts need the templates' names: read the pod first, the claims after.
        out.extend(read_pod(obj, name))
        out.extend(policy.read_claims(obj))
    else:
        if obj["kind"] in _READERS:
            out.extend(_READERS[obj["kind"]](obj))
        if kind.template is not None:
            out.extend(read_pod(obj, name))
    for field in ("apiVersion", "kind", "status"):
        obj.pop(field, None)
    out.extend(_rename(intent) for intent in flatten(obj, ""))
    return out


def _read_metadata(obj: Obj) -> Iterator[Intent]:
    metadata = obj.pop("metadata", None) or {}
    yield Intent("name", (), metadata.get("name"))
    if metadata.get("namespace"):
        yield Intent("namespace", (), metadata["namespace"])
    annotations = metadata.get("annotations") or {}
    mark = policy.DEFAULT_CLASS.get(obj["kind"], "")
    for key, value in (metadata.get("labels") or {}).items():
        yield Intent("label", (str(key),), value)
    for key, value in annotations.items():
        yield Intent("default.class", (), True) if key == mark and value == "true" else Intent("annotation", (str(key),), value)


def _rename(intent: Intent) -> Intent:
    aspect = _RENAMED.get(intent.aspect, intent.aspect)
    if intent.keys == ("storage",) and aspect.endswith(("requests", "capacity")):
        return Intent(f"{aspect}.storage", (), intent.value)
    if aspect.startswith(_JOB_PREFIX) and aspect[len(_JOB_PREFIX) :] in _JOB_FIELDS:
        aspect = "spec." + aspect[len(_JOB_PREFIX) :]
    return Intent(aspect, intent.keys, intent.value)


# Written last: they need the mount that they belong to.
_DETAILS = frozenset(("mount.readOnly", "mount.subPath", "mount.emptyDir.memory", "mount.emptyDir.sizeLimit", "mount.hostPath.type"))


def build(intents: Iterable[Intent]) -> Obj:
    """Return the smallest idiomatic manifest in which every intent holds; needs `kind` and `name`."""
    given = list(intents)
    facts = {intent.aspect: intent.value for intent in given if not intent.keys}
    kind, name = facts["kind"], facts["name"]
    container = next((str(i.value) for i in given if i.aspect == "container.name"), str(name))
    obj: Obj = {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": name}}
    for intent in sorted(given, key=lambda intent: intent.aspect in _DETAILS):
        write(obj, intent, container)
    if any(intent.aspect.startswith("grant") for intent in given):
        policy.write_role(obj, given)
    _complete(obj)
    return obj


def write(obj: Obj, intent: Intent, container: str) -> None:
    """Write one statement into an object; `container` is the name of the only one, where none is said. Kind, name and grants are not."""
    kind, aspect = obj["kind"], intent.aspect
    head = aspect.split(".", 1)[0]
    if aspect in ("kind", "name") or aspect.startswith("grant"):
        return
    if aspect == "namespace":
        obj["metadata"]["namespace"] = intent.value
    elif aspect in ("label", "annotation"):
        put(obj, intent.value, "metadata", f"{aspect}s", intent.keys[0])
    elif aspect == "default.class":
        put(obj, "true", "metadata", "annotations", policy.DEFAULT_CLASS[kind])
    elif head in _POD_SCOPES and KINDS[kind].template is not None:
        write_pod(obj, intent, container)
    elif not (kind in _WRITERS and _WRITERS[kind](obj, intent)):
        graft(obj, intent, _field(kind, aspect))


def _field(kind: str, aspect: str) -> str:
    """Return the path of the field that a flattened aspect stands for."""
    for path, short in _RENAMED.items():
        if aspect == short:
            return path
    if kind == "CronJob" and aspect.startswith("spec.") and aspect[5:] in _JOB_FIELDS:
        return _JOB_PREFIX + aspect[5:]
    return aspect


def _complete(obj: Obj) -> None:
    """Add what the API requires and nobody says."""
    kind = obj["kind"]
    template = KINDS[kind].template
    if template is not None:
        tie_selector(obj)
        pod = obj
        for key in (*template, "spec"):
            pod = pod.setdefault(key, {})
        if kind in ("Job", "CronJob"):
            pod.setdefault("restartPolicy", "OnFailure")
    if kind == "StatefulSet":
        obj["spec"].setdefault("serviceName", obj["metadata"]["name"])
    elif kind == "Service":
        network.name_ports(obj)
    elif kind in ("PersistentVolumeClaim", "PersistentVolume"):
        obj.setdefault("spec", {}).setdefault("accessModes", ["ReadWriteOnce"])


# --- does it hold? ---------------------------------------------------------------------------------------------------


def meaning(aspect: str, value: Any) -> Any:
    """Return the form in which equal meanings are equal: quantities as numbers, sets without order."""
    if aspect in QUANTITY_ASPECTS:
        number = parse_quantity(value)
        return number if number is not None else str(value)
    if aspect == "spec.schedule":
        return schedule_meaning(str(value))
    if isinstance(value, tuple):
        parts = tuple(_plain(item) for item in value)
        return tuple(sorted(set(parts), key=str)) if aspect in SET_ASPECTS else parts
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    return str(value)


_CLOSED = (
    ("allow", "allow.all", "allow[]", "deny"),
    ("grant", "grant.names", "grant.unnamed[]", "grant.url"),
    ("selector", "spec.selector.matchExpressions[].key"),
    ("podSelector", "podSelector.all"),
)


class Facts:
    """All that a manifest says, ready to be asked whether an intent holds."""

    def __init__(self, obj: Obj) -> None:
        self.obj: Obj = copy(obj)
        self._said: set[tuple[str, tuple[str, ...], Any]] = set()
        self._places: set[tuple[str, tuple[str, ...]]] = set()
        for intent in read(self.obj):
            self._add(intent)
        self._alias()

    def _add(self, intent: Intent) -> None:
        self._said.add((intent.aspect, intent.keys, meaning(intent.aspect, intent.value)))
        self._places.add((intent.aspect, intent.keys))

    def _alias(self) -> None:
        """Say again in other words: every pod label, ports by number and by name, the only container also by its name."""
        path = KINDS[self.obj["kind"]].template
        template = None if path is None else look(self.obj, *path)
        if template is None:
            return
        for key, value in (look(template, "metadata", "labels") or {}).items():
            self._said.add(("podLabel", (str(key),), meaning("podLabel", value)))
        containers = look(template, "spec", "containers") or []
        only = str(containers[0].get("name", "")) if len(containers) == 1 else None
        if only is not None and not look(template, "spec", "initContainers"):
            self._share_security()
        for container in containers:
            self._alias_ports(container, "" if only is not None else str(container.get("name", "")))
        if only is not None:
            self._said.add(("container.name", ("",), only))
            for aspect, keys, value in list(self._said):
                if keys and keys[0] == "":
                    self._said.add((aspect, (only, *keys[1:]), value))
                    self._places.add((aspect, (only, *keys[1:])))

    def _share_security(self) -> None:
        """What the only container's security context says holds for the pod, and the other way round unless it says otherwise."""
        for field in ("runAsUser", "runAsGroup", "runAsNonRoot"):
            of_pod, of_container = (f"pod.securityContext.{field}", ()), (f"container.securityContext.{field}", ("",))
            for aspect, keys, value in list(self._said):
                if (aspect, keys) == of_container:
                    self._said.add((*of_pod, value))
                elif (aspect, keys) == of_pod and of_container not in self._places:
                    self._said.add((*of_container, value))

    def _alias_ports(self, container: Obj, address: str) -> None:
        """Say a container's probes again: of a named port with its number, of a number with the port's name."""
        numbers = {port["name"]: str(port.get("containerPort")) for port in container.get("ports") or [] if port.get("name")}
        twins = {**numbers, **{number: name for name, number in numbers.items()}}
        for aspect, keys, value in list(self._said):
            if keys == (address,) and aspect.endswith(".httpGet") and value[1] in twins:
                self._said.add((aspect, keys, (value[0], twins[value[1]])))
            elif keys == (address,) and aspect.endswith(".tcpSocket") and value in twins:
                self._said.add((aspect, keys, twins[value]))

    def holds(self, intent: Intent) -> bool:
        """Say whether the manifest does what the intent asks; a default counts where nothing is said."""
        asked = meaning(intent.aspect, intent.value)
        if (intent.aspect, intent.keys, asked) in self._said:
            return True
        default = self._default(intent)
        silent = (intent.aspect, intent.keys) not in self._places
        return silent and default is not None and meaning(intent.aspect, default) == asked

    def beyond(self, intents: Sequence[Intent]) -> list[Intent]:
        """Return what the manifest grants, opens or selects beyond what was asked: there more is not better, but wrong."""
        asked = {(intent.aspect, intent.keys, meaning(intent.aspect, intent.value)) for intent in intents}
        families = [family for family in _CLOSED if any(intent.aspect in family for intent in intents)]
        closed = {aspect for family in families for aspect in family}
        return [
            intent
            for intent in read(self.obj)
            if intent.aspect in closed and (intent.aspect, intent.keys, meaning(intent.aspect, intent.value)) not in asked
        ]

    def _default(self, intent: Intent) -> object | None:
        if intent.aspect == "port.target":
            return int(intent.keys[0]) if intent.keys[0].isdigit() else None
        if intent.aspect == "pod.restartPolicy" and self.obj["kind"] in ("Job", "CronJob"):
            return None
        if intent.aspect == "podLabel":
            return None
        return DEFAULTS.get(intent.aspect)


def fraction_text(value: Fraction) -> str:
    """Return a whole or decimal number as people write it."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"


def silent(intent: Intent) -> bool:
    """Say whether nobody would ask for this: it only repeats a default."""
    default = DEFAULTS.get(intent.aspect)
    return default is not None and meaning(intent.aspect, default) == meaning(intent.aspect, intent.value)
