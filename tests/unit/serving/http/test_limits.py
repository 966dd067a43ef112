"""Buckets against a model of them, alone and shared."""

import json
from pathlib import Path

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from kubestill.serving.http.app import make_app
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.limits import Limits
from kubestill.serving.http.settings import HttpSettings
from support.fake_service import FakeDesk, FakeService, serving
from unit.serving.http.conftest import KEY, user


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 30))
def test_no_window_lets_through_more_than_its_share(pauses: list[float], limit: int) -> None:
    clock, taken = Clock(), []
    limits = Limits(limit, 0, 0, clock=clock)
    for pause in pauses:
        clock.now += pause
        wait = limits.take(0)
        if not wait:
            taken.append(clock.now)
        else:
            clock.now += wait + 1e-6
            assert limits.take(0) == 0  # what it says is true
            taken.append(clock.now)
    limits.close()
    for index, start in enumerate(taken):  # a bucket of `limit` that fills by limit a minute
        for count, end in enumerate(taken[index:], 1):
            assert count <= limit + (end - start) * limit / 60 + 1e-3


def test_tokens_are_charged_after_and_a_debt_is_paid_by_waiting() -> None:
    clock = Clock()
    limits = Limits(0, 600, 2, clock=clock)
    assert limits.take(1) == 0
    limits.charge(1, 1200)
    wait = limits.take(1)
    assert wait == pytest.approx(60.1, abs=0.01) and limits.take(2) == 0
    assert limits.headers(1)["x-ratelimit-remaining-tokens"] == "0"
    clock.now += wait
    assert limits.take(1) == 0
    limits.close()


def test_workers_count_together(tmp_path: Path) -> None:
    clock = Clock()
    first, second = (Limits(10, 0, 1, tmp_path, clock) for _ in range(2))
    assert [limits.take(1) == 0 for limits in (first, second) * 6] == [True] * 10 + [False] * 2
    assert first.headers(1) == second.headers(1)
    first.close()
    second.close()


@given(st.floats(0, 1e6))
def test_who_comes_back_when_told_to_does_not_come_too_early(seconds: float) -> None:
    told = ApiError("rate_limit_exceeded", "", wait_seconds=seconds).headers()["retry-after"]
    assert max(seconds, 1) <= int(told) < seconds + 2


def test_a_key_that_used_up_its_limit_is_told_when_to_come_back() -> None:
    other = "other-key-0123456789abcdef"
    with serving(FakeService(FakeDesk(0.001)), keys=(KEY, other), requests_per_minute=2) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(model="fake", messages=user("x"))  # type: ignore[arg-type]
            assert (raw.headers["x-ratelimit-limit-requests"], raw.headers["x-ratelimit-remaining-requests"]) == ("2", "1")
            client.chat.completions.create(model="fake", messages=user("x"))  # type: ignore[arg-type]
            with pytest.raises(openai.RateLimitError) as error:
                client.chat.completions.create(model="fake", messages=user("x"))  # type: ignore[arg-type]
            assert error.value.code == "rate_limit_exceeded" and 1 <= int(error.value.response.headers["retry-after"]) <= 30
        body = {"model": "fake", "messages": user("x")}
        assert httpx.post(f"{url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {other}"}).status_code == 200


def test_tools_of_mcp_count_for_the_key_that_asks() -> None:
    mcp = pytest.importorskip("kubestill.serving.mcp", reason="mcp is not installed")
    other = "other-key-0123456789abcdef"
    settings = HttpSettings(keys=(KEY, other), requests_per_minute=2)
    with TestClient(make_app(FakeService(FakeDesk(0.001)), settings, None, mcp.mcp_routes)) as client:

        def failed(key: str) -> bool:
            headers = {"authorization": f"Bearer {key}", "accept": "application/json, text/event-stream"}
            asked = {"name": "ask", "arguments": {"request": "x"}}
            reply = client.post("/mcp", headers=headers, json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked})
            return bool(json.loads(reply.text.partition("data: ")[2])["result"].get("isError"))

        assert [failed(key) for key in (KEY, KEY, KEY, other, KEY)] == [False, False, True, False, True]
        body = {"model": "fake", "messages": user("x")}
        assert client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"}).status_code == 429
