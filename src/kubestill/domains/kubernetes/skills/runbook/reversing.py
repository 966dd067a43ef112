"""Requests that real runbooks and real rules answer. Their words are read where the user has them, and are never kept here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from kubestill.domains.api import Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.alerts import promql, templates
from kubestill.domains.kubernetes.alerts.rules import Rule, read_rules
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.skills.runbook import judging
from kubestill.domains.kubernetes.skills.runbook.answers import (
    ALERT,
    EXPR,
    FOR,
    MAX_CHARS,
    RULE,
    SEVERITY,
    SUMMARY,
    TASK,
    WANTS,
    Answer,
    asking,
    build,
    fitting,
    placed,
)
from kubestill.domains.kubernetes.skills.runbook.drawing import draw_label, draw_values
from kubestill.domains.kubernetes.skills.runbook.filling import fill, names
from kubestill.domains.kubernetes.skills.runbook.requests import Request, listed, reading_request, spoken, terse_request
from kubestill.domains.kubernetes.skills.runbook.showing import Fired
from kubestill.domains.kubernetes.skills.runbook.showing import sentence as as_sentence
from kubestill.domains.kubernetes.skills.runbook.signals import SETTINGS, Signal, catalogue, commands, signals
from kubestill.domains.kubernetes.skills.runbook.skill import NAME, identity, reading_sample, written

_SHORT_EXPR = 170  # characters: a request that pastes more leaves no room for an answer
_WORDS, _SENTENCE = (4, 30), 170  # words and characters of a sentence taken from a runbook
_PLAIN = re.compile(r"[\x20-\x7e]+\Z")
_SEVERITIES = ("critical", "warning", "info", "page", "error")
# Which label a subject goes by, told from an alert's name; the first that fits counts.
_SUBJECTS = (
    ("StatefulSet", "statefulset"),
    ("Deployment", "deployment"),
    ("DaemonSet", "daemonset"),
    ("CronJob", "cronjob"),
    ("Job", "job_name"),
    ("Hpa|HorizontalPodAutoscaler", "horizontalpodautoscaler"),
    ("PersistentVolumeClaim|Pvc", "persistentvolumeclaim"),
    ("Pod|Container", "pod"),
    ("Node|Kubelet|Host|Disk|Instance", "node"),
    ("Service|Http|Endpoint|Latency|Requests", "service"),
    ("Ingress", "ingress"),
)
# Where an alert is not known, how to look into a thing by the label that it goes by: three checks and what comes next.
_LOOKING: Mapping[str, str] = {
    "pod": "describe-pod logs events-pod get-pod",
    "deployment": "describe-deployment replicasets events logs-deployment",
    "statefulset": "describe-statefulset pods pvcs events",
    "daemonset": "describe-daemonset pods events get-daemonset",
    "job_name": "describe-job pods-job logs-job events",
    "cronjob": "describe-cronjob jobs pods events",
    "horizontalpodautoscaler": "describe-hpa get-hpa pods events",
    "persistentvolumeclaim": "describe-pvc events-pvc pods get-pvc",
    "node": "describe-node events-node pods-node top-node",
    "service": "describe-service slices pods events",
    "ingress": "describe-ingress services pods events",
    "namespace": "pods warnings top-pods events",
}
# What may come of it, where neither a runbook nor a signal says so.
_HARM: Mapping[str, str] = {
    "pod": "What this pod does may be slow, wrong or missing.",
    "node": "Pods on this node may suffer or be moved.",
    "persistentvolumeclaim": "Pods that use this volume may fail to write or to start.",
    "service": "Users of this service may see errors or wait.",
    "ingress": "Users from outside may see errors.",
    "namespace": "Workloads in this namespace may be affected.",
}
_ANY_HARM = "What this workload serves may be slow or missing."
_ADVICE = re.compile(r"(?:First|Check|Verify|Look|Ensure|Make sure|Investigate|Find|Run|Use|Try)\b")  # that is no harm
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
_COMMAND = re.compile(
    r"^[ \t>*-]*(?:\d+\.[ \t]*)?(?:\$[ \t]*)?`{0,3}(kubectl [^\n`|;&]+)`{0,3}[ \t]*$|`(kubectl [^\n`|;&]+)`", re.MULTILINE
)
_HOLE = re.compile(r"\$\{?([A-Za-z_]+)\}?|<([\w -]+)>")
_CLUSTER = re.compile(
    r"\s*\{\{-?\s*with \$labels\.cluster\s*-?\}\}.*?\{\{-?\s*end\s*-?\}\}|\s+(?:on|in)(?: the)? [Cc]luster \{\{\s*\$labels\.cluster\s*\}\}"
)


def from_rule(document: Document, rng: Random, part: str) -> Sample | Drop:
    """Ask about an alert in the words of its rule, or ask for the rule."""
    reading = read_rules(document.text)
    if len(reading.rules) != 1 or reading.faults:
        return Drop("not one rule that can be read")
    rule = reading.rules[0]
    if not rule.text("alert") or not _PLAIN.match(rule.text("alert")):
        return Drop("a rule whose name is no plain text")
    wished = _wish(rule, document, rng, part) if rng.random() < 0.4 else None
    return wished or _fired(rule, document, rng, part)


def from_runbook(document: Document, rng: Random, part: str) -> Sample | Drop:
    """Ask about an alert; meaning, impact and commands are its runbook's, as far as they can be used."""
    alert = document.kind.strip()
    if not re.match(r"[A-Za-z][\w:-]*\Z", alert):
        return Drop("a runbook of no alert's name")
    signal = signals().get(catalogue().get(alert, ""))
    labels = list(signal.labels) if signal else _guessed(alert)
    if not labels and signal is None:
        return Drop("the alert's name does not tell what it is about")
    values = draw_values(signal, rng, part) if signal else _drawn(labels, rng, part)
    sections = _sections(document.text)
    meaning, impact = _sentence(sections.get("meaning", "")), _sentence(sections.get("impact", ""))
    if signal and (not impact or _ADVICE.match(impact)):
        impact = signal.seen(values).impact
    if not meaning or not impact:
        lacking = "impact" if meaning else "meaning"
        return Drop(f"the first sentence under {lacking.title()} cannot be used: {_fault(_first(sections.get(lacking, '')))}")
    request = Request(rng, part, signal.subject if signal else "")
    text = request.take(signal.firing) if signal and rng.random() < 0.7 else ""
    if signal and text and not set(names(text)) & set(SETTINGS):  # the runbook may speak of other thresholds
        reading_request(request, Fired({signal.shown(label): label for label in labels}, values[SEVERITY], text, rng), labels)
    else:
        terse_request(request, labels)
    own = [fill(command, values) for command in _commands(document.text, labels)]
    return _told(_Case(alert, labels, values | {ALERT: alert}, signal), request, (meaning, impact, own), document)


