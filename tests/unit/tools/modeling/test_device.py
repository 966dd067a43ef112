"""Tensors stay on the device of the weights: tried with a device of which torch knows only that it is not the CPU. No GPU took part."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from kubestill.stages.training.batches import padded
from kubestill.stages.training.objectives.sft import Sft, summed
from kubestill.stages.training.parallel import Arena
from kubestill.stages.training.settings import TrainingWhat
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.network import StudentBody
from kubestill.tools.modeling.optimizer import Optimizer, Rates, Shard
from kubestill.tools.modeling.presets import Architecture

LAYOUT = Layout(Architecture(hidden=64, layers=2, heads=2, kv_heads=1, head_dim=32, ffn=96, max_position=64).with_vocabulary(300))
ROWS = [np.arange(7, dtype=np.int64), np.arange(3, 14, dtype=np.int64)]
BLOCK = padded(ROWS, [3, 5], np.array([0, 1]), 0)


def step(arena, what, block):
    """Do what the loop does in a step of one process, and return the loss."""
    network = StudentBody(LAYOUT).build(arena.masters, arena.working)
    objective = SimpleNamespace(network=network)
    loss, _ = Sft.loss(objective, block)
    loss.backward()
    network.collect(arena.grads[0], add=False)
    network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where)).sum().backward()
    network.collect(arena.grads[0], add=True)
    vectors = {"masters": arena.masters, "working": arena.working, "first": arena.first, "second": arena.second}
    optimizer = Optimizer(LAYOUT, vectors, Shard(0, 1))
    optimizer.step(arena.grads[0], Rates(0.01, 0.01, 0.1), 1, 0.5)
    return loss.detach()


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_never_leaves_the_device(optimizer, precision):
    """Operations between two devices raise in this mode; `lazy` is a kind of device that every build of torch knows by name."""
    what, device = TrainingWhat(optimizer=optimizer, precision=precision), torch.device("lazy")
    with FakeTensorMode():
        arena = Arena.apart(LAYOUT, what, device)
        loss = step(arena, what, BLOCK)
        found = (loss, arena.masters, arena.working, arena.first, arena.second, arena.grads)
        assert {tensor.device.type for tensor in found} == {"lazy"}


def test_the_mode_would_see_a_tensor_on_another_device():
    with FakeTensorMode(), pytest.raises((RuntimeError, NotImplementedError), match="device"):
        summed(torch.zeros(4, 5, device="lazy"), torch.zeros(4, dtype=torch.long)) * torch.zeros(3)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_an_arena_apart_makes_bit_for_bit_what_a_shared_one_makes(optimizer, tmp_path):
    what, flat, found = TrainingWhat(optimizer=optimizer, precision="bf16"), draw(LAYOUT, 3), []
    with (tmp_path / "arena").open("w+b") as file:
        for arena in (Arena.apart(LAYOUT, what, torch.device("cpu")), Arena.over(file.fileno(), LAYOUT, 1, what)):
            arena.masters.copy_(flat)
            arena.working.copy_(flat)
            loss = step(arena, what, BLOCK)
            found.append((loss.clone(), arena.masters.clone(), arena.whole().clone(), arena.ready().clone()))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert not torch.equal(found[0][1], flat)
