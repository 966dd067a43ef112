import io
from collections.abc import Iterator

import pytest

from kubestill.cli import progress
from kubestill.cli.progress import Shown, line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    yield now


def test_a_log_gets_a_line_every_ten_seconds_with_rate_and_time_left(clock: list[float]) -> None:
    stream = io.StringIO()
    shown = Shown(stream)
    for second in range(26):
        clock[0] = 100.0 + second
        shown.step(40 + 2 * second, 400, "steps", loss=0.5)
    assert stream.getvalue().splitlines() == [
        "      60 of 400 steps · 2/s · 2 min 50 s left · loss 0.5",
        "      80 of 400 steps · 2/s · 2 min 40 s left · loss 0.5",
    ]


def test_a_terminal_gets_one_line_that_renews_itself(clock: list[float]) -> None:
    stream = Terminal()
    shown = Shown(stream)
    for done in range(1, 4):
        shown.step(done, 3, "shards")
        clock[0] += 1
    shown.say("done")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith(progress.CLEAR + "done\n")
    assert "3 of 3 shards" in stream.getvalue()


def test_work_that_was_resumed_is_not_counted_into_the_rate(clock: list[float]) -> None:
    stream = Terminal()
    shown = Shown(stream)
    shown.step(1000, 2000, "steps")
    clock[0] += 10
    shown.step(1010, 2000, "steps")
    assert "1/s" in stream.getvalue() and "16 min 30 s left" in stream.getvalue()


def test_an_unknown_end_shows_no_time_left() -> None:
    assert line(1200, 0, "documents", 400.0, {"dropped": 30}) == "1,200 documents · 400/s · dropped 30"
