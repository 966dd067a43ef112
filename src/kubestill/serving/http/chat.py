"""`POST /v1/chat/completions`."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from kubestill.serving.http.chat_models import ChatChoice, ChatCompletion, ChatRequest, ChatSaid
from kubestill.serving.http.errand import Done, Errand, Part, Wanted, gathered
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.messages import refuse_tools, stops_of
from kubestill.serving.http.reading import inquiry_of_messages
from kubestill.serving.http.reception import Reception
from kubestill.serving.http.streams import EVENTS, LAST, error_frame, frame, streamed
from kubestill.serving.http.usage import usage_of


def wanted_of(reception: Reception, asked: ChatRequest) -> Wanted:
    """Return what a chat request wants.

    Raises:
        ApiError: there is no such model, or something is asked for that no model here does.
    """
    if asked.logprobs:
        raise ApiError("unsupported", "logprobs: none are given here", "logprobs")
    if asked.stream_options is not None and not asked.stream:
        raise ApiError("invalid_request", "stream_options: only where stream is true", "stream_options")
    refuse_tools(asked.tool_choice)
    shape = asked.response_format.shape() if asked.response_format else None
    served = reception.model(asked.model)
    inquiry = inquiry_of_messages(served, asked.messages, asked.kubestill, asked.sampling(asked.max_completion_tokens or asked.max_tokens))
    inquiries = [replace(inquiry, wish=replace(inquiry.wish, seed=inquiry.wish.seed + n)) for n in range(asked.n or 1)]
    return Wanted(served, inquiries, "chat", stops_of(asked.stop), shape)


def chat_router(reception: Reception) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["OpenAI"])

    @router.post("/v1/chat/completions", response_model=ChatCompletion, responses=EVENTS)
    async def chat(asked: ChatRequest, request: Request) -> Response:
        """Answer a chat. With `stream` the reply comes as server-sent events."""
        wanted = wanted_of(reception, asked)
        head = Head(wanted.served.name)
        if asked.stream:
            usage = bool(asked.stream_options and asked.stream_options.include_usage)
            return await streamed(reception, request, wanted, lambda events: head.frames(events, usage))
        done = await gathered(Errand(reception, request, wanted, live=False))
        return Response(head.completion(done).model_dump_json(), media_type="application/json")

    return router


class Head:
    """What all parts of one reply share: its id, its time, its model."""

    def __init__(self, model: str) -> None:
        self.id, self.created, self.model = f"chatcmpl-{uuid4().hex}", int(time.time()), model

    def completion(self, done: Sequence[Done]) -> ChatCompletion:
        """Return a reply whole."""
        choices = [
            ChatChoice(
                index=one.index,
                message=ChatSaid(content=one.text),
                finish_reason=one.reason,
                kubestill=one.said if len(done) > 1 else None,
            )
            for one in done
        ]
        return ChatCompletion(
            id=self.id, created=self.created, model=self.model, choices=choices, usage=usage_of(done), kubestill=done[0].said
        )

    async def frames(self, events: AsyncIterator[Part | Done], usage: bool) -> AsyncIterator[bytes]:
        """Spell a reply in parts: for each choice a role, its text, its end; the extension comes with the end."""
        begun, done = set[int](), list[Done]()
        try:
            async for event in events:
                if event.index not in begun:
                    begun.add(event.index)
                    yield self._chunk(event.index, {"role": "assistant", "content": ""}, usage)
                if isinstance(event, Part):
                    yield self._chunk(event.index, {"content": event.text}, usage)
                else:
                    done.append(event)
                    yield self._chunk(event.index, {}, usage, event)
        except ApiError as error:
            yield error_frame(error)
            return
        if usage:
            yield frame({**self._record(), "choices": [], "usage": usage_of(done).model_dump()})
        yield LAST

    def _chunk(self, index: int, delta: dict[str, Any], usage: bool, done: Done | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": done.reason if done else None, "logprobs": None}
        extension = {"kubestill": done.said.model_dump()} if done else {}
        return frame({**self._record(), "choices": [choice], **({"usage": None} if usage else {}), **extension})

    def _record(self) -> dict[str, Any]:
        return {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
