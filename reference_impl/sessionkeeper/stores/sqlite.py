"""Sessions in a SQLite file: safe for threads and for processes, with nothing but the standard library.

The design that holds: ``BEGIN IMMEDIATE`` takes the write lock *before* the first look, so no picture is
stale when the change is written. With the module's default, whose implicit transaction starts at the first
write, the look lies outside it, and more sessions live than may (``docs/reference/variants.md``). Threads of
one process queue at a lock of their own first, because SQLite's busy handler sleeps for up to a tenth of a
second at a time. ``PRIMARY KEY (user_id, slot)`` holds the law even against a writer that forgets it.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from sessionkeeper.errors import RaceReason, SessionLimitRaceError, StoreUnavailableError
from sessionkeeper.model import SESSION_LIMIT, Block, Session, SessionID
from sessionkeeper.rules import Change, Decision, Partition
from sessionkeeper.stores.base import TransactionalStore
from sessionkeeper.stores.pool import FreeList
from sessionkeeper.stores.rows import (
    BLOCK_COLUMNS,
    SESSION_COLUMNS,
    block_of_row,
    block_row_of,
    row_of,
    session_of,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")

BUSY_TIMEOUT: Final = 5.0
"""Seconds that a writer waits for writers of other processes."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    login TEXT NOT NULL,
    created_at REAL NOT NULL,
    last_used_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    access_hash TEXT NOT NULL,
    refresh_hash TEXT NOT NULL UNIQUE,
    previous_hash TEXT NOT NULL,
    rotated_at REAL NOT NULL,
    client TEXT NOT NULL,
    attributes TEXT NOT NULL,
    slot INTEGER NOT NULL CHECK (slot >= 0),
    version INTEGER NOT NULL,
    PRIMARY KEY (user_id, slot)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (MIN(expires_at, ends_at));
CREATE TABLE IF NOT EXISTS blocklist (
    token_hash TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    blocked_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blocklist_by_expiry ON blocklist (expires_at);
CREATE TABLE IF NOT EXISTS claims (
    claim_key TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
"""

_COLUMNS: Final = ", ".join(SESSION_COLUMNS)
_VALUES: Final = ", ".join("?" * len(SESSION_COLUMNS))
_OF_BLOCK: Final = ", ".join(BLOCK_COLUMNS)
_BLOCK_VALUES: Final = ", ".join("?" * len(BLOCK_COLUMNS))
# All names in these statements are those of this package's own dataclasses; every value is bound.
_OF_USER: Final = f"SELECT {_COLUMNS} FROM sessions WHERE user_id = ?"  # noqa: S608 - own names
_BY_ID: Final = f"SELECT {_COLUMNS} FROM sessions WHERE session_id = ?"  # noqa: S608 - own names
_INSERT: Final = f"INSERT INTO sessions ({_COLUMNS}) VALUES ({_VALUES})"  # noqa: S608 - own names
_DELETE: Final = "DELETE FROM sessions WHERE session_id = ?"
_BLOCK: Final = f"INSERT INTO blocklist ({_OF_BLOCK}) VALUES ({_BLOCK_VALUES})"  # noqa: S608 - own names
_BLOCKED: Final = f"SELECT {_OF_BLOCK} FROM blocklist WHERE token_hash = ?"  # noqa: S608 - own names
_CLAIM: Final = "INSERT INTO claims VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_CLAIMED: Final = "SELECT owner FROM claims WHERE claim_key = ?"
_EXPIRED: Final = "SELECT DISTINCT user_id FROM sessions WHERE MIN(expires_at, ends_at) <= ? LIMIT ?"
_FORGET_BLOCKS: Final = (
    "DELETE FROM blocklist WHERE token_hash IN"
    " (SELECT token_hash FROM blocklist WHERE expires_at <= ? LIMIT ?)"
)
_FORGET_CLAIMS: Final = (
    "DELETE FROM claims WHERE claim_key IN (SELECT claim_key FROM claims WHERE expires_at <= ? LIMIT ?)"
)


class SqliteSessionStore(TransactionalStore):
    """A store in one file, shared by threads and processes.

    Args:
        path: the file; made if it is absent.
        clock: the time.
        limit: live sessions that one user may hold.

    Raises:
        StoreUnavailableError: the file cannot be opened or is no database.
    """

    def __init__(self, path: str, *, clock: Clock, limit: int = SESSION_LIMIT) -> None:
        super().__init__(clock=clock, limit=limit)
        self._path = path
        self._writers = threading.Lock()
        self._connections = FreeList(self._connect)
        with self._lent() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        # An acknowledged session must survive a power cut, not only the end of this process.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _lent(self, user_id: str = "") -> Iterator[sqlite3.Connection]:
        """Lend a connection and say what the driver's errors mean."""
        try:
            with self._connections.lend() as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise SessionLimitRaceError(user_id, RaceReason.BUSY) from error
            raise StoreUnavailableError("The session database does not answer.") from error
        except sqlite3.IntegrityError as error:
            raise SessionLimitRaceError(user_id, RaceReason.SLOT_TAKEN) from error
        except sqlite3.DatabaseError as error:
            raise StoreUnavailableError("The session database cannot be read.") from error

    @contextmanager
    def _writing(self, user_id: str = "") -> Iterator[sqlite3.Connection]:
        """Hold the write lock from before the first look until the commit; an error undoes everything."""
        with self._writers, self._lent(user_id) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _change(self, user_id: str, decide: Decision[T], *, guest: str = "") -> T:
        with self._writing(user_id) as connection:
            sessions = _sessions(connection, user_id)
            guests = _sessions(connection, guest) if guest else ()
            change, result = decide(
                Partition(user_id, sessions, lambda key: self._block(connection, key), guests)
            )
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

    def _block(self, connection: sqlite3.Connection, token_hash: str) -> Block | None:
        row = connection.execute(_BLOCKED, (token_hash,)).fetchone()
        block = block_of_row(row) if row else None
        return block if block is not None and block.expires_at > self._clock.now() else None

    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once, and say whether ``owner`` has it now."""
        with self._writing() as connection:
            connection.execute(_CLAIM, (key, owner, expires_at))
            row = connection.execute(_CLAIMED, (key,)).fetchone()
        return bool(row[0] == owner)

    def _expired_users(self, now: Timestamp, batch: int) -> list[str]:
        with self._lent() as connection:
            return [user for (user,) in connection.execute(_EXPIRED, (now, batch))]

    def _forget(self, now: Timestamp, batch: int) -> int:
        with self._writing() as connection:
            forgotten = connection.execute(_FORGET_BLOCKS, (now, batch)).rowcount
            connection.execute(_FORGET_CLAIMS, (now, batch))
        return forgotten

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _sessions(connection: sqlite3.Connection, user_id: str) -> tuple[Session, ...]:
    return tuple(session_of(row) for row in connection.execute(_OF_USER, (user_id,)))


def _apply(connection: sqlite3.Connection, change: Change) -> None:
    """Take away before putting, so that a slot is free when its next session arrives."""
    rewritten = [session for session in change.puts if session.version > 1]
    for session in (*change.removes, *rewritten):
        connection.execute(_DELETE, (session.session_id,))
    for session in change.puts:
        connection.execute(_INSERT, row_of(session))
    for block in change.blocks:
        connection.execute(_BLOCK, block_row_of(block))
