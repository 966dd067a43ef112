"""An answer that still fails, asked of a second, larger model: another file, or a server (vLLM, llama-server, Ollama)."""

from dataclasses import replace

from kubestill.ground.errors import KubestillError
from kubestill.serving.api import Means, Served, Turn
from kubestill.serving.path import steps_of, walk

ASKED = ("edit", "generate", "check")  # the larger model's own part of the path


class Escalate:
    """Asks the larger model. Whatever becomes of that, the answer that is there is not lost."""

    name = "escalate"

    def __init__(self, larger: Served) -> None:
        self.larger, self.steps = larger, steps_of(Means(larger), ASKED)

    def __call__(self, turn: Turn) -> None:
        """Put the larger model's answer in the place of the first, if it passes and the first did not."""
        if turn.answer is None or turn.answer.verdict.passed or turn.live:
            return
        again = Turn(turn.inquiry, stop=turn.stop, until=turn.until)
        try:
            walk(self.steps, again)
        except KubestillError as error:
            turn.note = f"{self.larger.name}: {error}"
        except TimeoutError:
            turn.note = f"{self.larger.name}: no time was left"
        else:
            passed = again.answer is not None and again.answer.verdict.passed
            turn.note = f"{self.larger.name}: {'passed' if passed else 'failed, too'}"
            if passed and again.answer is not None:
                turn.answer, turn.by = replace(again.answer, escalated=True), again.by


def step(means: Means) -> Escalate | None:
    """Return the step, where there is a larger model."""
    return None if means.larger is None else Escalate(means.larger)
