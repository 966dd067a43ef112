"""The skill as it is taught: all roads are drawn, the plain one is as it was, and suites ask what no training says."""

import pickle
import re

import pytest

from kubestill.domains.api import HELD, SUITE_SEED, TRAIN, Document, Sample
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.skills.manifest.choosing import ESSENTIAL, whole
from kubestill.domains.kubernetes.skills.manifest.edits import EDITED
from kubestill.domains.kubernetes.skills.manifest.manners import compose_otherwise, fewer
from kubestill.domains.kubernetes.skills.manifest.parts import parts, unpunctuated
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill, asked, drawn
from kubestill.domains.kubernetes.skills.manifest.suites import WIDE_SUITES
from kubestill.domains.kubernetes.skills.manifest.wide import EDITS, HARD, HARD_KINDS, LONG, LONG_KINDS, MANNERS, SETS, WideManifestSkill
from kubestill.ground.seeds import Seed

DRAWS = 300
NAMES = frozenset("name namespace container.image mount.pvc mount.secret mount.configMap pod.serviceAccountName".split())


@pytest.fixture(scope="module")
def wide():
    skill = WideManifestSkill()
    found = {part: [skill.draw(Seed(31).rng(part, number), part) for number in range(DRAWS)] for part in (TRAIN, HELD)}
    return {part: [sample for sample in samples if isinstance(sample, Sample)] for part, samples in found.items()}


@pytest.fixture(scope="module")
def mannered():
    found = {}
    for part in (TRAIN, HELD):
        rngs = [Seed(37).rng(part, number) for number in range(DRAWS)]
        found[part] = [asked(drawn(rng, part), rng, part, say=compose_otherwise) for rng in rngs]
    return {part: [sample for sample in samples if isinstance(sample, Sample)] for part, samples in found.items()}


def road(sample):
    aspects = [intent.aspect for intent in sample.intents]
    if aspects.count("kind") > 1:
        return "set"
    return "edit" if EDITED in aspects else "other" if any("manifest.manners" in form for form in sample.forms) else "plain"


def test_all_roads_are_drawn_in_their_shares_and_nearly_all_pass(wide):
    samples = [sample for part in wide.values() for sample in part]
    assert len(samples) > 0.98 * 2 * DRAWS
    skill = WideManifestSkill()
    failed = [(sample.request, skill.judge(sample.answer, sample.intents).findings) for sample in samples]
    failed = [(request, findings) for request, findings in failed if findings]
    assert len(failed) <= 0.01 * len(samples), failed
    shares = {name: sum(road(sample) == name for sample in samples) / len(samples) for name in ("set", "edit", "other", "plain")}
    assert abs(shares["set"] - SETS) < 0.05 and abs(shares["other"] - MANNERS) < 0.06
    assert 0.5 * EDITS < shares["edit"] < EDITS + 0.04 and shares["plain"] > 0.4


def test_a_share_of_the_draws_is_of_the_hard_kinds_alone():
    before, kinds = MANNERS + EDITS + SETS, []
    for number in range(400):
        if before <= Seed(43).rng(number).random() < before + HARD:
            sample = WideManifestSkill().draw(Seed(43).rng(number), TRAIN)
            kinds.append(sample.intents[0].value)
    assert len(kinds) > 10 and set(kinds) <= set(HARD_KINDS)


def test_a_share_of_the_draws_says_all_of_workloads_that_say_much():
    before, skill = MANNERS + EDITS + SETS + HARD, WideManifestSkill()
    rngs = [Seed(45).rng(number) for number in range(400)]
    samples = [skill.draw(Seed(45).rng(number), TRAIN) for number, rng in enumerate(rngs) if before <= rng.random() < before + LONG]
    plain = [ManifestSkill().draw(Seed(45).rng(number), TRAIN) for number in range(400)]
    assert len(samples) > 80 and {sample.intents[0].value for sample in samples} <= set(LONG_KINDS)
    assert facts(samples) > 1.3 * facts(plain)


def facts(samples):
    return sum(len(sample.intents) for sample in samples) / len(samples)


