"""Rules about label selectors, and that a workload selects its own pods."""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import DEPLOYMENT, POD, SERVICE, head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import POD_TEMPLATES, View, rows, table

# What holds no label selector; a quota's scopeSelector has terms of its own.
_OPAQUE = frozenset({"data", "stringData", "binaryData", "annotations", "labels", "env", "args", "command", "status", "scopeSelector"})
_TERM = "      - labelSelector:\n          matchExpressions:\n"


def _selectors(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield every object with matchLabels or matchExpressions below `value`, and whether it selects nodes.

    Places are kept as steps and spelled only where something is found: most of an object is no selector.
    """
    left: list[tuple[Any, tuple[str | int, ...], bool]] = [(value, (), False)]
    while left:
        part, steps, node = left.pop()
        if type(part) is dict:
            if "matchLabels" in part or "matchExpressions" in part:
                yield reduce(field, steps, path), part, node
            for key, below in part.items():
                if below and type(below) in (dict, list) and key not in _OPAQUE:
                    left.append((below, (*steps, key), node or key == "nodeAffinity" or key.startswith("nodeSelector")))
        else:
            left.extend((below, (*steps, index), node) for index, below in enumerate(part) if type(below) is dict)


def satisfied(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Return whether labels satisfy a label selector."""
    if any(labels.get(key) != value for key, value in table(selector.get("matchLabels")).items()):
        return False
    for term in rows(selector.get("matchExpressions")):
        operator, key, values = term.get("operator"), term.get("key") or "", term.get("values") or ()
        present, value = key in labels, labels.get(key)
        if (operator == "In" and value not in values) or (operator == "NotIn" and present and value in values):
            return False
        if (operator == "Exists" and not present) or (operator == "DoesNotExist" and present):
            return False
    return True


class SelectorTerms(ObjectRule):
    """A selector's keys and values are those of labels; In and NotIn need values, Exists and DoesNotExist have none."""

    code, remedy = "K8S115", "Correct the key, the operator (In, NotIn, Exists, DoesNotExist) or the values."
    bad = (
        head("policy/v1", "PodDisruptionBudget") + "spec:\n  minAvailable: 1\n  selector:\n    matchExpressions:\n"
        "    - key: app\n      operator: In\n",
        head("policy/v1", "PodDisruptionBudget") + "spec:\n  minAvailable: 1\n  selector:\n    matchLabels:\n      app: a b\n",
        POD
        + "  affinity:\n    podAntiAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n"
        + _TERM
        + "          - {key: app, operator: Equals, values: [web]}\n        topologyKey: kubernetes.io/hostname\n",
    )
    good = (
        POD
        + "  affinity:\n    podAntiAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n"
        + _TERM
        + "          - {key: app, operator: In, values: [web]}\n        topologyKey: kubernetes.io/hostname\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every label selector of a built-in object."""
        if not view.kind or view.kind == "CustomResourceDefinition":
            return
        for path, selector, node in _selectors(view.spec or _outside_spec(view), "spec" if view.spec else ""):
            for key, value in table(selector.get("matchLabels")).items():
                fault = formats.qualified_name(key) or (formats.label_value(value) if isinstance(value, str) else "")
                if fault:
                    yield field(f"{path}.matchLabels", key), f"{key}={value} {fault}"
            for index, term in enumerate(rows(selector.get("matchExpressions"))):
                if fault := _term_fault(term, node):
                    yield f"{path}.matchExpressions[{index}]", fault


def _outside_spec(view: View) -> dict[str, Any]:
    return {key: value for key, value in view.object.items() if key not in ("metadata", "spec")}


def _term_fault(term: Mapping[str, Any], node: bool) -> str:
    operator, values, key = term.get("operator"), term.get("values") or [], term.get("key") or ""
    if fault := formats.qualified_name(key):
        return f"key {key!r} {fault}"
    if operator in ("In", "NotIn"):
        wrong = [fault for value in values if isinstance(value, str) and not node and (fault := formats.label_value(value))]
        return f"a value {wrong[0]}" if wrong else ("" if values else f"operator {operator} needs values")
    if operator in ("Exists", "DoesNotExist"):
        return f"operator {operator} takes no values" if values else ""
    if node and operator in ("Gt", "Lt"):
        return "" if len(values) == 1 else f"operator {operator} takes exactly one value"
    known = "In, NotIn, Exists, DoesNotExist" + (", Gt, Lt" if node else "")
    return f"operator {operator!r} is unknown; expected one of {known}"


class PlainSelectors(ObjectRule):
    """A Service's selector and a pod's nodeSelector are plain labels."""

    code, remedy = "K8S116", "Write keys and values as labels have them."
    kinds = frozenset({*POD_TEMPLATES, "Service"})
    bad = (SERVICE.replace("app: web", "app: my web") + "  ports:\n  - port: 80\n", POD + "  nodeSelector:\n    disk type: ssd\n")
    good = (SERVICE + "  ports:\n  - port: 80\n", POD + "  nodeSelector:\n    disktype: ssd\n")

    def faults(self, view: View) -> Faults:
        """Look at the map."""
        maps = [("spec.selector", view.spec.get("selector"))] if view.kind in ("Service", "ReplicationController") else []
        if view.pod is not None and view.pod.spec.get("nodeSelector"):
            maps.append((f"{view.pod.path}.nodeSelector", view.pod.spec["nodeSelector"]))
        for path, labels in maps:
            for key, value in table(labels).items():
                fault = formats.qualified_name(key) or (formats.label_value(value) if isinstance(value, str) else "")
                if fault:
                    yield field(path, key), f"{key}={value} {fault}"


class SelectsItsPods(ObjectRule):
    """A workload whose selector does not match its own template's labels would make pods for ever: the server refuses it."""

    code, remedy = "K8S117", "Make spec.selector and the template's labels agree; the selector cannot be empty."
    kinds = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"})
    bad = (
        DEPLOYMENT.replace("      app: web\n  template", "      app: api\n  template"),
        DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: web\n", "  selector: {}\n"),
    )
    good = (DEPLOYMENT, DEPLOYMENT.replace("        app: web\n", "        app: web\n        tier: front\n"))

    def faults(self, view: View) -> Faults:
        """Compare the selector with the template's labels."""
        labels = table(view.pod.metadata.get("labels")) if view.pod else {}
        selector = table(view.spec.get("selector"))
        if view.kind == "ReplicationController":
            if selector and any(labels.get(key) != value for key, value in selector.items()):
                yield "spec.template.metadata.labels", "the selector does not match the template's labels"
            elif not selector and not labels:
                yield "spec.selector", "a selector, or labels on the template, is required"
        elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield "spec.selector", "an empty selector would select every pod"
        elif not satisfied(selector, labels):
            yield "spec.template.metadata.labels", "the selector does not match the template's labels"
