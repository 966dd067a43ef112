"""Rules about names, namespaces, labels and annotations."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import DEPLOYMENT, POD, head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import View, rows, table

_ANNOTATION_BYTES = 256 * 1024  # apimachinery: TotalAnnotationSizeLimitB
_ROLES = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
# A StatefulSet's pods have host names made of its own; a Service may start with a digit since 1.36 (RelaxedServiceNameValidation).
_LABELS = frozenset({"Namespace", "Service", "StatefulSet"})
_NAME_LIMITS = {"CronJob": 52, "Job": 63}  # pods and labels are named after them, and need room for a suffix


class NameGiven(ObjectRule):
    """Every object needs a name, or a generateName that the server completes."""

    code, remedy = "K8S101", "Add metadata.name."
    bad = ("apiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    team: a\n", "apiVersion: v1\nkind: Namespace\n")
    good = (head("v1", "Namespace"), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: job-\n")

    def faults(self, view: View) -> Faults:
        """Look for metadata.name."""
        if not view.metadata.get("name") and not view.metadata.get("generateName"):
            yield "metadata.name", "name or generateName is required"


class NameFormat(ObjectRule):
    """Names become DNS names, so most kinds allow lower-case letters, digits, "-" and "." only; some are stricter."""

    code, remedy = "K8S102", "Use lower-case letters, digits and '-', with a letter or digit at both ends."
    bad = (head("v1", "ConfigMap", "My_Config"), head("v1", "Namespace", "team.a"), head("v1", "Service", "a.b"))
    good = (head("v1", "ConfigMap", "my.config"), head("rbac.authorization.k8s.io/v1", "Role", "system:Pod_Reader") + "rules: []\n")

    def faults(self, view: View) -> Faults:
        """Compare the name with the format of its kind."""
        name, prefix = view.metadata.get("name"), view.metadata.get("generateName")
        if isinstance(name, str) and name:
            limit = _NAME_LIMITS.get(view.kind, 253)
            fault = self.fault(view.kind, name) or (f"has more than {limit} characters" if len(name) > limit else "")
            if fault:
                yield "metadata.name", f"{name!r} {fault}"
        elif isinstance(prefix, str) and prefix and (fault := self.fault(view.kind, prefix.rstrip("-.") or prefix)):
            yield "metadata.generateName", f"{prefix!r} {fault}"

    @staticmethod
    def fault(kind: str, name: str) -> str:
        """Return what is wrong with the name of an object of this kind."""
        if kind in _ROLES or not kind:
            return formats.path_segment(name)
        return formats.dns_label(name) if kind in _LABELS else formats.dns_subdomain(name)


class NamespaceFormat(ObjectRule):
    """A namespace is one DNS label."""

    code, remedy = "K8S103", "Use lower-case letters, digits and '-' in metadata.namespace."
    bad = (head("v1", "ConfigMap") + "  namespace: Team_A\n",)
    good = (head("v1", "ConfigMap") + "  namespace: team-a\n",)

    def faults(self, view: View) -> Faults:
        """Look at metadata.namespace."""
        namespace = view.metadata.get("namespace")
        if isinstance(namespace, str) and namespace and (fault := formats.dns_label(namespace)):
            yield "metadata.namespace", f"{namespace!r} {fault}"


def _maps(view: View, name: str) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield the labels or annotations of the object and of its pod template."""
    if found := view.metadata.get(name):
        yield f"metadata.{name}", table(found)
    pod = view.pod
    if pod is not None and pod.template and (found := pod.metadata.get(name)):
        yield f"{pod.template}.metadata.{name}", table(found)


_OWNED = head("v1", "ConfigMap") + "  ownerReferences:\n"


class Owners(ObjectRule):
    """An owner reference says all four: apiVersion, kind, name and uid; one owner at most is the controller."""

    code, remedy = "K8S104", "Fill in apiVersion, kind, name and uid, or leave ownerReferences to the controller."
    bad = (
        _OWNED + "  - {apiVersion: v1, kind: Pod, name: web, uid: ''}\n",
        _OWNED + "".join(f"  - {{apiVersion: v1, kind: Pod, name: {name}, uid: {name}, controller: true}}\n" for name in "ab"),
    )
    good = (_OWNED + "  - {apiVersion: v1, kind: Pod, name: web, uid: 0a-1b}\n",)

    def faults(self, view: View) -> Faults:
        """Look at every reference."""
        controllers = 0
        for index, owner in enumerate(rows(view.metadata.get("ownerReferences"))):
            controllers += bool(owner.get("controller"))
            if owner.get("controller") and controllers == 2:
                yield "metadata.ownerReferences", "two owners are the controller"
            for name in ("apiVersion", "kind", "name", "uid"):
                if not owner.get(name):
                    yield f"metadata.ownerReferences[{index}].{name}", f"{name} is required"


