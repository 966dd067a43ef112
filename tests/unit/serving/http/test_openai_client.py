"""The API as OpenAI's own client sees it."""

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest

from kubestill.ground.errors import UserError
from kubestill.serving.http.errors import as_api_error
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.desk import desk_for
from kubestill.tools.engines.desk_lanes import DeskHow
from kubestill.tools.engines.openai_http import OpenAIHttpEngine
from kubestill.tools.engines.posting import Poster
from support.fake_service import FakeDesk, FakeService, serving, text_for
from unit.serving.http.conftest import KEY, House, user


def test_models(house: House) -> None:
    assert [one.id for one in house.client.models.list()] == ["fake", "other"]
    assert house.client.models.retrieve("other").created == 1_700_000_000
    with pytest.raises(openai.NotFoundError) as error:
        house.client.models.retrieve("gpt-4")
    assert error.value.code == "model_not_found" and "fake, other" in str(error.value)


def test_a_chat_is_answered_with_its_verdict(house: House) -> None:
    reply = house.client.chat.completions.create(model="other", messages=user("hello there"))  # type: ignore[arg-type]
    assert reply.choices[0].message.content == text_for("hello there") and reply.choices[0].finish_reason == "stop"
    assert reply.usage and (reply.usage.prompt_tokens, reply.usage.total_tokens) == (2, 2 + len(text_for("hello there").split()))
    told: Any = reply.model_extra["kubestill"]  # type: ignore[index]
    assert told["passed"] and told["model"] == "other" and told["trace"][0]["step"] == "generate"
    wrong: Any = house.client.chat.completions.create(model="fake", messages=user("wrong")).model_extra  # type: ignore[arg-type]
    assert (wrong["kubestill"]["failed_on"], wrong["kubestill"]["findings"][0]["path"]) == ("schema", "spec.replica")
    assert wrong["kubestill"]["findings"][0]["remedy"] == "Correct the spelling."


def test_a_streamed_chat_is_the_chat(house: House) -> None:
    with house.client.chat.completions.stream(
        model="fake",
        messages=user("a stream"),
        stream_options={"include_usage": True},  # type: ignore[arg-type]
    ) as stream:
        kinds = [event.type for event in stream]
        whole = stream.get_final_completion()
    assert whole.choices[0].message.content == text_for("a stream") and whole.choices[0].finish_reason == "stop"
    assert kinds.count("content.delta") >= 6 and whole.usage and whole.usage.completion_tokens > 0
    chunks = list(house.client.chat.completions.create(model="fake", messages=user("a stream"), stream=True))  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text_for("a stream")
    assert [bool(chunk.model_extra) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].model_extra["kubestill"]["passed"] is True
    assert len({chunk.id for chunk in chunks}) == 1 and all(chunk.usage is None for chunk in chunks)


def test_async_many_at_once(house: House) -> None:
    async def ask(client: openai.AsyncOpenAI, number: int) -> str:
        if number % 2:
            return str((await client.responses.create(model="fake", input=f"number {number}")).output_text)
        stream = await client.chat.completions.create(model="fake", messages=user(f"number {number}"), stream=True)  # type: ignore[call-overload]
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def everyone() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(20)))

    assert asyncio.run(everyone()) == [text_for(f"number {number}") for number in range(20)]


def test_headers_of_a_raw_response(house: House) -> None:
    raw = house.client.chat.completions.with_raw_response.create(
        model="fake",
        messages=user("x"),
        extra_headers={"x-request-id": "mine-1"},  # type: ignore[arg-type]
    )
    assert raw.headers["x-request-id"] == "mine-1" and raw.headers["cache-control"] == "no-store"
    bad = house.client.chat.completions.with_raw_response.create(
        model="fake",
        messages=user("x"),
        extra_headers={"x-request-id": "bad id <script>"},  # type: ignore[arg-type]
    )
    assert len(bad.headers["x-request-id"]) == 32


