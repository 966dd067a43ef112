"""Rules about quotas, limit ranges and priorities."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import View, rows, table

_QUOTA, _RANGE = head("v1", "ResourceQuota") + "spec:\n", head("v1", "LimitRange") + "spec:\n  limits:\n"
_CLASS = head("scheduling.k8s.io/v1", "PriorityClass", "high")
_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_HIGHEST = 1_000_000_000  # scheduling.HighestUserDefinablePriority
_NAMES = frozenset(
    [
        "cpu",
        "memory",
        "ephemeral-storage",
        "storage",
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
    ]
)


class QuotaAmounts(ObjectRule):
    """A quota counts resources that Kubernetes knows, or names with a prefix; no amount is negative, and counts are whole."""

    code, remedy = "K8S220", "Correct the resource's name or amount (requests.cpu, limits.memory, pods, count/deployments.apps ...)."
    kinds = frozenset({"ResourceQuota"})
    bad = (_QUOTA + "  hard: {pods: -1}\n", _QUOTA + "  hard: {request.cpu: 1}\n", _QUOTA + "  hard: {pods: 500m}\n")
    good = (_QUOTA + "  hard: {requests.cpu: 1500m, pods: 10, count/deployments.apps: 5, requests.nvidia.com/gpu: 2}\n",)

    def faults(self, view: View) -> Faults:
        """Look at every entry."""
        for name, value in table(view.spec.get("hard")).items():
            path, quantity = field("spec.hard", name), formats.amount(value)
            if fault := formats.qualified_name(name):
                yield path, f"{name!r} {fault}"
            elif "/" not in name and name not in _NAMES and not name.removeprefix("requests.").startswith("hugepages-"):
                yield path, f"{name!r} is no resource that a quota can count"
            elif quantity is not None and quantity < 0:
                yield path, f"found {value}, expected no negative amount"
            elif quantity is not None and quantity.denominator != 1 and _counted(name):
                yield path, f"found {value}, expected a whole number"


def _counted(name: str) -> bool:
    """Return whether a quota counts objects or devices: those come whole."""
    if "/" in name:
        return not name.partition("/")[0].endswith("kubernetes.io") and not name.startswith("requests.")
    return name in _COUNTED or name.startswith("services.")


_COUNTED = frozenset("pods services secrets configmaps replicationcontrollers resourcequotas persistentvolumeclaims".split())
_COMPUTED = frozenset("cpu memory requests.cpu requests.memory limits.cpu limits.memory".split())
_ONLY_EXISTS = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity")
_EXCLUDE = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_SCOPED = _QUOTA + "  hard: {pods: 1}\n  scopeSelector:\n    matchExpressions:\n    - "


class QuotaScopes(ObjectRule):
    """A quota's scopes do not contradict each other, count what has such a scope, and use the operators that the scope takes."""

    code, remedy = "K8S223", "Keep one of two contrary scopes; count pods, cpu and memory; use Exists, or In with values for PriorityClass."
    kinds = frozenset({"ResourceQuota"})
    bad = (
        _QUOTA + "  hard: {pods: 1}\n  scopes: [BestEffort, NotBestEffort]\n",
        _QUOTA + "  hard: {services: 1}\n  scopes: [Terminating]\n",
        _QUOTA + "  hard: {requests.cpu: 1}\n  scopes: [BestEffort]\n",
        _SCOPED + "{scopeName: PriorityClass, operator: In}\n",
        _SCOPED + "{scopeName: Terminating, operator: In, values: [a]}\n",
        _SCOPED + "{scopeName: PriorityClass, operator: Exists, values: [a]}\n",
    )
    good = (_SCOPED + "{scopeName: PriorityClass, operator: In, values: [high]}\n", _QUOTA + "  hard: {pods: 1}\n  scopes: [BestEffort]\n")

    def faults(self, view: View) -> Faults:
        """Look at both ways to say a scope."""
        plain = [(f"spec.scopes[{index}]", name) for index, name in enumerate(view.spec.get("scopes") or ())]
        terms = rows(table(view.spec.get("scopeSelector")).get("matchExpressions"))
        path = "spec.scopeSelector.matchExpressions"
        for where, scopes in (
            ("spec.scopes", plain),
            (path, [(f"{path}[{n}].scopeName", t.get("scopeName")) for n, t in enumerate(terms)]),
        ):
            names = {name for _, name in scopes}
            for pair in _EXCLUDE:
                if names.issuperset(pair):
                    yield where, f"{pair[0]} and {pair[1]} exclude each other"
            for place, name in scopes:
                wrong = [resource for resource in table(view.spec.get("hard")) if resource in _NAMES and not _in_scope(resource, name)]
                if wrong:
                    yield place, f"scope {name} does not apply to {wrong[0]!r}"
        for index, term in enumerate(terms):
            yield from self._operator(term, f"{path}[{index}]")

    @staticmethod
    def _operator(term: Any, path: str) -> Faults:
        operator, values = term.get("operator"), term.get("values") or []
        if term.get("scopeName") in _ONLY_EXISTS and operator != "Exists":
            yield f"{path}.operator", f"scope {term['scopeName']} takes Exists only"
        elif operator in ("In", "NotIn") and not values:
            yield f"{path}.values", f"operator {operator} needs values"
        elif operator in ("Exists", "DoesNotExist") and values:
            yield f"{path}.values", f"operator {operator} takes no values"


