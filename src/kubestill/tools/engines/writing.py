"""How answers are written token by token, free or under a grammar, by whatever model reads them.

A pass feeds each answer's tokens that the model has not read yet, then guesses at what comes next. Its logits decide: where the
choice (greedy or drawn, under the grammar's mask) is the guess, the pass goes on with the next logits at no cost; where it is not,
the model forgets what it read too far. So guesses change the time and never the tokens. What the grammar forces is not asked for at all.

One pass is `advance`, and after it `close_up`: `write` goes on until all answers are whole; at a desk others join between passes.

V vocabulary, M logits of a pass, over all rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, takewhile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kubestill.tools.engines.api import MAX_REMOVED
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.faults import caught
from kubestill.tools.grammar.session import Session, fill_masks

LOOK_AHEAD = 8  # guessed tokens of a pass and row: longer ones are seldom right to their end


class Batch(Protocol):
    """Rows that a model reads on in, each at its own place."""

    def read(self, fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> NDArray[np.float32]:
        """Read `fed[row]` (at least one token) in each row; return the logits [M,V] after its last `wanted[row]` tokens, row by row."""
        ...

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget what each row read beyond `lengths[row]` tokens."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order."""
        ...


class Table(Batch, Protocol):
    """A batch that answers join and leave while others are written. What a row has read stays known until another needs the row."""

    def join(self, prompt: Sequence[int]) -> int:
        """Add a row after the others; return how many of the prompt's first tokens it has read already: the last is never among them."""
        ...

    def kin(self, prompt: Sequence[int]) -> int:
        """Return how many of the prompt's first tokens some row has read; may be asked from another thread, as a hint."""
        ...

    def use_machine(self, alone: bool) -> None:
        """Hear whether no other table is read at the same time: who is alone may use the whole machine."""
        ...


class Model(Protocol):
    """What can read tokens in batches."""

    def batch(self, rows: int) -> Batch:
        """Return a batch of `rows` that have read nothing yet."""
        ...


class Guesser(Protocol):
    """Guesses what comes next; tools/grammar/drafts.py holds one."""

    def propose(self, tokens: Sequence[int], limit: int) -> list[int]:
        """Return at most `limit` tokens that may follow `tokens`, the prompt and the answer so far."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What the grammar took away: the token that the model wanted, how much (to four digits, which
    any order of summing agrees on), the one that was chosen, and how many came before."""

    wanted: int
    probability: float
    chosen: int
    at: int


