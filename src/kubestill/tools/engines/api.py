"""What an engine is: messages in, text out. Whatever stands behind it (a model, a server, a script) hides here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Guide

ANSWER_TOKENS = 768  # of an answer at most, unless told: what is measured and what people are answered
MAX_REMOVED = 20  # what a person may want to read of one answer


@dataclass(frozen=True, slots=True)
class Ask:
    """How to generate. Temperature 0 is greedy."""

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """What a grammar took away although the model wanted it most, and what was written instead.

    `probability` is the model's own, at temperature 1 and without the grammar; `at` counts the tokens written before.
    """

    token_text: str
    probability: float
    chosen_text: str
    at: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `cut` says that the token limit ended it, `prompt_tokens` and `tokens` count.

    `notes`: what the model wrote down of the request before it answered, a line a statement; empty where it does not do so.
    Under a guide, `forced` of the `tokens` needed no choice, since the grammar left none, and `removed` holds the first
    MAX_REMOVED places where it took away what the model wanted. `drafted` of the tokens were guessed before the model was
    asked, and found right. `unused`: names, values and numbers of the request that stand neither in the notes nor in the answer.
    """

    text: str
    prompt_tokens: int
    tokens: int
    cut: bool = False
    notes: str = ""
    forced: int = 0
    drafted: int = 0
    removed: tuple[Removed, ...] = ()
    unused: tuple[str, ...] = ()


class TooLong(UserError):
    """A request leaves no room for an answer in the context; another one may."""


class EngineFault(UserError):
    """The engine, or the server behind it, is at fault, not what was asked of it."""


class Engine(Protocol):
    """Requests in, replies out, in order. A request is one user message."""

    name: str

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        """Answer every request; each answer is led by its guide, and free where that is None.

        Raises:
            TooLong: a request is longer than the context.
            UserError: a guide's grammar is none.
        """
        ...


Told = Callable[[str], None]  # is given each part of an answer's text as soon as it is certain


@runtime_checkable
class Crowds(Protocol):
    """A desk that uses the whole machine while nobody else needs it."""

    def crowd(self) -> None:
        """Hear that somebody does."""
        ...


@runtime_checkable
class Streams(Protocol):
    """An engine that can also tell an answer while it is written."""

    def stream(self, request: str, ask: Ask, guide: Guide | None, told: Told) -> Reply:
        """Answer a request as `generate` does; what is `told`, line by line, is together the reply's text.

        Raises:
            TooLong: the request is longer than the context.
            UserError: the guide's grammar is none, or a server breaks off.
        """
        ...


class Stopped(Exception):
    """An answer was stopped before its end by whoever had asked for it."""


class Work(Protocol):
    """One answer that a desk writes."""

    def wait(self, timeout_seconds: float | None = None) -> Reply:
        """Return the reply when it is whole.

        Raises:
            TimeoutError: it was not, in time; it is written on.
            Stopped: somebody stopped it.
            TooLong: the request is longer than the context.
            UserError: the guide's grammar is none, or a server breaks off.
        """
        ...

    def stop(self) -> None:
        """Write no further; what is whole already stays so."""
        ...


class Desk(Protocol):
    """Where many ask one engine at once: answers are written together, each begins when a row is free, none waits for another's end."""

    name: str
    notes: bool  # whether the model notes what it understood before it answers
    tasks: frozenset[str]  # the skills that a student that notes was taught beside its first one
    context: int  # tokens that a request and its answer may have together; 0: unknown

    def submit(self, request: str, ask: Ask, guide: Guide | None = None, told: Told | None = None) -> Work:
        """Begin an answer; what is `told`, line by line, is together the reply's text. It is called in the desk's own thread: be brief."""
        ...

    def busy(self) -> tuple[int, int]:
        """Return how many answers are being written, and how many wait for a row."""
        ...

    def close(self) -> None:
        """Stop all work and free the model; nothing may be submitted after it."""
        ...
