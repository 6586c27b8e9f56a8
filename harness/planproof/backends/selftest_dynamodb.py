"""The self-test's promises in DynamoDB's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.backends import dynamodb
from planproof.backends.dynamodb import RefusedError


if TYPE_CHECKING:
    from collections.abc import Callable

    # One request: operation, payload -> answer; raises RefusedError.
    Call = Callable[[str, dict[str, Any]], Any]


CANCELLED = {
    "TransactionCanceledException",
    "TransactionConflictException",
    "ConditionalCheckFailedException",
}
TRIES = 50


def over_http(url: str) -> Call:
    """Requests to a server."""
    return lambda operation, payload: dynamodb.call(url, operation, payload)


def over_client(client: Any) -> Call:
    """Requests through a botocore client, for stores that live inside this process."""
    from botocore import xform_name
    from botocore.exceptions import ClientError

    def call(operation: str, payload: dict[str, Any]) -> Any:
        try:
            return getattr(client, xform_name(operation))(**payload)
        except ClientError as error:
            raise RefusedError(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error

    return call


class DynamoStore:
    """A table of our own. See :class:`planproof.backends.selftest.Store`.

    Args:
        call: how requests are sent.
        prefix: what the table's name begins with.
    """

    def __init__(self, call: Call, prefix: str) -> None:
        self._call = call
        self._table = f"{prefix}selftest"

    def prepare(self) -> None:
        """Create the table."""
        self._call(
            "CreateTable",
            {
                "TableName": self._table,
                "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )

    def client(self) -> DynamoClient:
        """A client for one thread; requests carry no state."""
        return DynamoClient(self._call, self._table)

    def clean(self) -> None:
        """Delete the table."""
        self._call("DeleteTable", {"TableName": self._table})


class DynamoClient:
    """One thread's requests. See :class:`planproof.backends.selftest.Client`."""

    def __init__(self, call: Call, table: str) -> None:
        self._call = call
        self._table = table

    def _on(self, key: str, **more: Any) -> dict[str, Any]:
        return {"TableName": self._table, "Key": {"k": {"S": key}}, **more}

    def _adding(self, key: str, **more: Any) -> dict[str, Any]:
        values = {":one": {"N": "1"}, **more.pop("values", {})}
        return self._on(
            key,
            UpdateExpression="ADD #n :one",
            ExpressionAttributeNames={"#n": "n"},
            ExpressionAttributeValues=values,
            **more,
        )

    def put_once(self, key: str, value: str) -> bool:
        """Write ``key`` if nobody has; whether we did."""
        item = {"k": {"S": key}, "v": {"S": value}}
        try:
            self._call(
                "PutItem",
                {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(k)"},
            )
        except RefusedError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def add(self, key: str) -> None:
        """Add one to ``key``."""
        self._call("UpdateItem", self._adding(key))

    def enter(self, room: str, name: str, limit: int) -> bool:
        """Count ``room`` up, if below ``limit``, and write ``name``: both or neither; whether it was done."""
        update = self._adding(
            room,
            values={":limit": {"N": str(limit)}},
            ConditionExpression="attribute_not_exists(#n) OR #n < :limit",
        )
        put = {"TableName": self._table, "Item": {"k": {"S": name}}}
        for _ in range(TRIES):
            try:
                self._call("TransactWriteItems", {"TransactItems": [{"Update": update}, {"Put": put}]})
            except RefusedError as error:
                if error.code not in CANCELLED:
                    raise
                if "ConditionalCheckFailed" in str(error):
                    return False
            else:
                return True
        return False

    def put(self, key: str) -> None:
        """Write ``key``, whatever is there."""
        self._call("PutItem", {"TableName": self._table, "Item": {"k": {"S": key}}})

    def add_under_token(self, key: str, token: str) -> None:
        """Add one to ``key`` unless ``token`` has been used."""
        request = {"TransactItems": [{"Update": self._adding(key)}], "ClientRequestToken": token}
        self._call("TransactWriteItems", request)

    def number(self, key: str) -> int:
        """The count at ``key``; 0 where there is none."""
        item = self._call("GetItem", self._on(key, ConsistentRead=True)).get("Item", {})
        return int(item.get("n", {"N": "0"})["N"])

    def keys(self, prefix: str) -> set[str]:
        """All keys that begin so."""
        found: set[str] = set()
        start: dict[str, Any] = {}
        while True:
            answer = self._call("Scan", {"TableName": self._table, "ConsistentRead": True, **start})
            found |= {item["k"]["S"] for item in answer["Items"] if item["k"]["S"].startswith(prefix)}
            if not answer.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def close(self) -> None:
        """Nothing is held."""
