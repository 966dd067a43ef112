"""Rules about autoscalers and disruption budgets."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_HPA = head("autoscaling/v2", "HorizontalPodAutoscaler") + "spec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
_METRIC = "  maxReplicas: 5\n  metrics:\n  - type: Resource\n    resource: {name: cpu, target: "
_PDB = head("policy/v1", "PodDisruptionBudget") + "spec:\n  selector: {matchLabels: {app: web}}\n"
# autoscaling/v2 MetricSourceType: the field that holds the source of each type.
_SOURCES = {"Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object", "External": "external"}
_TARGETS = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}


class ReplicaRange(ObjectRule):
    """An autoscaler scales between minReplicas (1 or more) and maxReplicas (not less)."""

    code, remedy = "K8S210", "Set 1 <= minReplicas <= maxReplicas."
    kinds = frozenset({"HorizontalPodAutoscaler"})
    bad = (_HPA + "  minReplicas: 5\n  maxReplicas: 2\n", _HPA + "  maxReplicas: 0\n", _HPA + "  minReplicas: 0\n  maxReplicas: 2\n")
    good = (_HPA + "  minReplicas: 2\n  maxReplicas: 2\n", _HPA + "  maxReplicas: 3\n")

    def faults(self, view: View) -> Faults:
        """Compare the two."""
        least, most = view.spec.get("minReplicas"), view.spec.get("maxReplicas") or 0
        if most < 1:
            yield "spec.maxReplicas", f"found {most}, expected at least 1"
        elif least is not None and least > most:
            yield "spec.maxReplicas", f"found {most}, less than minReplicas ({least})"
        if least is not None and least < 1:
            yield "spec.minReplicas", f"found {least}, expected at least 1"


class ScaleTarget(ObjectRule):
    """An autoscaler names the kind and the name of what it scales."""

    code, remedy = "K8S211", "Set scaleTargetRef.kind and scaleTargetRef.name."
    kinds = frozenset({"HorizontalPodAutoscaler"})
    bad = (_HPA.replace("name: web}", "name: ''}") + "  maxReplicas: 3\n",)
    good = (_HPA + "  maxReplicas: 3\n",)

    def faults(self, view: View) -> Faults:
        """Look at the reference."""
        ref = table(view.spec.get("scaleTargetRef"))
        for name in ("kind", "name"):
            value = ref.get(name) or ""
            if fault := formats.path_segment(value) if value else "is required":
                yield f"spec.scaleTargetRef.{name}", f"{value!r} {fault}" if value else f"a {name} is required"


class Metrics(ObjectRule):
    """A metric has the source that its type names, and one positive target of the type it states."""

    code, remedy = "K8S212", "Give the source named by type, and target.averageUtilization, averageValue or value to match target.type."
    kinds = frozenset({"HorizontalPodAutoscaler"})
    bad = (
        _HPA + _METRIC + "{type: Utilization}}\n",
        _HPA + _METRIC + "{type: Utilization, averageUtilization: 0}}\n",
        _HPA + _METRIC.replace("type: Resource", "type: Pods") + "{type: Utilization, averageUtilization: 50}}\n",
        _HPA + _METRIC + "{type: Utilization, averageUtilization: 50, averageValue: 1}}\n",
    )
    good = (
        _HPA + _METRIC + "{type: Utilization, averageUtilization: 80}}\n",
        _HPA + _METRIC + "{type: AverageValue, averageValue: 500m}}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every metric."""
        for index, metric in enumerate(rows(view.spec.get("metrics"))):
            path, kind = f"spec.metrics[{index}]", metric.get("type")
            if kind not in _SOURCES:
                yield f"{path}.type", f"found {kind!r}, expected one of {', '.join(_SOURCES)}"
                continue
            given = [name for name in _SOURCES.values() if metric.get(name) is not None]
            if given != [_SOURCES[kind]]:
                yield path, f"found {' and '.join(given) or 'no source'}, expected {_SOURCES[kind]} as type says"
                continue
            target = table(table(metric[given[0]]).get("target"))
            yield from _target_faults(target, f"{path}.{given[0]}.target", kind)


def _target_faults(target: Mapping[str, Any], path: str, kind: str) -> Faults:
    wanted = target.get("type")
    if wanted not in _TARGETS:
        yield f"{path}.type", f"found {wanted!r}, expected one of {', '.join(_TARGETS)}"
        return
    for name in _TARGETS.values():
        value = target.get(name)
        quantity = formats.amount(value)
        if quantity is not None and quantity <= 0:
            yield f"{path}.{name}", f"found {value}, expected a positive number"
    utilization, average = target.get("averageUtilization"), target.get("averageValue")
    if kind in ("Resource", "ContainerResource"):
        if utilization is None and average is None:
            yield f"{path}.averageUtilization", "averageUtilization or averageValue is required"
        elif utilization is not None and average is not None:
            yield f"{path}.averageValue", "averageUtilization and averageValue exclude each other"
    elif kind == "Pods" and average is None:
        yield f"{path}.averageValue", "averageValue is required"
    elif kind in ("Object", "External") and average is None and target.get("value") is None:
        yield f"{path}.value", "value or averageValue is required"


class DisruptionBudget(ObjectRule):
    """A budget says what must stay (minAvailable) or what may go (maxUnavailable), not both, as a number or a percentage."""

    code, remedy = "K8S213", "Keep one of minAvailable and maxUnavailable: a number of 0 or more, or a percentage up to 100%."
    kinds = frozenset({"PodDisruptionBudget"})
    bad = (
        _PDB + "  minAvailable: 1\n  maxUnavailable: 1\n",
        _PDB + "  minAvailable: -1\n",
        _PDB + "  maxUnavailable: half\n",
        _PDB + "  minAvailable: 150%\n",
    )
    good = (_PDB + "  minAvailable: 50%\n", _PDB + "  maxUnavailable: 1\n")

    def faults(self, view: View) -> Faults:
        """Look at both."""
        given = [name for name in ("minAvailable", "maxUnavailable") if view.spec.get(name) is not None]
        if len(given) == 2:
            yield "spec", "minAvailable and maxUnavailable exclude each other"
        for name in given:
            value = view.spec[name]
            if fault := formats.count_or_percent(value):
                yield f"spec.{name}", f"{value!r} {fault}"
            elif isinstance(value, str) and int(value[:-1]) > 100:
                yield f"spec.{name}", f"found {value}, expected at most 100%"
