"""The ledger in one SQLite file, for any number of threads and processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sessionkeeper.boundary.domain import ActiveSessionExistsError
from sessionkeeper.boundary.sql_rows import SCHEMA, SqlRows
from sessionkeeper.errors import StoreUnavailableError
from sessionkeeper.stores.pool import FreeList


if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkeeper.boundary.ledger import Rows

BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for another process's transaction."""


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
        self._connections = FreeList(self._connect)
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

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._connections.lend() as connection:
                yield connection
        except sqlite3.IntegrityError as error:
            if "boundary_sessions.user_id" in str(error):
                raise ActiveSessionExistsError("The user has an active session.") from error
            raise StoreUnavailableError("The ledger refused a row.") from error
        except sqlite3.Error as error:
            raise StoreUnavailableError("The ledger does not answer.") from error

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """As :meth:`Ledger.transaction`; the write lock is held from before the first look."""
        with self._turn, self._lent() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield SqlRows(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """As :meth:`Ledger.close`."""
        self._connections.close()
