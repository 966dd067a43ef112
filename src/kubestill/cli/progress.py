"""Shows progress on stderr: one line that renews itself on a terminal, a line every ten seconds elsewhere."""

import sys
import time
from typing import TextIO

from kubestill.pipeline.spelling import duration

TERMINAL_SECONDS, LOG_SECONDS = 0.2, 10.0
CLEAR = "\r\x1b[2K"


class Shown:
    """Progress for people. The rate counts only what was done since this process began, so that a resumed run tells the truth."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.terminal = self.stream.isatty()
        self._work: tuple[int, str] = (0, "")
        self._from_done, self._from_time, self._last_time = 0, 0.0, float("-inf")
        self._open_line = False

    def say(self, message: str) -> None:
        """Tell one line."""
        self._write(message, stays=True)

    def step(self, done: int, total: int, unit: str, **figures: float | int | str) -> None:
        """Tell how far the present work is; total 0 says that nobody knows the end."""
        now = time.monotonic()
        if (total, unit) != self._work or done < self._from_done:
            self._work, self._from_done, self._from_time = (total, unit), done, now
            self._last_time = float("-inf") if self.terminal else now
        if now - self._last_time < (TERMINAL_SECONDS if self.terminal else LOG_SECONDS) and not (self.terminal and done == total):
            return
        self._last_time = now
        rate = (done - self._from_done) / (now - self._from_time) if now > self._from_time else 0.0
        self._write("      " + line(done, total, unit, rate, figures), stays=not self.terminal)

    def close(self) -> None:
        """Take away the line that renews itself."""
        if self._open_line:
            self._write("", stays=False)
            self._open_line = False

    def _write(self, text: str, stays: bool) -> None:
        lead = CLEAR if self._open_line or (self.terminal and not stays) else ""
        self.stream.write(lead + text + ("\n" if stays else ""))
        self.stream.flush()
        self._open_line = not stays


def line(done: int, total: int, unit: str, rate: float, figures: dict[str, float | int | str]) -> str:
    """Spell one state: "1,200 of 4,000 steps · 3.1/s · 15 min left · loss 0.412"."""
    parts = [f"{done:,} of {total:,} {unit}" if total else f"{done:,} {unit}"]
    if rate > 0:
        parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s")
        if total > done:
            parts.append(f"{duration((total - done) / rate)} left")
    parts += [f"{name.replace('_', ' ')} {_figure(value)}" for name, value in figures.items()]
    return " · ".join(parts)


def _figure(value: float | int | str) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else f"{value:,.0f}" if isinstance(value, float) else value
