"""What a session is, without web framework and without I/O (S2.D.1 to S2.D.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from datetime import datetime


class SessionStatus(StrEnum):
    """A session has begun, or has ended."""

    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one user.

    Attributes:
        session_id: its id.
        user_id: whose it is.
        start_time: when it began, UTC, whole milliseconds.
        end_time: when it ended; None while it is active.
        status: active or closed.
        is_training_data: whether what happens in it may train a model.
        session_notes: what whoever started it wanted to note.
        training_intent_label: what is being trained.
        performer_id: who started it; ``system`` for no human.
    """

    session_id: str
    user_id: str
    start_time: datetime
    end_time: datetime | None = None
    status: SessionStatus = SessionStatus.ACTIVE
    is_training_data: bool = False
    session_notes: str | None = None
    training_intent_label: str | None = None
    performer_id: str | None = None
