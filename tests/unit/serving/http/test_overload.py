"""More than can be answered: only 429 and 503, and what was let in is answered whole."""

import asyncio
import gc
import signal
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from kubestill.ground.board import Board
from kubestill.ground.errors import UserError
from kubestill.serving.api import Inquiry, Turn, Wish
from kubestill.serving.http.app import make_app
from kubestill.serving.http.draining import draining_on_signal
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.gate import Gate
from kubestill.serving.http.meters import Meters
from kubestill.serving.http.reception import Reception
from kubestill.serving.http.settings import HttpSettings
from support.fake_service import FakeDesk, FakeService, serving, text_for
from unit.serving.http.conftest import user


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": user(text), **more}


def test_a_full_queue_refuses_at_once_and_loses_nobody() -> None:
    async def flood(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=100)) as client:
            asks = [client.post(f"{url}/v1/chat/completions", json=chat(f"n{n}", stream=bool(n % 2))) for n in range(60)]
            return await asyncio.gather(*asks)

    service = FakeService(FakeDesk(0.02))
    with serving(service, rows=2, queue=4) as url:
        replies = asyncio.run(flood(url))
        counted = Counter(reply.status_code for reply in replies)
        assert set(counted) == {200, 429} and counted[200] >= 6 and service.desk.most <= 2
        for number, reply in enumerate(replies):
            if reply.status_code == 429:
                assert reply.json()["error"]["code"] == "queue_full" and int(reply.headers["retry-after"]) >= 1
            else:
                assert f"n{number}" in reply.text
        assert httpx.post(f"{url}/v1/chat/completions", json=chat("after")).status_code == 200
        metrics = httpx.get(f"{url}/metrics").text
        assert f'kubestill_errors_total{{code="queue_full"}} {counted[429]}.0' in metrics
        assert "vllm:num_requests_running 0.0" in metrics and "vllm:num_requests_waiting 0.0" in metrics


def test_models_hear_that_requests_are_refused() -> None:
    """What they leave of the machine is what the refusals need."""
    service = FakeService(FakeDesk(0.01))
    heard = list[float]()
    service.desk.crowd = lambda: heard.append(time.monotonic())  # type: ignore[attr-defined]
    with serving(service, rows=1, queue=0) as url:
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=chat("slow", stream=True)):
            wait_until(lambda: service.desk.under_way == 1)
            assert not heard
            assert httpx.post(f"{url}/v1/chat/completions", json=chat("one more")).status_code == 429
        assert heard


def test_what_waits_and_is_left_gives_its_place_back() -> None:
    service = FakeService(FakeDesk(0.005))
    with serving(service, rows=1, queue=1) as url, httpx.Client() as client:
        with client.stream("POST", f"{url}/v1/chat/completions", json=chat("slow", stream=True)) as running:
            parts = running.iter_raw()  # while somebody holds it the stream stays open
            next(parts)
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/v1/chat/completions", json=chat("waits"), timeout=0.3)
            until = time.monotonic() + 10
            while "vllm:num_requests_waiting 0.0" not in (found := httpx.get(f"{url}/metrics").text) and time.monotonic() < until:
                time.sleep(0.01)
            assert "vllm:num_requests_running 1.0" in found and "vllm:num_requests_waiting 0.0" in found
        assert all(request != "waits" for request, _, _ in service.desk.asked)


def test_a_wait_longer_than_the_time_is_overload_and_work_longer_is_a_timeout() -> None:
    service, hold = FakeService(FakeDesk(0.005)), threading.Event()
    app = make_app(service, HttpSettings(rows=1, queue=5, timeout_seconds=0.3))
    reception = app.state.reception
    with TestClient(app, base_url="http://localhost") as client:
        for stream in (False, True):
            reply = client.post("/v1/chat/completions", json=chat("slow", stream=stream))
            if not stream:  # the stream had begun: its end tells the error
                assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")
            assert '"code":"timeout"' in reply.text.replace(" ", "")
        reception.gate.admit(1)
        reception.gate.submit(lambda: hold.wait(30))
        for stream in (False, True):
            reply = client.post("/v1/chat/completions", json=chat("waits", stream=stream))
            assert (reply.status_code, reply.json()["error"]["code"], reply.headers["retry-after"]) == (503, "overloaded", "5")
        hold.set()
    assert not service.desk.under_way and all(request != "waits" for request, _, _ in service.desk.asked)


def test_more_choices_than_it_ever_holds_are_no_overload() -> None:
    with serving(FakeService(FakeDesk(0.001)), rows=1, queue=1) as url:
        assert httpx.post(f"{url}/v1/chat/completions", json=chat("x", n=3)).json()["error"]["param"] == "n"


def test_while_draining_streams_end_whole_and_new_requests_are_sent_away() -> None:
    service = FakeService(FakeDesk(0.05))
    app = make_app(service, HttpSettings())
    reception = app.state.reception

    async def talk() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            going = asyncio.create_task(client.post("/v1/chat/completions", json=chat("going", stream=True)))
            while not service.desk.under_way:
                await asyncio.sleep(0.005)
            reception.drain()
            for path, body in (
                ("/v1/chat/completions", chat("new")),
                ("/v1/responses", {"input": "new"}),
                ("/v1/completions", {"prompt": "new"}),
            ):
                late = await client.post(path, json=body)
                assert late.status_code == 503 and late.json()["error"]["code"] == "draining" and late.headers["retry-after"]
            assert (await client.get("/ready")).status_code == 503 and (await client.get("/health")).status_code == 200
            reply = await going
            assert reply.text.endswith("data: [DONE]\n\n") and "going" in reply.text and reply.status_code == 200

    asyncio.run(talk())
    reception.close()
    assert service.closed and reception.gate.inside == 0


