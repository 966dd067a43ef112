"""Muon against a float64 singular value decomposition, AdamW against torch's, shards against the whole."""

import pytest
import torch

from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.optimizer import BETAS, Optimizer, Rates, Shard, orthogonalise
from kubestill.tools.modeling.presets import Architecture

TINY = Layout(Architecture(hidden=64, layers=3, heads=4, kv_heads=2, head_dim=16, ffn=96, vocabulary=320, max_position=64))


@pytest.mark.parametrize("shape", [(4, 48, 48), (3, 32, 96), (2, 96, 32), (1, 1, 16)])
def test_orthogonalising_keeps_the_singular_vectors_and_makes_the_values_one(shape):
    given = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = orthogonalise(given.float(), torch.float32).double()
    left, sizes, right = torch.linalg.svd(given, full_matrices=False)
    inner = left.mT @ found @ right.mT  # diagonal, were it exact
    values = inner.diagonal(dim1=-2, dim2=-1)
    clear = sizes > 0.005 * sizes.pow(4).sum(-1, keepdim=True) ** 0.25  # smaller ones grow, but not to one
    assert clear.float().mean() > 0.9
    assert values[clear].min() > 0.65 and values.max() < 1.25 and values.min() > -0.01
    assert (inner - torch.diag_embed(values)).norm() < 0.001 * values.norm()


@pytest.mark.parametrize("shape", [(2, 128, 320), (3, 256, 256)])
def test_orthogonalising_in_bf16_is_near_to_fp32(shape):
    given = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    exact = orthogonalise(given, torch.float32)
    assert (orthogonalise(given).float() - exact).norm() < 0.12 * exact.norm()


def test_orthogonalising_does_not_depend_on_scale_and_survives_nought():
    given = torch.randn(2, 32, 64)
    assert torch.allclose(orthogonalise(given * 1e-8).float(), orthogonalise(given).float(), atol=0.02)
    assert orthogonalise(torch.zeros(1, 8, 8)).eq(0).all()


def vectors(flat):
    rest = TINY.total - TINY.matrices
    return {"masters": flat.clone(), "working": flat.clone(), "first": torch.zeros(TINY.total), "second": torch.zeros(rest)}


def test_the_rest_moves_as_torchs_adam_moves_it():
    flat = draw(TINY, 0)
    ours = vectors(flat)
    optimizer = Optimizer(TINY, ours, Shard(0, 1))
    theirs = flat[TINY.matrices :].clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.01, betas=BETAS)
    for number in range(1, 4):
        grad = torch.randn(TINY.total)
        optimizer.step(grad, Rates(0.02, 0.01, 0.0), number, 0.5)
        theirs.grad = grad[TINY.matrices :] * 0.5
        adam.step()
    torch.testing.assert_close(ours["masters"][TINY.matrices :], theirs.detach(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_shards_cover_everything_once_and_move_it_as_one_process_does(size):
    flat, grad = draw(TINY, 0), torch.randn(TINY.total)
    whole, parts = vectors(flat), vectors(flat)
    Optimizer(TINY, whole, Shard(0, 1)).step(grad, Rates(0.02, 0.01, 0.1), 1, 1.0)
    covered = torch.zeros(TINY.total)
    for rank in range(size):
        shard = Optimizer(TINY, parts, Shard(rank, size))
        for span in shard.spans():
            covered[span] += 1
        shard.step(grad, Rates(0.02, 0.01, 0.1), 1, 1.0)
    assert covered.eq(1).all()
    torch.testing.assert_close(parts["masters"], whole["masters"], atol=2e-4, rtol=0)
    assert not whole["masters"].equal(flat)