class _Case:
    """An alert with its values, and how one looks into it."""

    def __init__(self, alert: str, labels: Sequence[str], values: Mapping[str, str], signal: Signal | None) -> None:
        self.alert, self.labels, self.values = alert, labels, values
        self.signal = signal = signal.seen(values) if signal else None
        if signal:
            self.checks, self.accepted, self.next = signal.checks, signal.accepted, signal.next
        else:
            known = tuple(commands()[name] for name in _LOOKING[self.key].split())
            self.checks, self.accepted, self.next = known[:3], known, known[3]

    @property
    def key(self) -> str:
        """Return the label by which one looks into it, where no signal says how."""
        return next((label for label in _LOOKING if label in self.labels), "namespace")

    @property
    def subject(self) -> str:
        """Return what results are grouped by."""
        return self.signal.subject if self.signal else spoken(self.key)


def _told(case: _Case, request: Request, told: tuple[str, str, list[str]], document: Document) -> Sample | Drop:
    """Return the sample whose sentences and commands come from a document."""
    meaning, impact, own = told
    noted = [intent for intent in placed(request.text, case.values) if intent.aspect != SEVERITY]
    known = {intent.aspect: str(intent.value) for intent in noted}
    try:
        right = tuple(fill(template, known) for template in case.accepted)
        usual = [fill(template, known) for template in case.checks]
        step = fill(case.next, known)
    except KeyError:
        return Drop("the request does not say a label that the answer needs")
    checks = _merged(own[:2], usual, right)
    thing = listed([label for label in case.labels if label in known], subject=request.subject)
    query = asking(case.signal, known) if case.signal else ""
    head = f"{case.alert} ({fill(thing, known)})" if thing else case.alert
    answer = fitting(Answer(f"{head}: {meaning}", impact, checks, query, step)).text()
    text = written(request.text, case.values)
    if len(answer) > MAX_CHARS:
        return Drop("the answer is too long")
    named = tuple(known[label] for label in case.labels if label in known and label != "namespace")[:1]
    expected = (
        Intent(judging.NAMED, (), named),
        Intent(judging.RIGHT_CHECKS, (), tuple(dict.fromkeys((*right, *own)))),
        Intent(judging.RIGHT_NEXT, (), tuple(dict.fromkeys((*right, *own)))),
    )
    intents = (Intent(TASK, (), NAME), *noted, *(intent for intent in expected if intent.value))
    return Sample(identity(text, answer), NAME, text, answer, intents, case.subject, "reverse", tuple(request.forms), dict(document.source))


