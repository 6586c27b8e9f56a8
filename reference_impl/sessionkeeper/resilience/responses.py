"""Failures of the two stores as HTTP answers (requirement rows S3.T010, S3.T011).

| failure | status | Retry-After |
|---|---|---|
| a condition does not hold, a duplicate, a limit reached | 409 | no |
| the store throttles, a caller spent its tokens | 429 | yes |
| the store fails, conflicts, or does not answer; a lost race for a session slot | 503 | yes |
| an item or object that is not there | 404 | no |
| a request that can never be taken | 400 | no |
| anything else | 500 | no |

"""

from __future__ import annotations

import logging
from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError

from sessionkeeper.data_access.transient import error_code, translate
from sessionkeeper.resilience.answers import ErrorResponse, answer, respond
from sessionkeeper.resilience.correlation import current_correlation_id
from sessionkeeper.resilience.retry import S3_THROTTLES, is_transient_s3_error


LOGGER = logging.getLogger(__name__)

_S3_MISSING = frozenset({"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "404"})
_S3_CONFLICTS = frozenset({"ConditionalRequestConflict", "PreconditionFailed", "412", "409"})
_S3_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "403"})


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
        return answer(HTTPStatus.TOO_MANY_REQUESTS, "store_throttled", None)
    if code in _S3_CONFLICTS:
        return answer(HTTPStatus.CONFLICT, "condition_failed", None)
    if code in _S3_MISSING:
        return answer(HTTPStatus.NOT_FOUND, "object_not_found", None)
    if code not in _S3_DENIED and is_transient_s3_error(error):
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", None)
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", None)
