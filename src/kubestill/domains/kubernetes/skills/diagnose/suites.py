"""The suite of diagnoses: cases of every cause in words, views and questions that no training has seen."""

from collections.abc import Iterable, Sequence

from kubestill.domains.api import HELD, Document, Sample
from kubestill.domains.kubernetes.skills.diagnose.skill import NAME, DiagnoseSkill
from kubestill.ground.seeds import Seed


class Procedural:
    """Invented cases from held-out words, views and phrase parts."""

    name = "diagnose-procedural"
    skill = NAME
    needs_documents = False

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return `count` samples, no two with equal requests; documents are not asked for."""
        del documents
        skill, place = DiagnoseSkill(), 0
        found: dict[str, Sample] = {}
        while len(found) < count:
            sample = skill.draw(seed.rng(self.name, place), HELD)
            place += 1
            if isinstance(sample, Sample) and skill.judge(sample.answer, sample.intents).passed:
                found.setdefault(sample.request, sample)
        return list(found.values())
