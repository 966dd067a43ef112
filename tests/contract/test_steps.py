"""Every step of the path, by its row: named as its file, built from means, and quiet where it has nothing to do."""

import inspect
from pathlib import Path

import pytest

from kubestill.serving import steps
from kubestill.serving.answer import Answer
from kubestill.serving.api import Inquiry, Means, Turn
from kubestill.serving.path import steps_of
from kubestill.serving.steps.table import STEPS
from kubestill.tools.checks.api import Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Reply
from support.fake_models import NINE, scripted


class Dict(dict[str, Answer]):
    find, keep = dict.get, dict.__setitem__


def means(**given: object) -> Means:
    return Means(scripted("small", lambda _: NINE), **given)  # type: ignore[arg-type]


def test_the_table_is_its_folder() -> None:
    files = {path.stem for path in Path(inspect.getfile(steps)).parent.glob("*.py")} - {"__init__", "table"}
    assert files == set(STEPS) and next(iter(STEPS)) == "exact_cache" and list(STEPS)[-1] == "keep"


@pytest.mark.parametrize("name", list(STEPS))
def test_a_step_is_called_as_its_row_and_needs_no_more_than_a_model(name: str) -> None:
    whole = STEPS.load(name)(means(larger=scripted("large", {}), cache=Dict()))
    assert whole.name == name and inspect.getdoc(type(whole)) and inspect.getdoc(type(whole).__call__)
    few = STEPS.load(name)(means())
    assert (few is None) == (name in ("exact_cache", "escalate", "keep"))


@pytest.mark.parametrize("name", list(STEPS))
def test_an_answer_that_passed_is_left_as_it_is(name: str) -> None:
    answer = Answer(Reply("an answer", 1, 1), Verdict((Result("X", Tier.FORM, Outcome.PASS),)))
    turn = Turn(Inquiry("x", fresh=True), answer=answer)
    STEPS.load(name)(means(larger=scripted("large", {}), cache=Dict()))(turn)
    assert turn.answer is answer and not turn.done


def test_without_cache_and_larger_model_the_path_is_short() -> None:
    assert [step.name for step in steps_of(means())] == ["edit", "generate", "check", "repair"]
