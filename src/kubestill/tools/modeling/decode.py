"""Generation with a student: prompts padded on the right, each row at its own place, finished rows taken out.

Since every row writes its keys and values at its own place, no padding ever stands between its tokens, and a row's
logits are the same in any batch up to the rounding of sums.

B rows, T places, C places in the cache, L layers, H query heads, K key-value heads, G = H/K, E head size, D hidden, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from kubestill.tools.modeling import pieces
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.qwen3 import turns

ROOM = 64  # places by which the cache grows
Choose = Callable[[Tensor, list[int]], Tensor]  # logits [B,V] fp32 and the rows' numbers → the next tokens [B]


class Decoder:
    """A student's weights made ready for generation."""

    def __init__(self, layout: Layout, flat: Tensor, dtype: torch.dtype) -> None:
        """`flat` [total] in fp32; `dtype` is what multiplications use."""
        self.arch, self.dtype = layout.arch, dtype
        high = layout.views(flat.detach())
        low = {name: stack.to(dtype) for name, stack in high.items() if not name.startswith("norm")}
        self.embed, self.qkv, self.out = low["embed"], low["qkv"], low["out"]
        self.gate_up, self.down = low["gate_up"], low["down"]
        self.norm_in, self.norm_post, self.final = high["norm_in"], high["norm_post"], high["norm_final"]
        arch = self.arch
        queries = (high["norm_q"] * arch.head_dim**-0.5)[:, None].expand(-1, arch.heads, -1)
        self.heads = torch.cat([queries, high["norm_k"][:, None].expand(-1, arch.kv_heads, -1)], 1)
        self.cos, self.sin = turns(arch, torch.arange(arch.max_position))

    @torch.inference_mode()
    def generate(self, prompts: Sequence[Sequence[int]], limits: Sequence[int], end: int, choose: Choose) -> list[list[int]]:
        """Return each prompt's new tokens, `end` left out; a row stops at `end` or after `limits[row]` tokens."""
        found: list[list[int]] = [[] for _ in prompts]
        rows = list(range(len(prompts)))
        lengths = torch.tensor([len(prompt) for prompt in prompts])
        logits, cache = self._prefill(prompts, lengths)
        while rows:
            tokens = choose(logits, rows)
            going = []
            for place, token in enumerate(tokens.tolist()):
                row = rows[place]
                if token != end:
                    found[row].append(token)
                if token != end and len(found[row]) < limits[row]:
                    going.append(place)
            if not going:
                break
            if len(going) < len(rows):
                kept = torch.tensor(going)
                rows, tokens, lengths = [rows[place] for place in going], tokens[kept], lengths[kept]
                cache = cache[:, :, kept]
            if int(lengths.max()) + 1 > cache.shape[4]:
                cache = functional.pad(cache, (0, 0, 0, ROOM))
            logits = self._step(tokens, lengths, cache)
            lengths = lengths + 1
        return found

    def _prefill(self, prompts: Sequence[Sequence[int]], lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits after each prompt and the cache [2,L,B,K,C,E]."""
        arch, rows, places = self.arch, len(prompts), int(lengths.max())
        ids = torch.zeros(rows, places, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.tensor(prompt)
        cache = torch.zeros(2, arch.layers, rows, arch.kv_heads, places + ROOM, arch.head_dim, dtype=self.dtype)
        x = self.embed[ids].float()
        upper = torch.full((places, places), float("-inf"), dtype=self.dtype).triu(1)
        turn = self.cos[:places], self.sin[:places]
        for layer in range(arch.layers):
            q, k, v = self._heads(layer, x, turn)
            keys, values = k.transpose(1, 2), v.transpose(1, 2)
            cache[0, layer, :, :, :places], cache[1, layer, :, :, :places] = keys, values
            q = q.view(rows, places, arch.kv_heads, arch.group, arch.head_dim).permute(0, 2, 3, 1, 4)
            scores = (q @ keys[:, :, None].mT + upper).softmax(-1)
            seen = (scores @ values[:, :, None]).permute(0, 3, 1, 2, 4).reshape(rows, places, -1)
            x = self._after(layer, x, seen)
        return self._logits(x[torch.arange(rows), lengths - 1]), cache

    def _step(self, tokens: Tensor, lengths: Tensor, cache: Tensor) -> Tensor:
        """Put `tokens` [B] at the places `lengths` [B] and return the logits [B,V] after them."""
        arch, rows = self.arch, len(tokens)
        places = int(lengths.max()) + 1
        each = torch.arange(rows)
        hidden = torch.arange(places)[None] > lengths[:, None]
        bias = torch.zeros(rows, places, dtype=self.dtype).masked_fill_(hidden, float("-inf"))[:, None, None]
        x = self.embed[tokens][:, None].float()
        turn = self.cos[lengths][:, None], self.sin[lengths][:, None]
        for layer in range(arch.layers):
            q, k, v = self._heads(layer, x, turn)
            keys, values = cache[0, layer], cache[1, layer]
            keys[each, :, lengths], values[each, :, lengths] = k[:, 0], v[:, 0]
            q = q.view(rows, arch.kv_heads, arch.group, arch.head_dim)
            scores = (q @ keys[:, :, :places].mT + bias).softmax(-1)
            x = self._after(layer, x, (scores @ values[:, :, :places]).reshape(rows, 1, -1))
        return self._logits(x[:, 0])

    def _heads(self, layer: int, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """x [B,T,D] → queries [B,T,H,E], keys and values [B,T,K,E]."""
        arch = self.arch
        normed, _ = pieces.norm(x, self.norm_in[layer], arch.norm_epsilon, self.dtype)
        qkv = (normed @ self.qkv[layer].T).view(*x.shape[:2], -1, arch.head_dim)
        turned, _ = pieces.spin(qkv[:, :, : arch.heads + arch.kv_heads], self.heads[layer], *turn, arch.norm_epsilon)
        return turned[:, :, : arch.heads], turned[:, :, arch.heads :], qkv[:, :, arch.heads + arch.kv_heads :]

    def _after(self, layer: int, x: Tensor, seen: Tensor) -> Tensor:
        """The layer's part after attention."""
        x = x + seen @ self.out[layer].T
        normed, _ = pieces.norm(x, self.norm_post[layer], self.arch.norm_epsilon, self.dtype)
        return x + pieces.gate(normed @ self.gate_up[layer].T) @ self.down[layer].T

    def _logits(self, x: Tensor) -> Tensor:
        normed, _ = pieces.norm(x, self.final, self.arch.norm_epsilon, self.dtype)
        return (normed @ self.embed.T).float()
