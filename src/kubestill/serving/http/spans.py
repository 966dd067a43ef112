"""OpenTelemetry spans after the semantic conventions for generative AI (github.com/open-telemetry/semantic-conventions, docs/gen-ai).

Only the API package is used, as an extra: without it nothing is traced, and where spans go is the operator's own SDK's matter. Requests
and answers stay out of spans unless the settings say otherwise.
"""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from kubestill.serving.api import Inquiry

if TYPE_CHECKING:
    from kubestill.serving.http.errand import Done

PROVIDER = "kubestill"


class Spans:
    """The span of one request; nothing where OpenTelemetry is not installed."""

    def __init__(self, operation: str, model: str, content: bool) -> None:
        """`content`: requests and answers are written into it."""
        self._operation, self._model, self._content = operation, model, content
        self._span: Any = None
        self._reasons, self._texts = list[str](), list[str]()
        self._tokens = [0, 0]

    def begin(self, inquiries: Sequence[Inquiry]) -> None:
        """Start the span."""
        if find_spec("opentelemetry") is None:
            return
        from opentelemetry import trace

        wish = inquiries[0].wish
        told: dict[str, Any] = {
            "gen_ai.operation.name": self._operation,
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": self._model,
            "gen_ai.request.temperature": wish.temperature,
            "gen_ai.request.top_p": wish.top_p,
            "gen_ai.request.seed": wish.seed,
            "gen_ai.request.max_tokens": wish.max_tokens,
        }
        if len(inquiries) > 1:
            told["gen_ai.request.choice.count"] = len(inquiries)
        if self._content:
            told["gen_ai.input.messages"] = _messages("user", [inquiries[0].request])
        tracer = trace.get_tracer("kubestill")
        self._span = tracer.start_span(f"{self._operation} {self._model}", kind=trace.SpanKind.SERVER, attributes=told)

    def answered(self, done: "Done") -> None:
        """Note an answer."""
        if self._span is None:
            return
        self._reasons.append(done.reason)
        self._texts.append(done.text)
        self._tokens[0] += done.answer.reply.prompt_tokens
        self._tokens[1] += done.answer.reply.tokens
        self._span.set_attribute("gen_ai.response.model", done.said.model)
        self._span.set_attribute("kubestill.passed", done.said.passed)
        self._span.set_attribute("kubestill.cached", done.said.cached)

    def failed(self, code: str) -> None:
        """Note an error by its code."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_attribute("error.type", code)
            self._span.set_status(Status(StatusCode.ERROR, code))

    def end(self) -> None:
        """End the span."""
        if self._span is None:
            return
        self._span.set_attribute("gen_ai.response.finish_reasons", self._reasons)
        self._span.set_attribute("gen_ai.usage.input_tokens", self._tokens[0])
        self._span.set_attribute("gen_ai.usage.output_tokens", self._tokens[1])
        if self._content:
            self._span.set_attribute("gen_ai.output.messages", _messages("assistant", self._texts))
        self._span.end()
        self._span = None


def _messages(role: str, texts: Sequence[str]) -> str:
    """Return messages in the form of the conventions' JSON schema."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for text in texts], ensure_ascii=False)
