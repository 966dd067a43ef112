"""Leads skills whose answers are built from what was noted of the request: nothing in them can be wrong but the reading."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.skills.notes import read_task_notes
from kubestill.tools.grammar.api import Given, Grammar, Guide, Reading, Step

_POINTER = "⟨[0-9]{1,2}⟩"
_VALUE = rf"({_POINTER}|[^\n⟨⟩])+"
MAX_LINES, MAX_CHARS = 12, 200  # of an answer that no notes can be built into
FREE = Grammar(f"start: /[^\\n]{{1,{MAX_CHARS}}}(\\n[^\\n]{{1,{MAX_CHARS}}}){{0,{MAX_LINES - 1}}}\\n?/\n", name="a few lines")


@dataclass(frozen=True)
class Building:
    """The leading of a skill: `closed` is the aspect whose value is one of `choices`; the others are free."""

    closed: str
    choices: tuple[str, ...]
    build: Callable[[Sequence[Intent]], str]

    @property
    def lines(self) -> Sequence[str]:
        """The closed line, and that of any other aspect."""
        choices = "|".join(re.escape(choice) for choice in self.choices)
        return (rf"\n{re.escape(self.closed)}: ({choices})", rf"\n[a-z][A-Za-z.]{{1,24}}: {_VALUE}")

    def answer(self, notes: str, reading: Reading) -> Step | Given:  # noqa: ARG002 - the notes hold all that is needed
        """Return what the notes are built into, or a few free lines where they cannot be."""
        try:
            return Given(self.build(read_task_notes(notes)))
        except (KeyError, LookupError, TypeError, ValueError):  # of a stranger's notes: no aspect promises what it needs
            return Step(FREE)

    def straight(self) -> Guide:
        """Return a few free lines."""
        return _Free()


@dataclass(frozen=True)
class _Free:
    def start(self, reading: Reading) -> Step:  # noqa: ARG002 - the protocol's
        return Step(FREE)
