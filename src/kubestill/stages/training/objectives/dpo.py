"""Preferences: of two answers to one request the chosen one shall become the likelier.

Let w be the log-probability of the chosen answer, l that of the rejected one, |.| an answer's tokens, v and m what the reference gave the
two before tuning, and h = (w - v) - (l - m). Then the loss of a pair is

* dpo: -log sigmoid(beta h) (Rafailov et al. 2023, arXiv 2305.18290, equation 7);
* ipo: (h - 1/(2 beta))^2 (Azar et al. 2023, arXiv 2310.12036, equation 17; TRL has means over tokens here, the paper sums);
* simpo: -log sigmoid(beta w/|w| - beta l/|l| - margin) (Meng et al. 2024, arXiv 2405.14734, equation 6), which needs no reference;
* and beside each `sft` times the chosen answer's cross-entropy, -w/|w| (Pang et al. 2024, arXiv 2404.19733, equation 1).

The loss and the figures are means over pairs.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from kubestill.stages.training.likelihood import by_row, chosen
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.stages.training.pairs import REFERENCE, Pairs
from kubestill.stages.training.settings import DpoWhat
from kubestill.tools.modeling.encoding import ENCODED, Encoded


class Dpo:
    """Learns from pairs."""

    figures = ("margin", "accuracy", "chosen", "rejected", "cross_entropy")

    def __init__(self, seat: Seat) -> None:
        self.network, self.what = seat.network, seat.what.dpo
        folder = seat.folder / ENCODED
        reference = None if self.what.form == "simpo" else np.load(folder / REFERENCE)
        self.lessons = Pairs(Encoded.load(folder), seat.pad, reference)

    def loss(self, block: Block) -> tuple[Tensor, Sequence[float]]:
        """Return the summed loss of the block's pairs; figures: what the loss compares, whether it is right, both log-probabilities."""
        logits, count = self.network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where)), len(block.ids)
        rows = torch.from_numpy(block.rows).to(logits.device)
        logp = by_row(chosen(logits, torch.from_numpy(block.targets)), rows, count).view(-1, 2)
        lengths = torch.bincount(rows, minlength=count).view(-1, 2)
        reference = torch.from_numpy(block.extras["reference"]).to(logits.device).view(-1, 2) if block.extras else None
        loss, margin = preference(self.what, logp, lengths, reference)
        likely = logp.detach().sum(0)
        entropy = -(logp[:, 0] / lengths[:, 0]).sum()
        told = (margin.sum(), (margin > 0).sum(), likely[0], likely[1], entropy.detach())
        return loss.sum() + self.what.sft * entropy, [float(one) for one in told]


def preference(what: DpoWhat, logp: Tensor, lengths: Tensor, reference: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the loss of each pair and its margin, without a graph, from log-probabilities [pairs,2] of chosen and rejected answers."""
    if reference is None:
        means = logp / lengths
        margin = what.beta * (means[:, 0] - means[:, 1])
        return -logsigmoid(margin - what.margin), margin.detach()
    gain = logp - reference
    better = gain[:, 0] - gain[:, 1]
    loss = (better - 1 / (2 * what.beta)).square() if what.form == "ipo" else -logsigmoid(what.beta * better)
    return loss, what.beta * better.detach()
