"""Compared with published and textbook values, and with a direct count."""

from itertools import product

import pytest

from kubestill.ground.intervals import mcnemar_exact, paired_difference, wilson


@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [
        (183, 200, 0.868, 0.946),  # R: prop.test(183, 200, correct = FALSE)
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (15, 148, 0.0624, 0.1605),  # the same
        (0, 20, 0.0, 0.1611),  # the same
        (1, 29, 0.0061, 0.1718),  # the same
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(passed, total, low, high):
    found = wilson(passed, total)
    assert found == pytest.approx((low, high), abs=6e-4)
    assert wilson(total - passed, total) == pytest.approx((1 - found[1], 1 - found[0]))


def test_wilson_refuses_what_is_no_share():
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (1, 0), (5, 1), (4, 8), (6, 6)])
def test_mcnemar_counts_the_coin_tosses_that_are_at_least_as_uneven(only_first, only_second):
    tosses = only_first + only_second
    uneven = [toss for toss in product((0, 1), repeat=tosses) if min(sum(toss), tosses - sum(toss)) <= min(only_first, only_second)]
    assert mcnemar_exact(only_first, only_second) == pytest.approx(len(uneven) / 2**tosses)


def test_the_difference_of_paired_shares():
    difference, low, high = paired_difference(5, 25, 100)
    assert difference == pytest.approx(0.2)
    assert low < 0.2 < high and low > 0  # clearly better: 30 discordant pairs, 25 one way
    assert paired_difference(25, 5, 100) == pytest.approx((-difference, -high, -low))
    same = paired_difference(0, 0, 50)
    assert same[0] == 0 and same[1] == pytest.approx(-same[2]) and same[2] < 0.06
    with pytest.raises(ValueError):
        paired_difference(0, 0, 0)
