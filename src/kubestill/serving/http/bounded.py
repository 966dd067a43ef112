"""The service as MCP asks it: through the same gate as everybody else."""

from typing import TYPE_CHECKING, Any, cast

from kubestill.ground.errors import UserError
from kubestill.serving.api import Service, Turn
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.reception import Reception

if TYPE_CHECKING:
    from kubestill.serving.answer import Answer


class _Bounded:
    """A service whose answers wait for a row of the gate; all else is the service itself."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reception.service, name)

    def answer(self, turn: Turn, model: str = "") -> "Answer":
        """Answer as the service does, when a row is free.

        Raises:
            UserError: the queue is full, or the server drains; and as the service.
        """
        try:
            self._reception.gate.admit(1)
        except ApiError as error:
            raise UserError("service", str(error)) from None
        return self._reception.gate.submit(lambda: self._reception.service.answer(turn, model)).result()


def bounded(reception: Reception) -> Service:
    """Return the service behind its gate."""
    return cast(Service, _Bounded(reception))  # what it does not answer itself is the service's