def test_places_are_conserved_whatever_becomes_of_the_work() -> None:
    told: list[tuple[int, int]] = []
    gate = Gate(2, 3, lambda running, waiting: told.append((running, waiting)))
    hold = threading.Event()

    def fail() -> None:
        hold.wait(10)
        raise ZeroDivisionError

    gate.admit(5)
    futures = [gate.submit(fail) for _ in range(5)]
    with pytest.raises(ApiError) as error:
        gate.admit(1)
    assert error.value.code == "queue_full" and gate.inside == 5
    assert [future.cancel() for future in futures] == [False, False, True, True, True] and gate.inside == 2
    hold.set()
    gate.close()
    assert gate.inside == 0 and told[-1] == (0, 0) and max(running for running, _ in told) <= 2
    with pytest.raises(ApiError) as error:
        gate.admit(1)
    assert error.value.code == "draining"


def test_what_was_cancelled_is_not_remembered() -> None:
    """Clients that leave while all rows are busy give their places back at once: what they asked must not pile up meanwhile."""
    gate, hold, asked = Gate(1, 1, lambda *_: None), threading.Event(), list[weakref.ref[Any]]()
    gate.admit(1)
    busy = gate.submit(lambda: hold.wait(10))
    for _ in range(20):
        gate.admit(1)
        work = threading.Event()  # anything that can be referred to weakly
        asked.append(weakref.ref(work))
        future = gate.submit(work.is_set)
        future.add_done_callback(lambda _, work=work: work.set())  # type: ignore[misc]  # mypy infers no lambda defaults
        assert future.cancel()
        del work, future
    gc.collect()
    assert not [one for one in asked if one() is not None] and gate.inside == 1
    gate.admit(1)
    last = gate.submit(lambda: "last")
    hold.set()
    assert busy.result(10) and last.result(10) == "last"
    gate.close()
    assert gate.inside == 0


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come in the main thread alone")
def test_a_signal_waits_for_no_lock_that_it_interrupted() -> None:
    lock, drained = threading.Lock(), list[bool]()

    class Locking(Reception):
        def drain(self) -> None:
            drained.append(lock.acquire(timeout=2))
            super().drain()

    async def interrupted() -> None:
        ended = asyncio.Event()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        reception = Locking(FakeService(), HttpSettings(drain_seconds=0), Meters())
        with draining_on_signal(reception):
            with lock:
                signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(ended.wait(), 10)
        reception.limits.close()

    before = signal.getsignal(signal.SIGTERM)
    try:
        asyncio.run(interrupted())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert drained == [True]


def test_mcp_waits_in_the_same_queue() -> None:
    service, given = FakeService(FakeDesk(0.005)), list[Any]()

    def routes(bounded: Any) -> tuple[list[Any], Any]:
        given.append(bounded)
        return [], nullcontext

    reception = make_app(service, HttpSettings(rows=1, queue=0), None, routes).state.reception
    (bounded,) = given
    assert bounded.answer(Turn(Inquiry("from mcp"))).reply.text == text_for("from mcp")
    assert bounded.check("replica: 1", Wish()) and bounded.models is service.models
    reception.gate.admit(1)
    with pytest.raises(UserError, match="ask again later"):
        bounded.answer(Turn(Inquiry("from mcp")))
    reception.gate.submit(lambda: None)
    reception.close()


def show_idle(file: Any, connection: Any) -> None:
    """Be another worker, which has three answers to give, then none."""
    board = Board(1, 2, file)
    for inside in (3.0, 0.0):
        board.show(0, inside)
        connection.send(inside)
        connection.recv()


def test_a_worker_with_more_to_do_than_another_lets_its_clients_go(tmp_path: Any) -> None:
    """A kept connection stays with its worker: where the other has less to do, the client is told to connect anew."""
    ours, theirs = get_context("spawn").Pipe()
    other = get_context("spawn").Process(target=show_idle, args=(tmp_path / "inside", theirs))
    service = FakeService(FakeDesk(0.02))

    def seen(url: str) -> tuple[Any, ...]:
        """Ask while two answers are on their way; return what three replies say of the connection."""
        ask = partial(httpx.stream, "POST", f"{url}/v1/chat/completions", timeout=20)
        with ask(json=chat("slow", stream=True)), ask(json=chat("slow", stream=True)), httpx.Client(timeout=20) as client:
            wait_until(lambda: service.desk.under_way == 2)
            replies = [client.post(f"{url}/v1/chat/completions", json=chat(text)) for text in ("a", "b")] + [client.get(f"{url}/health")]
        wait_until(lambda: service.desk.under_way == 0)
        return tuple(reply.headers.get("connection") for reply in replies)

    with serving(service, rows=4, workers=2, shared=tmp_path) as url:
        assert seen(url) == (None, None, None)  # the other worker is not there yet, and nobody could come to it
        other.start()
        assert ours.recv() == 3.0
        assert seen(url) == (None, None, None)
        ours.send("go on")
        assert ours.recv() == 0.0
        assert seen(url) == ("close", "close", None)
        ours.send("end")
        other.join()
        assert seen(url) == (None, None, None)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
