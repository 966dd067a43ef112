"""What engines share that read and write tokens in this process: requests to prompts, prompts to answers, in batches of like length."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

from kubestill.ground.errors import UserError
from kubestill.tools.chat.format import Prompt
from kubestill.tools.engines.api import Ask, Removed, Reply, Told, TooLong
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.reading import read_request
from kubestill.tools.engines.streaming import Decoded, Lines
from kubestill.tools.engines.writing import Guesser, Model, Table, Taken, Writing, write
from kubestill.tools.grammar.api import Guide
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.grammar.session import Session

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_POINTED = re.compile(r"‹[^›]*›⟨\d+⟩|[\w.-]*\d[\w.-]*[A-Za-z_][\w.-]*")  # marks, and numbers that a unit follows: they may be reckoned
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])(?! ?(?:am|pm|o'clock|m|h|s|min|sec|hour|minute|second|day|week|gb|mb|gi|mi|g)\b)")
_SPAN = re.compile(r"\d+(?:\.\d+)?[A-Za-z%]*(?:-|\.\.)\d")
_PARTS = re.compile(r"[\s:/=]+")
_ENDS = re.compile(r"\d+(?:\.\d+)?")
ROWS = 64  # rows of a batch: more gain little on a CPU and cost cache


class Voice(Protocol):
    """How a model is spoken to. `copying` is "slots" where it points at the request's words, "spell" where it writes them."""

    @property
    def copying(self) -> str:
        """Whether answers hold pointers ("slots") or words ("spell")."""
        ...

    @property
    def notes(self) -> bool:
        """Whether the model notes what it understood before it answers."""
        ...

    def prompt(self, request: str) -> Prompt:
        """Render a request up to the point where the model writes."""
        ...

    def answer(self, text: str, prompt: Prompt) -> str:
        """Turn the model's text into the answer."""
        ...

    def understood(self, text: str, prompt: Prompt) -> str:
        """Return what the model noted of the request."""
        ...


@dataclass(frozen=True)
class Words:
    """A model's words: its tokenizer, how it is spoken to, the tokens that end an answer (a grammar's end is the first), its context."""

    tokenizer: "Tokenizer"
    voice: Voice
    ends: tuple[int, ...]
    context: int

    @cached_property
    def compiler(self) -> Compiler:
        """What compiles grammars for this vocabulary; made when the first guide comes."""
        return Compiler(Pieces.of_tokenizer(self.tokenizer, self.ends[0]))


class LocalEngine:
    """A model and its words. `guesser` (drafts of what manifests look like) makes guided answers faster and never other."""

    name: str
    rows = ROWS

    def __init__(self, model: Model, words: Words, guesser: Guesser | None = None) -> None:
        self.model, self.words, self.guesser = model, words, guesser
        self._broken: dict[int, bool] = {}

    def model_for(self, ask: Ask) -> Model:  # noqa: ARG002 - for models whose memory depends on how long answers may be
        """Return the model made ready for what is asked."""
        return self.model

    @property
    def notes(self) -> bool:
        """Whether the model notes what it understood before it answers."""
        return self.words.voice.notes

    @property
    def tasks(self) -> frozenset[str]:
        """The skills that a student that notes was taught beside its first one."""
        return getattr(self.words.voice, "tasks", frozenset())

    @property
    def context(self) -> int:
        """Tokens that a request and its answer may have together."""
        return self.words.context

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        """Answer every request, led by its guide or free; batches are of like length, and no answer depends on its batch.

        Raises:
            TooLong: a request leaves no room in the context.
            UserError: a guide's grammar is none.
        """
        prompts = [self.words.voice.prompt(request) for request in requests]
        coded = self.words.tokenizer.encode_batch_fast([prompt.text for prompt in prompts], add_special_tokens=False)
        each = zip(requests, prompts, coded, guides or [None] * len(requests), strict=True)
        writings = [self._begun(request, (prompt, code.ids), ask, guide) for request, prompt, code, guide in each]
        order = sorted(writings, key=lambda writing: len(writing.prompt))
        model = self.model_for(ask)
        for start in range(0, len(order), self.rows):
            write(model, order[start : start + self.rows])
        return [self._reply(prompt, writing) for prompt, writing in zip(prompts, writings, strict=True)]

    def stream(self, request: str, ask: Ask, guide: Guide | None, told: Told) -> Reply:
        """Answer a request as `generate` does, and tell its text line by line; what follows from the notes is told at once.

        Raises:
            TooLong: the request leaves no room in the context.
            UserError: the guide's grammar is none.
        """
        answering = self.begin(request, ask, guide, told)
        write(self.model_for(ask), [answering.writing], answering.tell)
        return answering.reply()

    def begin(self, request: str, ask: Ask, guide: Guide | None, told: Told | None = None) -> "Answering":
        """Return an answer before its first token is chosen.

        Raises:
            TooLong: the request leaves no room in the context.
            UserError: the guide's grammar is none.
        """
        prompt = self.words.voice.prompt(request)
        (code,) = self.words.tokenizer.encode_batch_fast([prompt.text], add_special_tokens=False)
        return Answering(self, prompt, self._begun(request, (prompt, code.ids), ask, guide), told)

    def _begun(self, request: str, prompted: tuple[Prompt, list[int]], ask: Ask, guide: Guide | None) -> Writing:
        """Return the answer to a request before its first token is chosen; `prompted`: its prompt, and the tokens of that."""
        prompt, tokens = prompted
        writing = Writing(tokens, Chooser(ask, request), min(ask.max_new_tokens, self._room(request, len(tokens))), self.words.ends)
        if guide is not None:
            writing.lead(self._session(guide, request, prompt), self.words.compiler.pieces.size, self.guesser)
        return writing

    def _room(self, request: str, length: int) -> int:
        """Return how many tokens may follow a prompt of `length`."""
        if length >= self.context:
            raise TooLong(f"request {request[:40]!r}…", f"{length} tokens, the context holds {self.context}", "shorten it")
        return self.context - length

    def _session(self, guide: Guide, request: str, prompt: Prompt) -> Session:
        voice = self.words.voice
        return self.words.compiler.session(guide.start(read_request(request, prompt, voice.notes, voice.copying == "slots")))

    def _reply(self, prompt: Prompt, writing: Writing) -> Reply:
        text, voice = self._text(writing.tokens), self.words.voice
        answer, notes = voice.answer(text, prompt), voice.understood(text, prompt)
        return Reply(
            text=answer,
            prompt_tokens=len(writing.prompt),
            tokens=len(writing.tokens),
            cut=not writing.ended,
            notes=notes,
            forced=writing.forced,
            drafted=writing.drafted,
            removed=tuple(self._removed(taken) for taken in writing.removed),
            unused=unused(prompt, f"{notes}\n{answer}"),
        )

    def _removed(self, taken: Taken) -> Removed:
        return Removed(self._text([taken.wanted]), taken.probability, self._text([taken.chosen]), taken.at)

    def _text(self, tokens: Sequence[int]) -> str:
        text: str = self.words.tokenizer.decode(tokens, skip_special_tokens=False)
        return text


