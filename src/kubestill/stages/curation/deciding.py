"""What stays, and how often: decided over the numbers of the first pass, by NumPy, without looking at a text again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kubestill.ground.seeds import Seed
from kubestill.stages.curation.reading import Read, chances, index_of
from kubestill.stages.curation.suites import SAME_ANSWER, SAME_WORDS, Suites

# What more voices than this say is common: EleutherAI's lm-evaluation-harness passes over 13-grams of more than ten documents.
COMMON_VOICES = 10
# Repeats are worth about as much as new data up to this many: Muennighoff et al. 2023, arXiv 2305.16264.
TOLD_TIMES = 4.0
WEIGHT, SAME, NEAR, SHARE = "weight", "same request", "near duplicate", "share of its skill"

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rules:
    """What is let through: the settings of the stage that this room needs."""

    near_cap: int
    weights: Mapping[str, float]  # by road
    shares: Mapping[str, float]  # by skill
    seed: Seed


@dataclass
class Decided:
    """For each sample the reason why it goes (index into `read.reasons`; 0: it stays), the suite concerned, and how often it stands."""

    reason: Numbers
    suite: Numbers
    times: Numbers

    @property
    def stays(self) -> Mask:
        """Which samples stay."""
        kept: Mask = self.reason == 0
        return kept


def decide(read: Read, suites: Suites, rules: Rules, say: Callable[[str], None]) -> Decided:
    """Apply the rules in their order: suites, weights below 1, equal requests, marks of suites, alike templates, shares of skills."""
    made = Decided(read.numbers("reason"), read.numbers("suite"), np.ones(len(read), dtype=np.int64))
    by_road = np.array([rules.weights.get(road, 1.0) for road in read.roads], dtype=np.float64)[read.numbers("road")]
    request, weights = read["request"], np.maximum(1.0, by_road)
    _drop(read, made, WEIGHT, made.stays & (chances(request, rules.seed.child("weight").value) >= by_road))
    _drop(read, made, SAME, made.stays & ~_first(request, made.stays))
    _marked(read, suites, made)
    if rules.near_cap:
        _drop(read, made, NEAR, made.stays & (_rank(read["template"], made.stays) >= rules.near_cap))
    often = weights * _factors(read, made, weights, rules.shares, say)
    made.times = np.floor(often + chances(request, rules.seed.child("repeat").value)).astype(np.int64)
    _drop(read, made, SHARE, made.stays & (made.times == 0))
    made.times[~made.stays] = 0
    return made


def _drop(read: Read, made: Decided, reason: str, which: Mask) -> None:
    if which.any():
        made.reason[which] = index_of(reason, read.reasons)


def _first(keys: npt.NDArray[np.uint64], among: Mask) -> Mask:
    """Say of each sample whether it is the first of those with its key."""
    places = np.flatnonzero(among)
    first = np.zeros(len(keys), dtype=bool)
    first[places[np.unique(keys[places], return_index=True)[1]]] = True
    return first


def _rank(keys: npt.NDArray[np.uint64], among: Mask) -> Numbers:
    """Return how many of those with its key came before each sample."""
    places = np.flatnonzero(among)
    order = places[np.argsort(keys[places], kind="stable")]
    ordered = keys[order]
    begins = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(order) else np.zeros(0, dtype=bool)
    steps = np.arange(len(order))
    rank = np.zeros(len(keys), dtype=np.int64)
    rank[order] = steps - np.maximum.accumulate(np.where(begins, steps, 0))
    return rank


def _marked(read: Read, suites: Suites, made: Decided) -> None:
    """Drop what bears a mark of a suite that few voices bear."""
    place, mark = np.array(read.marked, dtype=np.int64), np.array(read.marks, dtype=np.int64)
    alive = made.stays[place]
    place, mark = place[alive], mark[alive]
    if not len(place):
        return
    voices = np.unique(read["voice"][place], return_inverse=True)[1]
    holders = np.unique(np.stack((mark, voices)), axis=1)[0]
    telling = np.bincount(holders, minlength=len(suites.marks))[mark] <= COMMON_VOICES
    suite = np.array([suite for suite, _ in suites.marks], dtype=np.int64)
    for reason in (SAME_WORDS, SAME_ANSWER):
        about = telling & np.array([name == reason for _, name in suites.marks])[mark] & made.stays[place]
        made.suite[place[about]] = suite[mark[about]]
        which = np.zeros(len(read), dtype=bool)
        which[place[about]] = True
        _drop(read, made, reason, which)


def _factors(read: Read, made: Decided, weights: npt.NDArray[np.float64], shares: Mapping[str, float], say: Callable[[str], None]) -> Any:
    """Return for each sample by how much its skill must grow or shrink so that the mix, at its present size, has the shares wanted."""
    if not shares:
        return 1.0
    skill = read.numbers("skill")
    there = np.bincount(skill[made.stays], weights=weights[made.stays], minlength=len(read.skills))
    wanted = np.array([shares.get(name, 0.0) for name in read.skills])
    others = np.array([name not in shares for name in read.skills]) * there
    if others.sum():
        wanted += max(0.0, 1.0 - sum(shares.values())) * others / others.sum()
    wanted[there == 0] = 0.0
    for name in sorted(name for name, share in shares.items() if share and (name not in read.skills or not there[read.skills.index(name)])):
        say(f"no sample of the skill {name!r} is left: the others fill its share of {shares[name]:.0%}")
    grown = np.divide(wanted / max(wanted.sum(), 1e-12) * there.sum(), there, out=np.zeros_like(there), where=there > 0)
    for name, factor in zip(read.skills, grown, strict=True):
        if factor >= TOLD_TIMES:
            say(f"few samples of the skill {name!r}: each stands about {factor:.0f} times in the mix")
    return grown[skill]
