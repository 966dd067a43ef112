"""One answer from step to step: special tokens, headers that are read again, given rests, forced tokens, states."""

import json
import random

import numpy as np
import pytest

from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Given, Grammar, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.grammar.session import Session, fill_masks
from kubestill.tools.modeling.tokenizer import train_tokenizer
from unit.tools.grammar.vocabularies import vocabulary

KINDS = {"Deployment": "apps/v1", "Job": "batch/v1", "JobSet": "v1"}
HEADS = [f"apiVersion: {version}\nkind: {kind}\nmetadata:" for kind, version in KINDS.items()]
ANSWERS = [f"{head}\n  name: ⟨{place}⟩-web\n  labels:\n    app: ⟨{place}⟩\n" for place, head in enumerate(HEADS, 3)]
HEADER = Grammar("start: " + " | ".join(map(json.dumps, HEADS)), name="header")
LINES = r"BODY: /(\n  name: [a-z⟨⟩0-9-]+)(\n  labels:\n    app: [a-z⟨⟩0-9]+)?\n/"
NOTES = Grammar("start: LINE* <|answer|>\nLINE: /[a-z.]+: [a-z0-9⟨⟩]+\\n/", name="notes")


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([*ANSWERS, "name: ⟨1⟩\n"] * 50, 700, "slots")


@pytest.fixture(scope="module")
def compiler(tokenizer):
    return Compiler(Pieces.of_tokenizer(tokenizer, tokenizer.token_to_id("<|end|>")))


def manifest(text: str) -> Step:
    """The grammar of one kind covers the header, too."""
    return Step(Grammar(f"start: {json.dumps(text)} BODY\n{LINES}", name=text.split()[3]), again=True)


def first(text: str = "") -> Step:
    return Step(HEADER, manifest)


def ids(compiler, text):
    return compiler.pieces.encode(text)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_in_canonical_tokens_crosses_from_step_to_step(compiler, answer):
    session = compiler.session(Step(NOTES, first))
    tokens = [*ids(compiler, f"name: ⟨3⟩\n<|answer|>{answer}"), compiler.pieces.end]
    assert session.valid(tokens) == len(tokens)
    for token in tokens:
        assert session.allowed()[token] and not session.ended
        session.take(token)
    assert session.text == f"name: ⟨3⟩\n<|answer|>{answer}" and session.ended and session.done
    assert not session.allowed().any() and session.forced() == []
    with pytest.raises(ValueError, match="may not follow"):
        session.take(tokens[0])


def test_each_token_is_checked_as_the_step_it_falls_into_checks_it(compiler):
    """valid over the borders of steps agrees with taking, for right tokens and for wrong ones."""
    rng = random.Random(4)
    for answer in ANSWERS * 4:
        session = compiler.session(Step(NOTES, first))
        tokens = [*ids(compiler, f"name: ⟨3⟩\n<|answer|>{answer}"), compiler.pieces.end]
        tokens[rng.randrange(len(tokens))] = rng.randrange(compiler.pieces.size)
        cut = rng.randrange(len(tokens))
        for place, token in enumerate(tokens):
            if place == cut:
                count = session.valid(tokens[cut:])
            if not session.allowed()[token]:
                break
            session.take(token)
        if len(session.tokens) >= cut:
            assert len(session.tokens) == cut + count


def test_the_header_is_left_as_soon_as_the_kind_is_certain(compiler):
    """After `apps/v1` only one kind is left, and the token that crosses the header's end is not cut at it."""
    session = compiler.session(first())
    crossing = compiler.pieces.encode("\nmetadata:\n  name: ")
    for token in ids(compiler, HEADS[0]):
        session.take(token)
    assert session.valid(crossing[1:]) == len(crossing) - 1
    session = compiler.session(first())
    assert session.valid(ids(compiler, "apiVersion: v1\nkind: JobSet\nmetadata:\n  name: ")) > 0
    assert session.valid(ids(compiler, "apiVersion: apps/v1\nkind: Job")) < len(ids(compiler, "apiVersion: apps/v1\nkind: Job"))


