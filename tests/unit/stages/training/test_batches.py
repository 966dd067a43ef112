"""The order of the data: everything is seen once an epoch, by seed, from any place on."""

from itertools import islice

import numpy as np
import pytest

from kubestill.ground.seeds import Seed
from kubestill.stages.training.batches import Pace, Plan, Position, build_block
from kubestill.stages.training.checkpoint import Checkpoints, State
from kubestill.stages.training.schedule import factor
from kubestill.stages.training.settings import StepsWhat
from kubestill.tools.modeling.encoding import Encoded


@pytest.fixture(scope="module")
def encoded():
    rng = np.random.default_rng(0)
    lengths = rng.integers(20, 300, 3_000)
    starts = (lengths * rng.uniform(0.2, 0.8, 3_000)).astype(np.int32)
    return Encoded(rng.integers(0, 4096, lengths.sum()).astype(np.uint16), np.cumsum(lengths), starts)


def padding_share(encoded, steps):
    """Return the share of padding in the rectangles of `steps`."""
    lengths = encoded.lengths
    area = sum(len(block) * int(lengths[block].max() - 1) for step in steps for block in step.blocks)
    return 1 - sum(int((lengths[block] - 1).sum()) for step in steps for block in step.blocks) / max(1, area)


def plan(encoded, seed=1, pace=None):
    return Plan(encoded, 2048, 2, Seed(seed), pace)


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


@pytest.mark.parametrize("epochs", [0.5, 1, 2.5, 20])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_long_samples_wait_and_short_ones_never_go_away(encoded, epochs, share):
    lengths = encoded.lengths
    before = np.random.default_rng(3).permutation(3_000)
    order = Pace(int(lengths.sum() * epochs), share).order(before, lengths, np.random.default_rng(4))
    assert sorted(order.tolist()) == list(range(3_000))  # none is lost or doubled
    short, middle, long = np.sort(lengths)[[899, 1_500, 2_700]]
    keep = [number for number in before if lengths[number] < short]
    assert [number for number in order if lengths[number] < short] == keep  # the shortest 30 % need not wait
    assert lengths[order[:20]].max() < middle
    tenths = [lengths[part] for part in np.array_split(order, 10)]
    assert tenths[0].mean() < tenths[-1].mean()
    assert all((part < short).sum() > 20 for part in tenths) and (tenths[-1] > long).sum() > 20


def test_the_first_epoch_opens_slowly_and_goes_on_from_any_position(encoded):
    paced = plan(encoded, pace=Pace(int(encoded.lengths.sum()), 0.9))
    steps = epoch(paced.steps(Position()))
    seen = np.concatenate([block for step in steps for block in step.blocks])
    assert len(set(seen.tolist())) == len(seen) > 0.98 * 3_000
    assert encoded.lengths[seen[:1_000]].mean() < 0.8 * encoded.lengths[seen[-1_000:]].mean()
    for place in (0, 7, len(steps) - 2, len(steps) - 1):
        rest = next(paced.steps(steps[place].after))
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

    state = State(3, 100, Position(0, 3), 1.5, "digest", {"curve.jsonl": 10})
    Checkpoints(tmp_path).save(state, {"masters": torch.arange(4.0)})
    found = Checkpoints(tmp_path).load("digest")
    assert found is not None and found[0] == state and found[1]["masters"].equal(torch.arange(4.0))
    assert Checkpoints(tmp_path).load("other") is None


def test_the_rate_rises_then_falls_to_nought_in_a_line():
    shares = [factor(StepsWhat(), place / 1000) for place in range(1001)]
    assert shares[0] == 0 and max(shares) == 1 == shares[20] and shares[1000] == 0
    assert shares[510] == pytest.approx(0.5)
    assert np.abs(np.diff(shares[20:], n=2)).max() < 1e-12
