"""Sessions in PostgreSQL, through psycopg 3.

The design that holds: under READ COMMITTED, lock the user's own row *first* and look *afterwards*; every
statement after the lock then sees all that was committed before it. What does not hold, though it ends with
the right number: counting without a lock, locking the session rows (those that do not exist yet cannot be
locked), and REPEATABLE READ in any form (its snapshot is taken before the wait).
``docs/reference/variants.md`` shows what each lets through. ``PRIMARY KEY (user_id, slot)`` holds the law
even against a writer that forgets the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg import errors, sql

from sessionkeeper.errors import (
    InvalidInputError,
    RaceReason,
    SessionKeeperError,
    SessionLimitRaceError,
    StoreUnavailableError,
)
from sessionkeeper.model import SESSION_LIMIT, SessionID
from sessionkeeper.stores.bounded import BoundedConnection
from sessionkeeper.stores.sql import SqlStore, Statements


if TYPE_CHECKING:
    from collections.abc import Callable

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

# A value that no column takes: another type, a NUL in a text, a lone surrogate, a key as long as a page.
_UNFIT: Final = (
    psycopg.DataError,
    errors.NotNullViolation,
    errors.UndefinedFunction,
    errors.DatatypeMismatch,
    errors.ProgramLimitExceeded,
    UnicodeEncodeError,
)

_TEXT: Final = Statements.of("%s", "LEAST")
_LOCK: Final = "SELECT 1 FROM session_users WHERE user_id = %s FOR UPDATE"
_ADD_USER: Final = "INSERT INTO session_users (user_id) VALUES (%s) ON CONFLICT DO NOTHING"
_DELETE: Final = "DELETE FROM sessions WHERE session_id = ANY(%s)"
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


class PostgresSessionStore(SqlStore[Connection]):
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
        super().__init__(_TEXT, clock=clock, limit=limit)
        self._url = url
        self._schema = schema
        with self._lent() as connection, connection.transaction():
            connection.execute(_ONE_AT_A_TIME)  # two who make the same table at once would collide
            if schema:
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            connection.execute(_SCHEMA)

    def _connect(self) -> Connection:
        connection = BoundedConnection.to(self._url, connect_timeout=CONNECT_TIMEOUT)
        connection.execute(_TIMEOUTS)
        if self._schema:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._schema)))
        return connection

    def _meaning(self, error: BaseException, user_id: str) -> SessionKeeperError | None:
        if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
            return SessionLimitRaceError(user_id, RaceReason.CONFLICT)
        if isinstance(error, errors.LockNotAvailable):
            return SessionLimitRaceError(user_id, RaceReason.BUSY)
        if isinstance(error, errors.UniqueViolation):
            return SessionLimitRaceError(user_id, RaceReason.SLOT_TAKEN)
        if isinstance(error, _UNFIT) or (type(error) is psycopg.ProgrammingError and not error.sqlstate):
            return InvalidInputError("The session database cannot hold such a value.")
        if isinstance(error, psycopg.Error):
            self._connections.close()  # a server that was restarted has cut the idle ones as well
            return StoreUnavailableError("The session database does not answer.")
        return None

    def _alone(self, step: Callable[[Connection], T], user_id: str = "", guest: str = "") -> T:
        with self._lent(user_id) as connection, connection.transaction():
            # In one order for everybody, or two logins that replace each other would wait for each other.
            for each in sorted({user_id, guest} - {""}):
                _lock(connection, each)
            return step(connection)

    def _remove(self, connection: Connection, session_ids: list[SessionID]) -> None:
        connection.execute(_DELETE, (session_ids,))

    def _forget(self, now: Timestamp, batch: int) -> int:
        with self._lent() as connection:
            connection.execute(_FORGET_CLAIMS, (now, batch))
            connection.execute(_FORGET_USERS, (batch,))
            return connection.execute(_FORGET_BLOCKS, (now, batch)).rowcount


def _lock(connection: Connection, user_id: str) -> None:
    """Hold the user's row until the end of the transaction; it is made here the first time."""
    while connection.execute(_LOCK, (user_id,)).fetchone() is None:
        connection.execute(_ADD_USER, (user_id,))
