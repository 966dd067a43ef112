"""Guided answers: the tokens are those of the plainest loop there is, whatever is forced, guessed or batched with them."""

import random
import re

import numpy as np
import pytest
import torch

from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.engines.api import MAX_REMOVED, Ask
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.local import unused
from kubestill.tools.engines.reading import read_request
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.grammar.api import Given, Grammar, Span, Step
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.qwen3 import Student
from kubestill.tools.modeling.tokenizer import train_tokenizer

REQUESTS = ["a pod", "a service on port 8080, please", "scale it", "b"]
ASKS = (Ask(max_new_tokens=90), Ask(max_new_tokens=90, temperature=0.9, top_p=0.95, seed=2))
SHAPE = re.compile(r"kind: (Pod|Service|Deployment)\nmetadata:\n  name: [a-z]{1,12}\nspec:\n(  [a-z]{1,5}: [a-z]{1,6}\n){1,3}")
MANIFEST = Grammar(
    r"""start: "kind: " KIND "\nmetadata:\n  name: " NAME "\nspec:\n" line{1,3}
KIND: "Pod" | "Service" | "Deployment"
NAME: /[a-z]{1,12}/
line: "  " /[a-z]{1,5}/ ": " /[a-z]{1,6}/ "\n"
"""
)
HEADER = Grammar('start: "kind: " ("Pod" | "Service") "\\n"')


class One:
    """A guide of one step."""

    def start(self, reading):
        return Step(MANIFEST)


class Rest:
    """A header is chosen; the rest is certain."""

    def start(self, reading):
        return Step(HEADER, then=lambda text: Given(f"metadata:\n  name: {text.split()[1].lower()}-{len(reading.request)}\n"))


class Certain:
    def start(self, reading):
        return Given("kind: Pod\n")


class Listener:
    """Guesses nothing and remembers what it was asked after."""

    def __init__(self):
        self.texts = []

    def propose(self, tokens, limit):
        self.texts = [text for text in self.texts if text != tokens[: len(text)]] + [list(tokens)]
        return []


class Random:
    """Guesses at random."""

    def __init__(self, vocabulary):
        self.rng, self.vocabulary = random.Random(4), vocabulary

    def propose(self, tokens, limit):
        return [self.rng.randrange(self.vocabulary) for _ in range(limit)]


class Known:
    """Guesses what was answered before, now and then with a slip."""

    def __init__(self, texts, slips):
        self.texts, self.slips, self.rng = texts, slips, random.Random(4)

    def propose(self, tokens, limit):
        whole = next((text for text in self.texts if text[: len(tokens)] == list(tokens)), list(tokens))
        found = whole[len(tokens) : len(tokens) + limit]
        return [token if self.rng.random() >= self.slips else self.rng.randrange(300) for token in found]


@pytest.fixture(scope="module")
def layout():
    torch.set_num_threads(1)
    return Layout(Architecture(64, 2, 4, 2, 16, 96, vocabulary=430, max_position=256))


@pytest.fixture(scope="module")
def flat(layout):
    return draw(layout, 5) * 3


@pytest.fixture(scope="module")
def texts():
    written = "kind: Pod\nmetadata:\n  name: b\nspec:\n  port: web\nkind: Service\nkind: Deployment\n"
    return train_tokenizer([*REQUESTS, written] * 3, 430, "spell"), ChatFormat("spell")


@pytest.fixture
def engine(layout, flat, texts):
    return TransformersEngine(layout, flat, texts)


def plainly(engine, layout, flat, request, ask, guide):
    """One token at a time from whole forward passes, and forced ones as the session says."""
    words, student = engine.words, Student(layout, flat, flat)
    prompt = words.voice.prompt(request)
    ids = words.tokenizer.encode(prompt.text, add_special_tokens=False).ids
    session = words.compiler.session(guide.start(read_request(request, prompt, pointers=False)))
    choose, found = Chooser(ask, request), []
    while len(found) < ask.max_new_tokens and not session.done:
        if forced := session.given or session.forced():
            fresh = list(forced)
        else:
            with torch.no_grad():
                logits = student.logits(torch.tensor([ids + found]), torch.tensor([len(ids + found) - 1]))[0].numpy()
            fresh = [choose(np.where(session.allowed(), logits[: words.compiler.pieces.size], -np.inf).astype(np.float32))]
            if fresh[0] in words.ends:
                break
        for token in fresh:
            session.take(token)
            found.append(token)
    return words.tokenizer.decode(found[: ask.max_new_tokens], skip_special_tokens=False), len(found)


@pytest.mark.parametrize(
    "ask", [Ask(max_new_tokens=90), Ask(max_new_tokens=90, temperature=0.9, top_p=0.95, seed=2)], ids=["greedy", "drawn"]
)
@pytest.mark.parametrize("guide", [One(), Rest()], ids=["one", "rest"])
def test_the_tokens_are_those_of_the_plain_loop(engine, layout, flat, ask, guide):
    replies = engine.generate(REQUESTS[:2], ask, [guide] * 2)
    for request, reply in zip(REQUESTS, replies, strict=False):
        assert (reply.text, reply.tokens) == plainly(engine, layout, flat, request, ask, guide)
        assert 0 < reply.forced < reply.tokens and not reply.cut


