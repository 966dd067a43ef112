import asyncio

from kubestill.tools.teachers.pace import FIRST, Pace


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    async def sleep(self, seconds):
        self.seconds += seconds


def after(pace, *events):
    """Let as many leave as may, then count each as answered or turned away, round after round."""

    async def run():
        for answered in events:
            rounds = [await pace.enter() for _ in range(pace.allowed)]
            for in_round in rounds:
                await pace.leave(in_round, answered, not answered)
        return pace.allowed

    return asyncio.run(run())


def test_one_more_after_a_round_of_successes_and_half_after_a_round_of_refusals():
    assert after(Pace(64)) == FIRST
    assert after(Pace(64), *[True] * 8) == FIRST + 8
    assert after(Pace(64), *[True] * 8, False) == (FIRST + 8) // 2  # ten were turned away together: halved once
    assert after(Pace(64), *[True] * 8, *[False] * 9) == 1
    assert after(Pace(4), *[True] * 20) == 4


def test_a_rate_is_kept_and_a_wait_holds_all():
    clock = Clock()
    pace = Pace(8, per_minute=30, now=clock.now, sleep=clock.sleep)

    async def run():
        left = []
        for number in range(6):
            if number == 3:
                pace.hold(60)
            in_round = await pace.enter()
            left.append(clock.seconds)
            await pace.leave(in_round, True, False)
        return left

    assert asyncio.run(run()) == [0.0, 2.0, 4.0, 64.0, 66.0, 68.0]
