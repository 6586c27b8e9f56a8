"""Which failures of the SDK pass by themselves, and after which of them a write may have been applied.

Source: requirement row S4.F.6, and the service model of botocore. Two facts matter most: a plain write that
meets a running transaction is refused with TransactionConflictException, which the SDK never repeats; and a
cancelled transaction tells one reason per action, in request order, ``"None"`` for a clean one.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    DynamoDBError,
    InvalidItemError,
    ItemNotFoundError,
    RetryableError,
    ThrottledError,
)
from sessionkeeper.data_access.items import from_wire


THROTTLES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# The store did not apply the write: it says so.
CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException"})
# The store may have applied the write before it failed, or may still be at it.
FAILURES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "TransactionInProgressException",
    }
)
_INVALID = frozenset({"SerializationException", "ValidationException"})
_SERVER_ERROR = 500


def error_code(error: BaseException) -> str:
    """The service's code of an error, or an empty string for one that never reached the service."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def cancellation_reasons(error: ClientError) -> tuple[str, ...]:
    """The reason of each action of a cancelled transaction, in request order; empty for other errors."""
    return tuple(str(reason.get("Code", "None")) for reason in _reasons(error))


def _reasons(error: ClientError) -> list[dict[str, Any]]:
    response: Any = error.response
    return list(response.get("CancellationReasons") or [])


def translate(error: ClientError | BotoCoreError, what: str) -> DynamoDBError:
    """The error of the data layer that says what an error of the SDK means.

    Args:
        error: what the SDK raised.
        what: the operation and the table, for the sentence.
    """
    if not isinstance(error, ClientError):
        return _connection(error, what)
    code = error_code(error)
    if code == "TransactionCanceledException":
        return _cancelled(error, what)
    if code == "ConditionalCheckFailedException":
        old: Any = error.response.get("Item")
        item = None if old is None else from_wire(old)
        return ConditionalCheckFailedError(f"{what}: the item is not in the state asked for.", item=item)
    return _transient(error, what, code) or _refused(error, what, code)


def _transient(error: ClientError, what: str, code: str) -> RetryableError | None:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    failure: RetryableError | None = None
    if code in THROTTLES:
        failure = ThrottledError(f"{what}: the store asks for fewer calls ({code}).", aws_code=code)
    elif code in CONFLICTS:
        failure = RetryableError(f"{what}: a transaction holds the item ({code}).", aws_code=code)
    elif code in FAILURES or status >= _SERVER_ERROR:
        sentence = f"{what}: the store failed ({code or status})."
        failure = RetryableError(sentence, aws_code=code, outcome_unknown=True)
    return failure


def _refused(error: ClientError, what: str, code: str) -> DynamoDBError:
    said = str(error.response.get("Error", {}).get("Message", "")).rstrip(".")
    if (
        code in {"ValidationException", "SerializationException"}
        or "exceeded the maximum allowed size" in said
    ):
        failure: DynamoDBError = InvalidItemError(
            f"{what}: the store can not take this: {said}.", aws_code=code
        )
    elif code == "ResourceNotFoundException":
        failure = DynamoDBError(f"{what}: the table does not stand.", aws_code=code)
    else:
        failure = DynamoDBError(f"{what}: the store refused ({code}): {said}.", aws_code=code)
    return failure


def _connection(error: BotoCoreError, what: str) -> DynamoDBError:
    sentence = f"{what}: no answer from the store ({type(error).__name__})."
    # A connection that was never made carried no write.
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return RetryableError(sentence)
    if isinstance(error, ConnectionClosedError | HTTPClientError):
        return RetryableError(sentence, outcome_unknown=True)
    return InvalidItemError(f"{what}: the request was refused before it was sent: {error}")


def _cancelled(error: ClientError, what: str) -> DynamoDBError:
    reasons = cancellation_reasons(error)
    told = set(reasons) - {"None"}
    if "ConditionalCheckFailed" in told:
        item = next((from_wire(reason["Item"]) for reason in _reasons(error) if reason.get("Item")), None)
        sentence = f"{what}: an item of the transaction is not in the state asked for."
        return ConditionalCheckFailedError(sentence, item=item, reasons=reasons)
    code = "TransactionCanceledException"
    if told and told <= THROTTLES:
        return ThrottledError(f"{what}: the store asks for fewer calls.", aws_code=code)
    if told and told <= THROTTLES | CONFLICTS:
        return RetryableError(f"{what}: another transaction holds an item.", aws_code=code)
    return InvalidItemError(
        f"{what}: the store cancelled the transaction: {', '.join(reasons)}.", aws_code=code
    )


def missing(what: str) -> ItemNotFoundError:
    """The error for an item that is not there."""
    return ItemNotFoundError(f"{what}: there is no such item.")
