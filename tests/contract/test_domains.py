"""What every domain of the pipeline's table owes to the stages."""

import pickle

import pytest

from kubestill.domains.api import HELD, SUITE_SEED, TRAIN, Sample
from kubestill.ground.fingerprint import fingerprint
from kubestill.ground.seeds import Seed
from kubestill.pipeline.table import DOMAINS

DRAWS = 60
SHARED = ("kinds/",)  # the names of kinds of object are a closed vocabulary: "deployment" cannot be kept for evaluation


@pytest.fixture(scope="module", params=list(DOMAINS))
def domain(request):
    return DOMAINS.load(request.param)()


def drawn(domain, part, count=DRAWS):
    for name, skill in domain.skills().items():
        for number in range(count):
            sample = skill.draw(Seed(5).rng(name, number), part)
            if isinstance(sample, Sample):
                yield sample


@pytest.mark.parametrize("part", [TRAIN, HELD])
def test_every_drawn_sample_passes_its_own_judge(domain, part):
    samples = list(drawn(domain, part))
    assert len(samples) > DRAWS / 2
    for sample in samples:
        verdict = domain.judge(sample.answer, sample.intents, sample.skill)
        assert verdict.passed, (sample.request, sample.answer, verdict.findings)


def test_a_sample_reads_back_as_it_was_written_and_still_passes(domain):
    import json

    for sample in drawn(domain, TRAIN, 10):
        again = Sample.from_record(json.loads(json.dumps(sample.to_record())))
        assert again.intents == sample.intents
        assert domain.judge(again.answer, again.intents, again.skill).passed


def test_a_draw_depends_on_its_seed_alone(domain):
    assert list(drawn(domain, TRAIN, 10)) == list(drawn(domain, TRAIN, 10))


def test_prose_around_the_answer_fails_and_so_do_an_empty_answer_and_half_of_one(domain):
    for sample in drawn(domain, TRAIN, 20):
        for mutant in (
            f"Sure, here it is:\n{sample.answer}",
            sample.answer + "\nHope this helps!",
            "",
            sample.answer[: len(sample.answer) // 2],
        ):
            assert not domain.judge(mutant, sample.intents, sample.skill).passed, mutant


def test_the_answer_to_another_request_fails(domain):
    samples = {sample.answer: sample for sample in drawn(domain, TRAIN, 30)}
    several = list(samples.values())
    wrong = [
        domain.judge(other.answer, one.intents, one.skill).passed for one in several for other in several if one.intents != other.intents
    ]
    assert wrong and sum(wrong) / len(wrong) < 0.02  # a poor request may be met by a richer answer, but seldom


def test_held_out_forms_are_never_drawn_for_training(domain):
    train, held = (
        {form for sample in drawn(domain, part, 200) for form in sample.forms if not form.startswith(SHARED)} for part in (TRAIN, HELD)
    )
    assert train and held and not train & held


def test_suites_are_the_same_each_time_and_a_smaller_one_is_the_first_of_a_larger(domain):
    for suite in domain.suites().values():
        larger = suite.samples((), 20, SUITE_SEED)
        assert [sample.request for sample in larger] == [sample.request for sample in suite.samples((), 20, SUITE_SEED)]
        assert list(suite.samples((), 7, SUITE_SEED)) == list(larger[:7])
        assert len({sample.request for sample in larger}) == len(larger)


def test_every_question_of_a_suite_can_be_answered(domain):
    for suite in domain.suites().values():
        for sample in suite.samples((), 40, SUITE_SEED):
            assert domain.judge(sample.answer, sample.intents, sample.skill).passed, (suite.name, sample.request)


def test_a_domain_can_go_to_another_process_and_its_identity_into_a_key(domain):
    again = pickle.loads(pickle.dumps(domain))
    assert again.name == domain.name and fingerprint(again.identity()) == fingerprint(domain.identity())
