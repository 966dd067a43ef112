"""How many questions are under way at a time: found out, not configured. Additive increase, multiplicative decrease, as in TCP."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

FIRST = 2  # questions at a time at the start: one more after each round of successes
MINUTE_SECONDS = 60.0
NAP_SECONDS = 1.0  # after so long a wait looks whether it is still wanted


@dataclass
class Pace:
    """Lets questions go. `now` and `sleep` are seams for tests."""

    most: int
    per_minute: int = 0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def __post_init__(self) -> None:
        self.allowed, self.under_way, self.widest = min(FIRST, self.most), 0, 0
        self._round, self._successes = 0, 0  # a round ends where the number allowed is halved
        self._next = 0.0  # no question leaves before
        self._changed = asyncio.Condition()

    async def enter(self) -> int:
        """Wait until a question may leave; returns the round that it belongs to, which `leave` wants back."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.under_way < self.allowed)
            self.under_way += 1
            self.widest = max(self.widest, self.under_way)
        try:
            while (wait := self._next - self.now()) > 0:
                await self.sleep(min(wait, NAP_SECONDS))
        except asyncio.CancelledError:
            self.under_way -= 1
            raise
        if self.per_minute:
            self._next = self.now() + MINUTE_SECONDS / self.per_minute
        return self._round

    async def leave(self, in_round: int, answered: bool, too_busy: bool) -> None:
        """Count a question as come back. Of those that left in one round, one alone halves what is allowed."""
        async with self._changed:
            self.under_way -= 1
            if too_busy and in_round == self._round:
                self._round += 1
                self._allow(self.allowed // 2)
            elif answered:
                self._successes += 1
                if self._successes >= self.allowed:
                    self._allow(self.allowed + 1)
            self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Let no question leave for a while: the server asked for that."""
        self._next = max(self._next, self.now() + seconds)

    def go_on(self) -> None:
        """Take a wait back."""
        self._next = 0.0

    def _allow(self, allowed: int) -> None:
        self.allowed, self._successes = min(max(1, allowed), self.most), 0
