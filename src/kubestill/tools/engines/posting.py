"""Questions to a server over HTTP: asked again where that may help, within a budget that is told.

The server is a stranger: its answers may be cut, endless, slow or no JSON, and its words may repeat the key; none of it gets further.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from kubestill.ground.errors import Unavailable, UserError

MAX_ANSWER_BYTES = 16 << 20
MAX_TOLD = 200  # characters of a server's own words that a message repeats
FIRST_WAIT_SECONDS = 0.5  # doubled each time
BUSY = 429


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


class Refused(UserError):
    """The server answered that it will not; `status` is HTTP's."""

    def __init__(self, where: str, found: str, mend: str = "", status: int = 0) -> None:
        super().__init__(where, found, mend)
        self.status = status


class Poster:
    """A server at `url`, asked with a key that no message shows; a context manager that closes its connections."""

    def __init__(self, url: str, key: str = "", patience: Patience | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url, self.key, self.patience, self.sleep = check_url(url), key, patience or Patience(), sleep
        if not key.isascii() or not key.isprintable():
            raise UserError("KUBESTILL_API_KEY", "a key that no header can carry", "set it to what the server gave you")
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
            UserError: the answer is no JSON, too long, or took too long.
            Unavailable: no server there, or it stays busy beyond the budget.
        """
        self.spent.ask()
        most = self.patience.retries
        for attempt in range(self.patience.retries + 1):
            wait = FIRST_WAIT_SECONDS * 2**attempt
            try:
                status, headers, content = self._exchange("POST", self.url + path, body)
            except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout) as error:
                told = f"no connection ({self._clean(str(error)) or type(error).__name__})"
                if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    most = min(most, self.patience.unreached)
            else:
                if status == httpx.codes.OK:
                    return self._json(content)
                told = f"answers {status}: {self._complaint(content)}"
                if status != BUSY and status < httpx.codes.INTERNAL_SERVER_ERROR:
                    raise Refused(self.url, told, _mend(status), status)
                wait = max(wait, _retry_after(headers))
            if attempt == most or not self.spent.wait(wait):
                break
            self.sleep(wait)
        raise Unavailable(f"{self.url} {told}, after {attempt} retries of this question", f"curl {self.url}/models")

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
                        raise UserError(self.url, f"an answer of more than {MAX_ANSWER_BYTES >> 20} MB", "ask another server")
                    if time.monotonic() > limit:
                        raise UserError(self.url, f"no whole answer in {self.patience.answer_seconds:g} s", "ask for fewer tokens")
                return response.status_code, response.headers, bytes(content)
        except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
            raise UserError(self.url, f"no answer in {self.patience.answer_seconds:g} s", "ask for fewer tokens") from None
        except (httpx.DecodingError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise UserError(self.url, f"no answer that can be read ({self._clean(str(error))})", "ask another server") from None

    def _json(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            told = self._clean(content.decode("utf-8", "replace"))
            raise UserError(self.url, f"answers no JSON: {told!r}", "look at the url (it ends in /v1 as a rule)") from None

    def _complaint(self, content: bytes) -> str:
        """Return what a server says of an error, from the usual shapes of it."""
        text = content.decode("utf-8", "replace")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return self._clean(text)
        while isinstance(found, dict):
            found = next((found[name] for name in ("error", "message", "detail") if name in found), None)
        return self._clean(found if isinstance(found, str) else text)

    def _clean(self, text: str) -> str:
        """Make a stranger's words fit for a message: one line, short, and without the key."""
        if self.key:
            text = text.replace(self.key, "***")
        return "".join(c if c.isprintable() else " " for c in text)[:MAX_TOLD].strip()


def check_url(url: str) -> str:
    """Return the url of a server without a slash at its end.

    Raises:
        UserError: it is none, or holds a password.
    """
    mend = "give it as http://host:8000/v1"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # raises where it is no number
    except ValueError as error:
        raise UserError("engine url", str(error), mend) from None
    if parts.username or parts.password:
        raise UserError("engine url", "a name or a password in it", "set KUBESTILL_API_KEY instead")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or not url.isprintable():
        raise UserError("engine url", f"found {url[:MAX_TOLD]!r}", mend)
    return url.rstrip("/")


def _mend(status: int) -> str:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "set KUBESTILL_API_KEY to a key that it takes"
    if status == httpx.codes.NOT_FOUND:
        return "look at the url (it ends in /v1 as a rule) and the model's name"
    return "change what is asked"


def _retry_after(headers: httpx.Headers) -> float:
    """Return how many seconds a server asks to wait: a number or a date (RFC 9110, section 10.2.3); 0 where it says nothing of use."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal() and told.isascii():
        return float(told[:9])
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
