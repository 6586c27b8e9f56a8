"""What SQLite and PostgreSQL share: the statements, and every step that is told in statements."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from sessionkeeper.model import SESSION_LIMIT, Block, Session, SessionID
from sessionkeeper.rules import Change, Decision, Partition
from sessionkeeper.stores.base import TransactionalStore
from sessionkeeper.stores.pool import FreeList, Loan
from sessionkeeper.stores.rows import (
    BLOCK_COLUMNS,
    SESSION_COLUMNS,
    block_of_row,
    block_row_of,
    row_of,
    session_of,
)


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.clock import Clock, Timestamp
    from sessionkeeper.errors import SessionKeeperError


class Connection(Protocol):
    """What both drivers' connections can do."""

    def execute(self, statement: Any, parameters: Any = ..., /) -> Any:
        """Run a statement and return its cursor."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


T = TypeVar("T")
C = TypeVar("C", bound=Connection)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one dialect; each value is bound, each name is one of this package's own dataclasses.

    Attributes:
        of_user: all sessions of a user.
        by_id: a session.
        insert: write a session.
        block: write a blocklist entry.
        blocked: a blocklist entry.
        claim: take a key, unless it is taken.
        claimed: who has it.
        expired: users with an expired session, up to a number.
    """

    of_user: str
    by_id: str
    insert: str
    block: str
    blocked: str
    claim: str
    claimed: str
    expired: str

    @classmethod
    def of(cls, mark: str, least: str) -> Statements:
        """Write the statements for a driver.

        Args:
            mark: what stands for a value.
            least: the dialect's name of the function that picks the smaller of two values.
        """
        names, values = ", ".join(SESSION_COLUMNS), ", ".join([mark] * len(SESSION_COLUMNS))
        entry, entries = ", ".join(BLOCK_COLUMNS), ", ".join([mark] * len(BLOCK_COLUMNS))
        # All names in these statements are our own; every value is bound.
        return cls(
            of_user=f"SELECT {names} FROM sessions WHERE user_id = {mark}",  # noqa: S608 - own names
            by_id=f"SELECT {names} FROM sessions WHERE session_id = {mark}",  # noqa: S608 - own names
            insert=f"INSERT INTO sessions ({names}) VALUES ({values})",  # noqa: S608 - own names
            block=f"INSERT INTO blocklist ({entry}) VALUES ({entries})",  # noqa: S608 - own names
            blocked=f"SELECT {entry} FROM blocklist WHERE token_hash = {mark}",  # noqa: S608 - own names
            claim=f"INSERT INTO claims VALUES ({mark}, {mark}, {mark}) ON CONFLICT DO NOTHING",  # noqa: S608
            claimed=f"SELECT owner FROM claims WHERE claim_key = {mark}",  # noqa: S608 - own names
            expired="SELECT DISTINCT user_id FROM sessions"  # noqa: S608 - own names
            f" WHERE {least}(expires_at, ends_at) <= {mark} LIMIT {mark}",
        )


class SqlStore(TransactionalStore, Generic[C]):
    """A store that is told what to do in statements. What differs is how a step is kept from all others.

    Args:
        text: the statements of its dialect.
        clock: the time.
        limit: live sessions that one user may hold.
    """

    def __init__(self, text: Statements, *, clock: Clock, limit: int = SESSION_LIMIT) -> None:
        super().__init__(clock=clock, limit=limit)
        self._text: Final = text
        self._connections: FreeList[C] = FreeList(self._connect, self._meaning)

    @abstractmethod
    def _connect(self) -> C:
        """Open a connection on which each statement is a transaction of its own, unless one is begun."""

    @abstractmethod
    def _meaning(self, error: BaseException, user_id: str) -> SessionKeeperError | None:
        """Say in our own words what a driver's error means; None for an error that is no driver's."""

    @abstractmethod
    def _alone(self, step: Callable[[C], T], user_id: str = "", guest: str = "") -> T:
        """Run a step in one transaction, all or nothing, and return what it returns.

        Args:
            step: what to do on the connection.
            user_id: nobody else changes this user's sessions from before the step's first look until its
                commit.
            guest: nor this one's.
        """

    @abstractmethod
    def _remove(self, connection: C, session_ids: list[SessionID]) -> None:
        """Take sessions away."""

    def _lent(self, user_id: str = "") -> Loan[C]:
        """Lend a connection for the length of a ``with``."""
        return self._connections.lend(user_id)

    def _change(self, user_id: str, decide: Decision[T], *, guest: str = "") -> T:
        def step(connection: C) -> T:
            sessions = self._sessions(connection, user_id)
            guests = self._sessions(connection, guest) if guest else ()
            change, result = decide(
                Partition(user_id, sessions, lambda key: self._block(connection, key), guests)
            )
            self._apply(connection, change)
            return result

        return self._alone(step, user_id, guest)

    def _sessions(self, connection: C, user_id: str) -> tuple[Session, ...]:
        return tuple(map(session_of, connection.execute(self._text.of_user, (user_id,)).fetchall()))

    def _apply(self, connection: C, change: Change) -> None:
        """Take away before putting, so that a slot is free when its next session arrives."""
        gone = [session.session_id for session in change.removes]
        gone += [session.session_id for session in change.puts if session.version > 1]
        if gone:
            self._remove(connection, gone)
        for session in change.puts:
            connection.execute(self._text.insert, row_of(session))
        for block in change.blocks:
            connection.execute(self._text.block, block_row_of(block))

    def _partition(self, user_id: str) -> tuple[Session, ...]:
        return self._connections.use(self._sessions, user_id)

    def find(self, session_id: SessionID) -> Session | None:
        """Return a session, expired or not."""
        return self._connections.use(self._found, session_id)

    def _found(self, connection: C, session_id: SessionID) -> Session | None:
        row = connection.execute(self._text.by_id, (session_id,)).fetchone()
        return session_of(row) if row else None

    def block_of(self, token_hash: str) -> Block | None:
        """Return the blocklist entry of a refresh token's hash, or None (S0.T009)."""
        return self._connections.use(self._block, token_hash)

    def _block(self, connection: C, token_hash: str) -> Block | None:
        row = connection.execute(self._text.blocked, (token_hash,)).fetchone()
        block = block_of_row(row) if row else None
        return block if block is not None and block.expires_at > self._clock.now() else None

    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once, and say whether ``owner`` has it now."""

        def step(connection: C) -> bool:
            connection.execute(self._text.claim, (key, owner, expires_at))
            row = connection.execute(self._text.claimed, (key,)).fetchone()
            return row is not None and bool(row[0] == owner)

        return self._alone(step)

    def _expired_users(self, now: Timestamp, batch: int) -> list[str]:
        with self._lent() as connection:
            return [user for (user,) in connection.execute(self._text.expired, (now, batch))]

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
