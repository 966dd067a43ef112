import pytest

from kubestill.domains.api import SUITE_SEED, Document
from kubestill.domains.cron import domain
from kubestill.ground.errors import UserError
from kubestill.ground.intervals import wilson
from kubestill.stages.evaluation.asking import Questions, compare, evaluate
from kubestill.tools.engines.api import Ask, TooLong
from kubestill.tools.engines.fake import FakeEngine
from kubestill.tools.grammar.api import TooComplex

COUNT = 60


@pytest.fixture
def right():
    return {sample.request: sample.answer for sample in domain().suites()["cron"].samples((), COUNT, SUITE_SEED)}


def test_an_engine_that_knows_everything_passes_everything(right):
    scored = evaluate(FakeEngine(right), domain(), Questions("cron", COUNT), Ask())
    assert (scored.score["passed"], scored.score["total"], scored.score["failed_on"]) == (COUNT, COUNT, {})
    assert (scored.score["low"], scored.score["high"]) == pytest.approx(wilson(COUNT, COUNT), abs=1e-4)
    assert sum(kind["total"] for kind in scored.score["by_kind"].values()) == COUNT


def test_every_fault_is_counted_under_the_tier_that_found_it(right):
    script = dict(right)
    bad = {"form": "no idea, sorry", "syntax": "99 * * * *", "rules": "0 0 30 2 *", "intent": "7 7 7 7 *"}
    for request, answer in zip(list(script), bad.values(), strict=False):
        script[request] = answer
    scored = evaluate(FakeEngine(script), domain(), Questions("cron", COUNT), Ask())
    assert scored.score["failed_on"] == dict.fromkeys(sorted(bad), 1)
    assert scored.score["passed"] + sum(scored.score["failed_on"].values()) == scored.score["total"] == COUNT
    failed = [record for record in scored.records if not record["passed"]]
    assert all(record["findings"] and record["answer"] for record in failed)


class Refuses(FakeEngine):
    """Refuses requests that hold a word."""

    def __init__(self, right, error, word="month"):
        super().__init__(right)
        self.error, self.word = error, word

    def generate(self, requests, ask, guides=None):
        if any(self.word in request for request in requests):
            raise self.error("request", "not this one")
        return super().generate(requests, ask, guides)


@pytest.mark.parametrize(("error", "told"), [(TooLong, "context"), (TooComplex, "grammar")])
def test_a_request_that_cannot_be_answered_fails_alone(right, error, told):
    scored = evaluate(Refuses(right, error), domain(), Questions("cron", COUNT), Ask())
    refused = sum("month" in request for request in right)
    assert 0 < refused < COUNT and scored.score["failed_on"] == {told: refused} and scored.score["passed"] == COUNT - refused
    assert {finding["message"] for record in scored.records for finding in record["findings"]} == {"request: not this one"}


def test_what_hinders_every_answer_is_no_score(right):
    with pytest.raises(UserError, match="not this one"):
        evaluate(Refuses(right, UserError, ""), domain(), Questions("cron", COUNT), Ask())


class Bookish:
    """A suite over documents."""

    name, needs_documents = "bookish", True

    def samples(self, documents, count, seed):
        return [domain().skills()["cron"].reverse(document, seed.rng("x"), "held") for document in documents][:count]


class Library(type(domain())):
    def suites(self):
        return {"bookish": Bookish()}


def test_a_suite_whose_needs_are_absent_is_skipped_with_its_reason():
    scored = evaluate(FakeEngine({}), Library(), Questions("bookish"), Ask())
    assert scored.score["skipped"] == "no held-out documents: give sources" and scored.score["total"] == 0
    documents = [Document("1", "0 5 * * 1", "weekly", {})]
    assert evaluate(FakeEngine({}, "0 5 * * MON"), Library(), Questions("bookish", documents=documents), Ask()).score["passed"] == 1


def test_the_domains_guide_leads_constrained_answers(right):
    engine = FakeEngine(right)
    for constrained in (False, True):
        score = evaluate(engine, domain(), Questions("cron", 5, constrained=constrained), Ask()).score
        assert score["passed"] == 5 and score["forced_share"] == 0
    assert [guide is not None for guide in engine.guides] == [False] * 5 + [True] * 5


def test_an_unknown_suite_is_told_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'cron'"):
        evaluate(FakeEngine({}), domain(), Questions("corn"), Ask())


def test_two_models_are_compared_on_what_both_were_asked(right):
    weaker = {request: answer if number % 3 else "never" for number, (request, answer) in enumerate(right.items())}
    scored = [evaluate(FakeEngine(script), domain(), Questions("cron", COUNT), Ask()) for script in (weaker, right)]
    found = compare(scored[0].records, scored[1].records[:50])
    assert (found["total"], found["only_first"], found["only_second"]) == (50, 0, 17)
    assert found["difference"] == pytest.approx(17 / 50) and found["low"] > 0 and found["p_value"] == pytest.approx(2 / 2**17)
    assert (found["first"], found["second"]) == (33, 50)
    with pytest.raises(UserError, match="no question"):
        compare(scored[0].records, [])