def test_going_back_crosses_steps_and_given_rests(compiler):
    def then(text: str):
        return Given(ANSWERS[1]) if "job" in text else first()

    session = compiler.session(Step(NOTES, then))
    before = session.allowed()
    notes = ids(compiler, "kind: job\n<|answer|>")
    for token in notes:
        session.take(token)
    assert session.given == ids(compiler, ANSWERS[1]) == session.forced() and not session.done
    for token in session.given:
        assert session.allowed().nonzero()[0].tolist() == [token]
        session.take(token)
    assert session.done and session.allowed().nonzero()[0].tolist() == [compiler.pieces.end]
    session.take(compiler.pieces.end)
    session.back(len(session.tokens))
    assert (session.allowed() == before).all() and session.text == "" and session.given == []
    other = ids(compiler, f"kind: web\n<|answer|>{ANSWERS[0]}")
    assert session.valid(other) == len(other)
    with pytest.raises(ValueError, match="cannot undo"):
        session.back(1)


def test_a_given_answer_needs_no_grammar(compiler):
    session = compiler.session(Given(ANSWERS[2]))
    assert compiler.pieces.text(session.given) == ANSWERS[2] and session.text == ""
    assert session.valid([*session.given, compiler.pieces.end]) == len(session.given) + 1
    assert compiler.session(Given("")).done


def test_forced_tokens_are_canonical_and_leave_the_last_two_to_the_model(compiler):
    session = compiler.session(Step(Grammar(f"start: {json.dumps(ANSWERS[0])} | {json.dumps(ANSWERS[0] + '---')}")))
    tokens = ids(compiler, ANSWERS[0])
    assert session.forced() == tokens[:-2]
    for token in session.forced():
        session.take(token)
    assert session.forced() == []
    session = compiler.session(Step(Grammar(f"start: {json.dumps(ANSWERS[0])}")))
    assert session.forced() == tokens  # nothing follows, so nothing can change them
    session = compiler.session(Step(Grammar('start: "name: ⟨1⟩\\n" <|answer|> ("a" | "b")')))
    assert session.forced() == ids(compiler, "name: ⟨1⟩\n<|answer|>")


def test_special_tokens_are_told_by_name_and_never_by_letters(compiler):
    session = compiler.session(Step(NOTES, first))
    answer = compiler.pieces.special["<|answer|>"]
    assert session.allowed()[answer] and not session.allowed()[compiler.pieces.end]
    text = compiler.session(Step(Grammar('start: "<|answer|>" | "x"')))
    assert not text.allowed()[answer] and text.allowed()[ids(compiler, "<")[0]]


def test_the_end_token_is_no_grammars_to_write(compiler):
    session = compiler.session(Step(Grammar('start: <|end|> "a" | "b"')))
    assert session.allowed().nonzero()[0].tolist() == ids(compiler, "b") and session.valid([compiler.pieces.end]) == 0


def test_a_step_without_a_follower_ends_the_answer(compiler):
    session = compiler.session(Step(NOTES, lambda text: None))
    for token in ids(compiler, "a: b\n<|answer|>"):
        session.take(token)
    assert session.done and session.allowed().nonzero()[0].tolist() == [compiler.pieces.end]


def test_the_end_may_come_where_the_last_grammar_is_whole_and_only_there(compiler):
    end = compiler.pieces.end
    session = compiler.session(Step(Grammar("start: /(ab)+/")))
    a, b = ids(compiler, "a")[0], ids(compiler, "b")[0]
    for count in range(3):
        assert session.allowed()[end] == (count > 0) and session.valid([end]) == (count > 0)
        session.take(a)
        assert session.valid([b, end]) == 2 and session.valid([end, b]) == 0
        session.take(b)
        assert session.allowed()[end] and not session.done


def test_a_grammar_that_refuses_what_it_reads_again_is_told(compiler):
    session = compiler.session(Step(HEADER, lambda text: Step(Grammar('start: "kind"', name="other"), again=True)))
    with pytest.raises(UserError, match="other: refuses what the step before it wrote"):
        for token in ids(compiler, HEADS[0]):
            session.take(token)


