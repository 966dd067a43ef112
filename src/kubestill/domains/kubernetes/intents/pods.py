"""The lens for pods: a pod spec wherever it stands, with its containers, volumes and what belongs to the whole pod."""

from collections.abc import Iterator

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.containers import read_container, read_mounts, write_container, write_mount
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.tree import Obj, dig, flatten, graft, look, put, take


def read_pod(obj: Obj, own_name: str) -> Iterator[Intent]:
    """Yield the intents of the pod in `obj` (a workload or a Pod), taking out what is read."""
    kind = KINDS[obj["kind"]]
    template = look(obj, *kind.template) if kind.template else obj
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        return
    if kind.template:
        yield from _read_template_metadata(obj, template, own_name, kind.selects)
    yield from _read_spec(template["spec"], own_name, look(obj, "spec", "volumeClaimTemplates") or [])
    if kind.template:
        take(obj, *kind.template, "spec")
    else:
        obj.pop("spec")


def _read_template_metadata(obj: Obj, template: Obj, own_name: str, selects: bool) -> Iterator[Intent]:
    """Yield what the template's metadata adds; labels that only tie the selector to the pods are silent."""
    metadata = template.get("metadata") or {}
    labels = take(metadata, "labels") or {}
    selector = look(obj, "spec", "selector") or {}
    tie = selector.get("matchLabels") or {} if selects else selector
    silent = {"app": own_name}
    for key, value in labels.items():
        if not (tie.get(key) == value and (silent.get(key) == value or len(labels) == 1)):
            yield Intent("podLabel", (str(key),), value)
    take(obj, "spec", "selector") if "matchExpressions" not in selector else None
    for key, value in (take(metadata, "annotations") or {}).items():
        yield Intent("podAnnotation", (str(key),), value)
    template.pop("metadata", None)


def _read_spec(spec: Obj, own_name: str, templates: list[Obj]) -> Iterator[Intent]:
    volumes = {str(volume.get("name")): volume for volume in spec.pop("volumes", None) or []}
    names = {str(look(template, "metadata", "name")) for template in templates}
    containers = spec.pop("containers", None) or []
    for container in containers:
        name = str(container.pop("name", ""))
        address = "" if len(containers) == 1 else name
        if address == "" and name not in (own_name, ""):
            yield Intent("container.name", ("",), name)
        yield from read_mounts(container, address, volumes, names)
        yield from read_container(container, address)
    for container in spec.pop("initContainers", None) or []:
        name = str(container.pop("name", ""))
        container.pop("volumeMounts", None)
        yield from read_container(container, name, scope="init")
    for secret in spec.pop("imagePullSecrets", None) or []:
        yield Intent("pod.imagePullSecret", (), secret.get("name"))
    for item in spec.pop("tolerations", None) or []:
        yield Intent("pod.toleration", (), _toleration(item))
    spec.pop("serviceAccount", None)
    yield from flatten(spec, "pod")


def _toleration(item: Obj) -> tuple[str, str, str]:
    """Return key, value and effect; an empty value means that the key alone decides (operator Exists)."""
    value = "" if item.get("operator") == "Exists" else str(item.get("value") or '""')
    return str(item.get("key", "")), value, str(item.get("effect", ""))


def write_pod(obj: Obj, intent: Intent, container_name: str) -> None:
    """Write one intent of the pod; `container_name` is the name of the only container, where no other is said."""
    kind = KINDS[obj["kind"]]
    template = dig(obj, *kind.template) if kind.template else obj
    spec = dig(template, "spec")
    head = intent.aspect.split(".", 1)[0]
    if head == "container":
        if intent.aspect != "container.name":
            write_container(spec.setdefault("containers", []), intent.keys[0] or container_name, intent)
    elif head == "init":
        write_container(spec.setdefault("initContainers", []), intent.keys[0], intent, scope="init")
    elif head == "mount":
        write_mount(spec, intent.keys[0] or container_name, intent)
    elif head == "podLabel":
        put(template, intent.value, "metadata", "labels", intent.keys[0])
    elif head == "podAnnotation":
        put(template, intent.value, "metadata", "annotations", intent.keys[0])
    else:
        _write_spec(spec, intent)


def _write_spec(spec: Obj, intent: Intent) -> None:
    if intent.aspect == "pod.imagePullSecret":
        spec.setdefault("imagePullSecrets", []).append({"name": intent.value})
    elif intent.aspect == "pod.toleration":
        key, value, effect = intent.value
        item = {"key": key, "operator": "Equal" if value else "Exists", "value": value, "effect": effect}
        spec.setdefault("tolerations", []).append({name: part for name, part in item.items() if part})
    else:
        graft(spec, intent, intent.aspect.split(".", 1)[1])


def tie_selector(obj: Obj) -> None:
    """Give a workload the selector and the pod labels that belong together: `app: <name>`."""
    kind = KINDS[obj["kind"]]
    if not kind.template or obj["kind"] in ("Job", "CronJob"):
        return
    name = obj["metadata"]["name"]
    labels = dig(obj, "spec", "template", "metadata").setdefault("labels", {})
    obj["spec"]["template"]["metadata"]["labels"] = labels = {"app": name, **labels}
    tie = {"app": labels["app"]}
    obj["spec"]["selector"] = {"matchLabels": tie} if kind.selects else tie
