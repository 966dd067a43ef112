"""The official client against our MCP server: in process by both revisions of the protocol, over stdio, and over HTTP."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="pip install 'kubestill[mcp]'")

import jsonschema_rs
import uvicorn
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import CallToolResult, TextResourceContents

from kubestill.serving.mcp import MAX_ASKED, MAX_TEXT_CHARS, make_mcp_app, make_server, mcp_routes
from support.fake_service import text_for
from support.scripted_service import ScriptedService

TESTS = Path(__file__).resolve().parents[2]
BROKEN = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{targtPort: 80}]}\n"
OVER_STDIO = (
    "from support.scripted_service import ScriptedService as S; from kubestill.serving.mcp import make_server; make_server(S()).run()"
)


def told(result: CallToolResult) -> str:
    (block,) = result.content
    assert block.type == "text"
    return block.text


def with_client(do: Callable[[Client], Awaitable[Any]], server: Any, mode: str = "auto") -> Any:
    async def run() -> Any:
        async with Client(server, mode=mode) as client:
            return await do(client)

    return asyncio.run(asyncio.wait_for(run(), 30))


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def address(service: ScriptedService) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(make_mcp_app(service), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join(10)


async def everything(client: Client) -> dict[str, Any]:
    """What a client can see, by every tool and resource."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    found: dict[str, Any] = {"tools": {name: tool.model_dump(mode="json") for name, tool in tools.items()}}
    for name, given in (
        ("check", {"text": BROKEN}),
        ("check", {"text": "kubectl get po", "what": "kubectl", "version": "1.36"}),
        ("explain", {"path": "ConfigMap"}),
        ("ask", {"request": "a configmap", "kinds": ["ConfigMap"], "task": "manifest", "strict": True}),
    ):
        result = await client.call_tool(name, given)
        assert not result.is_error, told(result)
        jsonschema_rs.validate(tools[name].output_schema or {}, result.structured_content)
        jsonschema_rs.validate(tools[name].input_schema, given)
        (result.structured_content or {}).pop("seconds", None)
        found.setdefault(name, []).append((told(result), result.structured_content))
    for address in ("kubernetes://versions", "kubernetes://1.36/kinds"):
        (content,) = (await client.read_resource(address)).contents
        assert isinstance(content, TextResourceContents) and content.mime_type == "application/json"
        found[address] = json.loads(content.text)
    found["templates"] = [one.uri_template for one in (await client.list_resource_templates()).resource_templates]
    return found


def test_tools_say_what_they_do_and_every_way_says_the_same(service: ScriptedService, address: str) -> None:
    found = with_client(everything, make_server(service))
    assert set(found["tools"]) == {"check", "explain", "ask"}
    for tool in found["tools"].values():
        hints = tool["annotations"]
        assert hints["read_only_hint"] and hints["idempotent_hint"] and not hints["open_world_hint"] and not hints["destructive_hint"]
        assert tool["title"] and tool["description"] and all(one["description"] for one in tool["input_schema"]["properties"].values())
        assert tool["output_schema"]["type"] == "object"
    (text, checked), (nothing, clean) = found["check"]
    assert checked["failed"] and not checked["passed"] and checked["findings"][0]["line"] == 28
    assert text.splitlines()[0] == "failed" and text.splitlines()[1].startswith("28:5 error K8S022 spec.ports[0].targtPort: unknown")
    assert nothing == "passed" and clean == {"passed": True, "failed": False, "findings": []}
    ((text, answer),) = found["ask"]
    assert text.startswith(text_for("a configmap")) and answer["answer"] == text_for("a configmap") and answer["model"] == "fake"
    assert answer["passed"] and text.splitlines()[-1].startswith("verdict: passed")
    assert found["explain"][0][0].splitlines()[-1] == "  data (map): Data contains the configuration data."
    assert found["kubernetes://versions"] == ["1.36"] and found["kubernetes://1.36/kinds"] == ["v1/ConfigMap"]
    assert found["templates"] == ["kubernetes://{version}/kinds"]
    assert with_client(everything, make_server(service), "legacy") == found
    for mode in ("auto", "legacy"):
        assert with_client(everything, address, mode) == found
    assert with_client(everything, StdioServerParameters(command=sys.executable, args=["-c", OVER_STDIO], cwd=TESTS)) == found


def test_what_was_asked_reaches_the_service(service: ScriptedService) -> None:
    with_client(everything, make_server(service, timeout_seconds=7))
    assert [(wish.skill, wish.version) for wish in service.wishes] == [("", ""), ("kubectl", "1.36")]
    (turn,) = service.turns
    wish = turn.inquiry.wish
    assert (wish.kinds, wish.skill, turn.inquiry.strict, turn.inquiry.timeout_seconds) == (("ConfigMap",), "manifest", True, 7)


