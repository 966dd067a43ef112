"""Builds what serving is given: models with their desks and domains, the instruments, the state. `ask` and the service share it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from kubestill.domains.api import Domain
from kubestill.ground.errors import UserError
from kubestill.ground.fingerprint import digest, fingerprint
from kubestill.ground.store import Store
from kubestill.pipeline.lint_files import contents
from kubestill.pipeline.models import USUAL_DOMAIN, Model, find_model, load_domain, load_engine
from kubestill.serving.answer import Answer, guide_of
from kubestill.serving.api import Inquiry, Means, Turn, Wish
from kubestill.serving.direct import Direct
from kubestill.serving.path import Path as Way
from kubestill.tools.engines.api import Desk, Engine, Told

if TYPE_CHECKING:
    from kubestill.serving.service import CheckedService

STATE = "service"  # folder of the state in a workspace
SERVER = "openai_http"


class ServiceSettings(BaseModel):
    """What a service is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[str, ...] = ()
    """Models as `find_model` finds them, the first answers where none is named; none: the last run's release, or the packaged student."""
    escalate: str = ""
    """A larger model, asked where the answer of another still fails; it may be a server's address. "": none."""
    domain: str = ""
    """Whose checks judge. "": each model's own."""
    version: str = ""
    """Of the cluster, where a request names none. "": the usual one."""
    definitions: tuple[Path, ...] = ()
    """Files or folders of custom resources."""
    rows: int = Field(default=8, ge=1)
    """Answers that a model writes at once."""
    workers: int = Field(default=1, ge=1)
    """Processes that serve the same, and share the machine."""
    shared: Path | None = None
    """Folder that they share, where there are several."""
    timeout_seconds: float = Field(default=0.0, ge=0)
    """The longest that a request may take; 0: for ever."""
    state: Path | None = None
    """Folder of the state; None: in the workspace."""
    cache_seconds: float = Field(default=7 * 86_400.0, ge=0)
    """How long an answer is kept; 0: none is. A week: releases come more seldom, and a key holds the release."""
    cache_bytes: int = Field(default=256 << 20, ge=0)
    """How much room kept answers may take; the oldest go first."""
    log: bool = False
    """Whether requests and answers are kept, redacted."""
    log_seconds: float = Field(default=30 * 86_400.0, ge=0)
    """How long a line of the log is kept."""


class _Judging:
    """A domain, and what it learned of custom resources."""

    def __init__(self, name: str, version: str, definitions: tuple[Path, ...]) -> None:
        texts = list(contents(definitions, b""))
        self.domain = load_domain(name, version)
        self.learned = [sha256(content).hexdigest() for _, content in texts]
        if definitions:
            self.domain.learn_definitions(texts)

    @cached_property
    def identity(self) -> str:
        """The fingerprint of all that shapes its guides and verdicts."""
        from importlib.metadata import version  # 50 ms that `ask` need not wait for

        return fingerprint([version("kubestill"), self.domain.identity(), self.learned])


class Domains:
    """Domains by name, version and definitions: each is made once, and shared by all threads."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, tuple[Path, ...]], _Judging] = {}
        self._lock = RLock()

    def get(self, name: str, version: str, definitions: tuple[Path, ...]) -> Any:
        """Return the domain.

        Raises:
            UserError: there is no such domain or version, or a file of definitions defines nothing.
        """
        return self._judging(name, version, definitions).domain

    def identity(self, name: str, version: str, definitions: tuple[Path, ...]) -> str:
        """Return the fingerprint of the domain's schemas, checks, phrases and definitions."""
        with self._lock:
            return self._judging(name, version, definitions).identity

    def _judging(self, *key: Any) -> _Judging:
        with self._lock:
            if key not in self._made:
                self._made[key] = _Judging(*key)
            return self._made[key]


