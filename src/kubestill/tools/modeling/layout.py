"""All weights of a student in one flat vector, and views into it.

One vector makes the optimiser, the exchange of gradients and the checkpoint a few large operations instead of many
small ones. Matrices of one role are stacked over the layers, and matrices with one input are joined (query, key and
value; gate and up), so that a layer needs four multiplications with weights and Muon sees batches of equal shapes.

L layers, D hidden, H query heads, K key-value heads, E head size, F feed-forward, V vocabulary.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Protocol

import torch
from torch import Tensor

from kubestill.tools.modeling.presets import Architecture

MATRICES = ("qkv", "out", "gate_up", "down")  # trained by Muon
NORMS = ("norm_in", "norm_post", "norm_q", "norm_k", "norm_final")


@dataclass(frozen=True)
class Part:
    """Where the rows of one Hugging Face tensor lie: stack, layer (None: the stack is one tensor), first row, end row."""

    stack: str
    layer: int | None = None
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Unit:
    """A matrix of `rows` times `columns` that begins at element `start` of the flat vector."""

    start: int
    rows: int
    columns: int

    @property
    def span(self) -> slice:
        """Its elements."""
        return slice(self.start, self.start + self.rows * self.columns)


class Ordered(Protocol):
    """What is trained as one flat vector: `matrices` elements of `units` first, then embeddings, norms and the like, `total` in all."""

    @property
    def total(self) -> int:
        """Elements."""
        ...

    @property
    def matrices(self) -> int:
        """Elements that belong to units."""
        ...

    @property
    def units(self) -> list[Unit]:
        """The matrices, which lie at the front."""
        ...


@dataclass(frozen=True)
class Layout:
    """The order and shapes of the stacks in the flat vector: matrices first, then the embedding, then the norms."""

    arch: Architecture

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each stack, in the order in which they lie."""
        a = self.arch
        L, D, E, F = a.layers, a.hidden, a.head_dim, a.ffn
        return {
            "qkv": (L, (a.heads + 2 * a.kv_heads) * E, D),
            "out": (L, D, a.heads * E),
            "gate_up": (L, 2 * F, D),
            "down": (L, D, F),
            "embed": (a.vocabulary, D),
            "norm_in": (L, D),
            "norm_post": (L, D),
            "norm_q": (L, E),
            "norm_k": (L, E),
            "norm_final": (D,),
        }

    @cached_property
    def offsets(self) -> dict[str, int]:
        """First element of each stack in the flat vector."""
        place, found = 0, {}
        for name, shape in self.shapes.items():
            found[name] = place
            place += prod(shape)
        return found

    @property
    def matrices(self) -> int:
        """Elements that belong to matrices (Muon); they come first."""
        return self.offsets["embed"]

    @cached_property
    def units(self) -> list[Unit]:
        """The matrices that Muon takes one by one: joined ones apart, by role and layer."""
        a = self.arch
        q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
        joined = {"qkv": (q, kv, kv), "out": (a.hidden,), "gate_up": (a.ffn, a.ffn), "down": (a.hidden,)}
        found = []
        for name in MATRICES:
            layers, _, columns = self.shapes[name]
            place = self.offsets[name]
            for rows in joined[name] * layers:
                found.append(Unit(place, rows, columns))
                place += rows * columns
        return found

    @property
    def total(self) -> int:
        """Number of parameters, tied embeddings counted once."""
        return sum(prod(shape) for shape in self.shapes.values())

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return each stack as a view of `flat`, a vector of `total` elements."""
        return {name: flat[self.offsets[name] :][: prod(shape)].view(shape) for name, shape in self.shapes.items()}

    @cached_property
    def parts(self) -> dict[str, Part]:
        """Hugging Face tensor name → where it lies."""
        a = self.arch
        q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
        found = {"model.embed_tokens.weight": Part("embed"), "model.norm.weight": Part("norm_final")}
        for layer in range(a.layers):
            prefix = f"model.layers.{layer}"
            found |= {
                f"{prefix}.self_attn.q_proj.weight": Part("qkv", layer, 0, q),
                f"{prefix}.self_attn.k_proj.weight": Part("qkv", layer, q, q + kv),
                f"{prefix}.self_attn.v_proj.weight": Part("qkv", layer, q + kv, q + 2 * kv),
                f"{prefix}.self_attn.o_proj.weight": Part("out", layer),
                f"{prefix}.self_attn.q_norm.weight": Part("norm_q", layer),
                f"{prefix}.self_attn.k_norm.weight": Part("norm_k", layer),
                f"{prefix}.mlp.gate_proj.weight": Part("gate_up", layer, 0, a.ffn),
                f"{prefix}.mlp.up_proj.weight": Part("gate_up", layer, a.ffn, 2 * a.ffn),
                f"{prefix}.mlp.down_proj.weight": Part("down", layer),
                f"{prefix}.input_layernorm.weight": Part("norm_in", layer),
                f"{prefix}.post_attention_layernorm.weight": Part("norm_post", layer),
            }
        return found

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Return the Hugging Face tensors as views of `flat`."""
        stacks = self.views(flat)
        return {
            name: stacks[part.stack] if part.layer is None else stacks[part.stack][part.layer][part.start : part.end]
            for name, part in self.parts.items()
        }


def draw(layout: Layout, seed: int) -> Tensor:
    """Return freshly drawn weights [total], fp32.

    Matrices: normal with deviation 1/sqrt(inputs), what leaves a layer divided by sqrt(2L) (GPT-2, Radford et al. 2019, section 2.3);
    embeddings 0.02, norms 1.
    """
    rng = torch.Generator().manual_seed(seed % 2**63)
    flat = torch.empty(layout.total)
    for name, stack in layout.views(flat).items():
        if name in NORMS:
            stack.fill_(1.0)
            continue
        deviation = 0.02 if name == "embed" else stack.shape[-1] ** -0.5
        if name in ("out", "down"):
            deviation *= (2 * layout.arch.layers) ** -0.5
        stack.normal_(0.0, deviation, generator=rng)
    return flat
