"""A service of the contract without a model: requests say what becomes of them. Its desk writes words, a beat apart.

Requests: "slow" is written a word a beat until somebody stops it, "late" is out of time, "odd" cannot be answered, "long" does not fit,
"break" is a fault of ours, "wrong" fails its checks, "cut" comes to its limit, "absent" has no engine. Anything else is answered with a
ConfigMap that holds the request.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from kubestill.ground.errors import Unavailable, UserError
from kubestill.serving.answer import Answer
from kubestill.serving.api import Counts, Refused, Trace, Turn, Vote, Wish
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Ask, Reply, Stopped, Told, TooLong
from kubestill.tools.grammar.api import Guide

FINDING = Finding("K8S022", "spec.replica", "unknown field 'replica'", Tier.SCHEMA, 5, 3, remedy="Correct the spelling.")
PASSED = Verdict((Result("K8S001", Tier.SYNTAX, Outcome.PASS),))
FAILED = Verdict((Result("K8S001", Tier.SYNTAX, Outcome.PASS), Result("K8S022", Tier.SCHEMA, Outcome.FAIL, (FINDING,))))


def text_for(request: str) -> str:
    """What a request is answered with."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo\ndata:\n  said: {json.dumps(request)}\n"


class FakeWork:
    def __init__(self, write: Callable[[Event], Reply]) -> None:
        self._stopped, self._reply = Event(), list[Any]()
        self._thread = threading.Thread(target=self._run, args=(write,), daemon=True)
        self._thread.start()

    def _run(self, write: Callable[[Event], Reply]) -> None:
        try:
            self._reply.append(write(self._stopped))
        except (Stopped, UserError) as error:
            self._reply.append(error)

    def wait(self, timeout_seconds: float | None = None) -> Reply:
        self._thread.join(timeout_seconds)
        if not self._reply:
            raise TimeoutError
        if isinstance(self._reply[0], Exception):
            raise self._reply[0]
        reply: Reply = self._reply[0]
        return reply

    def stop(self) -> None:
        self._stopped.set()


class FakeDesk:
    """Writes what `script` says (by default the ConfigMap, and under a guide an empty object), and counts who is at it."""

    name, notes, tasks, context = "fake", True, frozenset({"kubectl"}), 2048

    def __init__(self, beat_seconds: float = 0.01, script: Callable[[str, Guide | None], str] | None = None) -> None:
        self.beat_seconds, self.script, self.closed = beat_seconds, script, False
        self.asked: list[tuple[str, Ask, Guide | None]] = []
        self.under_way, self.most = 0, 0
        self._lock = threading.Lock()

    def submit(self, request: str, ask: Ask, guide: Guide | None = None, told: Told | None = None) -> FakeWork:
        self.asked.append((request, ask, guide))
        return FakeWork(lambda stopped: self._write(request, guide, told, stopped))

    def _write(self, request: str, guide: Guide | None, told: Told | None, stopped: Event) -> Reply:
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            text = self.script(request, guide) if self.script else "{}" if guide else text_for(request)
            for line in text.splitlines(keepends=True) if request != "slow" else ["word\n"] * 10_000:
                if stopped.wait(self.beat_seconds):
                    raise Stopped
                if told is not None:
                    told(line)
            return Reply(text, len(request.split()), len(text.split()), cut=request == "cut")
        finally:
            with self._lock:
                self.under_way -= 1

    def busy(self) -> tuple[int, int]:
        return self.under_way, 0

    def close(self) -> None:
        self.closed = True


class FakeServed:
    digest, created = "0" * 64, 1_700_000_000

    def __init__(self, name: str, desk: FakeDesk) -> None:
        self.name, self.desk = name, desk

    def domain(self, wish: Wish) -> Any:
        raise UserError("domain", "a fake has none")

    def identity(self, wish: Wish) -> str:
        return self.digest


class FakeService:
    """`turns`: every turn that came."""

    def __init__(self, desk: FakeDesk | None = None, names: tuple[str, ...] = ("fake", "other")) -> None:
        self.desk = desk or FakeDesk()
        self.models: Mapping[str, FakeServed] = {name: FakeServed(name, self.desk) for name in names}
        self.turns, self.votes_kept, self.closed, self.reason = list[Turn](), list[Vote](), False, ""

    def answer(self, turn: Turn, model: str = "") -> Answer:
        self.turns.append(turn)
        request, wish, begun = turn.inquiry.request, turn.inquiry.wish, time.monotonic()
        errors = {
            "odd": UserError("request", "nothing in it can be read", "say it in other words"),
            "long": TooLong("request", "5000 tokens, the context holds 2048", "shorten it"),
            "late": TimeoutError(),
            "break": ZeroDivisionError("the password is hunter2"),
            "absent": Unavailable("llama.cpp is not installed", "pip install kubestill"),
        }
        if request in errors:
            raise errors[request]
        turn.by = model or next(iter(self.models))
        asked = Ask(wish.max_tokens, wish.temperature, wish.top_p, wish.seed)
        reply = turn.wait(self.models[turn.by].desk.submit(request, asked, None, turn.told if turn.live else None))
        turn.traces.append(Trace("generate", time.monotonic() - begun))
        answer = Answer(reply, FAILED if request == "wrong" else PASSED, time.monotonic() - begun, by=turn.by)
        if turn.inquiry.strict and not answer.verdict.passed:
            raise Refused(answer)
        if turn.told is not None and not turn.live:
            turn.told(reply.text)
        return answer

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        return [{"line": 5, "column": 3, "code": "K8S022", "path": "spec.replica", "message": "unknown field 'replica'"}] * (
            "replica:" in text
        )

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        return {"path": name, "version": version or "1.36", "kind": name, "type": "object", "fields": []}

    def counts(self) -> Mapping[str, Counts]:
        return {name: Counts(requests=len(self.turns)) for name in self.models}

    def vote(self, vote: Vote) -> None:
        self.votes_kept.append(vote)

    def votes(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        pairs = {(vote.first, vote.second) for vote in self.votes_kept}
        return {pair: Counter(one.choice for one in self.votes_kept if (one.first, one.second) == pair) for pair in pairs}

    def ready(self) -> str:
        return self.reason

    def close(self) -> None:
        self.closed = True


@contextmanager
def serving(service: Any, page: Any = None, **settings: Any) -> Iterator[str]:
    """Serve on a free port of loopback in a thread; yields the address."""
    import uvicorn

    from kubestill.serving.http.app import make_app
    from kubestill.serving.http.running import configured, listen
    from kubestill.serving.http.settings import HttpSettings

    told = HttpSettings(port=0, **settings)
    bound = listen(told)
    server = uvicorn.Server(configured(lambda: make_app(service, told, page), told))
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
