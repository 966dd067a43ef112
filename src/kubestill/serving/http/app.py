"""The app: routes over a service, behind one door."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from kubestill.serving.api import Service
from kubestill.serving.http.bounded import bounded
from kubestill.serving.http.chat import chat_router
from kubestill.serving.http.completions import completions_router
from kubestill.serving.http.door import Door
from kubestill.serving.http.draining import draining_on_signal
from kubestill.serving.http.errors import CODES, GONE, ErrorBody, handle_errors
from kubestill.serving.http.meters import Meters
from kubestill.serving.http.protocol import HEADER_SECONDS
from kubestill.serving.http.reception import Reception
from kubestill.serving.http.responses import responses_router
from kubestill.serving.http.settings import HttpSettings
from kubestill.serving.http.status import status_router

Mcp = Callable[[Service], tuple[Sequence[BaseRoute], Callable[[], AbstractAsyncContextManager[None]]]]
TITLE = "kubestill"
TOLD = "Checked answers about Kubernetes over OpenAI's API. What it adds stands in the field `kubestill` of requests and replies."


def make_app(service: Service, settings: HttpSettings, page: APIRouter | None = None, mcp: Mcp | None = None) -> FastAPI:
    """Return the app of one worker. `page`: what a browser is shown. `mcp`: makes routes for MCP clients
    over a service, and what must be entered while they are served. The service is closed when the app ends.
    """
    reception = Reception(service, settings, Meters(settings.shared))
    routes, entered = mcp(bounded(reception)) if mcp else ((), nullcontext)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, float]]:
        async with entered():
            with draining_on_signal(reception):
                yield {HEADER_SECONDS: settings.header_timeout_seconds}
        await asyncio.to_thread(reception.close)

    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorBody} for status in sorted({status for status, _ in CODES.values() if status != GONE})
    }
    app = FastAPI(
        title=TITLE,
        description=TOLD,
        version=version("kubestill"),
        docs_url=None,  # its page fetches scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses=responses,
    )
    app.state.reception = reception
    for router in (status_router, chat_router, completions_router, responses_router):
        app.include_router(router(reception))
    if page is not None:
        app.include_router(page)
    app.router.routes += routes
    handle_errors(app)
    app.add_middleware(Door, reception=reception)
    return app
