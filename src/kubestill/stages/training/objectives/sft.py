"""Cross-entropy on the answer's tokens.

M labelled places of a block, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kubestill.stages.training.batches import ENCODED, Answers, Encoded
from kubestill.stages.training.objectives.api import Block, Seat


class _SummedCrossEntropy(torch.autograd.Function):
    """Cross-entropy whose gradient reuses the memory of the log-probabilities: one [M,V] matrix instead of four."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        logp_MV = torch.log_softmax(logits, -1, dtype=torch.float32)
        chosen_M1 = logp_MV.gather(-1, targets[:, None])
        grad_MV = logp_MV.exp_()
        # p - 1 for the right token, exactly: bf16 would round a confident one to nothing.
        grad_MV.scatter_(-1, targets[:, None], chosen_M1.expm1())
        ctx.save_for_backward(grad_MV)
        ctx.dtype = logits.dtype
        return -chosen_M1.sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad_MV,) = ctx.saved_tensors
        return grad_MV.mul_(grads[0]).to(ctx.dtype), None


def summed(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the cross-entropies of logits [M,V] against targets [M], in nats."""
    found: Tensor = _SummedCrossEntropy.apply(logits, targets)  # type: ignore[no-untyped-call]
    return found


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
