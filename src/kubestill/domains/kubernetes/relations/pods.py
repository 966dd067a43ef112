"""The pods that a set makes, found by their labels without looking at each."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from kubestill.domains.kubernetes.checks.selectors import satisfied
from kubestill.domains.kubernetes.relations.entries import Entry, labels
from kubestill.domains.kubernetes.subject import Pod, rows, table

MAX_PODS = 100  # of one selection: enough to judge by, and a set of 100,000 alike stays cheap
MAX_SCANNED = 1_000  # different sets of labels compared with one selector; beyond, nobody can tell that it selects nothing

# Labels that controllers add to the pods they make (apps/v1 and batch/v1 well-known labels): no template shows them.
_ADDED = frozenset(
    """
    pod-template-hash controller-revision-hash pod-template-generation controller-uid job-name statefulset.kubernetes.io/pod-name
    apps.kubernetes.io/pod-index batch.kubernetes.io/job-name batch.kubernetes.io/controller-uid
    batch.kubernetes.io/job-completion-index topology.kubernetes.io/zone topology.kubernetes.io/region
    """.split()
)
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")  # no set: what is compared may be a list


class Made(NamedTuple):
    """Pods that an object makes. `pod` is None where only the labels are known: a custom resource makes them."""

    entry: Entry
    pod: Pod | None
    labels: Mapping[str, str]

    @classmethod
    def of(cls, entry: Entry, pod: Pod) -> "Made":
        """Return the pods of a built-in workload, with the labels of its template."""
        return cls(entry, pod, labels(pod.metadata.get("labels")))


class Picked(NamedTuple):
    """What a selector selects. `whole` is false where the search was cut short."""

    made: tuple[Made, ...]
    whole: bool


def plain_selector(value: Any) -> dict[str, Any] | None:
    """Return the label selector that a Service's map of labels stands for; None where it is empty or no such map."""
    wanted = labels(value)
    if not wanted or len(wanted) != len(value):
        return None
    return {"matchLabels": {key: part for key, part in wanted.items() if key not in _ADDED}, "matchExpressions": []}


def label_selector(value: Any) -> dict[str, Any] | None:
    """Return a label selector without what controllers add; None where it is empty (it selects all) or malformed."""
    if not isinstance(value, dict):
        return None
    given, terms = value.get("matchLabels") or {}, value.get("matchExpressions") or []
    if not isinstance(given, dict) or not isinstance(terms, list) or len(labels(given)) != len(given) or not all(map(_is_term, terms)):
        return None
    if not given and not terms:
        return None
    return {
        "matchLabels": {key: part for key, part in given.items() if key not in _ADDED},
        "matchExpressions": [term for term in terms if term["key"] not in _ADDED],
    }


def _is_term(term: Any) -> bool:
    if not isinstance(term, dict) or not isinstance(term.get("key"), str) or term.get("operator") not in _OPERATORS:
        return False
    values = term.get("values") or []
    return isinstance(values, list) and all(isinstance(one, str) for one in values)


def selected_values(selector: Mapping[str, Any]) -> Iterator[str]:
    """Yield the label values that a selector asks for."""
    yield from selector["matchLabels"].values()
    for term in _choices(selector):
        yield from term.get("values") or ()


class Pool:
    """Pods by their labels. Those with equal labels stand together, so that a search compares few."""

    def __init__(self) -> None:
        self._alike: dict[frozenset[tuple[str, str]], list[Made]] = {}
        self._by_pair: dict[tuple[str, str], list[list[Made]]] = {}
        self._picked: dict[str, Picked] = {}

    def add(self, made: Made) -> None:
        """Add pods."""
        key = frozenset(made.labels.items())
        if (alike := self._alike.get(key)) is None:
            alike = self._alike[key] = []
            for pair in key:
                self._by_pair.setdefault(pair, []).append(alike)
        if len(alike) < MAX_PODS:
            alike.append(made)

    def pick(self, selector: Mapping[str, Any]) -> Picked:
        """Return the pods that a selector selects, at most MAX_PODS."""
        key = json.dumps(selector, sort_keys=True)
        if (found := self._picked.get(key)) is None:
            found = self._picked[key] = self._search(selector)
        return found

    def _search(self, selector: Mapping[str, Any]) -> Picked:
        candidates = self._candidates(selector)
        found: list[Made] = []
        for count, alike in enumerate(candidates):
            if count >= MAX_SCANNED or len(found) >= MAX_PODS:
                return Picked(tuple(found[:MAX_PODS]), False)
            if satisfied(selector, alike[0].labels):
                found += alike
        return Picked(tuple(found[:MAX_PODS]), True)

    def _candidates(self, selector: Mapping[str, Any]) -> Iterator[list[Made]]:
        """Yield what may match: the pods that carry the rarest of the labels asked for, or all."""
        asked = [[pair] for pair in selector["matchLabels"].items()]
        asked += [[(term["key"], one) for one in dict.fromkeys(term.get("values") or ())] for term in _choices(selector)]
        wanted = [[self._by_pair.get(pair, []) for pair in pairs] for pairs in asked]
        rarest = min(wanted, key=lambda lists: sum(map(len, lists)), default=None)
        yield from self._alike.values() if rarest is None else chain.from_iterable(rarest)


def _choices(selector: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [term for term in selector["matchExpressions"] if term["operator"] == "In"]


def templates(value: Any, depth: int = 0) -> Iterator[dict[str, str]]:
    """Yield every map of labels below a custom resource's fields that pods may get."""
    if depth > 12:  # no custom resource known keeps a template deeper
        return
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, str) and (key == "labels" or key.endswith("Labels")):
                if found := labels(part):
                    yield found
            elif isinstance(part, dict | list):
                yield from templates(part, depth + 1)
    elif isinstance(value, list):
        for part in rows(value):
            yield from templates(table(part), depth + 1)
