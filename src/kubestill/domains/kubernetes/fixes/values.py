"""Fixes of values: the wrong type, the wrong case, a unit or a number spelt as Kubernetes does not."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal
from kubestill.domains.kubernetes.fixes.operations import put, wrap
from kubestill.domains.kubernetes.fixes.spelling import same_but_for_case
from kubestill.domains.kubernetes.fixes.tree import Place
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.quantities import parse_quantity

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}
_PERCENT = re.compile(r"\s*([0-9]+)\s+%\s*")

# What rules, and no schema, allow at the end of a path: code → field and words.
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_METRICS = ("Resource", "ContainerResource", "Pods", "Object", "External", "Utilization", "Value", "AverageValue")
_RULED: Mapping[str, tuple[str, Sequence[str]]] = {
    "K8S115": ("operator", _OPERATORS),
    "K8S201": ("kind", ("Role", "ClusterRole")),
    "K8S202": ("kind", ("ServiceAccount", "User", "Group")),
    "K8S212": ("type", _METRICS),
}


def typed(fault: Fault) -> Proposal | None:
    """Give a value its type: quote a number or boolean, unquote one, make a list of one item."""
    place = fault.place(fault.finding.path)
    expected = fault.property(place) if place else None
    if place is None or expected is None:
        return None
    if expected.type == "array":
        return _listed(fault, place, expected.enum)
    if place.node.kind != "scalar":
        return None
    written = place.node.value
    if expected.type == "string" and isinstance(place.node.content, bool | int | float):
        return _put(fault, place, written, f"quoted {written}: a string is due")
    value = _unquoted(written, expected.type) if place.node.style in ("'", '"') else None
    return None if value is None else _put(fault, place, value, f"took the quotes off {written!r}: {_due(expected.type)} is due")


def cased(fault: Fault) -> Proposal | None:
    """Write a word of a fixed list in its own case."""
    place = fault.place(fault.finding.path)
    expected = fault.property(place) if place else None
    if place is not None and expected is not None and not expected.enum and isinstance(place.steps[-1], int):
        expected = fault.known.property(fault.api_version, fault.kind, fault.steps(place)[:-1])  # enums of items stand at the list
    return _cased(fault, place, expected.enum) if place and expected else None


def ruled(fault: Fault) -> Proposal | None:
    """Write a word that a rule asks for in its own case."""
    name, words = _RULED[fault.finding.code]
    path = fault.finding.path
    return _cased(fault, fault.place(path if path.endswith(f".{name}") else field(path, name)), words)


def measured(fault: Fault) -> Proposal | None:
    """Write a quantity with a unit that has one reading: `500 m`, `1 Gi`, `0.5Gib`, `100mi`, `2GiB`.

    `512MB`, `1gb`, `1g` and `64K` are left: some read them as powers of 1000 and some as powers of 1024.
    """
    place = fault.place(fault.finding.path)
    expected = fault.property(place) if place else None
    if place is None or expected is None or expected.type != "quantity" or place.node.kind != "scalar":
        return None
    written = place.node.value
    wanted = quantity_meant(written, str(place.steps[-1]))
    return _put(fault, place, wanted, f"wrote {written!r} as {wanted}") if wanted else None


def quantity_meant(written: str, resource: str) -> str:
    """Return the one quantity that a misspelt one can mean, or ""."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(\s*)([A-Za-z]*)\s*", written)
    if match is None:
        return ""
    number, blank, unit = match.groups()
    if re.fullmatch("[kmgtpe]ib?", unit, re.IGNORECASE):
        found = f"{number}{unit[0].upper()}i"
    elif blank and (unit in ("k", "M", "G", "T", "P") or (unit == "m" and resource.endswith("cpu"))):
        found = number + unit
    elif not unit:
        found = number
    else:
        return ""
    return found if found != written and parse_quantity(found) is not None else ""


def percentage(fault: Fault) -> Proposal | None:
    """Write `25 %` as 25%. A quoted 25 is left: it may be meant as a number or as a percentage."""
    place = fault.place(fault.finding.path)
    match = _PERCENT.fullmatch(place.node.value) if place else None
    return _put(fault, place, f"{match[1]}%", f"wrote {match[0]!r} as {match[1]}%") if place and match else None


def port(fault: Fault) -> Proposal | None:
    """Take the quotes off the number of a port: in quotes it would be a name, and names have a letter."""
    place = fault.place(fault.finding.path)
    expected = fault.property(place) if place else None
    if place is None or expected is None or expected.type != "int-or-string" or place.node.style not in ("'", '"'):
        return None
    value = _unquoted(place.node.value, "integer")
    return None if value is None else _put(fault, place, value, f"took the quotes off {place.node.value!r}: a number is due")


def stripped(fault: Fault) -> Proposal | None:
    """Take off the blanks at the ends of an image."""
    place = fault.place(fault.finding.path)
    if place is None or place.node.kind != "scalar" or not place.node.value.strip():
        return None
    written = place.node.value
    return _put(fault, place, written.strip(), "took off the blanks at its ends") if written != written.strip() else None


def _cased(fault: Fault, place: Place | None, words: Sequence[str]) -> Proposal | None:
    if place is None or place.node.kind != "scalar" or place.node.value in words:
        return None
    written = place.node.value
    word = same_but_for_case(written, [word for word in words if word])
    return _put(fault, place, word, f"wrote {written} as {word}") if word else None


def _listed(fault: Fault, place: Place, words: Sequence[str]) -> Proposal | None:
    """Make a list of an object, or of a word of a fixed list: other strings may be meant to be split."""
    if place.node.kind != "mapping" and not (place.node.kind == "scalar" and place.node.value in words):
        return None
    operation = wrap(fault.tree, place)
    return Proposal(operation, fault.finding.path, "made a list of the one item") if operation else None


def _unquoted(written: str, kind: str) -> Any:
    if kind == "integer" and _INTEGER.fullmatch(written):
        return int(written)
    if kind == "number" and _DECIMAL.fullmatch(written):
        return float(written) if "." in written else int(written)
    return _BOOLEANS.get(written.lower()) if kind == "boolean" else None


def _due(kind: str) -> str:
    return "an integer" if kind == "integer" else f"a {kind}"


def _put(fault: Fault, place: Place, value: Any, words: str) -> Proposal | None:
    operation = put(fault.tree, place, value)
    return Proposal(operation, fault.finding.path, words) if operation else None
