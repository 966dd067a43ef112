"""Intents → clauses, each intent in exactly one of them or left unsaid."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import Clause, pick_tables
from kubestill.domains.kubernetes.phrasing.joins import JOINS, Pool
from kubestill.domains.kubernetes.phrasing.style import Style

# Where there is only one of them, nobody repeats which: `node port 30080`, not `node port 30080 for port 80`.
_ALONE = {"port": "port", "rule": "rule", "tls": "rule"}


def clauses(intents: Sequence[Intent], rng: Random, style: Style | None = None) -> tuple[list[Clause], list[Intent]]:
    """Return the clauses for all intents, and the intents that no table can say."""
    pool = Pool.of(intents, rng, style or Style())
    said: list[Clause] = []
    for join in JOINS:
        said.extend(join(pool))
    alone = {head for head, aspect in _ALONE.items() if sum(intent.aspect == aspect for intent in intents) == 1}
    unsaid = [intent for clause in said if not clause.tables for intent in clause.said()]
    said = [clause for clause in said if clause.tables]
    for intent in pool.drain():
        short = pick_tables(intent.aspect, "_short") if intent.aspect.split(".")[0] in alone and rng.random() < 0.4 else {}
        clause = Clause(short, {"v": str(intent.value)}) if short else pool.single(intent)
        if clause and clause.tables:
            said.append(clause.about(intent))
        else:
            unsaid.append(intent)
    several = sum(intent.aspect.startswith("subject.") for intent in intents) > 1
    inside = {intent.aspect.removeprefix("container.") for intent in intents if intent.aspect.startswith("container.securityContext")}
    return [_levelled(_guarded(clause, several), inside) for clause in said], unsaid


def _levelled(clause: Clause, inside: Collection[str]) -> Clause:
    """Return a clause that names the pod where its containers are asked to have the same (`inside`): else it would be theirs again."""
    first = clause.intents[0].aspect if clause.intents else ""
    return replace(clause, unfit=_NOT_OF_POD) if first.startswith("pod.") and first.removeprefix("pod.") in inside else clause


_NOT_OF_POD = re.compile(r"^(?!.*\b(pods?\b|pod-|podSec|spec\.securityContext))")


def _guarded(clause: Clause, several: bool) -> Clause:
    """Return a clause that keeps off the lines in which its key would be misread, or its subject hang on nothing."""
    first = clause.intents[0] if clause.intents else None
    if first is None or clause.inner:
        return clause
    if first.aspect in _DOTTED and len(clause.intents) == 1 and set(first.keys[-1]) & set("./"):
        return replace(clause, unfit=_FIELD_PATH)
    if several and first.aspect.startswith("subject."):
        return replace(clause, unfit=_HANGING)
    if first.aspect == "container.image" and len(clause.intents) == 1 and not set(str(first.value)) & set("/:@"):
        return replace(clause, unfit=_KIND_OF_CONTAINER)
    return clause


_DOTTED = frozenset("label annotation podLabel podAnnotation data".split())
_FIELD_PATH = re.compile(r"(labels|annotations|data)\.\{k\}")  # `labels.app.kubernetes.io/name` would be another key
_KIND_OF_CONTAINER = re.compile(r"\{v\} container(?! image)|container is \{v\}")  # `a web container` would be its name
# Of one subject beside others it is said that it is one, or what it is given.
_HANGING = re.compile(
    r"^(?!.*(subject|:|=|>|access|\b(to|for|bind|give|grant|assign|add|apply|attach|authorize|include|name|list|have|put|target|goes)\b))"
)
