"""One clause of a request: what it says, and the tables of parts that can say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.lines import Table, earlier, tables
from kubestill.domains.kubernetes.phrasing.style import SPOKEN, fitting
from kubestill.ground.numerals import WORDS

# Noun phrase, bare infinitive, terse form, and what may follow the head noun: "a service for the web pods".
REGISTERS = ("np", "vp", "kv", "at")
_TRIES = 12  # draws of a line until one fits where it shall stand


@dataclass(frozen=True, slots=True)
class Manner:
    """Where a line shall stand: in a register, of which sorts (the first there is), how long, what may not be in it, and `again` which."""

    register: str
    sorts: tuple[str, ...] = SPOKEN
    most: int = 9
    unfit: re.Pattern[str] | None = None
    again: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """Something to be said: `tables` maps register → table, `variables` fill the line in."""

    tables: Mapping[str, Table]
    variables: Mapping[str, str]
    address: str = ""  # the container it speaks of, where there are several
    intents: tuple[Intent, ...] = ()  # what it says, `inner` and `after` not counted
    literal: str = ""  # the value without a unit, for lines that bring their own
    exact: Mapping[str, str] = field(default_factory=dict)  # the values as they stand in YAML, for lines that are written as YAML is
    inner: tuple["Clause", ...] = ()  # what stands for {items}: all that is asked of one container
    after: tuple["Clause", ...] = ()  # what stands behind it in brackets: a port's name, its node port
    alike: bool = False  # whether everything in `inner` is said in the same words
    unfit: re.Pattern[str] | None = None  # what no line for it may have

    def about(self, *intents: Intent) -> "Clause":
        """Return the same clause as one that says these intents."""
        own = (self.literal, self.exact, self.inner, self.after, self.alike, self.unfit)
        return Clause(self.tables, self.variables, self.address, intents, *own)

    def said(self) -> tuple[Intent, ...]:
        """Return all that it says, in the order of mention."""
        if not self.inner and not self.after:
            return self.intents
        return (*self.intents, *(intent for part in (*self.inner, *self.after) for intent in part.said()))

    @property
    def lists(self) -> bool:
        """Say whether it is an enumeration by itself, or holds a value that is one."""
        several = len(self.intents) > 1 and len({intent.aspect for intent in self.intents}) == 1
        return several or bool(self.inner) or any(isinstance(intent.value, tuple) and len(intent.value) > 2 for intent in self.intents)

    @property
    def whole(self) -> bool:
        """Say whether it speaks of one thing at such length that it wants a sentence of its own."""
        return len(self.inner) > 1 and not self.alike

    def table(self, register: str, part: str) -> Table:
        """Return the table for a register; without one that the part has lines in, that of another register."""
        usual = self.tables.get(register) or self.tables["np"]
        return usual if usual.has(part) else next((other for other in self.tables.values() if other.has(part)), usual)

    def say(self, manner: Manner, rng: Random, part: str) -> tuple[str, str, str]:
        """Return (text, id of the part, its line); {items} is left to be filled in. A bare value has no table, and no id."""
        if not self.tables:
            return shield(self.variables["v"]), "", ""
        table = self.table(manner.register, part)
        again = manner.again and not (self.unfit and self.unfit.search(manner.again))
        lines = (manner.again,) if again else fitting(table, part, manner.sorts, manner.most)
        for _ in range(_TRIES):
            line = earlier(lines, rng, part)
            text, form = table.one_of((line,), rng)
            if self._fits(text, manner):
                break
        else:
            text, form, line = self._any(table, manner, rng, part) or (text, form, line)
        spoken = self.variables
        worded = bool(self.exact) and all(spoken[name] in WORDS for name in self.exact)
        if self.exact and (_EXACT.search(text) or (worded and (manner.register == "kv" or _COUNTED.search(text)))):
            spoken = {**spoken, **self.exact}
        if self.literal and _UNIT.search(text):
            spoken = {**spoken, "v": self.literal}
        for name, value in spoken.items():
            text = text if self.intents and self.intents[0].aspect in _WORDED else _told_apart(text, name, value)
            text = text.replace("{" + name + "}", shield(value))
        return text, form, line

    def _fits(self, text: str, manner: Manner) -> bool:
        return not (manner.unfit and manner.unfit.search(text)) and not (self.unfit and self.unfit.search(text))

    def _any(self, table: Table, manner: Manner, rng: Random, part: str) -> tuple[str, str, str] | None:
        """Return the first line of a table, whatever its sort, that fits where it shall stand."""
        for line in table.lines(part):
            text, form = table.one_of((line,), rng)
            if self._fits(text, manner):
                return text, form, line
        return None


def _told_apart(text: str, name: str, value: str) -> str:
    """Put a name that is also a word of such lines in quotes where it stands by itself: `its label "name" with the value web`."""
    word = value in text and value.isalpha() and value.islower()
    if value not in _NOUNS and not (word and re.search(rf"(?<![\w{{]){value}s?\b(?!\}})", text)):
        return text
    return re.sub(rf"(?<![^\s\u2768])(?<![:=,>] ){{{name}}}(?=[\s,:\u2769]|\Z)", lambda found: f'"{found[0]}"', text)


_WORDED = frozenset("limit hard metric.utilization metric.value target roleRef grant spec.schedule".split())  # whose values are words
_NOUNS = frozenset(
    "name label labels annotation key value data port ports path host volume volumes storage disk image images container containers "
    "pod pods config secret secrets configmap service claim template class server mount init probe rule entry".split()
)
OPEN, CLOSE = "\ue000", "\ue001"  # private characters around values, so that no later change of the text touches them


def shield(value: str) -> str:
    """Mark a value as untouchable."""
    return f"{OPEN}{value}{CLOSE}" if value else ""


_UNIT = re.compile(r"\{v\}\)?\]?['\"]? ?(?:s\b|secs?\b|seconds?\b|mins?\b|minutes?\b|%|percent|pct|cores?\b|cpus?\b|vcpu|milli|m\b)")

_COUNTED = re.compile(r"(completions|replicas|parallelism|count|limit|number|threshold|retries) \{v\}")
_EXACT = re.compile(r"=\s?['\"]?\{[vabc]|Seconds|\bseconds\b[^{]*\{v\}|(^|\s)--\w|\{[ab]\} ?x\b|\bx ?\{[ab]\}")


def pick_tables(name: str, suffix: str = "") -> Mapping[str, Table]:
    """Return the tables of an aspect by register; `suffix` names a variant such as `_true`."""
    return _by_aspect().get((name, suffix), _NO_TABLES)


_NO_TABLES: Mapping[str, Table] = {}


@cache
def _by_aspect() -> Mapping[tuple[str, str], Mapping[str, Table]]:
    """Return (aspect, suffix) → register → table, registers in their order."""
    found: dict[tuple[str, str], dict[str, Table]] = {}
    for register in REGISTERS:
        for full, table in tables().items():
            name, _, last = full.rpartition("/")
            if last.startswith(register):
                found.setdefault((name, last[len(register) :]), {})[register] = table
    for (name, suffix), row in found.items():
        beside = tables().get(f"at.{name}/at{suffix}")
        if beside and "at" not in row:
            row["at"] = beside
    return found
