"""Sessions of the live-translation service: one speaker, many listeners, one counter (S4.SR.1 to S4.SR.6).

What makes a session be there is decided in one place: it is *there* while its item stands and has not
expired, and *active* while it is there and ``isActive`` (K4.08). The store removes expired items days late,
so every read and every write asks for the time as well (K4.07). No write creates a session but
``create_session`` (K4.10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from sessionkeeper.clock import Clock, ForwardClock, SystemClock
from sessionkeeper.data_access.exceptions import ConditionalCheckFailedError, ItemNotFoundError
from sessionkeeper.data_access.items import checked_text, checked_whole
from sessionkeeper.data_access.tables import SESSIONS


if TYPE_CHECKING:
    from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
    from sessionkeeper.data_access.items import Item

_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class SpeakerSession:
    """One session, with the attributes that S4.TBL1 lists.

    Attributes:
        session_id: its id; unique for ever.
        speaker_connection_id: the connection that the speaker talks through.
        speaker_user_id: who speaks.
        source_language: language spoken, such as ``en``.
        quality_tier: what was paid for, such as ``standard``.
        expires_at: second since the epoch from which on it is gone.
        created_at: millisecond since the epoch; 0 lets the repository's clock say.
        is_active: False once the speaker left.
        listener_count: listeners connected now.
    """

    session_id: str
    speaker_connection_id: str
    speaker_user_id: str
    source_language: str
    quality_tier: str
    expires_at: int
    created_at: int = 0
    is_active: bool = True
    listener_count: int = 0

    def to_item(self) -> Item:
        """The session as its table holds it.

        Raises:
            InvalidItemError: the id is empty, a text is none, or a number is no whole one from 0 on.
        """
        return {
            "sessionId": checked_text("a session's id", self.session_id),
            "speakerConnectionId": checked_text(
                "a speaker's connection", self.speaker_connection_id, empty=True
            ),
            "speakerUserId": checked_text("a speaker's user id", self.speaker_user_id, empty=True),
            "sourceLanguage": checked_text("a source language", self.source_language, empty=True),
            "qualityTier": checked_text("a quality tier", self.quality_tier, empty=True),
            "createdAt": checked_whole("the time of creation", self.created_at),
            "isActive": bool(self.is_active),
            "listenerCount": checked_whole("the number of listeners", self.listener_count),
            "expiresAt": checked_whole("the time of expiry", self.expires_at),
        }

    @classmethod
    def from_item(cls, item: Item) -> SpeakerSession:
        """The session that an item of the table holds."""
        return cls(
            session_id=item["sessionId"],
            speaker_connection_id=item["speakerConnectionId"],
            speaker_user_id=item["speakerUserId"],
            source_language=item["sourceLanguage"],
            quality_tier=item["qualityTier"],
            expires_at=item["expiresAt"],
            created_at=item["createdAt"],
            is_active=item["isActive"],
            listener_count=item["listenerCount"],
        )


class SessionsRepository:
    """Reads and changes sessions; every method may also raise ``RetryableError``.

    Args:
        client: how to reach the tables.
        clock: says what has expired; set back, it stands still, and nothing comes to life again.
    """

    def __init__(self, client: DynamoDBClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = ForwardClock(clock or SystemClock())

    def create_session(self, session: SpeakerSession) -> SpeakerSession:
        """Store a new session; its id was never used before (S4.SR.1).

        Returns:
            The session with the time of its creation.

        Raises:
            ConditionalCheckFailedError: the id is taken, be it by a session that has ended or expired.
            InvalidItemError: an attribute has the wrong type or is too large, or the id is empty.
        """
        item = session.to_item()
        if not session.created_at:
            item["createdAt"] = int(self._clock.now() * _MILLISECONDS)
        self._client.put_item(SESSIONS, item, condition=Attr("sessionId").not_exists())
        return SpeakerSession.from_item(item)

    def get_session(self, session_id: str) -> SpeakerSession:
        """The session, active or not (S4.SR.2).

        Raises:
            ItemNotFoundError: no such session, or it has expired.
        """
        item = self._client.get_item(SESSIONS, {"sessionId": session_id})
        if item is None or item["expiresAt"] <= self._clock.now():
            raise _missing(session_id)
        return SpeakerSession.from_item(item)

    def session_exists(self, session_id: str) -> bool:
        """Whether the session stands and has not expired (S4.SR.2)."""
        try:
            self.get_session(session_id)
        except ItemNotFoundError:
            return False
        return True

    def is_session_active(self, session_id: str) -> bool:
        """Whether the session stands, has not expired, and its speaker has not left (S4.SR.2)."""
        try:
            return self.get_session(session_id).is_active
        except ItemNotFoundError:
            return False

    def update_speaker_connection(
        self, session_id: str, connection_id: str, *, replacing: str | None = None
    ) -> SpeakerSession:
        """Let the speaker talk through a new connection (S4.SR.3).

        Refreshing is idempotent: who asks again for the connection that is the present one already is not
        refused, so a lost answer costs nothing.

        Args:
            session_id: which session.
            connection_id: the new connection.
            replacing: the connection that must be the present one, so that of two refreshes at once one
                loses instead of overwriting the other; None takes whatever is there.

        Raises:
            ItemNotFoundError: no such session, or it has expired.
            ConditionalCheckFailedError: the session is not active, or another refresh came first.
        """
        checked_text("a speaker's connection", connection_id)
        condition: ConditionBase = self._there() & Attr("isActive").eq(value=True)
        if replacing is not None:
            present = Attr("speakerConnectionId")
            condition &= present.eq(replacing) | present.eq(connection_id)
        return self._change(session_id, {"speakerConnectionId": connection_id}, condition)

    def mark_session_inactive(self, session_id: str) -> SpeakerSession:
        """Note that the speaker left; a second time changes nothing (S4.SR.6).

        Raises:
            ItemNotFoundError: no such session, or it has expired; it is not created.
        """
        return self._change(session_id, {"isActive": False}, self._there())

    def increment_listener_count(self, session_id: str, *, request_id: str | None = None) -> int:
        """Count one listener more; returns how many there are now (S4.SR.4).

        Args:
            session_id: which session.
            request_id: names the joining, so that a repeated call counts once (K4.02); for ten minutes, as
                long as the store remembers.

        Raises:
            ItemNotFoundError: no such session, or it has expired.
            ConditionalCheckFailedError: the session is not active.
        """
        condition = self._standing(session_id, request_id) & Attr("isActive").eq(value=True)
        try:
            return self._client.atomic_increment(
                SESSIONS, _key(session_id), "listenerCount", condition=condition, request_id=request_id
            )
        except ConditionalCheckFailedError as error:
            raise self._why(session_id, error) from error

    def decrement_listener_count(self, session_id: str, *, request_id: str | None = None) -> int:
        """Count one listener less, never below 0; returns how many there are now (S4.SR.5).

        Listeners may leave after the speaker did, so the session need not be active.

        Raises:
            ItemNotFoundError: no such session, or it has expired; it is not created.
        """
        condition = self._standing(session_id, request_id)
        try:
            return self._client.atomic_decrement_with_floor(
                SESSIONS, _key(session_id), "listenerCount", condition=condition, request_id=request_id
            )
        except ConditionalCheckFailedError as error:
            raise self._why(session_id, error) from error

    def _there(self) -> ConditionBase:
        # expiresAt is a whole second: it is later than now exactly if it is later than now cut to seconds.
        return Attr("expiresAt").gt(int(self._clock.now()))

    def _standing(self, session_id: str, request_id: str | None) -> ConditionBase:
        """What a count asks of the session.

        A named one must ask for the same in every repetition, or the store takes it for another: the time may
        not be part of it. When a session expires never changes, so that stands for the time looked at here.
        """
        if request_id is None:
            return self._there()
        condition: ConditionBase = Attr("expiresAt").eq(self.get_session(session_id).expires_at)
        return condition

    def _change(self, session_id: str, changes: dict[str, Any], condition: ConditionBase) -> SpeakerSession:
        """Make a change that is the same when it is made twice."""
        try:
            item = self._client.update_item(
                SESSIONS, _key(session_id), changes, condition=condition, repeatable=True
            )
        except ConditionalCheckFailedError as error:
            raise self._why(session_id, error) from error
        return SpeakerSession.from_item(item)

    def _why(
        self, session_id: str, error: ConditionalCheckFailedError
    ) -> ItemNotFoundError | ConditionalCheckFailedError:
        """An expired session is not there, whatever else was asked of it."""
        expired = error.item is not None and error.item["expiresAt"] <= self._clock.now()
        if expired:
            return _missing(session_id)
        return error


def _key(session_id: str) -> dict[str, str]:
    return {"sessionId": session_id}


def _missing(session_id: str) -> ItemNotFoundError:
    return ItemNotFoundError(f"there is no session {session_id!r}")
