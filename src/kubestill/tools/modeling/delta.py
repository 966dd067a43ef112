"""The gated delta rule: attention that keeps a state of constant size in place of all keys and values.

Each head has a matrix S [E,E] from keys to values. A token lets S fade by exp(fade), reads what S holds for its key, and writes the
difference to its own value with strength beta (Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464):

    S <- exp(fade)·S;  S <- S + k ⊗ beta·(v - Sᵀk);  out = Sᵀq

In chunks of C tokens the differences are the solution of one triangular system a chunk (Yang et al. 2024, arXiv 2406.06484, section 3.2),
so that only chunks are read one after the other. All in fp32: exponents and the system bear no less.

R rows (heads of all texts), T tokens, C tokens of a chunk, E head size, W channels.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kubestill.tools.modeling.memory import CHUNK

EPSILON = 1e-6  # under the root of the lengths that queries and keys are divided by: Qwen3.5's


def delta_rule(qkv: tuple[Tensor, Tensor, Tensor], fade: Tensor, beta: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Read T tokens on: q, k, v [R,T,E], `fade` (at most 0) and `beta` [R,T], from `state` [R,E,E] or from nothing.

    Returns what is read [R,T,E] and the state after it. A token with `beta` and `fade` of 0 changes no state.
    """
    rows, count, size = qkv[0].shape
    chunk = min(CHUNK, count)
    short = -count % chunk
    if short:
        fade, beta = functional.pad(fade, (0, short)), functional.pad(beta, (0, short))
    q, k, v = (functional.pad(part, (0, 0, 0, short)).view(rows, -1, chunk, size) for part in qkv)
    beta = beta.view(rows, -1, chunk, 1)
    faded = fade.view(rows, -1, chunk).cumsum(-1)
    since = (faded[..., :, None] - faded[..., None, :]).masked_fill(_later(chunk, fade.device), float("-inf")).exp()
    here, strong = faded.exp()[..., None], k * beta
    system = (strong @ k.mT) * since
    solved = torch.linalg.solve_triangular(system, torch.cat([v * beta, strong * here], -1), upper=False, unitriangular=True)
    new, known = solved.split(size, -1)
    within, reads = (q @ k.mT) * since, q * here
    writes, left = k * (faded[..., -1:] - faded).exp()[..., None], faded[..., -1].exp()[..., None, None]
    state = q.new_zeros(rows, size, size) if state is None else state
    found = []
    parts = (part.unbind(1) for part in (new, known, within, reads, writes.mT, left))  # a slice's gradient would be as large as the whole
    for fresh, held, seen, read, write, rest in zip(*parts, strict=True):
        fresh = torch.baddbmm(fresh, held, state, alpha=-1)
        found.append(torch.baddbmm(seen @ fresh, read, state))
        state = torch.baddbmm(state * rest, write, fresh)
    return torch.cat(found, 1)[:, :count], state


def _later(chunk: int, device: torch.device) -> Tensor:
    return torch.ones(chunk, chunk, dtype=torch.bool, device=device).triu(1)


def unit(x: Tensor) -> Tensor:
    """Divide the last axis by its length."""
    return x * (x.square().sum(-1, keepdim=True) + EPSILON).rsqrt()


class Convolution(torch.autograd.Function):
    """Each channel's last few inputs weighed and summed, then SiLU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """x [B,T+L,W] with the L inputs before the text in front, weight [W,1,L+1] → [B,T,W]."""
        taps = weight[:, 0].T.contiguous()
        count = x.shape[1] - len(taps) + 1
        summed = x[:, :count] * taps[0]
        for place in range(1, len(taps)):
            summed.addcmul_(x[:, place : place + count], taps[place])
        ctx.save_for_backward(x, taps, summed)
        return functional.silu(summed)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients to x and the weight."""
        x, taps, summed = ctx.saved_tensors
        count = summed.shape[1]
        grad = torch.ops.aten.silu_backward(grads[0], summed)
        x_g, weight_g = torch.zeros_like(x), torch.empty_like(taps)
        for place in range(len(taps)):
            x_g[:, place : place + count].addcmul_(grad, taps[place])
            weight_g[place] = (grad * x[:, place : place + count]).sum((0, 1))
        return x_g, weight_g.T[:, None]
