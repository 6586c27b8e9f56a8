"""Configurations of a user, never more than so many: the check and the write are one transaction (S3.T006).

The document left this out and kept a count before the write, which several writers pass at once. Here the
number of a user's configurations is an attribute of an item of its own, and one transaction raises it under a
condition, stores the configuration under another, or does neither. Whoever loses learns why from the reasons
that the service gives for each action.

A key made up anew for every write can never clash, so it prevents no duplicate (K3.07): the key here is the
configuration's name.
"""

from __future__ import annotations

import functools
import hashlib
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError

from sessionkeeper.clock import Clock, SystemClock
from sessionkeeper.data_access.connection import single_attempt
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    InvalidItemError,
    ItemNotFoundError,
)
from sessionkeeper.data_access.expressions import Expression
from sessionkeeper.data_access.items import Item, checked_text, from_wire, to_wire
from sessionkeeper.data_access.tables import TableDefinition, physical_name
from sessionkeeper.data_access.transient import translate
from sessionkeeper.errors import InvalidInputError
from sessionkeeper.identifiers import checked_user_id
from sessionkeeper.resilience.retry import DYNAMODB_POLICY, RetryPolicy


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient as LowLevelClient

T = TypeVar("T")

CONFIGURATIONS = TableDefinition(name="Configurations", partition_key="PK", sort_key="SK", ttl_attribute=None)
DEFAULT_LIMIT = 2

_COUNT = "META#configurations"
_CONFIG = "CONFIG#"
_TOKEN_LENGTH = 36
_MILLISECONDS = 1000


class DuplicateConfigurationError(ConditionalCheckFailedError):
    """The user has a configuration of this name already (S3.T005.3)."""

    code = "duplicate_configuration"


