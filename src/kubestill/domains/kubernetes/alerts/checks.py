"""What must hold of alerting rules, one class a code; the examples are the tests. `check_rule` asks them all."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from kubestill.domains.kubernetes.alerts import promql, templates
from kubestill.domains.kubernetes.alerts.durations import seconds
from kubestill.domains.kubernetes.alerts.rules import KEYS, Reading, Rule, read_rules
from kubestill.ground.errors import near
from kubestill.tools.checks.api import Check, Finding, Tier, Verdict
from kubestill.tools.checks.run import ordered, run

MAX_FINDINGS = 50  # of one code; more only hide the first
Faults = Iterator[tuple[str, str]]  # field path and message
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")  # of a label (Prometheus data model)
_RULE = "alert: A\nexpr: {expr}\nfor: 5m\nlabels:\n  severity: warning\nannotations:\n  summary: S\n  description: {text}\n"


def _example(expr: str = "up == 0", text: str = "D") -> str:
    return _RULE.format(expr=expr, text=text)


class RuleCheck(Check[Reading]):
    """A question about each alerting rule of a text. Subclasses give `faults`."""

    tier = Tier.RULES
    severity: ClassVar[str] = "error"

    def faults(self, rule: Rule) -> Faults:
        """Yield what is wrong with one rule; paths are relative to it."""
        raise NotImplementedError

    def look(self, subject: Reading) -> Sequence[Finding] | None:
        """Judge every rule; None where there is none."""
        found = [self._finding(rule, path, message) for rule in subject.rules for path, message in self.faults(rule)]
        return found[:MAX_FINDINGS] if subject.rules else None

    def _finding(self, rule: Rule, path: str, message: str) -> Finding:
        place = f"{rule.place}.{path}" if rule.place else path
        return Finding(self.code, place, message, self.tier, rule.line, severity=self.severity, remedy=self.remedy)


class HoldsRule(Check[Reading]):
    """The text holds no alerting rule."""

    code, tier = "K8S720", Tier.FORM
    remedy = "Write an alerting rule: alert, expr, for, labels and annotations; or a file with groups of them."
    bad = ("", "groups: []\n", "record: a:b\nexpr: up\n")
    good = (_example(), "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up == 0\n")

    def look(self, subject: Reading) -> Sequence[Finding]:
        """Return a finding where there is none; a text that is no YAML is the next check's."""
        if subject.rules or subject.faults:
            return ()
        return (Finding(self.code, "", "found no alerting rule", self.tier, 1, remedy=self.remedy),)


class ReadableRule(Check[Reading]):
    """The text is not YAML that Prometheus can read."""

    code, tier = "K8S721", Tier.SYNTAX
    remedy = "Mend the YAML; quote a value that starts with {{ or holds a colon and a space."
    bad = ("alert: A\nexpr: up == 0\n  for: 5m\n", "alert: A\nalert: B\nexpr: up\n", "alert: A\nexpr: {{ up }}\n")
    good = (_example(),)

    def look(self, subject: Reading) -> Sequence[Finding]:
        """Return every place where the reader stopped."""
        found = [Finding(self.code, "", message, self.tier, line, remedy=self.remedy) for line, message in subject.faults]
        return found[:MAX_FINDINGS]


class KnownFields(RuleCheck):
    """A rule lacks `alert` or `expr`, has a field that Prometheus does not know, or one of the wrong type."""

    code, tier = "K8S722", Tier.SCHEMA
    remedy = "Use alert, expr, for, keep_firing_for, labels and annotations; labels and annotations map names to texts."
    bad = ("alert: A\n", "expr: up == 0\n", "alert: A\nexpr: up == 0\nduration: 5m\n", "alert: A\nexpr: up\nlabels: warning\n")
    good = (_example(), "alert: A\nexpr: 1\n")

    def faults(self, rule: Rule) -> Faults:
        """Yield fields that are missing, strange or of the wrong type."""
        for key in ("alert", "expr"):
            if not rule.text(key).strip():
                yield key, f"{key} is missing or empty"
        for key, value in rule.fields.items():
            if key not in KEYS:
                hint = near(str(key), KEYS)
                yield str(key), f"a rule has no field {key!r}" + (f"; {hint}" if hint else "")
            elif key in ("labels", "annotations") and value is not None and not isinstance(value, dict):
                yield key, f"found {value!r}, expected a mapping"
        for key in ("labels", "annotations"):
            for name, value in rule.table(key).items():
                if isinstance(value, dict | list) or value is None:
                    yield f"{key}.{name}", "expected a text"


