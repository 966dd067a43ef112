"""Generation with a student: each row of a batch at its own place, some tokens at a time.

Since every row writes its keys and values at its own place, no padding ever stands between its tokens, and a row's
logits are the same in any batch up to the rounding of sums. What was read too far is undone by a row's length alone.

N tokens of a pass over all rows, B rows, T most tokens of a row in the pass, C places in the cache, M places whose logits are
wanted, L layers, H query heads, K key-value heads, G = H/K, E head size, D hidden, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kubestill.tools.modeling import pieces
from kubestill.tools.modeling.layout import KEPT, Layout
from kubestill.tools.modeling.presets import SLIDING
from kubestill.tools.modeling.qwen3 import turns

ROOM = 64  # places by which the cache grows


class Decoder:
    """A student's weights made ready for generation."""

    def __init__(self, layout: Layout, flat: Tensor, dtype: torch.dtype) -> None:
        """`flat` [total] in fp32; `dtype` is what multiplications use."""
        self.arch, self.dtype = layout.arch, dtype
        high = layout.views(flat.detach())
        low = {name: stack.to(dtype) for name, stack in high.items() if name not in KEPT}
        self.embed, self.qkv, self.out = low["embed"], low["qkv"], low["out"]
        self.gate_up, self.down = low["gate_up"], low["down"]
        self.norm_in, self.norm_post, self.final = high["norm_in"], high["norm_post"], high["norm_final"]
        arch = self.arch
        queries = (high["norm_q"] * arch.head_dim**-0.5)[:, None].expand(-1, arch.heads, -1)
        self.heads = torch.cat([queries, high["norm_k"][:, None].expand(-1, arch.kv_heads, -1)], 1)
        self.cos, self.sin = turns(arch, torch.arange(arch.max_position))

    def batch(self, rows: int) -> "Batch":
        """Return a batch of `rows` that have read nothing yet."""
        return Batch(self, rows)

    def part(self, layer: int, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The layer's part before attention: x [N,D] → queries [N,H,E], keys and values [N,K,E]."""
        arch = self.arch
        normed, _ = pieces.norm(x, self.norm_in[layer], arch.norm_epsilon, self.dtype)
        qkv = (normed @ self.qkv[layer].T).view(len(x), -1, arch.head_dim)
        turned, _ = pieces.spin(qkv[:, : arch.heads + arch.kv_heads], self.heads[layer], *turn, arch.norm_epsilon)
        return turned[:, : arch.heads], turned[:, arch.heads :], qkv[:, arch.heads + arch.kv_heads :]

    def join(self, layer: int, x: Tensor, seen: Tensor) -> Tensor:
        """The layer's part after attention: x [N,D] and what the heads saw [N,H*E] → [N,D]."""
        return self.joined(layer, x + seen @ self.out[layer].T)

    def joined(self, layer: int, x: Tensor) -> Tensor:
        """The layer's second half: x [N,D] → [N,D]."""
        normed, _ = pieces.norm(x, self.norm_post[layer], self.arch.norm_epsilon, self.dtype)
        return x + pieces.gate(normed @ self.gate_up[layer].T) @ self.down[layer].T

    def logits(self, x: Tensor) -> Tensor:
        """x [M,D] → [M,V] in fp32."""
        normed, _ = pieces.norm(x, self.final, self.arch.norm_epsilon, self.dtype)
        return (normed @ self.embed.T).float()


@dataclass(frozen=True)
class Pass:
    """Where the tokens of one pass stand."""

    rows: Tensor  # [N]: each token's row
    places: Tensor  # [N]: its place in the row
    longest: int  # T
    slots: Tensor | None  # [N]: where it stands among B*T; None: all rows read T tokens
    bias: Tensor  # [B,1,G*T,C], for one token a row [B,1,1,C]: 0 where a query may look, -inf where it may not
    near: Tensor  # the same for layers that see a window


class Batch:
    """Rows that read on: what each has read is kept as keys and values [2,L,B,K,C,E]."""

    def __init__(self, decoder: Decoder, rows: int) -> None:
        arch = decoder.arch
        self.decoder, self.lengths = decoder, torch.zeros(rows, dtype=torch.long)
        self.cache = torch.zeros(2, arch.layers - arch.states, rows, arch.kv_heads, ROOM, arch.head_dim, dtype=decoder.dtype)

    @torch.inference_mode()
    def read(self, fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> NDArray[np.float32]:
        """Read `fed[row]`, one token or more, in each row; return the logits [M,V] after the last `wanted[row]` of them, row by row."""
        counts = torch.tensor([len(tokens) for tokens in fed])
        todo = self.plan(counts)
        decoder = self.decoder
        x = decoder.embed[torch.tensor(list(chain.from_iterable(fed)))].float()
        turn = decoder.cos[todo.places], decoder.sin[todo.places]
        for layer in range(decoder.arch.layers):
            x = self.layer(layer, x, turn, todo)
        self.lengths = self.lengths + counts
        if len(x) > sum(wanted):
            x = x[_last(counts.tolist(), wanted)]
        logits: NDArray[np.float32] = decoder.logits(x).numpy()
        return logits

    def layer(self, layer: int, x: Tensor, turn: tuple[Tensor, Tensor], todo: Pass) -> Tensor:
        """One layer: x [N,D] → [N,D]."""
        queries, keys, values = self.decoder.part(layer, x, turn)
        kept_keys, kept_values = self.cache[:, layer]
        kept_keys[todo.rows, :, todo.places], kept_values[todo.rows, :, todo.places] = keys, values
        bias = todo.near if self.decoder.arch.kinds[layer] == SLIDING else todo.bias
        return self.decoder.join(layer, x, self.look(layer, queries, todo, bias))

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget what each row read beyond `lengths[row]` tokens."""
        self.lengths = torch.tensor(lengths)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order."""
        kept = torch.tensor(rows, dtype=torch.long)
        self.lengths = self.lengths[kept]
        moved = [(new, old) for new, old in enumerate(rows) if new != old]
        if any(old < len(rows) for _, old in moved):
            self.cache = self.cache[:, :, kept]
            return
        with torch.inference_mode():
            for new, old in moved:  # the cache is large, and rows that moved up from the end are few
                self.cache[:, :, new] = self.cache[:, :, old]
        self.cache = self.cache[:, :, : len(rows)]

    def plan(self, counts: Tensor) -> Pass:
        """Lay out a pass of `counts` [B] tokens."""
        longest = int(counts.max())
        held = int((self.lengths + counts).max())
        if held > self.cache.shape[4]:
            self.cache = functional.pad(self.cache, (0, 0, 0, held - self.cache.shape[4] + ROOM))
        each = self.lengths[:, None] + torch.arange(longest)  # [B,T]; beyond a row's count nobody looks at the result
        places, window = torch.arange(held), self.decoder.arch.window
        hidden = places > each[:, :, None]
        bias = self._bias(hidden)
        near = self._bias(hidden | (places <= each[:, :, None] - window)) if 0 < window < held else bias
        rows = torch.arange(len(counts))
        if longest == 1:
            return Pass(rows, self.lengths, 1, None, bias, near)
        if int(counts.min()) == longest:
            return Pass(rows.repeat_interleave(longest), each.flatten(), longest, None, bias, near)
        slots = (torch.arange(longest) < counts[:, None]).flatten().nonzero()[:, 0]
        return Pass(rows.repeat_interleave(counts), each.flatten()[slots], longest, slots, bias, near)

    def _bias(self, hidden: Tensor) -> Tensor:
        """hidden [B,T,C] → [B,1,G*T,C]; for one token a row, whose heads need no rows of their own, [B,1,1,C]."""
        hidden = hidden[:, None]
        if hidden.shape[2] > 1:
            hidden = hidden.repeat(1, 1, self.decoder.arch.group, 1)
        return torch.zeros(hidden.shape, dtype=self.decoder.dtype).masked_fill_(hidden, float("-inf"))

    def look(self, place: int, queries: Tensor, todo: Pass, bias: Tensor) -> Tensor:
        """Attention over the keys and values at `place` in the cache: queries [N,H,E] → what they saw [N,H*E]."""
        arch, rows, longest = self.decoder.arch, len(self.lengths), todo.longest
        if todo.slots is not None:
            spread = queries.new_zeros(rows * longest, arch.heads, arch.head_dim)
            queries = spread.index_copy_(0, todo.slots, queries)
        # Queries that share a key head stand in one matrix: [B,K,G*T,E].
        if longest > 1:
            queries = queries.view(rows, longest, arch.kv_heads, arch.group, arch.head_dim).permute(0, 2, 3, 1, 4)
        queries = queries.reshape(rows, arch.kv_heads, arch.group * longest, arch.head_dim)
        keys, values = self.cache[:, place, :, :, : bias.shape[-1]]
        seen: Tensor = (queries @ keys.mT + bias).softmax(-1) @ values
        if longest > 1:
            seen = seen.view(rows, arch.kv_heads, arch.group, longest, arch.head_dim).permute(0, 3, 1, 2, 4)
        seen = seen.reshape(rows * longest, -1)
        return seen if todo.slots is None else seen[todo.slots]


def _last(counts: Sequence[int], wanted: Sequence[int]) -> Tensor:
    """Places, among all tokens of the pass, of each row's last `wanted` ones."""
    found: list[int] = []
    end = 0
    for count, want in zip(counts, wanted, strict=True):
        end += count
        found.extend(range(end - want, end))
    return torch.tensor(found)
