"""The dev slice: some of each skill, and no unit in it that training sees, wherever the units allow it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kubestill.ground.seeds import Seed
from kubestill.stages.curation.deciding import Decided, Mask
from kubestill.stages.curation.reading import Read, mixed

ENOUGH = 20  # samples of each skill in dev, where a tenth of its samples are as many
# From the coarsest split to the finest, each with the share of a skill's place in dev that one of its units may fill.
LEVELS = (("unit", 0.25), ("part", 0.25), ("part", 1.0), ("row", 1.0))


def split(read: Read, decided: Decided, dev_samples: int, seed: Seed) -> tuple[Mask, dict[str, int]]:
    """Return which samples make up dev, and how many of them were set apart by each kind of unit.

    Samples are looked at in a random order; each takes its whole unit along to dev where that fits what its skill may still have there.
    Where no unit fits any more (half of the requests ask for one command), the next finer split is used, and the report tells it.
    """
    dev = np.zeros(len(read), dtype=bool)
    skill = read.numbers("skill")
    weight = np.bincount(skill, weights=decided.times, minlength=len(read.skills)).tolist()
    count = np.bincount(skill[decided.stays], minlength=len(read.skills)).tolist()
    wanted, by_level = quotas(weight, count, dev_samples), dict.fromkeys((level for level, _ in LEVELS), 0)
    left = list(wanted)
    for level, share in LEVELS:
        at_most = [max(1, int(places * share)) for places in wanted]
        taken = _take(_Units(read, level, decided.stays & ~dev, seed), at_most, left)
        dev |= taken
        by_level[level] += int(taken.sum())
    return dev, by_level


class _Units:
    """The samples that are still free, by their units of one level."""

    def __init__(self, read: Read, level: str, free: Mask, seed: Seed) -> None:
        self.places = np.flatnonzero(free)
        self.skill = read.numbers("skill")[self.places]
        self.unit = np.unique(read[level][self.places], return_inverse=True)[1]
        self.by_unit = np.argsort(self.unit, kind="stable")
        self.ends = np.cumsum(np.bincount(self.unit))
        requests = read["request"][self.places]
        self.order = np.argsort(mixed(requests, seed.child("dev", level).value), kind="stable").tolist()
        self.dev = np.zeros(len(free), dtype=bool)

    def members(self, unit: int) -> npt.NDArray[np.int64]:
        """Return the samples of a unit, as places among the free ones."""
        members: npt.NDArray[np.int64] = self.by_unit[self.ends[unit - 1] if unit else 0 : self.ends[unit]]
        return members


def _take(units: _Units, at_most: Sequence[int], left: list[int]) -> Mask:
    """Take whole units to dev until nothing is left to fill or none fits; `left` is lowered."""
    seen: set[int] = set()
    unit, skill = units.unit.tolist(), units.skill.tolist()
    for place in units.order:
        if not any(left):
            break
        if not left[skill[place]] or unit[place] in seen:
            continue
        seen.add(unit[place])
        members = units.members(unit[place])
        needed = np.bincount(units.skill[members], minlength=len(left)).tolist()
        if all(number <= min(free, most) for number, free, most in zip(needed, left, at_most, strict=True)):
            units.dev[units.places[members]] = True
            left[:] = [free - number for free, number in zip(left, needed, strict=True)]
    return units.dev


def quotas(weight: Sequence[float], count: Sequence[int], total: int) -> list[int]:
    """Return how many dev samples each skill gets, of `total`: in proportion to its weight in the mix, but `ENOUGH` where it can.

    No skill gives more than a tenth of its samples.
    """
    most = [number // 10 for number in count]
    given = [min(ENOUGH, some, total // max(1, len(count))) for some in most]
    while sum(given) < total:
        free = [place for place in range(len(count)) if given[place] < most[place]]
        if not free:
            break
        given[max(free, key=lambda place: (total * weight[place] / sum(weight) - given[place], -place))] += 1
    return given
