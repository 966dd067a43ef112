"""When a word is certainly meant to be another one: the same but for its case and its joints, or exactly one near it."""

from collections.abc import Iterable

_SHORTEST = 4  # letters: of shorter words (env, key, ip) too many are near each other
_TWO_SLIPS_FROM = 8  # letters: from here on a word may have two slips
_LONGEST = 64  # letters: no field is longer (the longest built-in one has 46), and comparing takes time


def same_but_for_case(word: str, known: Iterable[str]) -> str:
    """Return the one known word that `word` is but for case, `-`, `_` and blanks; "" where there is none, or more."""
    found = {one for one in known if _folded(one) == _folded(word)}
    return found.pop() if len(found) == 1 else ""


def meant(word: str, known: Iterable[str]) -> str:
    """Return the one known word that is meant: the same but for case, else the only near one; "" where that is not certain.

    Another word within one slip more than the near one makes it uncertain: `hostIP` may be hostIPC or hostPID.
    """
    known = list(known)
    folded = _folded(word)
    if word in known or len(word) > _LONGEST:
        return ""
    if any(_folded(one) == folded for one in known):
        return same_but_for_case(word, known)
    slips = 2 if len(folded) >= _TWO_SLIPS_FROM else 1
    found = sorted((_distance(folded, _folded(one), slips + 1), one) for one in set(known) if len(one) >= _SHORTEST)
    near = [one for slip, one in found if slip <= min(slips, found[0][0]) + 1]
    return near[0] if len(near) == 1 and found[0][0] <= slips and len(folded) >= _SHORTEST else ""


def _folded(word: str) -> str:
    return word.replace("-", "").replace("_", "").replace(" ", "").lower()


def _distance(one: str, other: str, most: int) -> int:
    """Return how many letters are to be added, dropped, changed or swapped with their neighbour (optimal string alignment)."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
