"""The service as objects of Kubernetes: what `kubestill deploy --dry-run` prints, from the templates of the Helm chart.

There is one source, templates/deploy, which Helm reads as it stands. Its templates keep to the two forms that `render` knows: a value,
quoted or not, and lines between `if`, `else` and `end`. What may be given is told by the chart's own values.schema.json.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from kubestill.ground.errors import UserError

ORDER = (
    "serviceaccount",
    "configmap",
    "service",
    "deployment",
    "poddisruptionbudget",
    "networkpolicy",
    "horizontalpodautoscaler",
    "servicemonitor",
)
PRE_STOP_SECONDS = 5  # as deployment.yaml waits before a pod is told to stop
_VALUE = re.compile(r"\{\{ \.Values\.([\w.]+)( \| quote)? \}\}")
_LINE = re.compile(r"\s*\{\{- (?:(if) \.Values\.([\w.]+)|(else)|(end)) \}\}\s*")

Values = Mapping[str, Any]


def manifests(given: Mapping[str, Any]) -> str:
    """Return the objects as YAML. `given` has values by their path in values.yaml (`resources.cpu`); the others keep their defaults.

    Raises:
        UserError: a value is none that can be used.
    """
    values = wanted(given)
    parts = (render(_read(f"templates/{name}.yaml"), values).strip("\n") for name in ORDER)
    return "\n---\n".join(filter(None, parts)) + "\n"


def wanted(given: Mapping[str, Any]) -> Values:
    """Return all values, those given among them.

    Raises:
        UserError: one is not as values.schema.json says, or two do not go together.
    """
    import jsonschema_rs

    values: dict[str, Any] = yaml.safe_load(_read("values.yaml"))
    for path, value in given.items():
        *holders, last = path.split(".")
        holder = values
        for step in holders:
            holder = holder[step]
        holder[last] = value
    schema = json.loads(_read("values.schema.json"))
    for fault in jsonschema_rs.validator_for(schema).iter_errors(values):
        where = ".".join(map(str, fault.instance_path))
        told = " ".join(str(_at(schema["properties"], where).get("description", "")).split())
        raise UserError(where, f"found {fault.instance!r}", f"expected {told}" if told else fault.message)
    if values["terminationSeconds"] <= values["drainSeconds"] + PRE_STOP_SECONDS:
        raise UserError(
            "terminationSeconds", f"{values['terminationSeconds']} s end before a drain of {values['drainSeconds']} s", "give more"
        )
    if values["monitoring"]["enabled"] and values["monitoring"]["maxReplicas"] < values["replicas"]:
        raise UserError("replicas", f"{values['replicas']} are more than maxReplicas, {values['monitoring']['maxReplicas']}", "raise it")
    return values


def render(template: str, values: Values) -> str:
    """Return a template with its values, as Helm would render it.

    Raises:
        ValueError: it holds an action that is none of the two forms.
    """
    lines = [_VALUE.sub(lambda found: _shown(values, found), line) for line in _kept(template.splitlines(), values)]
    if strange := [line for line in lines if "{{" in line]:
        raise ValueError(f"no form that is known here: {strange[0].strip()}")
    return "\n".join(lines) + "\n"


def _kept(lines: list[str], values: Values) -> Iterator[str]:
    """Yield the lines whose conditions hold."""
    holds: list[bool] = []
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            if all(holds):
                yield line
        elif found[1]:
            holds.append(bool(_value(values, found[2])))
        elif found[3]:
            holds[-1] = not holds[-1]
        else:
            holds.pop()


def _shown(values: Values, found: re.Match[str]) -> str:
    value = _value(values, found[1])
    return json.dumps(str(value), ensure_ascii=False) if found[2] else str(value)


def _value(values: Values, path: str) -> Any:
    found: Any = values
    for step in path.split("."):
        found = found[step]
    return found


def _at(properties: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return what the schema says of a value."""
    found: Mapping[str, Any] = {"properties": properties}
    for step in path.split(".") if path else ():
        found = found.get("properties", {}).get(step, {})
    return found


@cache
def _read(name: str) -> str:
    return resources.files("kubestill.pipeline").joinpath("templates/deploy", name).read_text("utf-8")
