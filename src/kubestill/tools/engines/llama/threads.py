"""How many threads read a pass of a small model that has the machine to itself: as many as were quickest lately.

Two threads of an idle machine read the packaged student's prompts 1.9 times as fast as one, and single tokens 1.4 times. They wait for each
other many times a pass, so on a busy machine the same two may take five times as long as one. Nobody can tell beforehand, so both are
timed as they go. What is read does not depend on it.
"""

from kubestill.ground.settings import usable_cores

EVERY = 8192  # passes from one trial of the other count to the next: some seconds of work
TRIAL = 128  # passes of a trial: helping threads that have slept take dozens of them to be quick
WARM = 32  # passes of a trial that tell nothing yet
MEMORY = 0.8  # of what is known, when a pass tells more
SHORT = 4  # tokens up to which a pass is of the one size, beyond of the other


class Pace:
    """The quicker of two counts of threads, one and `most`, for short passes and for long ones."""

    def __init__(self, most: int = 0) -> None:
        """`most`: 0 means as many as there are usable cores."""
        self.most, self._passes = most or usable_cores(), 0
        self._seconds: dict[tuple[bool, int], float] = {}  # a token, by size and count

    def choose(self, tokens: int) -> int:
        """Return how many threads to read the next pass with, which is of `tokens`."""
        size = tokens > SHORT
        slower = self._known(size, 1) < self._known(size, self.most)
        best, other = (1, self.most) if slower else (self.most, 1)
        return other if self._passes % EVERY < TRIAL else best

    def took(self, tokens: int, threads: int, seconds: float) -> None:
        """Learn from the pass."""
        self._passes += 1
        if self._passes % EVERY not in range(1, WARM + 1):
            key, each = (tokens > SHORT, threads), seconds / tokens
            self._seconds[key] = MEMORY * self._seconds.get(key, each) + (1 - MEMORY) * each

    def _known(self, size: bool, count: int) -> float:
        return self._seconds.get((size, count), 0.0)  # what is not known yet seems quick, and is tried
