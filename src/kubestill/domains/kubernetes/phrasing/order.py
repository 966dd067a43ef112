"""The order in which people say things: what it is and runs, its ports, resources, environment, volumes, probes, and the rest."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import Clause, pick_tables

# Topics in order, each with its aspects in order; an aspect stands for all that begin with it. What is in none goes last but one.
_TOPICS = tuple(
    tuple(topic.split())
    for topic in (
        "container.image container.name provisioner spec.controller handler target roleRef spec.type spec.externalName spec.clusterIP "
        "podSelector value",
        "spec.schedule spec.timeZone",
        "spec.replicas replicas.range spec.minReplicas spec.maxReplicas spec.completions spec.parallelism spec.completionMode",
        "port container.port",
        "rule backend",
        "tls",
        "selector subject",
        "metric",
        "allow deny",
        "grant",
        "data immutable",
        "hard limit",
        "spec.resources spec.capacity",
        "container.command container.args container.workingDir",
        "container.requests container.limits container.memory container.cpu container.resources",
        "container.env",
        "claim mount",
        "container.startupProbe container.livenessProbe container.readinessProbe",
        "container",
        "init",
        "",
        "pod",
        "podLabel podAnnotation label annotation",
    )
)
_OF_ITS_OWN = (len(_TOPICS), 0)  # where the object is, which is no part of what it says
_SCALE = ("spec.replicas", "spec.completions", "spec.parallelism")
_SELECTORS = ("selector", "podSelector", "spec.selector.matchLabels")
_SWAPPED = 0.3  # share of requests in which two neighbouring topics change places


@cache
def rank(aspect: str) -> tuple[int, int]:
    """Return (topic, place in it) of an aspect."""
    found = [
        (len(head), (topic, place))
        for topic, heads in enumerate(_TOPICS)
        for place, head in enumerate(heads)
        if aspect == head or aspect.startswith(head + ".")
    ]
    return max(found)[1] if found else (_TOPICS.index(()), 0)


def _rank(clause: Clause) -> tuple[int, int]:
    return min((rank(intent.aspect) for intent in clause.said()), default=_OF_ITS_OWN)


def topic(clause: Clause) -> int:
    """Return the number of what a clause is about: those with the same one belong into one sentence."""
    return -1 if clause.whole else _rank(clause)[0]


def in_order(said: Sequence[Clause], intents: Sequence[Intent], rng: Random) -> list[Clause]:
    """Return clauses in the order in which a person says them, what belongs to one of several containers as one clause of them all."""
    places: dict[tuple[str, tuple[str, ...]], int] = {}
    for number, intent in enumerate(intents):
        places.setdefault((intent.aspect, intent.keys), number)

    named = any(clause.address or clause.inner for clause in said)
    selects = any(one.aspect in _SELECTORS for clause in said for one in clause.said())

    def place(clause: Clause) -> tuple[tuple[int, int], bool, int]:
        said = clause.said()
        first = min(rank(one.aspect) for one in said)
        if (named and said[0].aspect in _SCALE) or (selects and said[0].aspect in ("label", "annotation")):
            first = (-1, 0)  # behind a container or a selector it would be heard as a part of that
        ends = not any(one.aspect == "port.target" for one in said)  # `port 80 and 443 to 8443` would lead both there
        return first, ends, min(places.get((one.aspect, one.keys), 0) for one in said)

    ranked = sorted(said, key=place)
    grouped = [list(found) for _, found in groupby(_by_container(ranked), key=topic)]
    if len(grouped) > 2 and rng.random() < _SWAPPED:  # but what it is comes first
        at = rng.randrange(1, len(grouped) - 1)
        grouped[at], grouped[at + 1] = grouped[at + 1], grouped[at]
    return [clause for group in grouped for clause in group]


def _by_container(ranked: Sequence[Clause]) -> list[Clause]:
    """Return clauses with those of each named container gathered in one, where the first of these stands."""
    blocks: dict[str, list[Clause]] = {}
    for clause in ranked:
        if clause.address:
            blocks.setdefault(clause.address, []).append(replace(clause, address=""))
    out: list[Clause] = []
    for clause in ranked:
        if not clause.address:
            out.append(clause)
        elif blocks:
            out += [Clause(pick_tables("container.block"), {"k": name}, inner=tuple(inner)) for name, inner in blocks.items()]
            blocks.clear()
    return out