def _merged(own: Sequence[str], usual: Sequence[str], right: Sequence[str]) -> tuple[str, ...]:
    """Return three checks, a runbook's own first, in our spelling where we have one, none twice."""
    spelled = {canonical(command): command for command in right}
    found = {(key := canonical(command)): spelled.get(key, command) for command in (*own, *usual)}
    return tuple(found.values())[:3]


def _fired(rule: Rule, document: Document, rng: Random, part: str) -> Sample | Drop:
    """Ask about an alert as it would arrive: the annotation with values in it."""
    alert = rule.text("alert")
    signal = signals().get(catalogue().get(alert, ""))
    annotation = next(
        (str(rule.table("annotations")[key]) for key in ("description", "message", "summary") if rule.table("annotations").get(key)), ""
    )
    annotation = " ".join(_CLUSTER.sub("", annotation).split())
    wanted = templates.read(annotation)
    if not annotation or wanted.faults or len(annotation) > 300 or re.search(r"\{\{-?\s*(?:if|with|range|end|else)", annotation):
        return Drop("the annotation is missing, over 300 characters, or a template that cannot be filled")
    labels = list(signal.labels) if signal else [label for label in wanted.labels if label != "cluster"]
    names_of = {signal.shown(label): label for label in labels} if signal else {label: label for label in labels}
    if not signal and "instance" in labels and re.search(r"\bnode_", rule.text("expr")):
        names_of["instance"] = "node"  # as kube-prometheus relabels node-exporter
        labels = ["node" if label == "instance" else label for label in labels]
    drawn = draw_values(signal, rng, part) if signal else _drawn(sorted(labels), rng, part)
    words = Words(rng, part)
    told = (signal.id, signal.subject) if signal else ()
    shown = {label: f"{{{names_of[label]}}}" if label in names_of else draw_label(label, words, *told) for label in sorted(wanted.labels)}
    text = templates.filled(annotation, shown, _value(annotation, rule, rng)).rstrip(".").replace('"', "'")
    values = drawn | {ALERT: alert, SEVERITY: str(rule.table("labels").get(SEVERITY, "warning")), FOR: rule.text("for") or "5m"}
    request = Request(rng, part, signal.subject if signal else "")
    reading_request(request, Fired(names_of, values[SEVERITY], text, rng), labels)
    if signal:
        return reading_sample(signal, request, values, document.source)
    if not set(labels) & set(_LOOKING):
        return Drop("no label of the alert tells what it is about")
    meaning = _sentence(fill(text, values) + ".")
    if not meaning:
        return Drop("the annotation is no sentence that can be used")
    case = _Case(alert, labels, values, None)
    return _told(case, request, (meaning, _HARM.get(case.key, _ANY_HARM), []), document)


def _wish(rule: Rule, document: Document, rng: Random, part: str) -> Sample | None:
    """Ask for a rule around a real expression; None where it is too long to be pasted."""
    expr = " ".join(re.sub(r"#[^\n]*", "", rule.text("expr")).split())
    summary = " ".join(str(rule.table("annotations").get(SUMMARY, "")).split()).rstrip(".")
    severity = rule.table("labels").get(SEVERITY)
    usable = _PLAIN.match(expr) and "`" not in expr and len(expr) <= _SHORT_EXPR and 10 <= len(summary) <= 90 and "{{" not in summary
    if not usable or severity not in _SEVERITIES or not rule.text("for"):
        return None
    values = {ALERT: rule.text("alert"), EXPR: expr, SUMMARY: summary, SEVERITY: str(severity), FOR: rule.text("for")}
    request = Request(rng, part)
    request.text = request.pick("rule/wrap")
    noted = placed(request.text, values)
    said = (Intent(TASK, (), NAME), Intent(WANTS, (), RULE), *noted)
    text, answer = written(request.text, values), build(said)
    intents = (*said, Intent(judging.RIGHT_EXPR, (), (expr,)))
    signal = signals().get(catalogue().get(rule.text("alert"), ""))
    subject, forms = signal.subject if signal else RULE, tuple(request.forms)
    return Sample(identity(text, answer), NAME, text, answer, intents, subject, "reverse", forms, dict(document.source))


def _guessed(alert: str) -> list[str]:
    """Return the labels that an alert of this name would carry, or none where nobody can tell."""
    label = next((label for words, label in _SUBJECTS if re.search(words, alert)), "")
    return [label] if label == "node" else ["namespace", label] if label else []


def _drawn(labels: Sequence[str], rng: Random, part: str) -> dict[str, str]:
    words = Words(rng, part)
    return {label: draw_label(label, words) for label in labels} | {SEVERITY: rng.choice(("warning", "critical")), FOR: "5m"}


