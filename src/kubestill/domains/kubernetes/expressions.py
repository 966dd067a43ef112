"""Rules that a CustomResourceDefinition states in CEL (`x-kubernetes-validations`), evaluated as on the creation of an object.

The language is the package common-expression-language (the Rust implementation, Apache-2.0); what Kubernetes adds to it are the
functions below (k8s.io/apiserver/pkg/cel/library). A rule that needs more, or the object as it was before, is not judged, and that is told.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, NamedTuple

from kubestill.domains.kubernetes.manifests import field

PACKAGE, INSTALL = "cel", "pip install 'kubestill[cel]'"
_OLD = re.compile(r"\boldSelf\b|\boptionalOldSelf\b")  # of a transition rule: nothing to judge while an object is made
_ESCAPED = re.compile(r"\.__|__(dot|dash|slash|underscores)__")  # Kubernetes' spelling of names that CEL cannot spell


class Rule(NamedTuple):
    """One rule where it stands: field path, the expression, what it says of itself, and the value that it calls `self`."""

    path: str
    expression: str
    message: str
    value: Any


class Judgement(NamedTuple):
    """What the rules of an object say: those that do not hold (path, message), and how many could not be judged."""

    broken: tuple[tuple[str, str], ...]
    unjudged: int
    judged: int


def judge(value: Mapping[str, Any], schema: Mapping[str, Any]) -> Judgement:
    """Evaluate every rule of a definition's schema on an object whose fields the schema has passed."""
    broken, unjudged, judged = [], 0, 0
    for rule in rules(defaulted(value, schema), schema):
        held = _holds(rule)
        if held is None:
            unjudged += 1
            continue
        judged += 1
        if not held:
            broken.append((rule.path, rule.message or f"failed rule: {rule.expression}"))
    return Judgement(tuple(broken), unjudged, judged)


def rules(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[Rule]:
    """Yield every rule that concerns some part of a value, outer ones first; rules about a change are left out."""
    for stated in schema.get("x-kubernetes-validations") or ():
        rule = stated if isinstance(stated, Mapping) else {}
        expression = str(rule.get("rule", ""))  # one without an expression cannot be judged, and is counted so
        if not _OLD.search(expression):
            place = field(path, rule["fieldPath"].lstrip(".")) if rule.get("fieldPath") else path
            yield Rule(place, expression, rule.get("message", ""), value)
    if isinstance(value, Mapping):
        known, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, part in value.items():
            below = known.get(name, more)
            if isinstance(below, Mapping) and part is not None:
                yield from rules(part, below, field(path, str(name)))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, part in enumerate(value):
            yield from rules(part, schema["items"], field(path, index))


def defaulted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a copy with the definition's defaults in place: the server judges the rules after it has put them in."""
    if isinstance(value, list):
        return [defaulted(part, schema.get("items") or {}) for part in value]
    if not isinstance(value, Mapping):
        return value
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    found = {name: part for name, part in value.items() if part is not None or (known.get(name) or {}).get("nullable")}
    for name, below in known.items():
        if name not in found and "default" in below:
            found[name] = json.loads(json.dumps(below["default"]))
    parts = {name: known.get(name, more) for name in found}
    return {name: defaulted(part, below) if isinstance(below := parts[name], Mapping) else part for name, part in found.items()}


@cache
def available() -> bool:
    """Return whether the package that evaluates CEL is installed."""
    return find_spec(PACKAGE) is not None


def _holds(rule: Rule) -> bool | None:
    """Return whether a rule holds; None where it cannot be judged here."""
    import cel

    if _ESCAPED.search(rule.expression):
        return None
    try:
        said = _program(rule.expression).execute(cel.Context(variables={"self": rule.value}, functions=dict(FUNCTIONS)))
    except (ValueError, RuntimeError, TypeError, LookupError):
        return None  # a function that is not here, a field that is not there, or an expression that this implementation does not take
    return said if isinstance(said, bool) else None


@cache
def _program(expression: str) -> Any:
    import cel

    return cel.compile(expression)


def _is_address(text: Any, read: Callable[[Any], Any]) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _substring(text: str, start: int, end: int | None = None) -> str:
    if not 0 <= start <= (len(text) if end is None else end) <= len(text):
        raise ValueError("substring out of range")
    return text[start:end]


def _index(within: Any, one: Any, *start: int) -> int:
    if isinstance(within, str):
        return within.find(one, *start)
    return within.index(one) if one in within else -1


def _last_index(within: Any, one: Any) -> int:
    if isinstance(within, str):
        return within.rfind(one)
    return len(within) - 1 - within[::-1].index(one) if one in within else -1


# k8s.io/apiserver/pkg/cel/library: ip.go, cidr.go, lists.go, regex.go; github.com/google/cel-go/ext: strings.go.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "isIP": lambda text: _is_address(text, ipaddress.ip_address),
    "isCIDR": lambda text: "/" in text and _is_address(text, lambda one: ipaddress.ip_network(one, strict=False)),
    "split": lambda text, mark, *most: text.split(mark, *(number - 1 for number in most)) if mark else list(text),
    "join": lambda texts, *mark: "".join(mark).join(texts),
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "replace": lambda text, old, new, *most: text.replace(old, new, *most),
    "substring": _substring,
    "charAt": lambda text, place: text[place : place + 1],
    "indexOf": _index,
    "lastIndexOf": _last_index,
    "isSorted": lambda items: all(first <= second for first, second in pairwise(items)),
    "sum": lambda items: sum(items),
    "find": lambda text, pattern: found[0] if (found := re.search(pattern, text)) else "",
    "findAll": lambda text, pattern: [found[0] for found in re.finditer(pattern, text)],
}
