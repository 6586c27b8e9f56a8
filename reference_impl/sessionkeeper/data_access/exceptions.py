"""What the data layer refuses, each kind an error of its own (requirement rows S4.EX.1 to S4.EX.4).

The document lists four; the others are kinds of these that a caller has to tell apart. Nothing here needs
an SDK, so that whoever maps errors to HTTP can import them for free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DynamoDBError(SessionKeeperError):
    """The store refused or failed; base of every error of the data layer (S4.EX.1).

    Args:
        message: one clear sentence.
        aws_code: the error code of the service, such as ``ValidationException``; empty if there was none.
    """

    code = "dynamodb_error"
    http_status = 500

    def __init__(self, message: str, *, aws_code: str = "") -> None:
        super().__init__(message)
        self.aws_code = aws_code


class ItemNotFoundError(DynamoDBError):
    """There is no such item, or it has expired (S4.EX.2)."""

    code = "item_not_found"
    http_status = 404


class ConditionalCheckFailedError(DynamoDBError):
    """The item is not in the state that the write asked for (S4.EX.3).

    Args:
        message: one clear sentence.
        item: the item as it stood then, or None if there was none or the service did not tell.
        reasons: for a transaction, one code per action in request order; ``"None"`` marks a clean one.
    """

    code = "condition_failed"
    http_status = 409

    def __init__(
        self, message: str, *, item: Mapping[str, Any] | None = None, reasons: Sequence[str] = ()
    ) -> None:
        super().__init__(message, aws_code="ConditionalCheckFailedException")
        self.item = item
        self.reasons = tuple(reasons)


class RetryableError(DynamoDBError):
    """The store could not serve the call now; the same call may succeed later (S4.EX.4).

    Args:
        message: one clear sentence.
        aws_code: the error code of the service; empty for a broken connection.
        outcome_unknown: True where the write may have been applied although no answer came.
        unprocessed: for a batch, the keys or items that were never taken.
    """

    code = "store_retryable"
    http_status = 503
    retriable = True

    def __init__(
        self,
        message: str,
        *,
        aws_code: str = "",
        outcome_unknown: bool = False,
        unprocessed: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message, aws_code=aws_code)
        self.outcome_unknown = outcome_unknown
        self.unprocessed = tuple(unprocessed)


class ThrottledError(RetryableError):
    """The store asks for fewer calls (S4.F.6)."""

    code = "store_throttled"
    http_status = 429


class InvalidItemError(DynamoDBError):
    """An item, a key or a request that the store can never take: wrong type, too large, empty key."""

    code = "invalid_item"
    http_status = 400


class RateLimitExceededError(DynamoDBError):
    """A caller spent its tokens (S4.RL.1; the document names no error for it, see K4.18).

    Args:
        message: one clear sentence.
        retry_after: whole seconds until one more call would be allowed, at least 1.
    """

    code = "rate_limit_exceeded"
    http_status = 429
    retriable = True

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
