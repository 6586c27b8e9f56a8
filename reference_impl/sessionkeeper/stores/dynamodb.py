"""Sessions in DynamoDB, through boto3's low-level client (S0.K4).

One table, keys ``PK`` and ``SK``:

======================== ============ ======================================================================
PK                       SK           item
======================== ============ ======================================================================
``USER#user``            ``SLOT#nn``  the session that sits in this place: the truth
``SESSION#id``           ``SESSION``  whose session it is, for look-ups by id
``BLOCK#refresh#hash``   ``BLOCK``    a blocked refresh token, until ``ttl`` (S0.K2)
``CLAIM#key``            ``CLAIM``    a key that was taken once, until ``ttl``
======================== ============ ======================================================================

The design that holds: *slots*. There is no count that could be stale. A user has ``limit`` items to sit in,
a new session takes one by a conditional write, and one session too many has no place to exist. Each change
is one TransactWriteItems, each of its items conditional on what was read; a change that rests on all
sessions (an eviction: who is the oldest?) also checks those that it leaves alone. Nothing is ever counted
through an index.

The SDK's own retries are off: they would multiply with ours. Before anything is sent again it is clear why.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sessionkeeper.data_access.tables import TableDefinition, create_tables
from sessionkeeper.model import SESSION_LIMIT, Block, Session, SessionID
from sessionkeeper.rules import Change, Decision, Partition
from sessionkeeper.stores.base import TransactionalStore
from sessionkeeper.stores.forks import forsaken_in_a_child
from sessionkeeper.stores.items import (
    Item,
    block_item,
    block_key_of,
    block_of_item,
    claim_item,
    pointer_key,
    session_of_item,
    user_key,
)
from sessionkeeper.stores.transactions import Writes, is_unanswered, meaning_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")

SENDINGS: Final = 3
"""How often one and the same transaction is sent while its answer stays out; its token makes that safe."""

_POLICY: Final = Config(
    retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5, max_pool_connections=64
)


class DynamoDBSessionStore(TransactionalStore):
    """A store in DynamoDB.

    Args:
        client: a low-level client whose own retries are off.
        table: name of the table; made if absent.
        clock: the time.
        limit: live sessions that one user may hold.

    Raises:
        StoreUnavailableError: DynamoDB does not answer.
    """

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Clock, limit: int = SESSION_LIMIT
    ) -> None:
        super().__init__(clock=clock, limit=limit)
        self._client = client
        forsaken_in_a_child(self)
        self._table = table
        definition = TableDefinition(name=table, partition_key="PK", sort_key="SK", ttl_attribute="ttl")
        self._ask(lambda: create_tables(client, [definition]))

    @classmethod
    def at(
        cls, url: str, *, clock: Clock, limit: int = SESSION_LIMIT, prefix: str = ""
    ) -> DynamoDBSessionStore:
        """Open ``dynamodb://HOST:PORT?prefix=NAME``, or ``dynamodb://?prefix=NAME`` for AWS itself."""
        parts = urlsplit(url)
        prefix = prefix or parse_qs(parts.query).get("prefix", [""])[0]
        local: dict[str, Any] = {
            "endpoint_url": f"http://{parts.netloc}",
            "region_name": "eu-central-1",
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }
        client = boto3.client("dynamodb", config=_POLICY, **(local if parts.netloc else {}))
        return cls(client, f"{prefix}sessionkeeper", clock=clock, limit=limit)

    def _change(self, user_id: str, decide: Decision[T], *, guest: str = "") -> T:
        sessions = self._partition(user_id)
        guests = self._partition(guest) if guest else ()
        unblocked: list[str] = []

        def blocked(token_hash: str) -> Block | None:
            block = self.block_of(token_hash)
            if block is None:
                unblocked.append(token_hash)  # and it must still be so when the change is written
            return block

        change, result = decide(Partition(user_id, sessions, blocked, guests))
        if change:
            self._write(user_id, self._planned(user_id, change, (*sessions, *guests), unblocked))
        return result

    def _planned(
        self, user_id: str, change: Change, seen: tuple[Session, ...], unblocked: list[str]
    ) -> Writes:
        writes = Writes(self._table, seen)
        for session in change.puts:
            writes.seat(session)
        for session in change.removes:
            writes.remove(session)
        for block in change.blocks:
            writes.block(block_item(block))
        for token_hash in unblocked:
            writes.check_unblocked(token_hash)
        if change.whole:
            writes.check_rest(user_id, self.limit)
        return writes

    def _write(self, user_id: str, writes: Writes) -> None:
        """Send a transaction until it is answered; its token says that it is still the same one.

        The token is drawn, not derived from what is sent: two clients who present one refresh token send the
        very same transaction, and with one token between them both would be told that theirs went through.
        """
        actions = writes.actions()
        token = str(uuid.uuid4())
        for sending in range(1, SENDINGS + 1):
            try:
                self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
            except (ClientError, BotoCoreError) as error:
                if is_unanswered(error) and sending < SENDINGS:
                    continue
                raise meaning_of(error, user_id, writes.reasons()) from error
            return

    def _partition(self, user_id: str) -> tuple[Session, ...]:
        pages = self._ask(lambda: list(self._pages_of(user_id)))
        return tuple({s.session_id: s for s in (session_of_item(item) for item in pages)}.values())

    def _pages_of(self, user_id: str) -> Iterator[Item]:
        """Query the table itself, strongly consistent, to its last page."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "PK = :user AND begins_with(SK, :slot)",
            "ExpressionAttributeValues": {":user": {"S": user_key(user_id)}, ":slot": {"S": "SLOT#"}},
        }
        for page in self._client.get_paginator("query").paginate(**query):
            yield from page["Items"]

    def _item(self, key: Item) -> Item | None:
        answer = self._ask(lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True))
        return answer.get("Item")

    def find(self, session_id: SessionID) -> Session | None:
        """Return a session, expired or not; a second look where it was moving between two slots."""
        for _ in range(2):
            pointer = self._item(pointer_key(session_id))
            if pointer is None:
                return None
            for session in self._partition(pointer["user_id"]["S"]):
                if session.session_id == session_id:
                    return session
        return None

    def block_of(self, token_hash: str) -> Block | None:
        """Return the blocklist entry of a hash, or None; one that is over may lie there for days yet."""
        item = self._item(block_key_of(token_hash))
        block = block_of_item(item) if item else None
        return block if block is not None and block.expires_at > self._clock.now() else None

    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once, and say whether ``owner`` has it now."""

        def put() -> bool:
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=claim_item(key, owner, expires_at),
                    ConditionExpression="attribute_not_exists(PK) OR #owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":owner": {"S": owner}},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
            return True

        return self._ask(put)

    def _expired_users(self, now: Timestamp, batch: int) -> list[str]:
        """Scan for expired sessions. It is slow and no picture of one instant; the change judges again."""
        users: dict[str, None] = {}
        scan: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "FilterExpression": "begins_with(SK, :slot) AND (#idle <= :now OR #end <= :now)",
            "ExpressionAttributeNames": {"#idle": "expires_at", "#end": "ends_at"},
            "ExpressionAttributeValues": {":slot": {"S": "SLOT#"}, ":now": {"N": repr(now)}},
        }
        for page in self._client.get_paginator("scan").paginate(**scan):
            users.update(dict.fromkeys(item["user_id"]["S"] for item in page["Items"]))
            if len(users) >= batch:
                break
        return list(users)[:batch]

    def _forget(self, now: Timestamp, batch: int) -> int:
        """Leave it to DynamoDB, which removes items by their ``ttl``; every reader filters them meanwhile."""
        del now, batch
        return 0

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except (ClientError, BotoCoreError) as error:
            raise meaning_of(error) from error

    def forsake(self) -> None:
        """Begin anew in a child process: a closed client opens connections of its own when asked next."""
        self._client.close()

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()
