"""Answers of engines that cannot be joined: some threads ask, each takes what waits.

A server batches by itself what comes together, so it is asked by many threads, one answer each. Any other engine has one thread, which
hands it several requests at once.
"""

from collections import deque
from collections.abc import Sequence
from threading import Condition, Thread
from time import monotonic
from typing import Protocol, runtime_checkable

from kubestill.tools.engines.api import Ask, Engine, Reply, Streams, Told
from kubestill.tools.engines.desk_work import Job, Order
from kubestill.tools.engines.faults import caught
from kubestill.tools.grammar.api import Guide

CLOSING_SECONDS = 1.0


@runtime_checkable
class Remote(Protocol):
    """An engine that a server stands behind."""

    concurrent: int  # questions at a time


class PoolDesk:
    """A desk of `workers` threads that each ask for `each` answers at once.

    What streams is told as it comes, and a stopped one ends with its next line; other answers are told whole, and end on their own.
    """

    def __init__(self, engine: Engine, workers: int, each: int = 1) -> None:
        self.engine, self.name, self.each = engine, engine.name, each
        self.notes: bool = getattr(engine, "notes", False)
        self.tasks: frozenset[str] = getattr(engine, "tasks", frozenset())
        self.context: int = getattr(engine, "context", 0)
        self._waiting: deque[Job] = deque()
        self._writing: set[Job] = set()
        self._change, self._closed = Condition(), False
        self._threads = [Thread(target=self._work, name=f"{engine.name} desk", daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, request: str, ask: Ask, guide: Guide | None = None, told: Told | None = None) -> Job:
        """Begin an answer as soon as a thread is free."""
        job = Job(Order(request, ask, guide, told))
        with self._change:
            if self._closed:
                job.stop()
            else:
                self._waiting.append(job)
                self._change.notify()
        return job

    def busy(self) -> tuple[int, int]:
        """Return how many answers are being written, and how many wait for a thread."""
        with self._change:
            return len(self._writing), sum(not job.over for job in self._waiting)

    def close(self) -> None:
        """Stop all work; a thread that waits for an engine that does not stream ends when it has answered."""
        with self._change:
            self._closed = True
            jobs = [*self._waiting, *self._writing]
            self._waiting.clear()
            self._change.notify_all()
        for job in jobs:
            job.stop()
        end = monotonic() + CLOSING_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))

    def _work(self) -> None:
        while jobs := self._taken():
            self._answer(jobs)
            with self._change:
                self._writing.difference_update(jobs)

    def _taken(self) -> list[Job]:
        """Wait for work; return the first, and with it others that are asked for in the same way. Nothing where the desk is closed."""
        with self._change:
            while not self._closed:
                self._waiting = deque(job for job in self._waiting if not job.over)
                if self._waiting:
                    first = self._waiting.popleft()
                    alike = [] if first.order.told else [job for job in self._waiting if _alike(job.order, first.order)]
                    jobs = [first, *alike[: self.each - 1]]
                    self._waiting = deque(job for job in self._waiting if job not in jobs)
                    self._writing.update(jobs)
                    return jobs
                self._change.wait()
            return []

    def _answer(self, jobs: Sequence[Job]) -> None:
        """Let the engine answer; where several break together each is asked for alone, since one of them may be at fault."""
        if len(jobs) == 1:
            caught(lambda: jobs[0].settle(self._one(jobs[0])), jobs[0].fail)
            return
        orders = [job.order for job in jobs]

        def together() -> None:
            replies = self.engine.generate([order.request for order in orders], orders[0].ask, [order.guide for order in orders])
            for job, reply in zip(jobs, replies, strict=True):
                job.settle(reply)

        def apart(_: Exception) -> None:
            for job in jobs:
                self._answer([job])

        caught(together, apart)

    def _one(self, job: Job) -> Reply:
        order = job.order
        if isinstance(self.engine, Streams):
            return self.engine.stream(order.request, order.ask, order.guide, job.tell)
        (reply,) = self.engine.generate([order.request], order.ask, [order.guide])
        if order.told is not None:
            job.tell(reply.text)
        return reply


def _alike(one: Order, other: Order) -> bool:
    return one.told is None and one.ask == other.ask
