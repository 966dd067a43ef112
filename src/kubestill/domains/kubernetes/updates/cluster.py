"""Rules about what may change in objects that shape the cluster: rights, classes, quotas, nodes, definitions."""

from typing import Any

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.subject import rows
from kubestill.domains.kubernetes.updates.examples import ROLE_BINDING, step
from kubestill.domains.kubernetes.updates.meaning import same
from kubestill.domains.kubernetes.updates.rule import FrozenRule, Update, UpdateRule, changed, dig, shown, told


class RoleRef(FrozenRule):
    """ValidateRoleBindingUpdate, ValidateClusterRoleBindingUpdate: cannot change roleRef."""

    code, remedy = "K8S687", "Delete the binding and create it anew (kubectl auth reconcile does both), or make another binding."
    kinds, fields = frozenset({"RoleBinding", "ClusterRoleBinding"}), ("roleRef",)
    _REF = "roleRef: {kind: %s, name: web%s}\n"
    bad = (
        step(ROLE_BINDING + _REF % ("Role", ""), ROLE_BINDING + _REF % ("ClusterRole", "")),
        step(ROLE_BINDING + _REF % ("Role", ""), ROLE_BINDING + _REF % ("Role", "-admin")),
    )
    good = (
        step(
            ROLE_BINDING + _REF % ("Role", ""),
            ROLE_BINDING.replace("name: web, ", "name: api, ") + _REF % ("Role", ", apiGroup: rbac.authorization.k8s.io"),
        ),
    )


class Priority(FrozenRule):
    """ValidatePriorityClassUpdate: value and preemptionPolicy may not be changed in an update."""

    code, remedy = (
        "K8S688",
        "Make a PriorityClass with a new name, or delete this one and create it anew: pods keep the priority they have.",
    )
    kinds, fields = frozenset({"PriorityClass"}), ("value", "preemptionPolicy")
    _CLASS = head("scheduling.k8s.io/v1", "PriorityClass") + "value: %d\n"
    bad = (step(_CLASS % 100, _CLASS % 200), step(_CLASS % 100, _CLASS % 100 + "preemptionPolicy: Never\n"))
    good = (step(_CLASS % 100, _CLASS % 100 + "preemptionPolicy: PreemptLowerPriority\nglobalDefault: true\ndescription: a\n"),)


class Handler(FrozenRule):
    """ValidateRuntimeClassUpdate: handler is immutable."""

    code, remedy = "K8S689", "Make a RuntimeClass with a new name, and let new pods use that."
    kinds, fields = frozenset({"RuntimeClass"}), ("handler",)
    _CLASS = head("node.k8s.io/v1", "RuntimeClass") + "handler: %s\n"
    bad = (step(_CLASS % "runc", _CLASS % "kata"),)
    good = (step(_CLASS % "runc", _CLASS % "runc" + "overhead: {podFixed: {cpu: 100m}}\n"),)


