"""Edits: what was asked for is different and all else stays; asked in the two forms that `ask --edit` shows."""

from random import Random

import pytest

from kubestill.domains.api import HELD, TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.grammars.editing import asked, edited
from kubestill.domains.kubernetes.intents.lens import Facts
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.skills.manifest.additions import additions
from kubestill.domains.kubernetes.skills.manifest.edits import EDITED, draw_edit, judge_edit, ordered_like, reverse_edit
from kubestill.domains.kubernetes.skills.manifest.judging import judge
from kubestill.domains.kubernetes.skills.manifest.removal import REMOVE, RENAME, without
from kubestill.ground.seeds import Seed

DRAWS = 250
SHOWN = "Change this manifest: "


@pytest.fixture(scope="module")
def edits():
    found = {part: [draw_edit(Seed(17).rng(part, number), part) for number in range(DRAWS)] for part in (TRAIN, HELD)}
    kept = {part: [sample for sample in samples if isinstance(sample, Sample)] for part, samples in found.items()}
    assert all(len(samples) > 0.95 * DRAWS for samples in kept.values())
    return kept


def every(edits):
    return [sample for part in edits.values() for sample in part]


def before(sample):
    text = sample.request[len(SHOWN) :]
    return text[text.index("\n\napiVersion: ") + 2 :] if "\n\napiVersion: " in text else ""


def test_every_edit_passes_its_judge_and_the_manifest_as_it_was_does_not(edits):
    shown = 0
    for sample in every(edits):
        assert judge(sample.answer, sample.intents).passed, (sample.request, judge(sample.answer, sample.intents).findings)
        if sample.request.startswith(SHOWN):
            shown += 1
            assert domain().judge(before(sample)).passed
            assert not judge(before(sample), sample.intents).passed, sample.request
    assert 0.5 < shown / len(every(edits)) < 0.95


def test_what_is_asked_stands_in_the_answer_and_what_is_taken_away_does_not(edits):
    verbs = set()
    for sample in every(edits):
        obj = dict(read(sample.answer).manifests[0].object)
        facts = Facts(obj)
        for intent in sample.intents:
            verbs.add(intent.aspect if intent.aspect in (REMOVE, RENAME) else "set")
            if intent.aspect == RENAME:
                assert obj["metadata"]["name"] == intent.value
            elif intent.aspect == REMOVE:
                with pytest.raises(ValueError, match="remove"):
                    without(obj, intent)
            elif intent.aspect not in ("name", EDITED):
                assert facts.holds(intent), (sample.request, intent)
    assert verbs == {"set", REMOVE, RENAME}


