"""One answer on its way: which tokens may follow, which must, and what has been written.

A step ends as soon as nothing more may follow in its grammar. So the grammar of a step that another follows has to end by itself: with a
character that nothing can come after, or with a special token. A token never reaches over that end, but for steps that read `again`:
there the next grammar takes over as soon as the rest of the step is certain, and the token that crosses the end is judged by it alone.
"""

import codecs
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.ground.settings import usable_cores
from kubestill.tools.grammar.api import Given, Grammar, Step, TooComplex
from kubestill.tools.grammar.pieces import Pieces

if TYPE_CHECKING:
    from llguidance import LLExecutor, LLMatcher

TOGETHER = 8  # masks that are worth a pool of threads: 64 took 65 to 93 ms one by one, 44 to 61 ms on two busy cores
BACK_OFF = 2  # tokens at the end of forced text that what follows may still change
_SPECIAL = re.compile(rb"\xff\[(\d+)\]")  # llguidance's spelling of a special token in forced bytes
_HEAD = struct.Struct("<4s32s")
_MAGIC = b"kgs1"


class Compiles(Protocol):
    """What a session needs of a compiler."""

    pieces: Pieces

    def compile(self, grammar: Grammar) -> "Starts":
        """Return the compiled form of a grammar."""
        ...


class Starts(Protocol):
    """A compiled grammar."""

    def start(self) -> "LLMatcher":
        """Return a matcher at the start of a text."""
        ...


@dataclass
class _Stage:
    """A step on its way. Tokens of the session are counted: the step's text starts at `since`, it was entered at `entered`."""

    step: Step
    matcher: "LLMatcher"
    since: int
    entered: int
    read: int = 0  # tokens that the matcher has taken
    tried: bytes = b""  # a rest that was certain, and after which no step that reads again follows


