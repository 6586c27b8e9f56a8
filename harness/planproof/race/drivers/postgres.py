"""PostgreSQL through psycopg 3: statements, commits and rollbacks are steps; lock waits are seen.

Every wait of psycopg goes through ``Connection.wait``. In a controlled client that method looks whether the
reply is there; where it is not, the server is asked over a connection of our own (``pg_blocking_pids``)
whether the client is held by a lock. If so the others move on, and the client goes on by itself once the lock
is granted.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql as composing

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
from planproof.race.recording import current_entry, note_call
from planproof.race.schedules.scheduler import CannotObserve, current, observing
from planproof.race.schedules.step import Step


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_now = time.monotonic_ns
_pending = threading.local()
_DATA, _LOCKS = "the data", "locks"
_IDLE = 0  # libpq's PQTRANS_IDLE
# A reply that is not there after this many seconds is worth asking the server about.
_PATIENCE = 0.003


class _Monitor:
    """A connection of our own to one server, to ask who waits for whom."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def blocked(self, pid: int) -> bool:
        """Whether that server process waits for a lock that another one holds."""
        with self._lock, uncontrolled():
            row = self._connection.execute("SELECT cardinality(pg_blocking_pids(%s))", (pid,)).fetchone()
        return bool(row and row[0])


class _Held:
    """A client's call that the server holds."""

    def __init__(self, monitor: _Monitor, pid: int, socket: int) -> None:
        self._monitor = monitor
        self._pid = pid
        self._socket = socket

    def fileno(self) -> int:
        """The client's socket."""
        return self._socket

    def ready(self) -> bool:
        """True once the reply is there.

        While the server still works on it, wait for it to answer or to block.
        """
        while not readable(self._socket, 0.0):
            if self._monitor.blocked(self._pid):
                return readable(self._socket, 0.0)
            if readable(self._socket, _PATIENCE):
                return True
        return True


def readable(socket: int, seconds: float) -> bool:
    """Whether something came in, waiting so many seconds for it."""
    return bool(select.select([socket], [], [], seconds)[0])


