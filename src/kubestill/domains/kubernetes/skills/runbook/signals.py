"""What an alert can mean: one signal a condition, with what it says, what it harms, how to look, and how to ask Prometheus.

The signals are a closed vocabulary, the names of alerts an open one: a student reads off a request which signal it is about.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from kubestill.domains.kubernetes.phrasing.lines import Table
from kubestill.domains.kubernetes.skills.runbook.filling import names

FILES = ("pods", "workloads", "storage", "nodes", "machines", "control", "monitoring", "services")
_PACKAGE = "kubestill.domains.kubernetes.skills.runbook"
SETTINGS = ("threshold", "window", "for")  # values of a signal that are no labels


@dataclass(frozen=True)
class Case:
    """What a signal comes to where a label has one of some values: a failed kubelet is another matter than a failed sshd."""

    label: str
    values: frozenset[str]
    signal: "Signal"


@dataclass(frozen=True)
class Signal:
    """One condition that alerts are about."""

    id: str
    subject: str  # what it is about, for grouping: pod, node, etcd, ...
    labels: tuple[str, ...]  # that its alerts carry and its meaning needs
    alerts: tuple[str, ...]  # widely known alerts that say just this
    stems: tuple[str, ...]  # what invented alerts are called
    meaning: str  # a clause
    impact: str  # a sentence
    checks: tuple[str, ...]  # commands (templates), the most telling first
    next: str
    also: tuple[str, ...]  # commands that are right, too
    summary: str
    says: str  # a regular expression that a meaning in other words must match
    firing: Table  # sentences of annotations and people, without the full stop
    when: Table | None = None  # conditions as people ask for a rule; None: nobody would ask
    query: str = ""
    compare: str = ""  # what makes an alert of the query; may hold {threshold}
    thresholds: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()  # labels that the query can be narrowed by
    node_is: str = "node"  # the label by which the series name the node
    cases: tuple[Case, ...] = ()  # by the value of a label, the first that fits

    @property
    def object(self) -> str:
        """Return the label whose value is the name of the subject, or an empty string: then it is the cluster's own."""
        return next((label for label in self.labels if label not in ("namespace", "resource")), self.labels[0] if self.labels else "")

    def shown(self, label: str) -> str:
        """Return the name under which alerts carry a label."""
        return self.node_is if label == "node" else label

    def seen(self, values: Mapping[str, str]) -> "Signal":
        """Return the signal as it is for the values of an alert."""
        return next((case.signal for case in self.cases if values.get(case.label) in case.values), self)

    @property
    def accepted(self) -> tuple[str, ...]:
        """Return all commands (templates) that are right for it."""
        return tuple(dict.fromkeys((*self.checks, self.next, *self.also)))


@cache
def signals() -> Mapping[str, Signal]:
    """Return every signal by id."""
    found: dict[str, Signal] = {}
    for file in FILES:
        for name, row in _toml(f"signals/{file}.toml").items():
            found[name] = _signal(name, row)
    return found


@cache
def catalogue() -> Mapping[str, str]:
    """Return the widely known alerts, each with the id of its signal."""
    return {alert: signal.id for signal in signals().values() for alert in signal.alerts}


@cache
def commands() -> Mapping[str, str]:
    """Return the templates of commands by name."""
    return {name: str(text) for name, text in _toml("commands.toml")["commands"].items()}


def _toml(file: str) -> dict[str, dict[str, object]]:
    return tomllib.loads(resources.files(_PACKAGE).joinpath(file).read_text(encoding="utf-8"))


def _signal(name: str, row: Mapping[str, object]) -> Signal:
    def words(key: str) -> tuple[str, ...]:
        return tuple(str(row.get(key, "")).split())

    known = commands()
    labels, query, when = words("labels"), str(row.get("query", "")), row.get("when")
    return Signal(
        name,
        str(row["subject"]),
        labels,
        words("alerts"),
        words("names"),
        str(row["meaning"]),
        str(row["impact"]),
        tuple(known[key] for key in words("checks")),
        known[str(row["next"])],
        tuple(known[key] for key in words("also")),
        str(row["summary"]),
        str(row["says"]),
        _table(f"runbook.{name}/firing", row["firing"]),
        _table(f"runbook.{name}/when", when) if when else None,
        query,
        str(row.get("compare", "")),
        words("thresholds"),
        words("windows"),
        (words("scope") or labels) if "$S" in query else (),
        str(row.get("node_is", "node")),
        _cases(name, row),
    )


def _cases(name: str, row: Mapping[str, object]) -> tuple[Case, ...]:
    rows = row.get("cases", ())
    if not isinstance(rows, list | tuple):
        raise TypeError(f"{name}: found {rows!r}, expected a list of cases")
    usual = {key: value for key, value in row.items() if key != "cases"}
    return tuple(Case(case["of"], frozenset(case["values"].split()), _signal(name, {**usual, **case})) for case in rows)


def _table(name: str, lines: object) -> Table:
    if not isinstance(lines, list):
        raise TypeError(f"{name}: found {lines!r}, expected a list of phrase lines")
    return Table(name, [str(line) for line in lines])


def needs(signal: Signal) -> tuple[str, ...]:
    """Return the labels that the commands of a signal name, without which it cannot be answered."""
    optional = ("container",)
    every = (signal, *(case.signal for case in signal.cases))
    wanted = (label for one in every for template in one.accepted for label in names(template))
    return tuple(label for label in dict.fromkeys(wanted) if label not in optional)
