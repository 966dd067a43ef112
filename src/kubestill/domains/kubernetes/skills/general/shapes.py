"""The shapes of answers: templates with typed slots, written from values and read back, slot by slot compared by meaning.

`{value:number}` is a slot named value whose texts are compared as numbers. A slot without a type is a text.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.skills.general import talk

_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_PATTERNS = {
    "text": r"\S(?:[^\n]*\S)?",
    "word": r"\S+",
    "number": r"-?\d[\d,_]*(?:\.\d+)?",
    "quantity": r"-?[\d.]+[A-Za-z]*",
    "path": r"[A-Za-z][\w.\[\]*/{}-]*",
    "command": r"kubectl [^\n]*\S",
}
_INDEX = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"[a-z0-9][a-z0-9/.-]*[a-z0-9]|[a-z0-9]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?[A-Za-z%]*")
_SMALL_WORDS = frozenset("a an and are as at be by can for from has in is it its of on or so that the they to was with will".split())
LIKENESS = 0.75  # share of the words that count (and do not repeat) which a sentence must hold: no half of one holds it


@cache
def _compiled(template: str) -> re.Pattern[str]:
    """Return the pattern of a template: case and blanks of its own words do not matter, nor does a last full stop."""
    parts, last = [], 0
    for slot in _SLOT.finditer(template):
        parts.append(_literal(template[last : slot.start()]))
        parts.append(f"(?P<{slot[1]}>{_PATTERNS.get(slot[2] or 'text', _PATTERNS['text'])})")
        last = slot.end()
    parts.append(_literal(template[last:].removesuffix(".")))
    return re.compile("".join(parts) + r"\.?\Z")


def _literal(text: str) -> str:
    lines = [r"[ \t]+".join(f"(?i:{re.escape(word)})" if word else "" for word in line.split(" ")) for line in text.split("\n")]
    return r"[ \t]*\n[ \t]*".join(lines)


@cache
def slot_types(template: str) -> Mapping[str, str]:
    """Return the type of each slot."""
    return {slot[1]: slot[2] or "text" for slot in _SLOT.finditer(template)}


def write(template: str, slots: Mapping[str, str], rng: Random | None = None) -> str:
    """Return the answer; where a slot has several ways to say it, `rng` chooses, and without one the first is taken.

    Raises:
        KeyError: a slot has no value.
    """

    def value(slot: re.Match[str]) -> str:
        return talk.reply(slots[slot[1]], rng) if slot[2] == "talk" else slots[slot[1]]

    return _SLOT.sub(value, template)


def read(template: str, answer: str) -> Mapping[str, str] | None:
    """Return what stands in the slots of an answer, or None where it has another shape."""
    match = _compiled(template).match(answer.strip())
    return match.groupdict() if match else None


def agrees(kind: str, found: str, expected: str) -> bool:
    """Say whether two texts of a slot of one type mean the same."""
    return _COMPARE.get(kind, _same_text)(found, expected)


def _same_text(found: str, expected: str) -> bool:
    return found.split() == expected.split() or found.rstrip(".").split() == expected.rstrip(".").split()


def _same_number(found: str, expected: str) -> bool:
    return parse_quantity(found.replace(",", "").replace("_", "")) == parse_quantity(expected)


def _same_quantity(found: str, expected: str) -> bool:
    return parse_quantity(found) is not None and parse_quantity(found) == parse_quantity(expected)


def _same_set(found: str, expected: str) -> bool:
    return sorted(re.split(r",? and |,\s*", found.rstrip("."))) == sorted(expected.split(", "))


def _same_path(found: str, expected: str) -> bool:
    return _INDEX.sub("", found).strip(".") == _INDEX.sub("", expected)


def _same_command(found: str, expected: str) -> bool:
    return canonical(found) == canonical(expected)


def _same_working(found: str, expected: str) -> bool:
    """The same numbers are reckoned with, in any order."""
    return sorted(_NUMBER.findall(found)) == sorted(_NUMBER.findall(expected))


def _same_meaning(found: str, expected: str) -> bool:
    """Enough of the words that count, and few others: the same sentence as a person remembers it."""
    wanted, given = (set(_WORD.findall(text.lower())) - _SMALL_WORDS for text in (expected, found))
    shared = len(wanted & given)
    return bool(wanted) and shared >= LIKENESS * len(wanted) and shared >= LIKENESS * len(given)


_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "number": _same_number,
    "quantity": _same_quantity,
    "set": _same_set,
    "path": _same_path,
    "command": _same_command,
    "working": _same_working,
    "meaning": _same_meaning,
    "talk": talk.says,
}
