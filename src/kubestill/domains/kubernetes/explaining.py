"""What a kind or a field is, as the schemas tell it: `Deployment`, `apps/v1/Deployment`, `deploy.spec.replicas`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubestill.domains.kubernetes.definitions import Kind
from kubestill.domains.kubernetes.grammars.kinds import find_kinds
from kubestill.domains.kubernetes.kubectl.resources import resolve
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, Property, Schemas, versions
from kubestill.ground.errors import UserError, near

MAX_NAME_CHARS = 400  # the longest path of a field has some 150
_STEP = re.compile(r"\[(?:\d*|\*)\]")  # of a list: which item does not matter


def explain(known: Schemas, name: str) -> Mapping[str, Any]:
    """Return what a kind or field is; of "" the versions (the usual one first) and all kinds.

    Fields follow a dot or a space; an item of a list may have its number or not: `Pod.spec.containers[0].image`.

    Raises:
        UserError: there is no such kind or field; the message names the nearest.
    """
    if len(name) > MAX_NAME_CHARS:
        raise UserError("name", f"{len(name)} characters", "give a kind or a field, as in deployment.spec.replicas")
    head, steps = _parted(name.strip())
    if not head:
        return _everything(known)
    (kind,) = find_kinds(known, [_full(known, head)])
    found = known.property(kind.api_version, kind.kind)
    for place in range(len(steps)):
        parent, found = found, known.property(kind.api_version, kind.kind, steps[: place + 1])
        if found is None:
            raise _unknown(kind, steps[: place + 1], parent)
    return _told(known, kind, steps, found)


def _parted(name: str) -> tuple[str, list[str]]:
    """Return the kind and the steps of a path; the dots of an API group belong to the kind."""
    group, slash, rest = name.rpartition("/")
    kind, *steps = [step for step in re.split(r"[.\s]+", _STEP.sub("", rest)) if step] or [""]
    return f"{group}{slash}{kind}", steps


def _full(known: Schemas, head: str) -> str:
    """Return a kind as schemas call it: kubectl also knows `deploy` and `deployments`."""
    group, slash, short = head.rpartition("/")
    if any(kind.kind.lower() == short.lower() for kind in known.kinds()):
        return head
    found = resolve(short.lower())
    return f"{group}{slash}{found.kind}" if found is not None else head


def _everything(known: Schemas) -> Mapping[str, Any]:
    others = [version for version in reversed(versions()) if version != DEFAULT_VERSION]
    names = sorted(f"{kind.api_version}/{kind.kind}" for kind in known.kinds())
    told = {"path": "", "version": known.version, "type": "kinds", "values": [DEFAULT_VERSION, *others]}
    return {**told, "description": "The kinds that this version of Kubernetes serves.", "fields": [{"name": name} for name in names]}


def _unknown(kind: Kind, steps: Sequence[str], parent: Property | None) -> UserError:
    keys = parent.keys if parent is not None else ()
    holder = ".".join((kind.kind, *steps[:-1]))
    mend = near(steps[-1], keys) or (f"it has {', '.join(keys[:12])}" if keys else "it has no fields")
    return UserError(".".join((kind.kind, *steps)), f"{holder} has no field {steps[-1]!r}", mend)


def _told(known: Schemas, kind: Kind, steps: Sequence[str], found: Property | None) -> Mapping[str, Any]:
    if found is None:  # the schemas name the kind and do not describe it
        raise UserError(kind.kind, "is not described", "look at kubectl explain")
    members = [(key, known.property(kind.api_version, kind.kind, [*steps, key])) for key in found.keys]
    fields = [
        {"name": key, "type": one.type, "required": key in found.required_keys, "description": one.description}
        for key, one in members
        if one is not None
    ]
    place = {"path": ".".join((kind.kind, *steps)), "version": known.version, "api_version": kind.api_version, "kind": kind.kind}
    about = {"type": found.type, "required": found.required, "format": found.format, "description": found.description}
    return {**place, **about, "values": list(found.enum), "fields": fields}
