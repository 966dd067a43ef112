"""Muon for the matrices, AdamW for embeddings and norms, over flat vectors that several processes may share.

Muon: Jordan et al. 2024 (kellerjordan.github.io/posts/muon): momentum 0.95 (Nesterov), then nearly the nearest
half-orthogonal matrix by Newton-Schulz steps in bf16. Its scale sqrt(max(1, rows/columns)) is the post's. AdamW's betas
(0.9, 0.95) are GPT-3's (Brown et al. 2020, appendix B).
The rates 0.02 and 0.004 are the probe's (../shared/references/probes.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from kubestill.tools.modeling.layout import Ordered, Unit

MOMENTUM = 0.95
BETAS = (0.9, 0.95)
EPSILON = 1e-8
# The quintic of Jordan et al., iterated: steepest at nought, and stable, so that bf16's rounding never grows. Quintics tuned to each step
# (Amsel et al. 2025) would need one step less, but two of ours blew up in bf16 (docs/log/2026-11-22-training-loop.md).
QUINTICS = ((3.4445, -4.7750, 2.0315),) * 5
SAFETY = 1.02  # bf16 may round the norm down by half a percent


def orthogonalise(matrices: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Return for each of [n, rows, columns] roughly the nearest matrix with singular values of one.

    Singular values end in 0.68 to 1.2, those under 0.2 % of the bound below that. The bound is the Schatten-4 norm, the root of the
    first Gram matrix's Frobenius norm: it costs nothing here and is up to four times closer than the Frobenius norm.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = (x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-30)).to(dtype)
    gram = x @ x.mT
    bound = gram.float().norm(dim=(-2, -1), keepdim=True).clamp_min(1e-30).mul_(SAFETY)
    x, gram = x.mul_(bound.rsqrt().to(dtype)), gram.mul_(bound.reciprocal().to(dtype))
    for number, (a, b, c) in enumerate(QUINTICS):
        gram = x @ x.mT if number else gram
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


@dataclass(frozen=True)
class Rates:
    """What a step needs besides gradients; the schedule sets both rates anew each step."""

    matrices: float
    rest: float
    weight_decay: float


@dataclass(frozen=True)
class Shard:
    """The part of the parameters that one process updates: matrices by number, the rest by range of elements."""

    rank: int
    size: int

    def span(self, count: int) -> slice:
        """Return this rank's share of `count` things in a row."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)


class Optimizer:
    """Updates `masters` (fp32) and their `working` copy from a summed gradient; every vector is [total] and may be shared."""

    def __init__(self, layout: Ordered, vectors: dict[str, Tensor], shard: Shard) -> None:
        """`vectors`: masters, working, first (momentum), second (Adam's squares; of the part that Adam updates, the last elements).

        Where `second` has all elements, AdamW updates the matrices, too.
        """
        self.layout, self.vectors, self.shard = layout, vectors, shard
        begin = layout.total - len(vectors["second"])
        self.groups = list(self._muon_groups()) if begin else []
        part = shard.span(layout.total - begin)
        self.rest = slice(begin + part.start, begin + part.stop)
        self.rest_second = part
        self.decayed = slice(self.rest.start, max(self.rest.start, min(self.rest.stop, layout.matrices)))

    def _muon_groups(self) -> Iterator[list[Unit]]:
        """Yield, for each shape, the matrices that are this shard's."""
        found: dict[tuple[int, int], list[Unit]] = {}
        for unit in self.layout.units:
            found.setdefault((min(unit.rows, unit.columns), max(unit.rows, unit.columns)), []).append(unit)
        # The largest work first and dealt like cards, so that ranks differ by at most one matrix of each shape.
        for number, (_, members) in enumerate(sorted(found.items(), reverse=True)):
            mine = members[(self.shard.rank + number) % self.shard.size :: self.shard.size]
            if mine:
                yield mine

    def spans(self) -> list[slice]:
        """Return all flat ranges that this shard updates."""
        return [*(unit.span for group in self.groups for unit in group), self.rest]

    @torch.no_grad()
    def step(self, grad: Tensor, rates: Rates, number: int, scale: float) -> None:
        """Update this shard's parameters from `grad` [total] times `scale`; `number` counts steps from 1."""
        for units in self.groups:
            self._muon(grad, units, rates, scale)
        self._adam(grad, rates, number, scale)

    def _muon(self, grad: Tensor, units: list[Unit], rates: Rates, scale: float) -> None:
        masters, working, first = (self.vectors[name] for name in ("masters", "working", "first"))
        steps = []
        for unit in units:
            momentum = first[unit.span].lerp_(grad[unit.span] * scale, 1 - MOMENTUM)
            looked = (grad[unit.span] * scale).lerp_(momentum, MOMENTUM).view(unit.rows, unit.columns)
            steps.append(looked.mT if unit.rows > unit.columns else looked)
        updates = orthogonalise(torch.stack(steps), torch.bfloat16)
        for unit, found in zip(units, updates, strict=True):
            update = (found.mT if unit.rows > unit.columns else found).reshape(-1)
            master = masters[unit.span]
            master.mul_(1 - rates.matrices * rates.weight_decay)
            master.add_(update.float(), alpha=-rates.matrices * max(1.0, unit.rows / unit.columns) ** 0.5)
            working[unit.span].copy_(master)

    def _adam(self, grad: Tensor, rates: Rates, number: int, scale: float) -> None:
        masters, working, first = (self.vectors[name][self.rest] for name in ("masters", "working", "first"))
        second = self.vectors["second"][self.rest_second]
        fresh = grad[self.rest] * scale
        first.lerp_(fresh, 1 - BETAS[0])
        second.lerp_(fresh.square_(), 1 - BETAS[1])
        self.vectors["masters"][self.decayed].mul_(1 - rates.rest * rates.weight_decay)
        root = (second / (1 - BETAS[1] ** number)).sqrt_().add_(EPSILON)
        masters.addcdiv_(first, root, value=-rates.rest / (1 - BETAS[0] ** number))
        working.copy_(masters)
