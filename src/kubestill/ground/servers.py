"""What everyone who asks a server over HTTP does alike: which address and key will do, what is worth asking again, how long to wait,
and how a stranger's words are made fit for a message. No network is touched here.
"""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from kubestill.ground.errors import UserError

MAX_TOLD = 200  # characters of a server's own words that a message repeats
FIRST_WAIT_SECONDS = 0.5  # doubled each time
BUSY, UNAVAILABLE, FAULTY = 429, 503, 500


def check_url(url: str, where: str = "engine url", variable: str = "KUBESTILL_API_KEY") -> str:
    """Return the url of a server without a slash at its end; a key belongs into the environment `variable`.

    Raises:
        UserError: it is none, or holds a password.
    """
    mend = "give it as http://host:8000/v1"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # raises where it is no number
    except ValueError as error:
        raise UserError(where, str(error), mend) from None
    if parts.username or parts.password:
        raise UserError(where, "a name or a password in it", f"set {variable} instead")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or not url.isprintable():
        raise UserError(where, f"found {url[:MAX_TOLD]!r}", mend)
    return url.rstrip("/")


def check_key(key: str, variable: str = "KUBESTILL_API_KEY") -> str:
    """Return a key that a header can carry.

    Raises:
        UserError: it cannot; the message does not show it.
    """
    if not key.isascii() or not key.isprintable():
        raise UserError(variable, "a key that no header can carry", "set it to what the server gave you")
    return key


def may_pass(status: int) -> bool:
    """Say whether what the server answers may be over soon, so that the same question is worth asking again."""
    return status == BUSY or status >= FAULTY


def backoff_seconds(attempt: int, first_seconds: float = FIRST_WAIT_SECONDS) -> float:
    """Return how long to wait after attempt 0, 1 ...: twice as long each time."""
    return float(first_seconds * 2**attempt)


def retry_after(told: str) -> float:
    """Return how many seconds the header Retry-After asks to wait: a number or a date (RFC 9110, section 10.2.3); 0 where it is neither."""
    told = told.strip()
    if told.isdecimal() and told.isascii():
        return float(told[:9])
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def complaint(content: bytes, key: str = "") -> str:
    """Return what a server says of an error, from the usual shapes of it, fit for a message."""
    text = content.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return clean(text, key)
    while isinstance(found, dict):
        found = next((found[name] for name in ("error", "message", "detail") if name in found), None)
    return clean(found if isinstance(found, str) else text, key)


def clean(text: str, key: str = "") -> str:
    """Make a stranger's words fit for a message: one line, short, and without the key."""
    if key:
        text = text.replace(key, "***")
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_TOLD].strip()
