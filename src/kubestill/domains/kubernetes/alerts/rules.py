"""Alerting rules: from a file of groups, a PrometheusRule object, a list of rules or one rule alone, to rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubestill.domains.kubernetes.manifests import read as read_yaml

KEYS = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations")  # prometheus model/rulefmt/rulefmt.go
OBJECT_KIND = "PrometheusRule"


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule as written: nothing in it has been judged. `place` is its field path in the text, empty for a rule alone."""

    fields: Mapping[str, Any]
    place: str
    line: int

    def text(self, key: str) -> str:
        """Return a field as text, or an empty string. YAML reads `expr: 1` as a number; Prometheus reads it as text."""
        value = self.fields.get(key)
        return "" if value is None or isinstance(value, dict | list | bool) else str(value)

    def table(self, key: str) -> Mapping[str, Any]:
        """Return labels or annotations, or an empty mapping."""
        value = self.fields.get(key)
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Reading:
    """The alerting rules of a text, and what is wrong with the rest of it: (line, message)."""

    rules: tuple[Rule, ...]
    faults: tuple[tuple[int, str], ...] = ()


def read_rules(text: str) -> Reading:
    """Read every alerting rule of a text; recording rules are passed over. Hostile YAML ends in a fault."""
    listed = text.lstrip().startswith("- ")
    reading = read_yaml(f"rules:\n{text}" if listed else text)
    lead = 1 if listed else 0
    rules = [
        Rule(fields, place, max(1, manifest.place(place)[0] - lead))
        for manifest in reading.manifests
        for place, fields in _found(manifest.object)
        if "record" not in fields
    ]
    return Reading(tuple(rules), tuple((max(1, finding.line - lead), finding.message) for finding in reading.findings))


def _found(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the place and the fields of every rule of one document."""
    if value.get("kind") == OBJECT_KIND:
        spec = value.get("spec")
        yield from _groups(spec, "spec.") if isinstance(spec, dict) else ()
    elif "groups" in value:
        yield from _groups(value, "")
    elif "rules" in value:
        yield from _rules(value, "")
    else:
        yield "", value


def _groups(value: Mapping[str, Any], lead: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    groups = value.get("groups")
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        if isinstance(group, dict):
            yield from _rules(group, f"{lead}groups[{number}].")


def _rules(value: Mapping[str, Any], lead: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rules = value.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield f"{lead}rules[{number}]", rule
