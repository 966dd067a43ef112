"""Tokens that a step favours are raised by what it says, no others, and the grammar still decides what may stand at all."""

import re

import numpy as np
import pytest
import torch

from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.reading import read_request
from kubestill.tools.engines.replay import request_key
from kubestill.tools.grammar.api import Step
from kubestill.tools.modeling.qwen3 import Student
from unit.tools.engines.test_guided import MANIFEST, SHAPE, Known, Listener, One, engine, flat, layout, texts

__all__ = ["engine", "flat", "layout", "texts"]  # fixtures
WANTED = "servers"


def favours(text):
    """After a name's colon: the wanted word, as far as it is not written."""
    match = re.search(r"name: ([a-z]*)\Z", text)
    return (WANTED[len(match[1]) :],) if match and WANTED.startswith(match[1]) else ()


class Leaning:
    def __init__(self, nats):
        self.nats = nats

    def start(self, reading):
        return Step(MANIFEST, favours=favours, nats=self.nats)


def by_hand(engine, layout, flat, request, ask, nats):
    """Whole forward passes; the raised tokens are found by trying every one."""
    words, student = engine.words, Student(layout, flat, flat)
    pieces = words.compiler.pieces
    prompt = words.voice.prompt(request)
    ids = words.tokenizer.encode(prompt.text, add_special_tokens=False).ids
    session = words.compiler.session(Leaning(0.0).start(read_request(request, prompt, pointers=False)))
    choose, found = Chooser(ask, request), []
    while len(found) < ask.max_new_tokens and not session.done:
        fresh = list(session.forced())
        if not fresh:
            with torch.no_grad():
                logits = student.logits(torch.tensor([ids + found]), torch.tensor([len(ids + found) - 1]))[0].numpy()[: pieces.size].copy()
            for text in favours(session.text):
                whole = text.encode()
                raised = [
                    token for token, piece in enumerate(pieces.tokens) if piece and (whole.startswith(piece) or piece.startswith(whole))
                ]
                logits[raised] += np.float32(nats)
            fresh = [choose(np.where(session.allowed(), logits, -np.inf).astype(np.float32))]
            if fresh[0] in words.ends:
                break
        for token in fresh:
            session.take(token)
            found.append(token)
    return words.tokenizer.decode(found, skip_special_tokens=False)


@pytest.mark.parametrize("nats", [0.0, 1.5, 40.0])
@pytest.mark.parametrize("ask", [Ask(90), Ask(90, temperature=0.9, seed=2)], ids=["greedy", "drawn"])
def test_the_choice_is_that_of_the_plainest_loop(engine, layout, flat, ask, nats):
    (reply,) = engine.generate(["a pod"], ask, [Leaning(nats)])
    assert reply.text == by_hand(engine, layout, flat, "a pod", ask, nats)
    assert SHAPE.fullmatch(reply.text)
    if nats > 9:
        assert f"name: {WANTED}" in reply.text


def test_guesses_and_batches_change_nothing(engine):
    asks, requests = Ask(90), ["a pod", "b", "scale it"]
    alone = [engine.generate([request], asks, [Leaning(1.5)])[0].text for request in requests]
    engine.guesser = heard = Listener()
    assert [one.text for one in engine.generate(requests, asks, [Leaning(1.5)] * 3)] == alone
    engine.guesser = Known(heard.texts, 0.2)
    replies = engine.generate(requests, asks, [Leaning(1.5)] * 3)
    assert [one.text for one in replies] == alone and sum(one.drafted for one in replies) > 0


def test_what_the_grammar_refuses_stays_refused_however_much_it_is_favoured(engine):
    class Strange:
        def start(self, reading):
            return Step(MANIFEST, favours=lambda text: ("Nothing of the kind\n", "\x00", ""), nats=1e6)

    (reply,) = engine.generate(["a pod"], Ask(90), [Strange()])
    assert SHAPE.fullmatch(reply.text)


def test_a_recorded_answer_knows_how_much_was_favoured():
    assert len({request_key("x", Ask(), Leaning(nats)) for nats in (0.0, 1.0, 2.0)}) == 3
    assert request_key("x", Ask(), Leaning(0.0)) == request_key("x", Ask(), One())
