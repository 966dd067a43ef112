"""Requests as templates: a fired alert in one of its forms with words around it, or the wish for a rule."""

import re
from collections.abc import Mapping
from functools import cache
from random import Random

from kubestill.domains.kubernetes.phrasing.lines import Table, read_tables
from kubestill.domains.kubernetes.skills.runbook.filling import PLACE, names
from kubestill.domains.kubernetes.skills.runbook.showing import FORMS, Fired, rule_form, sentence

_PACKAGE = "kubestill.domains.kubernetes.skills.runbook"
# What people call the thing that a label names.
_SPOKEN = {
    "job_name": "job",
    "horizontalpodautoscaler": "hpa",
    "poddisruptionbudget": "pdb",
    "persistentvolumeclaim": "pvc",
    "persistentvolume": "pv",
    "resourcequota": "quota",
    "mountpoint": "mount",
    "grpc_method": "method",
    "eviction_signal": "signal",
    "remote_name": "remote",
    "to": "upstream",
    "master": "bond",
}
# What the label `name` names, by subject.
_NAMED = {"apiservice": "API", "node": "unit", "certificate": "certificate"}
_NO_OBJECTS = ("integration", "controller")  # labels beside a namespace that name nothing in it

# In a line of phrases ( and ) choose, so brackets that are meant stand there as these.
_LITERAL = str.maketrans({"\u2768": "(", "\u2769": ")"})

_TIMED = re.compile(r"(?:hours|days|\{window\}\W?)\Z")  # a condition that ends in a time
_FOR = re.compile(r"\{when\}\{scope\},? (?:for|during|\{for\})|when \{when\}\{scope\}, \{for\}|: \{when\}\{scope\}, \{for\}")
_RULES = 0.09  # share of the pasted alerts that are pasted as their rule


class Request:
    """A template under construction, with the ids of the parts that it is made of."""

    def __init__(self, rng: Random, part: str, subject: str = "") -> None:
        self.rng, self.part, self.subject, self.text = rng, part, subject, ""
        self.forms: list[str] = []

    def pick(self, name: str) -> str:
        """Return a part of a table of frames."""
        return self.take(frames()[f"runbook.{name}"])

    def take(self, table: Table) -> str:
        """Return a part of a table."""
        text, form = table.pick(self.rng, self.part)
        self.forms.append(form)
        return text.translate(_LITERAL)


@cache
def frames() -> Mapping[str, Table]:
    """Return the tables of frames by name: `runbook.reading/lead`."""
    return read_tables(_PACKAGE, "phrases.toml", prefix="runbook.")


def spoken(label: str, subject: str = "") -> str:
    """Return what people call what a label names; `subject` is what the alert is about."""
    return _NAMED.get(subject, label) if label == "name" else _SPOKEN.get(label, label)


def about(labels: list[str], rng: Random, subject: str = "") -> str:
    """Return a template that lists labels in few words: `pod {pod} in {namespace}`."""
    own = [label for label in labels if label != "namespace"]
    if len(own) == 1 and "namespace" in labels and own[0] not in _NO_OBJECTS and rng.random() < 0.4:
        return rng.choice((f"{{namespace}}/{{{own[0]}}}", f"{spoken(own[0], subject)} {{namespace}}/{{{own[0]}}}"))
    return listed(labels, rng.choice((" in ", " in namespace ", ", namespace ", " -n ")), subject)


def listed(labels: list[str], joint: str = " in namespace ", subject: str = "") -> str:
    """Return a template that lists labels, the namespace last; empty where there are none."""
    own = ", ".join(f"{spoken(label, subject)} {{{label}}}" for label in labels if label != "namespace")
    if "namespace" not in labels:
        return own
    return f"{own}{joint}{{namespace}}" if own else "namespace {namespace}"


def reading_request(request: Request, fired: Fired, labels: list[str]) -> None:
    """Write a request about a fired alert; `labels` must all be mentioned."""
    rng = request.rng
    if rng.random() < 0.3:
        request.text = _plain(request, fired.text, labels)
        return
    as_rule = bool(fired.expr) and rng.random() < _RULES
    body = rule_form(fired) if as_rule else rng.choice(FORMS)(fired)
    request.text = _around(request, body, "reading/lead_rule" if as_rule else "reading/lead")


def _around(request: Request, body: str, lead: str) -> str:
    """Return a pasted alert with words before it or after it; who asks before it does not ask again."""
    roll = request.rng.random()
    if roll < 0.3:
        return f"{request.pick('reading/lead_ask')}\n{body}"
    before = f"{request.pick(lead)}\n" if roll < 0.6 else ""
    after = f"\n{request.pick('reading/ask')}" if 0.45 < roll < 0.92 else ""
    return f"{before}{body}{after}"


def terse_request(request: Request, labels: list[str]) -> None:
    """Write a request of few words about a well known alert."""
    if not labels:
        request.text = request.pick("reading/bare")
        return
    asks = request.rng.random() < 0.3
    request.text = request.pick("reading/terse" if asks else "reading/terse_ask").replace(
        "{about}", about(labels, request.rng, request.subject)
    )
    if asks and request.rng.random() < 0.7:
        request.text += " - " + request.pick("reading/ask")


def _plain(request: Request, text: str, labels: list[str]) -> str:
    missing = [label for label in labels if label not in names(text)]
    if missing:
        text += f" ({about(missing, request.rng, request.subject)})"
    clause = text if PLACE.match(text) or _is_name(text.split()[0]) else f"{text[0].lower()}{text[1:]}"
    asks = request.rng.random() < 0.25
    plain = request.pick("reading/plain_ask" if asks else "reading/plain")
    plain = plain.replace("{text}", clause).replace("{Text}", sentence(text)).replace("..", ".")
    return plain if asks or request.rng.random() < 0.3 else f"{plain}\n{request.pick('reading/ask')}"


def _is_name(word: str) -> bool:
    """Say whether a first word keeps its capital: a name such as CoreDNS or StatefulSet, PVC, SERVFAIL."""
    return any(letter.isupper() for letter in word[1:]) or word in ("Prometheus", "Alertmanager", "Kubernetes")


def rule_request(request: Request, when: str, scope: list[str], named: bool, quota: bool = False) -> None:
    """Write the wish for a rule. `scope` names the labels that it is narrowed to; `quota`: a namespace is what it is about."""
    lasting = request.rng.random() < 0.88
    table = "rule/named" if named and lasting else "rule/at_once" if named else "rule/unnamed"
    frame = request.pick(table)
    while not scope and _TIMED.search(when) and _FOR.search(frame):  # "gone within 4 hours for 30 minutes" is one time too many
        request.forms.pop()
        frame = request.pick(table)
    where = request.pick("rule/quota" if quota else "rule/namespace") if "namespace" in scope else ""
    own = [label for label in scope if label != "namespace"]
    if own:
        where += request.pick("rule/object").replace("{what}", spoken(own[0])).replace("{object}", f"{{{own[0]}}}")
    where = where.rstrip(",") if frame.partition("{scope}")[2][:1] in (",", ";", ".", "", "\n") else where
    request.text = frame.replace("{when}", when).replace("{scope}", where)
    if request.text[0].islower() and "=" not in request.text.split()[0] and request.rng.random() < 0.3:
        request.text = request.text[0].upper() + request.text[1:]
