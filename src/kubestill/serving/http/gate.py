"""Who may come in: a number of answers at once, a bounded queue before them, and nobody once the server drains."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from kubestill.serving.api import Clock
from kubestill.serving.http.errors import ApiError
from kubestill.tools.engines.faults import caught

Found = TypeVar("Found")
USUAL_SECONDS = 1.0  # of an answer, until one was seen
MEMORY = 0.9  # of the mean of seconds, at each answer
MAX_WAIT = 60.0  # seconds that a client is told to wait at most
DRAIN_WAIT = 2.0  # seconds after which another replica answers


class Gate:
    """Threads that the service is asked in. What waits is refused by number, never by time, so a full queue says so at once."""

    full: Callable[[], None] | None = None  # is told of each request that is refused for want of room

    def __init__(self, rows: int, queue: int, watch: Callable[[int, int], None], clock: Clock = time.monotonic) -> None:
        """`watch` is told how many answers are being written and how many wait, whenever that changes."""
        self.rows, self.queue, self.draining = rows, queue, False
        self._watch, self._clock, self._lock = watch, clock, Lock()
        self._inside = self._running = 0
        self._usual_seconds = USUAL_SECONDS
        self._threads = ThreadPoolExecutor(rows, "answer")
        self._due: deque[tuple[Future[Any], Callable[[], Any]]] = deque()  # ours, since the executor's keeps what was cancelled

    @property
    def inside(self) -> int:
        """Answers that are being written or wait."""
        return self._inside

    def admit(self, count: int) -> None:
        """Let in a request for `count` answers; each leaves by itself when the work that it was submitted with ends.

        Raises:
            ApiError: the server drains, the queue is full, or more answers are wanted than it ever holds.
        """
        if count > self.rows + self.queue:
            raise ApiError("invalid_request", f"n: {count} answers at once, this server takes {self.rows + self.queue}", "n")
        with self._lock:
            self.look(count)
            self._inside += count
        self._watch(self._running, self._inside - self._running)

    def look(self, count: int = 1) -> None:
        """Refuse what `admit` would refuse now, and take no place: for the door, where a refusal costs a tenth.

        Raises:
            ApiError: the server drains, or the queue is full.
        """
        if self.draining:
            raise ApiError("draining", "the server is being stopped; ask again, another one answers", wait_seconds=DRAIN_WAIT)
        inside = self._inside
        if inside + count > self.rows + self.queue:
            if self.full is not None:
                self.full()
            wait = min(MAX_WAIT, self._usual_seconds * (inside + count - self.queue) / self.rows)
            raise ApiError("queue_full", f"{inside} answers are being written or wait; ask again later", wait_seconds=wait)

    def submit(self, work: Callable[[], Found]) -> "Future[Found]":
        """Begin the work of one answer that was admitted, when a thread is free. Cancelling the future before that frees its place."""
        future: Future[Found] = Future()
        with self._lock:
            self._due.append((future, work))
        future.add_done_callback(self._left)
        self._threads.submit(self._next)
        return future

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self.draining = True
        with self._lock:
            waiting = [future for future, _ in self._due]
        for future in waiting:
            future.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _next(self) -> None:
        """Do the first work that is due, in a thread; nothing where it was cancelled meanwhile."""
        with self._lock:
            future, work = self._due.popleft() if self._due else (None, None)
        if future is not None and work is not None and future.set_running_or_notify_cancel():
            caught(lambda: future.set_result(self._run(work)), future.set_exception)

    def _run(self, work: Callable[[], Found]) -> Found:
        begun = self._clock()
        self._count(1)
        try:
            return work()
        finally:
            with self._lock:
                self._usual_seconds += (1 - MEMORY) * (self._clock() - begun - self._usual_seconds)
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._running += more
        self._watch(self._running, self._inside - self._running)

    def _left(self, future: "Future[Any]") -> None:
        with self._lock:
            self._inside -= 1
            if future.cancelled():
                self._due = deque(due for due in self._due if due[0] is not future)
        self._watch(self._running, self._inside - self._running)
