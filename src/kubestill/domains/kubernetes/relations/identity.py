"""Relations about names: what stands twice, what lives nowhere, and workloads that take each other's pods for their own."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import DAEMON, head
from kubestill.domains.kubernetes.checks.selectors import satisfied
from kubestill.domains.kubernetes.relations.entries import Entry
from kubestill.domains.kubernetes.relations.examples import CONFIG_MAP, DEPLOYMENT, SECRET, together
from kubestill.domains.kubernetes.relations.index import Index
from kubestill.domains.kubernetes.relations.pods import Made, label_selector, plain_selector
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Faults, Places, Relation

_SHOP = CONFIG_MAP.replace("name: web", "name: web\n  namespace: shop")


class Twice(Relation):
    """Two objects of one set have the same kind, namespace and name: applied together, the last one replaces the others in silence.

    In an open set only one file, or the files of one Kustomization, are taken to be applied together: others may be variants.
    """

    code, remedy, severity = "K8S601", "Keep one of them, or rename one.", "error"
    bad = (together(CONFIG_MAP, CONFIG_MAP.replace("red", "blue")), together(DEPLOYMENT, DEPLOYMENT))
    good = (together(CONFIG_MAP, _SHOP), together(CONFIG_MAP, SECRET), together(CONFIG_MAP, CONFIG_MAP.replace("name: web", "name: api")))

    def faults(self, index: Index) -> Faults:
        """Remember each name; the later object is told."""
        first: dict[tuple[str, ...], Entry] = {}
        for entry in index.everything():
            before = first.setdefault((entry.kind, entry.name, *index.beside(entry)), entry) if entry.name else entry
            if before is not entry:
                yield entry, "metadata.name", f"{entry.title} stands already at {_place(before, entry)}"


def _place(entry: Entry, told_of: Entry) -> str:
    line = f"line {entry.view.manifest.line}"
    return line if entry.file == told_of.file else f"{entry.file}, {line}"


class NamespaceDeclared(Relation):
    """An object lives in a namespace that neither the cluster has nor a Namespace of the set makes: the API server will refuse it.

    Told in a closed set, and where the cluster's namespaces are known: others may be made by other means.
    """

    code, version, missing = "K8S602", 2, True
    remedy = "Add the Namespace, correct metadata.namespace, or name it among the namespaces that the cluster has."
    bad = (_SHOP, together(head("v1", "Namespace", "shops"), _SHOP))
    good = (
        together(head("v1", "Namespace", "shop"), _SHOP),
        CONFIG_MAP,
        CONFIG_MAP.replace("name: web", "name: web\n  namespace: default"),
    )

    def faults(self, index: Index) -> Faults:
        """Look at every namespace that is named."""
        if not self.knows(index):
            return
        for entry in index.everything():
            if entry.fixed and (message := index.homeless(entry)):
                yield entry, "metadata.namespace", message

    def knows(self, index: Index) -> bool:
        """A cluster's namespaces are known by themselves, too."""
        return index.closed or bool(index.namespaces)


class Overlap(EntryRelation):
    """A workload's selector also selects the pods of another: autoscaling, `kubectl logs` and metrics then mix the two up.

    Controllers own their pods by reference, so none is lost; Kubernetes still asks that selectors do not overlap.
    """

    code, remedy = "K8S603", "Give each workload a label of its own, in its selector and its template."
    kinds = ("Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicationController")
    bad = (together(DEPLOYMENT, DEPLOYMENT.replace("name: web", "name: api", 1)), together(DEPLOYMENT, DAEMON))
    good = (
        together(DEPLOYMENT, DEPLOYMENT.replace("name: web", "name: api", 1).replace("app: web", "app: api")),
        together(DEPLOYMENT, DEPLOYMENT.replace("name: web", "name: web\n  namespace: shop", 1)),
    )

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look for pods of others that the selector selects; of two workloads that take each other's, the later one is told."""
        selector = workload_selector(entry)
        for other in (made.entry for made in index.pick(entry, selector).made) if selector else ():
            same = (other.kind, other.name) == (entry.kind, entry.name)  # itself, or what K8S601 tells of
            if same or other.kind not in self.kinds or index.beside(other) != index.beside(entry):
                continue
            if other.number < entry.number or not _selects(other, entry):
                yield "spec.selector", f"also selects the pods of {other.title}"
                return


def workload_selector(entry: Entry) -> Mapping[str, Any] | None:
    """Return the selector of a workload; None where it has none that can be judged."""
    value = entry.view.spec.get("selector")
    return plain_selector(value) if entry.kind == "ReplicationController" else label_selector(value)


def _selects(entry: Entry, other: Entry) -> bool:
    selector, pod = workload_selector(entry), other.view.pod
    return bool(selector and pod and satisfied(selector, Made.of(other, pod).labels))
