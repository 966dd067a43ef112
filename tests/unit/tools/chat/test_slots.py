"""Open words become pointers and come back exactly; known words, numbers and phrases are read as what they are."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.tools.chat.slots import MAX_SLOTS, OUTLINES, POINTERS, Vocabulary, mark, outline, point, resolve

KNOWN = frozenset(
    "a an the deployment deployments service with replicas named called web of port on env set and gi mi s in every pod count label".split()
)
VOCABULARY = Vocabulary(KNOWN)


def canonical(request):
    return mark(request, VOCABULARY)[0]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("A Deployment NAMED willow", "a deployment‹VAR›⟨1⟩ ~ named‹word›⟨2⟩"),
        ("willow, willow and Willow.", "‹word›⟨1⟩,‹word›⟨1⟩ and‹word›⟨2⟩."),
        ("of\n willow", "of\n‹word›⟨1⟩"),
        ("a (willow) web", "a (‹word›⟨1⟩) web"),
        ("3 replicas, 12 pod", "3 replicas, 12 pod"),
        ("port 8080", "port‹#4›⟨1⟩"),
        ("0.5 of 1.25", "0.5 of 1.25"),
        ("512Mi and 2gi and 30s", "‹#3›⟨1⟩ mi and 2 gi and 30 s"),
        ("250m", "‹name›⟨1⟩"),
        ("port :8080, :80", "port :‹#4›⟨1⟩, :80"),
        ("~3 replicas", "~3 replicas"),
        ("8080->80, 8080→9000", "‹#4›⟨1⟩->80,‹#4›⟨1⟩→‹#4›⟨2⟩"),
        ("port 8080+9000&80", "port‹#4›⟨1⟩+‹#4›⟨2⟩&80"),
        ("128Mi\u2013256Mi of willow…", "‹#3›⟨1⟩ mi\u2013‹#3›⟨2⟩ mi of‹word›⟨3⟩…"),
        ("a **willow** of **willow**.", "a **‹word›⟨1⟩** of **‹word›⟨1⟩**."),
        ("of *willow* and *web*", "of‹other›⟨1⟩(‹word›⟨2⟩) and‹other›⟨3⟩(web)"),
        ("URL=mongodb+srv://db/x", "‹VAR›⟨1⟩=‹url›⟨2⟩"),
        ("zone Etc/GMT+3, mail ops+certs@example.com", "‹word›⟨1⟩‹pair›⟨2⟩(‹word›⟨3⟩‹other›⟨4⟩),‹word›⟨5⟩‹mail›⟨6⟩"),
        ("a web named port, named of web", "a web named‹word›⟨1⟩, named of web"),
        ("a web named: port and port", "a web named:‹word›⟨1⟩ and port"),
        ("web /api/** port", "web‹path›⟨1⟩ port"),
        ("every 14:05", "every 14:05"),
        ("on 13h04", "on‹name›⟨1⟩(13:04)"),
        ("2-6 replicas", "‹name›⟨1⟩(2 - 6) replicas"),
        ("64Mi-128gi", "‹other›⟨1⟩(64 mi -‹#3›⟨2⟩ gi)"),
        ("64 Mi-128 Mi", "64‹other›⟨1⟩(mi -‹#3›⟨2⟩) mi"),
        ("0.5..2 of 10%-20%", "‹other›⟨1⟩(0.5 - 2) of‹other›⟨2⟩(10 % - 20 %)"),
        ("x86, x509, pod-1, 25h99", "‹name›⟨1⟩,‹name›⟨2⟩,‹name›⟨3⟩,‹name›⟨4⟩"),
        ("port.label: web, web_label=3, web.app", "‹host›⟨1⟩ ~ port label: web,‹other›⟨2⟩ ~ web label=3,‹host›⟨3⟩"),
        ("x3 web", "‹name›⟨1⟩(‹word›⟨2⟩ 3) web"),
        ("on */5 * * * 1-5 set", "on‹cron›⟨1⟩ set"),
        ("0 3 * * MON.", "‹cron›⟨1⟩."),
        ('"0 3 * * 1"', "‹cron›⟨1⟩"),
        ("0 3 * * *, set", "‹cron›⟨1⟩, set"),
        ("0 3 * * 1,3, set", "‹cron›⟨1⟩, set"),
        ('"sh -c date"', "‹text›⟨1⟩(‹word›⟨2⟩‹flag›⟨3⟩‹word›⟨4⟩)"),
        # More than six words: what somebody said.
        ('"a cron of willow at 3 am, please"', "‹text›⟨1⟩(a‹word›⟨2⟩ of‹word›⟨3⟩‹word›⟨4⟩ 3‹word›⟨5⟩,‹word›⟨6⟩)"),
        ("conf:/etc/conf:ro", "‹other›⟨1⟩(‹word›⟨2⟩‹path›⟨3⟩‹word›⟨4⟩)"),
        ("https://shop.example.io", "‹url›⟨1⟩(‹host›⟨2⟩)"),
        ("https://shop.example.io/cart", "‹url›⟨1⟩(‹host›⟨2⟩‹path›⟨3⟩)"),
        ("`willow`", "‹word›⟨1⟩"),
        ("'willow'", "‹word›⟨1⟩"),
        ("deployment/willow", "‹pair›⟨1⟩(deployment‹word›⟨2⟩)"),
        ("willow:8080", "‹image›⟨1⟩(‹word›⟨2⟩‹#4›⟨3⟩)"),
        ("shop.io/cart", "‹image›⟨1⟩(‹host›⟨2⟩‹path›⟨3⟩)"),
        ("web/port", "web/port"),
        ("podCount", "pod count"),
        ("willow's port", "‹word›⟨1⟩'s port"),
        ("deploymnt", "‹word›⟨1⟩ ~ deployment"),
        ("deployemnt of", "‹word›⟨1⟩ ~ deployment of"),
        ("servcie, willow", "‹word›⟨1⟩ ~ service,‹word›⟨2⟩"),
        ("on the 23rd and 1st", "on the 23 rd and 1 st"),
        ("*willow\n• Web\n-web\n-i web\n--web", "*‹word›⟨1⟩\n• web\n- web\n‹flag›⟨2⟩ web\n‹flag›⟨3⟩"),
        ("LOUD\nPORT of Web", "‹VAR›⟨1⟩\n‹VAR›⟨2⟩ ~ port of web"),
        ("A DEPLOYMENT NAMED WILLOW", "a deployment named‹VAR›⟨1⟩"),
        ("service/willow/LOG_HOST", "‹image›⟨1⟩(service‹word›⟨2⟩‹VAR›⟨3⟩)"),
        ("service/willow:/srv/x", "‹other›⟨1⟩(service‹word›⟨2⟩‹path›⟨3⟩)"),
        ("willow:/srv", "‹pair›⟨1⟩(‹word›⟨2⟩‹path›⟨3⟩)"),
        ("LEVEL:postgres://x", "‹other›⟨1⟩(‹VAR›⟨2⟩‹url›⟨3⟩)"),
        ("port:acme/willow:v2", "‹pair›⟨1⟩(port‹image›⟨2⟩)"),
        ("deploying counted services", "‹word›⟨1⟩ ~ deployment‹word›⟨2⟩ ~ count‹word›⟨3⟩ ~ service"),
        ("port-label and willow-label", "‹name›⟨1⟩ ~ port label and‹name›⟨2⟩"),
        ("/ready:8080 and :8080/ready", "‹path›⟨1⟩(‹path›⟨2⟩‹#4›⟨3⟩) and‹pair›⟨4⟩(‹#4›⟨3⟩‹path›⟨2⟩)"),
        ("service:willow:KEY", "‹other›⟨1⟩(service‹image›⟨2⟩(‹word›⟨3⟩‹VAR›⟨4⟩))"),
        ("willow.LOG_LEVEL", "‹host›⟨1⟩(‹word›⟨2⟩‹VAR›⟨3⟩)"),
        ("acme/willow:2.1", "‹image›⟨1⟩"),
        ("http://x/y", "‹url›⟨1⟩"),
        ('"tier: gold" "tier=gold"', "‹word›⟨1⟩:‹word›⟨2⟩‹word›⟨1⟩=‹word›⟨2⟩"),
        ("`sh -c 'willow --x'`", "‹text›⟨1⟩(‹word›⟨2⟩‹flag›⟨3⟩‹text›⟨4⟩)"),
        ("`sh -c '' \"\"`", "‹text›⟨1⟩(‹word›⟨2⟩‹flag›⟨3⟩)"),
        ("LOG_LEVEL=debug", "‹VAR›⟨1⟩=‹word›⟨2⟩"),
        ("a\n\n  web\tservice", "a\nweb service"),
        ("", ""),
        ("   ", ""),
        ("!?", "!?"),
    ],
)  # fmt: skip
def test_a_request_is_read_as_people_mean_it(request_, expected):
    assert canonical(request_) == expected


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("808", "#3"), ("8080", "#4"), ("80800", "#5"), ("0.5", "#"), ("http://x.y/z", "url"), ("10.0.0.0/8", "net"), ("fe80::1", "net"),
        ("*/5 * * * *", "cron"), ("a b", "text"), ("/var/log", "path"), ("--verbose", "flag"), ("a@b.io", "mail"), ("LOG_LEVEL", "VAR"),
        ("Willow", "word"), ("nginx:1.27", "image"), ("ghcr.io/a/b", "image"), ("a/b", "pair"), ("a.b.io", "host"), ("web-2", "name"),
        ("Café", "other"), ("a" * 50_000, "word"), ("a-" * 50_000, "other"),
    ],
)  # fmt: skip
def test_a_word_has_the_outline_of_what_it_is(word, name):
    assert outline(word) == f"‹{name}›" and outline(word) in OUTLINES


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
    assert VOCABULARY.near("web") == "web" and VOCABULARY.near("counting") == "count" and VOCABULARY.near("port-label") == "port label"
    for word in ("", "Web", "port-willow", "dep1oyment", "depqqoyment", "willow", "réplicas1", "d" * 100_000):
        assert VOCABULARY.near(word) == "", word[:20]


WORD = st.text("abwZ019.-/:_é=", min_size=1, max_size=8) | st.sampled_from(("web", "80", "8080", "0", "a.b/c:1", "v1", "1Gi", "'s"))


@settings(max_examples=150, deadline=None)
@given(
    request_=st.lists(WORD, max_size=12).map(" ".join),
    answer=st.lists(WORD, max_size=20).map(" ".join),
)
def test_what_is_pointed_at_resolves_to_itself(request_, answer):
    text, found, _ = mark(request_, VOCABULARY)
    assert resolve(point(answer, found), found) == answer
    assert all(f"⟨{index + 1}⟩" in text for index in found.values())
    assert list(found.values()) == list(range(len(found))) and len(found) <= MAX_SLOTS


def slow_point(answer, slots):
    """What `point` must say, in one regular expression a slot; far too slow for long texts."""

    def bounded(word):
        if re.fullmatch(r"\d+(\.\d+)?", word):
            return rf"(?<![A-Za-z0-9_.]){re.escape(word)}(?![0-9_.])"
        edge = "[A-Za-z0-9_/.]" if word.isalpha() else "[A-Za-z0-9_]"
        before = f"(?<!{edge})" if re.match("[A-Za-z0-9_]", word[0]) else ""
        after = f"(?!{edge})" if re.match("[A-Za-z0-9_]", word[-1]) else ""
        return before + re.escape(word) + after

    out, place = "", 0
    while place < len(answer):
        fits = [word for word in slots if re.compile(bounded(word)).match(answer, place)]
        longest = max(fits, key=len, default="")
        out += f"⟨{slots[longest] + 1}⟩" if longest else answer[place]
        place += len(longest) or 1
    return out


CLOSE_WORDS = st.sampled_from(["a", "b", "ab", "a-b", "a/b", "ba", "8", "80", "8.0", "8m", "é", "-a", "a.", "_"])


@settings(max_examples=300, deadline=None)
@given(
    words=st.lists(CLOSE_WORDS | st.text("ab8.-/_é", min_size=1, max_size=4), min_size=1, max_size=8, unique=True),
    answer=st.lists(CLOSE_WORDS | st.sampled_from([" ", "\n", ": ", "", "/", ".", "-"]), max_size=25).map("".join),
)
def test_pointing_finds_what_the_plain_definition_finds(words, answer):
    slots = {word: place for place, word in enumerate(words)}
    assert point(answer, slots) == slow_point(answer, slots)


def test_only_whole_words_are_pointed_at():
    found = mark("willow web-x 80 8080", VOCABULARY)[1]
    assert found == {"willow": 0, "web-x": 1, "8080": 2}
    text = "name: willow\nwillows\nswillow\nwillow-db\nx/willow\nweb-x\nweb-x1\n8080\n18080\n8080.5\n8080Mi\n"
    assert point(text, found) == "name: ⟨1⟩\nwillows\nswillow\n⟨1⟩-db\nx/willow\n⟨2⟩\nweb-x1\n⟨3⟩\n18080\n8080.5\n⟨3⟩Mi\n"
    assert point(text, {}) == text


def test_words_past_the_last_slot_are_spelled():
    words = [f"w{number}x" for number in range(200)]
    text, found, _ = mark(" ".join(words), VOCABULARY)
    assert len(found) == MAX_SLOTS == 40 and text.rpartition("⟩")[2].split() == words[MAX_SLOTS:]
    assert resolve(point(" ".join(words), found), found) == " ".join(words)


def test_a_pointer_that_was_never_given_stays():
    assert resolve("a ⟨7⟩ ⟨0⟩ ⟨99⟩", {"x": 1}) == "a ⟨7⟩ ⟨0⟩ ⟨99⟩" and len(POINTERS) == MAX_SLOTS


UNITS = ["1,", "*", "* ", "*/", '"', '"a', "'", "a's", "a'", "a.", "a/", "a:", "1:", "1.", "Aa", "A", "a", "é", "1 ", "1,1 ", " ", "`", "-"]


@pytest.mark.parametrize("unit", [*UNITS, "=", "a-", "a.a/", "*\n", "-\n", "A:", "a:/"])
def test_text_made_to_be_slow_is_read_all_the_same(unit):
    """Twenty kilobytes each: a pattern that backtracks, or a copy a letter, would not come back."""
    for text in (unit * (20_000 // len(unit)), unit * (20_000 // len(unit)) + "x 1Q"):
        canonical_text, found, _ = mark(text, VOCABULARY)
        assert resolve(point(text, found), found) == text and len(canonical_text) < 6 * len(text) + 100


@pytest.mark.parametrize(
    ("request_text", "slot"), [("at 0 9 * * mon", "0 9 * * mon"), ("0 0 1 JAN *", "0 0 1 JAN *"), ("5 4 * * SUN", "5 4 * * SUN")]
)
def test_days_and_months_are_fields_of_a_schedule(request_text, slot):
    assert slot in mark(request_text, VOCABULARY)[1]


def test_four_short_words_behind_a_number_are_no_schedule():
    assert not [slot for slot in mark("bump it to 4 and set the env LOG_LEVEL to debug", VOCABULARY)[1] if " " in slot]