class QuotaScopes(UpdateRule):
    """ValidateResourceQuotaUpdate: spec.scopes is immutable, whatever its order; scopeSelector may change."""

    code, remedy, kinds = (
        "K8S690",
        "Make a ResourceQuota with a new name, or delete this one and create it anew.",
        frozenset({"ResourceQuota"}),
    )
    _QUOTA = head("v1", "ResourceQuota") + "spec:\n  hard: {pods: 4}\n"
    bad = (
        step(_QUOTA, _QUOTA + "  scopes: [Terminating]\n"),
        step(_QUOTA + "  scopes: [Terminating]\n", _QUOTA + "  scopes: [NotTerminating]\n"),
    )
    good = (
        step(_QUOTA + "  scopes: [Terminating, NotBestEffort]\n", _QUOTA + "  scopes: [NotBestEffort, Terminating]\n"),
        step(_QUOTA, _QUOTA.replace("4", "8")),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the scopes as sets."""
        before, after = (dig(whole, "spec.scopes") for whole in (update.was, update.becomes))
        if not same(_sorted(before), _sorted(after)):
            yield "spec.scopes", changed(before, after)


def _sorted(value: Any) -> Any:
    return sorted({str(one) for one in value}) if isinstance(value, list) else value


class NodeFields(UpdateRule):
    """ValidateNodeUpdate: podCIDRs and providerID are set once, and externalID never."""

    code, remedy, kinds = "K8S691", "Delete the Node and let its kubelet register anew.", frozenset({"Node"})
    _NODE = head("v1", "Node") + "spec:\n  unschedulable: %s\n"
    bad = (
        step(_NODE % "false" + "  providerID: example://a\n", _NODE % "false" + "  providerID: example://b\n"),
        step(_NODE % "false" + "  podCIDRs: [10.1.0.0/24]\n", _NODE % "false" + "  podCIDRs: [10.2.0.0/24]\n"),
    )
    good = (
        step(_NODE % "false", _NODE % "true" + "  providerID: example://a\n  podCIDRs: [10.1.0.0/24]\n"),
        step(_NODE % "false", _NODE % "false" + "  taints: [{key: a, effect: NoSchedule}]\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Compare what the old node had."""
        for name in ("podCIDR", "podCIDRs", "providerID", "externalID"):
            if name == "externalID" or dig(update.was, f"spec.{name}") is not None:
                yield from told(update.changes(f"spec.{name}"))


_DEFINITION = (
    head("apiextensions.k8s.io/v1", "CustomResourceDefinition", "webs.example.com")
    + "spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Web, plural: webs}\n  versions:\n"
)
_V1 = "  - {name: v1, served: true, storage: %s, schema: {openAPIV3Schema: {type: object}}}\n"
_V2 = _V1.replace("v1,", "v2,")


def _stored(definition: Any) -> list[Any]:
    """Return the versions in which objects may be stored: those that the status tells, or else the storage version."""
    told_of = dig(definition, "status.storedVersions")
    if isinstance(told_of, list) and told_of:
        return told_of
    return [one.get("name") for one in rows(dig(definition, "spec.versions")) if one.get("storage") is True]


class DefinitionNames(UpdateRule):
    """ValidateCustomResourceDefinitionUpdate: group and plural are immutable, and once established scope and kind are too."""

    code, kinds = "K8S692", frozenset({"CustomResourceDefinition"})
    remedy = "Make another CustomResourceDefinition and move the objects: deleting this one deletes all of them."
    bad = (
        step(_DEFINITION + _V1 % "true", _DEFINITION.replace("Namespaced", "Cluster") + _V1 % "true"),
        step(_DEFINITION + _V1 % "true", _DEFINITION.replace("kind: Web", "kind: Site") + _V1 % "true"),
    )
    good = (
        step(_DEFINITION + _V1 % "true", _DEFINITION + _V1 % "true" + _V2 % "false"),
        step(
            _DEFINITION + _V1 % "true" + "status: {conditions: [{type: Established, status: 'False'}]}\n",
            _DEFINITION.replace("Namespaced", "Cluster") + _V1 % "true",
        ),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the names; a definition that does not say otherwise is taken to be established."""
        states = [one.get("status") for one in rows(update.status().get("conditions")) if one.get("type") == "Established"]
        loose = states == ["False"]
        for name in ("group", "names.plural", *(() if loose else ("scope", "names.kind"))):
            yield from told(update.changes(f"spec.{name}"))


class StoredVersions(UpdateRule):
    """ValidateUpdateStatus of storedVersions: a version in which objects may be stored stays in spec.versions."""

    code, kinds = "K8S693", frozenset({"CustomResourceDefinition"})
    remedy = (
        "Move the objects to another version and take this one out of status.storedVersions, then remove it; until then stop serving it."
    )
    bad = (
        step(_DEFINITION + _V1 % "true", _DEFINITION + _V2 % "true"),
        step(_DEFINITION + _V1 % "false" + _V2 % "true" + "status: {storedVersions: [v1, v2]}\n", _DEFINITION + _V2 % "true"),
    )
    good = (
        step(_DEFINITION + _V1 % "true", _DEFINITION + _V1 % "false" + _V2 % "true"),
        step(_DEFINITION + _V1 % "false" + _V2 % "true" + "status: {storedVersions: [v2]}\n", _DEFINITION + _V2 % "true"),
    )

    def faults(self, update: Update) -> Faults:
        """Look for every stored version among the new ones."""
        names = [one.get("name") for one in rows(dig(update.after, "spec.versions"))]
        for version in _stored(update.old):
            if not any(same(version, name) for name in names):
                yield "spec.versions", f"found no {shown(version)}, expected it as before: objects may be stored in it"


class SigningRequest(UpdateRule):
    """The strategy's PrepareForUpdate sets spec to the old one: what an update says there is dropped in silence."""

    code, remedy, severity = "K8S694", "Make a CertificateSigningRequest with a new name.", "warning"
    kinds = frozenset({"CertificateSigningRequest"})
    _REQUEST = (
        head("certificates.k8s.io/v1", "CertificateSigningRequest")
        + "spec:\n  usages: [client auth]\n  request: YQ==\n  signerName: example.com/%s\n"
    )
    bad = (step(_REQUEST % "a", _REQUEST % "b"),)
    good = (step(_REQUEST % "a", _REQUEST % "a"),)

    def faults(self, update: Update) -> Faults:
        """Compare the specs."""
        for path, before, after in update.changes("spec"):
            yield path, f"{changed(before, after)}: the change would be dropped in silence"


class DeviceClaims(FrozenRule):
    """ValidateResourceClaimUpdate, ValidateResourceClaimTemplateUpdate: spec is immutable."""

    code, remedy = "K8S695", "Make a claim with a new name, and let new pods use that."
    kinds, fields = frozenset({"ResourceClaim", "ResourceClaimTemplate"}), ("spec",)
    _CLAIM = head("resource.k8s.io/v1", "ResourceClaim") + "spec: {devices: {requests: [{name: a, exactly: {deviceClassName: %s}}]}}\n"
    bad = (step(_CLAIM % "gpu", _CLAIM % "nic"),)
    good = (step(_CLAIM % "gpu", _CLAIM % "'gpu', allocationMode: ExactCount, count: 1"),)


_POD_GROUP = "disruptionMode podGroupTemplateRef priority priorityClassName resourceClaims schedulingConstraints schedulingPolicy".split()


# By ValidateControllerRevisionUpdate, ValidateVolumeAttachmentUpdate, ValidateCSIStorageCapacityUpdate, ValidateIPAddressUpdate,
# ValidateClusterTrustBundleUpdate and their kin; those of Workload and PodGroup by the published OpenAPI.
_CONTROLLED = {
    "ControllerRevision": ("data",),
    "VolumeAttachment": ("spec",),
    "CSIStorageCapacity": ("nodeTopology", "storageClassName"),
    "IPAddress": ("spec.parentRef",),
    "ClusterTrustBundle": ("spec.signerName",),
    "PodCertificateRequest": ("spec",),
    "LeaseCandidate": ("spec.leaseName",),
    "ResourceSlice": ("spec.driver", "spec.nodeName", "spec.pool.name"),
    "ResourcePoolStatusRequest": ("spec",),
    "StorageVersionMigration": ("spec.resource",),
    "Workload": ("spec.controllerRef", "spec.podGroupTemplates"),
    "PodGroup": tuple(f"spec.{name}" for name in _POD_GROUP),
}


class ControllerFields(UpdateRule):
    """Objects that controllers write for themselves: ControllerRevision.data, VolumeAttachment.spec, CSIStorageCapacity and others."""

    code, remedy = "K8S696", "Leave the object to its controller, or delete it and create it anew."
    kinds = frozenset(_CONTROLLED)
    _REVISION = head("apps/v1", "ControllerRevision") + "revision: %d\ndata: {a: %s}\n"
    bad = (step(_REVISION % (1, "b"), _REVISION % (1, "c")),)
    good = (step(_REVISION % (1, "b"), _REVISION % (2, "b")),)

    def faults(self, update: Update) -> Faults:
        """Compare the fields that the kind holds fast."""
        for path in _CONTROLLED[update.kind]:
            yield from told(update.changes(path))
