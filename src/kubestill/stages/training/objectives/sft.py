"""Cross-entropy on the answer's tokens.

M labelled places of a block, V vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from kubestill.stages.training.batches import Answers
from kubestill.stages.training.likelihood import chosen
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.tools.modeling.encoding import ENCODED, Encoded


def summed(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the cross-entropies of logits [M,V] against targets [M], in nats."""
    return -chosen(logits, targets).sum()


class Sft:
    """Learns the answers as they are given."""

    figures = ()

    def __init__(self, seat: Seat) -> None:
        self.network = seat.network
        self.lessons = Answers(Encoded.load(seat.folder / ENCODED), seat.pad)

    def loss(self, block: Block) -> tuple[Tensor, Sequence[float]]:
        """Return the summed cross-entropy of the block's labels."""
        logits = self.network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
        return summed(logits, torch.from_numpy(block.targets)), ()
