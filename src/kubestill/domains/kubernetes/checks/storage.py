"""Rules about claims, volumes and storage classes."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import CLAIM, head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, table

_SIZE = "  resources: {requests: {storage: 1Gi}}\n"
_MODES = "  accessModes: [ReadWriteOnce]\n"
_VOLUME = head("v1", "PersistentVolume") + "spec:\n  hostPath: {path: /data}\n"
_CAPACITY = "  capacity: {storage: 1Gi}\n"
_NOT_SOURCES = frozenset(
    [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    ]
)
_KNOWN_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


def mode_faults(spec: Mapping[str, Any], path: str = "spec") -> Faults:
    """Yield what is wrong with the access modes of a claim or volume."""
    modes = spec.get("accessModes") or []
    if not modes:
        yield f"{path}.accessModes", "at least one access mode is required"
    for index, mode in enumerate(modes):
        if mode not in _KNOWN_MODES:
            yield f"{path}.accessModes[{index}]", f"found {mode!r}, expected one of {', '.join(_KNOWN_MODES)}"
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield f"{path}.accessModes", "ReadWriteOncePod cannot stand beside another mode"


def size_faults(spec: Mapping[str, Any], path: str = "spec") -> Faults:
    """Yield what is wrong with the size that a claim asks for."""
    size = table(table(spec.get("resources")).get("requests")).get("storage")
    value = formats.amount(size)
    if size is None:
        yield f"{path}.resources.requests.storage", "a size is required"
    elif value is not None and value <= 0:
        yield f"{path}.resources.requests.storage", f"found {size}, expected a positive amount"


def source_faults(spec: Mapping[str, Any], path: str = "spec") -> Faults:
    """Yield what is wrong with the object that a claim is filled from."""
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    for name, value in (("dataSource", source), ("dataSourceRef", ref)):
        if isinstance(value, dict) and not value.get("apiGroup") and value.get("kind") not in (None, "", "PersistentVolumeClaim"):
            yield f"{path}.{name}", f"found kind {value['kind']!r} without apiGroup; only a PersistentVolumeClaim has none"
    if isinstance(source, dict) and isinstance(ref, dict) and any(source.get(key) != ref.get(key) for key in ("apiGroup", "kind", "name")):
        yield f"{path}.dataSource", "must be the same as dataSourceRef"


def claim_faults(spec: Mapping[str, Any], path: str) -> Faults:
    """Yield all that is wrong with the spec of a claim, wherever it stands."""
    yield from mode_faults(spec, path)
    yield from size_faults(spec, path)
    yield from source_faults(spec, path)


class ClaimModes(ObjectRule):
    """A PersistentVolumeClaim or PersistentVolume says how it may be mounted."""

    code, remedy = "K8S190", "Add accessModes, such as [ReadWriteOnce]."
    kinds = frozenset({"PersistentVolumeClaim", "PersistentVolume"})
    bad = (CLAIM + _SIZE, CLAIM + _SIZE + "  accessModes: [ReadWriteOncePod, ReadWriteOnce]\n", _VOLUME + _CAPACITY)
    good = (CLAIM + _SIZE + _MODES, _VOLUME + _CAPACITY + _MODES)

    def faults(self, view: View) -> Faults:
        """Look at accessModes."""
        return mode_faults(view.spec)


class ClaimSize(ObjectRule):
    """A PersistentVolumeClaim asks for a positive amount of storage, within its own limit."""

    code, remedy = "K8S191", "Add resources.requests.storage, such as 10Gi."
    kinds = frozenset({"PersistentVolumeClaim"})
    bad = (CLAIM + _MODES, CLAIM + _MODES + "  resources: {requests: {storage: 0}}\n", CLAIM + _MODES + _SIZE.replace("1Gi", "-1Gi"))
    good = (CLAIM + _MODES + _SIZE,)

    def faults(self, view: View) -> Faults:
        """Look at the request."""
        return size_faults(view.spec)


class ClaimSource(ObjectRule):
    """A claim that is filled from another object names its group, unless that is another claim; two ways to say it agree."""

    code, remedy = "K8S189", "Add apiGroup (snapshot.storage.k8s.io for a VolumeSnapshot); keep dataSource equal to dataSourceRef."
    kinds = frozenset({"PersistentVolumeClaim"})
    bad = (
        CLAIM + _MODES + _SIZE + "  dataSource: {kind: VolumeSnapshot, name: a}\n",
        CLAIM + _MODES + _SIZE + "  dataSource: {kind: PersistentVolumeClaim, name: a}\n"
        "  dataSourceRef: {kind: PersistentVolumeClaim, name: b}\n",
    )
    good = (CLAIM + _MODES + _SIZE + "  dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: a}\n",)

    def faults(self, view: View) -> Faults:
        """Look at both sources."""
        return source_faults(view.spec)


class VolumeCapacity(ObjectRule):
    """A PersistentVolume has a positive storage capacity, and no other."""

    code, remedy = "K8S192", "Set capacity.storage, such as 10Gi."
    kinds = frozenset({"PersistentVolume"})
    bad = (_VOLUME + _MODES, _VOLUME + _MODES + "  capacity: {storage: 0}\n", _VOLUME + _MODES + "  capacity: {storage: 1Gi, cpu: 1}\n")
    good = (_VOLUME + _MODES + _CAPACITY,)

    def faults(self, view: View) -> Faults:
        """Look at the capacity."""
        capacity = table(view.spec.get("capacity"))
        value = formats.amount(capacity.get("storage"))
        if list(capacity) != ["storage"]:
            yield "spec.capacity", "exactly one entry, storage, is required"
        elif value is not None and value <= 0:
            yield "spec.capacity.storage", f"found {capacity['storage']}, expected a positive amount"


class OneSource(ObjectRule):
    """A PersistentVolume lies in exactly one place: csi, nfs, hostPath, local and so on; a local one says on which node."""

    code, remedy = "K8S193", "Keep exactly one source; add nodeAffinity to a local volume."
    kinds = frozenset({"PersistentVolume"})
    bad = (
        head("v1", "PersistentVolume") + "spec:\n" + _MODES + _CAPACITY,
        _VOLUME + _MODES + _CAPACITY + "  nfs: {server: a, path: /}\n",
        head("v1", "PersistentVolume") + "spec:\n  local: {path: /mnt}\n" + _MODES + _CAPACITY,
        _VOLUME.replace("/data", "/") + _MODES + _CAPACITY + "  persistentVolumeReclaimPolicy: Recycle\n",
        _VOLUME + _MODES + _CAPACITY + "  volumeAttributesClassName: fast\n",
    )
    good = (_VOLUME + _MODES + _CAPACITY,)

    def faults(self, view: View) -> Faults:
        """Count the sources."""
        sources = [key for key, value in view.spec.items() if key not in _NOT_SOURCES and value is not None]
        if len(sources) != 1:
            yield "spec", f"found {' and '.join(sorted(sources)) or 'no source'}, expected exactly one source"
        elif sources == ["hostPath"] and table(view.spec["hostPath"]).get("path") == "/" and _recycled(view):
            yield "spec.persistentVolumeReclaimPolicy", "may not be Recycle for a hostPath mount of /"
        elif view.spec.get("volumeAttributesClassName") is not None and sources != ["csi"]:
            yield "spec.volumeAttributesClassName", "needs the source csi"
        elif sources == ["local"] and not table(view.spec.get("nodeAffinity")).get("required"):
            yield "spec.nodeAffinity", "a local volume needs nodeAffinity"


def _recycled(view: View) -> bool:
    return bool(view.spec.get("persistentVolumeReclaimPolicy") == "Recycle")


class Provisioner(ObjectRule):
    """A StorageClass names its provisioner as a label key is written: an optional domain, a slash, a name."""

    code, remedy = "K8S194", "Set provisioner, such as ebs.csi.aws.com or kubernetes.io/no-provisioner."
    kinds = frozenset({"StorageClass"})
    bad = (
        head("storage.k8s.io/v1", "StorageClass") + "provisioner: ''\n",
        head("storage.k8s.io/v1", "StorageClass") + "provisioner: my provisioner\n",
    )
    good = (head("storage.k8s.io/v1", "StorageClass") + "provisioner: kubernetes.io/no-provisioner\n",)

    def faults(self, view: View) -> Faults:
        """Look at the provisioner."""
        name = view.object.get("provisioner") or ""
        if not name:
            yield "provisioner", "a provisioner is required"
        elif fault := formats.qualified_name(name.lower()):
            yield "provisioner", f"{name!r} {fault}"
