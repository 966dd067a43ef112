"""Models of a service without weights: a script says what they answer, the domain of cron guides and judges."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from kubestill.domains.cron import domain as cron
from kubestill.serving.api import Wish
from kubestill.serving.direct import Direct
from kubestill.tools.engines.api import Ask, Reply, Stopped, Told
from kubestill.tools.engines.fake import FakeEngine
from kubestill.tools.grammar.api import Guide

NINE, WRONG = "0 9 * * 1-5", "0 25 * * *"


class FakeServed:
    """A model of the serving contract over a desk; `kind` enters its identity."""

    def __init__(self, name: str, desk: Any, kind: str = "checks 1") -> None:
        self.name, self.desk, self.digest, self.created, self.kind = name, desk, f"files of {name}", 1, kind

    def domain(self, wish: Wish) -> Any:
        return cron()

    def identity(self, wish: Wish) -> str:
        return f"{self.digest} {self.kind} {wish.version}"


def scripted(name: str, script: Mapping[str, str] | Callable[[str], str]) -> FakeServed:
    """Return a model that answers by a script; its engine remembers what it was asked (`model.desk.engine.asked`)."""
    return FakeServed(name, Direct(FakeEngine(script)))


class Waiting:
    """A desk whose answers come when the test says so: `let` lets one go. Works that are stopped end."""

    name, notes, tasks, context = "waiting", False, frozenset[str](), 0

    def __init__(self, text: str = NINE) -> None:
        self.text, self.works = text, list["Slow"]()
        self.begun = threading.Semaphore(0)

    def submit(self, request: str, ask: Ask, guide: Guide | None = None, told: Told | None = None) -> "Slow":
        self.works.append(Slow(self.text))
        self.begun.release()
        return self.works[-1]

    def busy(self) -> tuple[int, int]:
        return sum(not work.over.is_set() for work in self.works), 0

    def close(self) -> None:
        for work in self.works:
            work.stop()


class Slow:
    """A work that ends when it is let, or stopped."""

    def __init__(self, text: str) -> None:
        self.text, self.over, self.stopped = text, threading.Event(), False

    def let(self) -> None:
        self.over.set()

    def stop(self) -> None:
        if not self.over.is_set():
            self.stopped = True
            self.over.set()

    def wait(self, timeout_seconds: float | None = None) -> Reply:
        if not self.over.wait(timeout_seconds):
            raise TimeoutError
        if self.stopped:
            raise Stopped
        return Reply(self.text, 1, 1)
