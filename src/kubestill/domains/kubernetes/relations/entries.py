"""What stands in a set: each object with the names that others know it by."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.subject import BUILT_IN_GROUPS, View, rows

# Built-in kinds that live in no namespace (the paths of the OpenAPI document; a test holds this against it), and one of the past.
CLUSTER_KINDS = frozenset(
    """
    APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle ComponentStatus
    CustomResourceDefinition DeviceClass DeviceTaintRule FlowSchema IPAddress IngressClass MutatingAdmissionPolicy
    MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace Node PersistentVolume PriorityClass
    PriorityLevelConfiguration ResourcePoolStatusRequest ResourceSlice RuntimeClass SelfSubjectAccessReview SelfSubjectReview
    SelfSubjectRulesReview ServiceCIDR StorageClass StorageVersion StorageVersionMigration SubjectAccessReview TokenReview
    ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment VolumeAttributesClass
    PodSecurityPolicy
    """.split()
)
# Where kinds of the removed group extensions went (Kubernetes documentation, "Deprecated API Migration Guide").
_MOVED = {
    **dict.fromkeys(("Deployment", "DaemonSet", "ReplicaSet"), "apps"),
    **dict.fromkeys(("Ingress", "NetworkPolicy"), "networking.k8s.io"),
    "PodSecurityPolicy": "policy",
}
_KUSTOMIZE = "kustomize.config.k8s.io"


@dataclass(frozen=True, slots=True)
class Member:
    """One object of a set: its manifest, where it goes when it names no namespace, and the path of the file that it was read from."""

    manifest: Manifest
    namespace: str = "default"
    file: str = ""


class Entry:
    """A member as others know it. `kind` is spelt as kubectl does: `Service`, `Deployment.apps`; `name` is empty where none is given.

    `namespace` is empty for what is cluster-scoped; `fixed` tells whether the object names it itself. Objects of one `unit` are
    surely applied together: those of one file, and of the files that one Kustomization lists.
    """

    __slots__ = ("custom", "file", "fixed", "kind", "name", "namespace", "number", "unit", "view")

    def __init__(self, number: int, member: Member, unit: str) -> None:
        view = View(member.manifest)
        group, kind = group_of(view.object.get("apiVersion")), text(view.object.get("kind"))
        if group == "extensions":
            group = _MOVED.get(kind, group)
        self.number, self.view, self.file, self.unit = number, view, member.file, unit
        self.custom = bool(kind) and group not in BUILT_IN_GROUPS
        self.kind = group_kind(group, kind)
        self.name = text(view.metadata.get("name"))
        namespace = text(view.metadata.get("namespace"))
        self.fixed = bool(namespace)
        self.namespace = "" if not self.custom and kind in CLUSTER_KINDS else namespace or member.namespace

    @property
    def title(self) -> str:
        """Return `Deployment 'web'`, as messages call it."""
        return f"{self.kind.partition('.')[0]} {self.name!r}"


def group_kind(group: str, kind: str) -> str:
    """Return how kubectl spells a kind: `Service`, `Deployment.apps`."""
    return f"{kind}.{group}" if group else kind


def group_of(api_version: Any) -> str:
    """Return the group of an apiVersion: "" of "v1", "apps" of "apps/v1"."""
    return text(api_version).rpartition("/")[0]


def text(value: Any) -> str:
    """Return `value` when it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    """Return `value` when it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def labels(value: Any) -> dict[str, str]:
    """Return those labels of a map that the API server could hold: strings by strings."""
    return {key: part for key, part in value.items() if isinstance(part, str)} if isinstance(value, dict) else {}


class Kustomizations:
    """What the Kustomizations of a set say of its files."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._units: dict[str, str] = {}
        self._patches: set[str] = set()
        for member in members:
            value = member.manifest.object
            if member.file and group_of(value.get("apiVersion")) == _KUSTOMIZE:
                folder = posixpath.dirname(member.file)
                self._patches |= {_joined(folder, path) for path in _patches(value)}
                listed = value.get("resources")
                for path in listed if isinstance(listed, list) else ():
                    self._units.setdefault(_joined(folder, text(path)), member.file)

    def is_patch(self, file: str) -> bool:
        """Return whether a file is named as a patch: what it holds is no object of its own."""
        return file in self._patches

    def unit(self, file: str) -> str:
        """Return what files that are applied together share: their Kustomization, or nothing but the file itself."""
        return self._units.get(file, file)


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _patches(value: Mapping[str, Any]) -> Iterator[str]:
    merges = value.get("patchesStrategicMerge")
    yield from (text(path) for path in (merges if isinstance(merges, list) else ()))
    for key in ("patches", "patchesJson6902"):
        yield from (text(patch.get("path")) for patch in rows(value.get(key)))
