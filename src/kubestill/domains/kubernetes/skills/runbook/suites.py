"""The suites of the skill: invented alerts in held-out words, and real runbooks and rules that no training has seen."""

from collections.abc import Iterable, Iterator, Sequence

from kubestill.domains.api import HELD, HELD_OUT_REPOSITORIES, Document, Sample
from kubestill.domains.kubernetes.skills.drawn import Drawn
from kubestill.domains.kubernetes.skills.runbook.skill import NAME, RunbookSkill
from kubestill.ground.seeds import Seed, held_out

PER_DOCUMENT = 4  # questions about one runbook or rule


class Real:
    """Real alerts: of runbooks and rules from pages that no training has seen, asked about with held-out phrase parts."""

    name = "runbook-real"
    skill = NAME
    needs_documents = True

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples, in an order that depends on the documents' ids alone."""
        kept = [one for one in documents if one.form in RunbookSkill.reads and held_out("repository", one.unit, HELD_OUT_REPOSITORIES)]
        kept.sort(key=lambda document: seed.child(self.name, document.id).value)
        return _first(self._asked(kept, seed), count)

    def _asked(self, documents: Sequence[Document], seed: Seed) -> Iterator[Sample]:
        skill = RunbookSkill()
        for turn in range(PER_DOCUMENT):
            for document in documents:
                sample = skill.reverse(document, seed.rng(self.name, document.id, turn), HELD)
                if isinstance(sample, Sample):
                    yield sample


def _first(samples: Iterable[Sample], count: int) -> list[Sample]:
    """Return the first samples that pass their own judge and ask what none before has asked."""
    skill, seen = RunbookSkill(), set[str]()
    found: list[Sample] = []
    for sample in samples:
        if len(found) == count:
            break
        if sample.request not in seen and skill.judge(sample.answer, sample.intents).passed:
            seen.add(sample.request)
            found.append(sample)
    return found


PROCEDURAL = Drawn("runbook-procedural", NAME, RunbookSkill().draw, RunbookSkill().judge)
SUITES = (PROCEDURAL, Real())
