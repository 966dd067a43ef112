"""How far a student's next-word distribution lies from a teacher's, with the gradient written out.

A teacher's distribution is known whole, or by its K likeliest words and the mass of the rest, for which there are three treatments: one
more word ("one bucket"), forgotten ("renormalised": both are made to sum to one over the K), or spread evenly over the other words
("uniform"). Either way two distributions q (teacher) and p (student) over the same cells are compared:

    forward    KL(q‖p) = Σ q (log q - log p)                    what Hinton et al. 2015 (arXiv 1503.02531) and DDK (2407.16154) use
    reverse    KL(p‖q)                                          Gu et al. 2023 (arXiv 2306.08543)
    jensen     β KL(q‖m) + (1-β) KL(p‖m), m = βq + (1-β)p       generalised Jensen-Shannon, Agarwal et al. 2024 (arXiv 2306.13649)

The gradient with respect to log p of a cell is -q, p (log p - log q + 1) and (1-β) p (log p - log m).

M labelled places of a block, V vocabulary, K kept words, C cells: V, K or K+1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["forward", "reverse", "jensen"]
Rest = Literal["one bucket", "renormalised", "uniform"]
LEAST = -1e4  # in place of the log of nothing: times no mass it is nought and not NaN


@dataclass(frozen=True)
class Divergence:
    """Which one, and the `weights` of cross-entropy and divergence. `beta` is the teacher's part of m; `temperature` softens both."""

    kind: Kind = "forward"
    beta: float = 0.5
    temperature: float = 1.0
    rest: Rest = "one bucket"
    weights: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Told:
    """What the teacher says of M places: `logs` [M,V] of all words; or `logs` [M,K] of the words `ids` [M,K], and `rest` [M]."""

    logs: Tensor
    ids: Tensor | None = None
    rest: Tensor | None = None


def cells(told: Told, how: Divergence, vocabulary: int) -> tuple[Tensor, Tensor | None]:
    """Return log q [M,C] and the words [M,K] that the first cells are; None: the cells are the vocabulary.

    At another temperature the rest's mass is known only if it is forgotten or spread evenly.
    """
    logs = told.logs.clamp_min(LEAST) / how.temperature
    if told.ids is None or told.rest is None:
        return logs.log_softmax(1), None
    if how.rest == "renormalised":
        return logs.log_softmax(1), told.ids
    rest = told.rest.clamp_min(LEAST)
    if how.rest == "one bucket":
        assert how.temperature == 1
        return torch.cat([logs, rest[:, None]], 1).log_softmax(1), told.ids
    others = max(1, vocabulary - told.ids.shape[1])
    even = ((rest - log(others)) / how.temperature)[:, None]
    return even.expand(-1, vocabulary).scatter(1, told.ids, logs).log_softmax(1), None


def compared(log_q: Tensor, log_p: Tensor, how: Divergence) -> tuple[Tensor, Tensor]:
    """Return the divergence of each of M places, and its gradient [M,C] with respect to log p."""
    p = log_p.exp()
    if how.kind == "forward":
        q = log_q.exp()
        return (q * (log_q - log_p)).sum(1), q.neg_()
    if how.kind == "reverse":
        ratio = log_p - log_q
        return (p * ratio).sum(1), p * (ratio + 1)
    q, beta = log_q.exp(), how.beta
    log_m = (beta * q + (1 - beta) * p).log_().clamp_min_(2 * LEAST)
    from_student = p * (log_p - log_m)
    return (beta * q * (log_q - log_m) + (1 - beta) * from_student).sum(1), from_student.mul_(1 - beta)


def _student(logits: Tensor, ids: Tensor | None, bucket: bool) -> tuple[Tensor, Tensor]:
    """Return log p of the cells [M,C] and softmax of the logits [M,V]."""
    logp = logits.log_softmax(1)
    if ids is None:
        return logp, logp.exp()
    found = logp.gather(1, ids)
    if not bucket:
        return found.log_softmax(1), logp.exp_()
    rest = logp.scatter(1, ids, float("-inf")).logsumexp(1, keepdim=True).clamp_min(LEAST)
    return torch.cat([found, rest], 1), logp.exp_()


def _to_logits(grad: Tensor, log_p: Tensor, p: Tensor, ids: Tensor | None) -> Tensor:
    """Carry a gradient with respect to log p of the cells [M,C] on to the logits [M,V].

    Over the vocabulary and with a bucket, each cell's log is its own minus the logsumexp of all: hence minus p times the whole sum. The
    bucket's own part goes to the words in it by their share. Without a bucket the sum is over the K words alone.
    """
    whole = grad.sum(1, keepdim=True)
    if ids is None:
        return grad - p * whole
    kept = ids.shape[1]
    if grad.shape[1] == kept:
        return torch.zeros_like(p).scatter_(1, ids, grad - log_p.exp() * whole)
    share = (grad[:, kept:] * (-log_p[:, kept:]).exp()).where(log_p[:, kept:] > LEAST, 0.0)
    return (p * (share - whole)).scatter(1, ids, grad[:, :kept] - p.gather(1, ids) * whole)


class _Taught(torch.autograd.Function):
    """Cross-entropy and divergence of the same logits, weighted: one gradient [M,V] is kept instead of a dozen of its size."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, told: Told, how: Divergence) -> tuple[Tensor, ...]:
        weights = how.weights
        high = logits.to(torch.promote_types(logits.dtype, torch.float32))
        log_q, ids = cells(told, how, logits.shape[1])
        log_p, p = _student(high / how.temperature, ids, how.rest == "one bucket")
        found, grad = compared(log_q, log_p, how)
        grad = _to_logits(grad, log_p, p, ids).mul_(weights[1] / how.temperature)
        logp = high.log_softmax(1)
        chosen = logp.gather(1, targets[:, None])
        if weights[0]:
            own = logp.exp_()
            # p - 1 for the right token, exactly: a confident one would be rounded to nothing.
            grad.add_(own.scatter_(1, targets[:, None], chosen.expm1()), alpha=weights[0])
        ctx.save_for_backward(grad)
        ctx.dtype = logits.dtype
        ce, kl = -chosen.sum(), found.sum()
        ctx.mark_non_differentiable(ce, kl)
        return weights[0] * ce + weights[1] * kl, ce, kl

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = ctx.saved_tensors
        return grad.mul_(grads[0]).to(ctx.dtype), None, None, None


def taught(logits: Tensor, targets: Tensor, told: Told, how: Divergence) -> tuple[Tensor, Sequence[float]]:
    """Return the weighted sum over M places of cross-entropy and divergence, with its graph, and both sums by themselves, in nats.

    `logits` [M,V] are the student's, `targets` [M] the tokens that follow.
    """
    loss, ce, kl = _Taught.apply(logits, targets, told, how)  # type: ignore[no-untyped-call]
    return loss, (float(ce), float(kl))