class ParsableQuery(RuleCheck):
    """The expression is no PromQL, or gives something that no alert can be made of."""

    code, tier = "K8S723", Tier.SCHEMA
    remedy = "Write PromQL that gives an instant vector: close brackets, give rate() a range, compare series and not texts."
    bad = tuple(_example(expr) for expr in ("rate(up) > 0", "sum(up", "up[5m]", "foo(up) > 1", "up ==", "'\"up\"'"))
    good = (_example("sum by (job) (rate(http_requests_total[5m])) > 10"), _example("vector(1)"))

    def faults(self, rule: Rule) -> Faults:
        """Yield why the expression cannot be read."""
        try:
            query = promql.read(rule.text("expr"))
        except promql.NotAQuery as error:
            yield "expr", str(error)
            return
        if query.type in ("string", "matrix"):
            yield "expr", f"gives a {query.type}, expected an instant vector"


class Durations(RuleCheck):
    """`for` or `keep_firing_for` is no duration that Prometheus reads."""

    code, tier = "K8S724", Tier.SCHEMA
    remedy = "Write whole numbers with units from the longest to the shortest: 30s, 15m, 1h30m, 1d."
    bad = tuple(f"alert: A\nexpr: up == 0\nfor: {text}\n" for text in ("5 minutes", "5", "1.5h", "10m1h", "-5m"))
    good = tuple(f"alert: A\nexpr: up == 0\nfor: {text}\nkeep_firing_for: 5m\n" for text in ("15m", "1h30m", "1d", "0s"))

    def faults(self, rule: Rule) -> Faults:
        """Yield durations that are none."""
        for key in ("for", "keep_firing_for"):
            if rule.fields.get(key) is not None and seconds(rule.text(key)) is None:
                yield key, f"{rule.text(key)!r} is no duration"


class LabelNames(RuleCheck):
    """The name of a label or an annotation, or of the alert itself, cannot be used."""

    code, tier = "K8S725", Tier.SCHEMA
    remedy = "Names of labels and annotations hold letters, digits and _; alertname and names that start with __ are taken."
    bad = tuple(f"alert: A\nexpr: up == 0\nlabels:\n  {name}: x\n" for name in ("on-call", "__name__", "9a", "alertname"))
    good = (_example(), "alert: A\nexpr: up == 0\nlabels:\n  severity: page\n  team_name: web\n")

    def faults(self, rule: Rule) -> Faults:
        """Yield names that Prometheus refuses or overwrites."""
        for name in rule.table("labels"):
            if not _NAME.match(str(name)) or str(name).startswith("__") or name == "alertname":
                yield f"labels.{name}", f"{name!r} cannot be the name of a label"
        for name in rule.table("annotations"):
            if not _NAME.match(str(name)):
                yield f"annotations.{name}", f"{name!r} cannot be the name of an annotation"


class ReadableTemplates(RuleCheck):
    """A template in labels or annotations cannot be expanded: brackets, a variable or a function are wrong."""

    code = "K8S726"
    remedy = "Use {{ $labels.NAME }} and {{ $value }}, functions of Prometheus, and close every {{ and every block."
    bad = tuple(
        _example(text=text) for text in ("'{{ $label.pod }}'", "'{{ $value | percent }}'", "'{{ $labels.pod'", "'{{ if $value }} x'")
    )
    good = (
        _example(text="'{{ $labels.pod }} uses {{ $value | humanizePercentage }}{{ with $labels.cluster }} on {{ . }}{{ end }}'"),
        _example(text="'{{ printf \"%.2f\" $value }}% of {{ $labels.job }}'"),
    )

    def faults(self, rule: Rule) -> Faults:
        """Yield what is wrong with the templates."""
        for path, text in _texts(rule):
            yield from ((path, fault) for fault in templates.read(text).faults)