class ConfigurationLimitError(ConditionalCheckFailedError):
    """The user has as many configurations as allowed (S3.T006)."""

    code = "configuration_limit"


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration.

    Attributes:
        user_id: whose it is.
        name: its name; unique for the user, letter case and Unicode form aside.
        tickers: the symbols it watches.
        created_at: millisecond since the epoch.
        request_id: names the request that made it.
    """

    user_id: str
    name: str
    tickers: tuple[str, ...]
    created_at: int
    request_id: str


class Configurations:
    """The configurations of all users.

    Args:
        client: a low-level client that does not retry by itself.
        limit: how many configurations one user may have, at least 1.
        prefix: goes before the table name.
        retry: policy for every call.
        clock: says when one is made.

    Raises:
        ValueError: the client retries by itself, or the limit is below 1.
    """

    def __init__(
        self,
        client: LowLevelClient,
        *,
        limit: int = DEFAULT_LIMIT,
        prefix: str = "",
        retry: RetryPolicy = DYNAMODB_POLICY,
        clock: Clock | None = None,
    ) -> None:
        single_attempt(client)
        if limit < 1:
            raise ValueError("a limit on configurations must be at least 1")
        self._client = client
        self._limit = limit
        self._table = physical_name(CONFIGURATIONS, prefix)
        self._retry = retry
        self._clock = clock or SystemClock()

    def create_configuration(
        self, user_id: str, name: str, tickers: Iterable[str], *, request_id: str | None = None
    ) -> Configuration:
        """Make a configuration unless the name is taken or the limit reached (S3.T005, S3.T006).

        Args:
            user_id: whose it will be.
            name: its name.
            tickers: the symbols it watches.
            request_id: names the request: repeated with the same one, the configuration made first is
                returned, whatever became of the first answer.

        Raises:
            DuplicateConfigurationError: another request made one of this name.
            ConfigurationLimitError: the user has as many as allowed.
            InvalidItemError: a user, name or ticker that is no text, empty or too long; all together too
                large.
            RetryableError: the store did not take it within the policy.
        """
        user_id = _user(user_id)
        request = request_id or uuid.uuid4().hex
        created = int(self._clock.now() * _MILLISECONDS)
        wanted = Configuration(user_id, name, _symbols(tickers), created, request)
        actions = [self._count_up(user_id), self._put(wanted)]
        try:
            self._transact(actions, request)
        except ConditionalCheckFailedError as error:
            return self._own(error, wanted)
        return wanted

    def _own(self, error: ConditionalCheckFailedError, wanted: Configuration) -> Configuration:
        """Our own configuration if the transaction met it, or the reason why there is none."""
        if error.reasons[1] == "ConditionalCheckFailed":
            stands = self.get_configuration(wanted.user_id, wanted.name)
            if stands is not None and stands.request_id == wanted.request_id:
                return stands
            sentence = f"there is a configuration {wanted.name!r} already"
            raise DuplicateConfigurationError(sentence, reasons=error.reasons) from error
        raise ConfigurationLimitError(
            f"a user may have {self._limit} configurations", reasons=error.reasons
        ) from error

    def get_configuration(self, user_id: str, name: str) -> Configuration | None:
        """The configuration of this name, or None.

        Raises:
            InvalidItemError: a user or name that no configuration can have.
        """
        key = to_wire(_key(user_id, name))
        answer = self._call(
            "get_item",
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True),
        )
        return _configuration(from_wire(answer["Item"])) if "Item" in answer else None

    def list_configurations(self, user_id: str) -> list[Configuration]:
        """All configurations of a user, by name, as the last acknowledged write left them (S3.T004).

        Raises:
            InvalidItemError: no user can have this id.
        """
        return [_configuration(item) for item in self._query(_user(user_id))]

    def count_user_configurations(self, user_id: str) -> int:
        """How many configurations the user has, by the number that the limit goes by (S3.T004.2).

        Raises:
            InvalidItemError: no user can have this id.
        """
        key = to_wire({"PK": f"USER#{_user(user_id)}", "SK": _COUNT})
        answer = self._call(
            "get_item",
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True),
        )
        return int(from_wire(answer["Item"])["configCount"]) if "Item" in answer else 0

    def delete_configuration(self, user_id: str, name: str) -> None:
        """Remove a configuration and make room for another, both or neither.

        Raises:
            ItemNotFoundError: there is none of this name.
            ConditionalCheckFailedError: it stands, and the user's number of configurations says that there
                is none: somebody else wrote to the table.
            InvalidItemError: a user or name that no configuration can have.
            RetryableError: the store did not take it within the policy.
        """
        user_id = _user(user_id)
        expression = Expression()
        delete = {
            "Delete": {
                "TableName": self._table,
                "Key": to_wire(_key(user_id, name)),
                "ConditionExpression": f"attribute_exists({expression.name('PK')})",
                **expression.arguments(),
            }
        }
        try:
            self._transact([delete, self._count_down(user_id)], uuid.uuid4().hex)
        except ConditionalCheckFailedError as error:
            if error.reasons[0] != "ConditionalCheckFailed":
                raise
            raise ItemNotFoundError(f"there is no configuration {name!r}") from error

    # How it is said to the store ----------------------------------------------------------------------

    def _count_up(self, user_id: str) -> dict[str, Any]:
        expression = Expression()
        count = expression.name("configCount")
        full = expression.value(self._limit)
        return self._update(
            user_id,
            f"ADD {count} {expression.value(1)}",
            f"attribute_not_exists({count}) OR {count} < {full}",
            expression,
        )

    def _count_down(self, user_id: str) -> dict[str, Any]:
        expression = Expression()
        count, one = expression.name("configCount"), expression.value(1)
        return self._update(user_id, f"SET {count} = {count} - {one}", f"{count} >= {one}", expression)

    def _update(self, user_id: str, update: str, condition: str, expression: Expression) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self._table,
                "Key": to_wire({"PK": f"USER#{user_id}", "SK": _COUNT}),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                **expression.arguments(),
            }
        }

    def _put(self, wanted: Configuration) -> dict[str, Any]:
        expression = Expression()
        item = _key(wanted.user_id, wanted.name) | {
            "userId": wanted.user_id,
            "name": wanted.name,
            "tickers": list(wanted.tickers),
            "createdAt": wanted.created_at,
            "requestId": wanted.request_id,
        }
        return {
            "Put": {
                "TableName": self._table,
                "Item": to_wire(item),
                "ConditionExpression": f"attribute_not_exists({expression.name('PK')})",
                **expression.arguments(),
            }
        }

    def _transact(self, actions: list[dict[str, Any]], request_id: str) -> None:
        # All attempts carry one token: a lost answer never applies the transaction twice.
        token = hashlib.sha256(f"{request_id}{actions!r}".encode()).hexdigest()[:_TOKEN_LENGTH]
        write: Any = self._client.transact_write_items
        self._call("transact_write_items", lambda: write(TransactItems=actions, ClientRequestToken=token))

    def _query(self, user_id: str) -> Iterator[Item]:
        expression = Expression()
        condition = Key("PK").eq(f"USER#{user_id}") & Key("SK").begins_with(_CONFIG)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": expression.condition(condition, is_key=True),
            "ConsistentRead": True,
            **expression.arguments(),
        }
        query: Any = self._client.query
        while True:
            answer = self._call("query", functools.partial(query, **request))
            yield from (from_wire(item) for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _call(self, operation: str, call: Callable[[], T]) -> T:
        what = f"{operation} on {self._table}"
        try:
            return self._retry.call(call, what)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, what) from error


def _user(user_id: object) -> str:
    """A user id in Unicode's composed form: typed in another way it must not be a second user's room."""
    try:
        return checked_user_id(user_id)
    except InvalidInputError as error:
        raise InvalidItemError(str(error)) from error


def _symbols(tickers: Iterable[str]) -> tuple[str, ...]:
    if isinstance(tickers, str) or not isinstance(tickers, Iterable):
        raise InvalidItemError("tickers must be several texts")
    return tuple([checked_text("a ticker", each) for each in tickers])


def _key(user_id: str, name: str) -> Item:
    plain = _folded(checked_text("a configuration's name", name)).strip()
    if not plain:
        raise InvalidItemError("a configuration needs a name")
    return {"PK": f"USER#{_user(user_id)}", "SK": f"{_CONFIG}{plain}"}


def _folded(name: str) -> str:
    """A name without letter case, in one Unicode form; folding may leave that form, hence the second time."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _configuration(item: Item) -> Configuration:
    return Configuration(
        item["userId"], item["name"], tuple(item["tickers"]), item["createdAt"], item["requestId"]
    )