class Session:
    """One answer under a guide."""

    def __init__(self, compiler: Compiles, first: Step | Given) -> None:
        self._compiler, self._pieces = compiler, compiler.pieces
        self._tokens: list[int] = []
        self._stages: list[_Stage] = []
        self._rest: list[int] | None = None  # tokens of a Given, from `_rest_since`
        self._rest_since = 0
        self._ended = False
        self._bits: NDArray[np.uint32] | None = None  # the mask of this place, once somebody asked
        self._ways: dict[str, list[int]] = {}  # the tokens on the way to each text that was favoured
        self._enter(first)
        self._advance()

    # What was written, and whether it is whole

    @property
    def tokens(self) -> list[int]:
        """The tokens taken so far, the end token among them."""
        return list(self._tokens)

    @property
    def text(self) -> str:
        """All that was written; special tokens by name."""
        return self._pieces.text(self._tokens)

    @property
    def ended(self) -> bool:
        """The end token was taken; nothing may follow."""
        return self._ended

    @property
    def done(self) -> bool:
        """The answer is whole: only the end token may follow."""
        if self._ended or self._rest is not None:
            return not self.given
        return self._over()

    @property
    def given(self) -> list[int]:
        """The tokens from here to the end, where they are certain (a Given is reached); without the end token."""
        return [] if self._rest is None else self._rest[len(self._tokens) - self._rest_since :]

    # What may follow

    def fill(self, bits: NDArray[np.int32], row: int = 0) -> None:
        """Write the mask of what may follow into a row of `bits` [rows, ceil(V/32)]; the end token is in it iff the answer may end here.

        Raises:
            TooComplex: the grammar cannot be followed further.
        """
        bits[row] = self._mask().view(np.int32)

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens may follow [V]."""
        return np.unpackbits(self._mask().view(np.uint8), bitorder="little")[: self._pieces.size].astype(np.bool_)

    def favoured(self) -> tuple[list[int], float]:
        """Return the tokens that are likelier than the model thinks, and by how many nats; none where the step favours nothing."""
        if self._rest is not None or self._ended or (favours := self._stages[-1].step.favours) is None:
            return [], 0.0
        stage = self._stages[-1]
        found: set[int] = set()
        for text in favours(self._pieces.text(self._tokens[stage.since :])):
            if text not in self._ways:
                self._ways[text] = self._pieces.toward(text.encode())
            found.update(self._ways[text])
        return sorted(found), stage.step.nats

    def forced(self) -> list[int]:
        """Return the tokens that must follow, spelled as the tokenizer would; [] where there is a choice, and when done.

        The last two tokens of forced text are left to the model, since what follows may make other tokens of them.
        """
        if self._rest is not None or self._ended or not (text := self.matcher.compute_ff_bytes()):
            return self.given
        forced = self._spelled(text)
        return forced[: self.valid(forced)] or self._single()

    def valid(self, tokens: Sequence[int]) -> int:
        """Return how many of the first tokens may follow, one after the other; nothing is taken."""
        if self._rest is None and not self._ended and len(tokens) == 1 and tokens[0] != self._pieces.end and self._known(tokens[0]):
            return int(not self._banned(tokens[0]) and self.matcher.validate_tokens(list(tokens)) == 1)
        if self._rest is None and not self._ended and self._stages[-1].step.then is None and not self._may_repeat(tokens):
            return self._valid_here(list(takewhile(self._known, tokens)))
        taken = 0
        for token in tokens:
            if not self.offer(token):
                break
            taken += 1
        self.back(taken)
        return taken

    # Going on and back

    def take(self, token: int) -> None:
        """Go on with `token`.

        Raises:
            ValueError: it is not allowed here.
            TooComplex: the grammar cannot be followed further.
            UserError: the grammar of the next step cannot be compiled.
        """
        if not self.offer(token):
            raise ValueError(f"token {token} may not follow here")

    def offer(self, token: int) -> bool:
        """Go on with `token` if it may follow, and say whether it may.

        That costs far less than a mask: a greedy decoder offers the token that the model likes best, and fills a mask where it is refused.

        Raises:
            TooComplex: the grammar cannot be followed further.
            UserError: the grammar of the next step cannot be compiled.
        """
        if self._ended or not self._known(token):
            return False
        if token == self._pieces.end:
            if not self._may_end():
                return False
            self._ended = True
        elif self._rest is not None:
            if self.given[:1] != [token]:
                return False
        elif self._banned(token) or not self.matcher.try_consume_tokens([token]):
            self._check()
            return False
        else:
            self._stages[-1].read += 1
        self._tokens.append(token)
        self._bits = None
        if not self._ended and self._rest is None:
            self._advance()
        return True

    def back(self, count: int) -> None:
        """Undo the last `count` tokens, across steps, too."""
        if not 0 <= count <= len(self._tokens):
            raise ValueError(f"cannot undo {count} of {len(self._tokens)} tokens")
        if not count:
            return
        self._bits, self._ended = None, False
        del self._tokens[len(self._tokens) - count :]
        here = len(self._tokens)
        if self._rest is not None and here < self._rest_since:
            self._rest = None
        while self._stages and self._stages[-1].entered > here:
            self._stages.pop()
        if self._stages and self._rest is None:
            _rewind(self._stages[-1], here)

    def state(self) -> bytes:
        """Return what `resume` needs to come back to this place: the tokens taken, and which vocabulary they are of."""
        return _HEAD.pack(_MAGIC, self._pieces.digest.encode()) + np.asarray(self._tokens, "<i4").tobytes()

    @classmethod
    def resume(cls, compiler: Compiles, first: Step | Given, state: bytes) -> "Session":
        """Return a session at the place that `state` tells, under the same guide.

        Raises:
            UserError: no state, one of another vocabulary, or of another guide.
        """
        body = state[_HEAD.size :]
        if len(state) < _HEAD.size or len(body) % 4 or _HEAD.unpack_from(state)[0] != _MAGIC:
            raise UserError("session", "not the state of a session", "give what Session.state returned")
        if _HEAD.unpack_from(state)[1] != compiler.pieces.digest.encode():
            raise UserError("session", "the state is of another vocabulary", "resume with the model that it was made with")
        session = cls(compiler, first)
        for token in np.frombuffer(body, "<i4").tolist():
            if not session.offer(token):
                raise UserError("session", "the state does not fit the guide", "resume with the guide that it was made with")
        return session

    # One token

    def _known(self, token: int) -> bool:
        return 0 <= token < self._pieces.size

    def _bans(self, more: bytes = b"") -> tuple[bytes, ...]:
        """Return what may not come next, or after `more`, although the grammar allows it."""
        stage = self._stages[-1]
        if stage.step.bans is None:
            return ()
        text = self._pieces.text(self._tokens[stage.since :]) + more.decode("utf-8", "replace")
        return _encoded(tuple(stage.step.bans(text)))

    def _may_repeat(self, tokens: Sequence[int]) -> bool:
        """Whether some of `tokens` could end what is banned, so that bans have to be asked."""
        step = self._stages[-1].step
        return step.bans is not None and not self._pieces.holding(step.banned_with).isdisjoint(tokens)

    def _banned(self, token: int) -> bool:
        """Whether a token ends what is banned: from its first byte on, or from a line break within it."""
        if not self._may_repeat((token,)):
            return False
        piece, start = self._pieces.tokens[token], 0
        while start >= 0:
            if piece.startswith(self._bans(piece[:start]), start):
                return True
            start = piece.find(b"\n", start + 1)
        return False

    def _valid_here(self, tokens: list[int]) -> int:
        """`valid` within the last step: the end token may follow where the text is whole."""
        text = tokens[: tokens.index(self._pieces.end)] if self._pieces.end in tokens else tokens
        count = self.matcher.validate_tokens(text)
        if count < len(text) or text is tokens:
            return count
        self.matcher.try_consume_tokens(text)
        whole = self.matcher.is_accepting()
        self.matcher.rollback(len(text))
        return count + whole

    def _may_end(self) -> bool:
        if self._rest is not None:
            return not self.given
        return self.matcher.is_accepting() and (self._stages[-1].step.then is None or self._over())

    # Masks

    def _mask(self) -> NDArray[np.uint32]:
        """Return the mask of this place [ceil(V/32)], made once."""
        if self._bits is None:
            bits = np.zeros(-(-self._pieces.size // 32), np.uint32)
            if self._rest is not None and not self._ended:
                _mark(bits, (self.given or [self._pieces.end])[0])
            elif not self._ended:
                self.matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
                return self.adopt(bits)
            self._bits = bits
        return self._bits

    @property
    def waits(self) -> bool:
        """Whether the mask of this place has to be made by `matcher`."""
        return self._bits is None and self._rest is None and not self._ended

    @property
    def matcher(self) -> "LLMatcher":
        """The matcher of the step at hand; `fill_masks` makes the masks of many at once."""
        return self._stages[-1].matcher

    def adopt(self, bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Take `bits` [ceil(V/32)], which the matcher made, for the mask of this place."""
        self._check()
        followed = self._stages[-1].step.then is not None and _sole(bits) != self._pieces.end
        if followed or not self.matcher.is_accepting():  # a grammar may name the end token, and cannot write it
            _mark(bits, self._pieces.end, False)
        if self._stages[-1].step.bans is not None:
            self._clear(bits)
        self._bits = bits
        return bits

    def _clear(self, bits: NDArray[np.uint32]) -> None:
        """Take what is banned out of a mask."""
        for ban in self._bans():
            for token in self._pieces.beginning(ban):
                _mark(bits, token, False)
        for token in self._pieces.across:
            if bits[token >> 5] & np.uint32(1 << (token & 31)) and self._banned(token):
                _mark(bits, token, False)

    def _over(self) -> bool:
        """Whether nothing more may follow in this step.

        A matcher may learn late that nothing can follow, with its next mask. A mask is dear: it is looked at where another step
        depends on it, or where it has been made anyway.
        """
        matcher = self.matcher
        if matcher.is_stopped() or not matcher.is_accepting():
            return matcher.is_stopped()
        if self._bits is None and self._stages[-1].step.then is None:
            return False
        return _sole(self._mask()) == self._pieces.end

    def _single(self) -> list[int]:
        """Return the only token that may follow, if there is but one."""
        token = _sole(self._mask())
        return [] if token in (None, self._pieces.end) else [token]

    def _check(self) -> None:
        if self.matcher.is_error():
            name = self._stages[-1].step.grammar.name or "grammar"
            raise TooComplex(name, f"cannot be followed further: {self.matcher.get_error()}", "make the grammar simpler")

    def _spelled(self, forced: bytes) -> list[int]:
        """Return forced bytes as canonical tokens, without the last two but where the step ends after them."""
        tokens: list[int] = []
        loose = 0  # tokens since the last special one
        for place, part in enumerate(_SPECIAL.split(forced)):
            if place % 2:
                tokens.append(int(part))
                loose = 0
                continue
            text = _characters(part)
            spelled = self._pieces.spell(text, self._tokens + tokens) if text else []
            tokens += spelled
            loose = len(spelled)
            if len(text.encode()) < len(part):
                break
        if loose and not self._ends_with(tokens):
            del tokens[-min(loose, BACK_OFF) :]
        return tokens

    def _ends_with(self, tokens: list[int]) -> bool:
        """Whether nothing may follow after `tokens` in this step."""
        count = self.matcher.try_consume_tokens(tokens)
        ends = count == len(tokens) and self.matcher.is_stopped()
        self.matcher.rollback(count)
        return ends

    # From step to step

    def _advance(self) -> None:
        """Enter what follows while the step here is over, or certain to the end and read again by the next."""
        while self._rest is None and (stage := self._stages[-1]).step.then is not None:
            if self._over():
                following = stage.step.then(self._pieces.text(self._tokens[stage.since :]))
                if following is None:
                    return
                if not self._enter(following):
                    name = following.grammar.name if isinstance(following, Step) else ""
                    raise UserError(name or "grammar", "refuses what the step before it wrote", "let it cover the text that it reads again")
            elif not self._enter_early(stage):
                return

    def _enter_early(self, stage: _Stage) -> bool:
        """Enter the step that reads this one's text again, if the rest of that text is certain."""
        assert stage.step.then is not None
        rest = self.matcher.compute_ff_bytes()
        if not rest or b"\xff" in rest or stage.tried.endswith(rest):
            return False
        stage.tried = rest
        if not self._ends_with(self._pieces.tokenizer.tokenize_bytes(rest)):
            return False
        written = self._pieces.join(self._tokens[stage.since :]) + rest
        following = stage.step.then(written.decode("utf-8", "replace"))
        return isinstance(following, Step) and following.again and self._enter(following)

    def _enter(self, following: Step | Given) -> bool:
        """Enter a step, or a given rest; a step that reads again may refuse what it reads: False."""
        here = len(self._tokens)
        if isinstance(following, Given):
            self._rest, self._rest_since = self._spell_given(following.text), here
            self._bits = None
            return True
        since = self._stages[-1].since if following.again and self._stages else here
        matcher = self._compiler.compile(following.grammar).start()
        if matcher.try_consume_tokens(self._tokens[since:]) < here - since:
            return False
        self._stages.append(_Stage(following, matcher, since, here, here - since))
        self._bits = None
        return True

    def _spell_given(self, text: str) -> list[int]:
        tokens = self._pieces.spell(text, self._tokens)
        if self._pieces.end in tokens or self._pieces.join(tokens) != text.encode():
            raise UserError("given text", "the tokenizer cannot spell it", "give text without the end token")
        return tokens


