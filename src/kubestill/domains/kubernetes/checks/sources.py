"""Rules about what volumes are made of: projections, fields of the pod as files, claims made with the pod; and how they are mounted."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import POD
from kubestill.domains.kubernetes.checks.rule import Faults, PodRule
from kubestill.domains.kubernetes.checks.storage import claim_faults
from kubestill.domains.kubernetes.subject import Pod, rows, table

_PROJECTED = POD + "  volumes:\n  - name: all\n    projected:\n      sources:\n"
_DOWNWARD = POD + "  volumes:\n  - name: info\n    downwardAPI:\n      items:\n"
_MOUNT = "    volumeMounts:\n    - {name: data, mountPath: /data"
_EMPTY = "  volumes:\n  - name: data\n    emptyDir: {}\n"
# core/validation: validVolumeDownwardAPIFieldPathExpressions.
_FIELDS = frozenset({"metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"})
# core/validation: validContainerResourceDivisorFor*.
_CPU_UNITS = ("1m", "1")
_BYTE_UNITS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_KINDS = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")


def names_one_of(field_path: str, known: frozenset[str]) -> bool:
    """Return whether a fieldPath is one of those known, or one label or annotation by its key in brackets."""
    keyed = field_path.startswith(("metadata.labels['", "metadata.annotations['")) and field_path.endswith("']")
    return keyed or field_path in known


def resource_faults(source: Mapping[str, Any], *, container: bool) -> Faults:
    """Yield what is wrong with a resourceFieldRef; `container`: it must say whose resource it means."""
    resource, divisor = source.get("resource") or "", source.get("divisor")
    part, _, name = resource.partition(".")
    known = name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-")
    if container and not source.get("containerName"):
        yield "containerName", "containerName is required"
    if part not in ("limits", "requests") or not known:
        yield "resource", f"{resource!r} is no limits.* or requests.* of cpu, memory or ephemeral-storage"
        return
    amount = formats.amount(divisor)
    allowed = _CPU_UNITS if name == "cpu" else _BYTE_UNITS
    if amount and amount not in {formats.amount(unit) for unit in allowed}:
        yield "divisor", f"found {divisor}, expected one of {', '.join(allowed)}"


class Projections(PodRule):
    """A projected volume puts several sources into one directory: each source has one kind, and no two files share a path."""

    code, remedy = "K8S135", "Split the source, or give each file a relative path of its own."
    bad = (
        _PROJECTED + "      - {secret: {name: a}, configMap: {name: b}}\n",
        _PROJECTED + "      - secret: {name: a, items: [{key: a, path: x}]}\n      - configMap: {name: b, items: [{key: b, path: x}]}\n",
        _PROJECTED + "      - secret: {name: a, items: [{key: a, path: /x}]}\n",
        _PROJECTED + "      - serviceAccountToken: {path: ../token}\n",
    )
    good = (_PROJECTED + "      - secret: {name: a, items: [{key: a, path: x}]}\n      - configMap: {name: b, optional: true}\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at every source."""
        for index, volume in enumerate(pod.volumes):
            path, taken = f"{pod.path}.volumes[{index}].projected", set[str]()
            for place, source in enumerate(rows(table(volume.get("projected")).get("sources"))):
                here = f"{path}.sources[{place}]"
                given = [name for name in _KINDS if source.get(name) is not None]
                if len(given) > 1:
                    yield f"{here}.{given[1]}", f"found {' and '.join(given)}, expected one"
                for below, file in _files(source):
                    fault = formats.file_path(file) if file else "is required"
                    if fault:
                        yield f"{here}.{below}", f"{file!r} {fault}" if file else "a path is required"
                    elif file in taken:
                        yield f"{here}.{below}", f"two files have the path {file!r}"
                    taken.add(file)


