"""By what documents are split for evaluation: by repository, unless that would keep too much of a form away from training.

Who gives a folder of one's own gives one repository, and the tenth of all repositories that is held out may be just this one. Such a
form is split by file; by document where files do not help either. That is decided once, for the whole corpus, and written into the
documents as their `page`, so that synthesis, curation and suites agree. What names a page is split by that already.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubestill.domains.api import HELD_OUT_REPOSITORIES, Document
from kubestill.ground.seeds import held_out

LEVELS = ("repository", "file", "document")  # from the coarsest to the finest
MOST_HELD = 1 / 3  # of the documents of a form; a tenth of the units is held out, and a unit may be large


def unit(document: Document, level: int) -> str:
    """Return the unit of a document that names no page, at one of the LEVELS."""
    return (document.unit, document.source.get("path", document.id), document.id)[level]


@dataclass
class Splits:
    """How many documents each unit has, by form and level."""

    units: dict[str, list[Counter[str]]] = field(default_factory=dict)

    def count(self, document: Document) -> None:
        """Count a document that stays; one that names a page is left as it is."""
        if not document.source.get("page"):
            counters = self.units.setdefault(document.form, [Counter() for _ in LEVELS])
            for level, counter in enumerate(counters):
                counter[unit(document, level)] += 1

    def chosen(self) -> Mapping[str, int]:
        """Return the level of each form that is not split by repository."""
        found = {form: _level(counters) for form, counters in self.units.items()}
        return {form: level for form, level in found.items() if self.units[form][level] != self.units[form][0]}

    def held(self, form: str, level: int) -> tuple[int, int]:
        """Return how many documents of a form are held out at a level, and of how many."""
        counter = self.units[form][level]
        return _held(counter), counter.total()


def _level(counters: Sequence[Counter[str]]) -> int:
    """Return the coarsest level that holds out a third at most, or else the one that holds out least; one repository is no split."""
    shares = [_held(counter) / counter.total() for counter in counters]
    fit = [level for level, share in enumerate(shares) if share <= MOST_HELD and (level or len(counters[0]) > 1)]
    return fit[0] if fit else min(range(len(LEVELS)), key=lambda level: (shares[level], level))


def _held(counter: Counter[str]) -> int:
    return sum(count for name, count in counter.items() if held_out("repository", name, HELD_OUT_REPOSITORIES))
