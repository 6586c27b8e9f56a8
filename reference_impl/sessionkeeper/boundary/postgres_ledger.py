"""The ledger on a PostgreSQL server, for any number of processes and machines; needs psycopg 3."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
from psycopg import errors, sql

from sessionkeeper.boundary.domain import ActiveSessionExistsError
from sessionkeeper.boundary.sql_rows import SCHEMA, SqlRows
from sessionkeeper.errors import SessionKeeperError, StoreUnavailableError
from sessionkeeper.stores.bounded import BoundedConnection
from sessionkeeper.stores.pool import FreeList, Loan


if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkeeper.boundary.rows import Rows

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

CONNECT_TIMEOUT: Final = 5
"""Seconds to wait for the server."""
_TIMEOUTS: Final = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'"
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(7301881442)"


class PostgresLedger:
    """A ledger in a table of a server.

    Args:
        url: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.
        schema: the schema for the table, made if absent; by default the connection's own.

    Raises:
        StoreUnavailableError: the server does not answer.
    """

    def __init__(self, url: str, *, schema: str = "") -> None:
        self._url = url
        self._schema = schema
        self._connections: FreeList[psycopg.Connection[tuple[Any, ...]]] = FreeList(
            self._connect, self._meaning
        )
        with self._lent() as connection, connection.transaction():
            connection.execute(_ONE_AT_A_TIME)  # two who make the same table at once would collide
            if schema:
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            for statement in SCHEMA:
                connection.execute(statement.encode())

    def _connect(self) -> Connection:
        connection = BoundedConnection.to(self._url, connect_timeout=CONNECT_TIMEOUT)
        connection.execute(_TIMEOUTS)
        if self._schema:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._schema)))
        return connection

    def _lent(self) -> Loan[Connection]:
        return self._connections.lend()

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """As :meth:`Ledger.transaction`; what is looked at is locked until the end."""
        with self._lent() as connection, connection.transaction():
            yield SqlRows(_Questions(connection), " FOR UPDATE")

    def close(self) -> None:
        """As :meth:`Ledger.close`."""
        self._connections.close()

    def _meaning(self, error: BaseException, _about: str) -> SessionKeeperError | None:
        if isinstance(error, errors.UniqueViolation):
            if error.diag.constraint_name == "boundary_one_open_session":
                return ActiveSessionExistsError("The user has an active session.")
            return StoreUnavailableError("The ledger refused a row.")
        if isinstance(error, psycopg.Error):
            self._connections.close()  # a server that was restarted has cut the idle ones as well
            return StoreUnavailableError("The ledger does not answer.")
        return None


class _Questions:
    """A connection that takes ``?`` for a parameter, as the shared statements are written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: tuple[Any, ...] = (), /) -> Any:
        return self._connection.execute(statement.replace("?", "%s").encode(), parameters)