def _files(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the sources of a projection say a file's path, and the path."""
    for kind in ("secret", "configMap", "downwardAPI"):
        for number, item in enumerate(rows(table(source.get(kind)).get("items"))):
            yield f"{kind}.items[{number}].path", item.get("path") or ""
            if kind != "downwardAPI" and not item.get("key"):
                yield f"{kind}.items[{number}].key", ""
    for kind in ("serviceAccountToken", "clusterTrustBundle"):
        if isinstance(source.get(kind), dict) and source[kind].get("path"):
            yield f"{kind}.path", source[kind]["path"]


class PodFieldFiles(PodRule):
    """A file of a downwardAPI volume holds one field of the pod (its name, namespace, uid, labels or annotations) or one resource."""

    code, remedy = "K8S136", "Give each item a relative path, and fieldRef (metadata.*) or resourceFieldRef with containerName."
    bad = (
        _DOWNWARD + "      - {path: a, fieldRef: {fieldPath: spec.nodeName}}\n",
        _DOWNWARD + "      - {path: a}\n",
        _DOWNWARD + "      - {path: /a, fieldRef: {fieldPath: metadata.name}}\n",
        _DOWNWARD + "      - {path: a, resourceFieldRef: {resource: limits.cpu}}\n",
        _DOWNWARD
        + "      - {path: a, fieldRef: {fieldPath: metadata.name}, resourceFieldRef: {resource: limits.cpu, containerName: web}}\n",
    )
    good = (
        _DOWNWARD + "      - {path: labels, fieldRef: {fieldPath: metadata.labels}}\n"
        "      - {path: cpu, resourceFieldRef: {resource: limits.cpu, containerName: web, divisor: 1m}}\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at every item, of projections too."""
        for path, item in self._items(pod):
            file, ref, resource = item.get("path") or "", item.get("fieldRef"), item.get("resourceFieldRef")
            if fault := formats.file_path(file) if file else "is required":
                yield f"{path}.path", f"{file!r} {fault}" if file else "a path is required"
            if ref is not None and resource is not None:
                yield path, "fieldRef and resourceFieldRef exclude each other"
            elif ref is not None:
                wanted = ref.get("fieldPath") or ""
                if not names_one_of(wanted, _FIELDS):
                    yield f"{path}.fieldRef.fieldPath", f"{wanted!r} is none of {', '.join(sorted(_FIELDS))}"
            elif resource is not None:
                yield from ((f"{path}.resourceFieldRef.{below}", said) for below, said in resource_faults(resource, container=True))
            else:
                yield f"{path}.fieldRef", "fieldRef or resourceFieldRef is required"

    @staticmethod
    def _items(pod: Pod) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for index, volume in enumerate(pod.volumes):
            path = f"{pod.path}.volumes[{index}]"
            for number, item in enumerate(rows(table(volume.get("downwardAPI")).get("items"))):
                yield f"{path}.downwardAPI.items[{number}]", item
            for place, source in enumerate(rows(table(volume.get("projected")).get("sources"))):
                for number, item in enumerate(rows(table(source.get("downwardAPI")).get("items"))):
                    yield f"{path}.projected.sources[{place}].downwardAPI.items[{number}]", item


class MountOptions(PodRule):
    """Bidirectional mounts need a privileged container; a recursively read-only mount is read-only; a device is a claim's."""

    code, remedy = "K8S137", "Set privileged: true or readOnly: true, or remove the option; mount a device from a claim."
    bad = (
        POD + _MOUNT + ", mountPropagation: Bidirectional}\n" + _EMPTY,
        POD + _MOUNT + ", recursiveReadOnly: Enabled}\n" + _EMPTY,
        POD + "    volumeDevices: [{name: data, devicePath: /dev/a}]\n" + _EMPTY,
    )
    good = (
        POD + _MOUNT + ", mountPropagation: HostToContainer, readOnly: true}\n" + _EMPTY,
        POD + _MOUNT + ", mountPropagation: Bidirectional}\n    securityContext: {privileged: true}\n" + _EMPTY,
        POD
        + "    volumeDevices: [{name: data, devicePath: /dev/a}]\n  volumes:\n  - name: data\n    persistentVolumeClaim: {claimName: a}\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at the mounts of every container."""
        known = {volume.get("name"): volume for volume in pod.volumes}
        for container in pod.containers:
            privileged = table(container.value.get("securityContext")).get("privileged")
            mounts = rows(container.value.get("volumeMounts"))
            for index, mount in enumerate(mounts):
                path, recursive = f"{container.path}.volumeMounts[{index}]", mount.get("recursiveReadOnly")
                if mount.get("mountPropagation") == "Bidirectional" and not privileged:
                    yield f"{path}.mountPropagation", "Bidirectional needs a privileged container"
                if recursive in ("Enabled", "IfPossible") and not mount.get("readOnly"):
                    yield f"{path}.recursiveReadOnly", f"{recursive} needs readOnly: true"
                elif recursive in ("Enabled", "IfPossible") and mount.get("mountPropagation") not in (None, "", "None"):
                    yield f"{path}.recursiveReadOnly", f"{recursive} needs mountPropagation None"
            for index, device in enumerate(rows(container.value.get("volumeDevices"))):
                volume, path = known.get(device.get("name")), f"{container.path}.volumeDevices[{index}]"
                if volume is not None and volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
                    yield f"{path}.name", "a device comes from a persistentVolumeClaim or an ephemeral volume"
                for other, mount in enumerate(mounts):
                    if mount.get("name") == device.get("name"):
                        yield f"{path}.name", f"{device.get('name')!r} is mounted as volumeMounts[{other}] too"
                    if mount.get("mountPath") == device.get("devicePath"):
                        yield f"{path}.devicePath", "a volumeMount has the same path"


_CLAIM = POD + "  volumes:\n  - name: data\n    ephemeral:\n      volumeClaimTemplate:\n        spec:\n"


class EphemeralClaims(PodRule):
    """The claim that is made together with the pod says how it is mounted and how large it is."""

    code, remedy = "K8S138", "Add accessModes and resources.requests.storage to the template's spec."
    bad = (_CLAIM + "          accessModes: [ReadWriteOnce]\n", _CLAIM + "          resources: {requests: {storage: 1Gi}}\n")
    good = (_CLAIM + "          accessModes: [ReadWriteOnce]\n          resources: {requests: {storage: 1Gi}}\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at every ephemeral volume."""
        for index, volume in enumerate(pod.volumes):
            template = table(volume.get("ephemeral")).get("volumeClaimTemplate")
            if isinstance(template, dict):
                path = f"{pod.path}.volumes[{index}].ephemeral.volumeClaimTemplate.spec"
                yield from claim_faults(table(template.get("spec")), path)
