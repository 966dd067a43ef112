"""Mends one document: proposes, tries all at once, keeps what holds, and begins anew until nothing more can be mended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.documents import breaks
from kubestill.domains.kubernetes.fixes.operations import Operation
from kubestill.domains.kubernetes.fixes.state import Made, State, bearable, holds, look
from kubestill.domains.kubernetes.fixes.table import proposal
from kubestill.domains.kubernetes.fixes.tabs import CODE, WORDS, without_tabs
from kubestill.domains.kubernetes.schema import Schemas

MAX_ROUNDS = 100  # of one document; each keeps a change that makes a finding go, and real ones end after two or three
MAX_DEPTH = 2  # how often a change may wait for others that wait for others; each level costs rounds for each fault
MAX_CHARACTERS = 500_000  # that are judged in vain before a document is left as it is: some seconds
MIN_TRIALS = 20  # of the largest document


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: the code of the finding that it mends, the line of the text before all changes (from 1), field and words."""

    code: str
    line: int
    path: str
    words: str


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of a text that was replaced: its first line, and how many line breaks went and came."""

    line: int
    gone: int
    came: int


def mend_document(text: str, known: Schemas) -> tuple[str, tuple[Edit, ...]]:
    """Return the text of one document after all mends that are certain, and the edits with lines of this document."""
    codes = {finding.code for one in check_text(text, "", known) for finding in one.verdict.findings}
    spaced, tabs = without_tabs(text) if CODE in codes else (text, ())
    edits = [Edit(CODE, breaks(text[:start]) + 1, "", WORDS) for start in tabs]
    state = look(spaced, known) if codes else None
    if state is None:
        return spaced, tuple(edits)
    state, rounds = _Mending(known).mended(state, MAX_DEPTH)
    cuts: list[list[_Cut]] = []
    for made in rounds:
        edits += [_edit(pair, cuts) for pair in made]
        cuts.append([_cut(fault.tree.text, one.operation) for fault, one in made])
    return state.text, tuple(sorted(edits, key=lambda edit: edit.line))


class _Mending:
    """The search for changes that hold, with a limit on how much text it judges before one does."""

    def __init__(self, known: Schemas) -> None:
        self.known, self.trials = known, 0  # trials: that are left

    def mended(self, state: State, depth: int) -> tuple[State, list[Sequence[Made]]]:
        """Return the state after all rounds, and what each of them made."""
        done: list[Sequence[Made]] = []
        while len(done) < MAX_ROUNDS:
            if depth == MAX_DEPTH:  # anew after each success: then mending what was mended takes the same, vain road again
                self.trials = max(MIN_TRIALS, MAX_CHARACTERS // len(state.text))
            offered = self._offered(state)
            after, made = self._largest(state, offered)
            if after is not None:
                state = after
                done.append(made)
            elif depth and (settled := self._settled(state, offered, depth)) is not None:
                state, rest = settled
                done += rest
            else:
                break
        return state, done

    def _offered(self, state: State) -> list[Made]:
        """Return a proposal for each fault that has one; of those that overlap in the text, the first."""
        found = [(fault, one) for fault in state.faults(self.known) if (one := proposal(fault)) is not None]
        kept: list[Made] = []
        for pair in sorted(found, key=lambda pair: (pair[1].operation.start, pair[1].operation.end)):
            if not kept or pair[1].operation.start > kept[-1][1].operation.end:
                kept.append(pair)
        return kept

    def _changed(self, state: State, made: Sequence[Made]) -> State | None:
        """Return the state after some changes; None where they do not do what they said."""
        if not self.trials:
            return None
        self.trials -= 1
        text = state.text
        for _, one in reversed(made):
            text = text[: one.operation.start] + one.operation.text + text[one.operation.end :]
        after = look(text, self.known)
        return after if after is not None and holds(state, after, made) else None

    def _largest(self, state: State, made: Sequence[Made]) -> tuple[State | None, Sequence[Made]]:
        """Return the state after as many of the changes as hold together: all, else the best of both halves."""
        if made and (after := self._changed(state, made)) is not None and bearable(state, after, made):
            return after, made
        if len(made) < 2:
            return None, ()
        middle = len(made) // 2
        first, some = self._largest(state, made[:middle])
        second, others = self._largest(state, made[middle:])
        both = [*some, *others]
        if first is not None and second is not None:
            after = self._changed(state, both)
            if after is not None and bearable(state, after, both):
                return after, both
        return (first, some) if first is not None else (second, others)

    def _settled(self, state: State, offered: Sequence[Made], depth: int) -> tuple[State, list[Sequence[Made]]] | None:
        """Return the state after the first change that is bearable once all is mended that it brought to light, or None."""
        alone = [[pair] for pair in offered]
        for made in [list(offered), *alone] if len(offered) > 1 else alone:
            after = self._changed(state, made)
            if after is None:
                continue
            end, rest = self.mended(after, depth - 1)
            if bearable(state, end, made):
                return end, [made, *rest]
        return None


def _cut(text: str, done: Operation) -> _Cut:
    return _Cut(breaks(text[: done.start]) + 1, breaks(text[done.start : done.end]), breaks(done.text))


def _edit(pair: Made, rounds: Sequence[Sequence[_Cut]]) -> Edit:
    """Tell a change with its line in the text before all rounds."""
    fault, one = pair
    text, line = fault.tree.text, _cut(fault.tree.text, one.operation).line
    if text.startswith(fault.tree.eol, one.operation.start):
        line += 1  # it begins at the end of the line before
    for cuts in reversed(rounds):
        line = _before(line, cuts)
    return Edit(fault.finding.code, line, one.path, one.words)


def _before(line: int, cuts: Sequence[_Cut]) -> int:
    """Return which line it was before some parts were replaced."""
    shift = 0
    for cut in cuts:
        first = cut.line + shift
        if line < first:
            break
        if line < first + cut.came:
            return cut.line + min(line - first, cut.gone)
        shift += cut.came - cut.gone
    return line - shift


def moved(edit: Edit, lines: int) -> Edit:
    """Return an edit of a document that stands some lines below the start of its file."""
    return replace(edit, line=edit.line + lines)
