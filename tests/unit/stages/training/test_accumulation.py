"""How a step is cut into blocks does not matter: its gradient is the mean over all its tokens, whatever block they stand in."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from kubestill.ground.seeds import Seed
from kubestill.stages.training import parallel, prepare
from kubestill.stages.training.batches import Position, Step
from kubestill.stages.training.loop import Given, Trainer
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from support.toy_training import TINY, tiny
from tests.unit.stages.training.test_training import WHAT, job, mix

__all__ = ["mix", "tiny"]  # fixtures


@pytest.fixture(scope="module")
def prepared(mix, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        made = job(mix, tmp_path_factory.mktemp("out"), WHAT.model_copy(update={"clip": 1e9}))
        prepare.prepare(made, 1)
        body, flat = prepare.prepare_weights(made)
    return made, body, flat


def stepped(prepared, blocks, clip=1e9):
    """Do one step over `blocks` of lessons; return the arena after it and what the step told."""
    made, body, flat = prepared
    what = made.what.model_copy(update={"clip": clip})
    file = parallel.shared_file()
    arena = parallel.Arena.over(file, body.layout, 1, what)
    arena.masters.copy_(flat)
    given = Given(what, "sft", body, None, made.out, {}, 0, Seed(7), 0, 0, Position())
    told = Trainer(given, arena, parallel.Team(0, 1))._step(Step(blocks, 0, 0, Position()), 1, 1.0)
    return arena, told


def test_one_block_of_eight_lessons_is_eight_blocks_of_one(prepared):
    lengths = Encoded.load(prepared[0].out / ENCODED).lengths
    numbers = np.argsort(lengths, kind="stable")[:: len(lengths) // 8][:8]  # short and long ones
    one, told = stepped(prepared, [numbers])
    for cut in ([1] * 8, [5, 3], [1, 7]):
        other, again = stepped(prepared, np.split(numbers, np.cumsum(cut)[:-1]))
        assert again == pytest.approx(told, rel=1e-6)
        scale = one.grads[0].abs().max()
        assert (other.grads[0] - one.grads[0]).abs().max() < 1e-5 * scale
        assert (other.masters - one.masters).abs().mean() < 1e-5 * (one.masters - prepared[2]).abs().mean() + 1e-6


def test_the_gradient_is_the_mean_over_tokens_and_not_over_blocks(prepared, tmp_path):
    made, body, flat = prepared
    encoded = Encoded.load(made.out / ENCODED)
    order = np.argsort(encoded.labels, kind="stable")
    blocks = [order[:6], order[-2:]]  # six lessons of few labels, two of many
    arena, _ = stepped(prepared, blocks)
    body.save(tmp_path, flat, (0, 3))
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    losses = [[_losses(model, encoded.sample(number), encoded.starts[number]) for number in block] for block in blocks]
    means = [torch.cat(block).mean() for block in losses]
    over_tokens = torch.cat([one for block in losses for one in block]).mean()
    over_blocks = torch.stack(means).mean()
    ours = body.layout.named(arena.grads[0] / float(encoded.labels[np.concatenate(blocks)].sum()))
    assert _gap(model, over_tokens, ours) < 1e-4 < 1e-2 < _gap(model, over_blocks, ours)


def test_a_long_gradient_is_clipped_by_the_norm_of_the_whole_step(prepared):
    """AdamW's first moment is a tenth of the clipped mean gradient, so its norm over what AdamW trains is known."""
    numbers = np.arange(8)
    free, _ = stepped(prepared, np.split(numbers, 4))
    labels = float(Encoded.load(prepared[0].out / ENCODED).labels[numbers].sum())
    norm = float(free.grads[0].norm()) / labels
    bound, _ = stepped(prepared, np.split(numbers, 4), clip=norm / 3)
    rest = slice(prepared[1].layout.matrices, None)
    assert bound.first[rest] * 3 == pytest.approx(free.first[rest], rel=1e-4, abs=1e-9)


def _losses(model, ids, start):
    ids = torch.from_numpy(ids.astype(np.int64))[None]
    logp = model(ids).logits.log_softmax(-1)[0, start - 1 : -1]
    return -logp.gather(-1, ids[0, start:, None])[:, 0]


def _gap(model, loss, ours):
    """Largest distance of Hugging Face's gradient of `loss` from ours, as a share of its largest element."""
    model.zero_grad()
    loss.backward(retain_graph=True)
    theirs = {name: weight.grad for name, weight in model.named_parameters()}
    largest = max(float(grad.abs().max()) for grad in theirs.values())
    return max(float((grad - ours[name]).abs().max()) for name, grad in theirs.items()) / largest
