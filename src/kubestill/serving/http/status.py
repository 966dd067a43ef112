"""`/v1/models`, and what probes and Prometheus ask."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from kubestill.serving.api import Served
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.reception import Reception

OWNER = "kubestill"


class ModelCard(BaseModel):
    """A model that answers here; `kubestill` tells its context (tokens), whether it notes, and the tasks it has learned."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = OWNER
    kubestill: dict[str, int | bool | list[str]] = {}


class ModelList(BaseModel):
    """The models, the one that answers where none is named first."""

    object: str = "list"
    data: list[ModelCard]


class Health(BaseModel):
    """How the process is."""

    status: str
    reason: str = ""


def status_router(reception: Reception) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/v1/models", tags=["OpenAI"])
    def models() -> ModelList:
        """List the models that answer here."""
        return ModelList(data=[_card(name, one) for name, one in reception.service.models.items()])

    @router.get("/v1/models/{name:path}", tags=["OpenAI"])
    def model(name: str) -> ModelCard:
        """Tell of one model."""
        return _card(name, reception.model(name or "/"))

    @router.get("/health", tags=["probes"])
    async def health() -> Health:
        """The process lives."""
        return Health(status="ok")

    @router.get("/ready", tags=["probes"], response_model=Health)
    def ready() -> Response:
        """Requests are answered: models are there, the state can be written, nothing drains."""
        if reception.gate.draining:
            raise ApiError("draining", "the server is being stopped", wait_seconds=1)
        reason = reception.service.ready()
        if reason:
            raise ApiError("engine_unavailable", reason, wait_seconds=1)
        return JSONResponse(Health(status="ready").model_dump())

    @router.get("/metrics", tags=["probes"], response_class=PlainTextResponse)
    def metrics() -> Response:
        """Prometheus's text."""
        content, media_type = reception.meters.text()
        return Response(content, headers={"content-type": media_type})

    return router


def _card(name: str, served: Served) -> ModelCard:
    desk = served.desk
    return ModelCard(id=name, created=served.created, kubestill={"context": desk.context, "notes": desk.notes, "tasks": sorted(desk.tasks)})
