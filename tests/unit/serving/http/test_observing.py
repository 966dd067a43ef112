"""What operators see: Prometheus's text read by Prometheus's own parser, and spans."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.fake_service import FakeDesk, FakeService, serving
from unit.serving.http.conftest import user

trace = pytest.importorskip("opentelemetry.trace", reason="opentelemetry-api is not installed")

# Names that dashboards and autoscalers of vLLM use (docs.vllm.ai, design/metrics).
OF_VLLM = {
    *("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"),
    *("vllm:request_queue_time_seconds", "vllm:prompt_tokens", "vllm:generation_tokens", "vllm:request_success"),
    *("vllm:request_prompt_tokens", "vllm:request_generation_tokens", "vllm:prefix_cache_queries", "vllm:prefix_cache_hits"),
}


def ask(url: str, text: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/chat/completions", json={"model": "fake", "messages": user(text), **more})


def test_metrics_count_what_happened() -> None:
    with serving(FakeService(FakeDesk(0.001))) as url:
        written = [ask(url, "a b c"), ask(url, "wrong"), ask(url, "cut", stream=True)]
        assert [one.status_code for one in (*written, ask(url, "odd"), httpx.get(f"{url}/secret/path"))] == [200, 200, 200, 400, 404]
        reply = httpx.get(f"{url}/metrics")
    families = {family.name: family for family in text_string_to_metric_families(reply.text)}
    assert families.keys() >= OF_VLLM
    samples = {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families.values() for one in family.samples}
    model = ("model_name", "fake")
    assert samples["kubestill_answers_total", (model, ("verdict", "passed"))] == 2
    assert samples["kubestill_answers_total", (model, ("verdict", "schema"))] == 1
    assert samples["vllm:request_success_total", (("finished_reason", "length"), model)] == 1
    assert samples["vllm:prompt_tokens_total", (model,)] == 5 and samples["vllm:e2e_request_latency_seconds_count", (model,)] == 3
    assert samples["vllm:time_to_first_token_seconds_count", (model,)] == 3
    assert samples["kubestill_errors_total", (("code", "invalid_request"),)] == 1
    assert samples["kubestill_http_requests_total", (("method", "GET"), ("route", "none"), ("status", "404"))] == 1
    assert "secret" not in reply.text


def test_what_strangers_write_makes_no_label() -> None:
    with serving(FakeService()) as url:
        for number in range(5):
            httpx.request(f"M{number}", f"{url}/x{number}")
        found = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if line.startswith("kubestill_http_requests_total{")]
    assert found == ['kubestill_http_requests_total{method="OTHER",route="none",status="404"} 5.0']


class Span:
    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        self.name, self.attributes, self.status, self.ended = name, dict(attributes), None, 0

    def set_attribute(self, name: str, value: Any) -> None:
        self.attributes[name] = value

    def set_status(self, status: Any) -> None:
        self.status = status.status_code.name

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Span]]:
    """What a tracer of the SDK would get: the API's own class does nothing."""
    found: list[Span] = []

    class Tracer:
        def start_span(self, name: str, kind: Any, attributes: dict[str, Any]) -> Span:
            found.append(Span(name, attributes))
            return found[-1]

    monkeypatch.setattr(trace, "get_tracer", lambda name: Tracer())
    yield found


def test_spans_hold_what_the_conventions_name_and_no_text(spans: list[Span]) -> None:
    with serving(FakeService(FakeDesk(0.001))) as url:
        ask(url, "a secret wish", temperature=0.5, n=2)
        ask(url, "late")
    whole, late = spans
    assert (whole.name, whole.ended, late.ended, late.status) == ("chat fake", 1, 1, "ERROR")
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "fake",
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "fake",
        "gen_ai.usage.input_tokens": 6,
        "gen_ai.response.finish_reasons": ["stop", "stop"],
    }
    assert expected.items() <= whole.attributes.items() and late.attributes["error.type"] == "timeout"
    assert not [value for span in spans for value in span.attributes.values() if "secret" in str(value)]


def test_text_stands_in_spans_where_it_is_wished(spans: list[Span]) -> None:
    with serving(FakeService(FakeDesk(0.001)), trace_content=True) as url:
        ask(url, "a secret wish")
    (span,) = spans
    assert json.loads(span.attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == "a secret wish"
    assert "a secret wish" in json.loads(span.attributes["gen_ai.output.messages"])[0]["parts"][0]["content"]
