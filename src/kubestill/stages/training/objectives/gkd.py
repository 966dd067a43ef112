"""Generalised knowledge distillation (Agarwal et al. 2024, arXiv 2306.13649): a live teacher's distributions on the student's own answers.

With the chance λ a step's answers are drawn from the student as it is, else they are the mix's; either way the loss is the generalised
Jensen-Shannon divergence at each of their tokens, and no gradient flows through the drawing (algorithm 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.ground.seeds import Seed
from kubestill.stages.training.batches import Answers, padded
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.stages.training.objectives.divergence import Divergence, taught
from kubestill.stages.training.objectives.teaching import Live
from kubestill.stages.training.rollouts import limit_of
from kubestill.stages.training.settings import GkdWhat
from kubestill.tools.chat.format import END
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.writing import Writing, write
from kubestill.tools.modeling.network import StudentBody
from kubestill.tools.modeling.students import make_decoder
from kubestill.tools.modeling.tokenizer import load_tokenizer, token_id

OWN = "own"  # of a block's extras: whether its answers are the student's


@dataclass(frozen=True)
class OwnAnswers(Answers):
    """Lessons whose answers are the student's own in some steps."""

    body: StudentBody
    masters: Tensor
    seed: Seed
    what: GkdWhat
    ends: tuple[int, ...]
    max_tokens: int

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:
        """Return the lessons as one block; which steps draw their answers, and what they draw, the seed and `place` decide."""
        if self.seed.rng("own", place[0]).random() >= self.what.share:
            return super().block(numbers, place)
        starts = self.encoded.starts[numbers]
        writings = [self._begun(int(number), place) for number in numbers]
        write(make_decoder(self.body.layout, self.masters, torch.float32), writings)
        rows = [np.array([*writing.prompt, *writing.tokens, *self.ends[:1][: writing.ended]]) for writing in writings]
        found = padded(rows, starts, numbers, self.pad)
        return Block(found.ids, found.where, found.targets, found.rows, numbers, {OWN: np.ones(len(found.targets), bool)})

    def _begun(self, number: int, place: tuple[int, int]) -> Writing:
        start = int(self.encoded.starts[number])
        prompt = self.encoded.sample(number)[:start].tolist()
        ask = Ask(temperature=self.what.temperature, seed=self.seed.child("draw", *place).value)
        limit = limit_of(start, int(self.labels[number]), self.max_tokens)
        return Writing(prompt, Chooser(ask, str(number)), limit, self.ends)


class Gkd:
    """Learns what a teacher thinks of the student's own answers."""

    figures: Sequence[str] = ("ce", "kl", "own")

    def __init__(self, seat: Seat) -> None:
        """Find the teacher.

        Raises:
            UserError: there is none, it does not fit the student, or the student is none that can be drawn from.
        """
        what: GkdWhat = seat.what.gkd
        if not what.teacher:
            raise UserError("training.gkd.teacher", "not given", "name the teacher's folder")
        if not isinstance(seat.body, StudentBody):
            raise UserError("training.objective", "gkd with a body that is no student of ours", "choose distill, or another base")
        self.network, self.source = seat.network, Live(seat, what.teacher)
        self.how = Divergence("jensen", what.beta, weights=(0.0, 1.0))
        ends = (token_id(load_tokenizer(seat.folder), END),)
        right, seed = self.source.lessons, seat.seed.child("gkd")
        self.lessons = OwnAnswers(right.encoded, right.pad, seat.body, seat.masters, seed, what, ends, seat.what.max_tokens)

    def loss(self, block: Block) -> tuple[Tensor, Sequence[float]]:
        """Return the summed divergence of the block's tokens; the sums of cross-entropies and divergences, and how many tokens are own."""
        logits = self.network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))[:, : self.source.vocabulary]
        loss, told = taught(logits, torch.from_numpy(block.targets), self.source.told(block), self.how)
        return loss, (*told, float(len(block.targets)) if OWN in block.extras else 0.0)
