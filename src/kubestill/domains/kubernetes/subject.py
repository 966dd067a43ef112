"""What the rules look at: parsed objects with the views that many rules share, made once and only when asked for."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from kubestill.domains.kubernetes.manifests import Manifest

# Where a kind keeps its pod template (path of the object that holds `metadata` and `spec`).
POD_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job"), ("spec", "template")),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_PREFIXES = """
admissionregistration apiextensions apiregistration authentication authorization certificates coordination discovery events
flowcontrol.apiserver internal.apiserver networking node rbac.authorization resource scheduling storage storagemigration
"""
BUILT_IN_GROUPS = frozenset(["", "apps", "batch", "autoscaling", "policy", *(f"{name}.k8s.io" for name in _PREFIXES.split())])


def table(value: Any) -> Mapping[str, Any]:
    """Return `value` when it is a mapping, else an empty one: null, and what a custom resource may hold."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the items of a list as mappings (null items as empty ones), or none."""
    return [table(item) for item in value] if isinstance(value, list) else []


class Container:
    """A container with its field path; `role` is containers, initContainers or ephemeralContainers."""

    __slots__ = ("index", "path", "role", "value")

    def __init__(self, value: Mapping[str, Any], parent: str, role: str, index: int) -> None:
        self.value, self.role, self.index = value, role, index
        self.path = f"{parent}.{role}[{index}]"


class Pod:
    """A pod or the template of one. `path` leads to the spec, `template` to what holds it ("" for a Pod)."""

    def __init__(self, owner: str, holder: Mapping[str, Any], template: str) -> None:
        self.owner, self.template = owner, template
        self.metadata, self.spec = table(holder.get("metadata")), table(holder.get("spec"))
        self.path = f"{template}.spec" if template else "spec"

    @cached_property
    def containers(self) -> list[Container]:
        """Return all containers: init ones first, as they start."""
        found = []
        for role in ("initContainers", "containers", "ephemeralContainers"):
            found += [Container(value, self.path, role, index) for index, value in enumerate(rows(self.spec.get(role)))]
        return found

    @cached_property
    def volumes(self) -> list[Mapping[str, Any]]:
        """Return the volumes as they stand."""
        return rows(self.spec.get("volumes"))


class View:
    """One object. `kind` is empty for custom resources, so that no rule takes another group's Ingress for the built-in one."""

    def __init__(self, manifest: Manifest) -> None:
        value = manifest.object
        self.manifest, self.object = manifest, value
        api_version, kind = value.get("apiVersion"), value.get("kind")
        group = api_version.rpartition("/")[0] if isinstance(api_version, str) else "?"
        self.kind: str = kind if isinstance(kind, str) and group in BUILT_IN_GROUPS else ""
        self.metadata, self.spec = table(value.get("metadata")), table(value.get("spec"))

    @cached_property
    def pod(self) -> Pod | None:
        """Return the pod that this object is or makes."""
        steps = POD_TEMPLATES.get(self.kind)
        if steps is None:
            return None
        holder: Mapping[str, Any] = self.object
        for step in steps:
            holder = table(holder.get(step))
        return Pod(self.kind, holder, ".".join(steps))


class Subject:
    """The objects that are judged together."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self.views = [View(manifest) for manifest in manifests]

    @cached_property
    def pods(self) -> list[tuple[str, Pod]]:
        """Return every pod with the prefix of its object's paths."""
        return [(self.prefix(index), view.pod) for index, view in enumerate(self.views) if view.pod is not None]

    def prefix(self, index: int) -> str:
        """Return what stands before the field paths of an object: nothing where there is only one."""
        return f"[{index}]." if len(self.views) > 1 else ""

    def of(self, kinds: frozenset[str] | None) -> Iterator[tuple[str, View]]:
        """Yield the objects of some kinds (None: all) with the prefix of their paths."""
        for index, view in enumerate(self.views):
            if kinds is None or view.kind in kinds:
                yield self.prefix(index), view
