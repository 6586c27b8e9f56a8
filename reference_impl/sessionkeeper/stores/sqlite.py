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
from typing import TYPE_CHECKING, Final, TypeVar

from sessionkeeper.errors import (
    InvalidInputError,
    RaceReason,
    SessionKeeperError,
    SessionLimitRaceError,
    StoreUnavailableError,
)
from sessionkeeper.model import SESSION_LIMIT, SessionID
from sessionkeeper.stores.sql import SqlStore, Statements


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")

BUSY_TIMEOUT: Final = 5.0
"""Seconds that a writer waits for those of its own process, and as long again for those of others."""
SWITCHES: Final = 50
"""So often the file is asked to change its mode, while others ask as well."""

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

# A value that no column takes: another type, a lone surrogate, a text without end.
_UNFIT: Final = (sqlite3.InterfaceError, sqlite3.DataError, UnicodeEncodeError)
_UNFIT_TYPE: Final = "Error binding parameter"
_UNFIT_CODES: Final = {sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.SQLITE_CONSTRAINT_CHECK}

_TEXT: Final = Statements.of("?", "MIN")
_DELETE: Final = "DELETE FROM sessions WHERE session_id = ?"
_FORGET_BLOCKS: Final = (
    "DELETE FROM blocklist WHERE token_hash IN"
    " (SELECT token_hash FROM blocklist WHERE expires_at <= ? LIMIT ?)"
)
_FORGET_CLAIMS: Final = (
    "DELETE FROM claims WHERE claim_key IN (SELECT claim_key FROM claims WHERE expires_at <= ? LIMIT ?)"
)


class SqliteSessionStore(SqlStore[sqlite3.Connection]):
    """A store in one file, shared by threads and processes.

    Args:
        path: the file; made if it is absent.
        clock: the time.
        limit: live sessions that one user may hold.

    Raises:
        StoreUnavailableError: the file cannot be opened or is no database.
    """

    def __init__(self, path: str, *, clock: Clock, limit: int = SESSION_LIMIT) -> None:
        super().__init__(_TEXT, clock=clock, limit=limit)
        self._path = path
        self._turn = threading.Lock()
        with self._lent() as connection:
            _log_ahead(connection)
            connection.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        # An acknowledged session must survive a power cut, not only the end of this process.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _meaning(self, error: BaseException, user_id: str) -> SessionKeeperError | None:
        if _is_unfit(error):
            return InvalidInputError("The session database cannot hold such a value.")
        if isinstance(error, sqlite3.IntegrityError):
            return SessionLimitRaceError(user_id, RaceReason.SLOT_TAKEN)
        if isinstance(error, sqlite3.OperationalError):
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                return SessionLimitRaceError(user_id, RaceReason.BUSY)
            return StoreUnavailableError("The session database does not answer.")
        if isinstance(error, sqlite3.Error):
            return StoreUnavailableError("The session database cannot be read.")
        return None

    def _alone(self, step: Callable[[sqlite3.Connection], T], user_id: str = "", guest: str = "") -> T:
        """Hold the write lock, which is everybody's, from before the first look until the commit."""
        del guest
        if not self._turn.acquire(timeout=BUSY_TIMEOUT):
            raise SessionLimitRaceError(user_id, RaceReason.BUSY)
        try:
            with self._lent(user_id) as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    result = step(connection)
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
                return result
        finally:
            self._turn.release()

    def _remove(self, connection: sqlite3.Connection, session_ids: list[SessionID]) -> None:
        for session_id in session_ids:
            connection.execute(_DELETE, (session_id,))

    def _forget(self, now: Timestamp, batch: int) -> int:
        def step(connection: sqlite3.Connection) -> int:
            connection.execute(_FORGET_CLAIMS, (now, batch))
            return connection.execute(_FORGET_BLOCKS, (now, batch)).rowcount

        return self._alone(step)


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Put the file into WAL mode, for good.

    Of several that do so at once all but one are told that the file is busy, at once and whatever the
    timeout (SQLite waits for no lock while it holds another). They wait for the one, and ask again.

    Raises:
        OperationalError: the file stays busy.
    """
    for attempt in range(SWITCHES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt + 1 == SWITCHES:
                raise
            connection.execute("BEGIN IMMEDIATE")  # waits for its turn, up to the timeout
            connection.execute("COMMIT")
        else:
            return


def _is_unfit(error: BaseException) -> bool:
    """Say whether it is the value that is wrong, and not the store."""
    if isinstance(error, sqlite3.ProgrammingError):
        return str(error).startswith(_UNFIT_TYPE)
    return isinstance(error, _UNFIT) or getattr(error, "sqlite_errorcode", 0) in _UNFIT_CODES
