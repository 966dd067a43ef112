"""Errors in the form that OpenAI's clients read, and which exception becomes which of them.

Every code is explained in docs/reference/http.md; a test holds the page against `CODES`.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from kubestill.ground.errors import Unavailable, UserError
from kubestill.serving.api import Refused
from kubestill.tools.engines.api import EngineFault, Stopped, TooLong

MAX_MESSAGE = 1000  # characters: messages repeat what strangers wrote
CODE = "code"  # in a request's state: of the error that ended it
GONE = 499  # nginx's number for a client that left; nobody reads it but the log

# code -> (HTTP status, OpenAI's type of error)
CODES: Mapping[str, tuple[int, str]] = {
    "invalid_request": (400, "invalid_request_error"),
    "unsupported": (400, "invalid_request_error"),
    "context_length_exceeded": (400, "invalid_request_error"),
    "invalid_api_key": (401, "authentication_error"),
    "wrong_host": (403, "permission_error"),
    "not_found": (404, "invalid_request_error"),
    "model_not_found": (404, "invalid_request_error"),
    "method_not_allowed": (405, "invalid_request_error"),
    "body_timeout": (408, "invalid_request_error"),
    "body_too_large": (413, "invalid_request_error"),
    "answer_refused": (422, "invalid_request_error"),
    "rate_limit_exceeded": (429, "rate_limit_error"),
    "queue_full": (429, "rate_limit_error"),
    "client_gone": (GONE, "invalid_request_error"),
    "server_error": (500, "server_error"),
    "engine_error": (502, "server_error"),
    "engine_unavailable": (503, "server_error"),
    "overloaded": (503, "server_error"),
    "draining": (503, "server_error"),
    "timeout": (504, "server_error"),
}
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class ErrorDetail(BaseModel):
    """What went wrong; `code` is one of the documented ones, `param` the field of the request."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    kubestill: dict[str, Any] | None = None


class ErrorBody(BaseModel):
    """OpenAI's body of an error."""

    error: ErrorDetail


class ApiError(Exception):
    """An error on its way to the client; `wait_seconds`: when it is worth asking again; `told` goes into its extension."""

    def __init__(
        self, code: str, message: str, param: str | None = None, wait_seconds: float = 0.0, told: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.param, self.wait_seconds, self.told = code, param, wait_seconds, told
        self.status, self.type = CODES[code]

    def body(self) -> dict[str, Any]:
        """Return the JSON form."""
        message = str(self).encode("utf-8", "replace").decode()[:MAX_MESSAGE]
        detail: dict[str, Any] = {"message": message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": detail | ({"kubestill": dict(self.told)} if self.told else {})}

    def headers(self) -> dict[str, str]:
        """Return Retry-After where asking again helps, and the scheme where a key is missing."""
        if self.status == 401:
            return {"www-authenticate": "Bearer"}
        return {"retry-after": str(max(1, ceil(self.wait_seconds)))} if self.status in (429, 503) else {}

    def response(self, **headers: str) -> JSONResponse:
        """Return the response."""
        return JSONResponse(self.body(), self.status, self.headers() | headers)


def as_api_error(error: BaseException) -> ApiError | None:
    """Return what a client is told of an exception of the service; None: it is none that anybody foresaw."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Refused):
        return ApiError("answer_refused", str(error), told={"answer": error.answer.reply.text, **error.answer.record()})
    if isinstance(error, TooLong):
        return ApiError("context_length_exceeded", str(error), "messages")
    if isinstance(error, UserError):
        return ApiError("engine_error" if isinstance(error, EngineFault) else "invalid_request", str(error))
    if isinstance(error, Unavailable):
        return ApiError("engine_unavailable", str(error), wait_seconds=5)
    if isinstance(error, TimeoutError):
        return ApiError("timeout", "the answer was not whole in time; ask for less, or raise --timeout")
    return ApiError("client_gone", "the client left") if isinstance(error, Stopped) else None


def handle_errors(app: FastAPI) -> None:
    """Let every error leave the app in OpenAI's form."""

    def told(request: Request, error: ApiError) -> JSONResponse:
        request.scope["state"][CODE] = error.code
        return error.response()

    async def foreseen(request: Request, error: Exception) -> JSONResponse:
        return told(request, as_api_error(error) or unforeseen())

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return told(request, _first(error.errors()))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _BY_STATUS.get(error.status_code, "invalid_request")
        detail = str(error.detail)
        if error.status_code in (404, 405) and detail in ("Not Found", "Method Not Allowed"):
            detail = f"{request.method} {request.url.path} is nothing that this server answers; see /openapi.json"
        response = told(request, ApiError(code, detail))
        response.status_code = error.status_code
        response.headers.update(error.headers or {})
        return response

    async def fault(request: Request, _: Exception) -> JSONResponse:
        return told(request, unforeseen())

    for kind in (ApiError, UserError, Unavailable, TimeoutError, Stopped):
        app.add_exception_handler(kind, foreseen)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, fault)


def unforeseen() -> ApiError:
    """Return what a client is told of a fault of ours."""
    return ApiError("server_error", "an error that nobody foresaw; the server's log tells more under this x-request-id")


def _first(errors: Any) -> ApiError:
    """Return the first of pydantic's errors as OpenAI tells it: in words, with the field as `param`."""
    first = errors[0]
    place = [str(part) for part in first["loc"][1:]] if first["loc"][:1] == ("body",) else [str(part) for part in first["loc"]]
    if first["type"] == "json_invalid":
        return ApiError("invalid_request", f"the body is no JSON: {first.get('ctx', {}).get('error', '')} at character {place[0]}")
    if not place:
        return ApiError("invalid_request", "the body must be a JSON object, with the header content-type: application/json")
    name = ".".join(place)
    return ApiError("invalid_request", f"{name}: {first['msg']}", name)
