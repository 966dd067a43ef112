"""The words in which facts.py writes what holds of single fields: bounds, formats, words, required parts, choices, repetitions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.manifests import field

Look = Callable[[Any], Faults]  # a value (never null) in; path below it and message out


class Fact(NamedTuple):
    """What holds of the values at one path; `sort` is the code of the rule that tells when it does not."""

    sort: str
    look: Look


def between(low: int, high: int | None = None) -> Fact:
    """A number within bounds, both included."""

    def look(value: Any) -> Faults:
        if isinstance(value, int) and not isinstance(value, bool) and (value < low or (high is not None and value > high)):
            yield "", f"found {value}, expected {f'at least {low}' if high is None else f'{low}-{high}'}"

    return Fact("K8S240", look)


def at_least(low: int) -> Fact:
    """A quantity that is no smaller."""

    def look(value: Any) -> Faults:
        quantity = formats.amount(value)
        if quantity is not None and quantity < low:
            yield "", f"found {value}, expected at least {low}"

    return Fact("K8S240", look)


def items(high: int, low: int = 0) -> Fact:
    """A list or map of a bounded length."""

    def look(value: Any) -> Faults:
        if not low <= len(value) <= high:
            yield "", f"found {len(value)} entries, expected {f'{low}-{high}' if low else f'at most {high}'}"

    return Fact("K8S240", look)


def form(check: Callable[[str], str], *, blank: bool = False) -> Fact:
    """A string of a format; an empty one counts as absent unless `blank` says that it is judged too."""

    def look(value: Any) -> Faults:
        if isinstance(value, str) and (value or blank) and (fault := check(value)):
            yield "", f"{value!r} {fault}"

    return Fact("K8S241", look)


def keys(check: Callable[[str], str]) -> Fact:
    """A map whose keys have a format."""

    def look(value: Any) -> Faults:
        for key in value:
            if fault := check(key):
                yield field("", key), f"{key!r} {fault}"

    return Fact("K8S241", look)


def word(*known: str) -> Fact:
    """One of some words; an empty string counts as absent."""

    def look(value: Any) -> Faults:
        if isinstance(value, str) and value and value not in known:
            yield "", f"found {value!r}, expected one of {', '.join(known)}"

    return Fact("K8S242", look)


def needs(*names: str) -> Fact:
    """An object with fields that cannot be absent or empty (zero is a value)."""

    def look(value: Any) -> Faults:
        for name in names:
            if value.get(name) in (None, "", [], {}):
                yield name, f"{name} is required"

    return Fact("K8S243", look)


def one(*names: str, least: int = 1) -> Fact:
    """An object with one of some fields: exactly one, or with `least` 0 at most one."""

    def look(value: Any) -> Faults:
        given = [name for name in names if value.get(name) is not None]
        if not least <= len(given) <= 1:
            yield "", f"found {' and '.join(given) or 'none'}, expected {'one' if least else 'at most one'} of {', '.join(names)}"

    return Fact("K8S244", look)


def unique(*names: str) -> Fact:
    """A list whose items differ: as they stand, or by some of their fields."""

    def look(value: Any) -> Faults:
        seen = set()
        for index, item in enumerate(value):
            key = repr(tuple(item.get(name) for name in names) if names and isinstance(item, dict) else item)
            if key in seen:
                yield f"[{index}]{f'.{names[0]}' if len(names) == 1 else ''}", f"{key.strip('(),')} stands twice"
            seen.add(key)

    return Fact("K8S245", look)
