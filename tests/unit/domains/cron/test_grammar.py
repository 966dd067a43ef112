"""The grammar against the reader: a second way to say what a cron expression is."""

import pickle
from random import Random

import pytest

from kubestill.domains.cron.checks import CHECKS, OneExpression
from kubestill.domains.cron.drawing import expression
from kubestill.domains.cron.grammar import CronGuide, cron_grammar
from kubestill.domains.cron.schedule import MACROS, NotASchedule, parse
from kubestill.tools.grammar.api import Reading, Step

llguidance = pytest.importorskip("llguidance")


@pytest.fixture(scope="module")
def matcher():
    found = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), cron_grammar().text)
    assert not found.get_error()
    return found


def takes(matcher, text: str) -> bool:
    one, bytes_ = matcher.deep_copy(), list(text.encode())
    return one.try_consume_tokens(bytes_) == len(bytes_) and one.is_accepting()


def reads(text: str) -> bool:
    try:
        parse(text)
    except NotASchedule:
        return False
    return True


def test_every_drawn_expression_and_every_macro_is_taken(matcher):
    drawn = {expression(Random(seed)) for seed in range(400)} | set(MACROS) | set(MACROS.values())
    assert [text for text in drawn if not takes(matcher, text)] == []


def test_every_value_and_range_of_every_field_is_taken_exactly_where_the_reader_reads_it(matcher):
    values = [*map(str, range(62)), "JAN", "dec", "Mon", "SAT", "FOO", "*", "?", "07"]
    wrong = []
    for number in range(5):
        for item in (*values, *(f"{one}-{other}" for one in values[::3] for other in values[::4])):
            text = " ".join(item if place == number else "*" for place in range(5))
            wrong += [text] if takes(matcher, text) != reads(text) else []
    assert not wrong


def test_one_changed_character_is_taken_exactly_where_it_is_read(matcher):
    rng, wrong, refused = Random(5), [], 0
    for _ in range(3_000):
        text = expression(rng)
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice("0123456789*,-/? abJN@") + text[place + 1 :]
        text = " ".join(text.split())
        refused += not reads(text)
        wrong += [text] if takes(matcher, text) != reads(text) else []
    assert not wrong
    assert refused > 1_000


@pytest.mark.parametrize("check", [check for check in CHECKS if check.code != "CRON003"], ids=lambda check: check.code)
def test_examples_of_the_checks(matcher, check):
    assert not any(takes(matcher, text) for text in check.bad)
    assert all(takes(matcher, text.strip()) for text in check.good if reads(text) or not isinstance(check, OneExpression))


def test_random_walks_are_read(matcher):
    rng = Random(11)
    for _ in range(60):
        one, taken = matcher.deep_copy(), bytearray()
        while not (one.is_accepting() and (rng.random() < 0.3 or len(taken) > 60)):
            mask = one.compute_logit_bias()
            allowed = [token for token in range(256) if mask[token]]
            if not allowed:
                break
            token = 32 if 32 in allowed and rng.random() < 0.5 else rng.choice(allowed)
            one.consume_token(token)
            taken.append(token)
        parse(taken.decode())


def test_the_guide_is_one_step_and_can_be_pickled():
    step = pickle.loads(pickle.dumps(CronGuide())).start(Reading("every day at 9"))
    assert isinstance(step, Step) and step.grammar == cron_grammar() and step.then is None
