"""How the next token is chosen from logits: the likeliest, or a draw. Written once, so that local engines choose alike."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.seeds import stable_hash
from kubestill.tools.engines.api import Ask


class Chooser:
    """Chooses the tokens of one answer, one after the other.

    A draw uses one random number of the answer's own generator, which the seed and the request decide; so neither the batch nor
    guesses about what comes next change it. Tokens that need no choice use none.
    """

    def __init__(self, ask: Ask, request: str) -> None:
        self.temperature, self.top_p = ask.temperature, ask.top_p
        self._seed = ask.seed, request

    @cached_property
    def random(self) -> np.random.Generator:
        """The answer's own generator; a greedy one needs none, and to make one takes as long as ten choices."""
        return np.random.default_rng(stable_hash("sample", *self._seed))

    def __call__(self, logits: NDArray[np.float32]) -> int:
        """Return the next token after `logits` [V]; what is not allowed is minus infinity. Of equal ones the first is the likeliest."""
        if self.temperature <= 0:
            return int(logits.argmax())
        chances = np.exp((logits.astype(np.float64) - float(logits.max())) / self.temperature)
        if self.top_p < 1:
            chances = _nucleus(chances, self.top_p)
        # In the order of ids: two engines whose logits differ by rounding may sort near-ties differently.
        total = chances.cumsum()
        place = int(np.searchsorted(total, self.random.random() * total[-1], side="right"))
        return place if place < len(total) else int(chances.nonzero()[0][-1])


def _nucleus(chances: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """Keep the fewest tokens that hold `top_p` of the chance (Holtzman et al. 2020): the first whose sum reaches it stays."""
    order = np.argsort(-chances, kind="stable")
    total = chances[order].cumsum()
    kept = order[: int(np.searchsorted(total, top_p * total[-1], side="left")) + 1]
    found = np.zeros_like(chances)
    found[kept] = chances[kept]
    return found
