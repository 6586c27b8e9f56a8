"""SQLite: statements and commits are steps, and SQLITE_BUSY is seen as waiting.

A connection's own busy timeout is kept in virtual time: the call is made again when another client has moved,
and the application gets its SQLITE_BUSY when the timeout has passed and nobody could move.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any, TypeVar

from planproof.race.drivers.sql import (
    BEGIN,
    COMMIT,
    READ,
    ROLLBACK,
    SETTING,
    WRITE,
    Statement,
    read_statement,
)
from planproof.race.faults.fault import Point
from planproof.race.faults.injector import through
from planproof.race.recording import note_call
from planproof.race.schedules.scheduler import CannotObserve, current, observing
from planproof.race.schedules.step import Step


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


T = TypeVar("T")

_BUSY = 5
_BUSY_SNAPSHOT = 517
_WRITE_LOCK = "the write lock"
_DATA = "the data"
_now = time.monotonic_ns
_real_sleep = time.sleep
_real_connect = sqlite3.connect
_FURTHER = ("detect_types", "isolation_level", "check_same_thread", "factory", "cached_statements", "uri")


class _Gate:
    """The state of one connection, and the one way in which its calls reach SQLite."""

    __slots__ = ("busy_seconds", "read", "wrote")

    def __init__(self, busy_seconds: float) -> None:
        self.busy_seconds = busy_seconds
        self.read = False
        self.wrote = False

    def through(self, connection: sqlite3.Connection, text: str, action: Callable[[], T]) -> T:
        """Stop here, make the call, wait where it is busy."""
        statement = read_statement(text)
        control = current()
        if control is not None and statement.kind != SETTING:
            scheduler, client = control
            if not (scheduler.stopping and statement.kind == ROLLBACK):  # sent home, it still undoes its work
                scheduler.call(client, self._step(connection, statement, text))
        begin = _now()

        def make(client: int) -> Point:
            return Point("sqlite", text.split(None, 1)[0].upper(), text, client, connection)

        while True:
            try:
                result = action() if statement.kind == SETTING else through(make, action)
            except sqlite3.OperationalError as error:
                if not self._wait(connection, statement, error):
                    note_call("sql", _one_line(text), begin, error.sqlite_errorname)
                    raise
            else:
                break
        self._after(connection, statement)
        if statement.kind != SETTING:
            note_call("sql", _one_line(text), begin)
        return result

    def _wait(
        self, connection: sqlite3.Connection, statement: Statement, error: sqlite3.OperationalError
    ) -> bool:
        """Wait as the busy handler would; False where SQLite would not have asked it, or the time is up."""
        code = error.sqlite_errorcode
        if code & 0xFF != _BUSY or code == _BUSY_SNAPSHOT or self.busy_seconds <= 0:
            return False
        if hasattr(error, "planproof_final"):
            return False
        if observing():
            raise CannotObserve from error
        # SQLite does not ask the busy handler when a reader wants to write: waiting could never help.
        if self.read and not self.wrote and connection.in_transaction and statement.kind == WRITE:
            return False
        control = current()
        if control is None:
            _real_sleep(0.001)
            return True
        scheduler, client = control
        before = scheduler.effective
        return scheduler.wait_until(client, lambda: scheduler.effective > before, seconds=self.busy_seconds)

    def _step(self, connection: sqlite3.Connection, statement: Statement, text: str) -> Step:
        kind = statement.kind
        reads: set[str] = set()
        writes: set[str] = set()
        if kind == READ:
            reads = {_DATA}
        elif kind == WRITE:
            # Within a transaction nobody else sees what is written until it commits.
            alone = not connection.in_transaction and connection.isolation_level is None
            writes = {_DATA, _WRITE_LOCK} if alone else {_WRITE_LOCK}
            reads = {_DATA}
        elif kind == BEGIN and statement.mode in {"IMMEDIATE", "EXCLUSIVE"}:
            # An exclusive transaction keeps readers out, and a write transaction looks at the
            # data from here on.
            writes = {_WRITE_LOCK} if statement.mode == "IMMEDIATE" else {_WRITE_LOCK, _DATA}
            reads = {_DATA}
        elif kind in {COMMIT, ROLLBACK}:
            # Readers that go away let a writer commit, so even an end without writes counts.
            writes = {_DATA, _WRITE_LOCK}
        return Step("sql", _one_line(text), frozenset(reads), frozenset(writes))

    def _after(self, connection: sqlite3.Connection, statement: Statement) -> None:
        if not connection.in_transaction:
            self.wrote = self.read = False
        elif statement.kind == READ:
            self.read = True
        elif statement.kind == WRITE or statement.mode in {"IMMEDIATE", "EXCLUSIVE"}:
            self.wrote = True


def _one_line(text: str) -> str:
    return " ".join(text.split())


class ControlledCursor(sqlite3.Cursor):
    """A cursor whose statements are steps."""

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """As ``sqlite3.Cursor.execute``."""
        gate = _gate(self.connection)
        if gate is None:
            return super().execute(sql, parameters)
        result = gate.through(
            self.connection, sql, lambda: super(ControlledCursor, self).execute(sql, parameters)
        )
        _keep_timeout(self.connection, gate, sql)
        return result

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """As ``sqlite3.Cursor.executemany``; the whole is one step."""
        gate = _gate(self.connection)
        rows = list(parameters)
        if gate is None:
            return super().executemany(sql, rows)
        return gate.through(
            self.connection, sql, lambda: super(ControlledCursor, self).executemany(sql, rows)
        )

    def executescript(self, sql_script: str, /) -> Any:
        """As ``sqlite3.Cursor.executescript``; the whole is one step that touches everything."""
        gate = _gate(self.connection)
        if gate is None:
            return super().executescript(sql_script)
        label = f"script; {sql_script}"
        return gate.through(
            self.connection, label, lambda: super(ControlledCursor, self).executescript(sql_script)
        )


class ControlledConnection(sqlite3.Connection):
    """A connection whose statements, commits and rollbacks are steps."""

    def cursor(self, factory: Any = None) -> Any:
        """As ``sqlite3.Connection.cursor``."""
        return super().cursor(factory or ControlledCursor)

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """As ``sqlite3.Connection.execute``."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """As ``sqlite3.Connection.executemany``."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        """As ``sqlite3.Connection.executescript``."""
        return self.cursor().executescript(sql_script)

    def commit(self) -> None:
        """As ``sqlite3.Connection.commit``; no step where there is nothing to commit."""
        self._end("COMMIT", super().commit)

    def rollback(self) -> None:
        """As ``sqlite3.Connection.rollback``."""
        self._end("ROLLBACK", super().rollback)

    def _end(self, text: str, action: Callable[[], None]) -> None:
        gate = _gate(self)
        if gate is None or not self.in_transaction:
            action()
            return
        gate.through(self, text, action)

    def __exit__(self, *exception: object) -> Any:
        if exception[0] is None:
            try:
                self.commit()
            except BaseException:
                self.rollback()
                raise
        else:
            self.rollback()
        return False


def _gate(connection: sqlite3.Connection) -> _Gate | None:
    gate: _Gate | None = getattr(connection, "_planproof_gate", None)
    return gate


def _keep_timeout(connection: sqlite3.Connection, gate: _Gate, sql: str) -> None:
    """The application set a busy timeout: remember it, and keep SQLite itself from waiting."""
    if "busy_timeout" not in sql.lower():
        return
    row = sqlite3.Cursor(connection).execute("PRAGMA busy_timeout").fetchone()
    if row and row[0]:
        gate.busy_seconds = row[0] / 1000
        sqlite3.Cursor(connection).execute("PRAGMA busy_timeout = 0").close()


def _connect(database: Any, timeout: float = 5.0, *positional: Any, **named: Any) -> Any:
    named.update(zip(_FURTHER, positional, strict=False))  # by position they are deprecated
    factory = named.get("factory", sqlite3.Connection)
    if factory is sqlite3.Connection:
        named["factory"] = ControlledConnection
    elif not issubclass(factory, ControlledConnection):
        named["factory"] = type(factory.__name__, (ControlledConnection, factory), {})
    connection = _real_connect(database, timeout=0.0, **named)
    connection._planproof_gate = _Gate(timeout)  # noqa: SLF001 - our own mark
    return connection


@contextlib.contextmanager
def controlled_sqlite() -> Iterator[None]:
    """While this lasts, ``sqlite3.connect`` makes connections whose calls are steps."""
    modules: list[Any] = [sqlite3, sqlite3.dbapi2]
    for module in modules:
        module.connect = _connect
    try:
        yield
    finally:
        for module in modules:
            module.connect = _real_connect
