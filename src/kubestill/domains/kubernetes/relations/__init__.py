"""Relations: what must hold between the objects of a set. Each may be valid alone, and a dry run of the API server accepts it."""

from collections.abc import Collection, Iterator, Sequence

from kubestill.domains.kubernetes.relations.entries import Member
from kubestill.domains.kubernetes.relations.identity import NamespaceDeclared
from kubestill.domains.kubernetes.relations.index import Index
from kubestill.domains.kubernetes.relations.rule import Relation
from kubestill.domains.kubernetes.relations.table import relations
from kubestill.tools.checks.api import Finding

__all__ = ["Member", "judge_homes", "judge_set"]

MAX_FINDINGS = 50  # of one relation about one object; more only hide the first


def judge_set(members: Sequence[Member], *, closed: bool = False, namespaces: Collection[str] = ()) -> list[tuple[int, Finding]]:
    """Return what is wrong between the objects of a set, each finding with the index of the member that it belongs to, in order.

    `closed` says that the set is all that the cluster will hold: what it lacks is then an error, else a warning. Members may hold
    anything that is JSON; what does not have the shape that its kind asks for is left to the schema. `namespaces`: those that the
    cluster has already (`*` in them stands for any text); where they are known, one that is neither there nor in the set is an error.
    """
    index = Index(members, closed, namespaces)
    return sorted((told for relation in relations() for told in _told(relation, index)), key=lambda told: told[0])


def judge_homes(members: Sequence[Member], namespaces: Collection[str]) -> list[tuple[int, Finding]]:
    """Return which objects live in a namespace that the cluster has not, though nothing else is known of what stands beside them."""
    index = Index(members, False, namespaces)
    return list(_told(NamespaceDeclared(), index))


def _told(relation: Relation, index: Index) -> Iterator[tuple[int, Finding]]:
    """Yield the findings of one relation: the same words about one object once, and no more than MAX_FINDINGS."""
    said: dict[int, set[str]] = {}
    for entry, path, message in relation.faults(index):
        mine = said.setdefault(entry.number, set())
        if message not in mine and len(mine) < MAX_FINDINGS:
            mine.add(message)
            yield entry.number, relation.finding(entry, path, message, index)
