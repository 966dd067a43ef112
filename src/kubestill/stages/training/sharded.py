"""A network whose weights no device holds whole: FSDP2 (`fully_shard`) behind the seam of body and network.

A flat vector of all weights is what does not fit, so each rank's arena is the flat vector of *its rows*: FSDP2 cuts every tensor by rows,
gathers a layer just before it is used, and brings gradients back summed, to the ranks that have the rows (Zhao et al. 2023, arXiv
2304.11277; Rajbhandari et al. 2020, arXiv 1910.02054, stage 3). AdamW updates element by element, so the optimiser works on the rows as
on any vector. Muon orthogonalises whole matrices, so it is not for this strategy. The first process keeps the whole vectors on its CPU:
it fills them from the rows of all when a checkpoint is due, and at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from kubestill.ground.errors import UserError
from kubestill.stages.training.batches import Step
from kubestill.stages.training.collectives import Order, all_alive, give, longest, pack, step_group, unpack
from kubestill.stages.training.distributed import Ranks
from kubestill.stages.training.loop import Given, Trainer
from kubestill.stages.training.parallel import Arena
from kubestill.stages.training.settings import StepsWhat
from kubestill.tools.modeling.foreign import ForeignBody, ForeignNetwork, skeleton
from kubestill.tools.modeling.foreign import Order as Names
from kubestill.tools.modeling.layout import Unit
from kubestill.tools.modeling.network import Body
from kubestill.tools.modeling.optimizer import Shard

WHOLE = ("gkd", "grpo")  # objectives that let the whole weights write


def refuse(what: StepsWhat, body: Body) -> None:
    """Refuse what cannot be trained by rows.

    Raises:
        UserError: a student of ours or adapters, whose weights fit; Muon; an objective that needs whole weights in each process.
    """
    where, objective = "how.training.strategy", getattr(what, "objective", "")
    if not isinstance(body, ForeignBody) or body.adapter is not None:
        raise UserError(where, "'fsdp' for weights that fit one device", "it is for all weights of a pretrained base; give 'ddp'")
    if what.optimizer != "adamw":
        raise UserError(where, f"'fsdp' with {what.optimizer!r}, which needs whole matrices", 'set training.optimizer = "adamw"')
    if objective in WHOLE:
        raise UserError(where, f"'fsdp' with the objective {objective!r}, which needs whole weights", "give 'ddp'")
    if getattr(getattr(what, "domains", None), "by", ""):
        raise UserError(where, "'fsdp' with domains that are weighed, each process on its own", "give 'ddp', or leave domains.by out")


@dataclass(frozen=True)
class Rows:
    """One rank's rows of every tensor, one behind the other (`Ordered`): each tensor is cut as `torch.chunk` cuts, and so does FSDP2."""

    order: Names
    rank: int
    size: int

    def spans(self, rank: int) -> list[slice]:
        """Return where the rows of a rank lie in the whole vector, by tensor."""
        found, start = [], 0
        for shape in self.order.shapes:
            chunk, inner = -(-shape[0] // self.size), prod(shape[1:])
            first, last = (min(shape[0], place * chunk) for place in (rank, rank + 1))
            found.append(slice(start + first * inner, start + last * inner))
            start += prod(shape)
        return found

    @cached_property
    def _lengths(self) -> list[int]:
        return [span.stop - span.start for span in self.spans(self.rank)]

    @property
    def total(self) -> int:
        """Elements."""
        return sum(self._lengths)

    @property
    def matrices(self) -> int:
        """Elements that belong to matrices of layers: they alone are decayed."""
        return sum(self._lengths[: self.order.count])

    @property
    def units(self) -> list[Unit]:
        """None: no matrix is whole here."""
        return []

    def parts(self, vector: Tensor) -> dict[str, Tensor]:
        """Return each tensor's rows as a view of the flat `vector` [total]."""
        ends = [0, *torch.tensor(self._lengths).cumsum(0).tolist()]
        return {name: vector[start:end] for name, (start, end) in zip(self.order.names, pairwise(ends), strict=True)}


class _Root(nn.Module):
    """The whole network as one module, so that embedding, last norm and head are there while it runs."""

    def __init__(self, network: ForeignNetwork) -> None:
        super().__init__()
        self.model, self.read = network.model, network.logits

    def forward(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V] at the flat places `where` [M] of `ids` [B,T]."""
        return self.read(ids, where)


class ShardedNetwork:
    """The network, of whose tensors this rank has the rows. All ranks call it together."""

    def __init__(self, body: "ShardedBody", working: Tensor) -> None:
        """`working` [total] holds the rows in the type of the multiplications; they are read anew after every `collect`."""
        model = skeleton(body.inner.source)
        device, decoder = working.device, model.get_decoder()
        turns, decoder.rotary_emb = decoder.rotary_emb, nn.Identity()  # what it holds is computed, and stays in fp32
        model.to(working.dtype)
        if model.config.tie_word_embeddings:
            model.get_output_embeddings().weight = model.get_input_embeddings().weight
        self.root: Any = _Root(ForeignNetwork(model, {}, body.inner.ways))
        mesh = DeviceMesh.from_group(body.group, device.type)
        policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
        for module in (*decoder.layers, self.root):
            sharded = fully_shard(module, mesh=mesh, reshard_after_forward=True, mp_policy=policy)
            assert isinstance(sharded, FSDPModule)
            sharded.set_gradient_divide_factor(1.0)  # sums, as everywhere in the loop
            sharded.set_force_sum_reduction_for_comms(True)
        self.root.to_empty(device=device)
        decoder.rotary_emb = turns.to(device)
        self.rows, self.working, self.stale = body.layout, working, True
        self.leaves: dict[str, Any] = dict(model.named_parameters())

    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V], with a graph, at the flat places `where` [M] of right-padded `ids` [B,T]."""
        if self.stale:
            self._lay()
        found: Tensor = self.root(ids, where)
        return found

    @torch.no_grad()
    def _lay(self) -> None:
        """Put the rows where FSDP2 gathers them from."""
        for name, part in self.rows.parts(self.working).items():
            local = _local(self.leaves[name])
            local.copy_(part.view_as(local))
        self.stale = False

    @torch.no_grad()
    def collect(self, into: Tensor, add: bool) -> None:
        """Move the gradients of the rows, which are summed over all ranks, into the flat vector `into` [total]."""
        for name, part in self.rows.parts(into).items():
            grad = _local(self.leaves[name].grad).reshape(-1)
            part.add_(grad) if add else part.copy_(grad)
            self.leaves[name].grad = None
        self.stale = True


def _local(tensor: Any) -> Tensor:
    assert isinstance(tensor, DTensor)
    return tensor.to_local()


@dataclass(frozen=True)
class ShardedBody:
    """A pretrained body of whose tensors each rank has rows."""

    inner: ForeignBody
    layout: Rows
    group: Any

    def build(self, masters: Tensor, working: Tensor) -> ShardedNetwork:
        """Return the network over the rows `working` [total]."""
        del masters
        return ShardedNetwork(self, working)


@dataclass(frozen=True)
class Shards(Ranks):
    """Ranks that each have rows of all tensors, and their momenta."""

    given: Any = None  # Given, whose body is a ShardedBody
    arena: Any = None  # Arena of the rows
    led: list[Arena] = field(default_factory=list)  # of the first process: the whole vectors
    network: list[ShardedNetwork] = field(default_factory=list)  # once it is built

    @classmethod
    def over(cls, given: Given, device: torch.device) -> "Shards":
        """Return the team for rows on `device`; all ranks make it at the same time."""
        rank, size = dist.get_rank(), dist.get_world_size()
        group = step_group(device)
        assert isinstance(given.body, ForeignBody)
        body: Any = ShardedBody(given.body, Rows(given.body.layout, rank, size), group)
        return cls(rank, size, None, group, replace(given, body=body), Arena.apart(body.layout, given.what, device))

    @property
    def shard(self) -> Shard:
        """All of the arena: it holds nobody else's."""
        return Shard(0, 1)

    @property
    def rows_of(self) -> Rows:
        """The layout of the arena."""
        found: Rows = self.given.body.layout
        return found

    def begin(self, led: Arena | None) -> None:
        """Give each rank its rows of what the first process has in `led`."""
        self.led.extend([led] if led is not None else [])
        for name in ("masters", "first", "second"):
            own = torch.zeros(self._width)
            rows = [torch.zeros(self._width) for _ in range(self.size)] if led is not None else None
            for rank, row in enumerate(rows or ()):
                pack(getattr(led, name), self.rows_of.spans(rank), row)
            with all_alive():
                dist.scatter(own, rows, 0, group=self.group)
            getattr(self.arena, name).copy_(own[: self.rows_of.total])
        self.arena.working.copy_(self.arena.masters)

    @property
    def _width(self) -> int:
        return longest([self.rows_of.spans(rank) for rank in range(self.size)])

    def add_up(self, arena: Arena, spans: Sequence[slice]) -> float:  # noqa: ARG002 - FSDP2 has summed all rows
        """Return the squared norm of the gradient over all ranks."""
        return self.norm_of(float(arena.grads[0].square().sum()))

    def share(self, arena: Arena, spans: Sequence[slice]) -> None:
        """Nothing to do: FSDP2 gathers the rows when they are used."""

    def help(self, order: Order, more: Any) -> None:
        """Let the first process have vectors whole, or read a block together."""
        if order is Order.READ:
            with torch.no_grad():
                self.network[0].logits(*map(torch.from_numpy, more))
            return
        for name in more:
            own = torch.zeros(self._width)
            own[: self.rows_of.total] = getattr(self.arena, name).cpu()
            rows = [torch.zeros(self._width) for _ in range(self.size)] if self.led else None
            with all_alive():
                dist.gather(own, rows, 0, group=self.group)
            for rank, row in enumerate(rows or ()):
                unpack(row, self.rows_of.spans(rank), getattr(self.led[0], name))


@dataclass(frozen=True)
class _Asking:
    """The network as the first process uses it between steps: the others read along."""

    network: ShardedNetwork

    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V] at the flat places `where` [M] of right-padded `ids` [B,T]."""
        give(Order.READ, (ids.numpy(), where.numpy()))
        with torch.no_grad():
            return self.network.logits(ids, where)

    def collect(self, into: Tensor, add: bool) -> None:
        """Move gradients, as the network does."""
        self.network.collect(into, add)


class ShardedTrainer(Trainer):
    """One rank's part of every step; all ranks run the network equally often, since they gather its tensors for each other."""

    def __init__(self, given: Given, arena: Arena, team: Shards) -> None:
        super().__init__(given, arena, team)
        assert isinstance(self.network, ShardedNetwork)
        team.network.append(self.network)
        self.shown = _Asking(self.network)

    def _gradient(self, step: Step, number: int) -> list[float]:
        """As ever; who has a block less than others lays a block that counts nothing beside theirs."""
        told = super()._gradient(step, number)
        left = len(step.blocks) % self.team.size
        if left and self.team.rank >= left:
            block = self.objective.lessons.block(step.blocks[0], (number, 0))
            loss, _ = self.objective.loss(block)
            (loss * 0.0).backward()  # type: ignore[no-untyped-call]
            self.network.collect(self.arena.grads[0], add=True)
        return told
