"""The first to see a request: its id, its key, its body up to a limit and within a time; and the last to see its response.

It is written against ASGI itself, since a middleware of the framework would read bodies whole before it could refuse them.
"""

import asyncio
import hmac
import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubestill.serving.http.errors import CODE, ApiError
from kubestill.serving.http.reception import CALLER, HEADERS, ID, KEY, LOG, Reception
from kubestill.serving.http.settings import LOOPBACK_NAMES

OPEN = frozenset(("/health", "/ready", "/metrics", "/", "/favicon.ico"))  # need no key: probes, Prometheus, the page's own files
OPEN_FOLDER = "/page/static/"
BODILESS = frozenset(("GET", "HEAD", "OPTIONS"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))  # any other is no label, either
ANSWERED = frozenset(("/v1/chat/completions", "/v1/completions", "/v1/responses"))
UNMATCHED = "none"  # the route of what is no route: paths are strangers and make no labels
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Door:
    """Middleware around the whole app."""

    def __init__(self, app: ASGIApp, reception: Reception) -> None:
        self.app, self.reception = app, reception
        self._keys = [sha256(key.encode()).digest() for key in reception.settings.keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer what keeps it out."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers, begun = Headers(scope=scope), time.monotonic()
        given = headers.get("x-request-id", "")
        name = given if _ID.fullmatch(given) else uuid4().hex
        kept: dict[str, str] = {"x-request-id": name, "x-content-type-options": "nosniff"}
        scope.setdefault("state", {}).update({ID: name, HEADERS: kept, KEY: 0})
        seen = {"status": 0, "read": 0}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                found = MutableHeaders(scope=message)
                for key, value in kept.items():
                    found[key] = value
                found.setdefault("cache-control", "no-store")
                if seen["read"] and scope["path"] in ANSWERED and self.reception.crowded:
                    found["connection"] = "close"  # workers take connections as they come: kept ones would stay where they are many
            await send(message)

        try:
            self._know(scope, headers)
            CALLER.set(scope["state"][KEY])
            receive = await self._body(scope["method"], headers, receive)
            seen["read"] = 1  # before, a connection that closes would cut the client that still sends
            if scope["path"] in ANSWERED:
                self.reception.gate.look()  # before anything is parsed: under overload most of the work would be refusals
        except ApiError as error:
            scope["state"][CODE] = error.code
            await error.response(**({"connection": "close"} if error.status in (408, 413) else {}))(scope, receive, sending)
        except ConnectionResetError:  # nobody is there to be answered
            return None
        else:
            await self.app(scope, receive, sending)
        finally:
            self._note(scope, seen["status"], time.monotonic() - begun)

    def _know(self, scope: Scope, headers: Headers) -> None:
        """Find out whose request it is.

        Raises:
            ApiError: it brings no key that is known, or comes from a page that reached for this machine.
        """
        settings = self.reception.settings
        if not self._keys:
            host = _host(headers.get("host", ""))
            if host not in (*LOOPBACK_NAMES, settings.host.lower(), *map(str.lower, settings.hosts)):
                raise ApiError("wrong_host", f"the host {host[:100]!r} is not this one; --allow-host lets it in")
            return
        if scope["path"] in OPEN or scope["path"].startswith(OPEN_FOLDER):
            return
        kind, _, key = headers.get("authorization", "").partition(" ")
        number = self._number(key.strip()) if kind.lower() == "bearer" else 0
        if not number:
            told = "this API key is not known" if key else "no API key; send the header Authorization: Bearer KEY"
            raise ApiError("invalid_api_key", told)
        scope["state"][KEY] = number

    def _number(self, key: str) -> int:
        """Return which key it is, counted from 1, 0 for none; it takes as long for any, so that its time tells nothing."""
        given, found = sha256(key.encode("utf-8", "surrogateescape")).digest(), 0
        for number, known in enumerate(self._keys, 1):
            found = number if hmac.compare_digest(given, known) else found
        return found

    async def _body(self, method: str, headers: Headers, receive: Receive) -> Receive:
        """Read the body, and return what gives it again.

        Raises:
            ApiError: it is too large, too slow, or holds what becomes text that cannot be written again.
            ConnectionResetError: the client left.
        """
        if method in BODILESS:
            return receive
        settings, told = self.reception.settings, headers.get("content-length", "")
        if told.isdecimal() and int(told[:19]) > settings.max_body_bytes:
            raise ApiError("body_too_large", f"the body has {told[:19]} bytes, at most {settings.max_body_bytes:,} are read")
        body = bytearray()
        try:
            async with asyncio.timeout(settings.body_timeout_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ConnectionResetError
                    body += message.get("body", b"")
                    if len(body) > settings.max_body_bytes:
                        raise ApiError("body_too_large", f"the body is larger than {settings.max_body_bytes:,} bytes")
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise ApiError("body_timeout", f"the body was not whole after {settings.body_timeout_seconds:g} s") from None
        _readable(body)
        return _again(bytes(body), receive)

    def _note(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self.reception.meters.requests.labels(scope["method"] if scope["method"] in METHODS else "OTHER", route, str(status)).inc()
        code = scope["state"].get(CODE, "")
        if code:
            self.reception.meters.errors.labels(code).inc()
        LOG.info("%s %s %d %.3fs %s %s", scope["method"], route, status, seconds, scope["state"][ID], code)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read, and after it whatever comes."""
    told = False

    async def receiving() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


def _readable(body: bytes | bytearray) -> None:
    """Refuse what becomes text that nobody can write again: Python's JSON reads halves of surrogate pairs, escaped or as bytes.

    Raises:
        ApiError: with the reason.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise ApiError("invalid_request", f"the body is no UTF-8: {error.reason} at byte {error.start}") from None
    if _SURROGATE.search(body) and _half(body):
        raise ApiError("invalid_request", "the body holds half of a surrogate pair, which is no character")


def _half(body: bytes | bytearray) -> bool:
    """Say whether a JSON text escapes half of a surrogate pair: Python reads it, and nothing can encode what it has read."""
    open_at = -1
    for found in _ESCAPE.finditer(body):
        code = int(found[1], 16) if found[1] else 0
        if 0xDC00 <= code <= 0xDFFF:
            if open_at != found.start():
                return True
            open_at = -1
        elif open_at >= 0:
            return True
        else:
            open_at = found.end() if 0xD800 <= code <= 0xDBFF else -1
    return open_at >= 0


def _host(header: str) -> str:
    """Return the name in a Host header, without a port."""
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return header
    return f"[{name}]" if ":" in name else name
