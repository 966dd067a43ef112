"""One clause of a request: what it says, and the tables of parts that can say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.lines import Table, tables

# Noun phrase, bare infinitive, terse form, and what may follow the head noun: "a service for the web pods".
REGISTERS = ("np", "vp", "kv", "at")
_TRIES = 8  # draws of a line until one fits where it shall stand


@dataclass(frozen=True, slots=True)
class Clause:
    """Something to be said: `tables` maps register → table, `variables` fill the line in."""

    tables: Mapping[str, Table]
    variables: Mapping[str, str]
    address: str = ""  # the container it speaks of, where there are several
    intents: tuple[Intent, ...] = ()  # what it says
    literal: str = ""  # the value without a unit, for lines that bring their own

    def say(self, register: str, rng: Random, part: str, unfit: re.Pattern[str] | None = None) -> tuple[str, str]:
        """Return (text, id of the part) in a register; one without a table speaks in another. `unfit` finds what may not be in it."""
        usual = self.tables.get(register) or self.tables["np"]
        table = usual if usual.has(part) else next((other for other in self.tables.values() if other.has(part)), usual)
        text, form = table.pick(rng, part)
        for _ in range(_TRIES):
            if not (unfit and unfit.search(text)):
                break
            text, form = table.pick(rng, part)
        spoken = self.variables
        if self.literal and _UNIT.search(text):
            spoken = {**spoken, "v": self.literal}
        for name, value in spoken.items():
            text = text.replace("{" + name + "}", shield(value))
        return (f"{text} {_in_container(shield(self.address), rng)}" if self.address else text), form


OPEN, CLOSE = "\ue000", "\ue001"  # private characters around values, so that no later change of the text touches them


def shield(value: str) -> str:
    """Mark a value as untouchable."""
    return f"{OPEN}{value}{CLOSE}" if value else ""


_UNIT = re.compile(r"\{v\}\)?\]?['\"]? ?(?:s\b|sec|min|%|percent|pct|core|cpu|vcpu|milli|m\b|mb\b|gb\b|meg|gig|byte)")


def _in_container(name: str, rng: Random) -> str:
    return rng.choice(
        (
            *("in the {} container", "for {}", "for the {} container", "(container {})", "on {}", "in {}", "for container {}"),
            *("inside {}", "({})", "in container {}", "within the {} container", "of the {} container", "on the {} container"),
            *("in the container called {}", "for the container named {}", "when it comes to {}", "of {}", "as far as {} goes"),
        )
    ).format(name)


def pick_tables(name: str, suffix: str = "") -> dict[str, Table]:
    """Return the tables of an aspect by register; `suffix` names a variant such as `_true`."""
    found = {register: tables().get(f"{name}/{register}{suffix}") for register in REGISTERS}
    if not any(found.values()):
        return {}
    found["at"] = found["at"] or tables().get(f"at.{name}/at{suffix}")
    return {register: table for register, table in found.items() if table}
