"""What the four stores share: the protocol in terms of the few methods in which they differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, TypeVar

from sessionkeeper import rules
from sessionkeeper.clock import Clock, ForwardClock, Timestamp
from sessionkeeper.errors import ConfigurationError, SessionLimitRaceError
from sessionkeeper.model import (
    SESSION_LIMIT,
    Admission,
    Block,
    CleanupStatistics,
    EndReason,
    Rotation,
    Session,
    SessionID,
    WhenFull,
)
from sessionkeeper.rules import Decision, Partition, Presented


T = TypeVar("T")

_WHEN_ALL_HAVE_EXPIRED: Final = 1e15
_ALL: Final = 2**31 - 1

HIGHEST_LIMIT: Final = 25
"""Sessions that one user may be allowed: a change must fit one DynamoDB transaction of 100 actions."""


class TransactionalStore(ABC):
    """A store that can change one user's sessions atomically.

    Args:
        clock: the time; a store never lets it run backwards.
        limit: live sessions that one user may hold.

    Raises:
        ConfigurationError: where the limit is out of range.
    """

    def __init__(self, *, clock: Clock, limit: int = SESSION_LIMIT) -> None:
        if type(limit) is not int or not 1 <= limit <= HIGHEST_LIMIT:
            raise ConfigurationError(f"The session limit must be a whole number from 1 to {HIGHEST_LIMIT}.")
        self.limit = limit
        self._clock = ForwardClock(clock)

    @abstractmethod
    def _change(self, user_id: str, decide: Decision[T], *, guest: str = "") -> T:
        """Show ``decide`` the user's sessions, write the change it wants, atomically; return what it says.

        Args:
            user_id: whose sessions.
            decide: the rule. It may be shown several pictures; only the last one counts.
            guest: a second user whose sessions the same step may end.

        Raises:
            SessionLimitRaceError: somebody else's change came between; nothing was written.
        """

    @abstractmethod
    def find(self, session_id: SessionID) -> Session | None:
        """Return a session, expired or not."""

    @abstractmethod
    def block_of(self, token_hash: str) -> Block | None:
        """Return the blocklist entry of a refresh token's hash that has not expired, or None (S0.T009)."""

    @abstractmethod
    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once, and say whether ``owner`` has it now."""

    @abstractmethod
    def _partition(self, user_id: str) -> tuple[Session, ...]:
        """Return all sessions of a user in one consistent picture."""

    @abstractmethod
    def _expired_users(self, now: Timestamp, batch: int) -> list[str]:
        """Return up to ``batch`` users who have an expired session."""

    @abstractmethod
    def _forget(self, now: Timestamp, batch: int) -> int:
        """Drop blocklist entries and claims whose time is over; return how many entries."""

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""

    def create(
        self,
        session: Session,
        *,
        replacing: SessionID = "",
        when_full: WhenFull = WhenFull.EVICT_OLDEST,
        replayable: bool = False,
    ) -> Admission:
        """Add a session and make room for it in the same step; see `SessionStore.create`."""
        old = self.find(replacing) if replacing else None
        guest = old.user_id if old is not None and old.user_id != session.user_id else ""
        decide = rules.admit(
            session,
            limit=self.limit,
            now=self._clock.now(),
            replacing=replacing,
            when_full=when_full,
            replayable=replayable,
        )
        return self._change(session.user_id, decide, guest=guest)

    def read(self, session_id: SessionID) -> Session | None:
        """Return a live session, or None where it is absent or expired (S1.SC-002)."""
        session = self.find(session_id)
        return None if session is None or session.expired(self._clock.now()) else session

    def update(self, session: Session) -> Session:
        """Write last use, idle expiry and attributes; see `SessionStore.update`."""
        return self._change(session.user_id, rules.update(session, now=self._clock.now()))

    def delete(self, session_id: SessionID, reason: EndReason = EndReason.REVOKED) -> bool:
        """End a session and block its token; see `SessionStore.delete`."""
        session = self.find(session_id)
        if session is None:
            return False
        decide = rules.end(
            lambda each: each.session_id == session_id, reason, now=self._clock.now(), whole=False
        )
        return bool(self._change(session.user_id, decide))

    def delete_all(self, user_id: str, *, besides: SessionID = "") -> tuple[Session, ...]:
        """End all sessions of a user, or all but one; see `SessionStore.delete_all`."""
        decide = rules.end(lambda each: each.session_id != besides, EndReason.REVOKED, now=self._clock.now())
        return self._change(user_id, decide)

    def evict(self, user_id: str, *, keep: int) -> tuple[Session, ...]:
        """End the oldest sessions until ``keep`` live ones remain; see `SessionStore.evict`."""
        return self._change(user_id, rules.evict(keep=keep, now=self._clock.now()))

    def rotate(self, presented: Presented) -> Rotation:
        """Exchange a refresh token for its successor; see `SessionStore.rotate`."""
        session = self.find(presented.session_id)
        if session is None:
            raise rules.refusal(self.block_of(presented.token_hash))
        return self._change(session.user_id, rules.rotate(presented, now=self._clock.now()))

    def sessions_of(self, user_id: str) -> tuple[Session, ...]:
        """Return the live sessions of a user, oldest first (S0.T004)."""
        return Partition(user_id, self._partition(user_id), self.block_of).live(self._clock.now())

    def users(self) -> tuple[str, ...]:
        """Return every user who has a session; see `SessionStore.users`."""
        return tuple(self._expired_users(_WHEN_ALL_HAVE_EXPIRED, _ALL))

    def cleanup(self, batch: int = 100) -> CleanupStatistics:
        """Remove what has expired; a user whom somebody else is changing is left for the next time."""
        now = self._clock.now()
        removed = 0
        for user_id in self._expired_users(now, batch):
            try:
                removed += len(self._change(user_id, rules.expire(now=now)))
            except SessionLimitRaceError:
                continue
        return CleanupStatistics(removed, self._forget(now, batch))
