"""The Qwen3.5 decoder at our sizes: most layers keep a state (delta.py), the others look at all that was read, through a gate.

Same weights and results as Hugging Face's `Qwen3_5ForCausalLM`. A row is one text, so a state begins with it and never sees another.

B rows, T places, N = B*T and M labelled places, both filled up (qwen3.py), D hidden, H query heads, K key-value heads, E head size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kubestill.tools.modeling.delta import Convolution, delta_rule, unit
from kubestill.tools.modeling.presets import CONV, LINEAR, Architecture
from kubestill.tools.modeling.qwen3 import Block, Norm, Student, filled


@dataclass(frozen=True)
class Memory:
    """What a layer keeps of B texts: `state` [B*H,E,E] and the last inputs of its convolution, `tail` [B,L,3*H*E]."""

    state: Tensor
    tail: Tensor


class HybridStudent(Student):
    """A Qwen3.5 decoder over flat weights."""

    def mixed(self, layer: int, block: Block, x: Tensor) -> Tensor:
        """Return a layer's first half: x [N,D] → [N,D], or [M,D] where the block names places."""
        weights, arch = self.layers[layer], self.arch
        first = weights["delta_in"] if arch.kinds[layer] == LINEAR else weights["qkv"]
        normed: Tensor = Norm.apply(x, self.scale(weights["norm_in"]), arch.norm_epsilon, first.dtype)  # type: ignore[no-untyped-call]
        if arch.kinds[layer] == LINEAR:
            seen, _ = remembered(arch, weights, normed[: block.tokens].view(block.rows, block.places, -1))
            seen, out = filled(seen.flatten(0, 1)), weights["delta_out"]
        else:
            seen, out = self._looked(weights, block, normed), weights["out"]
        return block.chosen(x) + block.chosen(seen) @ out.T

    def scale(self, norm: Tensor) -> Tensor:
        """Return what a norm multiplies by: Qwen3.5's are kept as what they add to 1."""
        return norm + 1

    def _looked(self, weights: dict[str, Tensor], block: Block, normed: Tensor) -> Tensor:
        """Attention under its gate: normed [N,D] → what the heads saw [N,H*E]."""
        arch, rows, places = block.arch, block.rows, block.places
        parts = gated_parts(arch, (normed @ weights["qkv"].T)[: block.tokens])
        scales = self.scale(weights["norm_q"]), self.scale(weights["norm_k"])
        q, k = (
            turned(part.view(rows, places, -1, arch.head_dim).float(), scale, (block.cos, block.sin), arch.norm_epsilon)
            for part, scale in zip((parts[0], parts[1]), scales, strict=True)
        )
        q = q.view(rows, places, arch.kv_heads, arch.group, arch.head_dim).permute(0, 2, 3, 1, 4)
        q = (q * arch.head_dim**-0.5).reshape(rows * arch.kv_heads, arch.group * places, arch.head_dim).to(normed.dtype)
        k, v = (
            part.view(rows, places, arch.kv_heads, arch.head_dim).transpose(1, 2).reshape(rows * arch.kv_heads, places, arch.head_dim)
            for part in (k.to(normed.dtype), parts[2])
        )
        seen = torch.baddbmm(block.bias, q, k.mT).softmax(-1) @ v
        seen = seen.view(rows, arch.kv_heads, arch.group, places, arch.head_dim).permute(0, 3, 1, 2, 4)
        return filled(seen.reshape(rows * places, -1) * parts[3].sigmoid())


def gated_parts(arch: Architecture, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return queries [N,H,E], keys and values [N,K,E], and the gates [N,H*E] of what the queries see."""
    heads = qkv.view(len(qkv), -1, arch.head_dim)
    pairs = heads[:, : 2 * arch.heads].view(len(qkv), arch.heads, 2, arch.head_dim)
    k, v = heads[:, 2 * arch.heads :].chunk(2, 1)
    return pairs[:, :, 0], k, v, pairs[:, :, 1].flatten(1)


def turned(x: Tensor, scale: Tensor, turn: tuple[Tensor, Tensor], epsilon: float) -> Tensor:
    """Norm heads [...,E] and rotate them by place, with a graph where one is kept."""
    cos, sin = turn
    x = functional.rms_norm(x, (x.shape[-1],), scale, epsilon)
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def remembered(
    arch: Architecture, weights: dict[str, Tensor], normed: Tensor, memory: Memory | None = None, counts: Tensor | None = None
) -> tuple[Tensor, Memory]:
    """Read on by the delta rule: normed [B,T,D] → what the heads read [B,T,H*E], and what is kept then.

    Where rows differ, `counts` [B] says how many of the T tokens each really has.
    """
    rows, places, _ = normed.shape
    width, size = arch.heads * arch.head_dim, (rows, places, arch.heads, arch.head_dim)
    parts = normed @ weights["delta_in"].T
    tail = parts.new_zeros(rows, CONV - 1, 3 * width) if memory is None else memory.tail
    fed = torch.cat([tail, parts[..., : 3 * width]], 1)
    mixed: Tensor = Convolution.apply(fed.float(), weights["conv"])  # type: ignore[no-untyped-call]
    q, k, v = (part.view(size).transpose(1, 2) for part in mixed.chunk(3, -1))
    beta, pace = (normed.float() @ weights["gates"].T).chunk(2, -1)
    beta, fade = beta.sigmoid(), -weights["decay"].exp() * functional.softplus(pace + weights["pace"])
    if counts is not None:
        real = (torch.arange(places, device=counts.device) < counts[:, None])[..., None]
        beta, fade = beta * real, fade * real
    q, k, v = (part.reshape(rows * arch.heads, places, arch.head_dim) for part in (unit(q) * arch.head_dim**-0.5, unit(k), v))
    fade, beta = (part.transpose(1, 2).reshape(rows * arch.heads, places) for part in (fade, beta))
    out, state = delta_rule((q, k, v), fade, beta, None if memory is None else memory.state)
    out = out.view(rows, arch.heads, places, arch.head_dim).transpose(1, 2)
    out = functional.rms_norm(out, (arch.head_dim,), weights["norm_delta"], arch.norm_epsilon)
    gated = out * functional.silu(parts[..., 3 * width :].float().view(size))
    ends = torch.full((rows,), places, device=fed.device) if counts is None else counts
    last = ends[:, None] + torch.arange(CONV - 1, device=fed.device)
    return gated.flatten(2).to(normed.dtype), Memory(state, fed[torch.arange(rows, device=fed.device)[:, None], last])
