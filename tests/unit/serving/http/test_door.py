"""Who is let in, and with what: keys, hosts, bodies, bytes that are no text."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st

from kubestill.serving.http.app import make_app
from kubestill.serving.http.door import OPEN, _half
from kubestill.serving.http.settings import HttpSettings
from support.fake_service import FakeDesk, FakeService, serving
from unit.serving.http.conftest import KEY, user

OTHER = "other-key-0123456789abcdef"
CHAT = {"model": "fake", "messages": user("x")}


@pytest.fixture(scope="module")
def page() -> APIRouter:
    router = APIRouter()
    router.add_api_route("/page/about", lambda: {"secret": 1})
    router.add_api_route("/page/static/{name:path}", lambda name: {"file": name})
    return router


@pytest.fixture(scope="module")
def locked(page: APIRouter) -> Iterator[str]:
    with serving(FakeService(FakeDesk(0.001)), page, keys=(KEY, OTHER), host="127.0.0.1") as url:
        yield url


@pytest.fixture(scope="module")
def small() -> Iterator[tuple[FakeService, str]]:
    service = FakeService(FakeDesk(0.001))
    with serving(service, max_body_bytes=2000, body_timeout_seconds=0.3, header_timeout_seconds=0.3) as url:
        yield service, url


def routes(app: FastAPI) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods]


def test_every_route_with_every_sort_of_key(locked: str, page: APIRouter) -> None:
    found = routes(make_app(FakeService(), HttpSettings(), page))
    assert len(found) >= 10
    headers: list[tuple[dict[str, str], bool]] = [
        ({}, False),
        ({"authorization": f"Bearer {KEY}"}, True),
        ({"authorization": f"bearer  {OTHER}"}, True),
        ({"authorization": f"Bearer {KEY}x"}, False),
        ({"authorization": f"Bearer {KEY[:-1]}"}, False),
        ({"authorization": "Bearer"}, False),
        ({"authorization": KEY}, False),
        ({"authorization": f"Basic {KEY}"}, False),
        ({"authorization": f"Bearer {KEY},{OTHER}"}, False),
        ({"x-api-key": KEY}, False),
    ]
    paths = [(method, path.replace("{name}", "fake")) for method, path in found] + [
        ("GET", "/openapi.json"),
        ("GET", "/nowhere"),
        ("POST", "/"),
    ]
    with httpx.Client(base_url=locked) as client:
        for method, path in paths:
            for header, knows in headers:
                reply = client.request(method, path, headers=header, json=CHAT if method == "POST" else None)
                open_to_all = path in OPEN or path.startswith("/page/static/")
                assert (reply.status_code != 401) == (knows or open_to_all), (method, path, header)
                if reply.status_code == 401:
                    assert reply.json()["error"]["code"] == "invalid_api_key" and reply.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics").text.count(KEY) == 0
        odd = client.post("/v1/chat/completions", headers={"authorization": b"Bearer \xff\xfe\x00"[:-1]}, json=CHAT)
        assert odd.status_code == 401
        both = client.get("/v1/models", params={"api_key": KEY})
        assert both.status_code == 401 and KEY not in both.text


def test_a_page_that_reached_for_this_machine_is_not_answered(small: tuple[FakeService, str]) -> None:
    _, url = small
    for host, status in (
        ("evil.example", 403),
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ):
        assert httpx.get(f"{url}/v1/models", headers={"host": host}).status_code == status, host


def test_a_name_that_is_let_in_is_let_in_however_it_is_spelled() -> None:
    with serving(FakeService(), hosts=("Box.Example",)) as url:
        assert [httpx.get(f"{url}/v1/models", headers={"host": host}).status_code for host in ("box.example:80", "BOX.example", "b.x")] == [
            200,
            200,
            403,
        ]


def test_keys_are_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    settings = HttpSettings(keys=(KEY,))
    assert KEY not in repr(settings) + str(settings)
    caplog.set_level("DEBUG")
    with serving(FakeService(), keys=(KEY,)) as url:
        httpx.get(f"{url}/v1/models?api_key={KEY}", headers={"authorization": f"Bearer {KEY}"})
    ours = [record for record in caplog.records if record.name.startswith(("kubestill", "uvicorn"))]
    assert ours and not [record for record in ours if KEY in record.getMessage()]


BODIES: list[tuple[bytes, int, str]] = [
    (b'{"messages": "\xff\xfe"}', 400, "invalid_request"),
    (b"\xff\xfe{\x00}\x00", 400, "invalid_request"),
    (b'{"messages": [', 400, "invalid_request"),
    (b"", 400, "invalid_request"),
    (b"[]", 400, "invalid_request"),
    (b"null", 400, "invalid_request"),
    (b"[" * 1900, 400, "invalid_request"),
    (b'{"seed": ' + b"9" * 1900 + b"}", 400, "invalid_request"),
    (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400, "invalid_request"),
    (b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}', 400, "invalid_request"),
    (b'{"messages": [{"role": "user", "content": "x"}], "temperature": 1e999}', 400, "invalid_request"),
    (b'{"messages": [{"role": "user", "content": "x"}], "\\ud800": 1}', 400, "invalid_request"),
    (b'{"messages": [{"role": "user", "content": "x"}], "model": "\\udfff"}', 400, "invalid_request"),
    (b'{"messages": [{"role": "user", "content": "\xed\xa0\x80"}]}', 400, "invalid_request"),  # half of a pair, as bytes
    (b'{"messages": [{"role": "user", "content": "x"}], "tools": [{"a": "\xed\xa0\x80"}]}', 400, "invalid_request"),
    (json.dumps({"messages": user("x")}).encode("utf-16"), 400, "invalid_request"),
    (b" " * 2001, 413, "body_too_large"),
]


@given(st.lists(st.sampled_from(["\\ud83d", "\\ude00", "\\\\", "\\n", "x", "\\u0041", "ud800", "\\UD"[:1] + "uDFFF"]), max_size=8))
def test_halves_of_pairs_are_found_as_encoding_finds_them(parts: list[str]) -> None:
    text = json.loads(f'"{"".join(parts)}"')
    try:
        text.encode()
        whole = True
    except UnicodeEncodeError:
        whole = False
    assert _half(f'"{"".join(parts)}"'.encode()) is not whole


@pytest.mark.parametrize(("body", "status", "code"), BODIES)
def test_bodies_that_are_none(small: tuple[FakeService, str], body: bytes, status: int, code: str) -> None:
    reply = httpx.post(f"{small[1]}/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == status and reply.json().get("error", {"code": ""})["code"] == code


def test_a_form_of_another_page_is_no_request(small: tuple[FakeService, str]) -> None:
    """A page elsewhere may send text/plain without asking the browser; it is not read as JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = httpx.post(f"{small[1]}/v1/chat/completions", content=json.dumps(CHAT), headers={"content-type": kind})
        assert reply.status_code == 400 and "content-type" in reply.json()["error"]["message"]


