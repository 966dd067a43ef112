"""The suite of short questions: held-out parts, words and values."""

from collections.abc import Iterable, Sequence

from kubestill.domains.api import HELD, Document, Sample
from kubestill.domains.kubernetes.skills.general.skill import NAME, GeneralSkill
from kubestill.ground.seeds import Seed

TRIES = 20  # a suite gives up on finding a new question after so many repeats for each


class GeneralProcedural:
    """Invented questions with held-out phrase parts; those of open topics ask for held-out values, too."""

    name = "general-procedural"
    skill = NAME
    needs_documents = False

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples with different requests; documents are not asked for."""
        del documents
        skill, found = GeneralSkill(), dict[str, Sample]()
        for place in range(count * TRIES):
            sample = skill.draw(seed.rng(self.name, place), HELD)
            if isinstance(sample, Sample) and skill.judge(sample.answer, sample.intents).passed:
                found.setdefault(sample.request.lower(), sample)
            if len(found) == count:
                break
        return list(found.values())
