"""Rewards: of a group of samples of one request, those above the group's mean shall become likelier (Shao et al. 2024, arXiv 2402.03300).

Samples are drawn at each step from the weights as they are, so the ratio of new to old probabilities is one, and clipping never acts. With
the advantage A = (r - mean) / std over the group, and q the reference's probability of a token over the student's, the loss of the token is
-A p/p_drawn + kl (q - log q - 1) (equations 3 and 4; the second term is Schulman's estimator k3 of the divergence). What it is a mean over:

* grpo: tokens within a sample, then samples (equation 3);
* dapo: the tokens of all samples alike (Yu et al. 2025, arXiv 2503.14476, equation 8), over the whole step;
* dr-grpo: samples of the greatest length, whatever theirs is, and no division by std (Liu et al. 2025, arXiv 2503.20783).

G groups, k samples of each, B rows, M labelled places.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kubestill.domains.api import Sample
from kubestill.ground.records import read_records
from kubestill.stages.training.asking import ASKED, START
from kubestill.stages.training.batches import padded
from kubestill.stages.training.foreign import engine_over
from kubestill.stages.training.likelihood import chosen
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.stages.training.parallel import TYPES
from kubestill.stages.training.rewards import TERMS, applying, reward, terms
from kubestill.stages.training.rollouts import Draw, Drawn, draw, limit_of
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.network import Network

FLAT = 1e-6  # rewards of a group that differ by less are equal
SMALL = 1e-4  # added to the deviation that is divided by


def advantages(rewards: NDArray[np.float64], divided: bool) -> NDArray[np.float64]:
    """Return how far each reward [G,k] lies above its group's mean, in deviations of the group where they are `divided`."""
    above: NDArray[np.float64] = rewards - rewards.mean(1, keepdims=True)
    above[np.ptp(rewards, axis=1) < FLAT] = 0.0
    if divided:
        above /= rewards.std(1, keepdims=True) + SMALL
    return above