class Monitors:
    """One monitor for each server, opened when it is first needed."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int, str], _Monitor] = {}
        self._connections: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()

    def of(self, connection: psycopg.Connection[Any]) -> _Monitor:
        """The monitor of the server that this connection goes to."""
        info = connection.info
        key = (info.host, info.port, info.dbname)
        with self._lock:
            if key not in self._open:
                text = psycopg.conninfo.make_conninfo(info.dsn, password=info.password or None)
                with uncontrolled():
                    own = psycopg.connect(text, autocommit=True)
                self._connections.append(own)
                self._open[key] = _Monitor(own)
            return self._open[key]

    def close(self) -> None:
        """Close them all."""
        for connection in self._connections:
            connection.close()


@contextlib.contextmanager
def uncontrolled() -> Iterator[None]:
    """What is done in here by this thread is no step."""
    before = getattr(_pending, "off", False)
    _pending.off = True
    try:
        yield
    finally:
        _pending.off = before


def step_of(connection: Any, text: str, statement: Statement) -> Step:
    """What a statement touches, under multiversion rules: writes lock now and are seen at the commit."""
    kind = statement.kind
    reads: set[str] = set()
    writes: set[str] = set()
    if kind == READ:
        # A serializable or repeatable read can make somebody's write fail, and be made to fail by it.
        reads = {_DATA, _LOCKS} if _keeps_snapshot(connection) else {_DATA}
    elif kind == WRITE:
        alone = connection.autocommit and connection.info.transaction_status == _IDLE
        reads = {_DATA}
        writes = {_DATA, _LOCKS} if alone else {_LOCKS}
    elif kind in {COMMIT, ROLLBACK}:
        changed = getattr(connection, "_planproof_wrote", False)
        snapshot = _keeps_snapshot(connection)
        writes = ({_DATA} if changed and kind == COMMIT else set()) | (
            {_LOCKS} if changed or snapshot else set()
        )
    return Step("sql", text, frozenset(reads), frozenset(writes))


def _keeps_snapshot(connection: Any) -> bool:
    """Whether a transaction here looks at one snapshot from its first statement on."""
    level = connection.isolation_level
    if level is None:
        return bool(getattr(connection, "_planproof_snapshots", False))
    return int(level) >= int(psycopg.IsolationLevel.REPEATABLE_READ)


def settle(connection: Any, statement: Statement) -> None:
    """Remember after a statement whether its transaction wrote."""
    if connection.info.transaction_status == _IDLE:
        connection._planproof_wrote = False  # noqa: SLF001 - our own mark
        connection._planproof_snapshots = False  # noqa: SLF001 - our own mark
    elif statement.kind == WRITE:
        connection._planproof_wrote = True  # noqa: SLF001 - our own mark


def one_line(query: Any, connection: Any) -> str:
    """What is sent, on one line."""
    if isinstance(query, bytes):
        text = query.decode("utf-8", "replace")
    elif isinstance(query, composing.Composable):
        text = query.as_string(connection)
    else:
        text = str(query)
    return " ".join(text.split())


def notice_level(connection: Any, text: str) -> None:
    """Remember that a statement asks for a snapshot."""
    upper = text.upper()
    if "ISOLATION LEVEL" in upper and ("REPEATABLE READ" in upper or "SERIALIZABLE" in upper):
        connection._planproof_snapshots = True  # noqa: SLF001 - our own mark


def _labelled(
    method: Callable[..., Any], label: Callable[..., str], *, of: Callable[[Any], Any]
) -> Callable[..., Any]:
    """The method, with the statement it is about to send kept for ``wait`` to see."""

    def call(self: Any, *args: Any, **named: Any) -> Any:
        if current() is None and not observing() and current_entry() is None:
            return method(self, *args, **named)
        connection = of(self)
        text = label(connection, *args, **named)
        before = getattr(_pending, "text", None)
        _pending.text = text
        try:
            return method(self, *args, **named)
        finally:
            _pending.text = before

    call.__name__ = method.__name__
    call.__doc__ = method.__doc__
    return call


def _make_wait(real: Callable[..., Any], monitors: Monitors) -> Callable[..., Any]:
    def wait(self: Any, gen: Any, *args: Any, **named: Any) -> Any:
        control = current()
        if getattr(_pending, "off", False) or (
            control is None and not observing() and current_entry() is None
        ):
            return real(self, gen, *args, **named)
        text = getattr(_pending, "text", None) or "(protocol)"
        statement = read_statement(text) if text != "(protocol)" else Statement(SETTING)
        notice_level(self, text)
        if control is not None and is_step(self, statement) and not _passes(control, statement):
            control[0].call(control[1], step_of(self, text, statement))
        begin, note = _now(), None
        try:
            if statement.kind == SETTING:
                return _drive(self, gen, monitors, control)
            return through(
                lambda client: Point("postgres", text.split(None, 1)[0].upper(), text, client, self),
                lambda: _drive(self, gen, monitors, control),
            )
        except psycopg.Error as error:
            note = error.sqlstate or type(error).__name__
            raise
        finally:
            if not self.closed:
                settle(self, statement)
            if statement.kind != SETTING:
                note_call("sql", text, begin, note)

    return wait


def _passes(control: Any, statement: Statement) -> bool:
    """While clients are sent home, their rollbacks still reach the server."""
    return bool(control[0].stopping and statement.kind == ROLLBACK)


def is_step(connection: Any, statement: Statement) -> bool:
    """Whether a client stops before it: it reaches data, or ends a transaction that is open."""
    if statement.kind in {SETTING, BEGIN}:
        return False
    if statement.kind in {COMMIT, ROLLBACK}:
        return bool(connection.info.transaction_status != _IDLE)
    return True


def _drive(connection: Any, gen: Any, monitors: Monitors, control: Any) -> Any:
    """Run a driver's generator to its end, letting others move while the server holds it."""
    with contextlib.nullcontext() if control is None else control[0].in_store(control[1]):
        return _driven(connection, gen, monitors, control)


