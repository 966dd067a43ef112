"""How many threads read a pass of a small model that has the machine to itself: as many as were quicker lately.

Two threads of an idle machine read the packaged student's prompts 1.9 times as fast as one, and single tokens 1.4 times. They wait for each
other many times a pass, so on a busy machine the same two may take five times as long as one. Nobody can tell beforehand, so both are
timed as they go, in stretches: a thread that has slept needs some passes to be quick again.
"""

from collections import deque
from statistics import median

from kubestill.ground.settings import usable_cores

STRETCH = 8192  # passes from one trial of the other count to the next: some seconds of work
TRIAL = 160  # passes of a trial
WARM = 32  # first passes of a stretch, which tell nothing
HOPELESS = 8, 24, 2.5  # from which pass of a trial to which, and how much slower it is then: no cold thread's doing, and not gone on with
LOOKED = 64  # passes after which a count that got slow is noticed
HELD = 32  # last passes of a size and count that are remembered
SHORT = 4  # tokens up to which a pass is of the one size, beyond of the other
SHOCK, SHOCKS = 10.0, 3  # how many times as long as with one thread a pass takes, and how many such are enough to leave off at once
LOSS = 1.2  # how much slower the count at hand may get before the other is tried


class Pace:
    """The quicker of two counts of threads, one and `most`."""

    def __init__(self, most: int = 0) -> None:
        """`most`: 0 means as many as there are usable cores."""
        self.most = most or usable_cores()
        self.threads = 1  # which is never much slower; several may be, a hundred times, where others have all cores
        self._left, self._passes = TRIAL, 0  # of this stretch
        self._took: dict[tuple[bool, int], deque[float]] = {}  # seconds a token, by size and count
        self._tokens = {False: 0, True: 0}
        self._shocks = 0
        self._tried = [0.0, 0.0]  # seconds of a trial's first passes, and of as many tokens with the other count

    def took(self, tokens: int, seconds: float) -> None:
        """Learn from a pass that was read with `threads`, and choose those of the next."""
        size = tokens > SHORT
        self._passes += 1
        self._tokens[size] += tokens
        if self._passes > WARM:
            self._took.setdefault((size, self.threads), deque(maxlen=HELD)).append(seconds / tokens)
        if self._shocked(size, tokens, seconds) or self._fails(size, tokens, seconds):
            self._begin(self._other, STRETCH)
        elif self._passes >= self._left:
            self._go_on(trial=self._left == TRIAL)
        elif self._passes % LOOKED == 0 and self._passes > 2 * WARM and self._slower() > LOSS:
            self._begin(self._other, STRETCH)

    @property
    def _other(self) -> int:
        return self.most if self.threads == 1 else 1

    def _go_on(self, trial: bool) -> None:
        """Begin the next stretch: after a trial with the quicker count, or with the one that is yet unknown; else with a trial."""
        if slower := trial and self._slower():
            self._begin(self._other if slower > 1 else self.threads, STRETCH)
        else:
            self._begin(self._other, TRIAL)

    def _shocked(self, size: bool, tokens: int, seconds: float) -> bool:
        """Say whether pass after pass takes very long with several threads: they wait for one that does not get its core."""
        alone = self._took.get((size, 1))
        if self.threads > 1 and alone:
            self._shocks = self._shocks + 1 if seconds > SHOCK * tokens * median(alone) else max(0, self._shocks - 1)
        return self._shocks >= SHOCKS

    def _fails(self, size: bool, tokens: int, seconds: float) -> bool:
        """Say at the last early pass of a trial of several threads whether it is much slower than one."""
        first, last, much = HOPELESS
        there = self._took.get((size, 1))
        trial = self._left == TRIAL and self.threads > 1
        if trial and first < self._passes <= last and there:
            self._tried[0] += seconds
            self._tried[1] += tokens * median(there)
        return trial and self._passes == last and self._tried[0] > much * self._tried[1] > 0

    def _begin(self, threads: int, passes: int) -> None:
        self.threads, self._left, self._passes, self._tried, self._shocks = threads, passes, 0, [0.0, 0.0], 0
        if passes == TRIAL:  # what is known of it may be of another day
            self._took = {key: took for key, took in self._took.items() if key[1] != threads}

    def _slower(self) -> float:
        """Return how many times as long as with the other count the work takes with this one; 0 where nothing is known of both."""
        mine = other = 0.0
        for size, tokens in self._tokens.items():
            if (here := self._took.get((size, self.threads))) and (there := self._took.get((size, self._other))):
                mine, other = mine + tokens * median(here), other + tokens * median(there)
        return mine / other if other else 0.0
