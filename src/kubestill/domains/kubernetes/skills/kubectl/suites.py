"""The suites of commands: invented intentions in held-out words, and what held-out pages of the documentation show."""

from collections.abc import Iterable, Sequence

from kubestill.domains.api import HELD, HELD_OUT_REPOSITORIES, Document, Sample
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.skills.drawn import Drawn
from kubestill.domains.kubernetes.skills.kubectl.documented import FORMS
from kubestill.domains.kubernetes.skills.kubectl.skill import NAME, KubectlSkill
from kubestill.ground.seeds import Seed, held_out

PER_PAGE = 6  # no page may stand for the documentation


class Documented:
    """What pages of the documentation that no training has seen show."""

    name = "kubectl-documented"
    skill = NAME
    needs_documents = True

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples, in an order of the documents' ids alone; a page asks for one shape of command once."""
        skill, found, asked = KubectlSkill(), dict[str, Sample](), set[tuple[str, ...]]()
        chosen = [one for one in documents if one.form in FORMS and held_out("repository", one.unit, HELD_OUT_REPOSITORIES)]
        for document in sorted(chosen, key=lambda one: seed.child(self.name, one.id).value):
            for place in range(PER_PAGE):
                sample = skill.reverse(document, seed.rng(self.name, document.id, place), HELD)
                if not isinstance(sample, Sample) or len(found) == count:
                    break
                shape = (document.unit, *_shape(sample.answer))
                if shape not in asked and sample.request not in found and skill.judge(sample.answer, sample.intents).passed:
                    found[sample.request] = sample
                    asked.add(shape)
        return list(found.values())


def _shape(command: str) -> tuple[str, ...]:
    """Return a command without its values: its path, what it is about, its flags."""
    call = parse(command).call
    assert call is not None
    return (*call.path, *(word.text.partition("/")[0] for word in call.arguments[:1]), *sorted({use.flag.name for use in call.uses}))


PROCEDURAL = Drawn("kubectl-procedural", NAME, KubectlSkill().draw, KubectlSkill().judge)
SUITES = (PROCEDURAL, Documented())
