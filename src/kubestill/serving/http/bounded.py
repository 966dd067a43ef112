"""The service as MCP asks it: through the same gate, and within the same limits of a key, as everybody else."""

from typing import TYPE_CHECKING, Any, cast

from kubestill.ground.errors import UserError
from kubestill.serving.api import Service, Turn
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.reception import CALLER, Reception

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
            UserError: the key has used up its limit, the queue is full, or the server drains; and as the service.
        """
        reception, key = self._reception, CALLER.get()
        if wait := reception.limits.take(key):
            raise UserError("service", f"the limit of this key is reached; ask again in {wait:.1f} s")
        try:
            reception.gate.admit(1)
        except ApiError as error:
            raise UserError("service", str(error)) from None
        answer = reception.gate.submit(lambda: reception.service.answer(turn, model)).result()
        if not turn.cached:
            reception.limits.charge(key, answer.reply.prompt_tokens + answer.reply.tokens)
        return answer


def bounded(reception: Reception) -> Service:
    """Return the service behind its gate."""
    return cast(Service, _Bounded(reception))  # what it does not answer itself is the service's
