"""Ending well: on SIGTERM nothing new is let in, what is under way ends whole, and only then the server stops listening.

A server that closes its socket at once refuses connections that a load balancer still sends for a second or two; a 503 with Retry-After is
something that clients know how to answer.
"""

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from kubestill.serving.http.reception import LOG, Reception

TICK_SECONDS = 0.05
LEAST_SECONDS = 0.2  # new requests are answered 503 for so long at least
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def draining_on_signal(reception: Reception) -> Iterator[None]:
    """Drain before the server's own handler of SIGTERM and SIGINT is called; the same signal once more calls it at once.

    Another one does not: ctrl-C reaches a worker from the terminal, and once more, as SIGTERM, from its parent.

    It must be entered in the event loop, after the server took the signals for itself, as in an app's lifespan. In another thread than the
    main one no signal comes, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, tasks, seen = asyncio.get_running_loop(), list[asyncio.Task[None]](), list[int]()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def on_signal(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if number in seen:
            return _pass_on(handler, number, frame)
        seen.append(number)
        if len(seen) > 1:
            return None
        # In the loop, not here: a signal comes in the midst of anything, and would wait for ever for a lock that is held there (metrics').
        loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(_drained(reception, handler, number))))
        return None

    for number in SIGNALS:
        signal.signal(number, on_signal)
    with _parent_watched(loop):
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _parent_watched(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Drain when the parent process is gone: a worker whose parent was killed would hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        yield
        return

    def orphaned() -> None:
        loop.remove_reader(parent.sentinel)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(parent.sentinel, orphaned)
    try:
        yield
    finally:
        loop.remove_reader(parent.sentinel)


async def _drained(reception: Reception, handler: Any, number: int) -> None:
    """Let in nothing new, wait for what is under way, as long as the settings allow, and call the server's own handler."""
    LOG.info("draining: %d answers are under way", reception.gate.inside)
    reception.drain()
    loop = asyncio.get_running_loop()
    begun, patience = loop.time(), reception.settings.drain_seconds
    while (gone := loop.time() - begun) < min(LEAST_SECONDS, patience) or (reception.busy and gone < patience):
        await asyncio.sleep(TICK_SECONDS)
    _pass_on(handler, number, None)


def _pass_on(handler: Any, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