def test_what_is_wished_reaches_the_service(house: House) -> None:
    ours = {"task": "kubectl", "kind": "Deployment", "version": "1.31", "free": True, "fresh": True, "tries": 3}
    house.client.chat.completions.create(
        model="fake",
        messages=user("wishes"),
        temperature=0.5,
        top_p=0.9,
        seed=7,
        max_completion_tokens=99,
        extra_body={"kubestill": ours},  # type: ignore[arg-type]
    )
    inquiry = house.service.turns[-1].inquiry
    wish = inquiry.wish
    assert (wish.skill, wish.kinds, wish.version, wish.free, inquiry.fresh, wish.tries) == (
        "kubectl",
        ("Deployment",),
        "1.31",
        True,
        True,
        3,
    )
    assert (wish.temperature, wish.top_p, wish.seed, wish.max_tokens) == (0.5, 0.9, 7, 99)
    assert 0 < inquiry.timeout_seconds <= 120
    manifest = "kind: ConfigMap\n"
    ours = {"edit": manifest, "document": 0}
    house.client.chat.completions.create(model="fake", messages=user("rename it"), extra_body={"kubestill": ours})  # type: ignore[arg-type]
    assert (house.service.turns[-1].inquiry.manifest, house.service.turns[-1].inquiry.document) == (manifest, 0)


def test_several_choices_each_with_its_own_verdict(house: House) -> None:
    reply = house.client.chat.completions.create(model="fake", messages=user("three"), n=3, seed=5)  # type: ignore[arg-type]
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert all(choice.model_extra["kubestill"]["passed"] for choice in reply.choices)  # type: ignore[index]
    assert sorted(turn.inquiry.wish.seed for turn in house.service.turns[-3:]) == [5, 6, 7]
    chunks = list(house.client.chat.completions.create(model="fake", messages=user("two"), n=2, stream=True))  # type: ignore[call-overload]
    for index in (0, 1):
        parts = [chunk.choices[0] for chunk in chunks if chunk.choices[0].index == index]
        assert "".join(part.delta.content or "" for part in parts) == text_for("two") and parts[-1].finish_reason == "stop"


@pytest.mark.parametrize("stop", ["name:", ["nowhere", "\n  na", "data"]])
def test_stops_cut_alike_whole_and_streamed(house: House, stop: Any) -> None:
    reply = house.client.chat.completions.create(model="fake", messages=user("stop"), stop=stop)  # type: ignore[arg-type]
    text = reply.choices[0].message.content
    assert text and text_for("stop").startswith(text) and not any(one in text for one in ([stop] if isinstance(stop, str) else stop))
    chunks = house.client.chat.completions.create(model="fake", messages=user("stop"), stop=stop, stream=True)  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text


def test_a_cut_answer_says_so(house: House) -> None:
    assert house.client.chat.completions.create(model="fake", messages=user("cut")).choices[0].finish_reason == "length"  # type: ignore[arg-type]
    reply = house.client.responses.create(model="fake", input="cut")
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")  # type: ignore[union-attr]


def test_tools_are_answered_in_text_and_a_required_call_is_refused(house: House) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    for choice in ("auto", "none"):
        reply = house.client.chat.completions.create(model="fake", messages=user("x"), tools=tools, tool_choice=choice)  # type: ignore[call-overload]
        assert reply.choices[0].message.content and not reply.choices[0].message.tool_calls
    for choice in ("required", {"type": "function", "function": {"name": "look"}}):
        with pytest.raises(openai.BadRequestError) as error:
            house.client.chat.completions.create(model="fake", messages=user("x"), tools=tools, tool_choice=choice)  # type: ignore[call-overload]
        assert (error.value.code, error.value.param) == ("unsupported", "tool_choice")


class Size(pydantic.BaseModel):
    replicas: int
    image: str


