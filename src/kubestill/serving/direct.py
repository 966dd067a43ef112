"""A desk for one: answers are written at once, in the thread that asks. `kubestill ask` uses it: nothing starts that must be ended."""

from kubestill.ground.errors import KubestillError
from kubestill.tools.engines.api import Ask, Engine, Reply, Streams, Told
from kubestill.tools.grammar.api import Guide


class Direct:
    """An engine as a desk. A submitted answer is whole before anybody waits for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.name = engine, engine.name
        self.notes = bool(getattr(engine, "notes", False))
        self.tasks: frozenset[str] = frozenset(getattr(engine, "tasks", ()))
        self.context = int(getattr(engine, "context", 0))

    def submit(self, request: str, ask: Ask, guide: Guide | None = None, told: Told | None = None) -> "Written":
        """Write an answer; an engine that cannot tell it while it is written tells it whole."""
        try:
            return Written(self._reply(request, ask, guide, told))
        except KubestillError as error:
            return Written(error)

    def _reply(self, request: str, ask: Ask, guide: Guide | None, told: Told | None) -> Reply:
        if told is not None and isinstance(self.engine, Streams):
            return self.engine.stream(request, ask, guide, told)
        (reply,) = self.engine.generate([request], ask, [guide])
        if told is not None:
            told(reply.text)
        return reply

    def busy(self) -> tuple[int, int]:
        """Nothing is ever under way when somebody asks."""
        return 0, 0

    def close(self) -> None:
        """There is nothing to end."""


class Written:
    """An answer that is whole, or why there is none."""

    def __init__(self, outcome: Reply | KubestillError) -> None:
        self._outcome = outcome

    def wait(self, timeout_seconds: float | None = None) -> Reply:  # noqa: ARG002 - nothing is waited for
        """Return the reply, or raise what kept it from being written."""
        if isinstance(self._outcome, KubestillError):
            raise self._outcome
        return self._outcome

    def stop(self) -> None:
        """It is whole already, and stays so."""
