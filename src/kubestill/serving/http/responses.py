"""`POST /v1/responses`: one answer, whole or as the events of OpenAI's responses."""

import time
from collections.abc import AsyncIterator
from itertools import count
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from kubestill.serving.http.errand import Done, Errand, Part, Wanted, gathered
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.reading import inquiry_of_messages
from kubestill.serving.http.reception import Reception
from kubestill.serving.http.responses_models import (
    Incomplete,
    InputDetails,
    ModelResponse,
    OutputMessage,
    OutputText,
    ResponseFault,
    ResponsesRequest,
    ResponsesUsage,
)
from kubestill.serving.http.streams import EVENTS, frame, streamed
from kubestill.serving.http.usage import usage_of

OPERATION = "chat"  # OpenTelemetry's name of it; it knows no other for responses
FAULTS = frozenset(("server_error", "rate_limit_exceeded"))  # codes that OpenAI knows in a response; any other is told as the first


def responses_router(reception: Reception) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["OpenAI"])

    @router.post("/v1/responses", response_model=ModelResponse, responses=EVENTS)
    async def respond(asked: ResponsesRequest, request: Request) -> Response:
        """Answer the last message of the input. With `stream` the reply comes as server-sent events. Nothing is stored."""
        asked.check()
        served = reception.model(asked.model)
        inquiry = inquiry_of_messages(served, asked.messages(), asked.kubestill, asked.sampling(asked.max_output_tokens))
        wanted = Wanted(served, [inquiry], OPERATION, shape=asked.shape())
        reply = _Reply(asked, served.name)
        if asked.stream:
            return await streamed(reception, request, wanted, reply.frames)
        (done,) = await gathered(Errand(reception, request, wanted, live=False))
        return Response(reply.whole(done).model_dump_json(), media_type="application/json")

    return router


class _Reply:
    """One reply on its way."""

    def __init__(self, asked: ResponsesRequest, model: str) -> None:
        sampling = asked.sampling(asked.max_output_tokens)
        self._numbers, self._item = count(), f"msg_{uuid4().hex}"
        self._begun = ModelResponse(
            id=f"resp_{uuid4().hex}",
            created_at=int(time.time()),
            status="in_progress",
            instructions=asked.instructions,
            max_output_tokens=asked.max_output_tokens,
            metadata=asked.metadata or {},
            model=model,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            tool_choice=asked.tool_choice or "auto",
            tools=asked.tools or [],
        )

    def whole(self, done: Done) -> ModelResponse:
        """Return the reply at its end."""
        usage, cut = usage_of([done]), done.reason == "length"
        used = ResponsesUsage(
            input_tokens=usage.prompt_tokens,
            input_tokens_details=InputDetails(cached_tokens=usage.prompt_tokens_details.cached_tokens),
            output_tokens=usage.completion_tokens,
            total_tokens=usage.total_tokens,
        )
        ended: dict[str, Any] = {
            "status": "incomplete" if cut else "completed",
            "completed_at": None if cut else int(time.time()),
            "incomplete_details": Incomplete(reason="max_output_tokens") if cut else None,
            "output": [self._message(done.text, "incomplete" if cut else "completed")],
            "usage": used,
            "kubestill": done.said,
        }
        return self._begun.model_copy(update=ended)

    async def frames(self, events: AsyncIterator[Part | Done]) -> AsyncIterator[bytes]:
        """Spell the reply as events, in the order that OpenAI's clients expect; the extension comes with the last."""
        begun = self._begun.model_dump(mode="json")
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        yield self._event("response.output_item.added", output_index=0, item=self._message(None, "in_progress").model_dump())
        yield self._event("response.content_part.added", **self._place(), part=OutputText(text="").model_dump())
        try:
            async for event in events:
                if isinstance(event, Part):
                    yield self._event("response.output_text.delta", **self._place(), delta=event.text, logprobs=[])
                    continue
                for content in self._ends(event):
                    yield content
        except ApiError as error:
            fault = ResponseFault(code=error.code if error.code in FAULTS else "server_error", message=str(error))
            failed = self._begun.model_copy(update={"status": "failed", "error": fault})
            yield self._event("response.failed", response=failed.model_dump(mode="json"))

    def _ends(self, done: Done) -> list[bytes]:
        reply = self.whole(done)
        (message,) = reply.output
        (part,) = message.content
        return [
            self._event("response.output_text.done", **self._place(), text=done.text, logprobs=[]),
            self._event("response.content_part.done", **self._place(), part=part.model_dump()),
            self._event("response.output_item.done", output_index=0, item=message.model_dump()),
            self._event(f"response.{reply.status}", response=reply.model_dump(mode="json")),
        ]

    def _message(self, text: str | None, status: str) -> OutputMessage:
        content = [] if text is None else [OutputText(text=text)]
        return OutputMessage.model_validate({"id": self._item, "status": status, "content": content})

    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item, "output_index": 0, "content_index": 0}

    def _event(self, kind: str, **told: Any) -> bytes:
        return frame({"type": kind, "sequence_number": next(self._numbers), **told}, kind)
