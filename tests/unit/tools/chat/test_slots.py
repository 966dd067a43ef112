"""Open words become pointers and come back exactly; known words, numbers and phrases are read as what they are."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.tools.chat.slots import MAX_SLOTS, POINTERS, Vocabulary, mark, point, resolve

KNOWN = frozenset(
    "a an the deployment deployments service with replicas named called web of port on env set and gi mi s in every pod count label".split()
)
VOCABULARY = Vocabulary(KNOWN)


def canonical(request):
    return mark(request, VOCABULARY)[0]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("A Deployment NAMED willow", "a deployment named ⟨1⟩"),
        ("willow, willow and Willow.", "⟨1⟩, ⟨1⟩ and ⟨2⟩."),
        ("3 replicas, 12 pod", "3 replicas, 12 pod"),
        ("port 8080", "port ⟨1⟩"),
        ("0.5 of 1.25", "0.5 of 1.25"),
        ("512Mi and 2gi and 30s", "⟨1⟩ mi and 2 gi and 30 s"),
        ("250m", "⟨1⟩"),
        ("1.27.3", "⟨1⟩"),
        ("every 14:05", "every 14:05"),
        ("on */5 * * * 1-5 set", "on ⟨1⟩ set"),
        ("0 3 * * MON.", "⟨1⟩."),
        ('"sh -c date"', "⟨1⟩ ( ⟨2⟩ ⟨3⟩ ⟨4⟩ )"),
        ("`willow`", "⟨1⟩"),
        ("'willow'", "⟨1⟩"),
        ("deployment/willow", "⟨1⟩ ( deployment ⟨2⟩ )"),
        ("nginx:1.27", "⟨1⟩"),
        ("willow:8080", "⟨1⟩ ( ⟨2⟩ ⟨3⟩ )"),
        ("shop.io/cart", "⟨1⟩ ( ⟨2⟩ ⟨3⟩ )"),
        ("podCount", "pod count"),
        ("willow's port", "⟨1⟩'s port"),
        ("deploymnt", "⟨1⟩ ~ deployment"),
        ("deployemnt of", "⟨1⟩ ~ deployment of"),
        ("servcie, willow", "⟨1⟩ ~ service, ⟨2⟩"),
        ("A=b", "a=⟨1⟩"),
        ("a\n\n  web\tservice", "a\nweb service"),
        ("", ""),
        ("   ", ""),
        ("!?", "!?"),
    ],
)  # fmt: skip
def test_a_request_is_read_as_people_mean_it(request_, expected):
    bare = re.sub("‹[^›]*›", "", canonical(request_))  # without the outlines of the words
    assert bare.replace(" ⟨", "⟨") == expected.replace(" ⟨", "⟨")


def test_a_slip_of_the_finger_finds_the_word_and_nothing_else_does():
    def slips(word):
        for place in range(1, len(word)):
            yield word[:place] + word[place + 1 :]  # one letter less
            yield word[:place] + "q" + word[place:]  # one more
            yield word[:place] + "q" + word[place + 1 :]  # another
        for place in range(1, len(word) - 1):
            yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]  # two swapped

    for slip in slips("deployment"):
        assert VOCABULARY.near(slip) in ("deployment", "deployments"), slip
    for word in ("", "web", "dep1oyment", "depqqoyment", "willow", "réplicas1", "d" * 100_000):
        assert VOCABULARY.near(word) == "", word[:20]


WORD = st.text("abwZ019.-/:_é=", min_size=1, max_size=8) | st.sampled_from(("web", "80", "8080", "0", "a.b/c:1", "v1", "1Gi", "'s"))


@settings(max_examples=150, deadline=None)
@given(
    request_=st.lists(WORD, max_size=12).map(" ".join),
    answer=st.lists(WORD, max_size=20).map(" ".join),
    first=st.integers(0, MAX_SLOTS - 1),
)
def test_what_is_pointed_at_resolves_to_itself(request_, answer, first):
    text, found = mark(request_, VOCABULARY, first)
    assert resolve(point(answer, found), found) == answer
    assert all(f"⟨{index + 1}⟩" in text for index in found.values())
    assert len(set(found.values())) == len(found) <= MAX_SLOTS


def test_only_whole_words_are_pointed_at():
    found = mark("willow web-x 80 8080", VOCABULARY)[1]
    assert found == {"willow": 0, "web-x": 1, "8080": 2}
    text = "name: willow\nwillows\nswillow\nwillow-db\nx/willow\nweb-x\nweb-x1\n8080\n18080\n8080.5\n8080Mi\n"
    assert point(text, found) == "name: ⟨1⟩\nwillows\nswillow\n⟨1⟩-db\nx/willow\n⟨2⟩\nweb-x1\n⟨3⟩\n18080\n8080.5\n⟨3⟩Mi\n"
    assert point(text, {}) == text


def test_words_past_the_last_slot_are_spelled():
    words = [f"w{number}x" for number in range(200)]
    text, found = mark(" ".join(words), VOCABULARY, 5)
    assert len(found) == MAX_SLOTS and text.split()[MAX_SLOTS:] == words[MAX_SLOTS:]
    assert resolve(point(" ".join(words), found), found) == " ".join(words)


def test_a_pointer_that_was_never_given_stays():
    assert resolve("a ⟨7⟩ ⟨0⟩ ⟨99⟩", {"x": 1}) == "a ⟨7⟩ ⟨0⟩ ⟨99⟩" and len(POINTERS) == MAX_SLOTS


@pytest.mark.parametrize(
    "unit",
    ["1,", "*", "* ", "*/", '"', '"a', "'", "a's", "a'", "a.", "a/", "a:", "1:", "1.", "Aa", "A", "a", "é", "1 ", "1,1 ", " ", "`", "-", "=", "a-", "a.a/"],
)  # fmt: skip
def test_text_made_to_be_slow_is_read_all_the_same(unit):
    """A hundred kilobytes each: a pattern that backtracks, or a copy a letter, would not come back."""
    for text in (unit * (100_000 // len(unit)), unit * (100_000 // len(unit)) + "x 1Q"):
        canonical_text, found = mark(text, VOCABULARY)
        assert resolve(point(text, found), found) == text and len(canonical_text) < 6 * len(text) + 100