def test_an_answer_that_failed_says_so_and_a_strict_client_does_not_get_it(service: ScriptedService) -> None:
    async def call(client: Client) -> tuple[CallToolResult, CallToolResult]:
        return await client.call_tool("ask", {"request": "wrong"}), await client.call_tool("ask", {"request": "wrong", "strict": True})

    loose, strict = with_client(call, make_server(service))
    assert not loose.structured_content["passed"] and loose.structured_content["failed_on"] == "schema"
    assert loose.structured_content["findings"][0]["code"] == "K8S022" and "verdict: failed on schema" in told(loose)
    assert strict.is_error and "failed on schema" in told(strict) and text_for("wrong") not in told(strict)


def test_what_nobody_could_judge_is_no_pass(service: ScriptedService) -> None:
    async def call(client: Client) -> CallToolResult:
        return await client.call_tool("check", {"text": "apiVersion: unknown.example/v1\nkind: Thing\n"})

    result = with_client(call, make_server(service))
    assert told(result) == "not judged\n1 skip: no schema of unknown.example/v1 Thing"
    assert not result.structured_content["passed"] and not result.structured_content["failed"]


@pytest.mark.parametrize(
    ("tool", "given", "sentence"),
    [
        ("ask", {"request": "odd"}, "request: nothing in it can be read; say it in other words"),
        ("ask", {"request": "late"}, "no answer in time"),
        ("explain", {"path": "ConfigMapp"}, "did you mean 'ConfigMap'?"),
        ("explain", {"path": "ConfigMap", "version": "0.9"}, "use 1.36"),
        ("check", {"text": "a" * (MAX_TEXT_CHARS + 1)}, "at most"),
        ("check", {"text": "kind: A", "what": "helm"}, "'manifests' or 'kubectl'"),
        ("check", {}, "Field required"),
        ("drain", {}, "Unknown tool"),
    ],
)
def test_a_mistake_is_a_tool_error_in_our_words(service: ScriptedService, tool: str, given: dict[str, Any], sentence: str) -> None:
    async def call(client: Client) -> CallToolResult:
        return await client.call_tool(tool, given)

    result = with_client(call, make_server(service))
    assert result.is_error and sentence in told(result)


def test_a_crash_tells_the_client_nothing_of_it(service: ScriptedService, caplog: pytest.LogCaptureFixture) -> None:
    async def call(client: Client) -> CallToolResult:
        return await client.call_tool("ask", {"request": "break"})

    result = with_client(call, make_server(service))
    assert result.is_error and "hunter2" not in told(result)
    assert "hunter2" in caplog.text  # but whoever runs the service can see it


def test_an_unknown_resource_is_an_error_in_our_words(service: ScriptedService) -> None:
    async def read(client: Client) -> None:
        await client.read_resource("kubernetes://0.9/kinds")

    with pytest.raises((MCPError, ExceptionGroup), check=lambda error: "use 1.36" in repr(error)):
        with_client(read, make_server(service))


def test_more_than_can_be_answered_is_refused_at_once(service: ScriptedService) -> None:
    async def crowd(client: Client) -> str:
        calls = [asyncio.create_task(client.call_tool("ask", {"request": "slow"})) for _ in range(MAX_ASKED + 1)]
        done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for call in waiting:
            call.cancel()
        await asyncio.wait(waiting)
        again = await client.call_tool("ask", {"request": "a configmap"})
        assert len(done) == 1 and not again.is_error
        return told(done.pop().result())

    assert with_client(crowd, make_server(service)).endswith(f"{MAX_ASKED} answers are being written or wait; ask again later")


def test_a_client_that_gives_up_stops_the_answer(service: ScriptedService, address: str) -> None:
    async def give_up(client: Client) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.call_tool("ask", {"request": "slow"}), 0.5)

    for server in (make_server(service), address):
        with_client(give_up, server)
        assert service.turns[-1].stop.wait(10)


@pytest.mark.parametrize("header", [{"host": "evil.example"}, {"origin": "https://evil.example"}])
def test_a_page_of_another_host_is_not_let_in(service: ScriptedService, address: str, header: dict[str, str]) -> None:
    httpx = pytest.importorskip("httpx")
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    sent = {"accept": "application/json, text/event-stream"}
    assert httpx.post(address, json=body, headers=sent).status_code == 200
    assert httpx.post(address, json=body, headers={**sent, **header}).status_code in (403, 421)


def test_a_body_that_is_too_large_or_broken_is_refused_and_the_server_lives(service: ScriptedService, address: str) -> None:
    httpx = pytest.importorskip("httpx")
    sent = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    assert httpx.post(address, content=b"[" * 5_000_000, headers=sent).status_code == 413
    for body in (b"\xff\xfe", b"[" * 100_000, b'{"jsonrpc": "2.0"}', b""):
        assert 400 <= httpx.post(address, content=body, headers=sent).status_code < 500
    assert with_client(lambda client: client.list_tools(), address).tools


def test_an_app_can_take_it_in_and_its_own_guard_stands_before_it(service: ScriptedService) -> None:
    from fastapi import FastAPI

    routes, lifespan = mcp_routes(service)
    app = FastAPI(lifespan=lambda _: lifespan())
    app.router.routes.extend(routes)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        assert {tool.name for tool in with_client(lambda client: client.list_tools(), f"http://127.0.0.1:{port}/mcp").tools} >= {"ask"}
    finally:
        server.should_exit = True
        thread.join(10)
