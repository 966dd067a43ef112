"""The format of one student: requests in, answers out, saved and loaded, and strangers kept out."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill
from kubestill.ground.seeds import Seed
from kubestill.tools.chat.format import ASSISTANT, FILE, SPECIAL, USER, ChatFormat

KNOWN = frozenset("a service with user end pad assistant system port".split())
SLOTS = ChatFormat("slots", KNOWN)


@pytest.fixture(scope="module")
def samples():
    skill = ManifestSkill()
    return [skill.draw(Seed(8).rng(part, number), part) for part in (TRAIN, HELD) for number in range(250)]


@pytest.fixture(scope="module")
def learned(samples):
    return ChatFormat.learn(((sample.request, sample.answer) for sample in samples), words=domain().vocabulary())


def body(prompt):
    assert prompt.text.startswith(f"{USER}\n") and prompt.text.endswith(f"{ASSISTANT}\n")
    return prompt.text[len(USER) + 1 : -len(ASSISTANT) - 1]


def test_the_answer_comes_back_exactly_and_its_words_are_pointed_at(samples, learned):
    shorter, spelled = 0, []
    for sample in samples:
        prompt = learned.prompt(sample.request)
        target = learned.target(sample.answer, prompt)
        assert learned.answer(target, prompt) == sample.answer
        image = next((str(intent.value) for intent in sample.intents if intent.aspect == "container.image"), None)
        if image and not image.isalpha() and len(prompt.slots) < 64:
            spelled.append(f"image: {image}\n" in target)
        shorter += len(target) < len(sample.answer)
    assert shorter > 0.9 * len(samples)
    assert len(spelled) > 100 and sum(spelled) < 0.03 * len(spelled)  # a bullet without a space hides a word: `*nginx:1.27`


def test_known_are_the_words_of_the_field_and_those_of_many_requests(samples, learned):
    assert domain().vocabulary() < learned.known and {"the", "called", "with"} < learned.known
    names = [str(sample.intents[1].value) for sample in samples]
    assert sum(name in learned.known for name in names) < 0.1 * len(names)  # of so few samples a word of the trade may look like a habit
    assert all(word.islower() or word.isupper() for word in learned.known)


def test_a_word_that_the_answers_repeat_as_a_value_is_a_name():
    pairs = [("make willow for me", "name: willow\n")] * 5 + [("make it for the team", "name: x\n")] * 5
    assert ChatFormat.learn(pairs).known == {"make", "for", "me", "it", "the", "team"}
    keys = [("willow is the tier for willow", "willow: tier\n")] * 6
    assert "willow" in ChatFormat.learn(keys).known and "tier" not in ChatFormat.learn(keys).known
    capitals = [("set HOST and url for HTTP", "- name: HOST\n  value: x\n")] * 6
    assert ChatFormat.learn(capitals, words=frozenset({"host"})).known == {"set", "and", "url", "for", "http", "HTTP", "host"}
    assert ChatFormat.learn(pairs[:2]).known == frozenset()  # too few to be a habit
    assert ChatFormat.learn(pairs, words=frozenset({"pod"})).known > {"pod"}


def test_pointers_are_counted_from_one_in_the_order_of_mention(samples, learned):
    again = ChatFormat("slots", learned.known)
    for sample in samples:
        prompt = learned.prompt(sample.request)
        assert prompt == again.prompt(sample.request) == learned.prompt(f"  {sample.request}\n")
        first_seen = [body(prompt).index(f"⟨{place + 1}⟩") for place in range(len(prompt.slots))]
        assert first_seen == sorted(first_seen) and list(prompt.slots.values()) == list(range(len(prompt.slots)))


def test_a_word_may_look_like_the_mark_between_notes_and_answer():
    chat = ChatFormat("slots", KNOWN, notes=True)
    prompt = chat.prompt("a service with > and | answer")
    target = chat.target("name: >\n", prompt, "key: > |")
    assert chat.answer(target, prompt) == "name: >\n" and chat.understood(target, prompt) == "key: > |"
    assert chat.answer("key: > that never ended", prompt) == ""


def test_it_loads_as_it_was_saved(tmp_path, samples, learned):
    learned.save(tmp_path)
    assert json.loads((tmp_path / FILE).read_text())["copying"] == "slots"
    assert ChatFormat.load(tmp_path) == learned
    noting = replace(learned, notes=True)
    noting.save(tmp_path)
    assert ChatFormat.load(tmp_path) == noting != learned
    learned.save(tmp_path)
    assert ChatFormat.load(tmp_path).prompt(samples[0].request) == learned.prompt(samples[0].request)
    assert ChatFormat.load(tmp_path / "nowhere") == ChatFormat("spell") == ChatFormat.learn([], "spell")


def test_a_share_of_the_rare_words_is_read_as_unknown(samples, learned):
    assert learned.rare and learned.rare < learned.known - domain().vocabulary()
    hidden = shown = 0
    for sample in samples:
        whole, some, all_ = (learned.prompt(sample.request, share) for share in (0.0, 0.3, 1.0))
        assert some == learned.prompt(sample.request, 0.3)  # the request decides, not the day
        assert learned.answer(learned.target(sample.answer, some), some) == sample.answer
        words = [{word.lower() for word in prompt.slots if word.lower() in learned.rare} for prompt in (whole, some, all_)]
        assert words[0] <= words[1] <= words[2]
        hidden += len(words[1] - words[0])
        shown += len(words[2] - words[0])
    assert 0.2 * shown < hidden < 0.4 * shown and shown > len(samples) / 2
    assert ChatFormat("slots", KNOWN).prompt("a service with a port", 0.9) == ChatFormat("slots", KNOWN).prompt("a service with a port")


def test_a_hidden_word_is_no_slip_of_a_known_one():
    chat = ChatFormat("slots", KNOWN, rare=frozenset({"service"}))
    assert "~" not in chat.prompt("a service with a port", 0.9999).text and "‹word›⟨1⟩" in chat.prompt("a service with a port", 0.9999).text
    assert "~ service" in chat.prompt("a servce with a port", 0.9999).text


@settings(max_examples=60, deadline=None)
@given(request_=st.text(max_size=80), answer=st.text(max_size=80))
def test_to_spell_is_to_leave_all_as_it_stands(request_, answer):
    spell = ChatFormat("spell")
    prompt = spell.prompt(request_)
    assert prompt.slots == {} and spell.target(answer, prompt) == answer == spell.answer(answer, prompt)
    if request_.isprintable() and not any(mark in request_ for mark in ("<|", "⟨", "⟩")):
        assert body(prompt) == request_.strip()


PIECES = (
    *SPECIAL,
    *(token.upper() for token in SPECIAL),
    "<|End|>",
    "<|us",
    "er|>",
    "⟨3⟩",
    "⟨",
    "⟩",
    "<|",
    "|>",
    "user",
    '"',
    "'",
    "`",
    " ",
    "\n",
    "\0",
    "🙂",
    "\ud800",
    "web",
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.sampled_from(("slots", "spell")))
def test_nobody_types_a_mark_of_ours(request_, copying):
    prompt = ChatFormat(copying, KNOWN).prompt(request_)
    text = body(prompt)
    assert not any(token in text.lower() for token in SPECIAL), text
    text.encode()
    given = {f"⟨{index + 1}⟩" for index in prompt.slots.values()}
    for pointer in given:
        text = text.replace(pointer, "")
    assert "⟨" not in text and "⟩" not in text


@pytest.mark.parametrize(
    "request_",
    [
        "",
        " \n\t ",
        "\0",
        "🙂" * 300,
        "x" * 10_000,
        "web " * 2_500,
        " ".join(f"n{n}-x" for n in range(200)),
        "⟨1⟩ ⟨2⟩",
        "\ud800",
        "a" * 64 + "\u2028",
    ],
    ids=range(10),
)
def test_a_strange_request_has_a_prompt_and_its_answer_resolves(request_):
    for chat in (SLOTS, ChatFormat("slots"), ChatFormat("spell")):
        prompt = chat.prompt(request_)
        prompt.text.encode()
        answer = request_.encode("utf-8", "replace").decode().replace("⟨", "").replace("⟩", "")
        assert chat.answer(chat.target(answer, prompt), prompt) == answer


def test_the_tasks_that_were_taught_are_kept_and_joined(tmp_path):
    taught = ChatFormat("slots", KNOWN, notes=True, tasks=frozenset(("kubectl",))).widened(
        ChatFormat("slots", KNOWN, tasks=frozenset(("diagnose",)))
    )
    taught.save(tmp_path)
    assert ChatFormat.load(tmp_path) == taught and taught.tasks == {"kubectl", "diagnose"}
    SLOTS.save(tmp_path)
    assert ChatFormat.load(tmp_path).tasks == frozenset() and "tasks" not in (tmp_path / "chat.json").read_text()
