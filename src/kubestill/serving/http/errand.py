"""The answers that one HTTP request asks for: each in a thread of the gate, and what they tell in one queue of the event loop.

Whoever reads the queue also learns there that the client left or that time is over. `leave` ends everything that is still under way, so a
place in the gate is held exactly as long as a thread works.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request

from kubestill.serving.api import Inquiry, Served, Turn
from kubestill.serving.http.cutting import Cutter
from kubestill.serving.http.errors import CODE, ApiError, as_api_error, unforeseen
from kubestill.serving.http.extension import Said, said_of
from kubestill.serving.http.reception import HEADERS, ID, KEY, LOG, Reception
from kubestill.serving.http.spans import Spans
from kubestill.serving.http.structured import Shape
from kubestill.tools.engines.api import Stopped

if TYPE_CHECKING:
    from kubestill.serving.answer import Answer

BUSY_SECONDS = 5.0  # after which a client that was not let to a row may try again
GRACE_SECONDS = 2.0  # for a service to notice by itself that time is over
GONE, WAITED, LATE = "gone", "waited", "late"


@dataclass(frozen=True)
class Wanted:
    """What a request wants: one answer to each inquiry, of one model. `operation` is OpenTelemetry's name of it."""

    served: Served
    inquiries: Sequence[Inquiry]
    operation: str
    stop: tuple[str, ...] = ()
    shape: Shape | None = None


@dataclass(frozen=True)
class Done:
    """An answer at its end. `text` is what the client is given: cut where one of its stops stood."""

    index: int
    text: str
    answer: "Answer"
    said: Said
    reason: Literal["stop", "length"]


@dataclass(frozen=True)
class Part:
    """Some more text of an answer."""

    index: int
    text: str


