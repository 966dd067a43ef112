"""Rules about what may change in claims, volumes, and the classes and drivers behind them."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.subject import rows, table
from kubestill.domains.kubernetes.updates.examples import CLAIM, VOLUME, step
from kubestill.domains.kubernetes.updates.meaning import Amount, differences, same
from kubestill.domains.kubernetes.updates.rule import FrozenRule, Update, UpdateRule, changed, dig, told

_SIZE = "  resources: {requests: {storage: %s}}\n"
_SIZED = CLAIM + _SIZE % "5Gi"
_LIVE = CLAIM.replace("  name: web\n", "  name: web\n  uid: 3a1f0d5e-0000-4000-8000-000000000001\n")
_BOUND = _LIVE + "  volumeName: pv1\n" + _SIZE % "5Gi" + "status: {phase: Bound, capacity: {storage: %s}}\n"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_RETROACTIVE, _SHRINKING, _CLASSED = 26, 32, 34  # RetroactiveDefaultStorageClass, RecoverVolumeExpansionFailure, VolumeAttributesClass


class ClaimFields(UpdateRule):
    """ValidatePersistentVolumeClaimUpdate: spec is immutable except requests and volumeAttributesClassName of bound claims."""

    code, kinds = "K8S676", frozenset({"PersistentVolumeClaim"})
    remedy = "Make a claim with a new name and copy the data, or delete this one (and, by its reclaim policy, the data) and create it anew."
    bad = (
        step(_SIZED, _SIZED.replace("ReadWriteOnce", "ReadWriteMany")),
        step(_SIZED + "  storageClassName: a\n", _SIZED + "  storageClassName: b\n"),
        step(_SIZED, _SIZED + "  volumeMode: Block\n"),
        step(_LIVE + _SIZE % "5Gi" + "status: {phase: Pending}\n", CLAIM + _SIZE % "6Gi"),
        step(_BOUND % "5Gi", _SIZED + "  volumeName: pv2\n"),
    )
    good = (
        step(_SIZED, CLAIM + _SIZE % "6Gi"),
        step(_SIZED, _SIZED + "  volumeMode: Filesystem\n  volumeName: pv1\n"),
        step(_LIVE + _SIZE % "5Gi", _SIZED + "  storageClassName: a\n"),
        step(_BOUND % "5Gi", CLAIM + _SIZE % "5120Mi"),
    )
    bad_at = (("1.25", step(_LIVE + _SIZE % "5Gi", _SIZED + "  storageClassName: a\n")),)

    def faults(self, update: Update) -> Faults:
        """Compare the specs without what may change, which depends on what the old claim is bound to."""
        before, after = (dict(table(whole.get("spec"))) for whole in (update.was, update.becomes))
        free = ["volumeAttributesClassName"]
        if not before.get("volumeName"):
            free.append("volumeName")
        if before.get("storageClassName") is None and after.get("storageClassName") is not None and self._may_get_class(update, after):
            free.append("storageClassName")
        for name in free:
            before.pop(name, None)
            after.pop(name, None)
        if update.status().get("phase") in (None, "Bound"):  # a manifest does not say; most claims are
            before, after = _unsized(before), _unsized(after)
        yield from told(differences(before, after, "spec"))

    def _may_get_class(self, update: Update, after: Mapping[str, Any]) -> bool:
        """Return whether a claim without a class may be given one; what class an old manifest got by default is not known."""
        marked = table(dig(update.old, "metadata.annotations")).get(_BETA_CLASS)
        if marked is not None:
            return same(marked, after.get("storageClassName"))
        return self.minor >= _RETROACTIVE or not update.live


def _unsized(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec without the requested storage."""
    resources = dict(table(spec.get("resources")))
    resources["requests"] = {name: value for name, value in table(resources.get("requests")).items() if name != "storage"}
    return {**spec, "resources": resources}


class ClaimSize(UpdateRule):
    """ValidatePersistentVolumeClaimUpdate: a claim does not shrink; a failed expansion may be taken back, above status.capacity."""

    code, kinds = "K8S677", frozenset({"PersistentVolumeClaim"})
    remedy = "Keep the size or expand it (the StorageClass must allow it); for less, make a smaller claim and copy the data."
    bad = (
        step(_SIZED, CLAIM + _SIZE % "4Gi"),
        step(_BOUND % "5Gi", CLAIM + _SIZE % "5Gi".replace("5", "4")),
        step(_BOUND % "4Gi", CLAIM + _SIZE % "4Gi"),
    )
    good = (step(_SIZED, CLAIM + _SIZE % "5120Mi"), step(_SIZED, CLAIM + _SIZE % "10Gi"), step(_BOUND % "3Gi", CLAIM + _SIZE % "4Gi"))
    bad_at = (("1.31", step(_BOUND % "3Gi", CLAIM + _SIZE % "4Gi")),)

    def faults(self, update: Update) -> Faults:
        """Compare the sizes, and the new one with what the volume has; that is taken to be the old one where nothing tells."""
        path = "spec.resources.requests.storage"
        before, after = dig(update.was, path), dig(update.becomes, path)
        if not isinstance(before, Amount) or not isinstance(after, Amount) or after.number >= before.number:
            return
        has = parse_quantity(dig(update.status(), "capacity.storage"))
        if self.minor < _SHRINKING or has is None or after.number <= has:
            yield path, f"found {after.text}, expected at least {before.text} as before"