def _in_scope(resource: str, scope: Any) -> bool:
    """Return whether a quota with a scope can count a resource (core/helper: IsResourceQuotaScopeValidForResource)."""
    if scope == "BestEffort":
        return resource == "pods"
    if scope in ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"):
        return resource == "pods" or resource in _COMPUTED
    return True


class LimitOrder(ObjectRule):
    """For each resource min <= defaultRequest <= default <= max; a Pod's item has no defaults; no type stands twice."""

    code, remedy = "K8S221", "Order the amounts: min <= defaultRequest <= default <= max."
    kinds = frozenset({"LimitRange"})
    bad = (
        _RANGE + "  - {type: Container, max: {cpu: 1}, min: {cpu: 2}}\n",
        _RANGE + "  - {type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 1}}\n",
        _RANGE + "  - {type: Pod, default: {cpu: 1}}\n",
        _RANGE + "  - {type: Container, max: {cpu: 1}}\n  - {type: Container, min: {cpu: 1}}\n",
        _RANGE + "  - {type: Container, maxLimitRequestRatio: {cpu: 500m}}\n",
        _RANGE + "  - {type: Container, max: {gpu: 1}}\n",
        _RANGE + "  - {type: Container, max: {cpu: 2}, min: {cpu: 1}, maxLimitRequestRatio: {cpu: 3}}\n",
    )
    good = (_RANGE + "  - {type: Container, max: {cpu: 2}, default: {cpu: 1}, defaultRequest: {cpu: 100m}, min: {cpu: 50m}}\n",)

    def faults(self, view: View) -> Faults:
        """Look at every item."""
        seen = set()
        for index, item in enumerate(rows(view.spec.get("limits"))):
            path, kind = f"spec.limits[{index}]", item.get("type")
            if kind in seen:
                yield f"{path}.type", f"type {kind} stands twice"
            seen.add(kind)
            if kind == "Pod" and (item.get("default") or item.get("defaultRequest")):
                yield f"{path}.default", "type Pod takes no defaults"
            if kind == "PersistentVolumeClaim" and not any("storage" in table(item.get(part)) for part in ("min", "max")):
                yield path, "type PersistentVolumeClaim needs min or max of storage"
            for part in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
                for name in table(item.get(part)):
                    if fault := _limited(kind, name):
                        yield field(f"{path}.{part}", name), fault
            yield from _order_faults(item, path)


def _limited(kind: Any, name: str) -> str:
    """Return what is wrong with a resource that a LimitRange of a type names."""
    if fault := formats.qualified_name(name):
        return f"{name!r} {fault}"
    if "/" in name or name.startswith("hugepages-"):
        return ""
    known = {"Container": _STANDARD, "Pod": _STANDARD}.get(kind, _NAMES)
    return "" if name in known else f"{name!r} is no standard resource of type {kind}"


def _order_faults(item: Any, path: str) -> Faults:
    steps = ("min", "defaultRequest", "default", "max")
    for name in sorted({name for step in steps for name in table(item.get(step))}):
        known: list[tuple[str, Fraction]] = []
        for step in steps:
            quantity = formats.amount(table(item.get(step)).get(name))
            if quantity is not None:
                known.append((step, quantity))
        for (low, less), (high, more) in pairwise(known):
            if less > more:
                yield field(f"{path}.{low}", name), f"{low} is more than {high}"
    for name, value in table(item.get("maxLimitRequestRatio")).items():
        quantity = formats.amount(value)
        if quantity is not None and quantity < 1:
            yield field(f"{path}.maxLimitRequestRatio", name), f"found {value}, expected at least 1"
        least, most = (formats.amount(table(item.get(part)).get(name)) for part in ("min", "max"))
        if quantity is not None and least and most and quantity > most / least:
            yield field(f"{path}.maxLimitRequestRatio", name), f"found {value}, more than max/min ({float(most / least):g})"


class PriorityValue(ObjectRule):
    """A PriorityClass of one's own has a value up to a billion; names that start with system- are the system's."""

    code, remedy = "K8S222", "Use a value up to 1000000000 and a name without system-."
    kinds = frozenset({"PriorityClass"})
    bad = (_CLASS + "value: 1000000001\n", head("scheduling.k8s.io/v1", "PriorityClass", "system-mine") + "value: 5\n")
    good = (_CLASS + "value: 1000000\n", _CLASS + "value: -5\n")

    def faults(self, view: View) -> Faults:
        """Look at name and value."""
        name, value = view.metadata.get("name") or "", view.object.get("value") or 0
        if name in ("system-cluster-critical", "system-node-critical"):
            return
        if name.startswith("system-"):
            yield "metadata.name", "names that start with system- are reserved"
        elif value > _HIGHEST:
            yield "value", f"found {value}, expected at most {_HIGHEST}"
