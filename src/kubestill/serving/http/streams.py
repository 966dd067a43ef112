"""Server-sent events over an errand: headers wait for the first text, so that what fails before it still has its own status."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubestill.serving.http.errand import Done, Errand, Part, Wanted
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.reception import Reception

Frames = Callable[[AsyncIterator[Part | Done]], AsyncIterator[bytes]]
# For the document: what each event is, as OpenAPI 3.2 says it and FastAPI does; a `schema` would be of the stream as a whole, or of each
# event, depending on who reads.
EVENT = {"type": "object", "properties": {"event": {"type": "string"}, "data": {"type": "string"}}, "required": ["data"]}
EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"itemSchema": EVENT}}}}
LAST = b"data: [DONE]\n\n"


def frame(data: Mapping[str, Any], event: str = "") -> bytes:
    """Return one event."""
    told = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return (f"event: {event}\n".encode() if event else b"") + b"data: " + told + b"\n\n"


class EventStream(Response):
    """Sends frames until they end, the client leaves, or it takes none of them for too long."""

    media_type = "text/event-stream"

    def __init__(self, errand: Errand, frames: AsyncIterator[bytes]) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})  # nginx would hold events back
        del self.headers["content-length"]
        self._errand, self._frames = errand, frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the errand watches for the client
        """Send the response."""
        patience = self._errand.reception.settings.body_timeout_seconds
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for content in self._frames:
                async with asyncio.timeout(patience):
                    await send({"type": "http.response.body", "body": content, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            return
        finally:
            self._errand.leave()


async def streamed(reception: Reception, request: Request, wanted: Wanted, frames: Frames) -> EventStream:
    """Begin an errand and return its stream once there is something to tell; `frames` spells what it tells.

    Raises:
        ApiError: it failed before that.
    """
    errand = Errand(reception, request, wanted, live=wanted.shape is None)
    errand.begin()
    events = errand.events()
    response: EventStream | None = None
    try:
        first = await anext(events)
        response = EventStream(errand, frames(_chained(first, events)))
    finally:
        if response is None:
            errand.leave()
    return response


async def _chained(first: Part | Done, events: AsyncIterator[Part | Done]) -> AsyncIterator[Part | Done]:
    yield first
    async for event in events:
        yield event


def error_frame(error: ApiError) -> bytes:
    """Return an error in the middle of a stream, as OpenAI's clients read it."""
    return frame(error.body())
