"""What may happen to a session in the ledger and where its events go (S2.C.13 to S2.C.18).

It makes the directory of a user's sessions and hands every event to ``schema_recorder``; it never opens a log
itself (S2.INV7, K2.11). A repository lives as long as one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessionkeeper.boundary import schema_recorder
from sessionkeeper.boundary.domain import (
    BoundaryInProgressError,
    RecordingFailedError,
    SessionNotFound,
    close_session,
    moment,
)
from sessionkeeper.boundary.layout import session_directory, session_log_path
from sessionkeeper.boundary.rows import Row, Rows, State


if TYPE_CHECKING:
    from datetime import datetime

    from sessionkeeper.boundary.models import Session
    from sessionkeeper.boundary.schema_recorder import RecorderConfig
    from sessionkeeper.boundary.schemas import BaseSchema

__all__ = ["SessionRepository", "append_event", "session_log_path"]


def append_event(cfg: RecorderConfig, user_id: str, session_id: str, message: BaseSchema) -> None:
    """Have an event recorded (S2.C.17): make the directory, let the recorder write.

    Raises:
        RecordingFailedError: it could not be recorded; the log is as it was before.
    """
    try:
        session_directory(user_id, root=cfg.root).mkdir(mode=0o700, parents=True, exist_ok=True)
        schema_recorder.append_event(cfg, user_id, session_id, message)
    except OSError as error:
        raise RecordingFailedError("The event could not be recorded; nothing was changed.") from error


class SessionRepository:
    """Sessions within one transaction of the ledger.

    Args:
        rows: the ledger's rows.
        recorder: where events are recorded.
    """

    def __init__(self, rows: Rows, recorder: RecorderConfig) -> None:
        self._rows = rows
        self._recorder = recorder

    # Reserving: what is about to be recorded is written down first ------------------------------------

    def reserve_start(self, session: Session, record_id: str, *, now: float, settle_by: float) -> None:
        """Keep the user's one place for a session whose start is about to be recorded.

        Args:
            session: the session to be.
            record_id: id of its start event.
            now: second since the epoch; a row overdue by then is settled first.
            settle_by: second by which the start should be recorded.

        Raises:
            ActiveSessionExistsError: the user has an open session (S2.B1.6.2).
        """
        present = self._rows.open_row_of(session.user_id)
        if present is not None:
            self._settle_if_overdue(present, now)
        self._rows.insert(Row(session, State.STARTING, record_id, settle_by=settle_by))

    def reserve_end(self, session_id: str, record_id: str, *, settle_by: float) -> None:
        """Write down that the end of an active session is about to be recorded; errors as of ``active``."""
        row = self._active(session_id)
        self._rows.update(replace(row, state=State.ENDING, end_record_id=record_id, settle_by=settle_by))

    # Settling: what has been recorded becomes true -----------------------------------------------------

    def create_active_session(self, session: Session) -> None:
        """The start of a reserved session is recorded: it is active now (S2.C.14).

        Raises:
            SessionNotFoundError: it was never reserved, or somebody else settled it.
        """
        row = self._rows.get(session.session_id)
        if row is None or row.state is not State.STARTING:
            raise SessionNotFound("The session was not reserved.")
        self._rows.update(replace(row, state=State.ACTIVE, settle_by=None))

    def mark_session_closed(self, session_id: str, end_time: datetime) -> Session:
        """The end of a session is recorded: it is closed now (S2.C.16).

        Args:
            session_id: which session.
            end_time: the time in its end event.

        Raises:
            SessionNotFoundError: its end was never reserved, or somebody else settled it.
        """
        row = self._rows.get(session_id)
        if row is None or row.state is not State.ENDING:
            raise SessionNotFound("The end of the session was not reserved.")
        closed = close_session(row.session, end_time)
        self._rows.update(replace(row, session=closed, state=State.CLOSED, settle_by=None))
        return closed

    def withdraw(self, session_id: str) -> None:
        """Take a reservation back: nothing was recorded, so nothing has happened (S2.B1.10.2)."""
        row = self._rows.get(session_id)
        if row is not None and row.state is State.STARTING:
            self._rows.delete(session_id)
        elif row is not None and row.state is State.ENDING:
            self._rows.update(replace(row, state=State.ACTIVE, end_record_id=None, settle_by=None))

    def is_reserved(self, session_id: str, record_id: str) -> bool:
        """Whether the reservation for an event stands, and hold it until the transaction ends."""
        row = self._rows.get(session_id)
        if row is None:
            return False
        expected = {State.STARTING: row.start_record_id, State.ENDING: row.end_record_id}.get(row.state)
        return expected == record_id

    # Looking --------------------------------------------------------------------------------------------

    def find_session(self, session_id: str, *, now: float) -> Session:
        """A session that has begun, closed ones too, so that ending twice can be told apart (K2.12).

        Raises:
            SessionNotFoundError: there is none.
        """
        row = self._rows.get(session_id)
        if row is not None:
            row = self._settle_if_overdue(row, now)
        if row is None or row.state is State.STARTING:
            raise SessionNotFound("There is no such session.")
        return row.session

    def get_active_session(self, session_id: str) -> Session | None:
        """An active session, or None for one that is closed, just starting or unknown (S2.C.15)."""
        row = self._rows.get(session_id)
        return row.session if row is not None and row.state in {State.ACTIVE, State.ENDING} else None

    def _active(self, session_id: str) -> Row:
        """The row of an active session that nobody is ending."""
        row = self._rows.get(session_id)
        if row is None or row.state in {State.STARTING, State.CLOSED}:
            raise SessionNotFound("There is no such active session.")
        if row.state is State.ENDING:
            raise BoundaryInProgressError("Another request is ending the session.")
        return row

    def _events_of(self, session: Session) -> list[dict[str, Any]]:
        try:
            return schema_recorder.recorded_events(self._recorder, session.user_id, session.session_id)
        except (OSError, ValueError) as error:
            raise RecordingFailedError("The log of the session can not be read.") from error

    # Recovering -----------------------------------------------------------------------------------------

    def settle_if_overdue(self, session_id: str, now: float) -> bool:
        """Settle a row if it should have been by now; returns whether it was."""
        row = self._rows.get(session_id)
        return row is not None and self._settle_if_overdue(row, now) is not row

    def _settle_if_overdue(self, row: Row, now: float) -> Row | None:
        """What has become of a boundary whose worker went silent: the log decides.

        The row is held, so the worker can neither be recording now nor begin to: it checks its reservation
        under the same hold before it records.
        """
        if row.settle_by is None or row.settle_by > now:
            return row
        session = row.session
        events = self._events_of(session)
        wanted = row.start_record_id if row.state is State.STARTING else row.end_record_id
        event = next((one for one in events if one.get("record_id") == wanted), None)
        if event is None:
            self.withdraw(session.session_id)
        elif row.state is State.STARTING:
            self.create_active_session(session)
        else:
            self.mark_session_closed(session.session_id, moment(event["timestamp"]))
        return self._rows.get(session.session_id)
