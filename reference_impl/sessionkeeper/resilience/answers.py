"""A failure of this package as an HTTP answer; needs no SDK and no web framework (S3.T010, S3.T011).

A body never carries what a store said: names of tables and accounts are nobody's business. The log has it,
under the same correlation id.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from sessionkeeper.errors import SessionKeeperError
from sessionkeeper.resilience.correlation import HEADER, current_correlation_id


if TYPE_CHECKING:
    from collections.abc import Mapping

LOGGER = logging.getLogger(__name__)

# A store that failed through all our own retries will hardly be back within a second.
STORE_RETRY_AFTER = 5
# RFC 9110, 15.5.2: a 401 says what would be asked for. A scheme of our own, so that no browser asks itself.
CHALLENGE = "Session"
_OPEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An answer that any web framework can send.

    Attributes:
        status: HTTP status.
        code: stable name of the failure, for programs.
        message: one sentence, for people.
        headers: response headers; ``Retry-After`` in whole seconds where waiting helps.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The JSON body."""
        correlation = self.headers.get(HEADER, current_correlation_id())
        return {"error": {"code": self.code, "message": self.message, "correlation_id": correlation}}


def respond(error: BaseException) -> ErrorResponse:
    """The answer to any failure of this package; 500 for one that is not its own."""
    if not isinstance(error, SessionKeeperError):
        LOGGER.error("unexpected failure; correlation id %s", current_correlation_id(), exc_info=error)
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", None)
    status = HTTPStatus(error.http_status)
    # Our own sentence is meant for callers unless it tells of the store.
    told = (
        str(error) if status < HTTPStatus.INTERNAL_SERVER_ERROR and not hasattr(error, "aws_code") else None
    )
    return answer(status, error.code, told, getattr(error, "retry_after", None))


_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The request can not be taken.",
    HTTPStatus.NOT_FOUND: "There is no such thing here.",
    HTTPStatus.CONFLICT: "Something else stands there already, or has changed meanwhile.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; come back later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available now; come back later.",
}


def answer(status: HTTPStatus, code: str, message: str | None, wait: int | None = None) -> ErrorResponse:
    """An answer with the headers that every failure carries.

    Args:
        status: HTTP status.
        code: stable name of the failure.
        message: one sentence; None for the usual one of the status.
        wait: seconds for ``Retry-After``; only used with 429 and 503.
    """
    headers = {HEADER: current_correlation_id(), "Cache-Control": "no-store"}
    if status in _OPEN:
        headers["Retry-After"] = str(max(1, wait or STORE_RETRY_AFTER))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGE
    return ErrorResponse(status, code, message or _SENTENCES.get(status, "Something failed here."), headers)
