"""Fixes of selectors and bindings: what has one value only, given the rest of the object."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal
from kubestill.domains.kubernetes.fixes.fields import parent
from kubestill.domains.kubernetes.fixes.operations import Operation, insert, put
from kubestill.domains.kubernetes.fixes.values import ruled
from kubestill.domains.kubernetes.subject import table

RBAC_GROUP = "rbac.authorization.k8s.io"
_SELECTING = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
_LABELS = "spec.template.metadata.labels"


def selector(fault: Fault) -> Proposal | None:
    """Select a workload's pods by all labels of its template: what the server did where none was given (before apps/v1).

    Only if the object is whole with it, and the labels are known to be the workload's own: one has its name, or is on the object too.
    Of a patch, or what kustomize gives labels and selector later, nothing is certain.
    """
    labels = _template_labels(fault)
    if fault.finding.path != "spec.selector" or fault.kind not in _SELECTING:
        return None
    if not all(isinstance(value, str) for value in labels.values()) or not _own(fault, labels):
        return None
    if any(one.code == "K8S022" and parent(one.path) == "spec" for one in fault.others):
        return None  # the selector may be there under a misspelt name
    value, there, template = {"matchLabels": dict(labels)}, fault.place("spec.selector"), fault.place("spec.template")
    if there is not None:
        operation = put(fault.tree, there, value)
    else:
        operation = insert(fault.tree, template, {"selector": value}) if template else None
    return Proposal(operation, "spec.selector", "added the selector of the template's labels", whole=True) if operation else None


def agree(fault: Fault) -> Proposal | None:
    """Give the template the labels that the selector asks for, where it lacks them; a label of another value is left.

    Only if the object is whole with them, as with a missing selector.
    """
    if fault.finding.path == "spec.selector":
        return selector(fault)
    asked, labels = table(fault.object.get("spec")).get("selector"), _template_labels(fault)
    asked = table(asked) if fault.kind == "ReplicationController" else table(table(asked).get("matchLabels"))
    lacking = {name: value for name, value in asked.items() if name not in labels}
    if not lacking or any(labels.get(name, value) != value for name, value in asked.items()):
        return None
    operation = _add_labels(fault, lacking)
    words = f"added {', '.join(lacking)}: the selector asks for that"
    return Proposal(operation, _LABELS, words, whole=True) if operation else None


def group(fault: Fault) -> Proposal | None:
    """Write the API group of roles, in a reference or a subject; that of a ServiceAccount is empty."""
    path = fault.finding.path
    if not path.endswith(".apiGroup"):
        return ruled(fault)
    there, holder = fault.place(path), fault.place(f"{parent(path)}.kind")
    account = holder is not None and holder.node.value == "ServiceAccount"
    value = "" if account else RBAC_GROUP
    operation = put(fault.tree, there, value) if there else None
    return Proposal(operation, path, f"wrote apiGroup {value!r}") if operation else None


def _own(fault: Fault, labels: Mapping[str, Any]) -> bool:
    metadata = table(fault.object.get("metadata"))
    here = table(metadata.get("labels"))
    return metadata.get("name") in labels.values() or any(here.get(name) == value for name, value in labels.items())


def _template_labels(fault: Fault) -> Mapping[str, Any]:
    template = table(table(fault.object.get("spec")).get("template"))
    return table(table(template.get("metadata")).get("labels"))


def _add_labels(fault: Fault, labels: Mapping[str, Any]) -> Operation | None:
    """Add labels to the template, with the maps that hold them where they are not there."""
    there, metadata, spec = (fault.place(path) for path in (_LABELS, "spec.template.metadata", "spec.template.spec"))
    added = dict(labels)
    if there is not None:
        last = fault.inside(there)[-1:]
        return insert(fault.tree, last[0], added, after=True) if last else put(fault.tree, there, added)
    if metadata is not None:
        first = fault.inside(metadata)[:1]
        value = {"labels": added}
        return insert(fault.tree, first[0], value) if first else put(fault.tree, metadata, value)
    return insert(fault.tree, spec, {"metadata": {"labels": added}}) if spec else None
