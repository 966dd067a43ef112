"""Answers written under the domain's guide: one, or several of which the checks choose, each with a draft before it if one is wished.

With a draft the model answers freely first, and then under the guide with its draft before it: masking bends what a model says, and a
larger one that has said it in its own way first needs less bending (../shared/references/methods.md, section 5).
"""

from kubestill.serving.answer import agree, ask_of, guide_of, with_draft
from kubestill.serving.api import Candidate, Means, Served, Turn
from kubestill.tools.engines.api import Reply, TooLong, Work
from kubestill.tools.grammar.api import Guide


class Generate:
    """Writes the candidates of an answer."""

    name = "generate"

    def __init__(self, model: Served) -> None:
        self.model = model

    def __call__(self, turn: Turn) -> None:
        """Write as many answers as are wished, where no step before has answered. They are under way at the same time."""
        if turn.answer is not None:
            return
        wish = turn.inquiry.wish
        domain = self.model.domain(wish)
        guide = guide_of(domain, wish)  # refuses what cannot be before a model is loaded
        agree(self.model.desk, domain, wish)
        begun: list[tuple[Work, Reply | None]] = []
        try:
            begun.extend(self._begun(turn, number, guide) for number in range(wish.tries))
            turn.candidates = [_whole(turn, work, draft) for work, draft in begun]
        finally:  # where one fails, nobody waits for the others; what is whole stays so
            for work, _ in begun:
                work.stop()
        turn.by = self.model.name

    def _begun(self, turn: Turn, number: int, guide: Guide | None) -> tuple[Work, Reply | None]:
        """Begin an answer, its draft being whole."""
        ask, request, desk = ask_of(turn.inquiry.wish, number), turn.inquiry.request, self.model.desk
        draft = turn.wait(desk.submit(request, ask)) if turn.inquiry.wish.draft else None
        asked = request if draft is None else with_draft(request, draft)
        work = desk.submit(asked, ask, guide, turn.told if turn.live else None)
        turn.stop.then(work.stop)
        return work, draft


def _whole(turn: Turn, work: Work, draft: Reply | None) -> Candidate:
    try:
        return Candidate(turn.wait(work), draft)
    except TooLong as error:
        if draft is None:
            raise
        raise TooLong(
            "--draft", f"with its draft of {draft.tokens} tokens the request is too long ({error.found})", "leave it out"
        ) from None


def step(means: Means) -> Generate:
    """Return the step."""
    return Generate(means.model)