_CLASS_NAME = "  volumeAttributesClassName: %s\n"


class AttributesClassName(UpdateRule):
    """ValidatePersistentVolumeClaimUpdate, ValidatePersistentVolumeUpdate: volumeAttributesClassName is never taken away (1.34)."""

    code, remedy = "K8S678", "Name the VolumeAttributesClass that the volume is to have, or keep the old one."
    kinds = frozenset({"PersistentVolumeClaim", "PersistentVolume"})
    bad = (
        step(_SIZED + _CLASS_NAME % "gold", _SIZED),
        step(_SIZED + _CLASS_NAME % "gold", _SIZED + _CLASS_NAME % "''"),
    )
    good = (step(_SIZED + _CLASS_NAME % "gold", _SIZED + _CLASS_NAME % "iron"), step(_SIZED, _SIZED + _CLASS_NAME % "gold"))
    good_at = (("1.33", step(_SIZED + _CLASS_NAME % "gold", _SIZED)),)

    def faults(self, update: Update) -> Faults:
        """Look whether a name went; a modification that is under way or infeasible may be taken back."""
        before, after = (dig(whole, "spec.volumeAttributesClassName") for whole in (update.old, update.after))
        if self.minor >= _CLASSED and before and not after and not update.status().get("modifyVolumeStatus"):
            yield "spec.volumeAttributesClassName", changed(before, after)


_NOT_SOURCE = frozenset(
    """
    capacity accessModes claimRef persistentVolumeReclaimPolicy storageClassName mountOptions nodeAffinity
    volumeAttributesClassName
    """.split()
)
_CSI = VOLUME + "  csi:\n    driver: example.com\n    volumeHandle: a\n"


