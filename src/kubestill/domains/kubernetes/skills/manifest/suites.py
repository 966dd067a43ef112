"""Suites of the wider roads: edits, sets and custom resources, from held-out words, phrase parts and definitions."""

from collections.abc import Iterable, Sequence

from kubestill.domains.api import HELD, HELD_OUT_REPOSITORIES, Document, Sample
from kubestill.domains.kubernetes.skills.drawn import Drawn
from kubestill.domains.kubernetes.skills.manifest.custom import DEFINITIONS, reverse_definition
from kubestill.domains.kubernetes.skills.manifest.edits import draw_edit
from kubestill.domains.kubernetes.skills.manifest.judging import judge
from kubestill.domains.kubernetes.skills.manifest.sets import draw_set
from kubestill.domains.kubernetes.skills.manifest.skill import NAME
from kubestill.ground.seeds import Seed, held_out

PER_DEFINITION = 12  # no kind may stand for all


def held_documents(documents: Iterable[Document], form: str, seed: Seed, name: str) -> list[Document]:
    """Return the documents of a form that no training has seen, in an order of the suite `name` that depends on their ids alone."""
    held = (one for one in documents if one.form == form and held_out("repository", one.unit, HELD_OUT_REPOSITORIES))
    return sorted(held, key=lambda document: seed.child(name, document.id).value)


class Custom:
    """Objects of the kinds of held-out definitions, which no training has seen."""

    name = "manifest-custom"
    skill = NAME
    needs_documents = True

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples, in an order that depends on the documents' ids alone."""
        ordered = held_documents(documents, DEFINITIONS, seed, self.name)
        found: dict[str, Sample] = {}
        for variant in range(PER_DEFINITION):
            for document in ordered:
                sample = reverse_definition(document, seed.rng(self.name, document.id, variant), HELD)
                if isinstance(sample, Sample) and judge(sample.answer, sample.intents).passed and len(found) < count:
                    found.setdefault(sample.request, sample)
        return list(found.values())


WIDE_SUITES = (Drawn("manifest-edits", NAME, draw_edit, judge), Drawn("manifest-sets", NAME, draw_set, judge), Custom())
