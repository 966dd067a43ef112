"""A GGUF file's weights in llama.cpp, and batches of rows that read them: tokens in, logits out.

R rows, V vocabulary, M logits of a pass.
"""

import ctypes
import os
import weakref
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.tools.engines.api import EngineFault
from kubestill.tools.engines.llama.binding import F32, Batch, Library, library

SMALL = 30_000_000  # parameters: below it threads wait for each other longer than they work (../shared/references/probes.md)
ALL_F32 = (0, 1024)  # LLAMA_FTYPE_ALL_F32, said or guessed: nothing in the file is rounded
PASS_TOKENS = 512  # tokens of one pass: llama.cpp's own default for a physical batch
SLACK = 16  # places that guesses may reach beyond an answer's end
WHOLE = -1  # of a range of places, or of rows: all


class Weights:
    """A loaded model; the file is mapped, and freed with this object."""

    def __init__(self, path: Path) -> None:
        """Load a file that `tools/gguf` has checked.

        Raises:
            UserError: llama.cpp does not take it.
            Unavailable: xllamacpp is missing, or another version.
        """
        self.path, self.loaded = path, library()
        calls = self.loaded.calls
        self.complaints = self.loaded.complaints
        self.complaints.last()
        self.model = calls.llama_model_load_from_file(os.fsencode(path), self.loaded.model_params())
        if not self.model:
            raise UserError(str(path), f"llama.cpp cannot load it ({self.complaints.last()})", "fetch it or export it again")
        self._free = weakref.finalize(self, calls.llama_model_free, self.model)
        self.vocab = calls.llama_model_get_vocab(self.model)
        self.vocabulary = int(calls.llama_vocab_n_tokens(self.vocab))
        self.context = int(calls.llama_model_n_ctx_train(self.model))
        self.small = int(calls.llama_model_n_params(self.model)) <= SMALL
        self.exact = calls.llama_model_ftype(self.model) in ALL_F32

    def ends(self) -> tuple[int, ...]:
        """Return the tokens that end an answer, the end of a text first."""
        calls = self.loaded.calls
        found = [int(calls.llama_vocab_eos(self.vocab)), int(calls.llama_vocab_eot(self.vocab))]
        return tuple(dict.fromkeys(token for token in found if token >= 0))

    def tokenize(self, text: str) -> list[int]:
        """Return llama.cpp's own tokens of a text; special tokens are read by name, none is added."""
        coded = text.encode()
        room = np.zeros(len(coded) + 8, np.int32)  # no token is shorter than a byte
        calls = self.loaded.calls
        count = calls.llama_tokenize(self.vocab, coded, len(coded), room.ctypes.data, len(room), False, True)
        if count < 0:
            raise UserError(str(self.path), "its tokenizer gives more tokens than bytes", "give a file with another tokenizer")
        return [int(token) for token in room[:count]]


class Reader:
    """Reads with `weights`; an answer of a batch may have `most_new` tokens beyond its prompt."""

    def __init__(self, weights: Weights, most_new: int) -> None:
        self.weights, self.most_new = weights, most_new

    def batch(self, rows: int) -> "Rows":
        """Return a batch of `rows` that have read nothing yet."""
        return Rows(self, rows)