class VolumeSource(UpdateRule):
    """ValidatePersistentVolumeUpdate: the source of a PersistentVolume and its volumeMode are immutable."""

    code, kinds = "K8S679", frozenset({"PersistentVolume"})
    remedy = "Delete the PersistentVolume (set persistentVolumeReclaimPolicy: Retain first) and create it anew; the data stays where it is."
    bad = (
        step(VOLUME + "  hostPath: {path: /a}\n", VOLUME + "  hostPath: {path: /b}\n"),
        step(VOLUME + "  hostPath: {path: /a}\n", VOLUME + "  nfs: {server: a, path: /a}\n"),
        step(_CSI, _CSI + "  volumeMode: Block\n"),
        step(_CSI + "    controllerExpandSecretRef: {name: a, namespace: a}\n", _CSI),
    )
    good = (
        step(VOLUME + "  hostPath: {path: /a}\n", VOLUME + "  hostPath: {path: /a, type: ''}\n  storageClassName: fast\n"),
        step(_CSI, _CSI + "    controllerExpandSecretRef: {name: a, namespace: a}\n"),
        step(_CSI, _CSI.replace("5Gi", "9Gi") + "    readOnly: false\n  volumeMode: Filesystem\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Compare what is no other field of the spec; a secret to expand with may be set once."""
        before, after = (
            {name: value for name, value in table(whole.get("spec")).items() if name not in _NOT_SOURCE}
            for whole in (update.was, update.becomes)
        )
        for path, old, new in differences(before, after, "spec"):
            if not (old is None and path == "spec.csi.controllerExpandSecretRef"):
                yield path, changed(old, new)


_TERM = "  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: %s, operator: In, values: [%s]}]}]}}\n"
# validatePvNodeAffinity: a key may be replaced by the one that took its place.
_RENAMED = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


class VolumeAffinity(UpdateRule):
    """ValidatePersistentVolumeUpdate: nodeAffinity is set once (MutablePVNodeAffinity is off); beta labels may get their new names."""

    code, kinds = "K8S680", frozenset({"PersistentVolume"})
    remedy = "Delete the PersistentVolume (set persistentVolumeReclaimPolicy: Retain first) and create it anew."
    bad = (
        step(_CSI + _TERM % ("kubernetes.io/hostname", "a"), _CSI + _TERM % ("kubernetes.io/hostname", "b")),
        step(_CSI + _TERM % ("kubernetes.io/hostname", "a"), _CSI),
    )
    good = (
        step(_CSI, _CSI + _TERM % ("kubernetes.io/hostname", "a")),
        step(
            _CSI + _TERM % ("failure-domain.beta.kubernetes.io/zone", "a"),
            _CSI + _TERM % ("topology.kubernetes.io/zone", "a"),
        ),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the terms, where there were any."""
        before, after = (_renamed(dig(whole, "spec.nodeAffinity")) for whole in (update.was, update.becomes))
        if before is not None:
            yield from told(differences(before, after, "spec.nodeAffinity"))


def _renamed(value: Any) -> Any:
    """Return a value with the beta names of labels replaced by those that took their place."""
    if isinstance(value, dict):
        return {name: _RENAMED.get(part, part) if isinstance(part, str) else _renamed(part) for name, part in value.items()}
    return [_renamed(item) for item in value] if isinstance(value, list) else value


class StorageClassFields(FrozenRule):
    """ValidateStorageClassUpdate: updates to provisioner, parameters, reclaimPolicy and volumeBindingMode are forbidden."""

    code, remedy = "K8S681", "Make a class with a new name, or delete this one and create it anew: volumes that exist keep what they have."
    kinds, fields = frozenset({"StorageClass"}), ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    _CLASS = head("storage.k8s.io/v1", "StorageClass") + "provisioner: example.com/a\n"
    bad = (
        step(_CLASS, _CLASS.replace("/a", "/b")),
        step(_CLASS, _CLASS + "parameters: {type: ssd}\n"),
        step(_CLASS, _CLASS + "reclaimPolicy: Retain\n"),
        step(_CLASS, _CLASS + "volumeBindingMode: WaitForFirstConsumer\n"),
    )
    good = (
        step(_CLASS, _CLASS + "reclaimPolicy: Delete\nvolumeBindingMode: Immediate\nallowVolumeExpansion: true\n"),
        step(_CLASS, _CLASS + "mountOptions: [noatime]\n"),
    )


class AttributesClassFields(FrozenRule):
    """ValidateVolumeAttributesClassUpdate: updates to driverName and parameters are forbidden."""

    code, remedy = "K8S682", "Make a VolumeAttributesClass with a new name, and name it in the claims."
    kinds, fields = frozenset({"VolumeAttributesClass"}), ("driverName", "parameters")
    _CLASS = head("storage.k8s.io/v1", "VolumeAttributesClass") + "driverName: example.com\nparameters: {iops: '%d'}\n"
    bad = (step(_CLASS % 100, _CLASS % 200), step(_CLASS % 100, (_CLASS % 100).replace(".com", ".org")))
    good = (step(_CLASS % 100, (_CLASS % 100).replace("  name: web\n", "  name: web\n  labels: {a: b}\n")),)


_MUTABLE_DRIVER = 29  # OpenAPI of CSIDriverSpec: both fields were "immutable in Kubernetes < 1.29"


class DriverFields(UpdateRule):
    """ValidateCSIDriverUpdate: attachRequired and volumeLifecycleModes are immutable; before 1.29 fsGroupPolicy and podInfoOnMount too."""

    code, remedy, kinds = "K8S683", "Delete the CSIDriver and create it anew; mounted volumes are not touched.", frozenset({"CSIDriver"})
    _DRIVER = head("storage.k8s.io/v1", "CSIDriver") + "spec:\n"
    bad = (
        step(_DRIVER + "  attachRequired: true\n", _DRIVER + "  attachRequired: false\n"),
        step(_DRIVER + "  attachRequired: true\n", _DRIVER + "  volumeLifecycleModes: [Ephemeral]\n"),
    )
    good = (
        step(_DRIVER + "  podInfoOnMount: true\n", _DRIVER + "  attachRequired: true\n  storageCapacity: true\n"),
        step(_DRIVER + "  podInfoOnMount: true\n", _DRIVER + "  podInfoOnMount: false\n  fsGroupPolicy: File\n"),
    )
    bad_at = (("1.28", step(_DRIVER + "  podInfoOnMount: true\n", _DRIVER + "  podInfoOnMount: false\n")),)

    def faults(self, update: Update) -> Faults:
        """Compare the fields that the release holds fast."""
        more = () if self.minor >= _MUTABLE_DRIVER else ("fsGroupPolicy", "podInfoOnMount")
        for name in ("attachRequired", "volumeLifecycleModes", *more):
            yield from told(update.changes(f"spec.{name}"))


_COUNTED = 35  # MutableCSINodeAllocatableCount is on


class NodeDrivers(UpdateRule):
    """ValidateCSINodeUpdate: the entry of a driver is immutable while it stands; since 1.35 its allocatable count may change."""

    code, remedy, kinds = "K8S684", "Leave CSINode to the kubelet: let the driver register anew.", frozenset({"CSINode"})
    _NODE = head("storage.k8s.io/v1", "CSINode") + "spec:\n  drivers:\n  - {name: example.com, nodeID: %s, allocatable: {count: %d}}\n"
    bad = (step(_NODE % ("a", 5), _NODE % ("b", 5)),)
    good = (step(_NODE % ("a", 5), _NODE % ("a", 6)), step(_NODE % ("a", 5), (_NODE % ("a", 5)).replace("example.com", "example.org")))
    bad_at = (("1.34", step(_NODE % ("a", 5), _NODE % ("a", 6))),)

    def faults(self, update: Update) -> Faults:
        """Compare the entries of drivers that both have."""
        olds, news = (rows(dig(whole, "spec.drivers")) for whole in (update.was, update.becomes))
        free = ("allocatable",) if self.minor >= _COUNTED else ()
        for index, new in enumerate(news):
            for old in olds:
                if same(old.get("name"), new.get("name")):
                    before, after = ({name: part for name, part in one.items() if name not in free} for one in (old, new))
                    yield from told(differences(before, after, f"spec.drivers[{index}]"))
