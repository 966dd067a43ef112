"""How likely a student finds the tokens that follow: the one place where logits become log-probabilities with a gradient.

M labelled places of a block, B rows, V vocabulary.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kubestill.stages.training.batches import build_block
from kubestill.tools.modeling.encoding import Encoded
from kubestill.tools.modeling.network import Network

TOKENS_AT_ONCE = 8_192  # padding included, where no gradient is wanted


class _Chosen(torch.autograd.Function):
    """Log-probabilities whose gradient reuses their memory: one [M,V] matrix instead of four."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        logp_MV = torch.log_softmax(logits, -1, dtype=torch.float32)
        chosen_M1 = logp_MV.gather(-1, targets[:, None])
        grad_MV = logp_MV.exp_()
        # p - 1 for the right token, exactly: bf16 would round a confident one to nothing.
        grad_MV.scatter_(-1, targets[:, None], chosen_M1.expm1())
        ctx.save_for_backward(grad_MV)
        ctx.dtype = logits.dtype
        return chosen_M1[:, 0]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad_MV,) = ctx.saved_tensors
        return grad_MV.mul_(-grads[0][:, None]).to(ctx.dtype), None


def chosen(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the log-probability [M] of each target [M] under logits [M,V], in nats, with its gradient (once: it reuses the memory)."""
    found: Tensor = _Chosen.apply(logits, targets.to(logits.device))  # type: ignore[no-untyped-call]
    return found


def by_row(values: Tensor, rows: Tensor, count: int) -> Tensor:
    """Sum values [M] by their row [M]; return [count]."""
    return values.new_zeros(count).index_add(0, rows.to(values.device), values)


@torch.no_grad()
def answers(network: Network, encoded: Encoded, pad: int) -> NDArray[np.float32]:
    """Return the log-probability of each sample's answer."""
    found = np.zeros(len(encoded.ends), np.float32)
    order, lengths = np.argsort(encoded.lengths, kind="stable"), encoded.lengths
    start = 0
    for end in range(1, len(order) + 1):
        if end < len(order) and int(lengths[order[end]]) * (end + 1 - start) <= TOKENS_AT_ONCE:
            continue
        block = build_block(encoded, order[start:end], pad)
        logits = network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
        logp = chosen(logits, torch.from_numpy(block.targets))
        found[order[start:end]] = by_row(logp, torch.from_numpy(block.rows), end - start).cpu().numpy()
        start = end
    return found
