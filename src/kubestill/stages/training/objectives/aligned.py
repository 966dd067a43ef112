"""Distillation between vocabularies: what both write in the same bytes, cut at the same places.

A teacher's and a student's tokens of one answer are laid side by side by the bytes that they write. Between two cuts that both make stands
a chunk, of some tokens on either side. Its log-probability is the sum of its tokens' (the chain rule), for the teacher as captured, for the
student with a graph. The two are compared as what happens and what does not: a divergence over two cells, the binarised one of
approximate likelihood matching (Minixhofer et al. 2025, arXiv 2503.20083, section 3). Chunks where nothing but the student's end token
stands against the teacher's end are chunks, too. Wasserstein distances of sorted probabilities (Boizard et al. 2024, arXiv 2402.12030)
need no alignment, but compare words that have nothing to do with each other but their rank.

With respect to a chunk's log-probability a the gradient is g₀ - g₁ exp(a)/(1 - exp(a)), where g is that of the cells; so the whole gradient
is that of a cross-entropy with a weight of its own for each label.

M labelled places of a block, C chunks of it, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.stages.training.batches import Answers
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.stages.training.objectives.divergence import Divergence, compared
from kubestill.stages.training.objectives.teaching import signals_folder
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.texts import read_texts
from kubestill.tools.signals import Records, Signals, text_hash

LONGEST = 8  # tokens of a chunk on either side: the likelihood of a longer one says little of any of its tokens
LOOKED = 2_000  # lessons, spread over all, on which the aligned share is measured before training
CHUNKS, LOGS = "chunks", "chunk_logs"  # of a block's extras: the chunk of each label [M], -1 for none; the teacher's word on each [C]
CERTAIN = -1e-9  # a log-probability nearer to nought counts as this: its contrary must have a log


def chunks(teacher: NDArray[np.int64], student: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each token of both, the number of the chunk that it lies in, -1 where its chunk is longer than LONGEST.

    `teacher` and `student` are the bytes that each token writes; together they write the same. An end token writes nothing, and an end
    against an end is a chunk.
    """
    ends = [len(widths) > 0 and int(widths[-1]) == 0 for widths in (teacher, student)]
    cuts = [np.cumsum(widths[: len(widths) - end]) for widths, end in zip((teacher, student), ends, strict=True)]
    common = np.intersect1d(cuts[0], cuts[1])
    found = [np.searchsorted(common, cut) for cut in cuts]
    for place, end in enumerate(ends):
        if end:
            found[place] = np.append(found[place], len(common) if all(ends) else -1)
    sizes = np.stack([np.bincount(side[side >= 0], minlength=len(common) + 1) for side in found])
    kept = (sizes > 0).all(0) & (sizes <= LONGEST).all(0)
    fresh = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)  # the last for -1
    return fresh[found[0]], fresh[found[1]]


