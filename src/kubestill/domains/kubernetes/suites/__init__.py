"""The suites: fixed questions with checkable answers, never used in training or tuning."""

from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import islice, zip_longest
from typing import Any

import yaml

from kubestill.domains.api import HELD, MANIFESTS, Document, Drop, Sample, Suite
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.skills.diagnose import suites as diagnose
from kubestill.domains.kubernetes.skills.drawn import Drawn
from kubestill.domains.kubernetes.skills.general import suites as general
from kubestill.domains.kubernetes.skills.kubectl import suites as kubectl
from kubestill.domains.kubernetes.skills.manifest.skill import NAME, ManifestSkill
from kubestill.domains.kubernetes.skills.manifest.suites import WIDE_SUITES, held_documents
from kubestill.domains.kubernetes.skills.manifest.written import REQUESTS, every, said_of
from kubestill.domains.kubernetes.skills.runbook import suites as runbook
from kubestill.ground.seeds import Seed

PER_REPOSITORY = 24  # no repository may stand for the field


class Real:
    """Reverse instructions from repositories that no training has seen, with held-out phrase parts."""

    name = "manifest-real"
    skill = NAME
    needs_documents = True

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples, in an order that depends on the documents' ids alone."""
        skill = ManifestSkill()
        found: list[Sample] = []
        taken: dict[str, int] = {}
        for document in held_documents(documents, MANIFESTS, seed, self.name):
            if taken.get(document.unit, 0) >= PER_REPOSITORY:
                continue
            sample = skill.reverse(document, seed.rng(self.name, document.id), HELD)
            if isinstance(sample, Drop) or not full_pass(sample.answer, sample.intents).passed:
                continue  # a question that even its own answer fails is no question
            taken[document.unit] = taken.get(document.unit, 0) + 1
            found.append(sample)
            if len(found) == count:
                break
        return found


class Natural:
    """Requests as different people wrote them, before the phrasing existed and without having seen it."""

    name = "manifest-natural"
    skill = NAME
    needs_documents = False

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return the first `count` samples, whatever the documents and the seed."""
        del documents, seed
        text = resources.files(__package__).joinpath("natural.yaml").read_text(encoding="utf-8")
        return [_natural(entry) for entry in yaml.load(text, yaml.CSafeLoader)][:count]


class Written:
    """Requests as people write them, for objects that no training has seen."""

    name = "manifest-written"
    skill = NAME
    needs_documents = True

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples, in an order that depends on the documents' ids alone."""
        entries = [list(every(one, NAME)) for one in held_documents(documents, REQUESTS, seed, self.name)]
        # A request of each object before the second of any: what is asked for shall vary as much as how.
        turns = (sample for turn in zip_longest(*entries) for sample in turn if sample is not None)
        return list(islice((sample for sample in turns if full_pass(sample.answer, sample.intents).passed), count))


def _natural(entry: dict[str, Any]) -> Sample:
    reference = yaml.load(entry["reference"], yaml.CSafeLoader)
    intents = tuple(said_of(reference))
    source = {"path": "natural.yaml", "person": entry["person"]}
    return Sample(entry["id"], NAME, entry["request"].strip(), entry["reference"], intents, reference["kind"], "natural", (), source)


PROCEDURAL = Drawn("manifest-procedural", NAME, ManifestSkill().draw, full_pass)
_MANIFEST: tuple[Suite, ...] = (PROCEDURAL, Real(), Natural(), Written(), *WIDE_SUITES)
_OTHERS: tuple[Suite, ...] = (*kubectl.SUITES, diagnose.PROCEDURAL, *runbook.SUITES, general.PROCEDURAL)
SUITES: dict[str, Suite] = {suite.name: suite for suite in (*_MANIFEST, *_OTHERS)}
