"""Guesses of the next tokens, cheap enough to be wrong: from many texts of the field, and from the one at hand.

A table of contexts of one to eight tokens, each with its most frequent follower and how often it followed. A longer context is kept
only where it says something else than the shorter one does, so that few are left. The text at hand (the request, and the answer so far)
is searched for its own last tokens: a name that came once will come again.
"""

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError

LONGEST = 8  # tokens of a context
MOST = 200_000  # contexts of a table: 1.8 MB
LEAST = 0.3  # chance that a draft holds up to here; a token more in a batch costs about a fourth of a pass, and 0.2 to 0.5 did alike
_MORE = 26  # of 255: by how much a longer context must change a chance to be kept
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HEAD = struct.Struct("<4s32sI32s")
_MAGIC = b"kgd1"


@dataclass(frozen=True, eq=False)
class Drafts:
    """Followers of contexts, sorted by the context's hash; of one vocabulary, told by its digest."""

    vocabulary: str
    contexts: NDArray[np.uint32]
    followers: NDArray[np.uint32]
    chances: NDArray[np.uint8]  # of 255

    @classmethod
    def empty(cls, vocabulary: str) -> "Drafts":
        """Know nothing but the text at hand."""
        return cls(vocabulary, np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.uint8))

    @classmethod
    def learn(cls, texts: Iterable[Sequence[int]], vocabulary: str, most: int = MOST) -> "Drafts":
        """Count what follows what in `texts`, lists of tokens; keep the `most` frequent contexts."""
        found = _Counts([np.asarray(text, np.uint32) for text in texts if len(text) > 1])
        for length in range(1, LONGEST + 1):
            found.count(length)
        return cls(vocabulary, *found.table(most))

    def propose(self, tokens: Sequence[int], limit: int = 16, least: float = LEAST) -> list[int]:
        """Return what probably follows `tokens` (the request's and those written since), as long as the guess is likely to hold."""
        own = _Own(tokens)
        written, chance = list(tokens[-LONGEST:]), 1.0
        found: list[int] = []
        while len(found) < limit:
            follower, likely = max(self._follower(written), own.follower(), key=lambda guess: guess[1])
            chance *= likely / 255
            if chance < least:
                break
            found.append(follower)
            own.go(follower)
            written = [*written[-LONGEST + 1 :], follower]
        return found

    def save(self, path: Path) -> None:
        """Write the table whole or not at all."""
        body = self.contexts.tobytes() + self.followers.tobytes() + self.chances.tobytes()
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            file.write(_HEAD.pack(_MAGIC, self.vocabulary.encode(), len(self.contexts), sha256(body).digest()) + body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @classmethod
    def load(cls, path: Path, vocabulary: str) -> "Drafts":
        """Read a table.

        Raises:
            UserError: it is cut, changed, or of another vocabulary.
        """
        whole = path.read_bytes()
        if len(whole) < _HEAD.size or whole[:4] != _MAGIC:
            raise UserError(str(path), "no table of drafts", "make it again")
        _, made_for, count, digest = _HEAD.unpack_from(whole)
        body = whole[_HEAD.size :]
        if len(body) != 9 * count or sha256(body).digest() != digest:
            raise UserError(str(path), "a table of drafts that is cut or changed", "make it again")
        if made_for.decode("ascii", "replace") != vocabulary:
            raise UserError(str(path), "a table of drafts for another vocabulary", "make it again for this model")
        words = np.frombuffer(body[: 8 * count], "<u4")
        return cls(vocabulary, words[:count], words[count:], np.frombuffer(body[8 * count :], np.uint8))

    def _follower(self, written: Sequence[int]) -> tuple[int, int]:
        """Return the follower of the longest context that the table holds, and its chance."""
        whole, found = 0, (0, 0)
        table = self._table
        for token in reversed(written):
            whole = (whole + token + 1) * int(_MIX) & 0xFFFFFFFFFFFFFFFF
            found = table.get(whole >> 32, found)
        return found

    @cached_property
    def _table(self) -> dict[int, tuple[int, int]]:
        guesses = zip(self.followers.tolist(), self.chances.tolist(), strict=True)
        return dict(zip(self.contexts.tolist(), guesses, strict=True))


class _Own:
    """Where the last tokens of a text stood before in it: what followed there may follow again."""

    # Of 255, by the number of tokens that agree: shares measured with bench/grammar_masks.py on real manifests.
    CHANCES = (0, 0, 144, 173, 183, 192, 200, 210, 224)

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens, self._place, self._agreed = list(tokens), -1, 0
        data = np.asarray(tokens, "<u4").tobytes()
        for length in range(min(LONGEST, len(tokens) - 1), 1, -1):
            place = _find(data, length)
            if place >= 0:
                self._place, self._agreed = place, length
                return

    def follower(self) -> tuple[int, int]:
        """Return what followed there, and the chance that it does here."""
        return (self._tokens[self._place], self.CHANCES[min(self._agreed, LONGEST)]) if self._place >= 0 else (0, 0)

    def go(self, token: int) -> None:
        """Follow, as long as the text goes on as it did there."""
        agrees = self._place >= 0 and self._tokens[self._place] == token
        self._tokens.append(token)
        self._place, self._agreed = (self._place + 1, self._agreed + 1) if agrees else (-1, 0)


def _find(data: bytes, length: int) -> int:
    """Return the place after the last earlier occurrence of the last `length` tokens, -1 where there is none; 4 bytes a token."""
    needle, end = data[-4 * length :], len(data) - 4
    while (place := data.rfind(needle, 0, end)) >= 0:
        if place % 4 == 0:
            return place // 4 + length
        end = place + len(needle) - 1
    return -1


class _Counts:
    """Contexts of growing length over all texts at once. N tokens of all texts."""

    def __init__(self, texts: list[NDArray[np.uint32]]) -> None:
        self.tokens_N = np.concatenate(texts) if texts else np.zeros(0, np.uint32)
        lengths = np.asarray([len(text) for text in texts], np.int64)
        starts = np.cumsum(lengths) - lengths
        self.place_N = np.arange(len(self.tokens_N)) - np.repeat(starts, lengths)  # within its text
        self.last_N = self.place_N == np.repeat(lengths, lengths) - 1
        self.hash_N = np.zeros(len(self.tokens_N), np.uint64)
        self.follower_N = np.zeros(len(self.tokens_N), np.uint32)  # as the kept contexts guess it
        self.chance_N = np.full(len(self.tokens_N), -1000, np.int32)
        self.kept: list[tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8], NDArray[np.int64]]] = []

    def count(self, length: int) -> None:
        """Count the contexts of `length` tokens; keep those that come twice and say something new."""
        tokens_N = np.roll(self.tokens_N, length - 1).astype(np.uint64)
        self.hash_N = (self.hash_N + tokens_N + np.uint64(1)) * _MIX
        (at,) = np.nonzero((self.place_N >= length - 1) & ~self.last_N)
        if not len(at):
            return
        contexts = (self.hash_N[at] >> np.uint64(32)).astype(np.uint64)
        pairs, pair_of, times = np.unique(contexts << np.uint64(32) | self.tokens_N[at + 1], return_inverse=True, return_counts=True)
        keys, key_of_pair, totals = _totals(pairs >> np.uint64(32), times)
        order = np.lexsort((times, key_of_pair))  # the most frequent follower of each context comes last
        best = order[np.flatnonzero(np.diff(key_of_pair[order], append=-1))]
        followers = (pairs[best] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        chances = (255 * (times[best] / (totals + 0.5)) ** 2).astype(np.int32)  # a share of s held in s * s of texts of other authors
        key_of = key_of_pair[pair_of]
        sample = np.zeros(len(keys), np.int64)
        sample[key_of] = at  # a place of the context; all of them were guessed alike
        new = (followers != self.follower_N[sample]) | (abs(chances - self.chance_N[sample]) >= _MORE)
        kept = (totals >= 2) & new
        there = kept[key_of]
        self.follower_N[at[there]], self.chance_N[at[there]] = followers[key_of[there]], chances[key_of[there]]
        self.kept.append((keys[kept].astype(np.uint32), followers[kept], chances[kept].astype(np.uint8), totals[kept]))

    def table(self, most: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8]]:
        """Return contexts, followers and chances of the most frequent contexts, sorted by context."""
        if not self.kept:
            return np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.uint8)
        contexts, followers, chances, totals = (np.concatenate(column) for column in zip(*self.kept, strict=True))
        frequent = np.sort(np.argsort(-totals, kind="stable")[:most])
        contexts, first = np.unique(contexts[frequent], return_index=True)
        return contexts, followers[frequent][first], chances[frequent][first]


def _totals(keys: NDArray[np.uint64], times: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the different keys, which of them each is, and the times of each added up; `keys` are sorted."""
    found, place = np.unique(keys, return_inverse=True)
    return found, place, np.bincount(place, weights=times, minlength=len(found)).astype(np.int64)