def test_structured_output_is_led_validated_and_parsed() -> None:
    def script(request: str, guide: Any) -> str:
        assert json.loads(guide.start(None).grammar.text)["required"] == ["replicas", "image"]
        return '{"replicas": "three"}' if request == "astray" else '{"replicas": 3, "image": "nginx"}'

    service = FakeService(FakeDesk(0.001, script))
    with serving(service) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        parsed = client.chat.completions.parse(model="fake", messages=user("size"), response_format=Size)  # type: ignore[arg-type]
        assert parsed.choices[0].message.parsed == Size(replicas=3, image="nginx")
        assert parsed.model_extra["kubestill"]["passed"]  # type: ignore[index]
        again = client.responses.parse(model="fake", input="size", text_format=Size)
        assert again.output_parsed == Size(replicas=3, image="nginx")
        form = {"type": "json_schema", "json_schema": {"name": "size", "schema": Size.model_json_schema()}}
        told = client.chat.completions.create(model="fake", messages=user("astray"), response_format=form)  # type: ignore[call-overload]
        assert told.model_extra["kubestill"]["failed_on"] == "schema" and len(told.model_extra["kubestill"]["findings"]) == 2
        chunks = client.chat.completions.create(model="fake", messages=user("size"), response_format=form, stream=True)  # type: ignore[call-overload]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == '{"replicas": 3, "image": "nginx"}'


@pytest.mark.parametrize("schema", [{"type": "nothing"}, {"$ref": "http://elsewhere/x"}, [], None, "x", {"a": "b" * 200_000}])
def test_a_schema_that_is_none_is_refused(house: House, schema: Any) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "size", "schema": schema}}
    with pytest.raises(openai.BadRequestError) as error:
        house.client.chat.completions.create(model="fake", messages=user("x"), response_format=form)  # type: ignore[call-overload]
    assert error.value.param == "response_format"


def test_a_schema_reads_nothing_but_itself(house: House, tmp_path: Path) -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

    (tmp_path / "secret").write_text('{"type": "string"}')
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for schema in (
            {"$ref": f"{address}/whole"},
            {"properties": {"a": {"$ref": f"{address}/part"}}},
            {"$schema": f"{address}/meta", "type": "object"},
            {"$id": f"{address}/id/", "$ref": "relative"},
            {"$ref": (tmp_path / "secret").as_uri()},
        ):
            test_a_schema_that_is_none_is_refused(house, schema)
        server.shutdown()
    assert not asked


def test_what_is_no_message_is_passed_over(house: House) -> None:
    """Agents send back all that other models gave them, reasoning with its text among it."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    output = {"type": "function_call_output", "call_id": "c", "output": "done"}
    reply = house.client.responses.create(model="fake", input=[thought, output, *user("x")])  # type: ignore[list-item]
    assert reply.output_text == text_for("x")


def test_a_server_that_answers_nonsense_is_not_the_clients_fault() -> None:
    """OpenAI's client asks again after 502, and gives up after 400."""

    class Nonsense(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def do_GET(self) -> None:
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Nonsense) as server, Poster(f"http://127.0.0.1:{server.server_port}/v1") as poster:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        desk = desk_for(OpenAIHttpEngine(poster, "small"), DeskHow(1))
        with pytest.raises(UserError) as found:
            desk.submit("x", Ask()).wait(20)
        desk.close()
        server.shutdown()
    told, ours = as_api_error(found.value), as_api_error(UserError("task", "no task"))
    assert told and ours and (told.status, told.code, ours.status) == (502, "engine_error", 400)


def test_responses_streamed_and_whole_agree(house: House) -> None:
    with house.client.responses.stream(model="fake", input="go on", instructions="be brief") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == text_for("go on") and final.status == "completed" and final.instructions == "be brief"
    assert [event.sequence_number for event in events if event.type == "response.created"] == [0]
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert final.model_extra["kubestill"]["passed"]  # type: ignore[index]
    talk = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "a: 1"}, *user("second")]
    assert house.client.responses.create(model="fake", input=talk).output_text == text_for("second")  # type: ignore[arg-type]
    manifest = "apiVersion: v1\nkind: ConfigMap\n"
    house.client.responses.create(
        model="fake",
        input=[{"role": "assistant", "content": manifest}, *user("make it blue")],  # type: ignore[arg-type]
    )
    assert (house.service.turns[-1].inquiry.manifest, house.service.turns[-1].inquiry.request) == (manifest, "make it blue")
    with pytest.raises(openai.BadRequestError, match="nothing is stored"):
        house.client.responses.create(model="fake", input="x", previous_response_id="resp_1")