class Loaded:
    """A model that was found. Its desk is loaded when it is asked for first, so that what cannot be is refused before.

    `own`: the version and definitions of a service, which no request changes for others; None: each request brings its definitions.
    """

    def __init__(self, model: Model, desk: Callable[[Engine], Desk], domains: Domains, own: ServiceSettings | None = None) -> None:
        self.model, self.name, self._make, self._domains, self._own = model, model.name, desk, domains, own
        self._lock = RLock()
        self._desk: Desk | None = None

    @property
    def desk(self) -> Desk:
        """Where answers are written."""
        with self._lock:
            if self._desk is None:
                self._desk = self._make(load_engine(self.model))
            return self._desk

    @cached_property
    def digest(self) -> str:
        """The fingerprint of the files that it is read from; of a server its address, which is all that is known."""
        return fingerprint(self.model.place if self.model.engine == SERVER else [digest(path) for path in self._files])

    @cached_property
    def created(self) -> int:
        """When its files were made; of a server now."""
        return int(time.time() if self.model.engine == SERVER else self._files[0].stat().st_mtime)

    def domain(self, wish: Wish) -> Domain:
        """Return the domain that guides and judges an answer.

        Raises:
            UserError: there is no such domain or version, or a file of definitions defines nothing.
        """
        domain: Domain = self._domains.get(*self._judged(wish))
        return domain

    def identity(self, wish: Wish) -> str:
        """Return what an answer to the same request depends on besides the wish."""
        return fingerprint([self.digest, self._domains.identity(*self._judged(wish))])

    @property
    def _files(self) -> list[Path]:
        """The file or folder that the engine reads, and what it reads beside a GGUF file."""
        if self.model.engine != "llama_cpp":
            return [Path(self.model.place)]
        from kubestill.tools.chat.format import FILE
        from kubestill.tools.engines.llama.words import TOKENIZER_FILE
        from kubestill.tools.engines.llama_cpp import find_file  # which loads llama.cpp

        file = find_file(Path(self.model.place))
        return [file, *(path for name in (TOKENIZER_FILE, FILE) if (path := file.parent / name).is_file())]

    def _judged(self, wish: Wish) -> tuple[str, str, tuple[Path, ...]]:
        own = self._own
        if own is None:
            return wish.domain or self.model.domain, wish.version, wish.definitions
        if wish.definitions:
            raise UserError("definitions", "a service reads no files for a request", "start it with them")
        name = wish.domain or own.domain or self.model.domain
        return name, wish.version or (own.version if name in ("", USUAL_DOMAIN) else ""), own.definitions


def open_model(model: Model) -> Loaded:
    """Return a model for one request at a time, answered in the thread that asks."""
    return Loaded(model, Direct, Domains())


def ask_model(model: Model, inquiry: Inquiry, told: Told | None = None) -> Answer:
    """Return the answer that the checks choose; it may have failed. `told`: the only answer is told line by line as it is written.

    Raises:
        UserError: the request is too long for the model's context, there is no such domain, kind or version, a definition is none, or
            the model does not draft; or the manifest cannot be changed so.
        Unavailable: the engine's packages are not installed.
    """
    served = open_model(model)
    way = Way(Means(served))
    domain = served.domain(inquiry.wish)
    if not inquiry.manifest:
        guide_of(domain, inquiry.wish)  # refuses what cannot be before a model is loaded
    _ = served.desk  # what is told of seconds is without the loading
    return way.answer(Turn(inquiry, told))


def _desk(settings: ServiceSettings, number: int, engine: Engine) -> Desk:
    """Return the desk of a service's model; each model has a board of its own."""
    from kubestill.tools.engines.desk import desk_for
    from kubestill.tools.engines.desk_lanes import DeskHow

    board = settings.shared / f"desk-{number}" if settings.shared else None
    return desk_for(engine, DeskHow(settings.rows, processes=settings.workers, board=board))


def open_service(store: Store, settings: ServiceSettings) -> "CheckedService":
    """Return a service over models of a workspace, all loaded.

    Raises:
        UserError: there is no such model, version or definition, two models have one name, or the state cannot be written.
        Unavailable: an engine's packages are not installed.
    """
    from kubestill.pipeline.instruments import Workbench  # all of these only a service needs
    from kubestill.serving.service import CheckedService, Conduct
    from kubestill.serving.state import Keeping, State

    domains = Domains()
    names = settings.models or ("",)
    found = [find_model(store, name) for name in (*names, *((settings.escalate,) if settings.escalate else ()))]
    loaded = [Loaded(model, partial(_desk, settings, number), domains, settings) for number, model in enumerate(found)]
    larger = loaded.pop() if settings.escalate else None
    if len({one.name for one in loaded}) < len(loaded):
        raise UserError("models", f"one is named twice: {', '.join(one.name for one in loaded)}", "name each once")
    instruments = Workbench(settings.version, settings.definitions, settings.domain or loaded[0].model.domain)
    keeping = Keeping(settings.cache_seconds, settings.cache_bytes, settings.log_seconds)
    with ExitStack() as opened:
        state = State(settings.state or store.workspace / STATE, keeping)
        opened.callback(state.close)
        for one in (*loaded, *((larger,) if larger else ())):
            guide_of(one.domain(Wish()), Wish())
            opened.callback(one.desk.close)
        opened.pop_all()
    return CheckedService(loaded, instruments, state, larger, Conduct(settings.timeout_seconds, settings.log))
