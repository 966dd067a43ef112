"""The path of a request and the service around it: who answers, what is told, kept, counted and logged, and what ends a request early."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubestill.ground.errors import Unavailable, UserError
from kubestill.pipeline.instruments import Workbench
from kubestill.serving.api import Inquiry, Refused, Turn, Vote, Wish
from kubestill.serving.direct import Direct
from kubestill.serving.service import CheckedService, Conduct
from kubestill.serving.state import Keeping, State
from kubestill.tools.engines.api import Ask, Stopped
from kubestill.tools.engines.fake import FakeEngine
from support.fake_models import NINE, WRONG, FakeServed, Waiting, scripted

UNHURRIED = Conduct()
KEEPING = Keeping(100.0, 1 << 20, 100.0)


def service(tmp_path: Path, *models: FakeServed, larger: FakeServed | None = None, conduct: Conduct = UNHURRIED) -> CheckedService:
    return CheckedService(models, Workbench(domain="cron"), State(tmp_path, KEEPING), larger, conduct)


def steps(turn: Turn) -> list[tuple[str, str]]:
    return [(trace.step, trace.note) for trace in turn.traces]


def test_a_request_goes_down_the_path_and_the_second_time_comes_from_the_cache(tmp_path: Path) -> None:
    model = scripted("small", {"nine": NINE})
    first, second, fresh = Turn(Inquiry("nine")), Turn(Inquiry("nine")), Turn(Inquiry("nine", fresh=True))
    found = service(tmp_path, model)
    answer = found.answer(first)
    assert (answer.reply.text, answer.by, first.by, first.cached) == (NINE, "small", "small", False)
    assert [name for name, _ in steps(first)] == ["exact_cache", "edit", "generate", "check", "repair", "keep"]
    assert all(trace.seconds >= 0 for trace in first.traces) and answer.seconds >= sum(trace.seconds for trace in first.traces)
    again = found.answer(second)
    assert replace(again, seconds=0.0) == replace(answer, seconds=0.0)
    assert second.cached and steps(second) == [("exact_cache", "found")] and len(model.desk.engine.asked) == 1
    assert found.answer(fresh) and not fresh.cached and len(model.desk.engine.asked) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda inquiry: replace(inquiry, request="nine "),
        lambda inquiry: replace(inquiry, wish=replace(inquiry.wish, seed=1)),
        lambda inquiry: replace(inquiry, wish=replace(inquiry.wish, temperature=0.5)),
        lambda inquiry: replace(inquiry, wish=replace(inquiry.wish, max_tokens=9)),
        lambda inquiry: replace(inquiry, wish=replace(inquiry.wish, version="1.30")),
        lambda inquiry: replace(inquiry, wish=replace(inquiry.wish, tries=2)),
        lambda inquiry: replace(inquiry, wish=replace(inquiry.wish, free=True)),
    ],
)
def test_another_request_or_wish_is_another_answer(tmp_path: Path, change: Callable[[Inquiry], Inquiry]) -> None:
    found, inquiry = service(tmp_path, scripted("small", lambda _: NINE)), Inquiry("nine")
    found.answer(Turn(inquiry))
    turn = Turn(change(inquiry))
    found.answer(turn)
    assert not turn.cached


@pytest.mark.parametrize("change", [{"digest": "other files"}, {"kind": "checks 2"}])
def test_another_release_or_schema_leaves_the_cache_behind(tmp_path: Path, change: dict[str, str]) -> None:
    one, two = scripted("small", lambda _: NINE), scripted("small", lambda _: NINE)
    vars(two).update(change)
    service(tmp_path, one).answer(Turn(Inquiry("nine")))
    turn, same = Turn(Inquiry("nine")), Turn(Inquiry("nine"))
    service(tmp_path, two).answer(turn)
    service(tmp_path, one).answer(same)
    assert same.cached and not turn.cached


def test_an_answer_that_fails_is_not_kept(tmp_path: Path) -> None:
    found = service(tmp_path, scripted("small", lambda _: WRONG))
    turns = [Turn(Inquiry("x")) for _ in range(2)]
    assert [found.answer(turn).verdict.passed for turn in turns] == [False, False] and not turns[1].cached


def test_the_first_that_passes_answers_by_itself_then_repaired_then_larger(tmp_path: Path) -> None:
    def small(request: str) -> str:
        return NINE if "easy" in request or ("mended" in request and "failed its checks" in request) else WRONG

    larger = scripted("large", lambda request: NINE if "hard" in request else WRONG)
    found = service(tmp_path, scripted("small", small), larger=larger)
    turns = {name: Turn(Inquiry(name)) for name in ("easy", "mended", "hard", "hopeless")}
    told = {name: found.answer(turn) for name, turn in turns.items()}
    assert {name: (one.verdict.passed, one.repaired, one.escalated, one.by) for name, one in told.items()} == {
        "easy": (True, False, False, "small"),
        "mended": (True, True, False, "small"),
        "hard": (True, False, True, "large"),
        "hopeless": (False, False, False, "small"),
    }
    assert ("escalate", "large: passed") in steps(turns["hard"]) and ("repair", "failed again") in steps(turns["hard"])
    cached = Turn(Inquiry("hard"))
    assert found.answer(cached).escalated and cached.by == "large" and cached.cached
    counts = found.counts()["small"]
    assert (counts.requests, counts.passed, counts.failed, counts.repaired, counts.escalated, counts.cached) == (5, 4, 1, 1, 2, 1)
    assert counts.failed_on == {"syntax": 1} and counts.tokens > 0


def test_a_student_that_notes_is_asked_again_and_reads_no_findings(tmp_path: Path) -> None:
    texts = iter([WRONG, NINE])
    model = scripted("small", lambda _: next(texts))
    model.desk.notes = True
    answer = service(tmp_path, model).answer(Turn(Inquiry("nine")))
    (first, greedy), (second, drawn) = model.desk.engine.asked
    assert (answer.reply.text, answer.repaired) == (NINE, True) and first == second == "nine"
    assert greedy.temperature == 0 and drawn.temperature > 0 and drawn.seed != greedy.seed


@pytest.mark.parametrize("error", [UserError("server", "no chat completion"), Unavailable("no server", "start it")])
def test_a_larger_model_that_is_not_there_loses_no_answer(tmp_path: Path, error: Exception) -> None:
    def broken(request: str) -> str:
        raise error

    turn = Turn(Inquiry("x"))
    answer = service(tmp_path, scripted("small", lambda _: WRONG), larger=scripted("large", broken)).answer(turn)
    assert answer.reply.text == WRONG and str(error) in dict(steps(turn))["escalate"]


def test_what_was_told_is_neither_repaired_nor_escalated(tmp_path: Path) -> None:
    small, larger, told = scripted("small", lambda _: WRONG), scripted("large", lambda _: NINE), list[str]()
    answer = service(tmp_path, small, larger=larger).answer(Turn(Inquiry("x"), told.append))
    assert "".join(told) == WRONG == answer.reply.text and len(small.desk.engine.asked) == 1 and not larger.desk.engine.asked


@pytest.mark.parametrize("inquiry", [Inquiry("x", strict=True), Inquiry("x", Wish(tries=2))])
def test_what_must_not_be_told_before_its_end_is_told_whole(tmp_path: Path, inquiry: Inquiry) -> None:
    told = list[str]()
    found = service(tmp_path, scripted("small", lambda _: WRONG), larger=scripted("large", lambda _: NINE))
    assert found.answer(Turn(inquiry, told.append)).escalated and told == [NINE]
    assert found.answer(Turn(inquiry, told.append)) and told == [NINE, NINE]  # and so is what stood in the cache


def test_a_strict_request_whose_answer_fails_is_refused_with_what_was_found(tmp_path: Path) -> None:
    found, told = service(tmp_path, scripted("small", lambda _: WRONG)), list[str]()
    with pytest.raises(Refused, match="failed on syntax") as refused:
        found.answer(Turn(Inquiry("x", strict=True), told.append))
    assert refused.value.answer.reply.text == WRONG and not told and found.counts()["small"].refused == 1


def test_of_several_the_checks_choose(tmp_path: Path) -> None:
    texts = iter([WRONG, "0 8 * * *", NINE, NINE])
    answer = service(tmp_path, scripted("small", lambda _: next(texts))).answer(Turn(Inquiry("x", Wish(tries=4))))
    assert answer.reply.text == NINE


def test_several_are_under_way_at_once_and_a_failure_stops_the_others(tmp_path: Path) -> None:
    desk = Waiting()
    turn = Turn(Inquiry("x", Wish(tries=3), timeout_seconds=0.2))
    with pytest.raises(TimeoutError):
        service(tmp_path, FakeServed("small", desk)).answer(turn)
    assert len(desk.works) == 3 and all(work.stopped for work in desk.works)


def test_whoever_stops_waiting_frees_the_desk(tmp_path: Path) -> None:
    desk = Waiting()
    found, turn, seen = service(tmp_path, FakeServed("small", desk)), Turn(Inquiry("x")), list[type]()

    def ask() -> None:
        try:
            found.answer(turn)
        except Stopped as stopped:
            seen.append(type(stopped))

    thread = threading.Thread(target=ask)
    thread.start()
    assert desk.begun.acquire(timeout=10)
    turn.stop.set()
    thread.join(10)
    assert seen == [Stopped] and desk.works[0].stopped and found.counts()["small"].stopped == 1
    with pytest.raises(Stopped):
        found.answer(turn)  # and nothing begins for who is gone
    assert len(desk.works) == 1


def test_the_shorter_time_counts_and_an_answer_is_not_lost_to_it(tmp_path: Path) -> None:
    desk = Waiting()
    found = service(tmp_path, FakeServed("small", desk), conduct=Conduct(timeout_seconds=0.1))
    with pytest.raises(TimeoutError):
        found.answer(Turn(Inquiry("x", timeout_seconds=1000)))
    assert desk.works[0].stopped and found.counts()["small"].timed_out == 1
    turn = Turn(Inquiry("x"))
    patient = service(tmp_path, scripted("small", lambda _: WRONG), larger=FakeServed("large", Waiting()), conduct=Conduct(0.3))
    assert patient.answer(turn).reply.text == WRONG and dict(steps(turn))["escalate"] == "large: no time was left"


def test_models_have_names_and_the_first_answers_where_none_is_named(tmp_path: Path) -> None:
    found = service(tmp_path, scripted("one", lambda _: NINE), scripted("two", lambda _: "@daily"))
    assert [found.answer(Turn(Inquiry("x")), name).reply.text for name in ("", "one", "two")] == [NINE, NINE, "@daily"]
    with pytest.raises(UserError, match="did you mean 'two'"):
        found.answer(Turn(Inquiry("x")), "tow")


def test_a_fault_of_ours_is_counted_and_passed_on(tmp_path: Path) -> None:
    def broken(request: str) -> str:
        raise ZeroDivisionError

    found = service(tmp_path, scripted("small", broken))
    with pytest.raises(ZeroDivisionError):
        found.answer(Turn(Inquiry("x")))
    with pytest.raises(UserError):
        found.answer(Turn(Inquiry("x", Wish(kinds=("Pod",)))))
    assert found.counts()["small"].errors == {"other": 1, "UserError": 1}


def test_the_log_is_kept_if_asked_for_and_redacted(tmp_path: Path) -> None:
    text = "at nine; the password is hunter2"
    for folder, log in (("quiet", False), ("logs", True)):
        found = service(tmp_path / folder, scripted("small", lambda _: "kind: Secret\ndata:\n  a: hunter2\n"), conduct=Conduct(log=log))
        found.answer(Turn(Inquiry(text, manifest="")))
        with pytest.raises(UserError):
            found.answer(Turn(Inquiry(text, Wish(kinds=("Pod",)))))
        assert found.state is not None
        lines = [json.loads(line) for line in found.state.logged()]
        assert len(lines) == (2 if log else 0) and "hunter2" not in json.dumps(lines)
        found.close()
        assert b"hunter2" not in b"".join(path.read_bytes() for path in (tmp_path / folder).iterdir())
    assert lines[1]["failed_on"] == "form" and lines[0]["outcome"] == "errors.UserError" and lines[1]["steps"]["generate"] >= 0


def test_votes_and_readiness(tmp_path: Path) -> None:
    found = service(tmp_path, scripted("small", lambda _: NINE))
    found.vote(Vote("a", "b", "d", "first"))
    assert found.votes()[("a", "b")]["first"] == 1 and found.ready() == ""
    found.close()
    assert "closed" in found.ready()
    bare = CheckedService([scripted("small", lambda _: NINE)], Workbench(domain="cron"))
    assert bare.answer(Turn(Inquiry("x"))).verdict.passed and bare.ready() == "" and bare.votes() == {}
    with pytest.raises(UserError, match="keeps no state"):
        bare.vote(Vote("a", "b", "d", "first"))


def test_many_threads_ask_at_once(tmp_path: Path) -> None:
    found = service(tmp_path, scripted("small", lambda request: f"{request} 9 * * 1-5"))
    wrong = list[Any]()

    def ask(start: int) -> None:
        wrong.extend(n for n in range(start, start + 20) if found.answer(Turn(Inquiry(f"{n % 30}"))).reply.text != f"{n % 30} 9 * * 1-5")

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = found.counts()["small"]
    assert not wrong and counts.requests == counts.passed == 160 and 0 < counts.cached <= 160 - 27


def test_a_desk_for_one_tells_what_kept_an_answer_from_being_written() -> None:
    def refused(request: str) -> str:
        raise UserError("x", "no")

    desk = Direct(FakeEngine(refused))
    work = desk.submit("x", Ask())
    with pytest.raises(UserError, match="no"):
        work.wait(0)
    assert desk.busy() == (0, 0)