def test_a_batch_of_answers_at_all_kinds_of_places(compiler):
    """Masks of many at once, of steps that others follow and of given rests, are those of each alone."""
    guides = [Step(NOTES, first), first(), Step(Grammar("start: /(ab)*/")), Given(ANSWERS[1]), Step(NOTES, lambda text: None)] * 3
    texts = ["a: b\n", HEADS[1], "ab", ANSWERS[1], "a: b\n<|answer|>"] * 2 + [""] * 5
    together = [compiler.session(guide) for guide in guides]
    alone = [compiler.session(guide) for guide in guides]
    for session in (*together, *alone):
        for token in ids(compiler, texts[(together + alone).index(session) % 15]):
            session.take(token)
    bits = np.full((15, -(-compiler.pieces.size // 32)), -1, np.int32)
    fill_masks(together, bits)
    for row, session in zip(bits, alone, strict=True):
        assert (np.unpackbits(row.view(np.uint8), bitorder="little")[: compiler.pieces.size] == session.allowed()).all()


@pytest.mark.parametrize("taken", [0, 3, 7, 12, 30])
def test_a_state_comes_back_to_the_same_place(compiler, taken):
    guide = Step(NOTES, first)
    session = compiler.session(guide)
    for token in [*ids(compiler, f"name: ⟨3⟩\n<|answer|>{ANSWERS[0]}"), compiler.pieces.end][:taken]:
        session.take(token)
    again = Session.resume(compiler, guide, session.state())
    assert again.text == session.text and again.tokens == session.tokens and again.ended == session.ended
    assert (again.allowed() == session.allowed()).all() and again.forced() == session.forced()


def test_a_state_of_something_else_is_refused(compiler):
    session = compiler.session(first())
    session.take(ids(compiler, HEADS[0])[0])
    other = Compiler(vocabulary(random.Random(1), 300))
    for where, guide, state, said in [
        (compiler, first(), b"", "not the state"),
        (compiler, first(), session.state()[:-1], "not the state"),
        (compiler, first(), b"x" + session.state()[1:], "not the state"),
        (other, first(), session.state(), "another vocabulary"),
        (compiler, Step(Grammar('start: "x"')), session.state(), "does not fit"),
        (compiler, first(), session.state() + b"\xff\xff\xff\xff", "does not fit"),
    ]:
        with pytest.raises(UserError, match=said):
            Session.resume(where, guide, state)


def test_a_compiled_grammar_is_kept_and_its_sessions_do_not_disturb_each_other(compiler):
    assert compiler.compile(HEADER) is compiler.compile(Grammar(HEADER.text))
    one, two = compiler.session(first()), compiler.session(first())
    one.take(ids(compiler, HEADS[0])[0])
    assert two.tokens == [] and two.valid(ids(compiler, HEADS[0])) > 0
    small = Compiler(compiler.pieces, kept=2)
    kept = [small.compile(Grammar(f'start: "{letter}"')) for letter in "abc"]
    assert small.compile(Grammar('start: "c"')) is kept[2] and small.compile(Grammar('start: "a"')) is not kept[0]


MAP = Grammar(r"start: LINE*" + "\n" + r"LINE: /[ab]+: ?[01]\n/", name="map")


def repeats(text):
    """The keys of a map, each with its colon, as far as the line that is begun agrees with them, or on the next line."""
    *lines, last = text.split("\n")
    keys = {line.partition(":")[0] for line in (*lines, last) if ":" in line}
    return [f"\n{key}:" for key in keys] if ":" in last else [f"{key[len(last) :]}:" for key in keys if key.startswith(last)]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_banned_cannot_be_written_by_any_spelling(seed):
    rng = random.Random(seed)
    pieces = vocabulary(rng, 700, ("ab: 1\n0", "a: 1\nb: 0\n", "\naa:", "1\nab:0"))
    session = Compiler(pieces).session(Step(MAP, bans=repeats))
    for _ in range(25):
        allowed = session.allowed()
        for token in rng.sample(range(pieces.size), 120):
            assert (session.valid([token]) == 1) == allowed[token], (session.text, pieces.tokens[token])
        token = rng.choice(allowed.nonzero()[0].tolist())
        if token == pieces.end:
            break
        session.take(token)
        whole = [line.partition(":")[0] for line in session.text.split("\n") if ":" in line]
        assert len(whole) == len(set(whole)), session.text
    twice = pieces.encode("bbb: 1\nbbb: 1\n")
    assert Compiler(pieces).session(Step(MAP, bans=repeats)).valid(twice) < len(twice) == Compiler(pieces).session(Step(MAP)).valid(twice)
