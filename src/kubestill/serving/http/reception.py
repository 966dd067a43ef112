"""What every route of one worker shares."""

import logging
from contextvars import ContextVar
from dataclasses import dataclass, field

from kubestill.ground.board import Board
from kubestill.serving.api import Served, Service
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.gate import Gate
from kubestill.serving.http.limits import Limits
from kubestill.serving.http.meters import Meters
from kubestill.serving.http.settings import HttpSettings
from kubestill.tools.engines.api import Crowds

LOG = logging.getLogger("kubestill.serving")
ID = "id"  # in a request's state: its x-request-id
KEY = "key"  # in a request's state: the number of its API key, 0 where none is needed
CALLER: ContextVar[int] = ContextVar("caller", default=0)  # the same number, for what sees no request: tools of MCP
HEADERS = "headers"  # in a request's state: headers that its response gets


@dataclass
class Reception:
    """The service, and what guards it."""

    service: Service
    settings: HttpSettings
    meters: Meters
    gate: Gate = field(init=False)
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self._board = Board(1, settings.workers, settings.shared / "inside" if settings.shared else None)
        self.gate = Gate(settings.rows, settings.queue, self._watch)
        self.gate.full = self._crowd
        self.limits = Limits(settings.requests_per_minute, settings.tokens_per_minute, len(settings.keys), settings.shared)

    @property
    def busy(self) -> bool:
        """Whether answers are under way."""
        return self.gate.inside > 0

    @property
    def crowded(self) -> bool:
        """Whether another worker has less to do by two answers: a client that connects anew may find that one."""
        return self.gate.inside > 1 + min((row[0] for row in self._board.others()), default=self.gate.inside)

    def _crowd(self) -> None:
        """Let the models go on with one thread each: who refuses many needs the other cores for that."""
        for served in self.service.models.values():
            if isinstance(served.desk, Crowds):
                served.desk.crowd()

    def _watch(self, running: int, waiting: int) -> None:
        self.meters.watch(running, waiting)
        self._board.show(0, self.gate.inside)

    def model(self, name: str) -> Served:
        """Return the model of a name; "": the first.

        Raises:
            ApiError: there is none.
        """
        models = self.service.models
        if not name:
            return next(iter(models.values()))
        if name not in models:
            known = ", ".join(models)
            raise ApiError("model_not_found", f"there is no model {name[:100]!r} here; known: {known}", "model")
        return models[name]

    def drain(self) -> None:
        """Let in nothing new; what is under way ends."""
        if not self.gate.draining:
            self.gate.draining = True
            self.meters.draining.set(1)

    def close(self) -> None:
        """End what is under way, and free the models."""
        self.drain()
        self.gate.close()
        self.meters.draining.set(0)
        self.limits.close()
        self.service.close()