def test_the_request_has_the_form_that_ask_edit_shows(edits):
    forms = {"shown": 0, "noted": 0}
    for sample in every(edits):
        if text := before(sample):
            wish = sample.request[len(SHOWN) : -len(text) - 2]
            assert asked(text, wish, notes=False) == sample.request
            forms["shown"] += 1
        else:
            kind, name = (intent.value for intent in sample.intents[:2])
            head = asked(f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n", "", notes=True).removesuffix(": ")
            assert sample.request.startswith(head)
            forms["noted"] += 1
    assert min(forms.values()) > 20


def test_notes_about_what_is_set_are_read_back_by_the_editor_of_files(edits):
    """The notes of an edit, written over the manifest by `grammars.editing`, make the same object as the answer."""
    tried = same = 0
    for sample in every(edits):
        if not before(sample) or any(intent.aspect in (REMOVE, RENAME) for intent in sample.intents):
            continue
        tried += 1
        rewritten, verdict = edited(before(sample), sample.notes())
        found = read(rewritten.text).manifests[0].object
        same += verdict.passed and judge_edit(dump(found), sample.intents).passed
    assert tried > 100 and same >= 0.98 * tried, (same, tried)


def test_something_else_that_changed_fails(edits):
    failed = tried = 0
    for sample in every(edits)[:120]:
        if not before(sample):
            continue
        obj = dict(read(sample.answer).manifests[0].object)
        obj["metadata"] = {**obj["metadata"], "labels": {**(obj["metadata"].get("labels") or {}), "not-asked": "for"}}
        tried += 1
        failed += not judge(dump(obj), sample.intents).passed
    assert failed == tried > 50


@pytest.mark.parametrize("mutant", ["", "Sure!\n{}", "{}\nDone.", "```yaml\n{}```", "half"])
def test_anything_but_the_manifest_fails(edits, mutant):
    for sample in edits[TRAIN][:15]:
        text = sample.answer[: len(sample.answer) // 2] if mutant == "half" else mutant.format(sample.answer)
        assert not judge(text, sample.intents).passed


def test_the_parts_share_no_phrases_and_nothing_is_left_to_fill_in(edits):
    forms = {part: {form for sample in samples for form in sample.forms} for part, samples in edits.items()}
    assert min(map(len, forms.values())) > 80 and not forms[TRAIN] & forms[HELD]
    for sample in every(edits):
        wish = sample.request.removesuffix(before(sample))
        assert "{" not in wish and "\ue000" not in sample.request and "   " not in wish, wish
    again = draw_edit(Seed(17).rng(TRAIN, 3), TRAIN)
    assert again == draw_edit(Seed(17).rng(TRAIN, 3), TRAIN)


def test_a_real_manifest_is_changed_and_one_that_cannot_be_is_dropped(real_records):
    kept = 0
    for number, record in enumerate(real_records):
        sample = reverse_edit(Document(str(number), record["text"], record["kind"], {"repository": "r"}), Seed(5).rng(number), TRAIN)
        if isinstance(sample, Sample):
            kept += 1
            assert judge(sample.answer, sample.intents).passed
    assert kept > 40
    for text in ("", "a: [", "kind: Deployment\nspec: 3\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: 3}\n"):
        assert isinstance(reverse_edit(Document("1", text, "", {}), Seed(5).rng(1), TRAIN), Drop)


def test_what_is_not_there_cannot_be_removed():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    for keys in (("label", "x"), ("container.env", "X"), ("mount.pvc", "/x"), ("container.readinessProbe",), ("rule", "a", "/")):
        with pytest.raises(ValueError, match="remove"):
            without(pod, Intent(REMOVE, keys, None))


def test_what_is_new_stands_at_its_idiomatic_place_and_the_rest_where_it_stood():
    before = {"kind": "Pod", "apiVersion": "v1", "metadata": {"labels": {"b": "1", "a": "2"}, "name": "x"}, "spec": {"containers": []}}
    labels = {"b": "1", "a": "2", "Z": "3"}
    after = {**before, "metadata": {"labels": labels, "name": "x", "namespace": "y"}, "spec": {"containers": [], "hostNetwork": True}}
    found = ordered_like(before, after)
    assert found == after
    assert list(found) == list(before) and list(found["metadata"]) == ["labels", "name", "namespace"]
    assert list(found["metadata"]["labels"]) == ["b", "a", "Z"] and set(found["spec"]) == {"containers", "hostNetwork"}


def test_nothing_is_added_that_cannot_work_on_the_object():
    words = Words(Random(3), TRAIN)
    headless = [Intent("port", (), 80), Intent("spec.clusterIP.none", (), True)]
    empty = [Intent("kind", (), "ConfigMap"), Intent("name", (), "one")]
    for facts, kind, never in ((headless, "Service", "spec.sessionAffinity"), (empty, "ConfigMap", "immutable")):
        found = [offer() for _ in range(60) for offer in additions(kind, facts, words, 9)]
        assert never not in {intent.aspect for change in found if change for intent in change.intents}
    usual = [offer() for _ in range(60) for offer in additions("Service", headless[:1], words, 9)]
    assert "spec.sessionAffinity" in {intent.aspect for change in usual if change for intent in change.intents}
    grants = [offer() for _ in range(400) for offer in additions("Role", [], words, 9)]
    verbs = {intent.keys[0]: intent.value for change in grants if change for intent in change.intents if intent.aspect == "grant"}
    assert verbs["pods/log"] == ("get",) and verbs["pods/exec"] == ("create",)
