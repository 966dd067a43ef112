"""An answer that failed, asked for once more: with what the checks found, or drawn anew.

A student that notes what it understands was never taught to read findings: it takes their words for a part of the request.
"""

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
        """Put a second answer in the place of the first, if it passes, held against its notes, and the first did not."""
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
            mended = second.verdict.passed and second.held
            turn.note = "passed" if mended else "failed again"
            turn.answer = replace(second, repaired=True) if mended else first

    def _again(self, turn: Turn, first: Answer) -> Answer:
        wish, request, desk = turn.inquiry.wish, turn.inquiry.request, self.model.desk
        domain = self.model.domain(wish)
        text, ask = (request, ask_of(wish, wish.tries)) if desk.notes else (with_findings(request, first), ask_of(wish))
        work = desk.submit(text, ask, guide_of(domain, wish))
        return judged(domain, Candidate(turn.wait(work)), wish, request)


def step(means: Means) -> Repair:
    """Return the step."""
    return Repair(means.model)
