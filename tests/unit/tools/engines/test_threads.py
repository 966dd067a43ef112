"""A pace finds the quicker count of threads, keeps to it, and notices when the machine changes, though passes are noisy and begin cold."""

from random import Random

import pytest

from kubestill.tools.engines.llama.threads import LOOKED, STRETCH, TRIAL, Pace

COLD = 20  # passes after a change of threads that take three times as long
IDLE, BUSY = {1: 1.4, 2: 1.0}, {1: 2.0, 2: 9.0}  # seconds a token
ODD = 0.002  # share of passes in which something else had the core


def shares(pace: Pace, cost: dict[int, float], passes: int, seed: int = 1) -> dict[int, float]:
    """Return which share of the passes each count had: now and then a prompt, else single tokens."""
    rng, counts, since, last = Random(seed), dict.fromkeys(cost, 0), 0, 0
    for number in range(passes):
        threads, tokens = pace.threads, 50 if number % 18 == 0 else 1
        since, last = (0 if threads != last else since + 1), threads
        counts[threads] += 1
        odd = 30 if rng.random() < ODD else 1
        pace.took(tokens, tokens * cost[threads] * (3 if since < COLD else 1) * rng.uniform(0.8, 1.25) * odd)
    return {count: times / passes for count, times in counts.items()}


@pytest.mark.parametrize(("cost", "quicker"), [(IDLE, 2), (BUSY, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_the_quicker_count_is_kept_to(cost: dict[int, float], quicker: int, seed: int) -> None:
    assert shares(Pace(2), cost, 4 * STRETCH, seed)[quicker] > 0.93


def test_a_machine_that_gets_busy_is_noticed_at_once_and_one_that_gets_idle_with_the_next_trial() -> None:
    pace = Pace(2)
    shares(pace, IDLE, STRETCH)
    assert pace.threads == 2
    shares(pace, BUSY, 2 * LOOKED)
    assert pace.threads == 1
    shares(pace, IDLE, STRETCH + TRIAL)
    assert pace.threads == 2


def test_threads_that_wait_for_each_other_are_left_at_once() -> None:
    """Where others have all cores a pass of two threads takes a hundred times as long as one of one: a person would wait for seconds."""
    pace, slow = Pace(2), {1: 2.0, 2: 250.0}
    assert shares(pace, slow, 2 * STRETCH)[2] < 0.001
    shares(pace, IDLE, 2 * STRETCH)
    assert pace.threads == 2
    shares(pace, slow, 5)
    assert pace.threads == 1


def test_a_trial_without_hope_is_over_soon() -> None:
    """Who waits just then waits for few slow passes: of the answers on a busy machine it is fewer than one in a hundred."""
    pace = Pace(2)
    shares(pace, BUSY, STRETCH)
    assert pace.threads == 1
    assert 0 < shares(pace, BUSY, 4 * STRETCH)[2] < 0.004
