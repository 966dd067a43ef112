"""`POST /v1/completions`: a prompt is a request; what follows it is the answer."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from kubestill.serving.http.chat_models import MAX_CHOICES, MAX_TOKENS, Drawn, StreamOptions
from kubestill.serving.http.errand import Done, Errand, Part, Wanted, gathered
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.extension import Asked, Said, inquiry_of
from kubestill.serving.http.messages import Stops, stops_of
from kubestill.serving.http.reading import asked_for
from kubestill.serving.http.reception import Reception
from kubestill.serving.http.streams import EVENTS, LAST, error_frame, frame, streamed
from kubestill.serving.http.usage import Usage, usage_of

MAX_PROMPTS = 8


class CompletionRequest(Drawn):
    """What OpenAI's completions take, as far as it means something here, and our `kubestill`. Prompts are text, not tokens."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MAX_PROMPTS)]
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    stop: Stops | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    echo: bool | None = None
    logprobs: int | None = None
    kubestill: Asked = Asked()


class CompletionChoice(BaseModel):
    """One answer with its own `kubestill`."""

    index: int
    text: str
    finish_reason: Literal["stop", "length"]
    logprobs: None = None
    kubestill: Said | None = None


class Completion(BaseModel):
    """A reply; `kubestill` is of its first choice."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage
    kubestill: Said


def completions_router(reception: Reception) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["OpenAI"])

    @router.post("/v1/completions", response_model=Completion, responses=EVENTS)
    async def complete(asked: CompletionRequest, request: Request) -> Response:
        """Answer each prompt. With `stream` the reply comes as server-sent events."""
        wanted, prompts = _wanted(reception, asked)
        echoed = [prompt if asked.echo else "" for prompt in prompts]
        head = _Head(wanted.served.name, echoed)
        if asked.stream:
            usage = bool(asked.stream_options and asked.stream_options.include_usage)
            return await streamed(reception, request, wanted, lambda events: head.frames(events, usage))
        return Response(
            head.completion(await gathered(Errand(reception, request, wanted, live=False))).model_dump_json(), media_type="application/json"
        )

    return router


def _wanted(reception: Reception, asked: CompletionRequest) -> tuple[Wanted, list[str]]:
    """Return what is wanted, and the prompt of each answer: `n` of each prompt, side by side."""
    if asked.logprobs:
        raise ApiError("unsupported", "logprobs: none are given here", "logprobs")
    served, sampling = reception.model(asked.model), asked.sampling(asked.max_tokens)
    prompts = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
    inquiries, each = [], []
    for prompt in prompts:
        inquiry = inquiry_of(asked_for(prompt, "prompt"), asked.kubestill, sampling)
        for number in range(asked.n or 1):
            inquiries.append(replace(inquiry, wish=replace(inquiry.wish, seed=inquiry.wish.seed + number)))
            each.append(prompt)
    return Wanted(served, inquiries, "text_completion", stops_of(asked.stop)), each


class _Head:
    """What all parts of one reply share."""

    def __init__(self, model: str, echoed: Sequence[str]) -> None:
        self._record = {"id": f"cmpl-{uuid4().hex}", "object": "text_completion", "created": int(time.time()), "model": model}
        self._echoed = echoed

    def completion(self, done: Sequence[Done]) -> Completion:
        choices = [
            CompletionChoice(
                index=one.index,
                text=self._echoed[one.index] + one.text,
                finish_reason=one.reason,
                kubestill=one.said if len(done) > 1 else None,
            )
            for one in done
        ]
        return Completion.model_validate({**self._record, "choices": choices, "usage": usage_of(done), "kubestill": done[0].said})

    async def frames(self, events: AsyncIterator[Part | Done], usage: bool) -> AsyncIterator[bytes]:
        """Spell a reply in parts; the extension comes with the end of each choice."""
        begun, done = set[int](), list[Done]()
        try:
            async for event in events:
                text = event.text if isinstance(event, Part) else ""
                if event.index not in begun:
                    begun.add(event.index)
                    text = self._echoed[event.index] + text
                if isinstance(event, Done):
                    done.append(event)
                yield self._chunk(event, text)
        except ApiError as error:
            yield error_frame(error)
            return
        if usage:
            yield frame({**self._record, "choices": [], "usage": usage_of(done).model_dump()})
        yield LAST

    def _chunk(self, event: Part | Done, text: str) -> bytes:
        reason = event.reason if isinstance(event, Done) else None
        choice: dict[str, Any] = {"index": event.index, "text": text, "finish_reason": reason, "logprobs": None}
        extension = {"kubestill": event.said.model_dump()} if isinstance(event, Done) else {}
        return frame({**self._record, "choices": [choice], **extension})