class Answering:
    """An answer on its way: what is written, and whom its lines are told."""

    def __init__(self, engine: LocalEngine, prompt: Prompt, writing: Writing, told: Told | None) -> None:
        self.writing = writing
        self._engine, self._prompt, self._seen = engine, prompt, 0
        self._text = Decoded(engine._text, engine._broken)
        self._lines = None if told is None else Lines(told)

    def tell(self) -> None:
        """Tell the lines that are whole by now; what follows from notes is told at once, at the end."""
        fresh, self._seen = self.writing.tokens[self._seen :], len(self.writing.tokens)
        if self._lines is not None and self._text.breaks(fresh):
            self._lines.grown(self._engine.words.voice.answer(self._text.grown(self.writing.tokens), self._prompt))

    def reply(self) -> Reply:
        """Return the reply when the answer is finished, and tell its rest."""
        reply = self._engine._reply(self._prompt, self.writing)
        if self._lines is not None:
            self._lines.whole(reply.text)
        return reply


class SharedEngine(LocalEngine):
    """An engine whose answers can join a batch that goes on."""

    @abstractmethod
    def lanes(self, cores: int) -> int:
        """Return how many batches gain by going on side by side on so many cores, each in a thread of its own."""

    @property
    @abstractmethod
    def pass_tokens(self) -> int:
        """How many tokens a pass may have, about, so that nobody waits long for its end."""

    @abstractmethod
    def table(self, rows: int) -> Table:
        """Return a batch of no rows yet and `rows` at most, each of as many places as the context."""

    def within(self, places: int) -> Self:
        """Return this engine with a context of `places` at most."""
        if places >= self.context:
            return self
        found = copy(self)
        found.words = replace(self.words, context=places)
        return found


def unused(prompt: Prompt, told: str) -> tuple[str, ...]:
    """Return the words that a request's prompt points at and its numbers, as far as they do not stand in what was `told`.

    Of words in parts (`redis:7.2`, `gpu:NoSchedule`, `64Mi-128Mi`) the whole is looked for, or all parts. Words that may be plain English
    (`session`) are not.
    """
    numbers = _NUMBER.findall(_POINTED.sub(" ", prompt.text)) if prompt.slots else []
    named = (word for word in prompt.slots if word not in prompt.shown)
    lower, counted = told.lower(), set(_ENDS.findall(told))
    found = {word for word in prompt.slots if _SPAN.match(word) and counted.issuperset(_ENDS.findall(word))}
    found |= {word for word in prompt.slots if all(part in lower for part in _PARTS.split(word.lower()))}
    return tuple(word for word in dict.fromkeys((*named, *numbers)) if word.lower() not in lower and word not in found)


def read_tokenizer(text: str, where: str) -> "Tokenizer":
    """Read a `tokenizer.json`, which stands at `where`.

    Raises:
        UserError: it is none.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the package raises nothing narrower
        raise UserError(where, f"no tokenizer that can be read ({error})", "fetch or export it again") from None
