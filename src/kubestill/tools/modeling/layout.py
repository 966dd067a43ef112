"""All weights of a student in one flat vector, and views into it.

One vector makes the optimiser, the exchange of gradients and the checkpoint a few large operations instead of many
small ones. Matrices of one role are stacked over the layers, and matrices with one input are joined (query, key and
value; gate and up), so that a layer needs four multiplications with weights and Muon sees batches of equal shapes.

L layers, A of them with attention and S with a state, D hidden, H query heads, K key-value heads, E head size, F feed-forward,
V vocabulary.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Protocol

import torch
from torch import Tensor

from kubestill.tools.modeling.presets import CONV, LINEAR, Architecture

MATRICES = ("qkv", "out", "delta_in", "delta_out", "gate_up", "down")  # trained by Muon
NORMS = ("norm_in", "norm_post", "norm_q", "norm_k", "norm_delta", "norm_final")
KEPT = (*NORMS, "conv", "gates", "decay", "pace")  # in fp32, whatever multiplications use
ONCE = ("embed", "norm_final")  # no stacks over layers
PACES = (0.001, 0.1)  # softplus of what the first steps of states are drawn from, as in Mamba (Gu and Dao 2023, section 3.6)
FORGETTING = (0.01, 16.0)  # and how strongly each forgets, as Qwen3.5 draws it


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
        L, S, D, H, E, F = a.layers, a.states, a.hidden, a.heads, a.head_dim, a.ffn
        A = L - S
        found: dict[str, tuple[int, ...]] = {
            "qkv": (A, sum(self.joined["qkv"]), D),
            "out": (A, D, H * E),
            "delta_in": (S, sum(self.joined["delta_in"]), D),
            "delta_out": (S, D, H * E),
            "gate_up": (L, 2 * F, D),
            "down": (L, D, F),
            "embed": (a.vocabulary, D),
            "norm_in": (L, D),
            "norm_post": (L, D),
            "norm_q": (A, E),
            "norm_k": (A, E),
            "norm_delta": (S, E),
            "conv": (S, 3 * H * E, 1, CONV),
            "gates": (S, 2 * H, D),
            "decay": (S, H),
            "pace": (S, H),
            "norm_final": (D,),
        }
        return {name: shape for name, shape in found.items() if shape[0]}

    @property
    def joined(self) -> dict[str, tuple[int, ...]]:
        """Rows of the matrices that are joined in one, by role. Qwen3.5's queries have a gate each, head by head."""
        a = self.arch
        q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
        return {
            "qkv": (2 * q if a.hybrid else q, kv, kv),
            "out": (a.hidden,),
            "delta_in": (q, q, q, q),  # queries, keys, values, and the gates of what is read
            "delta_out": (a.hidden,),
            "gate_up": (a.ffn, a.ffn),
            "down": (a.hidden,),
        }

    def rows(self, layer: int) -> dict[str, int]:
        """Return the stacks that hold weights of a layer, and where in each of them they lie."""
        kinds = self.arch.kinds
        state = kinds[layer] == LINEAR
        before = sum((kind == LINEAR) == state for kind in kinds[:layer])
        of_state = ("delta_in", "delta_out", "norm_delta", "conv", "gates", "decay", "pace")
        of_attention = ("qkv", "out", "norm_q", "norm_k")
        mixing = dict.fromkeys(of_state if state else of_attention, before)
        return mixing | dict.fromkeys(("gate_up", "down", "norm_in", "norm_post"), layer)

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
        found = []
        for name in (name for name in MATRICES if name in self.shapes):
            layers, _, columns = self.shapes[name]
            place = self.offsets[name]
            for rows in self.joined[name] * layers:
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
        found = {"model.embed_tokens.weight": Part("embed"), "model.norm.weight": Part("norm_final")}
        ffn = self.arch.ffn
        for layer in range(self.arch.layers):
            rows = self.rows(layer)
            named = self._state(rows["decay"]) if "decay" in rows else self._attention(rows["qkv"])
            named |= {
                "mlp.gate_proj.weight": Part("gate_up", layer, 0, ffn),
                "mlp.up_proj.weight": Part("gate_up", layer, ffn, 2 * ffn),
                "mlp.down_proj.weight": Part("down", layer),
                "input_layernorm.weight": Part("norm_in", layer),
                "post_attention_layernorm.weight": Part("norm_post", layer),
            }
            found |= {f"model.layers.{layer}.{name}": part for name, part in named.items()}
        return found

    def _attention(self, row: int) -> dict[str, Part]:
        q, kv, _ = self.joined["qkv"]
        return {
            "self_attn.q_proj.weight": Part("qkv", row, 0, q),
            "self_attn.k_proj.weight": Part("qkv", row, q, q + kv),
            "self_attn.v_proj.weight": Part("qkv", row, q + kv, q + 2 * kv),
            "self_attn.o_proj.weight": Part("out", row),
            "self_attn.q_norm.weight": Part("norm_q", row),
            "self_attn.k_norm.weight": Part("norm_k", row),
        }

    def _state(self, row: int) -> dict[str, Part]:
        q, heads = self.joined["delta_in"][0], self.arch.heads
        return {
            "linear_attn.in_proj_qkv.weight": Part("delta_in", row, 0, 3 * q),
            "linear_attn.in_proj_z.weight": Part("delta_in", row, 3 * q, 4 * q),
            "linear_attn.in_proj_b.weight": Part("gates", row, 0, heads),
            "linear_attn.in_proj_a.weight": Part("gates", row, heads, 2 * heads),
            "linear_attn.conv1d.weight": Part("conv", row),
            "linear_attn.A_log": Part("decay", row),
            "linear_attn.dt_bias": Part("pace", row),
            "linear_attn.norm.weight": Part("norm_delta", row),
            "linear_attn.out_proj.weight": Part("delta_out", row),
        }

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
    embeddings 0.02, norms 1 (Qwen3.5's 0, which it adds 1 to), states as said above.
    """
    rng = torch.Generator().manual_seed(seed % 2**63)
    flat = torch.empty(layout.total)
    for name, stack in layout.views(flat).items():
        if name in NORMS:
            stack.fill_(0.0 if layout.arch.hybrid and name != "norm_delta" else 1.0)
            continue
        if name == "decay":
            stack.uniform_(*FORGETTING, generator=rng).log_()
            continue
        if name == "pace":
            stack.uniform_(*map(math.log, PACES), generator=rng).exp_().expm1_().log_()  # the inverse of softplus
            continue
        deviation = 0.02 if name == "embed" else stack.shape[-1] ** -0.5
        if name in ("out", "delta_out", "down"):
            deviation *= (2 * layout.arch.layers) ** -0.5
        stack.normal_(0.0, deviation, generator=rng)
    return flat
