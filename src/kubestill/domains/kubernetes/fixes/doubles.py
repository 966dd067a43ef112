"""Fixes of what stands twice: a key with one value, an item of a list with all its fields."""

import re

from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal
from kubestill.domains.kubernetes.fixes.operations import drop
from kubestill.domains.kubernetes.fixes.tree import Node, Place


def key(fault: Fault) -> Proposal | None:
    """Drop the second of two equal keys with equal values."""
    spot = (fault.finding.line - fault.manifest.start - 1, fault.finding.column - 1)
    second = fault.tree.spots.get(spot)
    if second is None or second.key is None:
        return None
    wanted = _content(second.node)
    others = [node for one, node in second.holder.entries[: second.index] if one and one.content == second.key.content]
    if not others or wanted is None or any(_content(node) != wanted for node in others):
        return None
    operation = drop(fault.tree, second, repeated=True)
    return Proposal(operation, fault.finding.path, f"dropped the second {second.key.value} of the same value") if operation else None


def item(fault: Fault) -> Proposal | None:
    """Drop a list item that equals an earlier one in everything."""
    match = re.match(r".*\[\d+\]", fault.finding.path)
    place = fault.place(match[0]) if match else None
    if place is None or place.node.kind != "mapping" or not _repeats(place):
        return None
    operation = drop(fault.tree, place)
    return Proposal(operation, fault.finding.path, "dropped an item that stands there twice") if operation else None


def _repeats(place: Place) -> bool:
    wanted = _content(place.node)
    return wanted is not None and any(_content(node) == wanted for _, node in place.holder.entries[: place.index])


def _content(node: Node) -> object:
    """Return a comparable form of what a node holds, types told apart; None where an anchor or tag makes it uncertain."""
    if node.named:
        return None
    if node.kind == "scalar":
        return type(node.content).__name__, node.content
    parts = [(_content(key) if key else (), _content(value)) for key, value in node.entries]
    if any(key is None or value is None for key, value in parts):
        return None
    return node.kind, tuple(sorted(parts, key=repr) if node.kind == "mapping" else parts)
