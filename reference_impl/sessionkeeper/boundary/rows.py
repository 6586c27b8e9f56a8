"""The row that a ledger keeps for each session, and what a transaction does with rows.

A row is in one of four states, three of which are *open*:

``starting``
    reserved; its start event may or may not be recorded yet.
``active``
    its start event is recorded.
``ending``
    still active; its end event may or may not be recorded yet.
``closed``
    both events are recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol


if TYPE_CHECKING:
    from sessionkeeper.boundary.models import Session


class State(StrEnum):
    """How far a session has come."""

    STARTING = "starting"
    ACTIVE = "active"
    ENDING = "ending"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Row:
    """A session and how far it has come.

    Attributes:
        session: the session; its status is closed exactly if ``state`` is.
        state: see the module.
        start_record_id: id of its start event; unique.
        end_record_id: id of its end event; unique; None until there is one to record.
        settle_by: second since the epoch by which whoever is starting or ending it should be done.
    """

    session: Session
    state: State
    start_record_id: str
    end_record_id: str | None = None
    settle_by: float | None = None


class Rows(Protocol):
    """The rows, within one transaction."""

    def get(self, session_id: str) -> Row | None:
        """The row of a session, held against everybody else until the transaction ends; or None."""
        ...

    def open_row_of(self, user_id: str) -> Row | None:
        """The one open row of a user, held likewise; or None."""
        ...

    def insert(self, row: Row) -> None:
        """Add a row.

        Raises:
            ActiveSessionExistsError: the user has an open row.
        """
        ...

    def update(self, row: Row) -> None:
        """Replace the row of a session that :meth:`get` gave."""
        ...

    def delete(self, session_id: str) -> None:
        """Remove the row of a session."""
        ...

    def active_before(self, start_time: str, count: int) -> list[str]:
        """Ids of at most so many active sessions that began at or before a timestamp, oldest first."""
        ...

    def unsettled_before(self, settle_by: float, count: int) -> list[str]:
        """Ids of at most so many rows that should have been settled by a second since the epoch."""
        ...