def raw(url: str, *parts: bytes, pause_seconds: float = 0.0, half_close: bool = False) -> bytes:
    """Send bytes, read until the server closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause_seconds)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except ConnectionError:
            pass
        return found


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def lives(url: str) -> bool:
    return httpx.post(f"{url}/v1/chat/completions", json=CHAT).status_code == 200


def told(reply: bytes) -> tuple[int, str]:
    head, _, body = reply.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def test_a_body_is_refused_before_it_is_read(small: tuple[FakeService, str]) -> None:
    _, url = small
    assert told(raw(url, HEAD + b"Content-Length: 999999999999\r\n\r\n")) == (413, "body_too_large")
    assert told(raw(url, HEAD + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n")) == (413, "body_too_large")
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    assert told(raw(url, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 3)) == (413, "body_too_large")
    assert lives(url)


def test_slow_clients_are_left(small: tuple[FakeService, str]) -> None:
    _, url = small
    assert told(raw(url, HEAD + b"Content-Length: 100\r\n\r\n{")) == (408, "body_timeout")
    assert raw(url, b"POST /v1/chat") == b"" and raw(url, b"") == b""
    models = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert raw(url, models, b"GET /hea", pause_seconds=0.05).count(b"HTTP/1.1") == 1  # the second head never comes
    assert lives(url)


def test_what_is_no_http_gets_a_clear_answer(small: tuple[FakeService, str]) -> None:
    _, url = small
    for bad in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"\xff" * 200 + b"\r\n\r\n",
    ):
        assert told(raw(url, bad)) == (400, "invalid_request")
    both = HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 200 " not in raw(url, both, b"zz\r\nnonsense", half_close=True)
    assert lives(url)


def test_a_half_closed_connection_is_one_that_left(small: tuple[FakeService, str]) -> None:
    service, url = small
    body = json.dumps({**CHAT, "messages": user("slow"), "stream": True}).encode()
    begun = len(service.desk.asked)
    raw(url, HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body, pause_seconds=0.2, half_close=True)
    cut = raw(url, HEAD + b"Content-Length: 500\r\n\r\n{", half_close=True)
    assert cut == b"" and len(service.desk.asked) > begun
    until = time.monotonic() + 10
    while service.desk.under_way and time.monotonic() < until:
        time.sleep(0.005)
    assert not service.desk.under_way and lives(url)


def test_a_client_that_leaves_while_its_answer_is_written_frees_the_row(small: tuple[FakeService, str]) -> None:
    service, url = small
    for stream in (False, True):
        body = {**CHAT, "messages": user("slow"), "stream": stream}
        with httpx.Client(timeout=0.3) as client:
            if stream:
                with client.stream("POST", f"{url}/v1/chat/completions", json=body) as reply:
                    assert next(reply.iter_raw())
            else:
                with pytest.raises(httpx.ReadTimeout):
                    client.post(f"{url}/v1/chat/completions", json=body)
        until = time.monotonic() + 10
        while service.desk.under_way and time.monotonic() < until:
            time.sleep(0.005)
        assert not service.desk.under_way
    assert lives(url)


def test_errors_of_routes_are_openais_too(small: tuple[FakeService, str]) -> None:
    _, url = small
    for method, path, code in (
        ("GET", "/nowhere", "not_found"),
        ("GET", "/v1/chat/completions", "method_not_allowed"),
        ("DELETE", "/v1/models", "method_not_allowed"),
        ("GET", "/v1/models/none", "model_not_found"),
        ("GET", "/docs", "not_found"),
    ):
        reply = httpx.request(method, url + path)
        assert reply.json()["error"]["code"] == code and reply.headers["x-request-id"]
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_probes(small: tuple[FakeService, str]) -> None:
    service, url = small
    assert httpx.get(f"{url}/health").json()["status"] == "ok" and httpx.get(f"{url}/ready").status_code == 200
    service.reason = "the state cannot be written"
    try:
        reply: Any = httpx.get(f"{url}/ready")
        assert reply.status_code == 503 and "state" in reply.json()["error"]["message"] and httpx.get(f"{url}/health").status_code == 200
    finally:
        service.reason = ""
