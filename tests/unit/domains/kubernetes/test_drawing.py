"""Objects and words are drawn from open vocabularies, of which each part has its own."""

import ipaddress
import re
from collections import Counter
from itertools import product
from random import Random

import pytest

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.drawing import words as vocabulary
from kubestill.domains.kubernetes.drawing.draw import WEIGHTS, draw_intents
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.ground.seeds import Seed

DRAWS = 1_500
# Words that the syllables can make, in a few languages.
RUDE = (
    "rape nazi penis vagina vulva turd niger negro negra kike paki tard retard pedo homo semen boner pube pubes dildo bimbo moron "
    "nude sodom puta puto merda caca tosser trani lesbo cum hure kurva shit piss fuck cunt cock dick tits slut porn whore bitch"
).split()


@pytest.fixture(scope="module")
def objects():
    return {part: [draw_intents(Seed(9).rng(part, number), part) for number in range(DRAWS)] for part in (TRAIN, HELD)}


@pytest.mark.parametrize("part", [TRAIN, HELD])
def test_every_kind_is_drawn_about_as_often_as_it_should_be(objects, part):
    counts = Counter(intents[0].value for intents in objects[part])
    assert len(WEIGHTS) >= 25 and len(counts) >= 25 and set(counts) <= set(WEIGHTS)
    total = sum(WEIGHTS.values())
    for kind, weight in WEIGHTS.items():
        expected = DRAWS * weight / total
        assert abs(counts[kind] - expected) <= 5 * expected**0.5 + 1, kind


def test_an_object_has_one_kind_and_one_name_and_says_nothing_twice(objects):
    for intents in objects[TRAIN] + objects[HELD]:
        assert [intent.aspect for intent in intents[:2]] == ["kind", "name"]
        assert len(set(map(str, intents))) == len(intents), intents


def test_names_are_dns_labels_and_images_are_references():
    for part, number in product((TRAIN, HELD), range(400)):
        words = Words(Random(number), part)
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", words.name())
        assert re.fullmatch(r"([a-z0-9.-]+/)*[a-z0-9-]+(:[\w.-]{1,127})?", words.image())
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", words.variable())
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", words.host())
        assert 0 < words.port() < 65_536


def test_no_word_is_in_both_parts():
    found = {}
    for part in (TRAIN, HELD):
        drawers = [Words(Random(seed), part) for seed in range(1_500)]
        found[part] = {words.word() for words in drawers} | {words.invented() for words in drawers}
    assert min(map(len, found.values())) > 500 and not found[TRAIN] & found[HELD]
    for words in (vocabulary._SERVICE_WORDS, vocabulary._PLAIN_WORDS):
        held = sum(Words(Random(0), HELD)._own(word) for word in words)
        assert 0.1 * len(words) < held < 0.3 * len(words)


def test_words_that_requests_are_made_of_are_names_in_training_alone():
    nouns, listed = set(vocabulary._nouns()), {*vocabulary._SERVICE_WORDS, *vocabulary._PLAIN_WORDS}
    drawn = {part: [Words(Random(seed), part).word() for seed in range(1_500)] for part in (TRAIN, HELD)}
    assert 40 < sum(word in nouns - listed for word in drawn[TRAIN]) < 140  # one in sixteen, less what other lists hold, too
    assert not (nouns - listed) & set(drawn[HELD])


class Spelled(Random):
    """Chooses the syllables of one word, and of another one after it."""

    def __init__(self, *spellings):
        super().__init__(0)
        self.left = [choice for syllables in spellings for choice in (len(syllables), *(part for one in syllables for part in one))]

    def choice(self, seq):
        wanted = self.left.pop(0)
        assert wanted in seq
        return wanted


def spelling(word):
    """The syllables that make the word, or None."""
    parts = (vocabulary._ONSETS, vocabulary._VOWELS, vocabulary._CODAS)
    one = "".join(f"({'|'.join(sorted(set(part), key=len, reverse=True))})" for part in parts)
    for count in (1, 2, 3):
        if match := re.fullmatch(one * count, word):
            groups = match.groups()
            return [groups[place : place + 3] for place in range(0, len(groups), 3)]
    return None


def test_no_rude_word_comes_out_of_the_syllables():
    spelled = [word for word in RUDE if spelling(word)]
    assert len(spelled) > 20
    for word in spelled:
        for part in (TRAIN, HELD):
            other = next(found for found in (Words(Random(seed), part).invented() for seed in range(100)) if spelling(found))
            assert Words(Spelled(spelling(word), spelling(other)), part).invented() == other


def test_a_draw_depends_on_its_seed_and_part_alone(objects):
    for part in (TRAIN, HELD):
        assert [draw_intents(Seed(9).rng(part, number), part) for number in range(40)] == objects[part][:40]
    assert draw_intents(Random(1), TRAIN) != draw_intents(Random(1), HELD)


# What the API server answers to discovery (v1.36): the verbs of these subresources.
SERVED = {"pods/log": {"get"}, "pods/exec": {"create", "get"}, "deployments/scale.apps": {"get", "patch", "update"}}


def test_what_is_drawn_can_work(objects):
    subresources = headless = 0
    for intents in objects[TRAIN] + objects[HELD]:
        said = {intent.aspect: intent.value for intent in intents}
        headless += "spec.clusterIP.none" in said
        assert not {"spec.sessionAffinity", "port.target"} & set(said) or "spec.clusterIP.none" not in said, intents
        assert said.get("spec.strategy.type") != "Recreate" or not any(name.startswith("spec.strategy.rolling") for name in said), intents
        assert said.get("provisioner") != "kubernetes.io/no-provisioner" or not {"parameter", "allowVolumeExpansion"} & set(said), intents
        for intent in intents:
            if intent.aspect == "grant" and intent.keys[0] in SERVED:
                subresources += 1
                assert set(intent.value) <= SERVED[intent.keys[0]], intent
            if intent.aspect == "grant.names":
                assert not {"create", "*"} & set(next(one.value for one in intents if one.aspect == "grant" and one.keys == intent.keys))
            if intent.aspect == "allow":
                assert all(ipaddress.ip_network(peer[1]) for peer in intent.value[0] if peer[0] == "cidr")
    assert subresources > 15 and headless > 5
