"""The Qwen3 decoder, compact: same weights and results as Hugging Face's module, about twice its speed on a CPU.

The gain is in what is left out: two custom backwards a layer instead of some sixty graph nodes, attention as plain
batched multiplications (PyTorch's fused CPU backward takes 12 ms where these take 4; docs/log/2026-11-22-training-loop.md),
the last layers' work only where a label is, and few shapes: oneDNN writes a kernel for every shape that it meets, which took up to
half of a step, so blocks of tokens are filled up with nought to a multiple of SHAPE (docs/log/2026-11-27-few-shapes.md).

B rows, T places, N = B*T and M labelled places, both filled up; D hidden, H query heads, K key-value heads, G = H/K, E head size,
V vocabulary.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kubestill.tools.modeling import pieces
from kubestill.tools.modeling.layout import KEPT, ONCE, Layout
from kubestill.tools.modeling.presets import SLIDING, Architecture

ATTENTION = ("qkv", "out", "norm_in", "norm_q", "norm_k")
FEED = ("gate_up", "down", "norm_post")
# What a block's tokens and a row's places are filled up to: a tenth more work, for short rows more, and a fifth of the kernels.
SHAPE, WIDTH = 64, 16


@dataclass(frozen=True)
class Block:
    """What the layers must know of the block at hand."""

    arch: Architecture
    rows: int
    places: int
    cos: Tensor  # [T,1,E]
    sin: Tensor
    bias: Tensor  # [G*T,T]: 0 where a query may look, -inf where it may not
    where: Tensor | None = None  # the flat places that go on behind attention; None: all

    @property
    def tokens(self) -> int:
        """Rows times places."""
        return self.rows * self.places

    def chosen(self, rows: Tensor) -> Tensor:
        """[N,D] → [M,D]: the rows that go on."""
        return rows if self.where is None else filled(rows[self.where])


def filled(rows: Tensor) -> Tensor:
    """Fill up with rows of nought, which stay nought through every layer and add nothing to a gradient."""
    spare = -len(rows) % SHAPE
    return functional.pad(rows, (0, 0, 0, spare)) if spare else rows


def widened(ids: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Widen right-padded `ids` [B,T] to a multiple of WIDTH, and let the flat places `where` [·] point at the same tokens."""
    places = ids.shape[1]
    spare = -places % WIDTH
    return (functional.pad(ids, (0, spare)), where + where // places * spare) if spare else (ids, where)


def turns(arch: Architecture, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosine and sine [places,1,E] of the rotary embedding (Su et al. 2021); both halves turn by the same angles."""
    steps = torch.arange(0, arch.head_dim, 2, dtype=torch.float32) / arch.head_dim
    angles = places.float()[:, None] * arch.rope_theta**-steps
    return angles.cos().repeat(1, 2)[:, None], angles.sin().repeat(1, 2)[:, None]


def hidden(places: int, window: int, like: Tensor) -> Tensor:
    """Return [T,T]: 0 where a query may look, -inf where it may not: at what comes, and beyond a `window` over 0."""
    bias = torch.full((places, places), float("-inf"), dtype=like.dtype, device=like.device)
    return bias.triu(1) + bias.tril(-window) if 0 < window < places else bias.triu(1)


class Attention(torch.autograd.Function):
    """A layer's first half with its backward written out."""

    @staticmethod
    def forward(ctx: Any, block: Block, x: Tensor, *weights: Tensor) -> Tensor:
        """x [N,D] fp32 → [N,D] fp32, or [M,D] where the block names places; weights in the order of ATTENTION."""
        qkv_w, out_w, norm_in, norm_q, norm_k = weights
        arch, dtype = block.arch, qkv_w.dtype
        normed, root_in = pieces.norm(x, norm_in, arch.norm_epsilon, dtype)
        qkv = normed @ qkv_w.T
        qk, values = _split(qkv, block)
        head_norm = _head_norm(norm_q, norm_k, arch)
        turned, root_qk = pieces.spin(qk, head_norm, block.cos, block.sin, arch.norm_epsilon)
        q, k, v = _queries(turned, block), _keys(turned[:, :, arch.heads :], block), _keys(values, block)
        scores = torch.baddbmm(block.bias, q, k.mT).softmax(-1)
        seen = block.chosen(_rows(scores @ v, block))
        ctx.block = block
        ctx.save_for_backward(x, normed, root_in, qk, root_qk, head_norm, q, k, v, scores, seen, *weights)
        return block.chosen(x) + seen @ out_w.T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients to x and to each weight."""
        block: Block = ctx.block
        x, normed, root_in, qk, root_qk, head_norm, q, k, v, scores, seen, qkv_w, out_w, norm_in, _, _ = ctx.saved_tensors
        grad = grads[0]
        arch, dtype = block.arch, qkv_w.dtype
        low = grad.to(dtype)
        out_g = low.T @ seen
        seen_g = _grouped(_spread(low @ out_w, block), block)
        v_g = scores.mT @ seen_g
        scores_g = torch._softmax_backward_data(seen_g @ v.mT, scores, -1, dtype)
        qk_g = torch.cat([_unqueries(scores_g @ k, block), _unkeys(scores_g.mT @ q, block)], 2)
        qk_g, head_g = pieces.spin_back(qk_g, qk, root_qk, head_norm, (block.cos, block.sin))
        qkv_g = _whole([qk_g, _unkeys(v_g, block)], block)
        x_g, norm_in_g = pieces.norm_back(qkv_g @ qkv_w, x, root_in, norm_in)
        x_g = x_g.add_(grad) if block.where is None else x_g.index_add_(0, block.where, grad[: len(block.where)])
        q_norm_g = head_g[: arch.heads].sum(0) * arch.head_dim**-0.5
        k_norm_g = head_g[arch.heads :].sum(0)
        return (None, x_g, qkv_g.T @ normed, out_g, norm_in_g, q_norm_g, k_norm_g)


class Feed(torch.autograd.Function):
    """A layer's second half: the norm, SwiGLU, and what it adds to the stream."""

    @staticmethod
    def forward(ctx: Any, epsilon: float, x: Tensor, *weights: Tensor) -> Tensor:
        """x [M,D] fp32 → [M,D] fp32; weights in the order of FEED."""
        gate_up_w, down_w, norm_post = weights
        normed, root = pieces.norm(x, norm_post, epsilon, down_w.dtype)
        gate_up = normed @ gate_up_w.T
        gated = pieces.gate(gate_up)
        ctx.save_for_backward(x, normed, root, gate_up, gated, *weights)
        return x + gated @ down_w.T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients to x and to each weight."""
        x, normed, root, gate_up, gated, gate_up_w, down_w, norm_post = ctx.saved_tensors
        low = grads[0].to(down_w.dtype)
        down_g = low.T @ gated
        gate_up_g = pieces.gate_back(low @ down_w, gate_up)
        x_g, norm_g = pieces.norm_back(gate_up_g @ gate_up_w, x, root, norm_post)
        return (None, x_g.add_(grads[0]), gate_up_g.T @ normed, down_g, norm_g)


def _head_norm(norm_q: Tensor, norm_k: Tensor, arch: Architecture) -> Tensor:
    """[H+K,E]; the scale of the scores rides on the queries' norm."""
    return torch.cat([(norm_q * arch.head_dim**-0.5).expand(arch.heads, -1), norm_k.expand(arch.kv_heads, -1)])


def _split(qkv: Tensor, block: Block) -> tuple[Tensor, Tensor]:
    arch = block.arch
    heads = qkv[: block.tokens].view(block.rows, block.places, arch.heads + 2 * arch.kv_heads, arch.head_dim)
    return heads[:, :, : arch.heads + arch.kv_heads], heads[:, :, arch.heads + arch.kv_heads :]


def _queries(turned: Tensor, block: Block) -> Tensor:
    """[B,T,H+K,E] → [B*K,G*T,E]: queries that share a key head stand in one matrix."""
    arch = block.arch
    q = turned[:, :, : arch.heads].view(block.rows, block.places, arch.kv_heads, arch.group, arch.head_dim)
    return q.permute(0, 2, 3, 1, 4).reshape(block.rows * arch.kv_heads, arch.group * block.places, arch.head_dim)


def _unqueries(q: Tensor, block: Block) -> Tensor:
    """[B*K,G*T,E] → [B,T,H,E]."""
    arch = block.arch
    q = q.view(block.rows, arch.kv_heads, arch.group, block.places, arch.head_dim)
    return q.permute(0, 3, 1, 2, 4).reshape(block.rows, block.places, arch.heads, arch.head_dim)


def _keys(k: Tensor, block: Block) -> Tensor:
    """[B,T,K,E] → [B*K,T,E]."""
    arch = block.arch
    return k.transpose(1, 2).reshape(block.rows * arch.kv_heads, block.places, arch.head_dim)


def _unkeys(k: Tensor, block: Block) -> Tensor:
    """[B*K,T,E] → [B,T,K,E]."""
    arch = block.arch
    return k.view(block.rows, arch.kv_heads, block.places, arch.head_dim).transpose(1, 2)


def _rows(seen: Tensor, block: Block) -> Tensor:
    """[B*K,G*T,E] → [N,H*E]."""
    return _whole([_unqueries(seen, block)], block)


def _whole(parts: list[Tensor], block: Block) -> Tensor:
    """[B,T,·,E], one behind the other → [N,·*E], filled up."""
    heads = sum(part.shape[2] for part in parts)
    whole = parts[0].new_empty(block.tokens + -block.tokens % SHAPE, heads * block.arch.head_dim)
    torch.cat(parts, 2, out=whole[: block.tokens].view(block.rows, block.places, heads, block.arch.head_dim))
    whole[block.tokens :] = 0
    return whole


def _grouped(seen: Tensor, block: Block) -> Tensor:
    """[B*T,H*E] → [B*K,G*T,E]."""
    return _queries(seen.view(block.rows, block.places, block.arch.heads, block.arch.head_dim), block)


def _spread(rows: Tensor, block: Block) -> Tensor:
    """[M,D] → [B*T,D]: put the rows back where they were taken from."""
    if block.where is None:
        return rows[: block.tokens]
    return rows.new_zeros(block.tokens, rows.shape[1]).index_copy_(0, block.where, rows[: len(block.where)])


class Norm(torch.autograd.Function):
    """The last norm, with the pieces that the layers use."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        """x [M,D] fp32 → [M,D] in `dtype`."""
        normed, root = pieces.norm(x, weight, epsilon, dtype)
        ctx.save_for_backward(x, root, weight)
        return normed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients to x and the weight."""
        x_g, weight_g = pieces.norm_back(grads[0], *ctx.saved_tensors)
        return x_g, weight_g, None, None


class Student:
    """A Qwen3 decoder over flat weights: `masters` in fp32, and a copy in the type that multiplications use.

    Gradients are collected by `collect` into a flat vector; nothing here owns an optimiser.
    """

    def __init__(self, layout: Layout, masters: Tensor, working: Tensor) -> None:
        """`masters` [total] fp32; `working` [total] in the multiplication's type, the same tensor for fp32."""
        self.layout, self.arch = layout, layout.arch
        low, high = layout.views(working), layout.views(masters)
        stacks = {name: (high if name in KEPT else low)[name] for name in layout.shapes}
        self.once = {name: stacks[name].detach().requires_grad_() for name in ONCE}
        self.layers = [
            {name: stacks[name][row].detach().requires_grad_() for name, row in layout.rows(layer).items()}
            for layer in range(self.arch.layers)
        ]
        places = self.arch.max_position + -self.arch.max_position % WIDTH
        self.cos, self.sin = (table.to(masters.device) for table in turns(self.arch, torch.arange(places)))

    def block(self, rows: int, places: int, window: int = 0) -> Block:
        """Return what the layers need for a block of `rows` times `places`, of which a query sees the last `window`, or all."""
        bias = hidden(places, window, self.once["embed"]).repeat(self.arch.group, 1)
        return Block(self.arch, rows, places, self.cos[:places], self.sin[:places], bias)

    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [·,V] at the flat places `where` [·] of right-padded `ids` [B,T], on the device of the weights."""
        embed = self.once["embed"]
        ids, where = ids.to(embed.device), where.to(embed.device)
        ids, where = widened(ids, where)
        rows, places = ids.shape
        block = self.block(rows, places)
        near = self.block(rows, places, self.arch.window) if self.arch.window else block
        x = filled(embed[ids.flatten()].float())
        for layer, kind in enumerate(self.arch.kinds):
            given = near if kind == SLIDING else block
            x = self.mixed(layer, given if layer < self.arch.layers - 1 else replace(given, where=where), x)
            gate_up, down, norm = (self.layers[layer][name] for name in FEED)
            x = Feed.apply(self.arch.norm_epsilon, x, gate_up, down, self.scale(norm))  # type: ignore[no-untyped-call]
        final = self.scale(self.once["norm_final"])
        normed: Tensor = Norm.apply(x, final, self.arch.norm_epsilon, embed.dtype)  # type: ignore[no-untyped-call]
        return (normed @ embed.T)[: len(where)]

    def mixed(self, layer: int, block: Block, x: Tensor) -> Tensor:
        """Return a layer's first half: x [N,D] → [N,D], or [M,D] where the block names places."""
        found: Tensor = Attention.apply(block, x, *(self.layers[layer][name] for name in ATTENTION))  # type: ignore[no-untyped-call]
        return found

    def scale(self, norm: Tensor) -> Tensor:
        """Return what a norm multiplies by."""
        return norm

    def collect(self, into: Tensor, add: bool) -> None:
        """Move the gradients into the flat vector `into` [total], adding to what is there or replacing it."""
        stacks = self.layout.views(into)
        targets = [(stacks[name], leaf) for name, leaf in self.once.items()]
        for layer, leaves in enumerate(self.layers):
            targets += [(stacks[name][row], leaves[name]) for name, row in self.layout.rows(layer).items()]
        for target, leaf in targets:
            assert leaf.grad is not None
            target.add_(leaf.grad) if add else target.copy_(leaf.grad)
            leaf.grad = None
