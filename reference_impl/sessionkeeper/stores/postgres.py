"""Sessions in PostgreSQL, through psycopg 3.

The design that holds: under READ COMMITTED, lock the user's own row *first* and look *afterwards*; every
statement after the lock then sees all that was committed before it. What does not hold, though it ends with
the right number: counting without a lock, locking the session rows (those that do not exist yet cannot be
locked), and REPEATABLE READ in any form (its snapshot is taken before the wait).
``docs/reference/variants.md`` shows what each lets through. ``PRIMARY KEY (user_id, slot)`` holds the law
even against a writer that forgets the lock.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg import errors, sql

from sessionkeeper.errors import RaceReason, SessionLimitRaceError, StoreUnavailableError
from sessionkeeper.model import SESSION_LIMIT, Block, Session, SessionID
from sessionkeeper.rules import Change, Decision, Partition
from sessionkeeper.stores.base import TransactionalStore
from sessionkeeper.stores.pool import FreeList
from sessionkeeper.stores.rows import block_of_row, block_row_of, row_of, session_of


if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")
Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

CONNECT_TIMEOUT: Final = 3
"""Seconds to wait for the server to accept a connection."""

_TIMEOUTS: Final = "SET lock_timeout = '5s'; SET statement_timeout = '10s'"
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(6841290337)"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS session_users (user_id text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS sessions (
    session_id text NOT NULL UNIQUE,
    user_id text NOT NULL,
    login text NOT NULL,
    created_at double precision NOT NULL,
    last_used_at double precision NOT NULL,
    expires_at double precision NOT NULL,
    ends_at double precision NOT NULL,
    access_hash text NOT NULL,
    refresh_hash text NOT NULL UNIQUE,
    previous_hash text NOT NULL,
    rotated_at double precision NOT NULL,
    client text NOT NULL,
    attributes text NOT NULL,
    slot integer NOT NULL CHECK (slot >= 0),
    version integer NOT NULL,
    PRIMARY KEY (user_id, slot)
);
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (LEAST(expires_at, ends_at));
CREATE TABLE IF NOT EXISTS blocklist (
    token_hash text PRIMARY KEY,
    reason text NOT NULL,
    user_id text NOT NULL,
    session_id text NOT NULL,
    blocked_at double precision NOT NULL,
    expires_at double precision NOT NULL
);
CREATE INDEX IF NOT EXISTS blocklist_by_expiry ON blocklist (expires_at);
CREATE TABLE IF NOT EXISTS claims (
    claim_key text PRIMARY KEY,
    owner text NOT NULL,
    expires_at double precision NOT NULL
);
"""

_LOCK: Final = "SELECT 1 FROM session_users WHERE user_id = %s FOR UPDATE"
_ADD_USER: Final = "INSERT INTO session_users (user_id) VALUES (%s) ON CONFLICT DO NOTHING"
_OF_USER: Final = "SELECT * FROM sessions WHERE user_id = %s"
_BY_ID: Final = "SELECT * FROM sessions WHERE session_id = %s"
_DELETE: Final = "DELETE FROM sessions WHERE session_id = ANY(%s)"
_INSERT: Final = "INSERT INTO sessions VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_BLOCK: Final = "INSERT INTO blocklist VALUES (%s, %s, %s, %s, %s, %s)"
_BLOCKED: Final = "SELECT * FROM blocklist WHERE token_hash = %s"
_CLAIM: Final = "INSERT INTO claims VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_CLAIMED: Final = "SELECT owner FROM claims WHERE claim_key = %s"
_EXPIRED: Final = "SELECT DISTINCT user_id FROM sessions WHERE LEAST(expires_at, ends_at) <= %s LIMIT %s"
_FORGET_BLOCKS: Final = (
    "DELETE FROM blocklist WHERE token_hash IN"
    " (SELECT token_hash FROM blocklist WHERE expires_at <= %s LIMIT %s FOR UPDATE SKIP LOCKED)"
)
_FORGET_CLAIMS: Final = (
    "DELETE FROM claims WHERE claim_key IN"
    " (SELECT claim_key FROM claims WHERE expires_at <= %s LIMIT %s FOR UPDATE SKIP LOCKED)"
)
_FORGET_USERS: Final = (
    "DELETE FROM session_users WHERE user_id IN (SELECT user_id FROM session_users AS u WHERE NOT EXISTS"
    " (SELECT 1 FROM sessions AS s WHERE s.user_id = u.user_id) LIMIT %s FOR UPDATE SKIP LOCKED)"
)


