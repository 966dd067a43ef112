"""Alert rules: Prometheus rule files (`groups:`), PrometheusRule objects, or JSON lines of rules. One rule a document.

Jsonnet and Helm templates are programs that make rules; their output can be read, they themselves are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.sources.places import JSON_LINES, beside, demand, document, files, records, said_of, text_of

FORM = "alerts"
SUFFIXES = (".yaml", ".yml", ".rules", ".json")
MAX_RULE_BYTES = 16 * 1024
PARTS = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations")  # Prometheus documentation, "Alerting rules"
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every alert rule, or why one was left out.

    Raises:
        UserError: the path is missing, or a file of a kind that cannot be read.
    """
    if demand(path).is_file() and path.name.endswith(JSON_LINES):
        known = beside(path)
        for record in records(path):
            yield record if isinstance(record, Drop) else rule(record, said_of(record, **known, path=path.name))
        return
    for file in files(path, SUFFIXES):
        if isinstance(file, Drop):
            yield file
            continue
        text = text_of(file.path)
        if isinstance(text, Drop):
            yield text
        else:
            yield from _rules(text, file.source)


def _rules(text: str, source: Mapping[str, str]) -> Iterator[Document | Drop]:
    reading = read(text)
    for _ in reading.findings:
        yield Drop("not readable YAML")
    for manifest in reading.manifests:
        groups = _groups(manifest.object)
        if groups is None:
            yield Drop("no rules in it")
            continue
        for group in groups:
            rules = group.get("rules") if isinstance(group, dict) else None
            for one in rules if isinstance(rules, list) else []:
                yield rule(one, source) if isinstance(one, dict) else Drop("a rule that is no object")


def _groups(value: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the groups of rules of a rule file or of a PrometheusRule; None where it is neither."""
    held = value.get("spec") if value.get("kind") == "PrometheusRule" else value
    groups = held.get("groups") if isinstance(held, dict) else None
    return groups if isinstance(groups, list) else None


def rule(found: Mapping[str, Any], source: Mapping[str, str]) -> Document | Drop:
    """Return a rule as a document of YAML, its parts in the order in which people write them."""
    if "record" in found and "alert" not in found:
        return Drop("a recording rule")
    alert, expression = found.get("alert"), found.get("expr")
    if not isinstance(alert, str) or not alert.strip() or not isinstance(expression, str | int | float) or not str(expression).strip():
        return Drop("a rule without alert and expr")
    parts = {name: found[name] for name in PARTS if found.get(name)}
    parts["expr"] = str(expression).strip()
    try:
        text = yaml.dump(parts, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000)
    except (yaml.YAMLError, RecursionError, UnicodeError):
        return Drop("a rule that cannot be written as YAML")
    if len(text.encode("utf-8", "replace")) > MAX_RULE_BYTES:
        return Drop("a rule over 16 KiB")
    return document(text, alert, {**source, "page": alert}, FORM)
