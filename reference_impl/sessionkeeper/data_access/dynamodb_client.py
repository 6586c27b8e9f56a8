"""The client of the data layer: every call aliased, conditional where it must be, retried by one policy.

Source: requirement rows S4.DC.1 to S4.DC.12. What it promises beyond the rows:

* Names never collide with the store's reserved words (``count``, ``ttl``, ``role`` are some): every
  expression is built with placeholders.
* A touch never creates: ``update_item`` and both counters ask for the item to exist.
* One retry policy: a low-level client that also retries is refused, because attempts would multiply.
* A write whose outcome is unknown is repeated only where a second application changes nothing.
"""

from __future__ import annotations

import hashlib
import random
import time
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import BotoCoreError, ClientError

from sessionkeeper.data_access.backoff import Backoff, Chance
from sessionkeeper.data_access.connection import single_attempt
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    InvalidItemError,
    RetryableError,
    ThrottledError,
)
from sessionkeeper.data_access.expressions import Expression
from sessionkeeper.data_access.items import Item, from_wire, to_wire
from sessionkeeper.data_access.retrying import Retrying
from sessionkeeper.data_access.tables import TableDefinition, physical_name
from sessionkeeper.data_access.transient import missing, translate


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient as LowLevelClient

T = TypeVar("T")

# The store takes no more puts and deletes in one BatchWriteItem.
BATCH_SIZE = 25
_TOKEN_LENGTH = 36


