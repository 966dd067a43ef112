"""Fixes of apiVersion and kind: a version that is gone and has a successor of the same shape, a wrong or missing one, a misspelt kind.

All but the case of a kind are kept only if the object is then wholly valid: the successor may ask for more than its forerunner did.
"""

import re
from collections.abc import Mapping

from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal
from kubestill.domains.kubernetes.fixes.operations import insert, put
from kubestill.domains.kubernetes.fixes.spelling import meant, same_but_for_case
from kubestill.domains.kubernetes.subject import table

_RBAC, _STORAGE, _ADMISSION = "rbac.authorization.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io"
_ROLES = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")

# Old version → kinds → successor, where a manifest of the old one means the same in the new one. Source: Kubernetes documentation,
# "Deprecated API Migration Guide". Not here: what changes its meaning or shape (webhooks, CustomResourceDefinitions,
# CertificateSigningRequests, autoscaling/v2beta1, PriorityLevelConfigurations, resource.k8s.io/v1beta1 claims). Ingresses pass only
# where they are written in the new shape already.
_SUCCESSORS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("extensions/v1beta1", ("Deployment", "DaemonSet", "ReplicaSet"), "apps/v1"),
    ("extensions/v1beta1", ("NetworkPolicy", "Ingress"), "networking.k8s.io/v1"),
    ("apps/v1beta1", ("Deployment", "StatefulSet"), "apps/v1"),
    ("apps/v1beta2", ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"), "apps/v1"),
    ("batch/v1beta1", ("CronJob",), "batch/v1"),
    ("batch/v2alpha1", ("CronJob",), "batch/v1"),
    ("policy/v1beta1", ("PodDisruptionBudget",), "policy/v1"),
    (f"{_RBAC}/v1alpha1", _ROLES, f"{_RBAC}/v1"),
    (f"{_RBAC}/v1beta1", _ROLES, f"{_RBAC}/v1"),
    ("networking.k8s.io/v1beta1", ("Ingress", "IngressClass", "IPAddress", "ServiceCIDR"), "networking.k8s.io/v1"),
    ("scheduling.k8s.io/v1alpha1", ("PriorityClass",), "scheduling.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", ("PriorityClass",), "scheduling.k8s.io/v1"),
    (f"{_STORAGE}/v1beta1", ("StorageClass", "CSIDriver", "CSINode", "VolumeAttachment", "CSIStorageCapacity"), f"{_STORAGE}/v1"),
    (f"{_STORAGE}/v1beta1", ("VolumeAttributesClass",), f"{_STORAGE}/v1"),
    ("coordination.k8s.io/v1beta1", ("Lease",), "coordination.k8s.io/v1"),
    ("node.k8s.io/v1beta1", ("RuntimeClass",), "node.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", ("APIService",), "apiregistration.k8s.io/v1"),
    ("discovery.k8s.io/v1beta1", ("EndpointSlice",), "discovery.k8s.io/v1"),
    ("autoscaling/v2beta2", ("HorizontalPodAutoscaler",), "autoscaling/v2"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", ("FlowSchema",), "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", ("FlowSchema",), "flowcontrol.apiserver.k8s.io/v1"),
    (f"{_ADMISSION}/v1beta1", ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"), f"{_ADMISSION}/v1"),
    ("resource.k8s.io/v1beta2", ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"), "resource.k8s.io/v1"),
)
_STABLE = re.compile(r"(?:[a-z0-9.-]+/)?v[0-9]+")


def version(fault: Fault) -> Proposal | None:
    """Write the successor of a version that is no longer served, or the one version of a kind in place of one that never was."""
    place = fault.place("apiVersion")
    new = successors().get((fault.api_version, fault.kind)) or (
        _only_version(fault) if _STABLE.fullmatch(fault.api_version.lower()) else ""
    )
    if place is None or not new or new == fault.api_version or not fault.known.knows(new, fault.kind) or _reads_otherwise(fault):
        return None
    operation = put(fault.tree, place, new)
    return Proposal(operation, "apiVersion", f"wrote {fault.api_version} as {new}", whole=True) if operation else None


def missing_version(fault: Fault) -> Proposal | None:
    """Add the apiVersion of a kind that is served in one version only."""
    new = _only_version(fault) if fault.finding.path == "apiVersion" else ""
    empty, kind = fault.place("apiVersion"), fault.place("kind")
    if not new or kind is None:
        return None
    operation = put(fault.tree, empty, new) if empty else insert(fault.tree, kind.first, {"apiVersion": new})
    return Proposal(operation, "apiVersion", f"added apiVersion {new}", whole=True) if operation else None


def kind(fault: Fault) -> Proposal | None:
    """Write a kind as its API spells it."""
    place = fault.place("kind")
    known = [one.kind for one in fault.known.kinds() if one.api_version == fault.api_version]
    name = meant(fault.kind, known) if fault.finding.path == "kind" else ""
    operation = put(fault.tree, place, name) if place and name else None
    sure = bool(same_but_for_case(fault.kind, known))
    return Proposal(operation, "kind", f"wrote kind {fault.kind} as {name}", whole=not sure) if operation else None


def successors() -> Mapping[tuple[str, str], str]:
    """Return the successor of each apiVersion and kind that has one of the same meaning."""
    return {(old, kind): new for old, kinds, new in _SUCCESSORS for kind in kinds}


def _only_version(fault: Fault) -> str:
    """Return the one stable version that serves the kind, or ""."""
    found = {one.api_version for one in fault.known.kinds() if one.kind == fault.kind and _STABLE.fullmatch(one.api_version)}
    return found.pop() if len(found) == 1 else ""


def _reads_otherwise(fault: Fault) -> bool:
    """Return whether the object would mean something else: an empty selector of a budget chose no pod, and now chooses all."""
    return fault.kind == "PodDisruptionBudget" and not table(table(fault.object.get("spec")).get("selector"))