class Rows:
    """A batch of rows in one llama.cpp context; each row is one of its sequences, and keeps it when others leave."""

    def __init__(self, reader: Reader, rows: int) -> None:
        self.weights, self.most_new = reader.weights, reader.most_new  # the weights are kept: a context must not outlive them
        self.loaded: Library = self.weights.loaded
        self.sequences = list(range(rows))
        self.lengths = [0] * rows  # tokens read, by sequence
        self.context = self.memory = 0
        self.shown = min(PASS_TOKENS, rows * SLACK)  # logits of a pass at most: llama.cpp ends the process over one more
        self.arrays = _Arrays(rows, self.weights.vocabulary)

    def read(self, fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> NDArray[np.float32]:
        """Read `fed[row]` (at least one token) in each row; return the logits [M,V] after its last `wanted[row]` tokens, row by row.

        Raises:
            EngineFault: llama.cpp refuses, as for lack of memory.
        """
        if not self.context:
            self._open(len(self.lengths), min(self.weights.context, max(map(len, fed)) + self.most_new))
        order = sorted(range(len(fed)), key=self.sequences.__getitem__)
        laid = self._lay(order, fed, wanted)
        if len(laid[0]) <= PASS_TOKENS and sum(wanted) <= self.shown:
            return _in_turn(self._pass(*laid), order, wanted)
        passes = [self._pass(*(each[part] for each in laid)).copy() for part in _parts(laid[-1], self.shown)]
        return _in_turn(np.concatenate(passes), order, wanted)

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget what each row read beyond `lengths[row]` tokens."""
        for sequence, length in zip(self.sequences, lengths, strict=True):
            if length < self.lengths[sequence]:
                self.loaded.calls.llama_memory_seq_rm(self.memory, sequence, length, WHOLE)
                self.lengths[sequence] = length

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order."""
        kept = [self.sequences[row] for row in rows]
        for sequence in set(self.sequences).difference(kept):
            self.loaded.calls.llama_memory_seq_rm(self.memory, sequence, WHOLE, WHOLE)
        self.sequences = kept

    def _open(self, rows: int, each: int) -> None:
        """Make the context: `each` places a row, and some for guesses, in whole steps of 256, as llama.cpp rounds."""
        params = self.loaded.context_params()
        params.n_ctx = rows * (-(-(each + SLACK) // 256) * 256)
        params.n_seq_max = rows
        params.n_batch = params.n_ubatch = PASS_TOKENS
        params.n_outputs_max = params.n_outputs_per_seq = self.shown
        params.n_threads = params.n_threads_batch = 1 if self.weights.small else len(os.sched_getaffinity(0))
        if self.weights.exact:  # and so is what it reads; in rounded files a rounded cache saves half of the memory and a tenth of the time
            params.flash_attn_type, params.type_k, params.type_v = 0, F32, F32
        self.context = self.loaded.calls.llama_init_from_model(self.weights.model, params) or 0
        if not self.context:
            why = self.weights.complaints.last()
            raise EngineFault(str(self.weights.path), f"no room for {rows} answers ({why})", "ask for fewer at once")
        self._free = weakref.finalize(self, self.loaded.calls.llama_free, self.context)
        self.memory = self.loaded.calls.llama_get_memory(self.context)
        self.arrays = _Arrays(rows, self.weights.vocabulary)

    def _lay(self, order: Sequence[int], fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> tuple[list[int], ...]:
        """Return each token with its place, its sequence, and whether its logits are wanted; and count what the rows have read.

        The rows stand in the `order` of their sequences: llama.cpp reads those together whose numbers follow each other, and cuts the batch
        elsewhere.
        Lists, since most passes are of a few tokens: arrays of so few cost ten times as much.
        """
        tokens, places, rows, shown = list[int](), list[int](), list[int](), list[int]()
        for number in order:
            sequence, row, count = self.sequences[number], fed[number], wanted[number]
            length = self.lengths[sequence]
            tokens += row
            places += range(length, length + len(row))
            rows += [sequence] * len(row)
            shown += [0] * (len(row) - count) + [1] * count
            self.lengths[sequence] += len(row)
        return tokens, places, rows, shown

    def _pass(self, tokens: list[int], places: list[int], rows: list[int], shown: list[int]) -> NDArray[np.float32]:
        """Read a part of what was laid out; return the logits that it gives, which the next pass writes over."""
        calls = self.loaded.calls
        failed = calls.llama_decode(self.context, self.arrays.fill(tokens, places, rows, shown))
        if failed:
            why = self.weights.complaints.last()
            raise EngineFault(str(self.weights.path), f"llama.cpp gives up ({failed}: {why})", "ask for less at once")
        count = sum(shown)
        if not count:
            return np.empty((0, self.weights.vocabulary), np.float32)
        return self.arrays.logits(calls.llama_get_logits(self.context), count)


def _in_turn(logits: NDArray[np.float32], order: Sequence[int], wanted: Sequence[int]) -> NDArray[np.float32]:
    """Return a copy of logits [M,V] of rows that were read in an `order`, `wanted[row]` of each, row by row."""
    if all(place == row for place, row in enumerate(order)):
        return logits.copy()
    starts = dict(zip(order, accumulate((wanted[row] for row in order), initial=0), strict=False))
    return logits[[start for row, count in enumerate(wanted) for start in range(starts[row], starts[row] + count)]]


def _parts(shown: list[int], most: int) -> list[slice]:
    """Cut what is laid out into passes of at most PASS_TOKENS tokens and `most` logits."""
    before = np.concatenate([[0], np.cumsum(shown)])  # logits of the tokens before each place
    found, start = [], 0
    while start < len(shown):
        room = int(np.searchsorted(before, before[start] + most, side="right")) - 1
        end = min(start + PASS_TOKENS, room, len(shown))
        found.append(slice(start, end))
        start = end
    return found


class _Arrays:
    """The arrays that a `llama_batch` points at, and the one that its logits stand in; addresses are asked for once, as that is slow."""

    def __init__(self, rows: int, vocabulary: int) -> None:
        self.token, self.place = np.zeros(PASS_TOKENS, np.int32), np.zeros(PASS_TOKENS, np.int32)
        self.one = np.ones(PASS_TOKENS, np.int32)  # each token is of one sequence
        self.names = np.arange(rows, dtype=np.int32)
        self.sequence = np.zeros(PASS_TOKENS, np.uint64)  # where in `names` its sequence stands
        self.shown = np.zeros(PASS_TOKENS, np.int8)
        self.spots = (self.names.ctypes.data + self.names.itemsize * np.arange(rows)).astype(np.uint64)
        self.pointers = tuple(array.ctypes.data for array in (self.place, self.one, self.sequence, self.shown))
        self.batch = Batch(0, self.token.ctypes.data, None, *self.pointers)
        self.vocabulary = vocabulary
        self.view, self.viewed = np.empty((0, vocabulary), np.float32), 0

    def fill(self, tokens: list[int], places: list[int], rows: list[int], shown: list[int]) -> Batch:
        """Return the batch of these tokens."""
        size = len(tokens)
        self.token[:size], self.place[:size], self.shown[:size] = tokens, places, shown
        self.sequence[:size] = self.spots[rows]
        self.batch.n_tokens = size
        return self.batch

    def logits(self, address: int, count: int) -> NDArray[np.float32]:
        """Return the logits [count,V] at an address."""
        if self.viewed != address:
            pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_float))
            self.view = np.ctypeslib.as_array(pointer, (PASS_TOKENS, self.vocabulary))  # only what is there is read
            self.viewed = address
        found: NDArray[np.float32] = self.view[:count]
        return found