class DynamoDBClient:
    """Reads, writes, counters and batches on the tables of one account (S4.DC.*).

    Safe to share between threads. Every method raises one of the errors in
    :mod:`sessionkeeper.data_access.exceptions`; ``RetryableError`` only after the policy gave up.

    Args:
        client: a low-level client that does not retry by itself; ``connection.connect`` makes one.
        prefix: goes before every table name.
        backoff: how often to retry and how long to wait; 1 s, 2 s, 4 s and jitter unless said (S4.F.4).
        sleep: waits so many seconds.
        chance: where jitter comes from.

    Raises:
        ValueError: the low-level client retries by itself.
    """

    def __init__(
        self,
        client: LowLevelClient,
        *,
        prefix: str = "",
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Chance | None = None,
    ) -> None:
        single_attempt(client)
        self._client = client
        self._prefix = prefix
        self._retrying = Retrying(backoff or Backoff(), sleep, chance or random.SystemRandom())

    def table_name(self, table: TableDefinition) -> str:
        """The name of a table on the server."""
        return physical_name(table, self._prefix)

    # Retry -------------------------------------------------------------------------------------------

    def retry_with_backoff(self, call: Callable[[], T], *, repeatable: bool = True, what: str = "call") -> T:
        """Make a call, and again after 1 s, 2 s and 4 s (each with jitter) while the failure is transient.

        Errors of the SDK and :class:`RetryableError` are both understood, so it works around a bare client
        as well as around the methods of this one (S4.DC.12).

        Args:
            call: makes one attempt.
            repeatable: False where a second application would change something; then only failures that
                prove that nothing was applied are retried.
            what: operation and table, for the log and the error.

        Raises:
            RetryableError: still failing after the last attempt, or outcome unknown and not repeatable.
            DynamoDBError: any failure that waiting does not cure, at once.
        """
        return self._retrying.call(call, repeatable=repeatable, what=what)

    def _send(self, operation: str, table: str, *, repeatable: bool = True, **request: Any) -> dict[str, Any]:
        method = getattr(self._client, operation)
        what = f"{operation} on {table}" if table else operation
        answer: dict[str, Any] = self.retry_with_backoff(
            lambda: method(**request), repeatable=repeatable, what=what
        )
        return answer

    # Single items ------------------------------------------------------------------------------------

    def get_item(
        self, table: TableDefinition, key: Mapping[str, Any], *, consistent: bool = True
    ) -> Item | None:
        """The item under a key, or None (S4.DC.7).

        Args:
            table: which table.
            key: its key attributes.
            consistent: False reads at half the price and may miss the last second's writes.
        """
        name = self.table_name(table)
        answer = self._send("get_item", name, TableName=name, Key=to_wire(key), ConsistentRead=consistent)
        return from_wire(answer["Item"]) if "Item" in answer else None

    def put_item(
        self,
        table: TableDefinition,
        item: Mapping[str, Any],
        *,
        condition: ConditionBase | None = None,
        repeatable: bool = True,
    ) -> None:
        """Store an item whole (S4.DC.7).

        A conditional put whose first answer was lost would refuse its own item when repeated; the item
        that stands is compared, and one that equals ours counts as stored.

        Args:
            table: which table.
            item: the item, keys included.
            condition: what must hold of the item that stands there.
            repeatable: False where another caller may store an equal item; then a lost answer raises
                ``RetryableError`` with ``outcome_unknown``.

        Raises:
            ConditionalCheckFailedError: the condition does not hold; its ``item`` is what stands there.
            InvalidItemError: wrong types, an empty key, or more than 400 KB.
        """
        name = self.table_name(table)
        wire = to_wire(item)
        request: dict[str, Any] = {"TableName": name, "Item": wire, **_asking(condition)}
        lost = False

        def attempt() -> None:
            nonlocal lost
            try:
                self._client.put_item(**request)
            except (ClientError, BotoCoreError) as error:
                failure = translate(error, f"put_item on {name}")
                lost = lost or (isinstance(failure, RetryableError) and failure.outcome_unknown)
                own = isinstance(failure, ConditionalCheckFailedError) and failure.item == from_wire(wire)
                if not (lost and own):
                    raise failure from error

        self.retry_with_backoff(attempt, repeatable=repeatable, what=f"put_item on {name}")

    def update_item(
        self,
        table: TableDefinition,
        key: Mapping[str, Any],
        changes: Mapping[str, Any],
        *,
        remove: Iterable[str] = (),
        condition: ConditionBase | None = None,
        repeatable: bool | None = None,
    ) -> Item:
        """Change attributes of an item that exists; never creates one (S4.DC.3, S4.DC.7).

        Args:
            table: which table.
            key: its key attributes.
            changes: attribute and new value.
            remove: attributes to take away.
            condition: what must hold besides existence.
            repeatable: whether a change whose outcome is unknown is made again; unless said, only one without
                a condition is. Say True where the condition holds after the change as well.

        Returns:
            The item as it stands now.

        Raises:
            ItemNotFoundError: no such item.
            ConditionalCheckFailedError: the condition does not hold.
            InvalidItemError: nothing to change, or a value that can not be stored.
        """
        expression = Expression()
        sets = [f"{expression.name(name)} = {expression.value(value)}" for name, value in changes.items()]
        drops = [expression.name(name) for name in remove]
        parts = [f"SET {', '.join(sets)}"] if sets else []
        parts += [f"REMOVE {', '.join(drops)}"] if drops else []
        if not parts:
            raise InvalidItemError("an update must change something")
        harmless = condition is None if repeatable is None else repeatable
        return self._touch(table, key, " ".join(parts), expression, condition, repeatable=harmless)

    def _touch(
        self,
        table: TableDefinition,
        key: Mapping[str, Any],
        update: str,
        expression: Expression,
        condition: ConditionBase | None,
        *,
        repeatable: bool,
    ) -> Item:
        """Send an update that asks for the item to exist: without that, an update creates."""
        name = self.table_name(table)
        exists: ConditionBase = Attr(table.partition_key).exists()
        text = expression.condition(exists if condition is None else exists & condition)
        try:
            answer = self._send(
                "update_item",
                name,
                repeatable=repeatable,
                TableName=name,
                Key=to_wire(key),
                UpdateExpression=update,
                ConditionExpression=text,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **expression.arguments(),
            )
        except ConditionalCheckFailedError as error:
            if error.item is None:
                raise missing(f"update_item on {name}") from error
            raise
        return from_wire(answer["Attributes"])

    def delete_item(
        self, table: TableDefinition, key: Mapping[str, Any], *, condition: ConditionBase | None = None
    ) -> Item | None:
        """Remove an item and return it, or None if there was none (S4.DC.7).

        Removing twice is harmless; after a lost answer the item may be gone and None be returned.

        Raises:
            ConditionalCheckFailedError: the condition does not hold.
        """
        name = self.table_name(table)
        answer = self._send(
            "delete_item",
            name,
            repeatable=condition is None,
            TableName=name,
            Key=to_wire(key),
            ReturnValues="ALL_OLD",
            **_asking(condition),
        )
        return from_wire(answer["Attributes"]) if "Attributes" in answer else None

    # Queries -----------------------------------------------------------------------------------------

    def query(
        self,
        table: TableDefinition,
        partition: object,
        *,
        sort: object = None,
        index: str | None = None,
        matching: ConditionBase | None = None,
        consistent: bool = False,
    ) -> list[Item]:
        """Every item of a partition, all pages of it (S4.DC.8).

        Args:
            table: which table.
            partition: value of the partition key of the table, or of the index if one is named.
            sort: value of the sort key; None for all.
            index: name of a global secondary index of the table.
            matching: keeps only items for which it holds.
            consistent: see every write that was acknowledged before; impossible on an index.

        Raises:
            InvalidItemError: no such index, no sort key, or a consistent read of an index.
        """
        return list(
            self.query_pages(
                table, partition, sort=sort, index=index, matching=matching, consistent=consistent
            )
        )

    def query_pages(
        self,
        table: TableDefinition,
        partition: object,
        *,
        sort: object = None,
        index: str | None = None,
        matching: ConditionBase | None = None,
        consistent: bool = False,
        page_size: int | None = None,
    ) -> Iterator[Item]:
        """As :meth:`query`, one item after the other; ``page_size`` items are asked for at once."""
        if index is not None and consistent:
            raise InvalidItemError("an index can not be read consistently: read the table")
        partition_key, sort_key = table.query_keys(index)
        condition: ConditionBase = Key(partition_key).eq(partition)
        if sort is not None:
            if sort_key is None:
                raise InvalidItemError(f"table {table.name} has no sort key")
            condition &= Key(sort_key).eq(sort)
        expression = Expression()
        name = self.table_name(table)
        request: dict[str, Any] = {
            "TableName": name,
            "KeyConditionExpression": expression.condition(condition, is_key=True),
            "ConsistentRead": consistent,
        }
        if matching is not None:
            request["FilterExpression"] = expression.condition(matching)
        if index is not None:
            request["IndexName"] = index
        if page_size is not None:
            request["Limit"] = page_size
        yield from self._pages("query", name, request | expression.arguments())

    def scan(self, table: TableDefinition, matching: ConditionBase) -> Iterator[Item]:
        """Every item of a table for which a condition holds, read consistently.

        It reads the whole table: the price of an answer that no index gives.
        """
        expression = Expression()
        name = self.table_name(table)
        request = {
            "TableName": name,
            "FilterExpression": expression.condition(matching),
            "ConsistentRead": True,
        }
        yield from self._pages("scan", name, request | expression.arguments())

    def _pages(self, operation: str, name: str, request: dict[str, Any]) -> Iterator[Item]:
        while True:
            answer = self._send(operation, name, **request)
            yield from (from_wire(item) for item in answer.get("Items", []))
            # A page may be empty and still have a successor: the filter works after the page was cut.
            if not answer.get("LastEvaluatedKey"):
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    # Counters ----------------------------------------------------------------------------------------

    def atomic_increment(
        self,
        table: TableDefinition,
        key: Mapping[str, Any],
        attribute: str,
        amount: int = 1,
        *,
        condition: ConditionBase | None = None,
        request_id: str | None = None,
    ) -> int:
        """Add to a number of an existing item by one ADD (S4.DC.2, S4.DC.9); returns the new number.

        Args:
            table: which table.
            key: its key attributes.
            attribute: the number; a missing one counts as 0.
            amount: how much to add, at least 1.
            condition: what must hold besides existence; for one request id always the same, or the store
                takes the repetition for another transaction.
            request_id: names this increment. Given, the call may be repeated for ten minutes, by the
                policy or by the caller, and counts once; the number returned may then include later
                increments. Not given, a lost answer raises ``RetryableError`` with ``outcome_unknown``.

        Raises:
            ItemNotFoundError: no such item.
            ConditionalCheckFailedError: the condition does not hold.
            InvalidItemError: amount below 1, or the attribute is no number.
        """
        _positive(amount)
        expression = Expression()
        update = f"ADD {expression.name(attribute)} {expression.value(amount)}"
        return self._count(table, key, attribute, update, expression, condition, request_id)

    def atomic_decrement_with_floor(
        self,
        table: TableDefinition,
        key: Mapping[str, Any],
        attribute: str,
        amount: int = 1,
        *,
        floor: int = 0,
        condition: ConditionBase | None = None,
        request_id: str | None = None,
    ) -> int:
        """Take from a number of an existing item, never below ``floor`` (S4.DC.10); returns the new number.

        The check and the change are one conditional write. A number nearer to the floor than ``amount``
        falls to the floor, by a write that asks for exactly the number seen; one at or below the floor,
        or missing, stays as it is. A missing item is never created.

        Args:
            table: which table.
            key: its key attributes.
            attribute: the number.
            amount: how much to take, at least 1.
            floor: smallest number that a decrement leaves behind.
            condition: what must hold besides existence.
            request_id: as in :meth:`atomic_increment`; only for an amount of 1, because a step that fell to
                the floor could not be told from a new one.

        Raises:
            ItemNotFoundError: no such item.
            ConditionalCheckFailedError: the condition does not hold.
            InvalidItemError: amount below 1, or above 1 with a request id.
        """
        _positive(amount)
        if request_id is not None and amount > 1:
            raise InvalidItemError("a named decrement takes exactly 1")
        step = amount
        guard: ConditionBase = Attr(attribute).gte(floor + amount)
        while True:
            expression = Expression()
            target = expression.name(attribute)
            update = f"SET {target} = {target} - {expression.value(step)}"
            asked: ConditionBase = guard if condition is None else guard & condition
            try:
                return self._count(table, key, attribute, update, expression, asked, request_id)
            except ConditionalCheckFailedError as error:
                seen = (error.item or {}).get(attribute)
                if condition is not None and not self._holds(table, key, condition):
                    raise
                if seen is None or seen <= floor:
                    return int(floor if seen is None else seen)
                # Nearer to the floor than the whole step: fall to it from exactly the number seen. Anyone
                # who moves the number in between makes this fail, and we look again.
                step = min(amount, int(seen) - floor)
                guard = Attr(attribute).eq(seen) if step < amount else Attr(attribute).gte(floor + amount)

    def _holds(self, table: TableDefinition, key: Mapping[str, Any], condition: ConditionBase) -> bool:
        """Whether the store finds a condition true of an item, asked by a write that changes nothing."""
        expression = Expression()
        check = {
            "TableName": self.table_name(table),
            "Key": to_wire(key),
            "ConditionExpression": expression.condition(Attr(table.partition_key).exists() & condition),
            **expression.arguments(),
        }
        try:
            self.transact_write([{"ConditionCheck": check}])
        except ConditionalCheckFailedError:
            return False
        return True

    def _count(
        self,
        table: TableDefinition,
        key: Mapping[str, Any],
        attribute: str,
        update: str,
        expression: Expression,
        condition: ConditionBase | None,
        request_id: str | None,
    ) -> int:
        if request_id is None:
            item = self._touch(table, key, update, expression, condition, repeatable=False)
            return int(item[attribute])
        action = self.update_action(table, key, update, expression, condition)
        try:
            self.transact_write([action], request_id=request_id)
        except ConditionalCheckFailedError as error:
            if error.item is None:
                raise missing(f"update_item on {self.table_name(table)}") from error
            raise
        stands = self.get_item(table, key)
        if stands is None:
            raise missing(f"get_item on {self.table_name(table)}")
        return int(stands[attribute])

    # Transactions and batches ------------------------------------------------------------------------

    def update_action(
        self,
        table: TableDefinition,
        key: Mapping[str, Any],
        update: str,
        expression: Expression,
        condition: ConditionBase | None = None,
    ) -> dict[str, Any]:
        """An update of an existing item, as one action of :meth:`transact_write`."""
        exists: ConditionBase = Attr(table.partition_key).exists()
        text = expression.condition(exists if condition is None else exists & condition)
        return {
            "Update": {
                "TableName": self.table_name(table),
                "Key": to_wire(key),
                "UpdateExpression": update,
                "ConditionExpression": text,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                **expression.arguments(),
            }
        }

    def transact_write(self, actions: Sequence[Mapping[str, Any]], *, request_id: str | None = None) -> None:
        """Apply all actions or none.

        All attempts of one call carry one token, so a lost answer never applies the actions twice.

        Args:
            actions: 1 to 100 actions in the form of the low-level client, no two on one item.
            request_id: names the transaction over several calls, for ten minutes; None for this call only.

        Raises:
            ConditionalCheckFailedError: some condition does not hold; ``reasons`` tells which action.
        """
        seed = uuid.uuid4().hex if request_id is None else request_id
        token = hashlib.sha256(f"{seed}{actions!r}".encode()).hexdigest()[:_TOKEN_LENGTH]
        self._send("transact_write_items", "", TransactItems=list(actions), ClientRequestToken=token)

    def batch_write(self, table: TableDefinition, items: Iterable[Mapping[str, Any]]) -> int:
        """Store items, 25 to a request; of two with one key the last one stands (S4.DC.11, S4.F.8).

        Not atomic as a whole: after an error some items stand and some do not.

        Returns:
            How many distinct items were stored.

        Raises:
            RetryableError: some items were not taken within the policy; ``unprocessed`` has them.
        """
        puts = [(self._key_of(table, item), {"PutRequest": {"Item": to_wire(item)}}) for item in items]
        return self._batch(table, puts)

    def batch_delete(self, table: TableDefinition, keys: Iterable[Mapping[str, Any]]) -> int:
        """Remove items, 25 to a request (S4.DC.11, S4.F.9); a key that is not there is no error.

        Returns:
            How many distinct keys were asked for.

        Raises:
            RetryableError: some keys were not taken within the policy; ``unprocessed`` has them.
        """
        deletes = [(self._key_of(table, key), {"DeleteRequest": {"Key": to_wire(key)}}) for key in keys]
        return self._batch(table, deletes)

    @staticmethod
    def _key_of(table: TableDefinition, item: Mapping[str, Any]) -> str:
        return repr([item.get(name) for name in (table.partition_key, table.sort_key) if name])

    def _batch(self, table: TableDefinition, requests: list[tuple[str, dict[str, Any]]]) -> int:
        # One request with a key twice is refused whole.
        distinct = list(dict(requests).values())
        for start in range(0, len(distinct), BATCH_SIZE):
            self._write_chunk(self.table_name(table), distinct[start:])
        return len(distinct)

    def _write_chunk(self, name: str, requests: list[dict[str, Any]]) -> None:
        """Send the first 25 until all of them are taken; an error names the others as well."""
        left = chunk = requests[:BATCH_SIZE]

        def attempt() -> None:
            nonlocal left
            answer = self._client.batch_write_item(RequestItems={name: left})  # type: ignore[dict-item]
            left = list(answer.get("UnprocessedItems", {}).get(name, []))  # type: ignore[arg-type]
            if left:
                raise ThrottledError(
                    f"batch_write_item on {name}: {len(left)} of {len(chunk)} requests were not taken."
                )

        try:
            self.retry_with_backoff(attempt, what=f"batch_write_item on {name}")
        except RetryableError as error:
            # Also after a lost answer: to store or to remove a second time changes nothing.
            error.unprocessed = tuple(_plain_request(request) for request in [*left, *requests[BATCH_SIZE:]])
            raise


def _asking(condition: ConditionBase | None) -> dict[str, Any]:
    """The arguments by which a write depends on a condition; none without one."""
    if condition is None:
        return {}
    expression = Expression()
    text = expression.condition(condition)
    told = {"ConditionExpression": text, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return told | expression.arguments()


def _plain_request(request: Mapping[str, Any]) -> Item:
    if "PutRequest" in request:
        return from_wire(request["PutRequest"]["Item"])
    return from_wire(request["DeleteRequest"]["Key"])


def _positive(amount: int) -> None:
    if amount < 1:
        raise InvalidItemError("an amount to count by must be at least 1")
