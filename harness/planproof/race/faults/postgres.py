"""Faults of PostgreSQL: real errors of a real server, and connections cut by a proxy on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.faults.fault import Fault, Point


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.faults.injector import Injector


_IDLE = 0  # libpq's PQTRANS_IDLE
_NEVER_REFUSED = frozenset({"BEGIN", "START", "ROLLBACK", "ABORT"})


@dataclass(frozen=True, kw_only=True)
class _AtStatement(Fault):
    """Strikes at a statement that begins with a word.

    Attributes:
        operation: the word, in capitals; empty for any statement.
    """

    operation: str = "COMMIT"
    store: ClassVar[str] = "postgres"

    def matches(self, point: Point) -> bool:
        """A statement of that kind."""
        return super().matches(point) and self.operation in {"", point.operation}


@dataclass(frozen=True, kw_only=True)
class ServerError(_AtStatement):
    """The server refuses the statement with this SQLSTATE, and its transaction is aborted as always.

    Attributes:
        sqlstate: 40001 serialization failure, 40P01 deadlock, 55P03 lock not available, 57014 cancelled, or
            any.
        operation: the word; empty for any statement but those that begin a transaction or roll it back.
    """

    sqlstate: str = "40001"
    operation: str = ""

    def matches(self, point: Point) -> bool:
        """A statement that a server can refuse."""
        return super().matches(point) and (self.operation != "" or point.operation not in _NEVER_REFUSED)

    @property
    def name(self) -> str:
        """With the code."""
        return f"ServerError {self.sqlstate}"

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Have the server raise it, on this connection, in place of the statement."""
        from psycopg import errors

        del proceed, injector
        pg = point.connection.pgconn
        if pg.transaction_status == _IDLE and not point.connection.autocommit:
            pg.exec_(b"BEGIN")
        raised = pg.exec_(
            f"DO $$ BEGIN RAISE EXCEPTION 'injected' USING errcode = '{self.sqlstate}'; END $$".encode()
        )
        if point.operation == "COMMIT":
            pg.exec_(b"ROLLBACK")  # a commit that fails leaves no transaction behind
        raise errors.error_from_result(raised, encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Terminated(_AtStatement):
    """57P01: an administrator ends the connection just before the statement.

    What was not committed is gone.
    """

    @property
    def name(self) -> str:
        """With the code."""
        return "Terminated 57P01"

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Have the server end it, wait until it has, and send the statement."""
        import psycopg

        from planproof.race.drivers.postgres import uncontrolled

        pid = point.connection.info.backend_pid
        with uncontrolled(), psycopg.connect(injector.place.url, autocommit=True) as own:
            own.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        return proceed()


@dataclass(frozen=True, kw_only=True)
class _Cut(_AtStatement):
    """Strikes on the wire."""

    how: ClassVar[str] = ""
    needs_proxy: ClassVar[bool] = True

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Tell the proxy what to do with the next thing that this connection sends, and send it."""
        assert injector.proxy is not None
        injector.proxy.arm(point.connection.pgconn.socket, self.how)
        return proceed()


@dataclass(frozen=True, kw_only=True)
class CutBeforeCommit(_Cut):
    """The connection is cut, and the server never hears of the commit."""

    how: ClassVar[str] = "before"


@dataclass(frozen=True, kw_only=True)
class CutAfterCommit(_Cut):
    """The server commits, and the connection is cut before its reply: the client gets the same error."""

    how: ClassVar[str] = "after"


@dataclass(frozen=True, kw_only=True)
class HalfOpen(_Cut):
    """The client's side is gone, and the server has not noticed: it keeps the transaction and its locks."""

    how: ClassVar[str] = "half open"