def _driven(connection: Any, gen: Any, monitors: Monitors, control: Any) -> Any:
    socket = connection.pgconn.socket
    try:
        wanted = next(gen)
        while True:
            ready = _poll(socket, int(wanted), _PATIENCE)
            if not ready and int(wanted) & 1:
                _held(connection, monitors, control)
            wanted = gen.send(type(wanted)(ready) if ready else 0)
    except StopIteration as stop:
        return stop.value


def _poll(socket: int, wanted: int, seconds: float) -> int:
    """Which of reading (1) and writing (2) is possible."""
    reading = [socket] if wanted & 1 else []
    writing = [socket] if wanted & 2 else []
    readable, writable, _ = select.select(reading, writing, [], seconds)
    return (1 if readable else 0) | (2 if writable else 0)


def _held(connection: Any, monitors: Monitors, control: Any) -> None:
    pid = connection.pgconn.backend_pid
    if connection.pgconn.status != 0 or not pid:  # libpq's CONNECTION_OK
        return
    monitor = monitors.of(connection)
    if not monitor.blocked(pid):
        return
    if control is None and not observing():
        return
    if control is None:
        connection.cancel_safe(timeout=5.0)
        raise CannotObserve
    scheduler, client = control
    scheduler.wait_outside(client, _Held(monitor, pid, connection.pgconn.socket))
    if scheduler.stopping:
        connection.cancel_safe(timeout=5.0)


def query(connection: Any, text: Any, *_: Any, **__: Any) -> str:
    """What a step that sends a statement is called."""
    return one_line(text, connection)


def ending(connection: Any, kind: Any = None, *_: Any, **__: Any) -> str:
    """What the end of a ``with connection.transaction()`` is called."""
    nested = connection._num_transactions > 1  # noqa: SLF001 - an inner block is a savepoint
    if nested:
        return "RELEASE" if kind is None else "ROLLBACK TO"
    return "COMMIT" if kind is None else "ROLLBACK"


def own(connection: Any) -> Any:
    """The connection that a method of a connection is about."""
    return connection


def of_cursor(cursor: Any) -> Any:
    """The connection that a method of a cursor, or of a transaction, is about."""
    return cursor.connection


@contextlib.contextmanager
def controlled_postgres() -> Iterator[None]:
    """While this lasts, what controlled clients do through psycopg is a step."""
    monitors = Monitors()
    connection_class: Any = psycopg.Connection
    cursor_class: Any = psycopg.Cursor
    transaction_class: Any = psycopg.Transaction

    def copying(connection: Any, text: Any, *_: Any, **__: Any) -> str:
        return f"COPY {one_line(text, connection)}"

    patches: list[tuple[Any, str, Any]] = [
        (connection_class, "wait", _make_wait(connection_class.wait, monitors)),
        (connection_class, "commit", _labelled(connection_class.commit, lambda _c: "COMMIT", of=own)),
        (connection_class, "rollback", _labelled(connection_class.rollback, lambda _c: "ROLLBACK", of=own)),
        (cursor_class, "execute", _labelled(cursor_class.execute, query, of=of_cursor)),
        (cursor_class, "executemany", _labelled(cursor_class.executemany, query, of=of_cursor)),
        (cursor_class, "copy", _labelled(cursor_class.copy, copying, of=of_cursor)),
        (
            transaction_class,
            "__enter__",
            _labelled(transaction_class.__enter__, lambda _c: "BEGIN", of=of_cursor),
        ),
        (transaction_class, "__exit__", _labelled(transaction_class.__exit__, ending, of=of_cursor)),
    ]
    before = [(owner, name, owner.__dict__.get(name)) for owner, name, _ in patches]
    for owner, name, value in patches:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            if value is None:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
        monitors.close()
