"""Starting and ending sessions: the order in which things become true (S2.C.19 to S2.C.21, S2.B1.10).

1. In one transaction the boundary is *reserved*: the ledger refuses a second open session of a user, or a
   second end, whichever worker asks.
2. In a second one, which holds the row: the event is recorded, then the row says so. If recording fails, the
   reservation is taken back, and all is as before. No event is recorded unless its reservation stands.
3. If the worker dies in between, or the second commit fails after the event was recorded, the row stays
   reserved. Once it is overdue, whoever meets it looks whether the event is in the log: if so the boundary
   has happened, if not it has not (K2.22).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sessionkeeper.boundary.config import (
    DEFAULT_TIMEOUT_SECONDS,
    MODULE_SOURCE,
    SETTLE_SECONDS,
    SYSTEM_PERFORMER,
)
from sessionkeeper.boundary.domain import (
    BoundaryInProgressError,
    RecordingFailedError,
    assert_can_end_session,
    close_session,
    instant,
    moment,
    timestamp,
)
from sessionkeeper.boundary.idgen import generate_record_id, generate_session_id
from sessionkeeper.boundary.models import Session
from sessionkeeper.boundary.repository import SessionRepository, append_event
from sessionkeeper.boundary.schemas import (
    BoundaryEvent,
    SessionManagerEndInput,
    SessionManagerEndOutput,
    SessionManagerStartInput,
    SessionManagerStartOutput,
)
from sessionkeeper.clock import Clock, SystemClock
from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.boundary.ledger import Ledger
    from sessionkeeper.boundary.schema_recorder import RecorderConfig

LOGGER: Final = logging.getLogger(__name__)
_BATCH: Final = 100


class SessionService:
    """Starts and ends sessions; safe to share between threads, and one of many processes on one ledger.

    Args:
        ledger: which session is active.
        recorder: where events are recorded.
        clock: the server's time.
        timeout: seconds after which :meth:`close_expired_sessions` ends a session.
        settle_seconds: seconds that recording an event may take before others look what became of it.
    """

    def __init__(
        self,
        ledger: Ledger,
        recorder: RecorderConfig,
        *,
        clock: Clock | None = None,
        timeout: int = DEFAULT_TIMEOUT_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._clock = clock or SystemClock()
        self._timeout = timeout
        self._settle = settle_seconds

    def start_session(self, payload: SessionManagerStartInput) -> SessionManagerStartOutput:
        """Start a session and record it (S2.C.20).

        Raises:
            ActiveSessionExistsError: the user has an active session; none is closed to make room.
            RecordingFailedError: the event could not be recorded; there is no session.
            StoreUnavailableError: the ledger does not answer; a start that was recorded by then still counts.
        """
        now = self._clock.now()
        session = Session(
            session_id=generate_session_id(),
            user_id=payload.user_id,
            start_time=instant(now),
            is_training_data=payload.is_training_data,
            session_notes=payload.session_notes,
            training_intent_label=payload.training_intent_label,
            performer_id=payload.performer_id,
        )
        # Made, and so checked, before anything happens: an event that is not valid is never recorded.
        event = SessionManagerStartOutput(
            source=MODULE_SOURCE,
            record_id=generate_record_id(),
            user_id=session.user_id,
            session_id=session.session_id,
            timestamp=timestamp(session.start_time),
            performer_id=payload.performer_id,
            is_training_data=payload.is_training_data,
            session_notes=payload.session_notes,
            training_intent_label=payload.training_intent_label,
        )
        with self._ledger.transaction() as rows:
            repository = SessionRepository(rows, self._recorder)
            repository.reserve_start(session, event.record_id, now=now, settle_by=now + self._settle)
        self._record(event, lambda repository: repository.create_active_session(session))
        return event

    def end_session(self, payload: SessionManagerEndInput) -> SessionManagerEndOutput:
        """End a session and record it (S2.C.21).

        Raises:
            SessionNotFoundError: there is no such session.
            SessionForbiddenError: it is another user's.
            SessionAlreadyClosedError: it has ended before.
            BoundaryInProgressError: another request is just ending it.
            RecordingFailedError: the event could not be recorded; the session goes on.
            StoreUnavailableError: the ledger does not answer; an end that was recorded by then still counts.
        """
        now = self._clock.now()
        with self._ledger.transaction() as rows:
            repository = SessionRepository(rows, self._recorder)
            session = repository.find_session(payload.session_id, now=now)
            assert_can_end_session(session, payload.user_id)
            closed = close_session(session, instant(now))
            event = SessionManagerEndOutput(
                source=MODULE_SOURCE,
                record_id=generate_record_id(),
                user_id=session.user_id,
                session_id=session.session_id,
                timestamp=timestamp(closed.end_time or session.start_time),
                performer_id=payload.performer_id,
                start_time=timestamp(session.start_time),
            )
            repository.reserve_end(session.session_id, event.record_id, settle_by=now + self._settle)
        end_time = moment(event.timestamp)
        self._record(event, lambda repository: repository.mark_session_closed(session.session_id, end_time))
        return event

    def _record(self, event: BoundaryEvent, confirm: Callable[[SessionRepository], object]) -> None:
        """Record a reserved event and make it true; take the reservation back if it can not be recorded."""
        failure: RecordingFailedError | None = None
        with self._ledger.transaction() as rows:
            repository = SessionRepository(rows, self._recorder)
            if not repository.is_reserved(event.session_id, event.record_id):
                raise BoundaryInProgressError("It took too long to record the event; nothing was recorded.")
            try:
                append_event(self._recorder, event.user_id, event.session_id, event)
            except RecordingFailedError as error:
                LOGGER.exception("recording failed for session %s", event.session_id)
                repository.withdraw(event.session_id)
                failure = error
            else:
                confirm(repository)
        if failure is not None:
            raise failure

    # The system's own part --------------------------------------------------------------------------------

    def close_by_system(self, session_id: str) -> SessionManagerEndOutput:
        """End a session in the name of the system (S2.B1.9); errors as of :meth:`end_session`."""
        with self._ledger.transaction() as rows:
            repository = SessionRepository(rows, self._recorder)
            session = repository.find_session(session_id, now=self._clock.now())
        payload = SessionManagerEndInput(
            user_id=session.user_id, session_id=session_id, performer_id=SYSTEM_PERFORMER
        )
        return self.end_session(payload)

    def close_expired_sessions(self) -> int:
        """End every session that began longer ago than the timeout; returns how many were ended here.

        Any number of workers may do this at once: each session is ended by one of them.

        Raises:
            RecordingFailedError: an end could not be recorded; the sessions before it are closed.
            StoreUnavailableError: the ledger does not answer.
        """
        before = timestamp(instant(self._clock.now()) - timedelta(seconds=self._timeout))
        closed = 0
        while True:
            with self._ledger.transaction() as rows:
                expired = rows.active_before(before, _BATCH)
            ended = [session_id for session_id in expired if self._close_if_active(session_id)]
            closed += len(ended)
            # A batch of which none could be ended is being ended by others.
            if len(expired) < _BATCH or not ended:
                return closed

    def _close_if_active(self, session_id: str) -> bool:
        try:
            self.close_by_system(session_id)
        except SessionKeeperError as error:
            if error.http_status >= 500:  # noqa: PLR2004 -- the server's own failure
                raise
            LOGGER.debug("session %s was ended elsewhere: %s", session_id, error.code)
            return False
        return True

    def recover(self) -> int:
        """Settle every boundary whose worker went silent; returns how many.

        Raises:
            StoreUnavailableError: the ledger does not answer.
        """
        now = self._clock.now()
        with self._ledger.transaction() as rows:
            overdue = rows.unsettled_before(now, _BATCH)
        settled = 0
        for session_id in overdue:
            with self._ledger.transaction() as rows:
                settled += SessionRepository(rows, self._recorder).settle_if_overdue(session_id, now)
        return settled
