"""The order of the data: everything is seen once an epoch, by seed, from any place on."""

from itertools import islice

import numpy as np
import pytest

from kubestill.ground.seeds import Seed
from kubestill.stages.training.batches import Encoded, Plan, Position, build_block, padding_share
from kubestill.stages.training.checkpoint import State, load_checkpoint, save_checkpoint
from kubestill.stages.training.loop import schedule


@pytest.fixture(scope="module")
def encoded():
    rng = np.random.default_rng(0)
    lengths = rng.integers(20, 300, 3_000)
    starts = (lengths * rng.uniform(0.2, 0.8, 3_000)).astype(np.int32)
    return Encoded(rng.integers(0, 4096, lengths.sum()).astype(np.uint16), np.cumsum(lengths), starts)


def plan(encoded, seed=1):
    return Plan(encoded, 2048, 2, Seed(seed))


def test_an_epoch_sees_each_sample_at_most_once_and_nearly_all(encoded):
    steps = []
    for step in plan(encoded).steps(Position()):
        steps.append(step)
        if step.after.epoch:
            break
    seen = np.concatenate([block for step in steps for block in step.blocks])
    assert len(set(seen.tolist())) == len(seen) > 0.99 * 3_000
    lengths = encoded.lengths
    for step in steps:
        assert len(step.blocks) == 2
        assert all(len(block) * (lengths[block].max() - 1) <= 1024 for block in step.blocks)
        assert step.tokens == sum(lengths[block].sum() for block in step.blocks)
    assert padding_share(encoded, steps) < 0.12
    short = [step for step in steps if lengths[step.blocks[0]].max() < 100]
    assert any(lengths[step.blocks[1]].max() > 150 for step in short)  # lengths mix in a step


def test_the_plan_goes_on_from_any_position_and_epochs_differ(encoded):
    steps = list(islice(plan(encoded).steps(Position()), 500))
    assert steps[-1].after.epoch >= 1
    for place in (0, 100, 498):
        rest = next(plan(encoded).steps(steps[place].after))
        assert [block.tolist() for block in rest.blocks] == [block.tolist() for block in steps[place + 1].blocks]
    other = next(plan(encoded, seed=2).steps(Position()))
    assert other.blocks[0].tolist() != steps[0].blocks[0].tolist()


def test_a_block_predicts_each_answer_token_from_the_one_before(encoded):
    numbers = np.array([5, 17, 99])
    block = build_block(encoded, numbers, pad=0)
    flat, at = block.ids.reshape(-1), 0
    for row, number in enumerate(numbers):
        sample, start = encoded.sample(int(number)), int(encoded.starts[number])
        for place in range(start, len(sample)):
            assert block.targets[at] == sample[place]
            assert block.where[at] == row * block.ids.shape[1] + place - 1
            assert flat[block.where[at]] == sample[place - 1]
            at += 1
    assert at == len(block.targets) == len(block.where)


def test_arrays_come_back_and_their_digest_sees_every_change(encoded, tmp_path):
    encoded.save(tmp_path)
    again = Encoded.load(tmp_path)
    assert again.digest() == encoded.digest()
    starts = encoded.starts.copy()
    starts[7] += 1
    assert Encoded(encoded.ids, encoded.ends, starts).digest() != encoded.digest()


def test_a_checkpoint_of_other_data_is_not_used(tmp_path):
    import torch

    state = State(3, 100, Position(0, 3), 1.5, "digest", 10, 0)
    save_checkpoint(tmp_path, state, {"masters": torch.arange(4.0)})
    found = load_checkpoint(tmp_path, "digest")
    assert found is not None and found[0] == state and found[1]["masters"].equal(torch.arange(4.0))
    assert load_checkpoint(tmp_path, "other") is None


def test_the_rate_rises_then_falls_to_nought_in_a_line():
    shares = [schedule(place / 1000, 0.02) for place in range(1001)]
    assert shares[0] == 0 and max(shares) == 1 == shares[20] and shares[1000] == 0
    assert shares[510] == pytest.approx(0.5)
    assert np.abs(np.diff(shares[20:], n=2)).max() < 1e-12
