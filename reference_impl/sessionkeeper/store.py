"""What every store promises: `SessionStore`, met by memory, SQLite, PostgreSQL and DynamoDB.

Each method is one atomic step. A method that meets a concurrent change raises `SessionLimitRaceError` and has
written nothing; `sessionkeeper.limit` and `SessionManager` try again within bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from sessionkeeper.model import (
    Admission,
    Block,
    CleanupStatistics,
    EndReason,
    Rotation,
    Session,
    SessionID,
    WhenFull,
)


if TYPE_CHECKING:
    from sessionkeeper.clock import Timestamp
    from sessionkeeper.rules import Presented


@runtime_checkable
class SessionStore(Protocol):
    """Sessions at rest (S1.IMPL_001). No method names a type of any one backend.

    Every method may raise `StoreUnavailableError` where the store does not answer.

    Attributes:
        limit: live sessions that one user may hold, at every instant.
    """

    limit: int

    def create(
        self,
        session: Session,
        *,
        replacing: SessionID = "",
        when_full: WhenFull = WhenFull.EVICT_OLDEST,
        replayable: bool = False,
    ) -> Admission:
        """Add a session and make room for it in the same step (S0.T006, S0.CC6).

        Args:
            session: the newcomer; its slot is chosen by the store.
            replacing: a session, of this user or another, that ends in the same step (ST4).
            when_full: evict the oldest and all excess, or refuse.
            replayable: the id follows from a request id; a repetition finds the session and changes nothing.

        Raises:
            SessionLimitRaceError: a concurrent change came first.
            SessionLimitReachedError: the user is at the limit and ``when_full`` says refuse.
            RequestReplayedError: the request was answered before and that session has ended or moved on.
        """
        ...

    def read(self, session_id: SessionID) -> Session | None:
        """Return a live session, or None where it is absent or expired (S1.SC-002)."""
        ...

    def find(self, session_id: SessionID) -> Session | None:
        """Return a session even if it has expired but is not cleaned up: expired is not absent (K1.20)."""
        ...

    def update(self, session: Session) -> Session:
        """Write last use, idle expiry and attributes of a session that was read, and return it as written.

        Raises:
            InvalidInputError: the attributes have the wrong shape or are too large.
            SessionNotFoundError: it has ended; it is not made again.
            StaleSessionError: it has changed since it was read.
            SessionLimitRaceError: a concurrent change came first.
        """
        ...

    def delete(self, session_id: SessionID, reason: EndReason = EndReason.REVOKED) -> bool:
        """End a session, block its token, and say whether it was live.

        Raises:
            SessionLimitRaceError: a concurrent change came first.
        """
        ...

    def delete_all(self, user_id: str, *, besides: SessionID = "") -> tuple[Session, ...]:
        """End all sessions of a user, or all but one; return those that were live, oldest first (ST11).

        Raises:
            SessionLimitRaceError: a concurrent change came first.
        """
        ...

    def evict(self, user_id: str, *, keep: int) -> tuple[Session, ...]:
        """End the oldest sessions until ``keep`` live ones remain; return them, oldest first (S0.T005).

        Raises:
            SessionLimitRaceError: a concurrent change came first.
        """
        ...

    def rotate(self, presented: Presented) -> Rotation:
        """Exchange a refresh token for its successor, or end the session where it is a replay (ST13).

        Raises:
            AuthenticationError: the token opens nothing; the subclass says why.
            ClientMismatchError: another client presents it.
            SessionLimitRaceError: a concurrent change came first.
        """
        ...

    def sessions_of(self, user_id: str) -> tuple[Session, ...]:
        """Return the live sessions of a user in one consistent picture, oldest first (S0.T004)."""
        ...

    def users(self) -> tuple[str, ...]:
        """Return every user who has a session, expired or not: whoever had one before the call (ST11)."""
        ...

    def block_of(self, token_hash: str) -> Block | None:
        """Return the blocklist entry of a refresh token's hash, or None (S0.T009)."""
        ...

    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once (a link, an OAuth state); say whether ``owner`` has it now.

        The same owner may claim again: that is a repetition, not a second use.
        """
        ...

    def cleanup(self, batch: int = 100) -> CleanupStatistics:
        """Remove what has expired, at most ``batch`` users, each of them atomically (S1.SC-003)."""
        ...

    def close(self) -> None:
        """Give back connections; the store cannot be used afterwards."""
        ...