class Errand:
    """The turns of one request. Made and read in the event loop."""

    def __init__(self, reception: Reception, request: Request, wanted: Wanted, live: bool) -> None:
        """`live`: parts are told while they are written."""
        self.reception, self.wanted, self._request, self._live = reception, wanted, request, live
        self._loop, self._arrived = asyncio.get_running_loop(), time.monotonic()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._futures: list[Future[Answer]] = []
        self._turns = [Turn(one) for one in wanted.inquiries]
        self._cutters = [Cutter(wanted.stop) for _ in wanted.inquiries]
        self._watches: list[asyncio.Task[None] | asyncio.TimerHandle] = []
        self._first_told = False
        self._spans = Spans(wanted.operation, wanted.served.name, reception.settings.trace_content)

    def begin(self) -> None:
        """Start the turns, or refuse them.

        Raises:
            ApiError: the key has used up its limit, the queue is full, or the server drains.
        """
        reception, state = self.reception, self._request.scope["state"]
        wait = reception.limits.take(state[KEY])
        state[HEADERS].update(reception.limits.headers(state[KEY]))
        if wait:
            raise ApiError("rate_limit_exceeded", f"the limit of this key is reached; ask again in {wait:.1f} s", wait_seconds=wait)
        reception.gate.admit(len(self._turns))
        self._spans.begin(self.wanted.inquiries)
        for index, turn in enumerate(self._turns):
            if self._live:
                turn.told = self._teller(index)
            future = reception.gate.submit(lambda turn=turn: self._answer(turn))  # type: ignore[misc]  # mypy infers no lambda defaults
            future.add_done_callback(self._ender(index))
            self._futures.append(future)
        self._watches.append(self._loop.create_task(self._watch()))
        left = self._arrived + reception.settings.timeout_seconds - time.monotonic()
        for seconds, event in ((left, WAITED), (left + GRACE_SECONDS, LATE)):
            self._watches.append(self._loop.call_later(seconds, self._queue.put_nowait, event))

    async def events(self) -> AsyncIterator[Part | Done]:
        """Yield what is told, and each answer at its end, when all its text was told; ends after the last.

        Raises:
            ApiError: an answer could not be given, time is over, or the client left.
        """
        left = len(self._turns)
        while left:
            found = await self._queue.get()
            if isinstance(found, str):
                self._heed(found)
                continue
            if isinstance(found, Part):
                shown = self._cutters[found.index].feed(found.text)
                if shown:
                    self._tell_first()
                    yield Part(found.index, shown)
                continue
            index, future = found
            error = None if future.cancelled() else future.exception()
            if error is not None:
                raise self._failed(error)
            done = self._done(index, future.result())
            if rest := self._cutters[index].rest(done.text):
                self._tell_first()
                yield Part(index, rest)
            yield done
            left -= 1

    def leave(self) -> None:
        """End what is under way; nothing more is told."""
        for watch in self._watches:
            watch.cancel()
        for turn, future in zip(self._turns, self._futures, strict=False):
            if not future.cancel() and not future.done():
                turn.stop.set()
        self._spans.end()

    def _answer(self, turn: Turn) -> "Answer":
        """Answer one turn; in a thread."""
        now, settings, served = time.monotonic(), self.reception.settings, self.wanted.served
        left = self._arrived + settings.timeout_seconds - now
        self.reception.meters.queue_seconds.labels(served.name).observe(now - self._arrived)
        if left <= 0:
            raise self._overloaded()
        turn.inquiry = replace(turn.inquiry, timeout_seconds=left)
        if self.wanted.shape is not None:
            return self.wanted.shape.answer(served, turn)
        return self.reception.service.answer(turn, served.name)

    def _heed(self, event: str) -> None:
        """Raise what a signal means, where it means the end."""
        if event == GONE:
            raise self._failed(Stopped())
        if event == LATE:
            raise self._failed(TimeoutError())
        if not all(future.running() or future.done() for future in self._futures):
            raise self._failed(self._overloaded())

    def _overloaded(self) -> ApiError:
        waited = self.reception.settings.timeout_seconds
        return ApiError("overloaded", f"no row became free in {waited:g} s; ask again later", wait_seconds=BUSY_SECONDS)

    def _done(self, index: int, answer: "Answer") -> Done:
        turn, served, reply = self._turns[index], self.wanted.served, answer.reply
        self.reception.meters.answered(served, turn, answer, time.monotonic() - self._arrived)
        if not turn.cached:
            self.reception.limits.charge(self._request.scope["state"][KEY], reply.prompt_tokens + reply.tokens)
        text, cut = Cutter.whole(self.wanted.stop, reply.text)
        done = Done(index, text, answer, said_of(turn, answer, served.name), "stop" if cut or not reply.cut else "length")
        self._spans.answered(done)
        return done

    def _failed(self, error: BaseException) -> ApiError:
        """Return what the client is told; what nobody foresaw goes into the log."""
        found = as_api_error(error)
        if found is None:
            LOG.error("an answer failed (%s)", self._request.scope["state"][ID], exc_info=error)
            found = unforeseen()
        self._request.scope["state"][CODE] = found.code
        self._spans.failed(found.code)
        return found

    def _tell_first(self) -> None:
        if not self._first_told:
            self._first_told = True
            self.reception.meters.first_seconds.labels(self.wanted.served.name).observe(time.monotonic() - self._arrived)

    def _teller(self, index: int) -> Callable[[str], None]:
        return lambda text: self._later(Part(index, text))

    def _ender(self, index: int) -> Callable[[Any], None]:
        return lambda future: self._later((index, future))

    def _later(self, event: Any) -> None:
        """Put into the queue from any thread; at the loop's end nobody reads it."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)

    async def _watch(self) -> None:
        """Tell when the client leaves; the request's body has been read."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._queue.put_nowait(GONE)


async def gathered(errand: Errand) -> list[Done]:
    """Return all answers of an errand, in order.

    Raises:
        ApiError: as `Errand.begin` and `Errand.events`.
    """
    errand.begin()
    try:
        done = [event async for event in errand.events() if isinstance(event, Done)]
    finally:
        errand.leave()
    return sorted(done, key=lambda one: one.index)
