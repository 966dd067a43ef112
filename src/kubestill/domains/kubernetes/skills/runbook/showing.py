"""How a fired alert looks where people copy it from: each form gives a template, off which can be read what it mentions in which order."""

import json
from collections.abc import Callable
from random import Random
from typing import NamedTuple


class Fired(NamedTuple):
    """What a form shows. `shown` maps the names of labels, as alerts carry them, to the names of their values."""

    shown: dict[str, str]
    severity: str
    text: str  # a template, without the full stop
    rng: Random
    expr: str = ""  # of its rule, a template

    @property
    def sentence(self) -> str:
        """Return the text as a sentence."""
        return sentence(self.text)

    def pairs(self, form: str, joint: str) -> str:
        """Return the labels in a form such as `KEY="VALUE"`."""
        return joint.join(form.replace("KEY", key).replace("VALUE", f"{{{value}}}") for key, value in self.shown.items())


def sentence(text: str) -> str:
    """Return a clause as a sentence; a value, or a name such as cert-manager, at its start keeps its letters."""
    first = text.split()[0]
    head = text[0] if "-" in first or first in ("etcd", "kubelet", "p99") else text[0].upper()
    return f"{head}{text[1:]}" + ("" if text.endswith((".", "!")) else ".")


def _slack(fired: Fired) -> str:
    values = " ".join(f"{{{value}}}" for value in fired.shown.values())
    return f"[FIRING:1] {{alert}} ({' '.join(filter(None, (values, fired.severity)))})\n{fired.sentence}"


def _slack_long(fired: Fired) -> str:
    details = "".join(f"\n  • *{key}:* `{{{value}}}`" for key, value in fired.shown.items())
    mark = fired.rng.choice((":fire:", ":rotating_light:", "🔥", ":warning:"))
    head = f"{mark} *Alert:* {{alert}} - `{fired.severity}`\n*Description:* {fired.sentence}"
    return f"{head}\n*Details:*\n  • *alertname:* `{{alert}}`{details}"


def _mail(fired: Fired) -> str:
    labels = fired.pairs(" - KEY = VALUE", "\n")
    rest = f"{labels}\n" if labels else ""
    head = f"[1] Firing\nLabels\n - alertname = {{alert}}\n{rest} - severity = {fired.severity}"
    return f"{head}\nAnnotations\n - description = {fired.sentence}"


def _grafana(fired: Fired) -> str:
    labels = fired.pairs(" - KEY = VALUE", "\n")
    rest = f"{labels}\n" if labels else ""
    return f"**Firing**\n\nValue: [no value]\nLabels:\n - alertname = {{alert}}\n{rest}Annotations:\n - summary = {fired.sentence}"


def _amtool(fired: Fired) -> str:
    labels = fired.pairs('KEY="VALUE"', " ")
    head = f'$ amtool alert query -o extended\nalertname="{{alert}}" {labels} severity="{fired.severity}"'
    return f'{head}  description="{fired.sentence}"  active'


def _webhook(fired: Fired) -> str:
    labels = {"alertname": "{alert}", **{key: f"{{{value}}}" for key, value in fired.shown.items()}, "severity": fired.severity}
    alert = {"status": "firing", "labels": labels, "annotations": {"description": fired.sentence}}
    return json.dumps(alert, indent=2 if fired.rng.random() < 0.4 else None, ensure_ascii=False)


def _series(fired: Fired) -> str:
    labels = "".join(f',{key}="{{{value}}}"' for key, value in fired.shown.items())
    return f'ALERTS{{alertname="{{alert}}",alertstate="firing"{labels},severity="{fired.severity}"}} 1\n{fired.sentence}'


def _pager(fired: Fired) -> str:
    number = fired.rng.randrange(1000, 99999)
    head = fired.rng.choice((f"[#{number}] TRIGGERED", f"Incident #{number} (high urgency)", f"PagerDuty {number} triggered", "ALRT"))
    labels = fired.pairs("KEY: VALUE", ", ")
    return f"{head}: {{alert}} - {fired.text}" + (f" ({labels})" if labels else "")


def _opsgenie(fired: Fired) -> str:
    labels = fired.pairs("KEY: VALUE", "\n")
    rest = f"\n{labels}" if labels else ""
    return f"P{fired.rng.randrange(1, 4)} {{alert}}\n{fired.sentence}{rest}\nseverity: {fired.severity}"


def _line(fired: Fired) -> str:
    labels = fired.pairs("KEY=VALUE", " ")
    return f'alertname={{alert}} {labels} severity={fired.severity} msg="{fired.text}"'.replace("  ", " ")


def rule_form(fired: Fired) -> str:
    """Return the rule as its file has it, with labels in the place of values; below it, what it fires with."""
    text = fired.sentence
    for key, value in fired.shown.items():
        text = text.replace(f"{{{value}}}", f"{{{{ $labels.{key} }}}}")
    rest = f"\n# {fired.rng.choice(('firing', 'fires', 'fired'))} with {labels}" if (labels := fired.pairs("KEY=VALUE", " ")) else ""
    head = f"alert: {{alert}}\nexpr: {fired.expr}\nfor: {{for}}\nlabels:\n  severity: {fired.severity}"
    return f'{head}\nannotations:\n  description: "{text}"{rest}'


FORMS: tuple[Callable[[Fired], str], ...] = (
    _slack,
    _slack_long,
    _mail,
    _grafana,
    _amtool,
    _webhook,
    _series,
    _pager,
    _opsgenie,
    _line,
)