_FINALIZED = head("v1", "ConfigMap") + "  finalizers: "
_STANDARD = ("kubernetes", "orphan", "foregroundDeletion")


class Finalizers(ObjectRule):
    """A finalizer is called by its owner's domain, a slash and a name; Kubernetes' own have none, and two of them are contrary."""

    code, remedy = "K8S105", "Name it like example.com/cleanup, or remove it."
    bad = (_FINALIZED + "[cleanup]\n", _FINALIZED + "[example.com/my cleanup]\n", _FINALIZED + "[orphan, foregroundDeletion]\n")
    good = (_FINALIZED + "[example.com/cleanup, kubernetes]\n",)

    def faults(self, view: View) -> Faults:
        """Look at every finalizer."""
        given = view.metadata.get("finalizers")  # of a custom resource without a schema it may be anything
        names = [name if isinstance(name, str) else "" for name in given] if isinstance(given, list) else []
        for index, name in enumerate(names):
            plain = view.kind not in ("", "CustomResourceDefinition", "APIService") and "/" not in name
            if fault := formats.qualified_name(name):
                yield f"metadata.finalizers[{index}]", f"{name!r} {fault}"
            elif plain and name not in _STANDARD:
                yield f"metadata.finalizers[{index}]", f"{name!r} has no domain, and is none of {', '.join(_STANDARD)}"
        if {"orphan", "foregroundDeletion"} <= set(names):
            yield "metadata.finalizers", "orphan and foregroundDeletion exclude each other"


class LabelKeys(ObjectRule):
    """A label key is an optional DNS prefix with "/", then at most 63 letters, digits, "-", "_" and "."."""

    code, remedy = "K8S110", "Rename the label."
    bad = (POD.replace("spec:", "  labels:\n    my app: web\nspec:"), head("v1", "ConfigMap") + "  labels:\n    a/b/c: x\n")
    good = (head("v1", "ConfigMap") + "  labels:\n    app.kubernetes.io/name: web\n    App_1: web\n",)

    def faults(self, view: View) -> Faults:
        """Look at every label's key."""
        for path, labels in _maps(view, "labels"):
            for key in labels:
                if fault := formats.qualified_name(key):
                    yield field(path, key), f"label key {key!r} {fault}"


class LabelValues(ObjectRule):
    """A label value is empty or has at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends."""

    code, remedy = "K8S111", "Shorten or rename the value, or make it an annotation."
    bad = (
        head("v1", "ConfigMap") + "  labels:\n    app: my app\n",
        DEPLOYMENT.replace("app: web\n    spec", "app: web\n        note: a/b\n    spec"),
    )
    good = (head("v1", "ConfigMap") + "  labels:\n    app: ''\n    version: v1.2_3\n",)

    def faults(self, view: View) -> Faults:
        """Look at every label's value."""
        for path, labels in _maps(view, "labels"):
            for key, value in labels.items():
                if isinstance(value, str) and (fault := formats.label_value(value)):
                    yield field(path, key), f"label value {value!r} {fault}"


class Annotations(ObjectRule):
    """Annotation keys have the format of label keys (any case); all values together stay within 256 KiB."""

    code, remedy = "K8S112", "Rename the annotation, or store large data elsewhere."
    bad = (head("v1", "ConfigMap") + "  annotations:\n    my note: x\n",)
    good = (head("v1", "ConfigMap") + "  annotations:\n    example.com/note: any text at all, of any kind!\n",)

    def faults(self, view: View) -> Faults:
        """Look at every annotation's key, and at the sum of lengths."""
        for path, annotations in _maps(view, "annotations"):
            for key in annotations:
                if fault := formats.qualified_name(key.lower()):
                    yield field(path, key), f"annotation key {key!r} {fault}"
            total = sum(len(str(key)) + len(str(value)) for key, value in annotations.items())
            if total > _ANNOTATION_BYTES:
                yield path, f"annotations hold {total:,} characters; the limit is {_ANNOTATION_BYTES:,}"


class ServedVersion(ObjectRule):
    """Alpha and beta versions of the built-in groups are off unless a cluster's administrator turns them on (since 1.24)."""

    code, remedy = "K8S113", "Use the stable version of the API."
    bad = ("apiVersion: resource.k8s.io/v1beta1\nkind: DeviceClass\nmetadata:\n  name: gpu\nspec: {}\n",)
    good = ("apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata:\n  name: gpu\nspec: {}\n",)

    def faults(self, view: View) -> Faults:
        """Look at the version of built-in kinds."""
        version = str(view.object.get("apiVersion")).rpartition("/")[2]
        if view.kind and ("alpha" in version or "beta" in version):
            yield "apiVersion", f"{view.object['apiVersion']} is not served unless a cluster turns it on"