class PostgresSessionStore(TransactionalStore):
    """A store on a PostgreSQL server, shared by threads, processes and machines.

    Args:
        url: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.
        clock: the time.
        limit: live sessions that one user may hold.
        schema: the schema for the tables, made if absent; by default the connection's own.

    Raises:
        StoreUnavailableError: the server does not answer.
    """

    def __init__(self, url: str, *, clock: Clock, limit: int = SESSION_LIMIT, schema: str = "") -> None:
        super().__init__(clock=clock, limit=limit)
        self._url = url
        self._schema = schema
        self._connections: FreeList[Connection] = FreeList(self._connect)
        with self._lent() as connection, connection.transaction():
            connection.execute(_ONE_AT_A_TIME)  # two who make the same table at once would collide
            if schema:
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            connection.execute(_SCHEMA)

    def _connect(self) -> Connection:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
        connection.execute(_TIMEOUTS)
        if self._schema:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._schema)))
        return connection

    @contextmanager
    def _lent(self, user_id: str = "") -> Iterator[Connection]:
        """Lend a connection and say what the driver's errors mean."""
        try:
            with self._connections.lend() as connection:
                yield connection
        except (errors.SerializationFailure, errors.DeadlockDetected) as error:
            raise SessionLimitRaceError(user_id, RaceReason.CONFLICT) from error
        except errors.LockNotAvailable as error:
            raise SessionLimitRaceError(user_id, RaceReason.BUSY) from error
        except errors.UniqueViolation as error:
            raise SessionLimitRaceError(user_id, RaceReason.SLOT_TAKEN) from error
        except psycopg.Error as error:
            self._connections.close()  # a server that was restarted has cut the idle ones as well
            raise StoreUnavailableError("The session database does not answer.") from error

    def _change(self, user_id: str, decide: Decision[T], *, guest: str = "") -> T:
        with self._lent(user_id) as connection, connection.transaction():
            # In one order for everybody, or two logins that replace each other would wait for each other.
            for each in sorted({user_id, guest or user_id}):
                _lock(connection, each)
            sessions = _sessions(connection, user_id)
            guests = _sessions(connection, guest) if guest else ()
            picture = Partition(user_id, sessions, lambda key: self._block(connection, key), guests)
            change, result = decide(picture)
            _apply(connection, change)
        return result

    def _partition(self, user_id: str) -> tuple[Session, ...]:
        with self._lent() as connection:
            return _sessions(connection, user_id)

    def find(self, session_id: SessionID) -> Session | None:
        """Return a session, expired or not."""
        with self._lent() as connection:
            row = connection.execute(_BY_ID, (session_id,)).fetchone()
        return session_of(row) if row else None

    def block_of(self, token_hash: str) -> Block | None:
        """Return the blocklist entry of a refresh token's hash, or None (S0.T009)."""
        with self._lent() as connection:
            return self._block(connection, token_hash)

    def _block(self, connection: Connection, token_hash: str) -> Block | None:
        row = connection.execute(_BLOCKED, (token_hash,)).fetchone()
        block = block_of_row(row) if row else None
        return block if block is not None and block.expires_at > self._clock.now() else None

    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once, and say whether ``owner`` has it now."""
        with self._lent() as connection:
            connection.execute(_CLAIM, (key, owner, expires_at))
            row = connection.execute(_CLAIMED, (key,)).fetchone()
        return row is not None and bool(row[0] == owner)

    def _expired_users(self, now: Timestamp, batch: int) -> list[str]:
        with self._lent() as connection:
            return [user for (user,) in connection.execute(_EXPIRED, (now, batch))]

    def _forget(self, now: Timestamp, batch: int) -> int:
        with self._lent() as connection:
            connection.execute(_FORGET_CLAIMS, (now, batch))
            connection.execute(_FORGET_USERS, (batch,))
            return connection.execute(_FORGET_BLOCKS, (now, batch)).rowcount

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _lock(connection: Connection, user_id: str) -> None:
    """Hold the user's row until the end of the transaction; it is made here the first time."""
    while connection.execute(_LOCK, (user_id,)).fetchone() is None:
        connection.execute(_ADD_USER, (user_id,))


def _sessions(connection: Connection, user_id: str) -> tuple[Session, ...]:
    return tuple(session_of(row) for row in connection.execute(_OF_USER, (user_id,)))


def _apply(connection: Connection, change: Change) -> None:
    """Take away before putting, so that a slot is free when its next session arrives."""
    gone = [s.session_id for s in change.removes]
    gone += [s.session_id for s in change.puts if s.version > 1]
    if gone:
        connection.execute(_DELETE, (gone,))
    for session in change.puts:
        connection.execute(_INSERT, row_of(session))
    for block in change.blocks:
        connection.execute(_BLOCK, block_row_of(block))
