"""Cross-entropy on the answer's tokens.

M labelled places of a block, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor


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


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the cross-entropies [M,V] against [M] in nats; the loop divides by the labels of the whole step."""
    summed: Tensor = _SummedCrossEntropy.apply(logits, targets)  # type: ignore[no-untyped-call]
    return summed
