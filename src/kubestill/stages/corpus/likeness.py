"""When two documents say the same: by their content, not by their bytes.

Near duplicates are found by MinHash (Broder 1997, "On the resemblance and containment of documents") over runs of five words within a
line, numbers masked. So the order of lines, numbers and comments change nothing: copies of one manifest across the environments of a
repository mostly differ in just these.
"""

import re
from typing import Any

from kubestill.ground.registry import need
from kubestill.ground.seeds import stable_hash

NUMBER = re.compile(r"\d+")
COMMENT = re.compile(r"(?<!\s)\s+#.*$|^#.*$")  # the look behind keeps a long run of spaces from being read once for each
RUN_WORDS = 5  # of prose; the lines of a manifest are shorter and count whole
# The error of the estimate is sqrt(s(1 - s) / 128), 0.03 at s = 0.9; of pairs as alike as 0.7, 32 bands of 4 rows miss one in 6,000.
PERMUTATIONS, BANDS, SEED = 128, 32, 1


def lines(text: str) -> list[str]:
    """Return the lines that carry content: no blank ones, no comments, no trailing space."""
    return [line for raw in text.splitlines() if (line := COMMENT.sub("", raw).rstrip())]


def exact_key(text: str) -> int:
    """Return a key that comments, blank lines and trailing space do not change."""
    return stable_hash("exact", "\n".join(lines(text)))


def runs(text: str) -> set[str]:
    """Return the runs of five words of each line (a shorter line is one), numbers masked."""
    found = set[str]()
    for line in lines(text):
        words = NUMBER.sub("0", line).split()
        found.update(" ".join(words[place : place + RUN_WORDS]) for place in range(max(1, len(words) - RUN_WORDS + 1)))
    return found


class Alike:
    """The documents seen so far, by likeness. The first of each group speaks for it; others join the one that they are most like."""

    def __init__(self, threshold: float, most: int) -> None:
        need("rensa", "0.5", "data")
        from rensa import RMinHash, RMinHashLSH  # type: ignore[import-untyped]  # compiled, without stubs

        self._hash: Any = RMinHash
        self._index: Any = RMinHashLSH(threshold, PERMUTATIONS, BANDS)
        self._threshold, self._most = threshold, most
        self._firsts: list[Any] = []  # the hashes of each group's first document
        self._sizes: list[int] = []

    def one_too_many(self, text: str) -> bool:
        """Say whether as many documents like this one as are wanted came before it; remembers it either way."""
        found = self._hash(PERMUTATIONS, SEED)
        found.update(sorted(runs(text)))
        near = [(found.jaccard(self._firsts[group]), -group) for group in self._index.query(found)]
        likeness, group = max(near, default=(0.0, 0))
        if likeness < self._threshold:
            self._index.insert(len(self._firsts), found)
            self._firsts.append(found)
            self._sizes.append(1)
            return False
        self._sizes[-group] += 1
        return self._sizes[-group] > self._most
