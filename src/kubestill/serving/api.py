"""What a service is made of: a request on its way (`Turn`) through a short list of steps, each of which may answer it.

The usual path: exact cache → edit or generate under the grammar → check → repair once with the findings → escalate to a second model →
keep → answer. `path.py` walks it; `kubestill ask` and the service go the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from kubestill.domains.api import Domain
from kubestill.ground.errors import UserError
from kubestill.tools.engines.api import ANSWER_TOKENS, Desk, Reply, Stopped, Told, Work

if TYPE_CHECKING:
    from kubestill.serving.answer import Answer

Clock = Callable[[], float]  # seconds, monotonic


@dataclass(frozen=True)
class Wish:
    """How an answer is asked for.

    `kinds`: of one of these. `skill`: what is to be done, as in "kubectl"; "": the model decides, if it has learned to.
    `version` of the cluster ("": the usual one) and `definitions`, files or folders of custom resources.
    `free`: without the guide. `draft`: freely first, then under the guide. `tries`: how many answers, of which the checks choose.
    """

    kinds: tuple[str, ...] = ()
    skill: str = ""
    version: str = ""
    definitions: tuple[Path, ...] = ()
    free: bool = False
    draft: bool = False
    tries: int = 1
    temperature: float = 0.0
    seed: int = 0
    domain: str = ""
    max_tokens: int = ANSWER_TOKENS
    top_p: float = 1.0


@dataclass(frozen=True)
class Inquiry:
    """A request and how it is to be answered. `strict`: an answer that does not pass its checks is refused, not returned.

    `fresh`: not from a cache. `timeout_seconds`: how long the whole path may take, 0: for ever.
    `manifest`: the text that the request asks to change; the answer is then its whole new text. `document` says which of its objects,
    counted from 0 (None: the only one), `file` what people call it.
    """

    request: str
    wish: Wish = Wish()
    strict: bool = False
    fresh: bool = False
    timeout_seconds: float = 0.0
    manifest: str = ""
    document: int | None = None
    file: str = "manifest.yaml"


class Refused(UserError):
    """A strict request whose answer did not pass its checks; `answer` is that answer, with its findings."""

    def __init__(self, answer: "Answer") -> None:
        self.answer = answer
        first = next((f" ({one.code} {one.path}: {one.message})" for one in answer.verdict.findings), "")
        failed = f"failed on {answer.verdict.failed_on}{first}" if answer.verdict.failed_on else "could not be judged"
        super().__init__("answer", failed, "say it in other words, or ask without strict")

    def __reduce__(self) -> tuple[type["Refused"], tuple["Answer"]]:  # type: ignore[override]  # made from the answer alone
        """Pickle by what it was made from."""
        return type(self), (self.answer,)


@dataclass(frozen=True, slots=True)
class Trace:
    """What one step did with a request, and how long it took."""

    step: str
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that is not judged yet, and what was drafted freely before it."""

    reply: Reply
    draft: Reply | None = None


class Stop(Event):
    """Set when nobody waits any longer; what is under way is told at once, in the thread that sets it."""

    def __init__(self) -> None:
        super().__init__()
        self._lock, self._calls = Lock(), list[Callable[[], None]]()

    def set(self) -> None:
        """Stop everything that is under way, and whatever begins later."""
        with self._lock:
            super().set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def then(self, call: Callable[[], None]) -> None:
        """Call this when it is set; now, if it is already."""
        with self._lock:
            if not self.is_set():
                self._calls.append(call)
                return
        call()


@dataclass
class Turn:
    """A request on its way. A step reads it, may set `answer`, and may say in `note` what it did.

    `told` is given the answer's text as it is written; what was told cannot be taken back, so it is neither repaired nor escalated.
    Where it must not be told before its end (it is strict, an edit, or one of several), it is told whole.
    `stop` is set when nobody waits any longer. `by` names the model that wrote the answer, `cached` says that it stood in the cache.
    """

    inquiry: Inquiry
    told: Told | None = None
    stop: Stop = field(default_factory=Stop)
    answer: "Answer | None" = None
    by: str = ""
    cached: bool = False
    note: str = ""
    traces: list[Trace] = field(default_factory=list)
    done: bool = False  # no later step is needed
    candidates: Sequence[Candidate] = ()
    key: str = ""  # under which a cache holds the answer; "": it is not kept
    until: float | None = None  # on the monotonic clock: when the request's time is over

    @property
    def live(self) -> bool:
        """Whether the answer is told while it is written."""
        inquiry = self.inquiry
        return self.told is not None and not inquiry.strict and not inquiry.manifest and inquiry.wish.tries == 1

    def wait(self, work: Work) -> Reply:
        """Return the reply of some work that is under way for this request.

        Raises:
            Stopped: nobody waits any longer.
            TimeoutError: the request's time is over.
            TooLong, UserError: as `Work.wait`.
        """
        self.stop.then(work.stop)
        try:
            return work.wait(None if self.until is None else max(0.0, self.until - monotonic()))
        except TimeoutError:
            work.stop()
            raise

    def go_on(self) -> None:
        """Return while somebody waits.

        Raises:
            Stopped: nobody does.
        """
        if self.stop.is_set():
            raise Stopped


