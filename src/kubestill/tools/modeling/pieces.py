"""The pointwise pieces of a layer, forward and backward: everything between two matrix multiplications.

They are written for few passes over memory. torch.compile made them at best a third faster, 2 % of a step, for 36 seconds of
compiling (docs/log/2026-11-22-training-loop.md), so they stay eager.

N tokens of a block (rows times places), D hidden, H query heads, K key-value heads, E head size, F feed-forward.
"""

import torch
from torch import Tensor
from torch.nn import functional


def norm(x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Root-mean-square norm of the last axis; returns the result in `dtype` and the reciprocal roots."""
    root = _root(x, epsilon)
    return (x * root).mul_(weight).to(dtype), root


def norm_back(grad: Tensor, x: Tensor, root: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of `norm` to x and to the weight."""
    grad = grad.float()
    unit = x * root
    product = grad * unit
    weight_grad = product.sum(0)
    inner = (product.mul_(weight)).mean(-1, keepdim=True)
    return (grad * weight).sub_(unit.mul_(inner)).mul_(root), weight_grad


def spin(qk: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Norm each head of queries and keys, then rotate by place. qk [B,T,H+K,E], weight [H+K,E], cos and sin [T,1,E]."""
    x = qk.float()
    root = _root(x, epsilon)
    return _turn((x * root).mul_(weight), cos, sin).to(qk.dtype), root


def spin_back(grad: Tensor, qk: Tensor, root: Tensor, weight: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Gradient of `spin` to qk (in its type) and to the weight [H+K,E]."""
    cos, sin = turn
    flat = _turn(grad.float(), cos, -sin)  # a rotation's gradient turns back
    unit = qk.float().mul_(root)
    product = flat * unit
    weight_grad = product.sum((0, 1))
    inner = product.mul_(weight).mean(-1, keepdim=True)
    return flat.mul_(weight).sub_(unit.mul_(inner)).mul_(root).to(qk.dtype), weight_grad


def _root(x: Tensor, epsilon: float) -> Tensor:
    """Reciprocal root of the mean square over the last axis."""
    size: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return size.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (i, i + E/2) of the last axis."""
    half = x.shape[-1] // 2
    turned = x * cos
    turned[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    turned[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return turned


def gate(gate_up: Tensor) -> Tensor:
    """SwiGLU: silu(gate) times up; gate_up [N,2F]."""
    left, right = gate_up.chunk(2, -1)
    return functional.silu(left).mul_(right)


def gate_back(grad: Tensor, gate_up: Tensor) -> Tensor:
    """Gradient of `gate` to gate_up."""
    left, right = gate_up.chunk(2, -1)
    both = torch.empty_like(gate_up)  # written in halves: to join them afterwards costs a sixth more
    left_g, right_g = both.chunk(2, -1)
    torch.ops.aten.silu_backward.grad_input(grad * right, left, grad_input=left_g)
    torch.mul(functional.silu(left), grad, out=right_g)
    return both
