"""How sure a share is: intervals and tests for counts, in closed form."""

from math import comb, sqrt

Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution: two-sided 95 %


def wilson(passed: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Return the bounds of Wilson's score interval for a share (Wilson 1927); (0, 1) where nothing was counted.

    Raises:
        ValueError: `passed` is not between 0 and `total`.
    """
    if not 0 <= passed <= total:
        raise ValueError(f"{passed} of {total} is no share")
    if not total:
        return 0.0, 1.0
    share, weight = passed / total, z * z / total
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * sqrt(share * (1 - share) / total + weight / (4 * total))
    return (0.0 if not passed else middle - half), (1.0 if passed == total else middle + half)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value that two paired shares differ by chance alone (McNemar 1947, exact binomial form).

    Args:
        only_first: how many questions only the first answered.
        only_second: how many only the second answered.
    """
    discordant, rarer = only_first + only_second, min(only_first, only_second)
    tail: int = sum(comb(discordant, count) for count in range(rarer + 1))
    return min(1.0, float(2 * tail / 2**discordant))


def paired_difference(only_first: int, only_second: int, total: int, z: float = Z95) -> tuple[float, float, float]:
    """Return second share minus first share with the bounds of its interval (Bonett and Price 2012, adjusted Wald).

    Raises:
        ValueError: nothing was counted.
    """
    if not total:
        raise ValueError("no questions in common")
    first, second = (only_first + 1) / (total + 2), (only_second + 1) / (total + 2)
    half = z * sqrt((first + second - (second - first) ** 2) / (total + 2))
    middle = second - first
    return (only_second - only_first) / total, max(-1.0, middle - half), min(1.0, middle + half)
