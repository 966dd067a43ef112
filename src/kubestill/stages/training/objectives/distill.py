"""Cross-entropy on the right tokens and a divergence from a teacher's distributions: CE + 0.2 D at temperature 1 (DDK, arXiv 2407.16154).

The teacher is a live network, or signals that the stage capture made; of the same vocabulary, or aligned by what both write (aligned.py).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.stages.training.batches import Answers
from kubestill.stages.training.objectives.aligned import align, chunked
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.stages.training.objectives.divergence import Divergence, taught
from kubestill.stages.training.objectives.teaching import Captured, Live
from kubestill.stages.training.settings import DistillWhat


class Distill:
    """Learns the answers, and what a teacher thinks of each of their tokens."""

    figures: Sequence[str] = ("ce", "kl")

    def __init__(self, seat: Seat) -> None:
        """Find the teacher.

        Raises:
            UserError: there is none, it does not fit the student, or it cannot give what is asked for.
        """
        what: DistillWhat = seat.what.distill
        self.network = seat.network
        self.how = Divergence(what.divergence, what.beta, what.temperature, what.rest, (what.ce, what.weight))
        self.source: Live | Captured | None = None
        if what.words == "across":
            if what.teacher:
                raise UserError("training.distill.teacher", "a live teacher of another vocabulary", "name it as capture.teacher instead")
            self.lessons: Answers = align(seat, what.aligned)
            self.figures = ("ce", "kl", "aligned")
            return
        self.source = Live(seat, what.teacher, what.top_k) if what.teacher else Captured(seat)
        self.lessons = self.source.lessons
        kept = what.top_k if isinstance(self.source, Live) else self.source.form.kept
        if what.temperature != 1 and what.rest == "one bucket" and 0 < kept < self.source.vocabulary:
            found = f"{what.temperature} for the top {kept} words: how much mass the others would have together is not known"
            raise UserError("training.distill.temperature", found, "set it to 1, or distill.rest to 'renormalised' or 'uniform'")

    def loss(self, block: Block) -> tuple[Tensor, Sequence[float]]:
        """Return the summed loss of the block's labels, and the sums of cross-entropies and divergences."""
        logits = self.network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
        if self.source is None:
            return chunked(logits, block, self.how)
        # A network may have rows beyond its tokenizer's tokens.
        logits = logits[:, : self.source.vocabulary]
        return taught(logits, torch.from_numpy(block.targets), self.source.told(block), self.how)
