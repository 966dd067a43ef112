"""The skill of alerts: what a fired alert means and how to look into it, and alerting rules from conditions in words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from random import Random

from kubestill.domains.api import Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.skills.runbook import judging
from kubestill.domains.kubernetes.skills.runbook.answers import (
    ALERT,
    MAX_CHARS,
    RULE,
    SIGNAL,
    TASK,
    WANTS,
    build,
    expression,
    open_expression,
    placed,
)
from kubestill.domains.kubernetes.skills.runbook.drawing import as_spoken, draw_values, invented_name
from kubestill.domains.kubernetes.skills.runbook.filling import fill, names
from kubestill.domains.kubernetes.skills.runbook.requests import Request, reading_request, rule_request, terse_request
from kubestill.domains.kubernetes.skills.runbook.showing import Fired
from kubestill.domains.kubernetes.skills.runbook.signals import SETTINGS, Signal, signals
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Verdict

NAME = "runbook"
RUNBOOKS, ALERTS = "runbooks", "alerts"
MAX_REQUEST_CHARS = 900
_OF_MONITORING = frozenset(("prometheus", "alertmanager", "operator", "monitoring"))
_RULES, _KNOWN = 0.3, 0.45  # shares of wishes for rules, and of well known names among fired alerts

GRAMMAR = (
    "`Meaning: ...`, `Impact: ...`, `Check:` with two to four numbered kubectl commands that only read, at most one `Query: <PromQL>`, "
    "and `Next: kubectl ...`; or, where a rule is asked for, one alerting rule in YAML."
)


class RunbookSkill:
    """Draws alerts and asks about them, or asks about real ones."""

    name = NAME
    version = 4
    reads = frozenset((RUNBOOKS, ALERTS))

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent a fired alert, or the wish for a rule."""
        return _draw_rule(rng, part) if rng.random() < _RULES else _draw_reading(rng, part)

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Ask about a real alert: by its runbook or by its rule."""
        from kubestill.domains.kubernetes.skills.runbook.reversing import from_rule, from_runbook

        return from_runbook(document, rng, part) if document.form == RUNBOOKS else from_rule(document, rng, part)

    def context(self, sample: Sample) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return the form of an answer, and the closed names that it may hold."""
        return {"grammar": GRAMMAR, "slice": " ".join(("signals:", *signals()))}

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Run form, commands, PromQL and sentences, or the checks of rules; with `intents`, also whether each holds."""
        return judging.judge(answer, intents)


@cache
def _known() -> tuple[Signal, ...]:
    return _weighed(signal for signal in signals().values() if signal.alerts)


@cache
def _invented() -> tuple[Signal, ...]:
    return _weighed(signal for signal in signals().values() if signal.stems)


@cache
def _asked() -> tuple[Signal, ...]:
    return _weighed(signal for signal in signals().values() if signal.when)


def _weighed(found: Iterable[Signal]) -> tuple[Signal, ...]:
    """Return signals to choose from: what monitoring says of itself is told apart finely, and stands there half as often."""
    return tuple(signal for signal in found for _ in range(1 if signal.subject in _OF_MONITORING else 2))


def _draw_reading(rng: Random, part: str) -> Sample | Drop:
    known = rng.random() < _KNOWN
    signal = rng.choice(_known() if known else _invented())
    values = draw_values(signal, rng, part)
    values[ALERT] = rng.choice(signal.alerts) if known else invented_name(signal, rng, part)
    request = Request(rng, part, signal.subject)
    labels = list(signal.labels)
    if known and rng.random() < 0.15:
        terse_request(request, [label for label in labels if label != "container" or rng.random() < 0.5])
    else:
        shown = {signal.shown(label): label for label in labels}
        fired = Fired(shown, values["severity"], request.take(signal.firing), rng, open_expression(signal))
        reading_request(request, fired, labels)
    return reading_sample(signal, request, values)


def reading_sample(signal: Signal, request: Request, values: Mapping[str, str], source: Mapping[str, str] | None = None) -> Sample | Drop:
    """Return the sample of a request about a fired alert, whose answer is built from what the request mentions."""
    noted = [intent for intent in placed(request.text, values) if intent.aspect != "severity"]
    said = [Intent(TASK, (), NAME), *noted, Intent(SIGNAL, (), signal.id)]
    text = written(request.text, values)
    if len(text) > MAX_REQUEST_CHARS:
        return Drop("request-too-long")
    missing = [label for label in names(signal.meaning.replace("[[", "").replace("]]", "")) if label not in values]
    if any(label not in SETTINGS for label in missing):
        return Drop("label-missing")
    known = {intent.aspect: str(intent.value) for intent in noted}
    try:
        answer = build(said)
        right = tuple(fill(template, known) for template in signal.seen(known).accepted)
    except KeyError:
        return Drop("label-unsaid")
    named = tuple(known[label] for label in (signal.object,) if label in names(signal.meaning))
    expected = [
        Intent(judging.NAMED, (), named),
        Intent(judging.SAYS, (), signal.says),
        Intent(judging.RIGHT_CHECKS, (), right),
        Intent(judging.RIGHT_NEXT, (), right),
    ]
    road = "reverse" if source is not None else "procedural"
    intents = tuple(intent for intent in (*said, *expected) if intent.value != ())
    return Sample(identity(text, answer), NAME, text, answer, intents, signal.subject, road, tuple(request.forms), dict(source or {}))


def _draw_rule(rng: Random, part: str) -> Sample | Drop:
    signal = rng.choice(_asked())
    if signal.when is None:
        return Drop("not-asked-for")
    values = draw_values(signal, rng, part)
    named = rng.random() < 0.75 and bool(signal.stems)
    values[ALERT] = invented_name(signal, rng, part) if named else ""
    request = Request(rng, part)
    rule_request(request, request.take(signal.when), _scope(signal, rng), named, signal.subject == "quota")
    noted = placed(request.text, values)
    said = [Intent(TASK, (), NAME), Intent(WANTS, (), RULE), *noted, Intent(SIGNAL, (), signal.id)]
    text, answer = written(request.text, values if "={for}" in request.text else as_spoken(values, rng)), build(said)
    if len(answer) > MAX_CHARS:
        return Drop("answer-too-long")
    known = {intent.aspect: str(intent.value) for intent in noted}
    intents = (*said, Intent(judging.RIGHT_EXPR, (), (expression(signal, known),)))
    return Sample(identity(text, answer), NAME, text, answer, intents, signal.subject, "procedural", tuple(request.forms))


def _scope(signal: Signal, rng: Random) -> list[str]:
    """Return the labels that a wish is narrowed to: nothing, a namespace, or one thing in it."""
    if "namespace" in signal.scope:
        by_name = signal.object in ("deployment", "statefulset", "daemonset", "cronjob", "service", "ingress")
        roll = rng.random()
        return ["namespace", signal.object] if by_name and roll < 0.25 else ["namespace"] if roll < 0.7 else []
    return [signal.object] if signal.object == "node" and rng.random() < 0.2 else []


_ARTICLE = re.compile(r"\b([Aa]) (?=(?:info|error)\b)")  # before a severity


def written(template: str, values: Mapping[str, str]) -> str:
    """Return the text of a request."""
    return _ARTICLE.sub(r"\1n ", fill(template, values))


def identity(text: str, answer: str) -> str:
    """Return the id of a sample."""
    return f"{stable_hash(text, answer):016x}"
