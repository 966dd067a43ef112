"""Desks of engines that cannot be joined: scripts, servers, students in torch."""

import threading

import pytest

from kubestill.ground.errors import UserError
from kubestill.tools.engines.api import Ask, Stopped, TooLong
from kubestill.tools.engines.desk import desk_for
from kubestill.tools.engines.desk_lanes import DeskHow, LaneDesk
from kubestill.tools.engines.desk_pools import PoolDesk
from kubestill.tools.engines.fake import FakeEngine
from unit.tools.engines.test_openai_http import completion, served
from unit.tools.engines.test_streaming import engine_of, events, piece

ASK = Ask(max_new_tokens=20)


def test_a_script_answers_in_batches_of_what_waits_and_tells_lines():
    gate, begun = threading.Event(), threading.Event()

    def script(request):
        begun.set()
        gate.wait(20)
        if request == "bad":
            raise KeyError(request)
        return f"{request}\nend\n"

    engine, said = FakeEngine(script), list[str]()
    desk = desk_for(engine, DeskHow(4))
    first = desk.submit("first", ASK, None, said.append)
    assert begun.wait(20)
    waiting = {request: desk.submit(request, ASK) for request in ("a", "b", "bad", "c")}
    gone, other = desk.submit("gone", ASK), desk.submit("other", Ask(9))
    assert desk.busy() == (1, 6)
    gone.stop()
    assert desk.busy() == (1, 5)
    gate.set()
    assert first.wait(20).text == "first\nend\n" and said == ["first\n", "end\n"]
    assert [waiting[request].wait(20).text for request in "abc"] == ["a\nend\n", "b\nend\n", "c\nend\n"]
    with pytest.raises(KeyError):
        waiting["bad"].wait(20)
    with pytest.raises(Stopped):
        gone.wait(20)
    assert other.wait(20).text == "other\nend\n"
    assert "gone" not in [request for request, _ in engine.asked]
    desk.close()
    with pytest.raises(Stopped):
        desk.submit("late", ASK).wait(0)


def test_a_student_in_torch_answers_as_alone():
    engine = engine_of(notes=False)
    desk, said = desk_for(engine, DeskHow(3)), list[str]()
    assert isinstance(desk, PoolDesk) and not isinstance(desk, LaneDesk)
    assert (desk.notes, desk.context, desk.name) == (False, 256, "transformers")
    requests = ["a pod", "scale it", "b", "a service"]
    works = [desk.submit(request, ASK, None, said.append if request == "b" else None) for request in requests]
    assert [work.wait(30) for work in works] == engine.generate(requests, ASK)
    assert "".join(said) == works[2].wait().text
    with pytest.raises(TooLong):
        desk.submit("1" * 900, ASK).wait(30)
    desk.close()


def test_a_server_is_asked_by_threads_and_its_errors_are_told():
    script = [events(piece("kind: "), piece("Pod\n"), piece("name: b\n", "stop"))] * 3 + [(401, {}, '{"error": "bad key"}')]
    with served(script) as (engine, _, _):
        desk, said = desk_for(engine, DeskHow(1)), list[str]()
        works = [desk.submit("x", ASK, None, said.append) for _ in range(3)]
        assert [work.wait(20).text for work in works] == ["kind: Pod\nname: b\n"] * 3
        assert said == ["kind: Pod\n", "name: b\n"] * 3
        with pytest.raises(UserError, match="KUBESTILL_API_KEY"):
            desk.submit("x", ASK).wait(20)
        desk.close()


def test_a_stopped_question_closes_its_connection():
    with served([events(piece("kind: Pod\n"), piece("name: b\n", "stop")), completion("again\n")]) as (engine, _, _):
        desk, said = desk_for(engine, DeskHow(1)), list[str]()

        def once(text):
            said.append(text)
            work.stop()

        asked = threading.Event()
        held = engine.stream
        engine.stream = lambda *order: asked.wait(20) and held(*order)
        work = desk.submit("x", ASK, None, once)
        asked.set()
        with pytest.raises(Stopped):
            work.wait(20)
        assert desk.submit("x", ASK).wait(20).text == "again\n" and said == ["kind: Pod\n"]
        desk.close()
