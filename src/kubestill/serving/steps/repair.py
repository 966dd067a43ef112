"""An answer that failed, asked for once more with what the checks found."""

from dataclasses import replace

from kubestill.serving.answer import MADE_UP, Answer, ask_of, guide_of, judged, with_findings
from kubestill.serving.api import Candidate, Means, Served, Turn
from kubestill.tools.engines.api import TooLong


class Repair:
    """Repairs once. What was told cannot be taken back, and a change is not asked for anew: these stay as they are."""

    name = "repair"

    def __init__(self, model: Served) -> None:
        self.model = model

    def __call__(self, turn: Turn) -> None:
        """Put a second answer in the place of the first, if it passes and the first did not."""
        first = turn.answer
        if first is None or first.verdict.passed or first.change is not None or turn.live:
            return
        if all(found.code == MADE_UP for found in first.verdict.findings):
            return  # asked again, it would be made up again
        try:
            second = self._again(turn, first)
        except TooLong:
            turn.note = "the findings leave no room for an answer"
        except TimeoutError:
            turn.note = "no time was left"
        else:
            turn.note = "passed" if second.verdict.passed else "failed again"
            turn.answer = replace(second, repaired=True) if second.verdict.passed else first

    def _again(self, turn: Turn, first: Answer) -> Answer:
        wish = turn.inquiry.wish
        domain = self.model.domain(wish)
        work = self.model.desk.submit(with_findings(turn.inquiry.request, first), ask_of(wish), guide_of(domain, wish))
        return judged(domain, Candidate(turn.wait(work)), wish, turn.inquiry.request)


def step(means: Means) -> Repair:
    """Return the step."""
    return Repair(means.model)