def fill_masks(sessions: Sequence[Session], bits: NDArray[np.int32]) -> None:
    """Write the mask of each session into its row of `bits` [rows, ceil(V/32)], on all cores where there are many of them.

    Raises:
        TooComplex: a grammar cannot be followed further.
    """
    waiting = [session for session in sessions if session.waits]
    if len(waiting) >= TOGETHER:
        masks = np.zeros((len(waiting), bits.shape[1]), np.int32)
        jobs = [(session.matcher, row) for row, session in enumerate(waiting)]
        _executor().unsafe_compute_mask_ptr(jobs, masks.ctypes.data, 4 * masks.shape[1], len(waiting))
        for session, mask in zip(waiting, masks, strict=True):
            session.adopt(mask.view(np.uint32))
    for row, session in enumerate(sessions):
        session.fill(bits, row)


@lru_cache(256)
def _encoded(bans: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(ban.encode() for ban in bans if ban)


@cache
def _executor() -> "LLExecutor":
    from llguidance import LLExecutor

    return LLExecutor(usable_cores())


def _rewind(stage: _Stage, here: int) -> None:
    """Bring a stage's matcher back to where the session has `here` tokens."""
    count = stage.read - (here - stage.since)
    if count:
        stage.matcher.rollback(count)
        stage.read -= count
        stage.tried = b""


def _mark(bits: NDArray[np.uint32], token: int, allowed: bool = True) -> None:
    bit = np.uint32(1 << (token & 31))
    bits[token >> 5] = bits[token >> 5] | bit if allowed else bits[token >> 5] & ~bit


def _sole(bits: NDArray[np.uint32]) -> int | None:
    """Return the only token of a mask, None where there are others or none."""
    (places,) = np.nonzero(bits)
    if len(places) != 1:
        return None
    word = int(bits[places[0]])
    return None if word & (word - 1) else int(places[0]) * 32 + word.bit_length() - 1


def _characters(part: bytes) -> str:
    """Return the text of `part` up to the last whole character; nothing where it starts inside of one."""
    try:
        return codecs.getincrementaldecoder("utf-8")("strict").decode(part)
    except UnicodeDecodeError:
        return ""
