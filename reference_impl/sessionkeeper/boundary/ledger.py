"""Which session of which user is active: what every worker of the service agrees on (S2.CON4, Option B).

A ledger keeps a row for each session and gives out one transaction at a time for a user. No user
ever has two open rows (:mod:`sessionkeeper.boundary.rows`), which each ledger enforces by its structure and
not by looking first.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from sessionkeeper.boundary.domain import ActiveSessionExistsError, timestamp
from sessionkeeper.boundary.rows import State
from sessionkeeper.errors import ConfigurationError, StoreUnavailableError


if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sessionkeeper.boundary.rows import Row, Rows


class Ledger(Protocol):
    """Where the rows are."""

    def transaction(self) -> AbstractContextManager[Rows]:
        """Do all that happens in the ``with`` block, or nothing if it raises.

        Raises:
            StoreUnavailableError: the ledger does not answer; the outcome may be unknown.
        """
        ...

    def close(self) -> None:
        """Give back whatever is held open."""
        ...


class MemoryLedger:
    """A ledger in this process's memory, for one process with any number of threads (S2.CON2, K2.21).

    It forgets nothing while the process runs: a session that has ended must be told from one that never was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables = _Tables()

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """As :meth:`Ledger.transaction`."""
        with self._lock:
            rows = _MemoryRows(self._tables)
            try:
                yield rows
            except BaseException:
                rows.undo()
                raise

    def close(self) -> None:
        """As :meth:`Ledger.close`."""


class _Tables:
    """All rows, and two indexes: the open row of a user, and the record ids in use."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.open: dict[str, Row] = {}
        self.records: dict[str, str] = {}

    def write(self, session_id: str, row: Row | None) -> Row | None:
        """Put a row in the place of the one that was there, which is returned; None for none."""
        old = self.rows.pop(session_id, None)
        if old is not None:
            if old.state is not State.CLOSED:
                self.open.pop(old.session.user_id)
            for record_id in _records_of(old):
                self.records.pop(record_id)
        if row is not None:
            self.rows[session_id] = row
            if row.state is not State.CLOSED:
                self.open[row.session.user_id] = row
            self.records |= dict.fromkeys(_records_of(row), session_id)
        return old


def _records_of(row: Row) -> list[str]:
    return [name for name in (row.start_record_id, row.end_record_id) if name is not None]


class _MemoryRows:
    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._before: list[tuple[str, Row | None]] = []

    def undo(self) -> None:
        for session_id, old in reversed(self._before):
            self._tables.write(session_id, old)

    def get(self, session_id: str) -> Row | None:
        return self._tables.rows.get(session_id)

    def open_row_of(self, user_id: str) -> Row | None:
        return self._tables.open.get(user_id)

    def insert(self, row: Row) -> None:
        if self.open_row_of(row.session.user_id) is not None:
            raise ActiveSessionExistsError("The user has an active session.")
        self.update(row)

    def update(self, row: Row) -> None:
        session_id = row.session.session_id
        if any(self._tables.records.get(name, session_id) != session_id for name in _records_of(row)):
            raise StoreUnavailableError("The ledger refused a row.")
        self._before.append((session_id, self._tables.write(session_id, row)))

    def delete(self, session_id: str) -> None:
        self._before.append((session_id, self._tables.write(session_id, None)))

    def active_before(self, start_time: str, count: int) -> list[str]:
        active = (row.session for row in self._tables.open.values() if row.state is State.ACTIVE)
        old = [session for session in active if timestamp(session.start_time) <= start_time]
        return [session.session_id for session in sorted(old, key=lambda one: one.start_time)[:count]]

    def unsettled_before(self, settle_by: float, count: int) -> list[str]:
        late = [r for r in self._tables.open.values() if r.settle_by is not None and r.settle_by <= settle_by]
        return [row.session.session_id for row in late[:count]]


def open_ledger(url: str, *, namespace: str = "") -> Ledger:
    """Open the ledger that an address names; its table is made where it is absent.

    Args:
        url: ``memory://``, ``sqlite:///PATH`` (an absolute path makes four slashes) or ``postgresql://...``.
        namespace: PostgreSQL schema for the table, made if absent; by default the connection's own.

    Raises:
        ConfigurationError: the address names no ledger that is known, or its driver is not installed.
        StoreUnavailableError: the store does not answer.
    """
    scheme, _, rest = url.partition("://")
    try:
        if scheme == "memory":
            return MemoryLedger()
        if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
            from sessionkeeper.boundary.sqlite_ledger import SqliteLedger

            return SqliteLedger(rest.removeprefix("/"))
        if scheme in {"postgresql", "postgres"}:
            from sessionkeeper.boundary.postgres_ledger import PostgresLedger

            return PostgresLedger(url, schema=namespace)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"The store {scheme}:// needs the package {error.name}.") from error
    raise ConfigurationError(
        f"{scheme or url!r} is no store for boundaries: use memory, sqlite or postgresql."
    )
