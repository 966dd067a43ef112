"""Buying replies: as fast as the server lets, never beyond the budget, none twice, and everything written down (ledger.py)."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kubestill.ground.errors import KubestillError, Unavailable, UserError
from kubestill.ground.servers import BUSY, UNAVAILABLE, backoff_seconds, check_key, check_url, clean, complaint, may_pass, retry_after
from kubestill.tools.teachers.budget import Budget, Cost, most
from kubestill.tools.teachers.ledger import Ledger, Outcome, Result, Standing
from kubestill.tools.teachers.pace import Pace
from kubestill.tools.teachers.questions import Question, question_key, spelled
from kubestill.tools.teachers.replies import MAX_REPLY_BYTES, Arrived, Malformed, parse_value, read_reply
from kubestill.tools.teachers.settings import Teacher

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
NOBODY = "nobody listens"  # a server that starts is waited for, a wrong address is told soon
UNREACHED = 2  # retries of a question where nobody listens and nobody ever did
REFUSED_IN_A_ROW = 10  # questions that are refused before the first is answered: it is what we send, not what we ask
HOPELESS = (401, 402, 403, 404)  # the key, the account, the address or the model: no other question will fare better
OPEN = "open"  # not asked, or not to the end: the run was stopped before


@dataclass(frozen=True, slots=True)
class Bought:
    """What stands in the ledger of a question: a value that fits its schema, or None and why; OPEN where it may still be asked."""

    key: str
    value: dict[str, Any] | None
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Came:
    """What an exchange gave, how long to wait before another, and whether the server has too much to do."""

    result: Result
    wait_seconds: float = 0.0
    too_busy: bool = False


class Buyer:
    """Asks one teacher. A context manager; `limit` is the most questions sent by it, retries among them (0: no limit)."""

    def __init__(self, teacher: Teacher, ledger: Ledger, key: str = "", limit: int = 0) -> None:
        import httpx

        self.teacher, self.ledger = teacher, ledger
        self._key, self._url = check_key(key, teacher.key_variable), check_url(teacher.url, "teacher url", teacher.key_variable)
        limits = teacher.limits
        self.budget = Budget(teacher, ledger.spent(teacher.model))
        self.pace = Pace(limits.concurrent, limits.per_minute)
        self.stopped: KubestillError | None = None
        self._over = asyncio.Event()  # set when stopped
        self.calls, self._limit = 0, limit
        self._answers, self._refusals = 0, 0
        self._limits = f"malformed {limits.malformed}, retries {limits.retries}, unknown again {limits.unknown_again}"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # trust_env: proxies and .netrc would be settings that ground/settings does not know.
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity", "Content-Type": "application/json", **headers},
            timeout=httpx.Timeout(limits.timeout_seconds, connect=min(CONNECT_SECONDS, limits.timeout_seconds)),
            limits=httpx.Limits(max_connections=limits.concurrent),
            trust_env=False,
        )
        self._runner = asyncio.Runner()

    def __enter__(self) -> "Buyer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def buy(self, questions: Sequence[Question], step: Callable[[int], None] | None = None) -> list[Bought]:
        """Return what each question gave, in order, asking those that the ledger does not answer; `step` is told how many are done.

        Questions under way are waited for, whatever happens: they are paid.

        Raises:
            UserError: the server refuses us; the budget or the limit is spent and questions are left. The next run goes on.
            Unavailable: no server there, or it stays too busy. The next run goes on.
        """
        bodies = {question_key(body): (question, body) for question in questions for body in (question.body(self.teacher),)}
        found: dict[str, Bought] = {}
        self._runner.run(self._buy_all(iter(bodies.items()), found, step))
        if self.stopped is not None:
            raise self.stopped
        return [found[question_key(question.body(self.teacher))] for question in questions]

    async def _buy_all(
        self, todo: Iterator[tuple[str, tuple[Question, dict[str, Any]]]], found: dict[str, Bought], step: Callable[[int], None] | None
    ) -> None:
        async def work() -> None:
            for key, (question, body) in todo:
                found[key] = await self._buy(key, question, body)
                if step is not None:
                    step(len(found))

        await asyncio.gather(*(work() for _ in range(self.teacher.limits.concurrent)))

    async def _buy(self, key: str, question: Question, body: dict[str, Any]) -> Bought:
        busy, answers_before = 0, self._answers
        while True:
            standing = self.ledger.standing(key)
            done = self._done(key, question, standing)
            if done is not None:
                return done
            came = await self._send(key, question, body)
            if came is None:
                return Bought(key, None, "", OPEN)
            outcome = came.result.outcome
            busy = busy + 1 if outcome is Outcome.BUSY else 0
            if outcome is Outcome.REFUSED:
                return self._give_up(key, f"refused: {came.result.reason}")
            if busy > self._retries(came):
                if self._answers == answers_before:
                    self._stop(Unavailable(f"{self._url}: {came.result.reason}, after {busy - 1} retries", f"curl {self._url}/models"))
                    return Bought(key, None, "", OPEN)
                return self._give_up(key, f"too busy: {came.result.reason}")
            if busy:
                await self._rest(max(came.wait_seconds, self._backoff(busy - 1)))

    def _done(self, key: str, question: Question, standing: Standing) -> Bought | None:
        """Return what is known of a question without asking, if that settles it."""
        if standing.answer is not None:
            try:
                return Bought(key, parse_value(standing.answer, question), standing.answer)
            except Malformed as error:  # the question's schema is part of the body only where the server is told of it
                return Bought(key, None, standing.answer, f"malformed: {error}")
        if self._limits in standing.closed:
            return Bought(key, None, "", standing.closed[self._limits])
        if standing.waiting:
            self._stop(UserError(str(self.ledger.path), "questions stand in a batch file", "read its results, or abandon it"))
        if standing.malformed >= self.teacher.limits.malformed:
            return self._give_up(key, "malformed")
        if standing.unknown > self.teacher.limits.unknown_again:
            return self._give_up(key, "sent, unknown")
        return Bought(key, None, "", OPEN) if self.stopped is not None else None

    async def _send(self, key: str, question: Question, body: dict[str, Any]) -> _Came | None:
        """Send a question once, within pace and budget, and write down what came; None where it may not be sent."""
        content = spelled(body)
        wanted = most(self.teacher, content)
        in_round = await self.pace.enter()
        came: _Came | None = None
        try:
            if not await self._reserve(wanted):
                return None
            self.calls += 1
            number, idempotency = self.ledger.send(key, body, wanted)
            came = await self._exchange(content, idempotency, question, wanted)
            self.ledger.record(number, key, came.result)
            await self.budget.settle(wanted, came.result.used)
        finally:
            answered = came is not None and came.result.outcome is Outcome.ANSWERED
            await self.pace.leave(in_round, answered, came is not None and came.too_busy)
        self._answers += answered
        return came

    async def _reserve(self, wanted: Cost) -> bool:
        """Say whether a question may go now: within budget and limit, and nothing stopped us while it waited."""
        if await self.budget.reserve(wanted):
            if self._limit and self.calls >= self._limit:
                self._stop(UserError("--limit", f"{self._limit} questions were sent", "run again to go on"))
            if self.stopped is not None:
                await self.budget.settle(wanted, Cost())
            return self.stopped is None
        setting, told = self.budget.lacks(wanted)
        self._stop(UserError(f"{self.teacher.file}: {setting}", told, "raise it, or ask for less"))
        return False

    async def _exchange(self, content: bytes, idempotency: str, question: Question, reserved: Cost) -> _Came:
        """Post a question. What was sent and perhaps answered costs what was reserved, unless the server tells."""
        import httpx

        nothing = Cost()
        arrived = bytearray()
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(self.teacher.limits.timeout_seconds):
                headers = {"Idempotency-Key": idempotency}
                async with self._client.stream("POST", f"{self._url}/chat/completions", content=content, headers=headers) as response:
                    async for chunk in response.aiter_raw():
                        arrived += chunk
                        if len(arrived) > MAX_REPLY_BYTES:
                            break
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return _Came(Result(Outcome.BUSY, nothing, NOBODY))
        except (TimeoutError, httpx.TimeoutException):
            return _Came(Result(Outcome.BUSY, reserved, "timeout"), too_busy=True)
        except httpx.TransportError as error:
            if response is not None and response.status_code == httpx.codes.OK:
                return _Came(Result(Outcome.MALFORMED, reserved, "half a reply"))
            return _Came(Result(Outcome.BUSY, reserved, f"connection lost ({type(error).__name__})"))
        if response.status_code == httpx.codes.OK:
            kind = response.headers.get("content-type", "")
            return _Came(read_reply(Arrived(kind, bytes(arrived)), question, self.teacher, reserved, self._key))
        return self._status(response, bytes(arrived))

    def _status(self, response: "httpx.Response", content: bytes) -> _Came:
        """Read a response that is no reply: it costs nothing."""
        status = response.status_code
        if may_pass(status):
            wait = retry_after(response.headers.get("retry-after", "")) if status in (BUSY, UNAVAILABLE) else 0.0
            if wait > self.teacher.limits.longest_wait_seconds:
                self._stop(Unavailable(f"{self._url} asks to wait {wait:,.0f} s", "kubestill run again after that"))
            elif wait:
                self.pace.hold(wait)
            return _Came(Result(Outcome.BUSY, Cost(), f"status {status}"), wait, status in (BUSY, UNAVAILABLE))
        said = complaint(content, self._key)
        self._refusals += 1
        if status in HOPELESS or (self._refusals >= REFUSED_IN_A_ROW and not self._answers):
            mend = (
                f"set {self.teacher.key_variable or 'key_variable'} to a key that it takes"
                if status in HOPELESS[:3]
                else "mend the teacher's file"
            )
            self._stop(UserError(self._url, f"answers {status}: {said}", mend))
            return _Came(Result(Outcome.BUSY, Cost(), f"status {status}"))
        return _Came(Result(Outcome.REFUSED, Cost(), clean(f"status {status}: {said}", self._key)))

    def _retries(self, came: _Came) -> int:
        nobody_ever = came.result.reason == NOBODY and not self._answers
        return min(self.teacher.limits.retries, UNREACHED) if nobody_ever else self.teacher.limits.retries

    def _backoff(self, attempt: int) -> float:
        """A random half is left out, so that clients that were turned away together do not come back together."""
        return backoff_seconds(attempt, self.teacher.limits.first_wait_seconds) * random.uniform(0.5, 1.0)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than there is something to wait for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def _give_up(self, key: str, reason: str) -> Bought:
        self.ledger.give_up(key, reason, self._limits)
        return Bought(key, None, "", reason)

    def _stop(self, error: KubestillError) -> None:
        """Send nothing more; the first error is told."""
        self.stopped = self.stopped or error
        self._over.set()
        self.pace.go_on()
