"""Fixes of names: a field that is misspelt, in the wrong case, or written with `_` or `-`."""

from functools import lru_cache

from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal
from kubestill.domains.kubernetes.fixes.operations import rename
from kubestill.domains.kubernetes.fixes.spelling import meant
from kubestill.domains.kubernetes.fixes.tree import Node
from kubestill.domains.kubernetes.schema import Schemas


def misspelt(fault: Fault) -> Proposal | None:
    """Rename an unknown field to the only near one of its object that is not set.

    Not where the kind has a field of that name elsewhere, unless only the plural is lacking: it may be right, and its place wrong.
    """
    place = fault.place(fault.finding.path)
    if place is None or place.key is None:
        return None
    steps = fault.steps(place)
    holder = fault.known.property(fault.api_version, fault.kind, steps[:-1])
    written, known = str(steps[-1]), holder.keys if holder else ()
    name = meant(written, known)
    if not name or name in _names(place.holder):
        return None
    if name.rstrip("s") != written and written in field_names(fault.known, fault.api_version, fault.kind):
        return None
    if [other for other in _names(place.holder) if other not in known and meant(other, known) == name] != [written]:
        return None  # two misspelt fields, one meaning
    operation = rename(fault.tree, place, name)
    path = fault.finding.path.removesuffix(written) + name
    return Proposal(operation, path, f"renamed {written} to {name}") if operation else None


def top_field(fault: Fault) -> Proposal | None:
    """Rename a misspelt `apiVersion` or `kind`."""
    wanted = fault.finding.path
    root = fault.tree.root.entries if not fault.manifest.prefix else []
    near = [name for key, _ in root if key and (name := key.value) not in _TOP and meant(name, _TOP) == wanted]
    place = fault.place(near[0]) if len(near) == 1 else None
    if place is None or wanted in fault.object or place.node.kind != "scalar":
        return None
    operation = rename(fault.tree, place, wanted)
    return Proposal(operation, wanted, f"renamed {near[0]} to {wanted}") if operation else None


_TOP = ("apiVersion", "kind", "metadata")


def _names(holder: Node) -> list[str]:
    return [key.value for key, _ in holder.entries if key is not None]


@lru_cache(maxsize=64)
def field_names(known: Schemas, api_version: str, kind: str) -> frozenset[str]:
    """Return the names of all fields that an object of a kind can have, at any level."""
    names: set[str] = set()
    seen: set[tuple[str, ...]] = set()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        path = waiting.pop()
        found = known.property(api_version, kind, path)
        if found is None or found.keys in seen:
            continue  # a definition that was met elsewhere, perhaps above: some contain themselves
        seen.add(found.keys)
        names.update(found.keys)
        waiting += [(*path, name) for name in found.keys]
    return frozenset(names)


def parent(path: str) -> str:
    """Return the path of what holds a field."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]
