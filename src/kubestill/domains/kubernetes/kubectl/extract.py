"""Makes the package data `data/kubectl-1.36.json` out of the published command reference: facts only, no sentence of it.

    python -m kubestill.domains.kubernetes.kubectl.extract kubectl-reference.json.gz openapi-v2-1.36.json.gz kubectl-1.36.json

The reference gives commands, usage lines and flags (kubernetes/website, generated from kubectl v1.36.0); the OpenAPI document
gives resource names, kinds and scopes. Equal inputs give equal bytes.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# Where a description begins to list the values that a flag takes; the list ends with the sentence.
_LIST = re.compile(
    r"(?:(?<!only )\b(?:must be )?one of:?|must be (?=\")|legal values:?|supported values:|options are|can be either|section to modify:"
    r"|supported kinds are|type for this service:|override the generated object:|in which to render the schema|output mode\. use)"
    r"\s*(?P<list>[^.]*)",
    re.IGNORECASE,
)
_ENCLOSED = re.compile(
    r"\((?P<round>[^()]*[,|][^()]*|name)\)|\[(?P<square>[^\[\]]*)\]|(?P<quoted>[\"'][^\"']*[\"'](?:,? ?(?:or )?[\"'][^\"']*[\"'])*)"
)
_VALUE = re.compile(r"[A-Za-z][\w-]*")
_WORDS_BETWEEN = frozenset({"or", "o"})
_TYPES_WITH_VALUES = ("string", "strings")
_PATH = re.compile(r"/(?:api/(v1)|apis/([^/]+)/([^/]+))/(?:namespaces/\{namespace\}/)?([a-z]+)(?:/\{name\}(?:/([a-z]+))?)?/?")


def extract(reference: Mapping[str, Any], openapi: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts: commands with usage and flags (by number in one list of distinct flags), inherited flags, resources."""
    flags: list[list[Any]] = []
    commands: dict[str, dict[str, Any]] = {}
    for command in sorted(reference["commands"], key=lambda one: str(one["command"])):
        path = command["command"].partition(" ")[2]
        own = [_number(flag, flags) for flag in command["flags"] if path or flag["name"] == "help"]
        commands[path] = {"usage": command["usage"], "flags": own}
    inherited = [_number(flag, flags) for flag in reference["inherited_flag_details"]]
    return {
        "version": reference["version"],
        "source": f"{reference['source']} @ {reference['commit']}",
        "flag_fields": ["name", "shorthand", "type", "default", "value when none is given", "allowed values"],
        "flags": flags,
        "inherited": inherited,
        "commands": commands,
        "resource_fields": ["plural", "kind", "group", "versions", "namespaced", "subresources"],
        "resources": resources(openapi),
    }


def allowed_values(description: str, of_type: str) -> list[str]:
    """Return the values that a description lists as the only ones, or nothing."""
    found = _LIST.search(description)
    if found is None or of_type not in _TYPES_WITH_VALUES:
        return []
    listed = found["list"]
    enclosed = _ENCLOSED.search(listed)
    if enclosed is not None and not listed.startswith("strict"):
        listed = enclosed["round"] or enclosed["square"] or enclosed["quoted"]
    values = [value for value in _VALUE.findall(listed) if value not in _WORDS_BETWEEN]
    return list(dict.fromkeys(values))


def resources(openapi: Mapping[str, Any]) -> list[list[Any]]:
    """Return every built-in resource: plural, kind, group, versions, namespaced, subresources."""
    found: dict[tuple[str, str], list[Any]] = {}
    for path, operations in openapi["paths"].items():
        match = _PATH.fullmatch(path)
        kinds = [one.get("x-kubernetes-group-version-kind") for one in operations.values() if isinstance(one, dict)]
        kind = next((one["kind"] for one in kinds if one), "")
        if match is None or not kind:
            continue
        group, version, plural, subresource = match[2] or "", match[1] or match[3], match[4], match[5]
        row = found.setdefault((group, plural), [plural, "", group, [], False, []])
        row[4] = row[4] or "{namespace}" in path
        if subresource:
            row[5] = sorted({*row[5], subresource})
        else:
            row[1], row[3] = kind, sorted({*row[3], version})
    return [found[key] for key in sorted(found)]


def render(facts: Mapping[str, Any]) -> str:
    """Return the facts as JSON with one command, flag or resource a line, so that a change of version reads as a diff."""
    lines = []
    for key, value in facts.items():
        rows: Iterable[str] | None = None
        if isinstance(value, dict):
            rows = (f"{_compact(name)}: {_compact(row)}" for name, row in value.items())
        elif key in ("flags", "resources"):
            rows = (_compact(row) for row in value)
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        lines.append(f"{_compact(key)}: " + (_compact(value) if rows is None else opening + "\n" + ",\n".join(rows) + "\n" + closing))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Read reference and OpenAPI document (both gzip), write the facts."""
    reference, openapi, target = (Path(argument) for argument in arguments)
    facts = extract(*(json.loads(gzip.decompress(path.read_bytes())) for path in (reference, openapi)))
    target.write_text(render(facts), "utf-8")


def _number(flag: Mapping[str, Any], flags: list[list[Any]]) -> int:
    """Return the place of a flag in the list of distinct flags; it is added where it is new."""
    kind = flag["type"]
    if kind.startswith("--"):  # a bool whose help text quotes another flag in backticks: pflag shows that as its type
        kind = "bool"
    elif "key=value" in kind:  # NewMapStringString (k8s.io/component-base cli/flag)
        kind = "stringToString"
    row = [flag["name"], flag["shorthand"], kind, flag["default"], flag.get("no_opt_default")]
    row.append(allowed_values(flag["description"], kind))
    if row not in flags:
        flags.append(row)
    return flags.index(row)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1:])
