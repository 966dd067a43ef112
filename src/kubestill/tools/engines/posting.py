"""Questions to a server over HTTP: asked again where that may help, within a budget that is told.

The server is a stranger: its answers may be cut, endless, slow or no JSON, and its words may repeat the key; none of it gets further.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx

from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.servers import backoff_seconds, check_key, check_url, clean, complaint, may_pass, retry_after
from kubestill.tools.engines.api import EngineFault

MAX_ANSWER_BYTES = 16 << 20


@dataclass(frozen=True)
class Patience:
    """How long to try."""

    connect_seconds: float = 10.0
    answer_seconds: float = 120.0
    """Most time for one answer, from the question to its last byte."""
    waiting_seconds: float = 120.0
    """Most time that the retries of one round of questions may wait, all together."""
    retries: int = 6
    """Most retries of one question."""
    unreached: int = 2
    """Most of them where nobody listens: a server that starts is waited for, a wrong address is told soon."""


@dataclass
class Spent:
    """What asking cost so far; `left_seconds` is what the retries at hand may still wait."""

    questions: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    left_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def ask(self) -> None:
        """Count a question."""
        with self._lock:
            self.questions += 1

    def wait(self, seconds: float) -> bool:
        """Count a retry that waits `seconds`; False where the budget does not hold them."""
        with self._lock:
            if seconds > self.left_seconds:
                return False
            self.retries += 1
            self.left_seconds -= seconds
            self.waited_seconds += seconds
            return True


class Refused(EngineFault):
    """The server answered that it will not; `status` is HTTP's."""

    def __init__(self, where: str, found: str, mend: str = "", status: int = 0) -> None:
        super().__init__(where, found, mend)
        self.status = status


class Poster:
    """A server at `url`, asked with a key that no message shows; a context manager that closes its connections."""

    def __init__(self, url: str, key: str = "", patience: Patience | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url, self.key, self.patience, self.sleep = check_url(url), check_key(key), patience or Patience(), sleep
        self.spent = Spent()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # trust_env: proxies and .netrc would be settings that ground/settings does not know.
        self.client = httpx.Client(
            headers={"Accept-Encoding": "identity", **headers},
            timeout=httpx.Timeout(self.patience.answer_seconds, connect=self.patience.connect_seconds),
            trust_env=False,
        )

    def __enter__(self) -> "Poster":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()

    def begin(self) -> None:
        """Start a round of questions with a whole budget."""
        self.spent.left_seconds = self.patience.waiting_seconds

    def give_up(self) -> None:
        """Let no question of the round wait any more."""
        self.spent.left_seconds = 0.0

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON to a path below the url and return the JSON of the answer, asking again where that may help.

        Raises:
            Refused: the server will not: the question is at fault, or the key.
            EngineFault: the answer is no JSON, too long, or took too long.
            Unavailable: no server there, or it stays busy beyond the budget.
        """
        self.spent.ask()
        most = self.patience.retries
        for attempt in range(self.patience.retries + 1):
            wait = backoff_seconds(attempt)
            try:
                status, headers, content = self._exchange("POST", self.url + path, body)
            except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout) as error:
                told = f"no connection ({clean(str(error), self.key) or type(error).__name__})"
                if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    most = min(most, self.patience.unreached)
            else:
                if status == httpx.codes.OK:
                    return self._json(content)
                told = f"answers {status}: {complaint(content, self.key)}"
                if not may_pass(status):
                    raise Refused(self.url, told, _mend(status), status)
                wait = max(wait, retry_after(headers.get("retry-after", "")))
            if attempt == most or not self.spent.wait(wait):
                break
            self.sleep(wait)
        raise Unavailable(f"{self.url}: {told}, after {attempt} retries of this question", f"curl {self.url}/models")

    def get(self, url: str) -> Any:
        """Return the JSON at a whole url, None where there is none: a way to learn what a server is, asked once."""
        try:
            status, _, content = self._exchange("GET", url, None)
            return json.loads(content) if status == httpx.codes.OK else None
        except (httpx.HTTPError, UserError, ValueError, RecursionError):
            return None

    def _exchange(self, method: str, url: str, body: dict[str, Any] | None) -> tuple[int, httpx.Headers, bytes]:
        limit = time.monotonic() + self.patience.answer_seconds
        content = bytearray()
        try:
            with self.client.stream(method, url, json=body) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise EngineFault(self.url, f"an answer of more than {MAX_ANSWER_BYTES >> 20} MB", "ask another server")
                    if time.monotonic() > limit:
                        raise EngineFault(self.url, f"no whole answer in {self.patience.answer_seconds:g} s", "ask for fewer tokens")
                return response.status_code, response.headers, bytes(content)
        except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
            raise EngineFault(self.url, f"no answer in {self.patience.answer_seconds:g} s", "ask for fewer tokens") from None
        except (httpx.DecodingError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise EngineFault(self.url, f"no answer that can be read ({clean(str(error), self.key)})", "ask another server") from None

    def _json(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            told = clean(content.decode("utf-8", "replace"), self.key)
            raise EngineFault(self.url, f"answers no JSON: {told!r}", "look at the url (it ends in /v1 as a rule)") from None


def _mend(status: int) -> str:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "set KUBESTILL_API_KEY to a key that it takes"
    if status == httpx.codes.NOT_FOUND:
        return "look at the url (it ends in /v1 as a rule) and the model's name"
    return "change what is asked"
