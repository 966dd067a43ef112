"""Suites ask what can be answered, the same each time, from what no training has seen."""

from kubestill.domains.api import HELD_OUT_REPOSITORIES, SUITE_SEED, Document
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.suites import PER_REPOSITORY
from kubestill.ground.seeds import held_out


def test_natural_references_pass_their_own_judge():
    samples = domain().suites()["manifest-natural"].samples((), 1000, SUITE_SEED)
    assert len(samples) >= 60 and len({sample.id for sample in samples}) == len(samples)
    failed = [sample.id for sample in samples if not domain().judge(sample.answer, sample.intents).passed]
    assert failed == []
    assert all(sample.request and len(sample.intents) >= 2 for sample in samples)


def test_real_questions_come_from_repositories_kept_for_evaluation(real_records):
    documents = [Document(record["sha256_16"], record["text"], record["kind"], {"repository": record["repo"]}) for record in real_records]
    suite = domain().suites()["manifest-real"]
    samples = suite.samples(documents, 50, SUITE_SEED)
    assert samples and list(samples) == list(suite.samples(reversed(documents), 50, SUITE_SEED))
    units = [sample.source["repository"] for sample in samples]
    assert all(held_out("repository", unit, HELD_OUT_REPOSITORIES) for unit in units)
    assert max(units.count(unit) for unit in units) <= PER_REPOSITORY
    assert len({sample.id for sample in samples}) == len(samples)
    assert all(domain().judge(sample.answer, sample.intents).passed for sample in samples)
