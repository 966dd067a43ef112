"""From a grammar's text to a matcher over one vocabulary: compiled once, kept, and copied for each answer."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Given, Grammar, Step
from kubestill.tools.grammar.limits import hold, parse_schema
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.grammar.session import Session

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLParserLimits

MOST_STATES = 50_000  # of a lexer, at 1-2 kB each: a hostile grammar takes 100 MB at most
MOST_ITEMS = 500_000  # of the parser in one mask: 25 ms; an honest grammar of a Deployment took 50,000 in its dearest
KEPT = 256  # compiled grammars that a compiler remembers


@dataclass(frozen=True, eq=False)
class Compiled:
    """A grammar made ready for a vocabulary."""

    grammar: Grammar
    _matcher: "LLMatcher"

    def start(self) -> "LLMatcher":
        """Return a matcher at the start of a text."""
        return self._matcher.deep_copy()


class Compiler:
    """Compiles grammars for one vocabulary and remembers the last of them; many threads may ask."""

    def __init__(self, pieces: Pieces, kept: int = KEPT) -> None:
        self.pieces, self._kept = pieces, kept
        self._made: OrderedDict[str, Compiled] = OrderedDict()
        self._lock = Lock()

    def compile(self, grammar: Grammar) -> Compiled:
        """Return the compiled form of `grammar`.

        Raises:
            UserError: it cannot be read, or is too large or too deep to be followed.
        """
        with self._lock:
            found = self._made.get(grammar.digest)
        if found is None:
            found = Compiled(grammar, self._matcher(grammar))  # not under the lock: others wait for what is known already
        with self._lock:
            self._made[grammar.digest] = found
            self._made.move_to_end(grammar.digest)
            if len(self._made) > self._kept:
                self._made.popitem(last=False)
        return found

    def session(self, first: Step | Given) -> Session:
        """Start an answer."""
        return Session(self, first)

    def _matcher(self, grammar: Grammar) -> "LLMatcher":
        from llguidance import LLMatcher

        hold(grammar)
        matcher = LLMatcher(self.pieces.tokenizer, _lark(grammar), limits=_limits(), log_level=0)
        if not matcher.is_error():
            matcher.compute_bitmask()  # what follows at the start, kept for every copy; an empty language shows here
        if matcher.is_error():
            raise UserError(grammar.name or "grammar", _said(matcher.get_error()), "mend the grammar")
        return matcher


def _said(error: str) -> str:
    """Return the first line of llguidance's message, and no more of it than one reads."""
    if error.startswith("NoExtension"):
        return "no text fits it"
    return error.strip().partition("\n")[0][:300]


def _lark(grammar: Grammar) -> str:
    """Return the grammar in llguidance's Lark. Bytes are not forced on the model: that would refuse the tokenizer's own spelling."""
    if grammar.syntax == "lark":
        return f'%llguidance {{"no_forcing": true}}\n{grammar.text}'
    return f'%llguidance {{"no_forcing": true}}\nstart: %json {json.dumps(parse_schema(grammar))}'


def _limits() -> "LLParserLimits":
    from llguidance import LLParserLimits

    return LLParserLimits(verbose_errors=False, max_lexer_states=MOST_STATES, step_max_items=MOST_ITEMS)
