"""Generation with a student most of whose layers keep a state.

A state cannot forget single tokens as a row of keys can. So a batch keeps each row's tokens and its states from before the last pass:
what was read too far is undone by going back there, or to nothing, and what is still missing is read again with the next pass.

N tokens of a pass over all rows, B rows, T most tokens of a row in the pass, D hidden, H query heads, K key-value heads, E head size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kubestill.tools.modeling import pieces
from kubestill.tools.modeling.decode import Batch, Decoder, Pass
from kubestill.tools.modeling.hybrid import Memory, gated_parts, remembered, turned
from kubestill.tools.modeling.layout import KEPT, NORMS, Layout
from kubestill.tools.modeling.presets import CONV


class HybridDecoder(Decoder):
    """A hybrid student's weights made ready for generation."""

    def __init__(self, layout: Layout, flat: Tensor, dtype: torch.dtype) -> None:
        """`flat` [total] in fp32; `dtype` is what multiplications use."""
        flat = flat.detach().clone()
        stacks = layout.views(flat)
        for name in NORMS:
            if name != "norm_delta":
                stacks[name] += 1  # Qwen3.5 keeps what it adds to 1
        super().__init__(layout, flat, dtype)
        self.rows = [layout.rows(layer) for layer in range(layout.arch.layers)]
        self.weights = [
            {name: stacks[name][row].to(torch.float32 if name in KEPT else dtype) for name, row in rows.items()} for rows in self.rows
        ]

    def batch(self, rows: int) -> "HybridBatch":
        """Return a batch of `rows` that have read nothing yet."""
        return HybridBatch(self, rows)

    def normed(self, layer: int, x: Tensor) -> Tensor:
        """x [N,D] → [N,D], what a layer's first half begins with."""
        return pieces.norm(x, self.norm_in[layer], self.arch.norm_epsilon, self.dtype)[0]


@dataclass
class _States:
    """How many tokens of each row the states have read, `lengths` [B], and the states [S,B*H,E,E] and tails [S,B,L,3*H*E]."""

    lengths: Tensor
    states: Tensor
    tails: Tensor

    def rows(self, kept: Tensor, heads: int) -> "_States":
        """Return those of some rows [B]."""
        states = self.states.view(len(self.states), -1, heads, *self.states.shape[2:])[:, kept].flatten(1, 2)
        return _States(self.lengths[kept], states, self.tails[:, kept])

    def with_rows(self, chosen: Tensor, other: "_States", heads: int) -> "_States":
        """Return these, but where `chosen` [B] the other's."""
        inner = chosen[None, :, None, None]
        states = torch.where(chosen.repeat_interleave(heads)[None, :, None, None], other.states, self.states)
        return _States(torch.where(chosen, other.lengths, self.lengths), states, torch.where(inner, other.tails, self.tails))


class HybridBatch(Batch):
    """Rows that read on: keys and values of some layers, states of the others."""

    decoder: HybridDecoder

    def __init__(self, decoder: HybridDecoder, rows: int) -> None:
        super().__init__(decoder, rows)
        self.texts: list[list[int]] = [[] for _ in range(rows)]
        self.now = self.before = self._nothing(rows)
        self.fresh: list[Memory] = []

    def _nothing(self, rows: int) -> _States:
        arch, heads = self.decoder.arch, self.decoder.arch.heads
        states = torch.zeros(arch.states, rows * heads, arch.head_dim, arch.head_dim)
        tails = torch.zeros(arch.states, rows, CONV - 1, 3 * heads * arch.head_dim, dtype=self.decoder.dtype)
        return _States(torch.zeros(rows, dtype=torch.long), states, tails)

    def read(self, fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> NDArray[np.float32]:
        """Read `fed[row]`, one token or more, in each row; return the logits [M,V] after the last `wanted[row]` of them, row by row."""
        read = self.now.lengths.tolist()
        missing = [[*text[length:], *tokens] for text, length, tokens in zip(self.texts, read, fed, strict=True)]
        self.lengths, self.before, self.fresh = self.now.lengths, self.now, []
        logits = super().read(missing, wanted)
        self.now = _States(
            self.lengths, torch.stack([memory.state for memory in self.fresh]), torch.stack([memory.tail for memory in self.fresh])
        )
        for text, tokens in zip(self.texts, fed, strict=True):
            text.extend(tokens)
        return logits

    def layer(self, layer: int, x: Tensor, turn: tuple[Tensor, Tensor], todo: Pass) -> Tensor:
        """One layer: x [N,D] → [N,D]."""
        rows, normed = self.decoder.rows[layer], self.decoder.normed(layer, x)
        if "decay" in rows:
            seen = self._remember(layer, rows["decay"], normed, todo)
            return self.decoder.joined(layer, x + seen @ self.decoder.weights[layer]["delta_out"].T)
        seen = self._gated(rows["qkv"], self.decoder.weights[layer], normed, (todo, turn))
        return self.decoder.joined(layer, x + seen @ self.decoder.weights[layer]["out"].T)

    def _gated(self, place: int, weights: dict[str, Tensor], normed: Tensor, given: tuple[Pass, tuple[Tensor, Tensor]]) -> Tensor:
        """Attention under its gate: normed [N,D] → what the heads saw [N,H*E]."""
        (todo, turn), arch = given, self.decoder.arch
        queries, keys, values, gates = gated_parts(arch, normed @ weights["qkv"].T)
        queries = turned(queries.float(), weights["norm_q"], turn, arch.norm_epsilon) * arch.head_dim**-0.5
        keys = turned(keys.float(), weights["norm_k"], turn, arch.norm_epsilon)
        kept_keys, kept_values = self.cache[:, place]
        kept_keys[todo.rows, :, todo.places], kept_values[todo.rows, :, todo.places] = keys.to(normed.dtype), values
        return self.look(place, queries.to(normed.dtype), todo, todo.bias) * gates.sigmoid()

    def _remember(self, layer: int, place: int, normed: Tensor, todo: Pass) -> Tensor:
        """A state reads on: normed [N,D] → what the heads read [N,H*E]."""
        rows, longest = len(self.lengths), todo.longest
        counts = None
        if todo.slots is not None:
            counts = torch.zeros(rows, dtype=torch.long).index_add_(0, todo.rows, torch.ones_like(todo.rows))
            normed = normed.new_zeros(rows * longest, normed.shape[1]).index_copy_(0, todo.slots, normed)
        memory = Memory(self.before.states[place], self.before.tails[place])
        seen, kept = remembered(self.decoder.arch, self.decoder.weights[layer], normed.view(rows, longest, -1), memory, counts)
        self.fresh.append(kept)
        seen = seen.flatten(0, 1)
        return seen if todo.slots is None else seen[todo.slots]

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget what each row read beyond `lengths[row]` tokens."""
        self.texts = [text[:length] for text, length in zip(self.texts, lengths, strict=True)]
        wanted, heads = torch.tensor(lengths), self.decoder.arch.heads
        for earlier in (self.before, self._nothing(len(lengths))):
            far = self.now.lengths > wanted
            if bool(far.any()):
                self.now = self.now.with_rows(far, earlier, heads)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order."""
        super().keep(rows)
        kept, heads = torch.tensor(rows, dtype=torch.long), self.decoder.arch.heads
        self.now, self.before = self.now.rows(kept, heads), self.before.rows(kept, heads)
        self.texts = [self.texts[row] for row in rows]
