"""Answers: from intents to text, and from text to its parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.skills.runbook.filling import PLACE, fill, scoped
from kubestill.domains.kubernetes.skills.runbook.showing import sentence
from kubestill.domains.kubernetes.skills.runbook.signals import SETTINGS, Signal, signals

MAX_CHARS = 600
RULE = "rule"  # what `wants` says where a rule is asked for and not a reading
# Noted of a request beside labels.
TASK, WANTS, ALERT, SIGNAL, SEVERITY, FOR, EXPR, SUMMARY = "task", "wants", "alert", "signal", "severity", "for", "expr", "summary"
_STEP = re.compile(r"(\d)\. (\S.*)\Z")
_CHECKS = (2, 4)  # the fewest and the most


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of an answer about a fired alert. `query` may be empty."""

    meaning: str
    impact: str
    checks: tuple[str, ...]
    query: str
    next: str

    def text(self) -> str:
        """Return the one form that an answer has."""
        steps = "\n".join(f"{number}. {command}" for number, command in enumerate(self.checks, 1))
        query = f"Query: {self.query}\n" if self.query else ""
        return f"Meaning: {self.meaning}\nImpact: {self.impact}\nCheck:\n{steps}\n{query}Next: {self.next}"


def parse(text: str) -> Answer | str:
    """Read an answer, or return what is wrong with its form."""
    lines = text.strip("\n").split("\n")
    if len(text) > MAX_CHARS:
        return f"{len(text)} characters, at most {MAX_CHARS} are allowed"
    if len(lines) < 6 or any(line != line.strip() or not line for line in lines):
        return "found too few lines, an empty line or spaces around one; expected Meaning, Impact, Check, two to four steps and Next"
    for line, head in zip(lines, ("Meaning: ", "Impact: ", "Check:"), strict=False):
        if not line.startswith(head) or (head == "Check:" and line != head):
            return f"found {line[:40]!r}, expected {head.strip()}"
    steps = [found for line in lines[3:] if (found := _STEP.match(line))]
    rest = lines[3 + len(steps) :]
    if [int(step[1]) for step in steps] != list(range(1, len(steps) + 1)) or not _CHECKS[0] <= len(steps) <= _CHECKS[1]:
        return "expected two to four steps, numbered from 1"
    query = rest.pop(0)[len("Query: ") :] if rest and rest[0].startswith("Query: ") else ""
    if len(rest) != 1 or not rest[0].startswith("Next: "):
        return "expected one last line that starts with Next:"
    meaning, impact = (line.partition(": ")[2] for line in lines[:2])
    return Answer(meaning, impact, tuple(step[2] for step in steps), query, rest[0][len("Next: ") :])


def build(intents: Sequence[Intent]) -> str:
    """Return the answer that follows from what a request says.

    Raises:
        KeyError: the signal is unknown, or something that the answer needs is not said.
    """
    said = {intent.aspect: str(intent.value) for intent in intents}
    return rule(said) if said.get(WANTS) == RULE else reading(said).text()


def reading(said: Mapping[str, str]) -> Answer:
    """Return what a fired alert means and how to look into it.

    Raises:
        KeyError: the signal is unknown, or something that the answer needs is not said.
    """
    signal = signals()[said[SIGNAL]].seen(said)
    meaning = f"{said[ALERT]} says that {fill(signal.meaning, said)}."
    checks = tuple(fill(template, said) for template in signal.checks)
    return fitting(Answer(meaning, signal.impact, checks, asking(signal, said), fill(signal.next, said)))


def asking(signal: Signal, said: Mapping[str, str]) -> str:
    """Return the query that shows what an alert is about, narrowed to what was named; empty where there is none."""
    return fill(scoped(signal.query, _matchers(signal, said)), {**_defaults(signal), **said})


def _matchers(signal: Signal, said: Mapping[str, str]) -> dict[str, str]:
    """Return what narrows a query: the labels of its scope, and those that it only asks to be there (`container!=""`)."""
    there = [label for label in signal.labels if f'{signal.shown(label)}!=""' in signal.query]
    return {signal.shown(label): said[label] for label in dict.fromkeys((*signal.scope, *there)) if label in said}


def fitting(answer: Answer) -> Answer:
    """Return as much of an answer as has room: where names are long, all checks but two go first, then the query."""
    shorter = replace(answer, checks=answer.checks[:2])
    for found in (answer, shorter, replace(answer, query="")):
        if len(found.text()) <= MAX_CHARS:
            return found
    return replace(shorter, query="")


def rule(said: Mapping[str, str]) -> str:
    """Return the alerting rule that was asked for.

    Raises:
        KeyError: neither a known signal nor an expression was named.
    """
    signal = signals()[said[SIGNAL]] if SIGNAL in said else None
    expr = expression(signal, said) if signal else said[EXPR]
    lasting = {"for": said[FOR]} if FOR in said else {}
    labels = {"labels": {"severity": said[SEVERITY]}} if SEVERITY in said else {}
    annotations = {"summary": signal.summary, "description": description(signal, said)} if signal else {"summary": said[SUMMARY]}
    head = {"alert": said.get(ALERT) or default_name(signal), "expr": expr, **lasting, **labels}
    return dump(head | {"annotations": annotations})


def default_name(signal: Signal | None) -> str:
    """Return what a rule is called where nobody gave it a name."""
    return (signal.stems or signal.alerts)[0] if signal else "Alert"


def expression(signal: Signal, said: Mapping[str, str]) -> str:
    """Return the expression of a rule, narrowed to what was named."""
    whole = f"{signal.query} {signal.compare}".strip()
    return fill(scoped(whole, _matchers(signal, said)), {**_defaults(signal), **said})


def open_expression(signal: Signal) -> str:
    """Return the expression of a rule about everything, with places for its settings; empty where an alert has none."""
    return scoped(f"{signal.query} {signal.compare}".strip(), {})


def description(signal: Signal, said: Mapping[str, str]) -> str:
    """Return the meaning as a template of annotations: each label stands for itself, settings for their values."""
    settings = {key: said[key] for key in SETTINGS if key in said}
    labels = {label: f"{{{{ $labels.{signal.shown(label)} }}}}" for label in signal.labels}
    return sentence(fill(signal.meaning, labels | settings))


def _defaults(signal: Signal) -> dict[str, str]:
    """Return the usual settings of a signal: where nobody said one, the first is meant."""
    usual = {"threshold": signal.thresholds, "window": signal.windows}
    return {key: values[0] for key, values in usual.items() if values}


def placed(template: str, values: Mapping[str, str]) -> list[Intent]:
    """Return an intent for each value that a template of a request mentions, in the order of mention."""
    return [Intent(name, (), values[name]) for name in dict.fromkeys(PLACE.findall(template))]
