"""Faults of DynamoDB, answered in the service's stead on the wire.

So that the SDK does all that it would do.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.faults.fault import Fault, Point


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planproof.race.faults.injector import Injector


_SERVICE = "com.amazonaws.dynamodb.v20120810#"

CANCELLATION_REASONS = (
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ItemCollectionSizeLimitExceeded",
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "ValidationError",
)
"""Every code that a cancelled transaction can give for an action (botocore's service model of 2012-08-10)."""


def answer(point: Point, status: int, body: Mapping[str, Any]) -> Any:
    """A response as botocore would get it from the wire."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    content = json.dumps(body).encode()
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "content-length": str(len(content)),
        "x-amz-crc32": str(zlib.crc32(content)),
    }
    kept = HTTPHeaders()
    for name, value in headers.items():
        kept[name] = value
    response: Any = AWSResponse(point.request.url, status, kept, None)
    response._content = content  # noqa: SLF001 - where the class keeps what it has read
    return response


def refusal(point: Point, status: int, code: str, message: str, **more: Any) -> Any:
    """An error response."""
    return answer(point, status, {"__type": f"{_SERVICE}{code}", "message": message, **more})


@dataclass(frozen=True, kw_only=True)
class _AtRequest(Fault):
    """Strikes at a request.

    Attributes:
        operation: the API operation; empty for any.
    """

    operation: str = ""
    store: ClassVar[str] = "dynamodb"

    def matches(self, point: Point) -> bool:
        """A request of that kind."""
        return super().matches(point) and self.operation in {"", point.operation}


@dataclass(frozen=True, kw_only=True)
class Answer(_AtRequest):
    """Any error: 500 and InternalServerError unless told otherwise.

    Attributes:
        status: of HTTP.
        code: the error's name.
    """

    status: int = 500
    code: str = "InternalServerError"

    @property
    def name(self) -> str:
        """With the error's name."""
        return f"Answer {self.code}"

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Answer without asking the service."""
        del proceed, injector
        return refusal(point, self.status, self.code, "injected")


@dataclass(frozen=True, kw_only=True)
class Throttled(Answer):
    """The table's throughput is used up; the SDK tries again by itself."""

    status: int = 400
    code: str = "ProvisionedThroughputExceededException"


@dataclass(frozen=True, kw_only=True)
class TransactionConflict(Answer):
    """A single write meets a running transaction; the SDK does not try again."""

    status: int = 400
    code: str = "TransactionConflictException"


@dataclass(frozen=True, kw_only=True)
class TransactionCanceled(_AtRequest):
    """A transaction is cancelled, with the reason at one of its actions.

    Attributes:
        reason: one of :data:`CANCELLATION_REASONS`.
        action: index of the action that it is given for; the others carry the word "None".
    """

    operation: str = "TransactWriteItems"
    reason: str = "TransactionConflict"
    action: int = 0

    @property
    def name(self) -> str:
        """With the reason."""
        return f"TransactionCanceled {self.reason}"

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Answer without asking the service."""
        del proceed, injector
        actions = max(1, len(point.body.get("TransactItems", [])))
        at = min(self.action, actions - 1)
        reasons = [
            {"Code": self.reason, "Message": "injected"} if index == at else {"Code": "None"}
            for index in range(actions)
        ]
        codes = ", ".join(each["Code"] for each in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        return refusal(
            point, 400, "TransactionCanceledException", message, Message=message, CancellationReasons=reasons
        )


@dataclass(frozen=True, kw_only=True)
class LostResponse(_AtRequest):
    """The service does it, and the reply is lost; the SDK sends it again by itself."""

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Send it, throw the reply away."""
        del injector
        from botocore.exceptions import ReadTimeoutError

        proceed()
        raise ReadTimeoutError(endpoint_url=point.request.url)


@dataclass(frozen=True, kw_only=True)
class UnprocessedItems(_AtRequest):
    """A batch write is answered, and none of it was done: all comes back unprocessed."""

    operation: str = "BatchWriteItem"

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Answer without asking the service."""
        del proceed, injector
        return answer(point, 200, {"UnprocessedItems": point.body.get("RequestItems", {})})


@dataclass(frozen=True, kw_only=True)
class StaleIndex(_AtRequest):
    """A query of an index does not see yet what was written: indexes are eventually consistent."""

    operation: str = "Query"

    def matches(self, point: Point) -> bool:
        """A query that names an index."""
        return super().matches(point) and "IndexName" in point.body

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Answer from before anything was written."""
        del proceed, injector
        return answer(point, 200, {"Items": [], "Count": 0, "ScannedCount": 0})
