"""Connections of speakers and listeners to sessions (S4.CR.1 to S4.CR.6).

The index ``sessionId-targetLanguage-index`` holds only items that carry both attributes, so a speaker, who
has no target language, is stored with a mark instead of one (K4.11). An index is read eventually, so what
must miss nothing reads the table (K4.12). Connections that have expired are not there (K4.07).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr, ConditionBase

from sessionkeeper.clock import Clock, SystemClock
from sessionkeeper.data_access.exceptions import ConditionalCheckFailedError, ItemNotFoundError
from sessionkeeper.data_access.tables import CONNECTIONS


if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
    from sessionkeeper.data_access.items import Item

INDEX = CONNECTIONS.indexes[0].name
# Stands for "hears no translation"; no language tag begins with this sign.
_NO_LANGUAGE = "#none"


class Role(StrEnum):
    """What a connection is for."""

    SPEAKER = "speaker"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection, with the attributes that S4.TBL2 lists.

    Attributes:
        connection_id: its id.
        session_id: the session it belongs to.
        role: speaker or listener.
        ttl: second since the epoch from which on it is gone.
        target_language: what a listener hears; None for a speaker.
        connected_at: millisecond since the epoch.
        ip_address: where it comes from.
    """

    connection_id: str
    session_id: str
    role: Role
    ttl: int
    target_language: str | None = None
    connected_at: int = 0
    ip_address: str = ""

    def to_item(self) -> Item:
        """The connection as its table holds it."""
        return {
            "connectionId": self.connection_id,
            "sessionId": self.session_id,
            "targetLanguage": self.target_language or _NO_LANGUAGE,
            "role": self.role.value,
            "connectedAt": self.connected_at,
            "ttl": self.ttl,
            "ipAddress": self.ip_address,
        }

    @classmethod
    def from_item(cls, item: Item) -> Connection:
        """The connection that an item of the table holds."""
        language = item["targetLanguage"]
        return cls(
            connection_id=item["connectionId"],
            session_id=item["sessionId"],
            role=Role(item["role"]),
            ttl=item["ttl"],
            target_language=None if language == _NO_LANGUAGE else language,
            connected_at=item["connectedAt"],
            ip_address=item["ipAddress"],
        )


class ConnectionsRepository:
    """Reads and changes connections; every method may also raise ``RetryableError``.

    Args:
        client: how to reach the tables.
        clock: says what has expired.
    """

    def __init__(self, client: DynamoDBClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()

    def create_connection(self, connection: Connection) -> bool:
        """Store a connection (S4.CR.1, S4.F.15).

        Connecting is idempotent: the same connection a second time is no error and changes nothing.

        Returns:
            True if this call stored it, False if it stood already.

        Raises:
            ConditionalCheckFailedError: another connection stands under this id.
        """
        item = connection.to_item()
        try:
            self._client.put_item(CONNECTIONS, item, condition=Attr("connectionId").not_exists())
        except ConditionalCheckFailedError as error:
            if error.item == item:
                return False
            raise
        return True

    def get_connection(self, connection_id: str) -> Connection:
        """The connection (S4.CR.1).

        Raises:
            ItemNotFoundError: no such connection, or it has expired.
        """
        item = self._client.get_item(CONNECTIONS, {"connectionId": connection_id})
        if item is None or item["ttl"] <= self._clock.now():
            raise ItemNotFoundError(f"there is no connection {connection_id!r}")
        return Connection.from_item(item)

    def delete_connection(self, connection_id: str) -> Connection | None:
        """Remove a connection; a second time is no error (S4.CR.1, S4.F.15).

        Returns:
            The connection, to the one caller that removed it; None to any other. Who gets it counts the
            listener down.

        Raises:
            RetryableError: with ``outcome_unknown`` after a lost answer; then nobody may be told.
        """
        # Asked without the condition, the emulator hands the old item to several callers at once.
        condition = Attr("connectionId").exists()
        try:
            item = self._client.delete_item(CONNECTIONS, {"connectionId": connection_id}, condition=condition)
        except ConditionalCheckFailedError:
            return None
        return None if item is None else Connection.from_item(item)

    def get_connections_by_session(
        self, session_id: str, target_language: str | None = None
    ) -> list[Connection]:
        """Connections of a session, speakers included, read from the index (S4.CR.2, S4.F.11).

        What connected a moment ago may be missing: an index lags behind its table.

        Args:
            session_id: which session.
            target_language: only listeners of this language; None for all connections.
        """
        items = self._client.query(
            CONNECTIONS, session_id, sort=target_language, index=INDEX, matching=self._there()
        )
        return [Connection.from_item(item) for item in items]

    def get_listener_connections(
        self, session_id: str, target_language: str | None = None
    ) -> list[Connection]:
        """Listeners of a session (S4.CR.3, S4.F.12); as :meth:`get_connections_by_session`."""
        items = self._client.query(
            CONNECTIONS,
            session_id,
            sort=target_language,
            index=INDEX,
            matching=self._there() & Attr("role").eq(Role.LISTENER.value),
        )
        return [Connection.from_item(item) for item in items]

    def get_unique_languages_for_session(self, session_id: str) -> list[str]:
        """The languages that listeners of a session hear, each once, sorted (S4.CR.4, S4.F.13)."""
        heard = {listener.target_language for listener in self.get_listener_connections(session_id)}
        return sorted(language for language in heard if language is not None)

    def batch_delete_connections(self, connection_ids: Iterable[str]) -> int:
        """Remove connections by their ids, 25 to a request (S4.CR.5); returns how many ids were asked for.

        Raises:
            RetryableError: some were not removed within the policy; ``unprocessed`` has their keys.
        """
        return self._client.batch_delete(CONNECTIONS, [{"connectionId": name} for name in connection_ids])

    def delete_all_session_connections(self, session_id: str) -> int:
        """Remove every connection of a session that has ended (S4.CR.6, S4.F.10).

        Mark the session inactive first, so that nobody joins any more. The index says cheaply what to
        remove; because it lags, the table itself is then read consistently for what the index did not show.

        Returns:
            How many connections were removed.

        Raises:
            RetryableError: some were not removed within the policy; calling again goes on from there.
        """
        seen = self._client.query(CONNECTIONS, session_id, index=INDEX)
        removed = self.batch_delete_connections(item["connectionId"] for item in seen)
        missed = self._client.scan(CONNECTIONS, Attr("sessionId").eq(session_id))
        return removed + self.batch_delete_connections(item["connectionId"] for item in missed)

    def _there(self) -> ConditionBase:
        condition: ConditionBase = Attr("ttl").gt(int(self._clock.now()))
        return condition
