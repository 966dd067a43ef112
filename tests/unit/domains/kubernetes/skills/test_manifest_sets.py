"""Sets: every object is valid and asked for, they fit each other, and notes of several objects build the same file."""

import pytest

from kubestill.domains.api import HELD, TRAIN, Sample
from kubestill.domains.kubernetes.intents.notes import groups, read_several
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.skills.manifest.judging import judge
from kubestill.domains.kubernetes.skills.manifest.sets import APART, build_several, draw_set, judge_several
from kubestill.ground.seeds import Seed

DRAWS = 200


@pytest.fixture(scope="module")
def sets():
    found = {part: [draw_set(Seed(23).rng(part, number), part) for number in range(DRAWS)] for part in (TRAIN, HELD)}
    kept = {part: [sample for sample in samples if isinstance(sample, Sample)] for part, samples in found.items()}
    assert all(len(samples) > 0.95 * DRAWS for samples in kept.values())
    return kept


def every(sets):
    return [sample for part in sets.values() for sample in part]


def test_every_set_passes_its_judge_and_the_check_of_files_finds_nothing_wrong(sets):
    checker = domain()
    for sample in every(sets):
        assert judge(sample.answer, sample.intents).passed, (sample.request, judge(sample.answer, sample.intents).findings)
        documents = checker.check_text(sample.answer, "set.yaml")
        assert len(documents) == len(groups(sample.intents)) >= 2
        assert all(document.verdict.passed for document in documents)
        assert not checker.judge_set([(document.manifest, "set.yaml") for document in documents])


def test_a_dozen_sorts_of_sets_are_drawn(sets):
    kinds = {sample.kind for sample in every(sets)}
    assert len(kinds) >= 20 and len({kind for name in kinds for kind in name.split("+")}) >= 18


def test_notes_of_several_objects_build_the_same_file(sets):
    for sample in every(sets):
        statements = read_several(sample.notes())
        assert tuple(statements) == sample.intents
        assert build_several(statements) == sample.answer


def test_names_stand_in_the_request(sets):
    for sample in every(sets):
        for intent in sample.intents:
            if intent.aspect in ("name", "container.image", "namespace"):
                assert str(intent.value) in sample.request


def test_the_order_of_documents_does_not_matter_and_a_missing_or_strange_one_fails(sets):
    for sample in every(sets)[:60]:
        documents = sample.answer.split(APART)
        assert judge(APART.join(reversed(documents)), sample.intents).passed
        assert not judge(APART.join(documents[1:]), sample.intents).passed
        assert not judge(APART.join([*documents, documents[0]]), sample.intents).passed
        other = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: not-asked-for\n"
        assert not judge(APART.join([*documents[1:], other]), sample.intents).passed


def test_objects_that_do_not_fit_each_other_fail(sets):
    """The Service of a Deployment that selects other pods is valid alone; in the set it is wrong."""
    tried = 0
    for sample in every(sets):
        if sample.kind.split("+")[:2] != ["Deployment", "Service"]:
            continue
        documents = sample.answer.split(APART)
        name = read(documents[0]).manifests[0].object["metadata"]["name"]
        broken = documents[1].replace(f"    app: {name}", "    app: somebody-else")
        assert broken != documents[1]
        tried += 1
        assert not judge(APART.join([documents[0], broken, *documents[2:]]), sample.intents).passed
    assert tried > 20


def test_another_label_will_do_where_service_and_pods_agree(sets):
    sample = next(sample for sample in every(sets) if sample.kind == "Deployment+Service")
    documents = sample.answer.split(APART)
    name = read(documents[0]).manifests[0].object["metadata"]["name"]
    other = APART.join(document.replace(f"app: {name}", f"app.kubernetes.io/name: {name}") for document in documents)
    assert other != sample.answer and judge(other, sample.intents).passed


@pytest.mark.parametrize("mutant", ["", "Sure!\n{}", "{}\nDone.", "```yaml\n{}```", "half"])
def test_anything_but_the_manifests_fails(sets, mutant):
    for sample in sets[TRAIN][:15]:
        text = sample.answer[: len(sample.answer) // 2] if mutant == "half" else mutant.format(sample.answer)
        assert not judge_several(text, sample.intents).passed


def test_the_parts_share_no_phrases(sets):
    forms = {part: {form for sample in samples for form in sample.forms} for part, samples in sets.items()}
    assert min(map(len, forms.values())) > 60 and not forms[TRAIN] & forms[HELD]
    for sample in every(sets):
        assert "{" not in sample.request and "\ue000" not in sample.request


def test_notes_that_begin_with_no_kind_are_refused():
    with pytest.raises(ValueError, match="kind"):
        read_several("name: web\nkind: Deployment\nname: web\n")
