"""Goes around every request: a correlation id, a limit on the body, answers that nobody stores (ST17).

And what every failure becomes: domain errors, refused bodies and the framework's own have one form.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sessionkeeper.errors import InvalidInputError, SessionKeeperError
from sessionkeeper.resilience.answers import ErrorResponse, answer, respond
from sessionkeeper.resilience.correlation import HEADER, correlation_scope


if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY: Final = 64 * 1024
"""Bytes of the largest body that is read."""

_DIGITS: Final = 9
_HEADER: Final = HEADER.lower().encode()
_OURS: Final = frozenset({b"cache-control", _HEADER})


def as_json(found: ErrorResponse) -> JSONResponse:
    """An answer as the framework sends it."""
    return JSONResponse(found.body(), status_code=found.status, headers=dict(found.headers))


class Envelope:
    """ASGI middleware; see the module.

    Args:
        app: what it goes around.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        with correlation_scope(headers.get(_HEADER, b"").decode("latin-1")) as correlation:
            sender = _Sender(send, correlation)
            refusal = _too_long(headers)
            if refusal is not None:
                await as_json(refusal)(scope, receive, sender)
                return
            try:
                await self._app(scope, receive, sender)
            except Exception as error:
                found = respond(error)
                if sender.started:
                    raise
                await as_json(found)(scope, receive, sender)


class _Sender:
    """Sends, with our headers in place of any others of these names."""

    def __init__(self, send: Send, correlation: str) -> None:
        self._send = send
        self._ours = [(b"cache-control", b"no-store"), (_HEADER, correlation.encode())]
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            kept = [(name, value) for name, value in message["headers"] if name.lower() not in _OURS]
            message = {**message, "headers": [*kept, *self._ours]}
        await self._send(message)


def _too_long(headers: dict[bytes, bytes]) -> ErrorResponse | None:
    if b"transfer-encoding" in headers:
        return answer(HTTPStatus.LENGTH_REQUIRED, "length_required", "Say how long the body is.")
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > _DIGITS or int(length) > LONGEST_BODY:
        return answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "The body is too large.")
    return None


def translate_errors(app: FastAPI) -> None:
    """Give domain errors and refused bodies answers of one form (S2.B5)."""

    async def domain(_request: Request, error: Exception) -> JSONResponse:
        return as_json(respond(error))

    async def refused(_request: Request, error: Exception) -> JSONResponse:
        # A refused body is 400 and not the framework's 422 (K2.04). No value that was sent is repeated.
        problems = error.errors() if isinstance(error, RequestValidationError) else []
        told = "; ".join(f"{'.'.join(map(str, one['loc']))[:80]}: {one['msg'][:200]}" for one in problems[:5])
        sentence = told.encode("ascii", "replace").decode() or "Invalid body."
        return as_json(respond(InvalidInputError(sentence)))

    async def framework(_request: Request, error: Exception) -> JSONResponse:
        status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
        found = as_json(answer(status, status.phrase.lower().replace(" ", "_"), f"{status.phrase}."))
        found.headers.update(getattr(error, "headers", None) or {})
        return found

    app.add_exception_handler(SessionKeeperError, domain)
    app.add_exception_handler(RequestValidationError, refused)
    app.add_exception_handler(HTTPException, framework)


def describe_refusals_as_400(app: FastAPI) -> None:
    """Take the framework's 422 out of the OpenAPI document: it is never answered."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
