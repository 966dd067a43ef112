"""Masks on odd vocabularies, against Python's `re`, against brute force, and against themselves undone."""

import random

import numpy as np
import pytest

from kubestill.tools.grammar.api import Grammar, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.session import Session, fill_masks
from unit.tools.grammar.vocabularies import any_spelling, language, vocabulary

SIZES = (260, 300, 700)  # the first holds all bytes and no merge


def start(seed: int, size: int):
    rng = random.Random(seed)
    wanted = language(rng)
    pieces = vocabulary(rng, size)
    return rng, wanted, Compiler(pieces).session(Step(Grammar(f"start: /{wanted.pattern}/"))), pieces


def walk(rng: random.Random, session: Session, most: int = 200) -> bool:
    """Take random tokens under the mask until the end token; False where `most` were too few."""
    for _ in range(most):
        (choices,) = np.nonzero(session.allowed())
        session.take(int(rng.choice(choices)))
        if session.ended:
            return True
    return False


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(12))
def test_every_spelling_of_a_text_of_the_language_is_accepted(seed, size):
    rng, wanted, session, pieces = start(seed, size)
    for text in wanted.texts:
        assert wanted.holds(text)
        for _ in range(3):
            tokens = any_spelling(rng, text, pieces)
            assert session.valid([*tokens, pieces.end]) == len(tokens) + 1
    assert session.tokens == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(12, 32))
def test_what_is_written_under_the_mask_is_of_the_language(seed, size):
    rng, wanted, session, _ = start(seed, size)
    for _ in range(4):
        if walk(rng, session):
            assert wanted.holds(session.text), (wanted.pattern, session.text)
        session.back(len(session.tokens))
    for text in wanted.texts:  # and a broken text is refused somewhere
        broken = text + "\x00"
        tokens = any_spelling(rng, broken, session._pieces)
        assert wanted.holds(broken) or session.valid([*tokens, session._pieces.end]) < len(tokens) + 1


@pytest.mark.parametrize("seed", range(40, 46))
def test_a_mask_says_what_each_token_alone_does(seed):
    rng, _, session, pieces = start(seed, 500)
    for _ in range(12):
        allowed = session.allowed()
        assert [session.valid([token]) == 1 for token in range(pieces.size)] == allowed.tolist()
        (choices,) = np.nonzero(allowed)
        if not len(choices):
            assert session.ended
            break
        session.take(int(rng.choice(choices)))


@pytest.mark.parametrize("seed", range(50, 60))
def test_going_back_restores_every_mask(seed):
    rng, _, session, _ = start(seed, 400)
    masks = [session.allowed()]
    for _ in range(60):
        (choices,) = np.nonzero(masks[-1])
        if len(choices) and rng.random() < 0.7:
            session.take(int(rng.choice(choices)))
            masks.append(session.allowed())
            session.forced()  # asking changes nothing
        else:
            count = rng.randint(0, len(masks) - 1)
            session.back(count)
            del masks[len(masks) - count :]
        assert (session.allowed() == masks[-1]).all() and len(session.tokens) == len(masks) - 1


@pytest.mark.parametrize("seed", range(60, 72))
def test_what_is_forced_begins_every_text_that_may_follow(seed):
    rng, _, session, pieces = start(seed, 400)
    for _ in range(6):
        forced = session.forced()
        assert session.valid(forced) == len(forced)
        begun, place = pieces.join(forced), len(session.tokens)
        for _ in range(3):
            whole = walk(rng, session)
            written = pieces.join(session.tokens[place:])
            assert written.startswith(begun) if whole else begun[: len(written)] == written[: len(begun)], (written, begun)
            session.back(len(session.tokens) - place)
        session.take(int(rng.choice(np.nonzero(session.allowed())[0])))
        if session.ended:
            break


def test_a_batch_of_masks_is_the_masks_one_by_one():
    rng = random.Random(7)
    pieces = vocabulary(rng, 600)
    compiler = Compiler(pieces)
    sessions = [compiler.session(Step(Grammar(f"start: /{language(rng).pattern}/"))) for _ in range(9)]
    for session in sessions[::2]:
        session.take(int(rng.choice(np.nonzero(session.allowed())[0])))
    bits = np.full((9, -(-pieces.size // 32)), -1, np.int32)
    fill_masks(sessions, bits)
    for row, session in zip(bits, sessions, strict=True):
        assert (np.unpackbits(row.view(np.uint8), bitorder="little")[: pieces.size] == session.allowed()).all()
        assert not np.unpackbits(row.view(np.uint8), bitorder="little")[pieces.size :].any()


def test_a_large_vocabulary():
    rng, wanted, session, pieces = start(90, 32_000)
    for text in wanted.texts:
        tokens = any_spelling(rng, text, pieces)
        assert session.valid([*tokens, pieces.end]) == len(tokens) + 1
    allowed = session.allowed()
    assert [session.valid([token]) == 1 for token in range(0, pieces.size, 29)] == allowed[::29].tolist()


def test_tokens_that_cut_a_character_spell_it_together():
    rng = random.Random(1)
    pieces = vocabulary(rng, 300)
    session = Compiler(pieces).session(Step(Grammar('start: "语" | "語"')))
    first, second, third = "語".encode()
    assert session.allowed()[first] and session.forced() == [first] and not session.allowed()[second]
    for byte in (first, second, third):
        assert not session.done
        session.take(byte)
    assert session.done and session.text == "語" and session.allowed().nonzero()[0].tolist() == [pieces.end]


def test_a_token_across_terminals_is_one_token():
    pieces = vocabulary(random.Random(2), 400, ("ab: 1\n",))
    grammar = Grammar('start: (KEY ": " VALUE "\\n")+\nKEY: /[ab]{1,3}/\nVALUE: /[0-9]{1,3}/')
    session = Compiler(pieces).session(Step(grammar))
    text, rng = "ab: 1\nb: 11\naab: 111\n", random.Random(3)
    for _ in range(20):
        tokens = any_spelling(rng, text, pieces)
        assert session.valid([*tokens, pieces.end]) == len(tokens) + 1
    assert any(len(pieces.tokens[token]) > 1 for token in any_spelling(rng, text, pieces))
