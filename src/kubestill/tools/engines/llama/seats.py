"""Rows of one llama.cpp context that outlive their answers: what one answer read, the next that begins alike need not read again.

A repair's prompt begins with the request, a chat's turn with the turns before it, all with what a template says first. Each row is a
sequence with places of its own, so rows take no room from each other, and one that nobody uses keeps its tokens until another answer
takes it. V vocabulary, M logits of a pass.
"""

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.settings import usable_cores
from kubestill.tools.engines.llama.threads import Pace
from kubestill.tools.engines.llama.weights import WHOLE, Reader, Rows, Weights

# Tokens from which a copy pays: it moves all places of a row, 1,024 of the packaged student's in less time than it reads one token
# (1.3 and 1.8 ms on a busy core). A model whose rows are larger reads slower, too.
COPY_PAYS = 16
ALIKE = 256  # tokens of a row up to which any number of threads gives the same logits, to the bit


class Seats(Rows):
    """A batch of no rows yet; answers `join` and leave (`keep`), `seats` at most at once, of `places` tokens each."""

    def __init__(self, weights: Weights, seats: int, places: int) -> None:
        super().__init__(Reader(weights, places), seats)
        self._alone, self._threads = True, 1
        self._pace = Pace() if weights.small and usable_cores() > 1 else None
        self.sequences: list[int] = []
        self.known: list[list[int]] = [[] for _ in range(seats)]  # the tokens that each sequence holds
        self.places, self._left, self._clock = places, [0] * seats, 0  # when each was left: the longest unused is taken first

    def join(self, prompt: Sequence[int]) -> int:
        """Add a row after the others, a free one; return how many of the prompt's first tokens it holds: the last is read in any case.

        The row that shares most with the prompt goes on where it is free and little of it would be lost; else it is copied.

        Raises:
            UserError: there is no memory for the context.
        """
        if not self.context:
            self._open(len(self.known), self.places)
        wanted = list(prompt[:-1])
        shared = [common(known, wanted) for known in self.known]
        free = [seat for seat in range(len(self.known)) if seat not in self.sequences]
        oldest = min(free, key=self._left.__getitem__)
        best = max(range(len(self.known)), key=shared.__getitem__)
        lost = len(self.known[best]) - shared[best]
        if best in free and (lost <= shared[best] or oldest == best):
            seat = best
        else:
            seat = oldest
            if shared[best] >= max(COPY_PAYS, shared[seat] + 1):
                self._copy(best, seat)
        self.sequences.append(seat)
        return self._forget(seat, common(self.known[seat], wanted))

    def kin(self, prompt: Sequence[int]) -> int:
        """Return how many of the prompt's first tokens some row has read."""
        wanted = list(prompt[:-1])
        return max(common(known, wanted) for known in self.known)

    def read(self, fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> NDArray[np.float32]:
        """Read as `Rows.read` does, and remember what; a small model's reading has one thread, or more where it is alone and they pay.

        Never more for a row of over ALIKE tokens: llama.cpp then parts its attention by threads, and a near tie could fall by their number.
        """
        ends = [self.lengths[sequence] + len(row) for sequence, row in zip(self.sequences, fed, strict=True)]
        if self._pace is not None and self._alone and max(ends) <= ALIKE:
            self._take(self._pace.threads)
            begun = perf_counter()
            found = super().read(fed, wanted)
            self._pace.took(sum(map(len, fed)), perf_counter() - begun)
        else:
            self._take(1)
            found = super().read(fed, wanted)
        for seat, tokens in zip(self.sequences, fed, strict=True):
            self.known[seat] += tokens
        return found

    def use_machine(self, alone: bool) -> None:
        """Say whether no other batch is read at the same time."""
        self._alone = alone

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget what each row read beyond `lengths[row]` tokens."""
        super().cut(lengths)
        for seat, length in zip(self.sequences, lengths, strict=True):
            del self.known[seat][length:]

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order; the others keep what they hold."""
        kept = [self.sequences[row] for row in rows]
        self._clock += 1
        for seat in set(self.sequences).difference(kept):
            self._left[seat] = self._clock
        self.sequences = kept

    def _take(self, threads: int) -> None:
        if self._pace is not None and threads != self._threads:
            self.loaded.calls.llama_set_n_threads(self.context, threads, threads)
            self._threads = threads

    def _copy(self, source: int, target: int) -> None:
        """Let one row hold what another does. llama.cpp copies rows whole or not at all: part of one would end the process."""
        calls = self.loaded.calls
        calls.llama_memory_seq_rm(self.memory, target, WHOLE, WHOLE)
        calls.llama_memory_seq_cp(self.memory, source, target, WHOLE, WHOLE)
        self.known[target] = list(self.known[source])

    def _forget(self, seat: int, length: int) -> int:
        """Keep the first `length` tokens of a row, none where a model cannot go back (a recurrent one); return how many are kept."""
        calls = self.loaded.calls
        if length < len(self.known[seat]) and not (length and calls.llama_memory_seq_rm(self.memory, seat, length, WHOLE)):
            calls.llama_memory_seq_rm(self.memory, seat, WHOLE, WHOLE)
            length = 0
        del self.known[seat][length:]
        self.lengths[seat] = length
        return length


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many first tokens two lists share; halving, since slices are compared in C."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
