"""Writes TOML: the standard library only reads it, and a resolved recipe must be one that can be run again."""

import json
from collections.abc import Mapping
from typing import Any


def to_toml(data: Mapping[str, Any]) -> str:
    """Return `data` as TOML text that `tomllib` reads back equal. What is None is left out: TOML has no spelling for it."""
    return "\n".join(_table(data, "")).strip("\n") + "\n"


def _table(data: Mapping[str, Any], prefix: str) -> list[str]:
    plain = {key: value for key, value in data.items() if value is not None and not isinstance(value, Mapping)}
    nested = {key: value for key, value in data.items() if isinstance(value, Mapping)}
    lines = [f"\n[{prefix}]"] if prefix and (plain or not nested) else []
    lines += [f"{_name(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in nested.items():
        lines += _table(value, f"{prefix}.{_name(key)}" if prefix else _name(key))
    return lines


def _name(key: str) -> str:
    bare = key and all((letter.isalnum() and letter.isascii()) or letter in "-_" for letter in key)
    return key if bare else _text(key)


def _text(value: str) -> str:
    """Spell text as JSON does, but for DEL, which TOML wants escaped, and without surrogates, which TOML does not know."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_name(key)} = {_value(item)}" for key, item in value.items() if item is not None) + "}"
    raise TypeError(f"{value!r} has no spelling in TOML")
