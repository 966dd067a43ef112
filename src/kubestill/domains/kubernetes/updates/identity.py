"""Rules about what makes two objects the same one, and about the metadata that only the server writes."""

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.subject import table
from kubestill.domains.kubernetes.updates.examples import step
from kubestill.domains.kubernetes.updates.meaning import same
from kubestill.domains.kubernetes.updates.rule import Update, UpdateRule, changed, full_kind

_PLAIN = head("v1", "ConfigMap")
_UID = "  uid: 3a1f0d5e-0000-4000-8000-00000000000{}\n"
_GOING = _PLAIN + _UID.format(1) + "  deletionTimestamp: '2026-01-31T12:00:00Z'\n  finalizers: [example.com/a]\n"

_SCALER = (
    head("autoscaling/v%d", "HorizontalPodAutoscaler")
    + "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n"
)
_RANGES = head("networking.k8s.io/%s", "ServiceCIDR") + "spec: {cidrs: [10.96.0.0/16]}\n"

# Kinds whose versions served since 1.25 have the fields of their rules in the same places; of all others nobody can compare
# the fields without the server's conversion.
_ALIKE = frozenset(
    """
    CSIStorageCapacity ClusterTrustBundle IPAddress LeaseCandidate PodCertificateRequest ServiceCIDR StorageVersionMigration
    VolumeAttributesClass
    """.split()
)


def comparable(update: Update) -> bool:
    """Return whether the fields of the two objects stand in the same places."""
    return full_kind(update.old)[1] == full_kind(update.new.object)[1] or update.kind in _ALIKE


class SameObject(UpdateRule):
    """ValidateObjectMetaUpdate: metadata.name and metadata.namespace are immutable; group and kind are the object's address."""

    code, remedy = "K8S651", "Create the object under its new name, move what uses it, then delete the old one."
    bad = (
        step(_PLAIN, head("v1", "ConfigMap", "web2")),
        step(_PLAIN + "  namespace: a\n", _PLAIN + "  namespace: b\n"),
        step(_PLAIN, head("v1", "Secret")),
    )
    good = (step(_PLAIN, _PLAIN + "  labels: {a: b}\n"), step(_PLAIN + "  namespace: a\n", _PLAIN))

    def faults(self, update: Update) -> Faults:
        """Compare group, kind, name, and the namespace where both say one."""
        old, new = full_kind(update.old), full_kind(update.new.object)
        if old[0] != new[0]:
            yield "apiVersion", f"found group {new[0]!r}, expected {old[0]!r} as before"
        if old[2] != new[2]:
            yield "kind", changed(old[2], new[2])
        before, after = table(update.old.get("metadata")), table(update.new.object.get("metadata"))
        if not same(before.get("name"), after.get("name")):
            yield "metadata.name", changed(before.get("name"), after.get("name"))
        spaces = before.get("namespace"), after.get("namespace")
        if all(spaces) and not same(*spaces):
            yield "metadata.namespace", changed(*spaces)


class OtherVersion(UpdateRule):
    """A served version converts into every other without loss; what is compared are the fields as they are written."""

    code, severity = "K8S652", "warning"
    remedy = "Read the old object in the version of the new one: kubectl get KIND.VERSION.GROUP NAME -o yaml."
    bad = (
        step(_SCALER % 1, _SCALER % 2),
        step(_RANGES % "v1beta1", _RANGES % "v1"),
    )
    good = (step(_SCALER % 2, _SCALER % 2),)

    def faults(self, update: Update) -> Faults:
        """Compare the versions, and say whether the fields could be."""
        old, new = full_kind(update.old), full_kind(update.new.object)
        if old[1] != new[1] and (old[0], old[2]) == (new[0], new[2]):
            looked = "the fields are alike in both" if comparable(update) else "their fields were not compared"
            yield "apiVersion", f"found version {new[1]!r}, was {old[1]!r}: {looked}"


class Stamps(UpdateRule):
    """ValidateObjectMetaUpdate: uid, creationTimestamp and deletionTimestamp are the server's; resourceVersion must be the last."""

    code, remedy = "K8S653", "Remove uid, resourceVersion and the time stamps from the manifest."
    bad = (
        step(_PLAIN + _UID.format(1), _PLAIN + _UID.format(2)),
        step(_PLAIN + "  resourceVersion: '7'\n", _PLAIN + "  resourceVersion: '6'\n"),
    )
    good = (step(_PLAIN + _UID.format(1), _PLAIN), step(_PLAIN + _UID.format(1), _PLAIN + _UID.format(1)))

    def faults(self, update: Update) -> Faults:
        """Compare what both say."""
        before, after = table(update.old.get("metadata")), table(update.new.object.get("metadata"))
        for name in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"):
            if before.get(name) and after.get(name) and not same(before[name], after[name]):
                yield f"metadata.{name}", changed(before[name], after[name])


class Finalizers(UpdateRule):
    """ValidateObjectMetaUpdate: an object that is being deleted gets no new finalizers; taking some away is how it goes."""

    code, remedy = "K8S654", "Leave the finalizers out, or wait until the object is gone and create it anew."
    bad = (step(_GOING, _PLAIN + "  finalizers: [example.com/a, example.com/b]\n"),)
    good = (
        step(_GOING, _PLAIN + "  finalizers: []\n"),
        step(_PLAIN + _UID.format(1), _PLAIN + "  finalizers: [example.com/a]\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Look for finalizers that were not there when the deletion began."""
        before, after = table(update.old.get("metadata")), table(update.new.object.get("metadata"))
        had, has = before.get("finalizers"), after.get("finalizers")
        if before.get("deletionTimestamp") and isinstance(has, list):
            for index, name in enumerate(has):
                if not any(same(name, one) for one in (had if isinstance(had, list) else ())):
                    yield f"metadata.finalizers[{index}]", f"found {name!r}, expected none that is new: the object is being deleted"