def test_completions(house: House) -> None:
    reply = house.client.completions.create(model="fake", prompt=["one", "two"], n=2, echo=True)
    assert [choice.text for choice in reply.choices] == [p + text_for(p) for p in ("one", "one", "two", "two")]
    chunks = list(house.client.completions.create(model="fake", prompt="one", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == text_for("one") and chunks[-1].choices[0].finish_reason == "stop"


ERRORS = [
    ("odd", openai.BadRequestError, "invalid_request"),
    ("long", openai.BadRequestError, "context_length_exceeded"),
    ("late", openai.InternalServerError, "timeout"),
    ("absent", openai.InternalServerError, "engine_unavailable"),
    ("break", openai.InternalServerError, "server_error"),
]


@pytest.mark.parametrize(("request_text", "kind", "code"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_clients_own(house: House, request_text: str, kind: type[openai.APIStatusError], code: str, stream: bool) -> None:
    for create in (
        lambda: house.client.chat.completions.create(model="fake", messages=user(request_text), stream=stream),  # type: ignore[call-overload]
        lambda: house.client.responses.create(model="fake", input=request_text, stream=stream),  # type: ignore[call-overload]
        lambda: house.client.completions.create(model="fake", prompt=request_text, stream=stream),
    ):
        with pytest.raises(kind) as error:
            create()
        assert error.value.code == code and "hunter2" not in str(error.value)


def test_a_strict_answer_that_fails_is_refused_with_its_findings(house: House) -> None:
    for stream in (False, True):
        with pytest.raises(openai.UnprocessableEntityError) as error:
            house.client.chat.completions.create(
                model="fake",
                messages=user("wrong"),
                stream=stream,
                extra_body={"kubestill": {"strict": True}},  # type: ignore[call-overload]
            )
        body: Any = error.value.body
        assert error.value.code == "answer_refused" and body["kubestill"]["findings"][0]["code"] == "K8S022"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": user("  ")}, "messages"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
    ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages.0.content"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": 3}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"n": 1000}, "n"),
    ({"seed": 1.5}, "seed"),
    ({"stop": ["a"] * 9}, "stop"),
    ({"logprobs": True}, "logprobs"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"kubestill": {"tries": 0}}, "kubestill.tries"),
    ({"kubestill": {"kinds": ["x"]}}, "kubestill.kinds"),
]


@pytest.mark.parametrize(("changed", "param"), WRONG)
def test_what_is_wrong_in_a_request_is_named(house: House, changed: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        house.client.post("/chat/completions", body={"model": "fake", "messages": user("x"), **changed}, cast_to=dict[str, Any])
    assert str(error.value.param).startswith(param) and error.value.type == "invalid_request_error"


def test_unknown_fields_are_passed_over(house: House) -> None:
    body = {
        "model": "fake",
        "messages": [{"role": "user", "content": "x", "name": "me"}],
        "user": "me",
        "frequency_penalty": 0.1,
        "new": {},
    }
    assert house.client.post("/chat/completions", body=body, cast_to=dict[str, Any])["choices"]


def test_a_stream_that_is_left_frees_its_row(house: House) -> None:
    stream = house.client.chat.completions.create(model="fake", messages=user("slow"), stream=True)  # type: ignore[call-overload]
    for _ in zip(range(3), stream, strict=False):
        assert house.service.desk.under_way == 1
    stream.close()
    until = time.monotonic() + 10
    while house.service.desk.under_way and time.monotonic() < until:
        time.sleep(0.005)
    assert not house.service.desk.under_way
