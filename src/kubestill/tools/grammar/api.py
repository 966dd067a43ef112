"""What a grammar is, and how an answer is led from one to the next. Domains write them, engines follow them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal, Protocol

from kubestill.ground.errors import UserError

Syntax = Literal["lark", "json"]


class TooComplex(UserError):
    """A grammar could not be followed to the end of one answer; another answer under it may be."""


@dataclass(frozen=True)
class Grammar:
    """A set of texts, as llguidance reads it: its dialect of Lark, or a JSON schema. `name` is for people."""

    text: str
    syntax: Syntax = "lark"
    name: str = ""

    @cached_property
    def digest(self) -> str:
        """The hash that compiled forms are cached by."""
        return sha256(f"{self.syntax}\n{self.text}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Span:
    """What an answer may repeat of the request: `surface` is what the model writes (a pointer, or the word), `text` what it says."""

    surface: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A request as the model is shown it: the spans that it may repeat, and whether it notes what it understood before it answers."""

    request: str
    spans: tuple[Span, ...] = ()
    notes: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an answer that must fit `grammar`; when it is whole, `then` is given its text and tells what follows (None: the end).

    A step that another follows ends by itself: with a character after which nothing can come, or a special token. `then` depends on the
    text alone: it may be asked more than once.

    With `again` the grammar reads the text of the step before it once more, from its start: a header decides the kind, and the
    grammar of that kind covers the header, too.

    `bans` tells from the step's text what may not come next although the grammar allows it: keys that stand in a map already, pointers
    that a request did not give. There must always be another way on. `banned_with` are characters of which every ban holds one:
    tokens without them need not be held against it.

    `favours` tells from the step's text what is likelier to come next than the model thinks, of several texts any: each token on the way
    to one gets `nats` more. It decides among what is allowed, never what is allowed. Only engines that choose tokens in this process do it.
    """

    grammar: Grammar
    then: "Callable[[str], Step | Given | None] | None" = None
    again: bool = False
    bans: Callable[[str], Sequence[str]] | None = None
    banned_with: str = ":"
    favours: Callable[[str], Sequence[str]] | None = None
    nats: float = 0.0


@dataclass(frozen=True, slots=True)
class Given:
    """A rest of an answer that is certain: no model is asked. The answer ends after it."""

    text: str


class Guide(Protocol):
    """Leads one answer. A guide can be pickled; what its `start` returns need not."""

    def start(self, reading: Reading) -> Step | Given:
        """Return the first step for a request as the model reads it."""
        ...
