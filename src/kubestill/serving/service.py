"""The service: paths of several models, what they came to, and the state that they share."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import Any

from kubestill.ground.errors import KubestillError, UserError, near
from kubestill.serving.answer import Answer
from kubestill.serving.api import Counts, Instruments, Means, Refused, Served, Turn, Vote, Wish
from kubestill.serving.path import Path
from kubestill.serving.redaction import redact
from kubestill.serving.state import State
from kubestill.tools.engines.api import Stopped


@dataclass(frozen=True)
class Conduct:
    """How a service treats every request. `timeout_seconds`: the longest that one may take, 0: for ever. `log`: keep requests, redacted."""

    timeout_seconds: float = 0.0
    log: bool = False


class CheckedService:
    """Answers, checks and explains; may be asked from many threads. `larger` is asked where an answer of the others fails."""

    def __init__(
        self,
        models: Sequence[Served],
        instruments: Instruments,
        state: State | None = None,
        larger: Served | None = None,
        conduct: Conduct = Conduct(),
    ) -> None:
        self.models: Mapping[str, Served] = {model.name: model for model in models}
        self.larger, self.state, self.conduct, self._instruments = larger, state, conduct, instruments
        cache = state if state is not None and state.keeping.answer_seconds > 0 else None
        others = {model.name: larger if larger is None or larger.digest != model.digest else None for model in models}
        self._paths = {model.name: Path(Means(model, others[model.name], cache)) for model in models}
        self._counted: dict[str, Counter[str]] = {name: Counter() for name in self.models}
        self._lock = Lock()

    def answer(self, turn: Turn, model: str = "") -> Answer:
        """Take a request down the path of a model and return its answer, as `Service.answer` says."""
        name = self._named(model)
        longest, own = self.conduct.timeout_seconds, turn.inquiry.timeout_seconds
        turn.inquiry = replace(turn.inquiry, timeout_seconds=min(longest, own) if longest and own else longest or own)
        outcome, answer = "errors.other", None
        try:
            answer, outcome = self._paths[name].answer(turn), ""
            return answer
        except Refused as refused:
            outcome, answer = "refused", refused.answer
            raise
        except Stopped:
            outcome = "stopped"
            raise
        except TimeoutError:
            outcome = "timed_out"
            raise
        except KubestillError as error:
            outcome = f"errors.{type(error).__name__}"
            raise
        finally:
            self._ended(name, turn, outcome, answer)

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        """Return what the checks find in a text, as `Service.check` says."""
        return self._instruments.check(text, wish)

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        """Tell what a kind, a field or a check is, as `Service.explain` says."""
        return self._instruments.explain(name, version)

    def counts(self) -> Mapping[str, Counts]:
        """Return what this process has done so far, by model."""
        with self._lock:
            return {name: _counts(counted) for name, counted in self._counted.items()}

    def vote(self, vote: Vote) -> None:
        """Keep a vote, as `Service.vote` says."""
        if self.state is None:
            raise UserError("votes", "this service keeps no state", "start it with a folder of state")
        self.state.vote(vote)

    def votes(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """Return how often each choice was made, as `Service.votes` says."""
        return {} if self.state is None else self.state.votes()

    def ready(self) -> str:
        """Return why the service cannot answer now; "" where it can."""
        return "" if self.state is None else self.state.ready()

    def close(self) -> None:
        """Free the models and the state; what is under way is stopped."""
        for model in (*self.models.values(), *((self.larger,) if self.larger else ())):
            model.desk.close()
        if self.state is not None:
            self.state.close()

    def _named(self, model: str) -> str:
        name = model or next(iter(self.models))
        if name not in self.models:
            raise UserError("model", f"no model {name[:80]!r}", near(name[:80], self.models) or f"one of {', '.join(self.models)}")
        return name

    def _ended(self, name: str, turn: Turn, outcome: str, answer: Answer | None = None) -> None:
        """Count a request, and log it if that is asked for."""
        told = _told(turn, outcome, answer)
        with self._lock:
            self._counted[name].update(told)
        if self.conduct.log and self.state is not None:
            self.state.log(json.dumps(_line(name, turn, outcome, answer), ensure_ascii=True, separators=(",", ":")))


def _told(turn: Turn, outcome: str, answer: Answer | None) -> Counter[str]:
    """Return what one request adds to the counts. Tokens of cached answers were counted when they were written."""
    told = Counter({"requests": 1})
    if outcome:
        told[outcome] += 1
    if answer is None:
        return told
    verdict = answer.verdict
    told["passed" if verdict.passed else "failed"] += 1
    told.update({f"failed_on.{verdict.failed_on or 'nothing'}": int(not verdict.passed), "cached": int(turn.cached)})
    told.update({"repaired": int(answer.repaired), "escalated": int(answer.escalated)})
    if not turn.cached:
        told.update({"tokens": answer.reply.tokens, "prompt_tokens": answer.reply.prompt_tokens})
    return told


def _counts(counted: Counter[str]) -> Counts:
    groups: dict[str, dict[str, int]] = {"failed_on": {}, "errors": {}}
    plain = {}
    for name, count in counted.items():
        group, _, member = name.partition(".")
        if member and count:
            groups[group][member] = count
        elif not member:
            plain[name] = count
    return Counts(**plain, failed_on=groups["failed_on"], errors=groups["errors"])


def _line(name: str, turn: Turn, outcome: str, answer: Answer | None) -> dict[str, Any]:
    """Return a line of the log: nothing in it that a person wrote or a model said stands there unredacted."""
    inquiry = turn.inquiry
    request = redact(inquiry.request)
    line = {
        "model": name,
        "by": turn.by,
        "request": request,
        "request_digest": sha256(request.encode()).hexdigest()[:16],  # of the redacted one: a short secret could be guessed from the other
        "manifest": redact(inquiry.manifest),
        "task": inquiry.wish.skill,
        "outcome": outcome or "answered",
        "steps": {trace.step: round(trace.seconds, 4) for trace in turn.traces},
    }
    if answer is None:
        return line
    verdict = answer.verdict
    judged = {"passed": verdict.passed, "failed_on": verdict.failed_on, "codes": [one.code for one in verdict.findings[:20]]}
    return {**line, "answer": redact(answer.reply.text), **judged, "cached": turn.cached, "tokens": answer.reply.tokens}
