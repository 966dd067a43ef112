"""The path of a request: the steps of the table, one after the other, each with its seconds in the request's own trace."""

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

from kubestill.serving.answer import Answer
from kubestill.serving.api import Clock, Means, Refused, Step, Trace, Turn
from kubestill.serving.steps.table import STEPS


def steps_of(means: Means, names: Sequence[str] = ()) -> tuple[Step, ...]:
    """Return the steps that the means give something to do, in the table's order; of these `names`, or all."""
    made = (STEPS.load(name)(means) for name in STEPS if not names or name in names)
    return tuple(step for step in made if step is not None)


def walk(steps: Sequence[Step], turn: Turn) -> None:
    """Let each step do its part until one says that no later one is needed.

    Raises:
        UserError, Stopped, TimeoutError: as the steps.
    """
    for step in steps:
        if turn.done:
            return
        turn.go_on()
        turn.note, begun = "", monotonic()
        try:
            step(turn)
        finally:
            turn.traces.append(Trace(step.name, monotonic() - begun, turn.note))


class Path:
    """The way of a model's requests. One path serves many threads at once: what changes on the way is the turn."""

    def __init__(self, means: Means, clock: Clock = monotonic) -> None:
        self.steps, self._clock = steps_of(means), clock

    def answer(self, turn: Turn) -> Answer:
        """Take a turn down the path and return its answer, which may have failed its checks.

        Raises:
            Refused: the request is strict, and its answer did not pass.
            UserError: the request cannot be answered, with the reason.
            Stopped: nobody waits any longer.
            TimeoutError: the request's time is over, and there is no answer yet.
        """
        started = self._clock()
        if turn.inquiry.timeout_seconds:
            turn.until = monotonic() + turn.inquiry.timeout_seconds
        walk(self.steps, turn)
        if turn.answer is None:
            raise AssertionError("no step of the path answered")
        answer = turn.answer = replace(turn.answer, by=turn.by, seconds=self._clock() - started)
        if turn.inquiry.strict and not answer.verdict.passed:
            raise Refused(answer)
        if turn.told is not None and not (turn.live and not turn.cached):
            turn.told(answer.reply.text)
        return answer
