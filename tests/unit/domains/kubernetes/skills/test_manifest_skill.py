"""What is drawn and asked: answers pass their own judge, requests say what they must, the two parts share nothing."""

import re
from dataclasses import replace
from random import Random

from kubestill.domains.api import HELD, TRAIN, Document, Intent, Sample
from kubestill.domains.kubernetes.drawing.draw import WEIGHTS
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import read
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.manifests import read as read_manifests
from kubestill.domains.kubernetes.phrasing.lines import tables
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill
from kubestill.ground.seeds import Seed

# Aspects whose values are names: a student can only copy them, so they must stand in the request letter by letter.
NAMES = frozenset(
    "name namespace container.image init.image selector podSelector mount.pvc mount.secret mount.configMap mount.hostPath spec.serviceName "
    "spec.externalName spec.storageClassName pod.serviceAccountName pod.imagePullSecret sa.secret container.envFrom.secret".split()
)


def test_nearly_every_answer_passes_its_own_judge_and_every_kind_is_drawn(drawn):
    judge = domain().judge
    samples = [sample for part in drawn.values() for sample in part]
    failed = [(sample.kind, judge(sample.answer, sample.intents).findings) for sample in samples]
    failed = [(kind, findings) for kind, findings in failed if findings]
    assert len(failed) <= 0.01 * len(samples), failed
    assert set(WEIGHTS) == set(KINDS) and len({sample.kind for sample in samples}) >= 25


def test_names_stand_in_the_request_letter_by_letter(drawn):
    for sample in [sample for part in drawn.values() for sample in part]:
        for intent in sample.intents:
            if intent.aspect in NAMES:
                assert str(intent.value) in sample.request, (intent, sample.request)


def test_facts_stand_in_the_order_of_mention(drawn):
    """What is said once and word by word stands in the request where the intents say."""
    ordered = total = 0
    for sample in [sample for part in drawn.values() for sample in part]:
        said = [str(i.value) for i in sample.intents if i.aspect in NAMES - {"namespace"} and sample.request.count(str(i.value)) == 1]
        places = [sample.request.index(value) for value in said]
        ordered += places == sorted(places)
        total += 1
    assert ordered >= 0.98 * total, (ordered, total)


def test_notes_say_every_intent_on_a_line(drawn):
    sample = next(sample for sample in drawn[TRAIN] if sample.kind == "Deployment" and len(sample.intents) > 5)
    lines = sample.notes().splitlines()
    assert [line.split(":")[0] for line in lines] == [intent.aspect for intent in sample.intents]
    assert lines[:2] == ["kind: Deployment", f"name: {sample.intents[1].value}"]
    values = (("pods", (("app", "x"), ("tier", "y"))), ((80, "TCP"), (53, "UDP")))
    intents = (Intent("allow", ("ingress",), values), Intent("deny", (), None), Intent("suspend", ("",), True))
    assert replace(sample, intents=intents).notes() == "allow: ingress pods, app x tier y / 80 TCP, 53 UDP\ndeny:\nsuspend: true"


def test_nothing_of_the_composition_is_left_in_a_request(drawn):
    for sample in [sample for part in drawn.values() for sample in part]:
        text = sample.request.replace("podSelector: {}", "").replace("podSelector={}", "").replace("podSelector {}", "")
        assert not re.search(r"\{\w*\}|[\ue000-\uf8ff⟨⟩]|\(\)|\[\]", text), sample.request
        assert sample.request == sample.request.strip()


def test_the_parts_share_neither_words_nor_forms(drawn):
    words = {part: {Words(Random(seed), part).word() for seed in range(1500)} for part in (TRAIN, HELD)}
    assert min(map(len, words.values())) > 100 and not words[TRAIN] & words[HELD]
    short = {name for name, table in tables().items() if not table.train or not table.held or name.startswith("kinds/")}
    forms = {
        part: {form for sample in samples for form in sample.forms if form.rpartition(":")[0] not in short}
        for part, samples in drawn.items()
    }
    assert min(map(len, forms.values())) > 300 and not forms[TRAIN] & forms[HELD]


def test_drawing_is_the_same_for_the_same_seed_and_hardly_ever_repeats(drawn):
    skill = ManifestSkill()
    for number in range(0, 60, 7):
        assert skill.draw(Seed(41).rng(TRAIN, number), TRAIN) == drawn[TRAIN][number]
    requests = [sample.request for part in drawn.values() for sample in part]
    assert len(set(requests)) == len(requests)


def test_a_real_manifest_is_asked_for_by_what_it_says(real_records):
    skill, judge, found, passed = ManifestSkill(), domain().judge, [], 0
    for number, record in enumerate(real_records):
        if not judge(record["text"]).passed:
            continue
        sample = skill.reverse(Document(str(number), record["text"], record["kind"], {"repository": "r"}), Seed(3).rng(number), TRAIN)
        if isinstance(sample, Sample):
            found.append(sample)
            passed += judge(sample.answer, sample.intents).passed
            said = {(intent.aspect, intent.keys, str(intent.value)) for intent in read(read_manifests(record["text"]).manifests[0].object)}
            for intent in sample.intents:
                assert (intent.aspect, intent.keys, str(intent.value)) in said, intent
    assert len(found) > 100 and passed > 0.8 * len(found), (passed, len(found))
