"""Connections of speakers and listeners to sessions (S4.CR.1 to S4.CR.6).

The index ``sessionId-targetLanguage-index`` holds only items that carry both attributes, so a speaker, who
has no target language, is stored with a mark instead of one (K4.11). An index is read eventually, so what
must miss nothing reads the table (K4.12). Connections that have expired are not there (K4.07).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from sessionkeeper.clock import Clock, ForwardClock, SystemClock
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    InvalidItemError,
    ItemNotFoundError,
)
from sessionkeeper.data_access.items import checked_text, checked_whole
from sessionkeeper.data_access.tables import CONNECTIONS


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
    from sessionkeeper.data_access.items import Item

INDEX = CONNECTIONS.indexes[0].name
# Stands for "hears no translation"; no language tag begins with this sign.
_NO_LANGUAGE = "#none"
_MILLISECONDS = 1000
# When a connection was made and until when it stands; a repeated request names other times.
_TIMES = {"connectedAt", "ttl"}


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
        connected_at: millisecond since the epoch; 0 lets the repository's clock say.
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
        """The connection as its table holds it.

        Raises:
            InvalidItemError: a text is empty or no text, a number is no whole one from 0 on, the role is
                unknown, or the language is the mark for none.
        """
        language = self.target_language or _NO_LANGUAGE
        if self.target_language == _NO_LANGUAGE:
            raise InvalidItemError(f"{_NO_LANGUAGE!r} is no language")
        if self.role not in set(Role):
            raise InvalidItemError(f"a connection is of a {' or a '.join(Role)}")
        return {
            "connectionId": checked_text("a connection's id", self.connection_id),
            "sessionId": checked_text("a session's id", self.session_id),
            "targetLanguage": checked_text("a target language", language),
            "role": str(self.role),
            "connectedAt": checked_whole("the time of connecting", self.connected_at),
            "ttl": checked_whole("the time of expiry", self.ttl),
            "ipAddress": checked_text("an address", self.ip_address, empty=True),
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
        clock: says what has expired; set back, it stands still, and nothing comes to life again.
    """

    def __init__(self, client: DynamoDBClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = ForwardClock(clock or SystemClock())

    def create_connection(self, connection: Connection) -> bool:
        """Store a connection (S4.CR.1, S4.F.15).

        Connecting is idempotent: the same connection a second time is no error and changes nothing, also
        where the second request was made at another time. One that has expired is not there and makes room.

        Returns:
            True if this call stored it, False if it stood already.

        Raises:
            ConditionalCheckFailedError: another connection stands under this id.
            InvalidItemError: an attribute has the wrong type, is empty or too large.
        """
        item = connection.to_item()
        if not connection.connected_at:
            item["connectedAt"] = int(self._clock.now() * _MILLISECONDS)
        gone = Attr("connectionId").not_exists() | Attr("ttl").lte(int(self._clock.now()))
        try:
            self._client.put_item(CONNECTIONS, item, condition=gone)
        except ConditionalCheckFailedError as error:
            if error.item is not None and _timeless(error.item) == _timeless(item):
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
            How many connections were found and removed; one that the lagging index still shows after its
            removal counts.

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


def _timeless(item: Mapping[str, Any]) -> Item:
    """What makes a connection the same one, whenever it was asked for."""
    return {name: value for name, value in item.items() if name not in _TIMES}
