"""The ledger's table in SQL, as SQLite and PostgreSQL both understand it.

The partial unique index is what makes a second open row of a user impossible, and the two unique columns what
keeps a record id from naming two starts or two ends (S2.B1.3.2, K2.31): constraints, not looks.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from sessionkeeper.boundary.domain import moment, timestamp
from sessionkeeper.boundary.models import Session, SessionStatus
from sessionkeeper.boundary.rows import Row, State


SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS boundary_sessions (
        session_id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('starting', 'active', 'ending', 'closed')),
        start_time TEXT NOT NULL,
        end_time TEXT,
        is_training_data INTEGER NOT NULL,
        session_notes TEXT,
        training_intent_label TEXT,
        performer_id TEXT,
        start_record_id TEXT NOT NULL UNIQUE,
        end_record_id TEXT UNIQUE,
        settle_by DOUBLE PRECISION
    )
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS boundary_one_open_session
        ON boundary_sessions (user_id) WHERE state <> 'closed'
    """,
    """
    CREATE INDEX IF NOT EXISTS boundary_active_by_age
        ON boundary_sessions (start_time) WHERE state = 'active'
    """,
    """
    CREATE INDEX IF NOT EXISTS boundary_unsettled
        ON boundary_sessions (settle_by) WHERE settle_by IS NOT NULL
    """,
)

_COLUMNS: Final = (
    "session_id, user_id, state, start_time, end_time, is_training_data, session_notes,"
    " training_intent_label, performer_id, start_record_id, end_record_id, settle_by"
)
_INSERT: Final = f"INSERT INTO boundary_sessions ({_COLUMNS}) VALUES ({', '.join('?' * 12)})"  # noqa: S608 -- constants
_UPDATE: Final = (
    "UPDATE boundary_sessions SET state = ?, end_time = ?, end_record_id = ?, settle_by = ?"
    " WHERE session_id = ?"
)
_DELETE: Final = "DELETE FROM boundary_sessions WHERE session_id = ?"
_GET: Final = f"SELECT {_COLUMNS} FROM boundary_sessions WHERE session_id = ?"  # noqa: S608 -- constants
_OPEN: Final = f"SELECT {_COLUMNS} FROM boundary_sessions WHERE user_id = ? AND state <> 'closed'"  # noqa: S608 -- constants
_ACTIVE: Final = (
    "SELECT session_id FROM boundary_sessions WHERE state = 'active' AND start_time <= ?"
    " ORDER BY start_time LIMIT ?"
)
_UNSETTLED: Final = "SELECT session_id FROM boundary_sessions WHERE settle_by <= ? ORDER BY settle_by LIMIT ?"


class Connection(Protocol):
    """What both drivers' connections can do."""

    def execute(self, statement: str, parameters: tuple[Any, ...] = ..., /) -> Any:
        """Run a statement and return its cursor."""
        ...


class SqlRows:
    """Rows on a connection that is within a transaction; methods as of :class:`ledger.Rows`.

    Args:
        connection: a connection that takes ``?`` for a parameter.
        hold: what a SELECT ends in so that its rows are held against others.
    """

    def __init__(self, connection: Connection, hold: str = "") -> None:
        self._connection = connection
        self._hold = hold

    def get(self, session_id: str) -> Row | None:
        """The row of a session, held; or None."""
        found = self._connection.execute(_GET + self._hold, (session_id,)).fetchone()
        return None if found is None else _row(found)

    def open_row_of(self, user_id: str) -> Row | None:
        """The open row of a user, held; or None."""
        found = self._connection.execute(_OPEN + self._hold, (user_id,)).fetchone()
        return None if found is None else _row(found)

    def insert(self, row: Row) -> None:
        """Add a row; the ledger turns the driver's refusal of a second open one into our error."""
        session = row.session
        self._connection.execute(
            _INSERT,
            (
                session.session_id,
                session.user_id,
                row.state.value,
                timestamp(session.start_time),
                session.end_time and timestamp(session.end_time),
                int(session.is_training_data),
                session.session_notes,
                session.training_intent_label,
                session.performer_id,
                row.start_record_id,
                row.end_record_id,
                row.settle_by,
            ),
        )

    def update(self, row: Row) -> None:
        """Write what can change of a row: its state, its end and its date."""
        end = row.session.end_time
        values = (row.state.value, end and timestamp(end), row.end_record_id, row.settle_by)
        self._connection.execute(_UPDATE, (*values, row.session.session_id))

    def delete(self, session_id: str) -> None:
        """Remove a row."""
        self._connection.execute(_DELETE, (session_id,))

    def active_before(self, start_time: str, count: int) -> list[str]:
        """Ids of old active sessions, oldest first."""
        return [found[0] for found in self._connection.execute(_ACTIVE, (start_time, count)).fetchall()]

    def unsettled_before(self, settle_by: float, count: int) -> list[str]:
        """Ids of rows that should have been settled."""
        return [found[0] for found in self._connection.execute(_UNSETTLED, (settle_by, count)).fetchall()]


def _row(found: tuple[Any, ...]) -> Row:
    (session_id, user_id, state, start, end, training, notes, label, performer, first, last, settle_by) = (
        found
    )
    closed = state == State.CLOSED
    session = Session(
        session_id=session_id,
        user_id=user_id,
        start_time=moment(start),
        end_time=None if end is None else moment(end),
        status=SessionStatus.CLOSED if closed else SessionStatus.ACTIVE,
        is_training_data=bool(training),
        session_notes=notes,
        training_intent_label=label,
        performer_id=performer,
    )
    return Row(session, State(state), first, last, settle_by)
