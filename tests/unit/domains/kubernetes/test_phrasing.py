"""Tables of phrase parts and what is composed from them."""

import re
from random import Random

import pytest

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.drawing.draw import draw_intents
from kubestill.domains.kubernetes.phrasing.compose import compose
from kubestill.domains.kubernetes.phrasing.lines import EVERY, FEWEST, HELD_SHARE, count, expand, parse, tables
from kubestill.ground.seeds import Seed

COMPOSED = 500


@pytest.fixture(scope="module")
def composed():
    """Requests of both parts."""
    found = {}
    for part in (TRAIN, HELD):
        rngs = [Seed(77).rng(part, number) for number in range(COMPOSED)]
        found[part] = [compose(draw_intents(rng, part), rng, part) for rng in rngs]
    return found


def all_expansions(line):
    """Every text that a line stands for: the innermost bracket is written out until none is left."""
    match = re.search(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]", line)
    if match is None:
        return {line}
    choices = match[1].split("|") if match[1] is not None else [*match[2].split("|"), ""]
    return {text for choice in choices for text in all_expansions(line[: match.start()] + choice + line[match.end() :])}


LINES = ["a", "", "a (b|c)", "[a ]b", "[a|b] c", "(a|b) (c|d) [e]", "x (a [b] c|d (e|f)) y", "((a|b)|c)", "[a [b [c]]]", "{v} (of|on) {k}"]


@pytest.mark.parametrize("line", LINES)
def test_a_line_stands_for_what_writing_it_out_gives(line):
    wanted = all_expansions(line)
    assert count(parse(line)) == len(wanted)
    rng = Random(3)
    assert {expand(parse(line), rng) for _ in range(400)} == wanted


@pytest.mark.parametrize("line", ["(a", "a)", "[a", "a]", "(a]", "[a)", "(a|b", "((a)", "[(a])"])
def test_brackets_that_do_not_match_are_refused(line):
    with pytest.raises(ValueError, match="phrase line"):
        parse(line)


def test_every_line_of_every_table_can_be_read():
    rng, total = Random(1), 0
    for name, table in tables().items():
        lines = table.lines(EVERY)
        assert lines, name
        for line in lines:
            tree = parse(line)
            written = all_expansions(line) if count(tree) <= 64 else ()
            if written:
                # Two ways to say the same ([a] [a]) are rare, and only make it likelier.
                assert len(written) <= count(tree) <= 2 * len(written), line
            text = expand(tree, rng)
            assert not re.search(r"[()\[\]]", text) and re.sub(r"\{\w*\}", "", text).count("{") == 0, line
            total += count(tree)
    assert total > 20_000


def test_a_fifth_of_the_lines_is_held_out_and_no_line_is_in_both_parts():
    long = {name: table for name, table in tables().items() if len(table.lines(EVERY)) >= FEWEST}
    for name, table in long.items():
        assert table.train and table.held and not set(table.train) & set(table.held), name
    held, every = sum(len(table.held) for table in long.values()), sum(len(table.lines(EVERY)) for table in long.values())
    assert every > 3_000 and abs(held / every - HELD_SHARE) < 0.04


def test_a_request_holds_nothing_of_its_making(composed):
    for one in [one for part in composed.values() for one in part]:
        values = [str(part) for intent in (*one.said, *one.unsaid) for part in (*intent.keys, intent.value)]
        text = one.text
        for mark in ("podSelector: {}", "podSelector={}", "podSelector {}"):
            text = text.replace(mark, "")
        assert not any("{" in value for value in values)
        assert not re.search(r"[{}\ue000-\uf8ff⟨⟩‹›]|\(\)|\[\]", text), one.text
        assert one.text == one.text.strip()


def test_every_intent_is_said_or_left_out_by_name(composed):
    unsaid = 0
    for part in (TRAIN, HELD):
        for number, one in enumerate(composed[part]):
            intents = draw_intents(Seed(77).rng(part, number), part)
            assert sorted(map(str, (*one.said, *one.unsaid))) == sorted(map(str, intents))
            assert one.forms and one.said[0].aspect == "kind"
            unsaid += len(one.unsaid)
    assert unsaid < 0.01 * COMPOSED


def test_training_and_evaluation_share_no_form_but_the_names_of_kinds(composed):
    forms = {part: {form for one in ones for form in one.forms if not form.startswith("kinds/")} for part, ones in composed.items()}
    assert min(map(len, forms.values())) > 400
    assert not forms[TRAIN] & forms[HELD], sorted(forms[TRAIN] & forms[HELD])[:10]