class Step(Protocol):
    """One stop on a request's path: one file in serving/steps, one row in its table.

    A row is a function from `Means` to a step, or to None where the means give it nothing to do.
    """

    name: str

    def __call__(self, turn: Turn) -> None:
        """Do this step's part.

        Raises:
            UserError: the request cannot be answered, with the reason.
            Stopped: nobody waits any longer.
            TimeoutError: the request's time is over.
        """
        ...


class Served(Protocol):
    """A model that a service answers with."""

    name: str

    @property
    def digest(self) -> str:
        """The fingerprint of its files: cached answers are of one digest."""
        ...

    @property
    def created(self) -> int:
        """When it was made, in seconds since 1970."""
        ...

    @property
    def desk(self) -> Desk:
        """Where answers are written; it may be loaded when it is asked for first."""
        ...

    def domain(self, wish: Wish) -> Domain:
        """Return the domain that guides and judges an answer.

        Raises:
            UserError: there is no such domain or version, or a file of definitions defines nothing.
        """
        ...

    def identity(self, wish: Wish) -> str:
        """Return what an answer to the same request depends on besides the wish: the model's files, the schemas, checks, definitions."""
        ...


class Cache(Protocol):
    """Answers that passed, by the hash of all that they depend on."""

    def find(self, key: str) -> "Answer | None":
        """Return the answer that is kept, unless it is too old."""
        ...

    def keep(self, key: str, answer: "Answer") -> None:
        """Keep an answer; the oldest go where there is no room."""
        ...


@dataclass(frozen=True)
class Means:
    """What the steps of one model's path answer with."""

    model: Served
    larger: Served | None = None
    cache: Cache | None = None


class Instruments(Protocol):
    """What looks at texts without a model; pipeline builds it, since linting stands there."""

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        """As `Service.check`."""
        ...

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        """As `Service.explain`."""
        ...


@dataclass(frozen=True)
class Vote:
    """Which of two answers a person liked better, not knowing whose they were. `choice`: "first", "second", "tie" or "neither"."""

    first: str
    second: str
    request_digest: str
    choice: str


@dataclass(frozen=True)
class Counts:
    """What one model's requests came to in this process; `failed_on` by tier, `errors` by the exception's name."""

    requests: int = 0
    passed: int = 0
    failed: int = 0
    repaired: int = 0
    escalated: int = 0
    cached: int = 0
    refused: int = 0
    stopped: int = 0
    timed_out: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    failed_on: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)


class Service(Protocol):
    """What the HTTP API, the page and MCP ask."""

    models: Mapping[str, Served]  # by name; the first answers where none is named

    def answer(self, turn: Turn, model: str = "") -> "Answer":
        """Take a request down the path and return its answer; it may have failed its checks, and says so. May be called from many threads.

        Raises:
            Refused: the request is strict, and its answer did not pass.
            UserError: the request cannot be answered, or there is no such model.
            Stopped: nobody waits any longer.
            TimeoutError: the request's time is over.
        """
        ...

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        """Return what the checks find in a text: manifests, or in a skill's form, as in "kubectl".

        Each has line, column, tier, code, severity, path, message, remedy, and document, kind and name where there is one. A severity
        of "skip" says why something could not be judged: only an empty list is a pass.

        Raises:
            UserError: the text is too long, or there is no such version or skill.
        """
        ...

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        """Tell what a kind ("Deployment"), a field ("deployment.spec.replicas") or a check ("K8S161") is: path, version, api_version,
        kind, type, required, description, format, values, and fields, each with name, type, required and description.

        Of "" the values are the versions, the usual one first, and the fields all kinds of the version.

        Raises:
            UserError: there is none of that name, or no such version.
        """
        ...

    def counts(self) -> Mapping[str, Counts]:
        """Return what this process has done so far, by model."""
        ...

    def vote(self, vote: Vote) -> None:
        """Keep a vote.

        Raises:
            UserError: it names no choice, or nothing can be kept.
        """
        ...

    def votes(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """Return how often each choice was made, by pair of models in the order of their names; "first" is the first of the pair."""
        ...

    def ready(self) -> str:
        """Return why the service cannot answer now; "" where it can."""
        ...

    def close(self) -> None:
        """Finish nothing more; free the models and the state."""
        ...
