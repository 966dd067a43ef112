"""uvicorn's HTTP/1.1 with two things it lacks: a limit on how long headers may take, and errors that our clients can read."""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from kubestill.serving.http.errors import ApiError

HEADER_SECONDS = "header_seconds"  # in the state of the app's lifespan
USUAL_SECONDS = 10.0


class PatientProtocol(H11Protocol):
    """A connection on which a request's headers must come in time; between requests uvicorn's own keep-alive limit holds."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on where the headers are not whole yet."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._rest()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        content = json.dumps(ApiError("invalid_request", msg).body()).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            refusal = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            for event in (refusal, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait(self) -> None:
        between = self.cycle is None or self.cycle.response_complete
        if not between or self.transport.is_closing():
            self._rest()
        elif self._late is None:
            self._late = self.loop.call_later(self.app_state.get(HEADER_SECONDS, USUAL_SECONDS), self.transport.close)

    def _rest(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
