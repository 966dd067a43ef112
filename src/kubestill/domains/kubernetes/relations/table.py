"""Every relation: code → "module:Class", loaded on first use. A test holds this table against the folder."""

from functools import cache

from kubestill.domains.kubernetes.relations.rule import Relation
from kubestill.ground.registry import load_object

_HERE = "kubestill.domains.kubernetes.relations"

CHECKS: dict[str, str] = {
    "K8S601": "identity:Twice",
    "K8S602": "identity:NamespaceDeclared",
    "K8S603": "identity:Overlap",
    "K8S605": "services:SelectsPods",
    "K8S606": "services:NamedTargetPort",
    "K8S607": "services:NumericTargetPort",
    "K8S608": "services:NodePortTwice",
    "K8S609": "services:GoverningService",
    "K8S610": "services:HeadlessGoverningService",
    "K8S612": "network:PolicySelectsPods",
    "K8S613": "network:IngressService",
    "K8S614": "network:IngressServicePort",
    "K8S615": "network:IngressSecret",
    "K8S616": "network:IngressClassGiven",
    "K8S617": "network:IngressPathTwice",
    "K8S620": "references:ConfigMapGiven",
    "K8S621": "references:SecretGiven",
    "K8S622": "references:KeyGiven",
    "K8S623": "references:AccountGiven",
    "K8S624": "references:ClaimGiven",
    "K8S625": "storage:StorageClassGiven",
    "K8S626": "references:PriorityClassGiven",
    "K8S627": "references:RuntimeClassGiven",
    "K8S628": "storage:SharedClaim",
    "K8S630": "scaling:ScaledObject",
    "K8S631": "scaling:ScaledRequests",
    "K8S632": "scaling:ScaledReplicas",
    "K8S635": "budgets:BudgetSelectsPods",
    "K8S636": "budgets:BudgetNeverAllows",
    "K8S637": "budgets:BudgetsOverlap",
    "K8S640": "access:RoleGiven",
    "K8S641": "access:SubjectGiven",
}


@cache
def load(code: str) -> Relation:
    """Return the relation of a code.

    Raises:
        KeyError: no relation has it.
    """
    relation: Relation = load_object(f"{_HERE}.{CHECKS[code]}")()
    return relation


@cache
def relations() -> tuple[Relation, ...]:
    """Return every relation in the order of its code."""
    return tuple(load(code) for code in sorted(CHECKS))