@dataclass(frozen=True)
class Aligned(Answers):
    """Lessons with the teacher's log-probabilities of the chunks that both sides cut alike."""

    signals: Signals
    pieces: tuple[bytes, ...]  # what each of the student's tokens writes
    places: dict[int, int]  # line of the mix -> lesson of the signals

    def chunks(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the chunk of each label of a lesson, -1 for none, and the teacher's log-probability of each chunk."""
        ids = self.encoded.sample(number)[int(self.encoded.starts[number]) :]
        pieces = [self.pieces[token] for token in ids]
        place = self.places.get(int(self.encoded.lines[number]))
        if place is None or int(self.signals.lessons["text"][place]) != text_hash(pieces):
            return np.full(len(ids), -1), np.zeros(0)
        records: Records = self.signals.of(place)
        theirs, ours = chunks(records["width"].astype(np.int64), np.array([len(piece) for piece in pieces]))
        within = theirs >= 0
        logs = np.zeros(int(ours.max()) + 1)
        np.add.at(logs, theirs[within], records["chosen"][within].astype(np.float64))
        return ours, logs

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:
        """Return the lessons as one block, with the chunks of their labels."""
        members, logs, count = [], [], 0
        for number in numbers:
            found, told = self.chunks(int(number))
            members.append(np.where(found >= 0, found + count, -1))
            logs.append(told)
            count += len(told)
        return replace(super().block(numbers, place), extras={CHUNKS: np.concatenate(members), LOGS: np.concatenate(logs)})

    def share(self) -> float:
        """Return the share of labels that lie in chunks, measured on LOOKED lessons."""
        numbers = np.unique(np.linspace(0, len(self.lengths) - 1, LOOKED).astype(np.int64))
        found = np.concatenate([self.chunks(int(number))[0] for number in numbers])
        return float((found >= 0).mean())


def align(seat: Seat, least: float) -> Aligned:
    """Lay captured signals and the student's lessons side by side.

    Raises:
        UserError: less than the share `least` of the labels can be aligned.
    """
    signals, encoded = Signals(signals_folder(seat)), Encoded.load(seat.folder / ENCODED)
    places = {int(line): place for place, line in enumerate(signals.lessons["line"])}
    found = Aligned(encoded, seat.pad, signals, _pieces(seat.folder), places)
    if (share := found.share()) < least:
        told = f"{share:.1%} of the student's labels can be aligned with the teacher's tokens"
        why = "teacher and student must write answers alike: the same copying and notes (tools/chat)"
        raise UserError(str(signals.folder), f"{told}, training.distill.aligned asks for {least:.0%}", why)
    return found


def _pieces(folder: Path) -> tuple[bytes, ...]:
    texts = read_texts(folder)
    tokens = list(Pieces.of_tokenizer(texts.tokenizer, texts.end).tokens)
    tokens[texts.end] = b""
    return tuple(tokens)


class _Chunked(torch.autograd.Function):
    """Cross-entropy of all labels and the divergence of chunks, as one weighted cross-entropy."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, laid: tuple[Tensor, Tensor], how: Divergence) -> tuple[Tensor, ...]:
        (members_M, theirs_C), weights = laid, how.weights
        logp = logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        chosen = logp.gather(1, targets[:, None])
        within = members_M >= 0
        ours_C = torch.zeros_like(theirs_C).index_add_(0, members_M[within], chosen[within, 0].to(theirs_C.dtype))
        log_q, log_p = (_whether(logs / how.temperature) for logs in (theirs_C, ours_C))
        found_C, grad = compared(log_q, log_p, how)
        grad_C = (grad[:, 0] - grad[:, 1] * (log_p[:, 0] - log_p[:, 1]).exp()) * (weights[1] / how.temperature)
        weight_M = torch.full_like(chosen[:, 0], weights[0])
        weight_M[within] -= grad_C[members_M[within]].to(weight_M.dtype)
        grad_MV = logp.exp_().scatter_(1, targets[:, None], chosen.expm1()).mul_(weight_M[:, None])
        ctx.save_for_backward(grad_MV)
        ctx.dtype = logits.dtype
        ce, kl = -chosen.sum(), found_C.sum()
        ctx.mark_non_differentiable(ce, kl)
        return weights[0] * ce + weights[1] * kl.to(ce.dtype), ce, kl

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad_MV,) = ctx.saved_tensors
        return grad_MV.mul_(grads[0]).to(ctx.dtype), None, None, None


def _whether(logs: Tensor) -> Tensor:
    """Return the logs [C,2] of what happens and what does not, from the log-probability [C] that it does."""
    logs = logs.clamp_max(CERTAIN)
    return torch.stack([logs, (-logs.expm1()).log()], 1)


def chunked(logits: Tensor, block: Block, how: Divergence) -> tuple[Tensor, Sequence[float]]:
    """Return the weighted sum of a block's cross-entropies and its chunks' divergences, with its graph, and both sums, in nats.

    A third sum counts the labels that lie in chunks.
    """
    members = torch.from_numpy(block.extras[CHUNKS])
    laid = members, torch.from_numpy(block.extras[LOGS])
    loss, ce, kl = _Chunked.apply(logits, torch.from_numpy(block.targets), laid, how)  # type: ignore[no-untyped-call]
    return loss, (float(ce), float(kl), float((members >= 0).sum()))
