"""The checks judge what was written, and choose where there is more than one."""

from kubestill.serving.answer import best, judged
from kubestill.serving.api import Means, Served, Turn


class Check:
    """Judges the candidates of an answer."""

    name = "check"

    def __init__(self, model: Served) -> None:
        self.model = model

    def __call__(self, turn: Turn) -> None:
        """Choose the answer, where no step before has one: it passed, and most of those that passed agree with it."""
        if turn.answer is None:
            wish = turn.inquiry.wish
            domain = self.model.domain(wish)
            turn.answer = best([judged(domain, candidate, wish, turn.inquiry.request) for candidate in turn.candidates])
            turn.note = f"failed on {turn.answer.verdict.failed_on}" if turn.answer.verdict.failed_on else ""


def step(means: Means) -> Check:
    """Return the step."""
    return Check(means.model)