class Groups:
    """Lessons of requests: the group of samples that the weights of the moment draw. Lengths are those of right answers."""

    def __init__(self, seat: Seat) -> None:
        self.seat, self.what = seat, seat.what
        self.encoded = Encoded.load(seat.folder / ENCODED)
        self.asked = [Sample.from_record(record) for record in read_records(seat.folder / ENCODED / ASKED)]
        self.lengths, self.labels = self.encoded.lengths * self.what.samples, self.encoded.labels * self.what.samples
        self._applying: dict[int, tuple[str, ...]] = {}

    def digest(self) -> str:
        """Return the hash of requests and right answers."""
        return self.encoded.digest()

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:
        """Draw, judge and lay out the groups of requests; `figures` [of Grpo] beside them are sums over the samples."""
        drawn = self._drawn(numbers, place)
        found = np.array([self._terms(number, group) for number, group in zip(numbers, drawn, strict=True)])  # [G,k,terms]
        rewards = np.array([self._rewards(int(number), group) for number, group in zip(numbers, found, strict=True)])
        above = advantages(rewards, self.what.grpo.form != "dr-grpo")
        lengths = np.array([[len(one.ids) - one.start for one in group] for group in drawn])
        flat = ~above.any(1)
        sums = [rewards.sum(), *found.sum((0, 1)), flat.sum() * self.what.samples, lengths.sum()]
        return self._laid(numbers, drawn, above, np.array(sums))

    def _drawn(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> list[list[Drawn]]:
        seat, samples = self.seat, self.what.samples
        seeds = [seat.seed.child("group", *place, int(number)) for number in numbers]
        wanted = [
            Draw(self.asked[number].request, seed.child(one).value, self._limit(int(number)))
            for number, seed in zip(numbers, seeds, strict=True)
            for one in range(samples)
        ]
        found = draw(engine_over(seat.body, seat.arena, seat.folder), wanted, self.what.temperature)
        return [found[start : start + samples] for start in range(0, len(found), samples)]

    def _limit(self, number: int) -> int:
        return limit_of(int(self.encoded.starts[number]), int(self.encoded.labels[number]), self.what.max_tokens)

    def _terms(self, number: int, group: Sequence[Drawn]) -> list[list[float]]:
        """Return the terms of each sample's reward; equal samples are judged once."""
        sample, right = self.asked[number], self.encoded.sample(number)[self.encoded.starts[number] :].tolist()
        known: dict[Drawn, list[float]] = {}
        for one in group:
            if one not in known:
                verdict = self.seat.domain.judge(one.answer, sample.intents, sample.skill)
                known[one] = list(terms(one, verdict, sample, right, self._limit(number)).values())
        return [known[one] for one in group]

    def _rewards(self, number: int, group: NDArray[np.float64]) -> list[float]:
        """Return the reward of each sample of a group by its terms."""
        if number not in self._applying:
            sample = self.asked[number]
            self._applying[number] = applying(self.seat.domain.judge(sample.answer, sample.intents, sample.skill))
        names = self._applying[number]
        return [reward(dict(zip(TERMS, row, strict=True)), self.what.grpo.rewards, names) for row in group]

    def _laid(
        self, numbers: NDArray[np.int64], drawn: Sequence[Sequence[Drawn]], above: NDArray[np.float64], sums: NDArray[np.float64]
    ) -> Block:
        """Return the samples as a block. Groups that teach nothing stay out of the rectangle, never out of what the loss is a mean over."""
        what = self.what.grpo
        teach = above.any(1) | (what.kl > 0)
        teach[0] |= not teach.any()  # a block of nothing has no gradient
        rows = [one for group, kept in zip(drawn, teach, strict=True) if kept for one in group]
        found = padded(
            [np.array(one.ids) for one in rows], [one.start for one in rows], np.repeat(numbers[teach], self.what.samples), self.seat.pad
        )
        labels = np.bincount(found.rows)
        scale = 1 / labels if what.form == "grpo" else np.ones(len(rows))
        extras = {"above": above[teach].ravel().astype(np.float32), "scale": scale.astype(np.float32), "figures": sums}
        samples, tokens = above.size, int(sums[-1])
        parts = {"grpo": samples, "dapo": tokens, "dr-grpo": samples * self.what.max_tokens}[what.form]
        return Block(found.ids, found.where, found.targets, found.rows, found.numbers, extras, parts, samples)


class Grpo:
    """Learns from rewards; figures are means over samples, `kl` nats an answer, `flat` the share of samples in groups of equal rewards."""

    figures = ("reward", *TERMS, "flat", "answer_tokens", "kl")

    def __init__(self, seat: Seat) -> None:
        self.network, self.what = seat.network, seat.what
        self.lessons = Groups(seat)
        self.reference = _reference(seat) if self.what.grpo.kl else None

    def loss(self, block: Block) -> tuple[Tensor, Sequence[float]]:
        """Return the summed loss of the block's samples."""
        logp = self._logp(self.network, block)
        scale, above = (torch.from_numpy(block.extras[name][block.rows]).to(logp.device) for name in ("scale", "above"))
        loss = -above * (logp - logp.detach()).exp()
        divergence = 0.0
        if self.reference is not None:
            with torch.no_grad():
                gap = self._logp(self.reference, block)
            gap = gap - logp
            k3 = gap.exp() - gap - 1
            loss = loss + self.what.grpo.kl * k3
            divergence = float(k3.detach().sum())
        return (scale * loss).sum(), [*block.extras["figures"].tolist(), divergence]

    def _logp(self, network: Network, block: Block) -> Tensor:
        """Return the log-probability [M] of each sampled token, at the temperature that it was drawn at."""
        logits = network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
        return chosen(logits if self.what.temperature == 1 else logits / self.what.temperature, torch.from_numpy(block.targets))


def _reference(seat: Seat) -> Network:
    """Return the network that tuning started from; processes on a CPU share its weights."""
    flat = torch.from_numpy(np.load(seat.folder / ENCODED / START, mmap_mode="c")).to(seat.masters.device)
    dtype = TYPES[seat.what.precision]
    return seat.body.build(flat, flat if dtype == torch.float32 else flat.to(dtype))
