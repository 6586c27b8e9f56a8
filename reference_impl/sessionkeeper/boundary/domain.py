"""Rules about sessions, pure: no I/O, no clock, no web framework (S2.C.9 to S2.C.12).

The end of a session is not said by a caller of the service: ``end_time`` comes from the server's clock, which
the service reads (K2.07). Statuses that the document gives twice are decided in
docs/decisions/0050-contradictions-boundary-resilience-data.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sessionkeeper.boundary.models import SessionStatus
from sessionkeeper.errors import SessionForbiddenError, SessionKeeperError, SessionNotFoundError


if TYPE_CHECKING:
    from sessionkeeper.boundary.models import Session

# The names of the document; the classes are those of the whole package.
SessionNotFound = SessionNotFoundError
SessionUserMismatch = SessionForbiddenError


class SessionAlreadyClosedError(SessionKeeperError):
    """The session has ended before (S2.B1.8.1): 409, which B.1 asks for, not the 400 of B.5 (K2.01)."""

    code = "session_already_closed"
    http_status = 409


class ActiveSessionExistsError(SessionKeeperError):
    """The user has an active session, and none is closed to make room (S2.B1.6.2)."""

    code = "active_session_exists"
    http_status = 409


class BoundaryInProgressError(SessionKeeperError):
    """Another request is just starting or ending this session; it may yet fail, so try again."""

    code = "boundary_in_progress"
    http_status = 409
    retriable = True


class RecordingFailedError(SessionKeeperError):
    """The event could not be recorded, so nothing was changed (S2.B1.10.2)."""

    code = "recording_failed"
    http_status = 503
    retriable = True
    retry_after = 5


SessionAlreadyClosed = SessionAlreadyClosedError


def assert_can_end_session(session: Session, user_id: str) -> None:
    """Check that a user may end a session now (S2.C.10).

    Whose it is comes first: who may not end it learns nothing about its state.

    Raises:
        SessionForbiddenError: it is another user's.
        SessionAlreadyClosedError: it has ended before.
    """
    if session.user_id != user_id:
        raise SessionUserMismatch("The session belongs to another user.")
    if session.status is SessionStatus.CLOSED:
        raise SessionAlreadyClosedError("The session has ended already.")


def close_session(session: Session, end_time: datetime) -> Session:
    """The session as it is once it has ended (S2.C.11).

    Args:
        session: an active session.
        end_time: the server's time. One before the start, from a clock that was set back, counts as the
            start: no session ends before it begins.

    Raises:
        SessionAlreadyClosedError: it has ended before.
    """
    if session.status is SessionStatus.CLOSED:
        raise SessionAlreadyClosedError("The session has ended already.")
    return replace(session, status=SessionStatus.CLOSED, end_time=max(session.start_time, end_time))


def instant(seconds: float) -> datetime:
    """A clock's reading as a UTC time of whole milliseconds."""
    milliseconds = int(seconds * 1000)
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return whole.replace(microsecond=milliseconds % 1000 * 1000)


def timestamp(moment: datetime) -> str:
    """A UTC time as ISO 8601 with milliseconds and ``Z`` (S2.B1.1.4), e.g. ``2026-01-31T08:30:00.125Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def moment(text: str) -> datetime:
    """The inverse of :func:`timestamp`."""
    return datetime.fromisoformat(text)
