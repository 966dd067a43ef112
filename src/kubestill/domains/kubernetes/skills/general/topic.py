"""What a topic is: how a question is drawn, how it is solved from what it says, and what its answer looks like.

A question is drawn as what it says (`Asked.said`), and solved from that alone: so the notes of a student are enough to build the answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from kubestill.domains.kubernetes.drawing.words import Words

Said = Mapping[str, str]  # name → value, as they stand in the question and in the notes


@dataclass(frozen=True, slots=True)
class Asked:
    """A drawn question: what it says, which table says it, and which slots are filled by a table instead of a value."""

    said: dict[str, str]
    table: str = "ask"
    parts: Mapping[str, str] = field(default_factory=dict)


class Solved(NamedTuple):
    """A right answer: which of the topic's forms it has, and what stands in the slots."""

    form: str
    slots: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of question. `closed`: its values are facts that cannot be guessed, so that both parts ask for all of them."""

    name: str
    draw: Callable[[Random, Words], Asked]
    solve: Callable[[Said], Solved]  # raises ValueError or KeyError where what is said makes no question
    answers: Mapping[str, str]  # form → template with slots, see shapes.py
    weight: float = 1.0
    closed: bool = False


ONE = "is"  # the form of topics that have only one


def one(**slots: object) -> Solved:
    """Return the answer of a topic that has one form."""
    return Solved(ONE, {name: str(value) for name, value in slots.items()})


def yes_or_no(holds: bool, **slots: object) -> Solved:
    """Return the answer of a topic that is asked for a yes or a no."""
    return Solved("yes" if holds else "no", {name: str(value) for name, value in slots.items()})