def test_some_images_are_said_with_a_blank_before_their_version():
    samples = [sample for number in range(1_500) if isinstance(sample := WideManifestSkill().draw(Seed(41).rng(number), TRAIN), Sample)]
    apart = []
    for sample in samples:
        images = [str(intent.value) for intent in sample.intents if intent.aspect == "container.image"]
        apart += [(sample, image) for image in images if image not in sample.request and road(sample) in ("plain", "other")]
    assert 0.01 * len(samples) < len(apart) < 0.1 * len(samples)
    for sample, image in apart:
        name, _, tag = image.rpartition(":")
        assert re.search(rf"{re.escape(name)} (version |tag )?{re.escape(tag)}(?! ?\d)", sample.request), (image, sample.request)
        assert f"image: {image}" in sample.answer


def test_the_plain_road_says_of_what_the_suites_draw_all_or_less():
    """A draw that falls on the plain road says nothing but what `ManifestSkill` says from the same place of the stream."""
    fewer = 0
    for number in range(90):
        rng, twin = Seed(2).rng(number), Seed(2).rng(number)
        if twin.random() >= MANNERS + EDITS + SETS + HARD + LONG:
            said, whole = (
                set(skill.draw(stream, TRAIN).intents) for skill, stream in ((WideManifestSkill(), rng), (ManifestSkill(), twin))
            )
            assert said <= whole
            fewer += said < whole
    assert fewer


def test_other_manners_pass_the_same_judge_and_say_every_name(mannered):
    samples = [sample for part in mannered.values() for sample in part]
    failed = [sample for sample in samples if not full_pass(sample.answer, sample.intents).passed]
    assert len(failed) <= 0.01 * len(samples)
    for sample in samples:
        assert "{" not in sample.request.replace("podSelector: {}", "") or "manifest" in sample.request, sample.request
        assert "\ue000" not in sample.request
        for intent in sample.intents:
            if intent.aspect in NAMES:
                assert str(intent.value) in sample.request, (intent, sample.request)


def test_the_parts_share_neither_phrases_nor_requests(wide, mannered):
    for samples in (wide, mannered):
        forms = {part: {form for sample in samples[part] for form in sample.forms if "kinds/" not in form} for part in samples}
        assert min(map(len, forms.values())) > 200
        shared = {form.rpartition(":")[0] for form in forms[TRAIN] & forms[HELD]}
        assert not {name for name in shared if name.startswith("manifest.")}, shared


def test_every_table_has_parts_to_train_on_and_parts_to_hold_out():
    assert len(parts()) > 250 and sum(len(table.train) + len(table.held) for table in parts().values()) > 2_000
    assert not [name for name, table in parts().items() if not table.train or not table.held]


def test_fewer_leaves_nothing_out_that_the_object_needs():
    for number in range(60):
        rng = Seed(3).rng(number)
        intents = drawn(rng, TRAIN)
        kept = whole(fewer(intents, ESSENTIAL, rng))
        assert {i.aspect for i in intents} & ESSENTIAL == {i.aspect for i in kept} & ESSENTIAL
        sample = asked(kept, rng, TRAIN, say=compose_otherwise)
        assert len(kept) <= len(intents) and isinstance(sample, Sample)


def test_dictation_has_no_punctuation_but_in_what_was_filled_in():
    assert (
        unpunctuated("Please, use \ue000nginx:1.27\ue001; on port \ue00080\ue001!")
        == "please use \ue000nginx:1.27\ue001 on port \ue00080\ue001"
    )


def test_suites_are_the_same_each_time_and_a_smaller_one_is_the_first_of_a_larger():
    for suite in WIDE_SUITES:
        larger = suite.samples((), 16, SUITE_SEED)
        assert len(larger) == (0 if suite.needs_documents else 16)
        assert list(suite.samples((), 5, SUITE_SEED)) == list(larger[:5])


def test_it_reads_what_it_says_and_can_be_pickled():
    skill = pickle.loads(pickle.dumps(WideManifestSkill()))
    text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n  selector:\n    app: web\n"
    document = Document("1", text, "Service", {"repository": "r"})
    found = [skill.reverse(document, Seed(7).rng(number), TRAIN) for number in range(40)]
    assert all(isinstance(sample, Sample) and skill.judge(sample.answer, sample.intents).passed for sample in found)
    assert {road(sample) for sample in found} >= {"edit", "other", "plain"}


def test_nobody_says_the_same_few_words_before_one_thing_after_the_other(mannered):
    told = 0
    for samples in mannered.values():
        for sample in samples:
            words = [form for form in sample.forms if form.startswith("manifest.manners.") and "/more" in form]
            told += len(words) > 1
            assert len(set(words)) == len(words), sample.request
    assert told > 10
