"""What a failure is over HTTP: status, headers, body (requirement rows S3.T010, S3.T011).

| failure | status | Retry-After |
|---|---|---|
| a condition does not hold, a duplicate, a limit reached | 409 | no |
| the store throttles, a caller spent its tokens | 429 | yes |
| the store fails, conflicts, or does not answer; a lost race for a session slot | 503 | yes |
| an item or object that is not there | 404 | no |
| a request that can never be taken | 400 | no |
| anything else | 500 | no |

A body never carries what the store said: names of tables and accounts are nobody's business. The log has it,
under the same correlation id.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sessionkeeper.data_access.transient import error_code, translate
from sessionkeeper.errors import SessionKeeperError
from sessionkeeper.resilience.correlation import HEADER, current_correlation_id
from sessionkeeper.resilience.retry import S3_THROTTLES, is_transient_s3_error


if TYPE_CHECKING:
    from collections.abc import Mapping

LOGGER = logging.getLogger(__name__)

# A store that failed through all our own retries will hardly be back within a second.
STORE_RETRY_AFTER = 5

_S3_MISSING = frozenset({"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "404"})
_S3_CONFLICTS = frozenset({"ConditionalRequestConflict", "PreconditionFailed", "412", "409"})
_S3_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "403"})
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
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", None)
    status = HTTPStatus(error.http_status)
    # Our own sentence is meant for callers unless it tells of the store.
    told = (
        str(error) if status < HTTPStatus.INTERNAL_SERVER_ERROR and not hasattr(error, "aws_code") else None
    )
    return _response(status, error.code, told, getattr(error, "retry_after", None))


def handle_dynamodb_error(error: BaseException) -> ErrorResponse:
    """The answer to a failure of DynamoDB, be it the SDK's error or the data layer's (S3.T010.2).

    Conditional check failed: 409. Throttled: 429. Unavailable, in conflict, no answer: 503.
    """
    if isinstance(error, ClientError | BotoCoreError):
        error = translate(error, "call")
    if getattr(error, "aws_code", ""):
        LOGGER.warning("store failure: %s; correlation id %s", error, current_correlation_id())
    return respond(error)


def handle_s3_error(error: BaseException) -> ErrorResponse:
    """The answer to a failure of S3 (S3.T010.3).

    A lost conditional write: 409. Throttled: 429. Unavailable or no answer: 503. No such object: 404. Access
    denied is our own misconfiguration, which waiting does not cure: 500.
    """
    code = error_code(error)
    if not isinstance(error, ClientError | BotoCoreError):
        return respond(error)
    LOGGER.warning("object store failure: %s; correlation id %s", error, current_correlation_id())
    if code in S3_THROTTLES:
        return _response(HTTPStatus.TOO_MANY_REQUESTS, "store_throttled", None)
    if code in _S3_CONFLICTS:
        return _response(HTTPStatus.CONFLICT, "condition_failed", None)
    if code in _S3_MISSING:
        return _response(HTTPStatus.NOT_FOUND, "object_not_found", None)
    if code not in _S3_DENIED and is_transient_s3_error(error):
        return _response(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", None)
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", None)


_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The request can not be taken.",
    HTTPStatus.NOT_FOUND: "There is no such thing here.",
    HTTPStatus.CONFLICT: "Something else stands there already, or has changed meanwhile.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; come back later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available now; come back later.",
}


def _response(status: HTTPStatus, code: str, message: str | None, wait: int | None = None) -> ErrorResponse:
    headers = {HEADER: current_correlation_id(), "Cache-Control": "no-store"}
    if status in _OPEN:
        headers["Retry-After"] = str(max(1, wait or STORE_RETRY_AFTER))
    return ErrorResponse(status, code, message or _SENTENCES.get(status, "Something failed here."), headers)