class KeptLabels(RuleCheck):
    """A template names a label that the result of the expression does not have: the text would have a hole."""

    code = "K8S727"
    remedy = "Keep the label in the aggregation (by), bring it over with group_left, or do not name it."
    bad = (
        _example("sum by (namespace) (kube_pod_info) > 5", "'{{ $labels.pod }} is there'"),
        _example("absent(up{job='x'})", "'{{ $labels.instance }} is gone'"),
        _example("sum without (pod) (kube_pod_info) > 5", "'{{ $labels.pod }}'"),
    )
    good = (
        _example("sum by (namespace) (kube_pod_info) > 5", "'{{ $labels.namespace }} is full'"),
        _example("kube_pod_info == 1", "'{{ $labels.pod }}'"),
        _example("sum by (node) (a) * on (node) group_left (zone) b > 1", "'{{ $labels.zone }}'"),
    )

    def faults(self, rule: Rule) -> Faults:
        """Yield labels that are not there."""
        kept = promql.read(rule.text("expr")).labels
        for path, text in _texts(rule):
            for name in sorted(templates.read(text).labels):
                if not kept.has(name):
                    yield path, f"the expression keeps no label {name!r}"


class NoCondition(RuleCheck):
    """The expression compares nothing: it fires for every series that exists, whatever its value."""

    code, severity = "K8S728", "warning"
    remedy = "Compare with a threshold, or use absent(); where it should always fire, vector(1) says so."
    bad = (_example("rate(http_requests_total[5m])"), _example("sum by (job) (up)"))
    good = (_example("up == 0"), _example("absent(up{job='x'})"), _example("vector(1)"), _example("a unless b"))

    def faults(self, rule: Rule) -> Faults:
        """Yield expressions without a condition."""
        query = promql.read(rule.text("expr"))
        conditional = query.comparisons or query.functions & {"absent", "absent_over_time"} or {"and", "unless"} & set(query.text.split())
        if query.metrics and not conditional:
            yield "expr", "compares nothing"


class Told(RuleCheck):
    """Whoever is woken learns neither how bad it is (severity) nor what it is (summary, description or message)."""

    code, severity = "K8S729", "warning"
    remedy = "Give the label severity and the annotation summary or description."
    bad = ("alert: A\nexpr: up == 0\nlabels:\n  severity: page\n", "alert: A\nexpr: up == 0\nannotations:\n  summary: S\n")
    good = (_example(), "alert: A\nexpr: up == 0\nlabels:\n  severity: page\nannotations:\n  message: M\n")

    def faults(self, rule: Rule) -> Faults:
        """Yield what is not told."""
        if not rule.table("labels").get("severity"):
            yield "labels.severity", "no severity"
        if not any(rule.table("annotations").get(name) for name in ("summary", "description", "message")):
            yield "annotations", "neither summary nor description"


def _texts(rule: Rule) -> Iterator[tuple[str, str]]:
    for key in ("labels", "annotations"):
        for name, value in rule.table(key).items():
            if isinstance(value, str):
                yield f"{key}.{name}", value


CHECKS: tuple[Check[Reading], ...] = ordered(
    (
        HoldsRule(),
        ReadableRule(),
        KnownFields(),
        ParsableQuery(),
        Durations(),
        LabelNames(),
        ReadableTemplates(),
        KeptLabels(),
        NoCondition(),
        Told(),
    )
)


def check_rule(text: str) -> Verdict:
    """Judge an alerting rule, or every one of a file: form, YAML, fields, PromQL, durations, names, templates.

    Raises:
        Unavailable: promql-parser is not installed.
    """
    return check_rules(read_rules(text))


def check_rules(reading: Reading) -> Verdict:
    """Judge what `read_rules` has read."""
    promql.load()  # a check that cannot look would be an ERROR without the command that mends it
    return run(CHECKS, reading)


def explain(code: str) -> str:
    """Return what a code means, in plain text.

    Raises:
        KeyError: there is no such code.
    """
    check = {check.code: check for check in CHECKS}[code]
    bad, good = (next((text for text in texts if text.strip()), "") for texts in (check.bad, check.good))
    return f"{code} ({check.tier.name.lower()})\n{check.__doc__}\nRemedy: {check.remedy}\n\nBad:\n{bad}\nGood:\n{good}"
