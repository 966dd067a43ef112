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


def plan(encoded, seed=1, short_tokens=0):
    return Plan(encoded, 2048, 2, Seed(seed), short_tokens)


def epoch(steps):
    """The steps up to the end of the first epoch."""
    found = []
    for step in steps:
        found.append(step)
        if step.after.epoch:
            return found


def test_an_epoch_sees_each_sample_at_most_once_and_nearly_all(encoded):
    steps = epoch(plan(encoded).steps(Position()))
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


@pytest.mark.parametrize("short_tokens", [5_000, 40_000, 10**9])
def test_short_samples_come_first_and_none_is_lost_or_doubled(encoded, short_tokens):
    lengths = encoded.lengths
    limit = np.sort(lengths)[1_199]  # 40 % of the samples are at most so long
    order = plan(encoded, short_tokens=short_tokens)._short_first(np.random.default_rng(3).permutation(3_000))
    assert sorted(order.tolist()) == list(range(3_000))
    ahead = 0
    while int(lengths[order[ahead]]) <= limit and int(lengths[order[:ahead]].sum()) < short_tokens:
        ahead += 1
    all_short = int((lengths <= limit).sum())
    assert ahead == all_short if short_tokens == 10**9 else 0 < ahead < all_short
    steps = epoch(plan(encoded, short_tokens=short_tokens).steps(Position()))
    seen = np.concatenate([block for step in steps for block in step.blocks])
    assert len(set(seen.tolist())) == len(seen) > 0.98 * 3_000


def test_the_first_steps_hold_short_samples_alone(encoded):
    limit = np.sort(encoded.lengths)[1_199]
    spent = 0
    for step in Plan(encoded, 600, 2, Seed(1), 60_000).steps(Position()):  # small blocks: 470 samples are sorted together
        if spent > 30_000:
            break
        assert max(encoded.lengths[block].max() for block in step.blocks) <= limit
        spent += step.tokens


def test_only_the_first_epoch_begins_short_and_it_goes_on_from_any_position(encoded):
    short = plan(encoded, short_tokens=40_000)
    steps = epoch(short.steps(Position()))
    for place in (0, 7, len(steps) - 2, len(steps) - 1):
        rest = next(short.steps(steps[place].after))
        following = steps[place + 1] if place + 1 < len(steps) else next(plan(encoded).steps(Position(1, 0)))
        assert [block.tolist() for block in rest.blocks] == [block.tolist() for block in following.blocks]
        assert rest.after == following.after


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
