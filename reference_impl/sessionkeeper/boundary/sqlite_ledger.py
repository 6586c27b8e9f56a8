"""The ledger in one SQLite file, for any number of threads and processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sessionkeeper.boundary.domain import ActiveSessionExistsError
from sessionkeeper.boundary.sql_rows import SCHEMA, SqlRows
from sessionkeeper.errors import SessionKeeperError, StoreUnavailableError
from sessionkeeper.stores.pool import FreeList, Loan


if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkeeper.boundary.rows import Rows

BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for a transaction of this process, and as long again for one of another."""


class SqliteLedger:
    """A ledger in a file.

    Args:
        path: the file; made if it is absent.

    Raises:
        StoreUnavailableError: the file can not be opened or is no database.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        # SQLite's own waiting sleeps in steps; threads of one process queue here instead.
        self._turn = threading.Lock()
        self._connections = FreeList(self._connect, _meaning)
        with self._lent() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            for statement in SCHEMA:
                connection.execute(statement)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        # What was acknowledged must survive a power cut, not only the end of this process.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _lent(self) -> Loan[sqlite3.Connection]:
        return self._connections.lend()

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """As :meth:`Ledger.transaction`; the write lock is held from before the first look."""
        if not self._turn.acquire(timeout=BUSY_TIMEOUT):
            raise StoreUnavailableError("The ledger does not answer.")
        try:
            with self._lent() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield SqlRows(connection)
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        finally:
            self._turn.release()

    def close(self) -> None:
        """As :meth:`Ledger.close`."""
        self._connections.close()


def _meaning(error: BaseException, _about: str) -> SessionKeeperError | None:
    if isinstance(error, sqlite3.IntegrityError):
        if "boundary_sessions.user_id" in str(error):
            return ActiveSessionExistsError("The user has an active session.")
        return StoreUnavailableError("The ledger refused a row.")
    return StoreUnavailableError("The ledger does not answer.") if isinstance(error, sqlite3.Error) else None
