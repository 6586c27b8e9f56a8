"""Faults of SQLite: a lock that is never had."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.faults.fault import Fault, Point


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.faults.injector import Injector


@dataclass(frozen=True, kw_only=True)
class Busy(Fault):
    """Another process holds the database for longer than the busy timeout.

    Attributes:
        operation: first word of the statement; empty for any.
    """

    operation: str = ""
    store: ClassVar[str] = "sqlite"

    def matches(self, point: Point) -> bool:
        """A statement of that kind."""
        return super().matches(point) and self.operation in {"", point.operation}

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Answer as SQLite does."""
        del point, proceed, injector
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
        error.planproof_final = True  # type: ignore[attr-defined] # the busy timeout is over: no waiting for it
        raise error
