"""How a student stands on the dev slice: which count was its best, and for how many it has not gained."""

from dataclasses import dataclass

WORST = -1e30  # below every score; JSON has no infinity


@dataclass(frozen=True)
class Standing:
    """The best count so far: after which step and tokens, its score; and how many counts since then brought no gain."""

    step: int = 0
    tokens: int = 0
    score: float = WORST
    waited: int = 0
    kept: bool = False  # the weights of the best count are kept in a file

    def after(self, step: int, tokens: int, score: float) -> "Standing":
        """Return the standing after another count. Of equal ones the later is the best, though it is no gain."""
        waited = 0 if score > self.score else self.waited + 1
        if score >= self.score:
            return Standing(step, tokens, score, waited)
        return Standing(self.step, self.tokens, self.score, waited, self.kept)


def score_of(passed: int | None, loss: float | None) -> float:
    """Return what a dev count is worth: its full passes; while there are none (or nothing judges), the dev loss in nats, negated.

    Copying appears of a sudden after a million tokens or two (../shared/references/probes.md): until then, all counts are nought, and a
    falling loss is the gain.
    """
    return float(passed) if passed else -loss if loss is not None else 0.0
