"""Words of the field and plain words: which may never be what something is called."""

import pytest

from kubestill.domains.api import TRAIN
from kubestill.domains.kubernetes.drawing import words
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill
from kubestill.domains.kubernetes.vocabulary import english, vocabulary
from kubestill.ground.seeds import Seed
from kubestill.tools.chat.slots import MAX_SLOTS, Vocabulary, mark


def test_nothing_drawn_is_called_by_a_plain_word():
    drawn = {*words._SERVICE_WORDS, *words._PLAIN_WORDS, *words._ENV_WORDS}
    assert len(english().plain) > 500 and not english().plain & drawn
    assert len(english().plain - vocabulary()) > 500  # else the file would be idle
    assert len(english().namesakes & drawn) > 50 and not english().namesakes & english().plain


@pytest.mark.parametrize("word", ["publishnotreadyaddresses", "level", "therefore", "disallow", "topologykeys"])
def test_plain_words_are_known(word):
    assert word in english().plain


def test_with_plain_words_known_every_drawn_name_that_was_pointed_at_still_is():
    without, with_them = Vocabulary(vocabulary()), Vocabulary(vocabulary() | english().plain)
    pointed = 0
    for number in range(200):
        sample = ManifestSkill().draw(Seed(5).rng(number), TRAIN)
        (_, before, _), (_, after, _) = mark(sample.request, without), mark(sample.request, with_them)
        names = {str(intent.value) for intent in sample.intents if intent.aspect in ("name", "namespace", "container.image")}
        assert names & set(before) <= names & set(after), sample.request
        assert len(before) == MAX_SLOTS or names & set(before) == names & set(after), sample.request  # else pointers had run out before
        pointed += len(names & set(after))
        assert len(after) <= len(before)
    assert pointed > 200


def test_a_namesake_is_pointed_at_and_shows_what_it_is():
    words = Vocabulary(vocabulary() | {"a", "called", "the"}, english().namesakes)
    text, slots, shown = mark("a deployment called api, the api image willow:2 for a ticket", words)
    assert "api" in slots and text.count("⟨1⟩ ~ api") == 2, text
    assert shown == {"ticket"}  # api was called so
    assert mark("the tickett", words)[0].endswith("⟨1⟩ ~ ticket")  # a slip of a namesake, too
    assert "ticket" not in mark("the tickett", Vocabulary(vocabulary()))[0]


def test_past_the_last_slot_a_namesake_is_read_once():
    words = " ".join(f"zzq{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(MAX_SLOTS))
    assert mark(f"{words} ticket", Vocabulary(frozenset(), frozenset({"ticket"})))[0].endswith(" ticket")
    assert mark(f"{words} ticket", Vocabulary(frozenset(), frozenset({"ticket"})))[0].count("ticket") == 1
