"""One answer that a desk writes, seen from the one who waits for it."""

from dataclasses import dataclass
from threading import Event, Lock

from kubestill.tools.engines.api import Ask, Reply, Stopped, Told
from kubestill.tools.grammar.api import Guide


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, and who is told the answer while it is written."""

    request: str
    ask: Ask
    guide: Guide | None = None
    told: Told | None = None


class Job:
    """The work on an order. Its first end is its only one: a reply, an error, or that it was stopped."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._over, self._lock = Event(), Lock()
        self._reply: Reply | None = None
        self._error: Exception | None = None

    def wait(self, timeout_seconds: float | None = None) -> Reply:
        """Return the reply when it is whole.

        Raises:
            TimeoutError: it was not, in time; it is written on.
            Stopped: somebody stopped it.
            Exception: what broke it, as it is.
        """
        if not self._over.wait(timeout_seconds):
            raise TimeoutError(f"no whole answer in {timeout_seconds:g} s")
        if self._error is not None:
            raise self._error
        assert self._reply is not None
        return self._reply

    def stop(self) -> None:
        """Write no further; whoever waits is told at once, and nothing more of the text is."""
        self.fail(Stopped())

    @property
    def over(self) -> bool:
        """Whether it has come to an end."""
        return self._over.is_set()

    def tell(self, text: str) -> None:
        """Tell a part of the answer's text.

        Raises:
            Stopped: nobody listens any longer.
        """
        if self.over:
            raise Stopped
        if self.order.told is not None:
            self.order.told(text)

    def settle(self, reply: Reply) -> None:
        """End with a reply."""
        with self._lock:
            if not self.over:
                self._reply = reply
                self._over.set()

    def fail(self, error: Exception) -> None:
        """End with an error."""
        with self._lock:
            if not self.over:
                self._error = error
                self._over.set()