def _value(annotation: str, rule: Rule, rng: Random) -> str:
    """Return a value that would fire, as the template would format it."""
    try:
        found = next(((op, edge) for op, edge in promql.read(rule.text("expr")).comparisons if edge is not None), (">", 0.0))
    except promql.NotAQuery:
        found = (">", 0.0)
    op, edge = found
    share = 0 < edge < 1
    value = (
        edge * rng.uniform(0.2, 0.95)
        if op in ("<", "<=")
        else edge + rng.uniform(0.05, 0.9) * ((1 - edge) if share else max(edge, 8.0) / 4)
    )
    if "humanizePercentage" in annotation:
        return f"{value * 100 if value < 2 else value:.4g}%"
    if "humanizeDuration" in annotation:
        return (
            f"{int(value // 86400)}d {int(value % 86400 // 3600)}h"
            if value >= 86400
            else f"{int(value // 3600)}h {int(value % 3600 // 60)}m"
        )
    if re.search(r'"%\.[1-9]', annotation):
        return f"{value * 100 if share and '}}%' in annotation else value:.2f}"
    return str(max(1, int(value) + (op == ">")))


def _sections(text: str) -> dict[str, str]:
    """Return the text below each heading, by the heading in lower case."""
    found = list(_HEADING.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    return {one[1].strip().lower(): text[one.end() : end].strip() for one, end in zip(found, ends, strict=True)}


def _sentence(text: str) -> str:
    """Return the first sentence of a section as plain words, or an empty string where it cannot be used."""
    sentence = _first(text)
    return "" if _fault(sentence) else as_sentence(sentence)


def _first(text: str) -> str:
    """Return the first sentence of a section without its markup."""
    text = re.sub(r"<[^>]+>|\{\{[<%].*?[%>]\}\}", " ", re.sub(r"```.*?```", " ", text, flags=re.DOTALL))
    text = re.sub(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?", r"\1", text)
    paragraph = " ".join(re.sub(r"[`*_>]", "", text.strip().split("\n\n")[0]).split())
    sentence = re.split(r"(?<=[a-z0-9)])[.!](?:\s|$)", paragraph)[0].strip(" .:-")
    return re.sub(r"^(?:This|The) alert (?:(?:is (?:fired|triggered)|fires) (?:when|if)|means that) ", "", sentence)


def _fault(sentence: str) -> str:
    """Say why a sentence cannot be used; an empty string where it can."""
    if not sentence:
        return "there is none"
    if not _WORDS[0] <= len(sentence.split()) <= _WORDS[1] or len(sentence) > _SENTENCE:
        return f"it must have {_WORDS[0]} to {_WORDS[1]} words, and {_SENTENCE} characters at most"
    if not _PLAIN.match(sentence) or not sentence[0].isalpha():
        return "it must be plain ASCII and begin with a letter"
    if re.search(r"https?:|TO[D]O|X{2,}| - |\bSee\b|:\s|\bfollowing\b|\bbelow\b|\$", sentence):
        return "it points elsewhere (a link, a colon, a list) or is unfinished"
    return ""


def _commands(text: str, labels: Sequence[str]) -> Iterator[str]:
    """Yield the commands of a runbook that read and whose holes can be filled, as templates."""
    for found in _COMMAND.finditer(text):
        command = _HOLE.sub(lambda match: _label_of(match[1] or match[2], labels), (found[1] or found[2]).strip())
        command = re.sub(r"^kubectl -n (\{namespace\}) (.*)", r"kubectl \2 -n \1", command)
        if "namespace" in labels and not re.search(r" -n | -A\b| --namespace| --all-namespaces", command):
            continue  # it would look into whatever namespace is current
        if any(name not in labels for name in names(command)) or re.search(r"[$<>{]", re.sub(r"\{\w+\}", "", command)):
            continue
        parsed = parse(re.sub(r"\{\w+\}", "x", command))
        if len(parsed.calls) == 1 and parsed.effect is Effect.READS and not parsed.others and not check_parsed(parsed).findings:
            yield command


def _label_of(hole: str, labels: Sequence[str]) -> str:
    """Return the label that a hole such as $POD, $NAME or <my-namespace> stands for, as a place; the hole itself where none does."""
    word = re.sub(r"^(?:my|your|the)[-_ ]", "", hole.strip().lower())
    word = re.sub(r"[-_ ]?name$", "", word) or "name"
    thing = next((label for label in labels if label != "namespace"), "")
    spellings = {
        "ns": "namespace",
        "pvc": "persistentvolumeclaim",
        "pv": "persistentvolume",
        "job": "job_name",
        "hpa": "horizontalpodautoscaler",
    }
    label = spellings.get(word, thing if word == "name" else word)
    return f"{{{label}}}" if label in labels else "<hole>"
