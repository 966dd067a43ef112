"""A manifest changed as the request says: the answer is its whole new text."""

from kubestill.serving.api import Means, Served, Turn
from kubestill.serving.editing import edit


class Edit:
    """Answers inquiries that bring a manifest."""

    name = "edit"

    def __init__(self, model: Served) -> None:
        self.model = model

    def __call__(self, turn: Turn) -> None:
        """Change the manifest and judge it, where there is one."""
        if turn.inquiry.manifest:
            turn.answer, turn.by = edit(self.model, turn), self.model.name
            turn.note = "changed" if turn.answer.change and turn.answer.change.diff else "nothing to change"


def step(means: Means) -> Edit:
    """Return the step."""
    return Edit(means.model)
