"""The suite of what a skill invents: held-out words and phrase parts, no request twice."""

from collections.abc import Callable, Iterable, Sequence
from random import Random

from kubestill.domains.api import HELD, Document, Drop, Intent, Sample
from kubestill.ground.seeds import Seed
from kubestill.tools.checks.api import Verdict

TRIES = 200  # a suite gives up on finding a new request after so many draws in a row


class Drawn:
    """Samples that a skill draws and that their own judge passes."""

    needs_documents = False

    def __init__(
        self,
        name: str,
        skill: str,
        draw: Callable[[Random, str], Sample | Drop],
        judge: Callable[[str, Sequence[Intent]], Verdict],
    ) -> None:
        self.name, self.skill, self.draw, self.judge = name, skill, draw, judge

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return `count` samples with different requests, fewer where no more are found; documents are not asked for."""
        del documents
        found, place, last = dict[str, Sample](), 0, 0
        while len(found) < count and place - last < TRIES:
            sample = self.draw(seed.rng(self.name, place), HELD)
            place += 1
            if isinstance(sample, Sample) and sample.request.lower() not in found and self.judge(sample.answer, sample.intents).passed:
                found[sample.request.lower()], last = sample, place
        return list(found.values())
