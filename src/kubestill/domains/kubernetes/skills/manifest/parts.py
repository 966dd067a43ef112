"""The phrase parts of the wider roads (edits, sets, custom resources, manners), and someone who speaks with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import CLOSE, OPEN, Manner, shield
from kubestill.domains.kubernetes.phrasing.clauses import clauses
from kubestill.domains.kubernetes.phrasing.finish import bare, tidy
from kubestill.domains.kubernetes.phrasing.lines import Table, earlier, read_tables
from kubestill.ground.seeds import stable_hash

FILES = ("edits", "sets", "custom", "manners")
_SHORT = 7  # words of a clause of the plain road among others
_TRIES = 6  # draws of a line until it is one that was not used


@cache
def parts() -> Mapping[str, Table]:
    """Return every table of the wider roads by name, as `manifest.edits.verb/raise`."""
    found: dict[str, Table] = {}
    for file in FILES:
        found |= read_tables("kubestill.domains.kubernetes", f"phrases/{file}.toml", prefix=f"manifest.{file}.")
    return found


@cache
def digest() -> str:
    """Return a digest of all these parts: samples of other parts are other samples."""
    return f"{stable_hash(*(line for table in parts().values() for line in (*table.train, *table.held))):016x}"


@dataclass
class Speaker:
    """Someone who writes a request: chance (`rng`), the part of the tables, and the ids of the parts used so far."""

    rng: Random
    part: str
    forms: list[str] = field(default_factory=list)
    _lines: dict[str, str] = field(default_factory=dict)  # what `steadily` keeps to

    def say(self, name: str, **values: str) -> str:
        """Return a line of a table with its placeholders filled in; what is filled in is shielded from changes of the text."""
        text, form = parts()[f"manifest.{name}"].early(self.rng, self.part)
        self.forms.append(form)
        for key, value in values.items():
            text = text.replace("{" + key + "}", shield(value)) if value else text
        return text

    def steadily(self, name: str, **values: str) -> str:
        """Return the line of a table that this person keeps to, as people write a list: each of its lines alike."""
        table = parts()[f"manifest.{name}"]
        lines = (self._lines[name],) if name in self._lines else table.lines(self.part)
        self._lines[name] = earlier(lines, self.rng, self.part)
        text, form = table.one_of((self._lines[name],), self.rng)
        self.forms.append(form)
        for key, value in values.items():
            text = text.replace("{" + key + "}", shield(value)) if value else text
        return text

    def fresh(self, name: str, chance: float = 1.0) -> str:
        """Return a line of a table that this person has not used yet, or nothing."""
        if self.rng.random() >= chance:
            return ""
        for _ in range(_TRIES):
            text, form = parts()[f"manifest.{name}"].early(self.rng, self.part)
            if form not in self.forms:
                self.forms.append(form)
                return text
        return ""

    def maybe(self, name: str, chance: float, **values: str) -> str:
        """Return a line of a table, or nothing."""
        return self.say(name, **values) if self.rng.random() < chance else ""

    def clause(self, intent: Intent, register: str) -> str:
        """Return a statement in the words of the plain road, as a noun phrase or infinitive; empty where it has none for it alone."""
        said, _ = clauses([intent], self.rng)
        if len(said) != 1 or register not in said[0].tables or said[0].after:
            return ""
        text, form, _ = said[0].say(Manner(register, most=_SHORT), self.rng, self.part)
        self.forms.append(form)
        return text

    def chance(self, probability: float) -> bool:
        """Return True with that probability."""
        return self.rng.random() < probability


def has(name: str) -> bool:
    """Say whether there is a table of that name."""
    return f"manifest.{name}" in parts()


_PIECES = re.compile(f"{OPEN}+[^{OPEN}{CLOSE}]*{CLOSE}+")
_STARTS = re.compile(r"(^|[.!?]\s+|\n)([a-z])(?=[a-z']*[\s,])")
_EGO = re.compile(r"\bi(?=[ '])")


def finished(text: str, capitals: bool) -> str:
    """Return a text with the shields taken off: one space between words, `capitals` where sentences begin."""
    text = tidy(text)
    if capitals:
        text = _STARTS.sub(lambda match: match[1] + match[2].upper(), text)
        text = _EGO.sub("I", text)
    return bare(text)


def unpunctuated(text: str) -> str:
    """Return a text as dictation gives it: lower case and no punctuation, but for what was filled in."""
    kept, place, out = list(_PIECES.finditer(text)), 0, []
    for match in kept:
        out += [_bare(_spoken(text[place : match.start()]) if place else text[: match.start()]), match[0]]
        place = match.end()
    return re.sub(r"\s+", " ", "".join([*out, _bare(_spoken(text[place:]))])).strip()


def _spoken(gap: str) -> str:
    """Return what stands behind a value with `and` for a comma, without which nobody would hear where the value ends."""
    return _COMMA.sub(" and ", gap)


_COMMA = re.compile(r"\A, (?!(and|plus|with|as|then|so|please|pls|i|it|which|that|thanks?|ty|for|in|on|a|an|the)\b)")


def _bare(text: str) -> str:
    return re.sub(r"[.,;:!?()\u2768\u2769\"\n-]+", " ", text.lower())
