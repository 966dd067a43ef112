"""A pace finds the quicker count of threads, keeps to it, and notices when the machine changes."""

import pytest

from kubestill.tools.engines.llama.threads import EVERY, TRIAL, Pace


def shares(pace: Pace, cost: dict[int, float], passes: int, tokens: int = 1) -> dict[int, float]:
    """Return which share of the passes each count had, where a token costs `cost[count]` seconds."""
    counts = dict.fromkeys(cost, 0)
    for _ in range(passes):
        threads = pace.choose(tokens)
        counts[threads] += 1
        pace.took(tokens, threads, tokens * cost[threads])
    return {count: times / passes for count, times in counts.items()}


@pytest.mark.parametrize(("cost", "quicker"), [({1: 3.0, 2: 2.0}, 2), ({1: 3.0, 2: 15.0}, 1)])
def test_the_quicker_count_is_kept_to(cost: dict[int, float], quicker: int) -> None:
    assert shares(Pace(2), cost, 3 * EVERY)[quicker] > 1 - 1.5 * TRIAL / EVERY


def test_a_machine_that_gets_busy_or_idle_is_noticed() -> None:
    pace = Pace(2)
    shares(pace, {1: 3.0, 2: 2.0}, EVERY // 2)
    assert shares(pace, {1: 3.0, 2: 15.0}, 200)[1] > 0.9  # soon, since passes get slow
    assert shares(pace, {1: 3.0, 2: 2.0}, 2 * EVERY)[2] > 0.4  # with the next trial


def test_long_and_short_passes_may_differ() -> None:
    pace = Pace(2)
    for _ in range(EVERY):
        for tokens, cost in ((1, {1: 1.0, 2: 2.0}), (60, {1: 3.0, 2: 2.0})):
            threads = pace.choose(tokens)
            pace.took(tokens, threads, tokens * cost[threads])
    assert (pace.choose(1), pace.choose(60)) in [(1, 2), (2, 1)]  # the latter within a trial
    while pace.choose(1) == 2:
        pace.took(1, 2, 2.0)
    assert (pace.choose(1), pace.choose(60)) == (1, 2)


def test_one_core_has_one_thread() -> None:
    assert shares(Pace(1), {1: 1.0}, 300) == {1: 1.0}