@dataclass
class Writing:
    """One answer in the making. `tokens` are certain; it `ended` where it is whole: else the limit or a grammar without a way on cut it.

    What its guide breaks with is its own `error`; `halted` is set by whoever wants no more of it.
    """

    prompt: Sequence[int]
    choose: Chooser
    limit: int
    ends: tuple[int, ...]
    tokens: list[int] = field(default_factory=list)
    forced: int = 0
    drafted: int = 0
    removed: list[Taken] = field(default_factory=list)
    ended: bool = False
    session: Session | None = None
    known: int = 0  # tokens of the session's vocabulary; a model may have rows for more
    guesser: Guesser | None = None
    error: Exception | None = None
    halted: bool = False
    _stuck: bool = False
    _likeliest: int = 0  # token, where `sure` found it allowed and took it
    _read: int = 0  # tokens of prompt and answer that the model has read
    _ahead: list[int] = field(default_factory=list)
    _at: int = 0  # guesses that are confirmed

    def lead(self, session: Session, known: int, guesser: Guesser | None) -> None:
        """Write under a grammar from here on, whose vocabulary has `known` tokens."""
        self.session, self.known, self.guesser = session, known, guesser
        self._settle()

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be written."""
        return self.ended or self._stuck or self.halted or self.error is not None or len(self.tokens) >= self.limit

    @property
    def place(self) -> int:
        """Which of the last pass's wanted logits decide next."""
        return self._at

    @property
    def read(self) -> int:
        """How many of the tokens that the model has read are certain."""
        return self._read

    @property
    def unread(self) -> int:
        """How many certain tokens the model has still to read."""
        return len(self.prompt) + len(self.tokens) - self._read

    def known_already(self, count: int) -> None:
        """Take the prompt's first `count` tokens for read."""
        self._read = count

    def fail(self, error: Exception) -> None:
        """Write no further, for this reason."""
        self.error = error

    def feed(self, most: int | None = None) -> tuple[list[int], int]:
        """Return what the model reads next, and after how many of the last of these tokens its logits are wanted.

        Of more than `most` unread tokens only so many are read, and nothing is decided after them.
        """
        whole = [*self.prompt, *self.tokens]
        if most is not None and self.unread > most:
            self._ahead, self._at, self._read = [], 0, self._read + most
            return whole[self._read - most : self._read], 0
        self._ahead, self._at = self._guess(whole), 0
        fresh = whole[self._read :]
        self._read = len(whole)
        return fresh + self._ahead, 1 + len(self._ahead)

    def sure(self, logits: NDArray[np.float32]) -> bool:
        """Say whether the choice after `logits` [V] needs no mask; where that is so for a guided one, its grammar has gone on with it.

        That is the likeliest token where it is allowed: offering one costs a tenth of a mask.
        """
        if self.session is None or self.choose.temperature > 0:
            return self.session is None
        self._likeliest = token = int(self._leant(logits).argmax())
        return self.session.offer(self.ends[0] if token in self.ends else token)

    def decide(self, logits: NDArray[np.float32], allowed: NDArray[np.bool_] | None) -> bool:
        """Choose after `logits` [V] among the `allowed`; return whether the next logits of the pass decide, too.

        None: what was `sure` is the choice, without a guide it is made among all.
        """
        offered = allowed is None and self.session is not None
        if allowed is None:
            token = self._likeliest if offered else self.choose(logits)
        else:
            allowed[list(self.ends)] = allowed[self.ends[0]]  # a grammar knows one end, a model may prefer another
            if not allowed.any():
                self._stuck = True
                return False
            token = self.choose(np.where(allowed, self._leant(logits), np.float32(-np.inf)))
            if len(self.removed) < MAX_REMOVED:
                self._note(logits, allowed, token)
        if token in self.ends:
            self.ended = True
            return False
        known = len(self.tokens)
        if self.session is not None and not offered:
            self.session.take(token)
        self.tokens.append(token)
        self.drafted += self._ahead[self._at : self._at + 1] == [token]
        self._settle()
        return self._confirm(self.tokens[known:])

    def _leant(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of the tokens that are known [V], those that the grammar's step favours raised."""
        if self.session is None:
            return logits
        tokens, nats = self.session.favoured()
        if not tokens:
            return logits[: self.known]
        leant = logits[: self.known].copy()
        leant[tokens] += np.float32(nats)
        return leant

    def _guess(self, whole: Sequence[int]) -> list[int]:
        room = min(LOOK_AHEAD, self.limit - len(self.tokens) - 1)  # the last token is chosen, not guessed
        if self.session is None or self.guesser is None or room < 1:
            return []
        found = list(takewhile(lambda token: 0 <= token < self.known, self.guesser.propose(whole, room)[:room]))
        return found[: self.session.valid(found)]

    def _confirm(self, fresh: Sequence[int]) -> bool:
        """Hold the `fresh` tokens against the guesses; the model has read those that agree."""
        for token in fresh:
            if self._ahead[self._at : self._at + 1] != [token]:
                return False
            self._at += 1
            self._read += 1
        return not self.finished

    def _settle(self) -> None:
        """Write what needs no choice."""
        while self.session is not None and not self.ended:
            room = self.limit - len(self.tokens)
            if self.session.done:
                self.ended = True
            elif given := self.session.given:
                self.tokens += given[:room]
                self.forced += min(room, len(given))
                self.ended = len(given) <= room
                return
            elif forced := self.session.forced()[:room]:
                for token in forced:
                    self.session.take(token)
                self.tokens += forced
                self.forced += len(forced)
            else:
                return

    def _note(self, logits: NDArray[np.float32], allowed: NDArray[np.bool_], chosen: int) -> None:
        """Remember what the model wanted most, where the grammar took it away."""
        wanted = int(logits[: self.known].argmax())
        if allowed[wanted]:
            return
        mass = np.exp(logits.astype(np.float64) - float(logits[wanted])).sum()
        self.removed.append(Taken(wanted, round(float(1 / mass), 4), chosen, len(self.tokens)))


def write(model: Model, writings: Sequence[Writing], watch: Callable[[], None] | None = None) -> None:
    """Write all answers to their ends, in one batch; finished rows leave it. After each pass somebody may `watch` what is certain.

    Raises:
        Exception: what an answer's guide broke with.
    """
    rows = [writing for writing in writings if not writing.finished]
    batch = model.batch(len(rows)) if rows else None
    while batch is not None and rows:
        advance(batch, rows)
        for row in rows:
            if row.error is not None:
                raise row.error
        if watch is not None:
            watch()
        rows = [rows[place] for place in close_up(batch, rows)]


def advance(batch: Batch, rows: Sequence[Writing], most: int | None = None) -> None:
    """Take the rows through one pass, of about `most` tokens, every row at least one: long prompts are read while others are written."""
    fed = [row.feed(share) for row, share in zip(rows, _shares(rows, most), strict=True)]
    wanted = [count for _, count in fed]
    _decide(rows, batch.read([tokens for tokens, _ in fed], wanted), wanted)
    if any(count > 1 for count in wanted):
        batch.cut([row.read for row in rows])


def close_up(batch: Batch, rows: Sequence[Writing]) -> list[int]:
    """Let finished rows leave; return the places of those that go on: the last ones take the finished one's, so that few have to move."""
    going = [place for place, row in enumerate(rows) if not row.finished]
    if len(going) == len(rows):
        return going
    last = iter(reversed(going))
    moved = [next(last) if rows[place].finished else place for place in range(len(going))]
    batch.keep(moved)
    return moved


def _shares(rows: Sequence[Writing], most: int | None) -> list[int | None]:
    """Return how many unread tokens each row may feed: those with the fewest first, so that answers under way never wait for prompts."""
    found: list[int | None] = [None] * len(rows)
    if most is None:
        return found
    for place in sorted(range(len(rows)), key=lambda place: rows[place].unread):
        share = min(rows[place].unread, max(1, most))
        found[place], most = share, most - share
    return found


def _decide(rows: Sequence[Writing], logits: NDArray[np.float32], wanted: Sequence[int]) -> None:
    """Let each row choose as far as the pass's logits [M,V] reach; the masks that are needed are filled together, round by round."""
    starts = accumulate(wanted, initial=0)
    active = [(row, start) for row, start, count in zip(rows, starts, wanted, strict=False) if count]
    while active:
        unsure = [row for row, start in active if not _sure(row, logits[start + row.place])]
        masks = _masks([row for row in unsure if row.error is None])
        active = [(row, start) for row, start in active if row.error is None and _go_on(row, logits[start + row.place], masks.get(id(row)))]


def _sure(row: Writing, logits: NDArray[np.float32]) -> bool:
    return bool(caught(lambda: row.sure(logits), row.fail))


def _go_on(row: Writing, logits: NDArray[np.float32], allowed: NDArray[np.bool_] | None) -> bool:
    return bool(caught(lambda: row.decide(logits, allowed), row.fail))


def _masks(guided: Sequence[Writing]) -> dict[int, NDArray[np.bool_]]:
    """Return which tokens each row may write next [V], by the row's id; the rows share a vocabulary."""
    if not guided:
        return {}
    known = guided[0].known
    bits = np.zeros((len(guided), -(-known // 32)), np.int32)
    sessions = [row.session for row in guided if row.session is not None]

    def one_by_one(_: Exception) -> None:  # whose grammar it was that cannot be followed
        for place, row in enumerate(guided):
            caught(partial(sessions[place].fill, bits, place), row.fail)

    caught(lambda: fill_masks(sessions, bits), one_by_one)
    allowed = np.unpackbits(bits.view(np.uint8), axis=1, count=known, bitorder="little").view(np.bool_)
    return {id(row): mask for row, mask in zip(guided, allowed, strict=True)}
