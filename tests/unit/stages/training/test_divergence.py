"""Divergences and their gradients against plain autograd on dense softmaxes; alignment of tokens against a slow way."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from kubestill.stages.training.objectives.aligned import CHUNKS, LOGS, LONGEST, chunked, chunks
from kubestill.stages.training.objectives.api import Block
from kubestill.stages.training.objectives.divergence import Divergence, Told, taught
from kubestill.stages.training.objectives.sft import summed

KINDS = ("forward", "reverse", "jensen")
RESTS = ("one bucket", "renormalised", "uniform")
PLACES, WORDS = 7, 40


def drawn(dtype=torch.float64, sharpness=3.0):
    """Student logits, teacher logits, targets."""
    rng = torch.Generator().manual_seed(3)
    student, teacher = (torch.randn(PLACES, WORDS, generator=rng, dtype=torch.float64) * sharpness for _ in range(2))
    return student.to(dtype).requires_grad_(), teacher.to(dtype), torch.randint(0, WORDS, (PLACES,), generator=rng)


def top(teacher, kept):
    logs, ids = teacher.log_softmax(1).topk(kept)
    rest = teacher.log_softmax(1).scatter(1, ids, float("-inf")).logsumexp(1)
    return Told(logs, ids, rest)


def plain(q, p, kind, beta):
    """The textbook's divergence of distributions [M,C], by torch's own KL."""
    kl = lambda a, b: functional.kl_div(b.clamp_min(1e-300).log(), a, reduction="sum")  # noqa: E731
    if kind == "forward":
        return kl(q, p)
    if kind == "reverse":
        return kl(p, q)
    m = beta * q + (1 - beta) * p
    return beta * kl(q, m) + (1 - beta) * kl(p, m)


def on_cells(student, teacher, ids, how):
    """Both distributions over the cells of a treatment of the rest, from dense softmaxes."""
    p, q = (student / how.temperature).softmax(1), teacher.softmax(1)
    if how.rest == "renormalised":
        q, p = (teacher / how.temperature).softmax(1).gather(1, ids), p.gather(1, ids)
        return q / q.sum(1, keepdim=True), p / p.sum(1, keepdim=True)
    if how.rest == "one bucket":
        q, p = (torch.cat([x.gather(1, ids), 1 - x.gather(1, ids).sum(1, keepdim=True)], 1) for x in (q, p))
        return q, p
    spread = ((1 - q.gather(1, ids).sum(1, keepdim=True)) / (WORDS - ids.shape[1])).expand(-1, WORDS).scatter(1, ids, q.gather(1, ids))
    soft = spread ** (1 / how.temperature)
    return soft / soft.sum(1, keepdim=True), p


def compare(student, targets, told, how, wanted, tolerance):
    """Hold loss, sums and gradient against a plain graph's `wanted(student)` -> (ce, kl)."""
    ce, kl = wanted(student)
    (grad,) = torch.autograd.grad(how.weights[0] * ce + how.weights[1] * kl, student)
    ce, kl = ce.detach(), kl.detach()
    loss, (found_ce, found_kl) = taught(student, targets, told, how)
    loss.backward()
    assert found_ce == pytest.approx(float(ce), rel=tolerance) and found_kl == pytest.approx(float(kl), rel=tolerance, abs=tolerance)
    assert float(loss.detach()) == pytest.approx(how.weights[0] * float(ce) + how.weights[1] * float(kl), rel=tolerance)
    assert (student.grad - grad).abs().max() < tolerance * max(1, float(grad.abs().max()))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-5)])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("kind", KINDS)
