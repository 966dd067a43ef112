"""Chat completions that come piece by piece (server-sent events), read into what a whole one would have been.

A server that knows nothing of pieces answers with a whole completion: that is one piece. Where a connection breaks in the middle the
answer is lost: what was told cannot be taken back, so nothing is asked again then.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from kubestill.ground.errors import Unavailable
from kubestill.ground.servers import backoff_seconds, clean, complaint, may_pass, retry_after
from kubestill.tools.engines.api import EngineFault
from kubestill.tools.engines.posting import MAX_ANSWER_BYTES, Poster, Refused, _mend

EVENTS = {"stream": True, "stream_options": {"include_usage": True}}  # what a question says besides
_DATA, _DONE = b"data:", b"[DONE]"


class Pieces:
    """A completion as far as it came; `grown` is given its text after each piece that adds to it."""

    def __init__(self, poster: Poster, grown: Callable[[str], None]) -> None:
        self.poster, self.url, self._grown = poster, poster.url, grown
        self.text, self.reason, self.count = "", "", 0
        self.usage: Any = None

    def take(self, piece: Any) -> None:
        """Add a piece.

        Raises:
            EngineFault: it is none, or the server's complaint.
        """
        self.count += 1
        known = len(self.text)
        if isinstance(piece, dict) and piece.get("error"):
            raise EngineFault(self.url, f"breaks off: {clean(str(piece['error']), self.poster.key)}", "ask again, or another server")
        try:
            self.usage = piece.get("usage") or self.usage
            for choice in piece["choices"][:1]:
                self.text += (choice.get("delta") or choice.get("message") or {}).get("content") or ""
                self.reason = choice.get("finish_reason") or self.reason
        except (LookupError, TypeError, AttributeError):
            raise EngineFault(self.url, "answers what is no chat completion", "look at the url (it ends in /v1 as a rule)") from None
        if len(self.text) > known:
            self._grown(self.text)

    def completion(self) -> dict[str, Any]:
        """Return the whole completion.

        Raises:
            EngineFault: it came to no end.
        """
        if not self.reason:
            raise EngineFault(self.url, "the answer breaks off before its end", "ask again")
        return {"choices": [{"message": {"content": self.text}, "finish_reason": self.reason}], "usage": self.usage}


def post_events(poster: Poster, path: str, body: dict[str, Any], grown: Callable[[str], None]) -> dict[str, Any]:
    """Post a question, tell the answer's text as it grows, and return the whole completion; busy servers are asked again.

    Raises:
        Refused: the server will not.
        EngineFault: what comes is no completion, too long, too slow, or breaks off.
        Unavailable: no server there, or it stays busy beyond the budget.
    """
    poster.spent.ask()
    most, told = poster.patience.retries, ""
    for attempt in range(poster.patience.retries + 1):
        wait, pieces = backoff_seconds(attempt), Pieces(poster, grown)
        try:
            status, after, content = _exchange(poster, path, body, pieces)
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout) as error:
            told = f"no connection ({clean(str(error), poster.key) or type(error).__name__})"
            if pieces.count:
                raise EngineFault(poster.url, "the answer breaks off before its end", "ask again") from None
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                most = min(most, poster.patience.unreached)
        else:
            if status == httpx.codes.OK:
                return pieces.completion()
            told = f"answers {status}: {complaint(content, poster.key)}"
            if not may_pass(status):
                raise Refused(poster.url, told, _mend(status), status)
            wait = max(wait, after)
        if attempt == most or not poster.spent.wait(wait):
            break
        poster.sleep(wait)
    raise Unavailable(f"{poster.url} {told}, after {attempt} retries of this question", f"curl {poster.url}/models")


def _exchange(poster: Poster, path: str, body: dict[str, Any], pieces: Pieces) -> tuple[int, float, bytes]:
    """Ask once; return the status, the seconds that the server wants one to wait, and what it said where it refused."""
    content = bytearray()
    try:
        with poster.client.stream("POST", poster.url + path, json=body) as response:
            for line in _lines(poster, response):
                if response.status_code != httpx.codes.OK or not line.startswith(_DATA):
                    content += line + b"\n"
                elif line[len(_DATA) :].strip() != _DONE:
                    pieces.take(_json(poster, line[len(_DATA) :]))
            if response.status_code == httpx.codes.OK and not pieces.count:
                pieces.take(_json(poster, bytes(content)))
            return response.status_code, retry_after(response.headers.get("retry-after", "")), bytes(content)
    except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
        raise EngineFault(poster.url, f"no answer in {poster.patience.answer_seconds:g} s", "ask for fewer tokens") from None
    except (httpx.DecodingError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise EngineFault(poster.url, f"no answer that can be read ({clean(str(error), poster.key)})", "ask another server") from None


def _lines(poster: Poster, response: httpx.Response) -> Iterator[bytes]:
    """Yield the lines of an answer as they come, within the limits of size and time."""
    limit, size, rest = time.monotonic() + poster.patience.answer_seconds, 0, bytearray()
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise EngineFault(poster.url, f"an answer of more than {MAX_ANSWER_BYTES >> 20} MB", "ask another server")
        if time.monotonic() > limit:
            raise EngineFault(poster.url, f"no whole answer in {poster.patience.answer_seconds:g} s", "ask for fewer tokens")
        rest += chunk
        if b"\n" in chunk:
            *whole, rest = rest.split(b"\n")
            yield from (bytes(line.strip()) for line in whole)
    if rest:
        yield bytes(rest.strip())


def _json(poster: Poster, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        told = clean(content.decode("utf-8", "replace"), poster.key)
        raise EngineFault(poster.url, f"answers no JSON: {told!r}", "look at the url (it ends in /v1 as a rule)") from None
