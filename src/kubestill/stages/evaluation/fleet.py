"""Several processes that answer as one engine: a second thread adds a few per cent at these sizes, a second process nearly doubles.

The requests are cut into chunks of a fixed size, so that the batches, and with them the answers, do not depend on the number of processes.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from kubestill.tools.engines.api import Ask, Engine, Reply
from kubestill.tools.engines.table import engine_type
from kubestill.tools.grammar.api import Guide

CHUNK = 32  # requests: small enough that the last one does not keep a core waiting, large enough to fill a batch

_engine: Any = None  # one a worker process, loaded when the process starts


class Fleet:
    """An engine over `processes` workers, each with the weights of `folder`; a context manager that ends them."""

    name = "fleet"

    def __init__(self, folder: Path, processes: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads
        self.pool = ProcessPoolExecutor(processes, context, initializer=_load, initargs=(folder,))

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        """Answer every request, like-sized ones together; guides travel to the workers.

        Raises:
            TooLong: a request is longer than the context.
            UserError: a guide's grammar is none.
        """
        led = guides or [None] * len(requests)
        order = sorted(range(len(requests)), key=lambda place: len(requests[place]), reverse=True)
        chunks = [order[first : first + CHUNK] for first in range(0, len(order), CHUNK)]
        futures = [
            self.pool.submit(_answer, [requests[place] for place in chunk], ask, [led[place] for place in chunk]) for chunk in chunks
        ]
        replies: dict[int, Reply] = {}
        for chunk, future in zip(chunks, futures, strict=True):
            replies.update(zip(chunk, future.result(), strict=True))
        return [replies[place] for place in range(len(requests))]


def load_here(folder: Path) -> Engine:
    """Load the weights into this process and keep it to one thread.

    Beside other work a second one waits more than it helps: on two busy cores, 128 answers of a 1 M student took 17 to 36 s with two
    threads and 4 s with one.
    """
    import torch

    torch.set_num_threads(1)
    engine: Engine = engine_type("transformers").load(folder)
    return engine


def _load(folder: Path) -> None:
    global _engine  # the process belongs to the fleet
    _engine = load_here(folder)


def _answer(requests: list[str], ask: Ask, guides: list[Guide | None]) -> list[Reply]:
    """Answer in a worker."""
    replies: list[Reply] = _engine.generate(requests, ask, guides)
    return replies