def test_dense_distillation_is_what_autograd_finds(kind, temperature, dtype, tolerance):
    student, teacher, targets = drawn(dtype)
    how = Divergence(kind, 0.3, temperature, weights=(0.7, 0.4))

    def wanted(logits):
        q, p = (teacher / temperature).softmax(1), (logits / temperature).softmax(1)
        return functional.cross_entropy(logits, targets, reduction="sum"), plain(q, p, kind, 0.3)

    compare(student, targets, Told(teacher.log_softmax(1)), how, wanted, tolerance)


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("kept", "temperature"), [(1, 1.0), (5, 1.0), (5, 1.7)])
def test_top_k_distillation_is_what_autograd_finds(kind, rest, kept, temperature):
    if rest == "one bucket" and temperature != 1:
        pytest.skip("refused: the bucket's softened mass is not known")
    student, teacher, targets = drawn()
    how, told = Divergence(kind, 0.3, temperature, rest, (0.7, 0.4)), top(teacher, kept)

    def wanted(logits):
        return functional.cross_entropy(logits, targets, reduction="sum"), plain(*on_cells(logits, teacher, told.ids, how), kind, 0.3)

    compare(student, targets, told, how, wanted, 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_with_one_bucket_the_divergence_never_exceeds_the_whole_one_and_meets_it_at_k_equals_v(kind):
    student, teacher, targets = drawn()
    how = Divergence(kind)
    values = [taught(student, targets, top(teacher, kept), how)[1][1] for kept in (1, 3, 10, WORDS - 1)]
    whole = taught(student, targets, Told(teacher.log_softmax(1)), how)[1][1]
    assert values == sorted(values) and values[-1] == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("kind", KINDS)
def test_certain_teachers_and_students_give_numbers(kind, rest):
    """Masses that are nought in fp32, on either side: no NaN, and no gradient out of bounds."""
    student, teacher, targets = drawn(torch.float32, 200.0)
    for told in (top(teacher, 4), Told(teacher.log_softmax(1))):
        student.grad = None
        loss, told_sums = taught(student, targets, told, Divergence(kind, rest=rest))
        loss.backward()
        assert np.isfinite([float(loss.detach()), *told_sums]).all() and student.grad.isfinite().all()
        if kind != "reverse":
            assert student.grad.abs().max() < 2.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_teacher_like_the_student_leaves_the_cross_entropy_alone(kind):
    student, _, targets = drawn()
    summed(student, targets).backward()
    alone, student.grad = student.grad, None
    loss, (ce, kl) = taught(student, targets, Told(student.detach().log_softmax(1)), Divergence(kind))
    loss.backward()
    assert kl == pytest.approx(0, abs=1e-12) and float(loss.detach()) == pytest.approx(ce)
    assert student.grad == pytest.approx(alone, abs=1e-6)


def test_half_precision_keeps_the_gradient_to_its_rounding():
    student, teacher, targets = drawn()
    rounded = student.detach().bfloat16().requires_grad_()
    exact = rounded.detach().double().requires_grad_()
    for logits in (rounded, exact):
        taught(logits, targets, top(teacher, 5), Divergence())[0].backward()
    assert rounded.grad.dtype == torch.bfloat16
    assert (rounded.grad.double() - exact.grad).abs().max() < 0.01


def slowly(teacher, student):
    """Chunks by walking both texts byte by byte: number of the chunk of each token, whatever its length."""
    found, places, at, number = ([], []), [0, 0], [0, 0], 0
    sides = (teacher, student)
    while places[0] < len(teacher) or places[1] < len(student):
        side = 0 if places[1] >= len(student) or (places[0] < len(teacher) and at[0] <= at[1]) else 1
        at[side] += sides[side][places[side]]
        places[side] += 1
        found[side].append(number)
        number += at[0] == at[1]
    return found


def test_chunks_are_what_a_walk_over_both_texts_finds():
    rng = np.random.default_rng(5)
    for _ in range(200):
        length = int(rng.integers(1, 30))
        sides = []
        for _ in range(2):
            cuts = np.flatnonzero(rng.random(length - 1) < 0.6) + 1
            sides.append(np.diff([0, *cuts, length]))
        theirs, ours = slowly(*[side.tolist() for side in sides])
        sizes = {n: max(theirs.count(n), ours.count(n)) for n in {*theirs, *ours}}
        kept = sorted(n for n in sizes if sizes[n] <= LONGEST)
        expected = [[kept.index(n) if n in kept else -1 for n in side] for side in (theirs, ours)]
        assert [side.tolist() for side in chunks(*sides)] == expected


def test_ends_are_a_chunk_where_both_have_one():
    assert [side.tolist() for side in chunks(np.array([2, 1, 0]), np.array([3, 0]))] == [[0, 0, 1], [0, 1]]
    assert [side.tolist() for side in chunks(np.array([2, 1]), np.array([3, 0]))] == [[0, 0], [0, -1]]


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_over_chunks_is_what_autograd_finds(kind, temperature):
    student, _, targets = drawn()
    members, theirs = np.array([0, 0, 1, -1, 2, 2, 2]), np.array([-1.2, -0.01, -9.0])
    how = Divergence(kind, 0.3, temperature, weights=(0.7, 0.4))
    logp = student.log_softmax(1).gather(1, targets[:, None])[:, 0]
    ours = torch.stack([logp[members == number].sum() for number in range(3)]) / temperature
    whether = [torch.stack([logs.exp(), 1 - logs.exp()], 1) for logs in (torch.from_numpy(theirs) / temperature, ours)]
    wanted = -0.7 * logp.sum() + 0.4 * plain(*whether, kind, 0.3)
    (grad,) = torch.autograd.grad(wanted, student)
    empty = np.zeros(0, np.int64)
    block = Block(empty, empty, targets.numpy(), empty, empty, {CHUNKS: members, LOGS: theirs})
    loss, (ce, _, aligned) = chunked(student, block, how)
    loss.backward()
    assert (
        float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-9)
        and ce == pytest.approx(-float(logp.detach().sum()))
        and aligned == 6
    )
    assert (student.grad - grad).abs().max() < 1e-9


def test_between_vocabularies_of_single_tokens_the_binary_divergence_never_exceeds_the_whole_one():
    student, teacher, targets = drawn()
    empty = np.zeros(0, np.int64)
    logs = teacher.log_softmax(1).gather(1, targets[:, None])[:, 0].numpy()
    block = Block(empty, empty, targets.numpy(), empty, empty, {CHUNKS: np.arange(PLACES), LOGS: logs})
    for kind in KINDS:
        _, (_, two, _) = chunked(student, block, Divergence(kind))
        _, (_, whole) = taught(student, targets, Told(teacher.log_softmax(1)), Divergence(kind))
        assert 0 <= two <= whole
