"""Relations of disruption budgets to the pods that they protect."""

from fractions import Fraction
from math import ceil
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.relations.entries import Entry, number
from kubestill.domains.kubernetes.relations.examples import DEPLOYMENT, PDB, together
from kubestill.domains.kubernetes.relations.index import Index
from kubestill.domains.kubernetes.relations.pods import label_selector
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Faults, Places, Relation
from kubestill.domains.kubernetes.relations.services import shown

_BUDGET = ("PodDisruptionBudget.policy",)
_COUNTED = ("Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "ReplicationController")
_THREE = DEPLOYMENT.replace("spec:\n", "spec:\n  replicas: 3\n", 1)


class BudgetSelectsPods(EntryRelation):
    """A PodDisruptionBudget selects no pod of the set: a drain evicts all of them at once."""

    code, remedy, missing = "K8S635", "Make spec.selector agree with the labels of the pod template.", True
    kinds = _BUDGET
    bad = (together(DEPLOYMENT, PDB.replace("app: web", "app: api") + "  maxUnavailable: 1\n"),)
    good = (together(_THREE, PDB + "  maxUnavailable: 1\n"), together(_THREE, PDB + "  minAvailable: 2\n"))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look for pods in the budget's namespace."""
        selector = label_selector(entry.view.spec.get("selector"))
        if selector and index.unmatched(entry, selector):
            yield "spec.selector", f"no pod of the set matches {shown(selector)}"


class BudgetNeverAllows(EntryRelation):
    """A PodDisruptionBudget can never allow an eviction: node drains and cluster upgrades wait for ever."""

    code, remedy = "K8S636", "Allow one: maxUnavailable: 1, or minAvailable below the number of replicas."
    kinds = _BUDGET
    bad = (
        together(DEPLOYMENT, PDB + "  minAvailable: 1\n"),
        together(_THREE, PDB + "  minAvailable: 3\n"),
        together(_THREE, PDB + "  minAvailable: 70%\n"),
        together(_THREE, PDB + "  maxUnavailable: 0\n"),
        together(_THREE, PDB + "  minAvailable: 100%\n"),
    )
    good = (together(_THREE, PDB + "  minAvailable: 2\n"), together(_THREE, PDB + "  minAvailable: 50%\n"), PDB + "  minAvailable: 1\n")

    def judge(self, entry: Entry, index: Index) -> Places:
        """Compare what must stay with how many there can be."""
        least, most = _count(entry.view.spec.get("minAvailable"), 1), entry.view.spec.get("maxUnavailable")
        if _count(most, 1) == 0:
            yield "spec.maxUnavailable", f"{most} lets no pod go"
        elif entry.view.spec.get("minAvailable") == "100%":
            yield "spec.minAvailable", "100% lets no pod go"
        elif least is not None and (replicas := _replicas(entry, index)):
            least = _count(entry.view.spec["minAvailable"], replicas) or 0
            if least >= replicas:
                told = "is all there is" if replicas == 1 else f"of {replicas} replicas lets no pod go"
                yield "spec.minAvailable", f"{entry.view.spec['minAvailable']} {told}"


def _count(value: Any, replicas: int) -> int | None:
    """Return how many pods a number or a percentage means, rounded up as the disruption controller does; None for anything else."""
    if isinstance(value, str):
        share = value[:-1]
        if formats.count_or_percent(value) or len(share) > 9 or not share.isascii():
            return None
        return ceil(Fraction(int(share), 100) * replicas)
    return number(value)


def _replicas(entry: Entry, index: Index) -> int | None:
    """Return how many pods a budget's selector can meet at most; None where nobody can tell."""
    selector = label_selector(entry.view.spec.get("selector"))
    picked = index.pick(entry, selector) if selector else None
    if picked is None or not picked.whole or any(made.entry.kind not in _COUNTED for made in picked.made):
        return None
    total = 0
    for made in picked.made:
        scaler = index.scaled.get(made.entry.number)
        given = scaler.view.spec.get("maxReplicas") if scaler else made.entry.view.spec.get("replicas", 1)
        counted = number(given)
        if not counted or counted < 0:
            return None
        total += counted
    return total


class BudgetsOverlap(Relation):
    """Two PodDisruptionBudgets protect the same pods: the API server then refuses every eviction of them."""

    code, remedy = "K8S637", "Keep one budget for each workload."
    severity = "error"
    bad = (together(_THREE, PDB + "  maxUnavailable: 1\n", PDB.replace("name: web", "name: api") + "  minAvailable: 1\n"),)
    good = (
        together(_THREE, PDB + "  maxUnavailable: 1\n", PDB.replace("name: web", "name: api\n  namespace: api") + "  minAvailable: 1\n"),
    )

    def faults(self, index: Index) -> Faults:
        """Remember which workload has a budget; the later one is told."""
        first: dict[int, Entry] = {}
        for entry in index.of(*_BUDGET):
            selector = label_selector(entry.view.spec.get("selector"))
            for made in index.pick(entry, selector).made if selector else ():
                if index.beside(made.entry) != index.beside(entry):
                    continue
                other = first.setdefault(made.entry.number, entry)
                if other.name != entry.name:
                    yield entry, "spec.selector", f"{made.entry.title} has a budget already: {other.title}"
                    break