@pytest.mark.parametrize(
    "ask", [Ask(max_new_tokens=90), Ask(max_new_tokens=90, temperature=0.9, top_p=0.95, seed=2)], ids=["greedy", "drawn"]
)
def test_guesses_change_the_time_and_never_the_tokens(engine, ask):
    guides = [One(), None, Rest(), One()]
    engine.guesser = heard = Listener()
    plain = engine.generate(REQUESTS, ask, guides)
    assert all(reply.drafted == 0 for reply in plain)
    for name, guesser in {"random": Random(430), "slips": Known(heard.texts, 0.2), "right": Known(heard.texts, 0.0)}.items():
        engine.guesser = guesser
        replies = engine.generate(REQUESTS, ask, guides)
        assert [reply.text for reply in replies] == [reply.text for reply in plain], name
        assert [(r.tokens, r.forced, r.removed, r.cut) for r in replies] == [(r.tokens, r.forced, r.removed, r.cut) for r in plain], name
        assert name == "random" or replies[0].drafted > 0
        assert replies[1].drafted == 0  # a free answer is not guessed at


class Counted:
    """A model, and how often a batch of it was read."""

    def __init__(self, model):
        self.model, self.passes = model, 0

    def batch(self, rows):
        batch = self.model.batch(rows)
        read = batch.read

        def counting(fed, wanted):
            self.passes += 1
            return read(fed, wanted)

        batch.read = counting
        return batch


def test_right_guesses_and_forced_text_save_passes(engine):
    ask, request = Ask(max_new_tokens=90), REQUESTS[1]
    engine.model = counted = Counted(engine.model)
    engine.guesser = heard = Listener()
    (plain,) = engine.generate([request], ask, [One()])
    assert counted.passes == plain.tokens - plain.forced  # the end is no choice: the grammar stops
    counted.passes, engine.guesser = 0, Known(heard.texts, 0.0)
    (reply,) = engine.generate([request], ask, [One()])
    assert reply.text == plain.text and counted.passes < plain.tokens / 4


def test_what_is_certain_needs_no_model(engine):
    engine.model = None
    (reply,) = engine.generate(["a pod"], Ask(), [Certain()])
    assert (reply.text, reply.cut) == ("kind: Pod\n", False) and reply.forced == reply.tokens > 0
    (reply,) = engine.generate(["a pod"], Ask(max_new_tokens=1), [Certain()])
    assert reply.tokens == 1 and reply.cut


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_guided_answer_does_not_depend_on_its_batch_and_fits_its_grammar(engine, temperature):
    ask, guides = Ask(max_new_tokens=90, temperature=temperature), [One(), None, Rest(), One()]
    together = engine.generate(REQUESTS, ask, guides)
    assert together == [engine.generate([q], ask, [guide])[0] for q, guide in zip(REQUESTS, guides, strict=True)]
    assert engine.generate([REQUESTS[1]], ask) == [together[1]]
    for reply in (together[0], together[3]):
        assert SHAPE.fullmatch(reply.text)


def test_the_limit_cuts_and_a_whole_answer_of_just_that_length_is_not_cut(engine):
    (whole,) = engine.generate(["a pod"], Ask(max_new_tokens=90), [One()])
    for limit in range(1, whole.tokens + 1):
        (reply,) = engine.generate(["a pod"], Ask(max_new_tokens=limit), [One()])
        assert reply.tokens == limit and whole.text.startswith(reply.text.rstrip("\ufffd"))
        assert reply.cut == (limit < whole.tokens)


def test_what_the_grammar_took_away_is_told_with_the_models_own_chance(engine, layout, flat):
    (reply,) = engine.generate(["a pod"], Ask(max_new_tokens=90), [One()])
    assert 0 < len(reply.removed) <= MAX_REMOVED
    words, student = engine.words, Student(layout, flat, flat)
    prompt = words.tokenizer.encode(words.voice.prompt("a pod").text, add_special_tokens=False).ids
    session = words.compiler.session(Step(MANIFEST))
    answer = []
    for removed in reply.removed:
        while len(answer) < removed.at:
            fresh = session.forced() or [next(t for t in words.tokenizer.encode(reply.text).ids[len(answer) :])]
            for token in fresh:
                session.take(token)
            answer += fresh
        with torch.no_grad():
            logits = student.logits(torch.tensor([prompt + answer]), torch.tensor([len(prompt + answer) - 1]))[0]
        wanted = int(logits.argmax())
        assert not session.allowed()[wanted]
        assert removed.token_text == words.tokenizer.decode([wanted], skip_special_tokens=False)
        assert removed.probability == pytest.approx(float(logits.softmax(-1)[wanted]), abs=1e-4)
        break  # later places follow tokens that need not be spelled as the tokenizer would


def test_a_reading_tells_the_words_and_how_they_are_written():
    chat = ChatFormat("slots", known=frozenset(["a", "pod", "named"]))
    prompt = chat.prompt("a pod named willow-x with redis:7.2")
    reading = read_request("a pod named willow-x with redis:7.2", prompt)
    assert Span("⟨1⟩", "willow-x") in reading.spans and all(span.surface in prompt.text for span in reading.spans)
    plain = read_request('scale "web" to 3, image=nginx:1.27.', prompt, pointers=False)
    assert [span.text for span in plain.spans] == ["scale", "web", "to", "3", "image=nginx:1.27", "image", "nginx", "1.27"]
    assert all(span.surface == span.text for span in plain.spans)


def test_what_a_prompt_points_at_and_nothing_tells_is_listed():
    chat = ChatFormat("slots", frozenset("a pod called with image and replicas of memory".split()))
    prompt = chat.prompt("a pod called web with image nginx:1.27 and 16 replicas of 7.2, 256Mi memory")
    assert unused(prompt, "name: web\nmemory: 256Mi") == ("nginx:1.27", "16", "7.2")
    assert unused(prompt, "web nginx:1.27 16 7.2 256Mi") == ()
