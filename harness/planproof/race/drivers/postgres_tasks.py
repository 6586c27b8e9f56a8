"""PostgreSQL through psycopg's ``AsyncConnection``, for clients that are tasks on one loop.

A task stops before each statement, commit and rollback, and once more when the reply is there: what other
tasks do in between, memory that they share included, is for the order to say. While it waits for the reply
the server is asked, as for threads, whether it is held by a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import psycopg

from planproof.race.drivers.postgres import (
    Monitors,
    ending,
    is_step,
    notice_level,
    of_cursor,
    own,
    query,
    readable,
    settle,
    step_of,
)
from planproof.race.drivers.sql import SETTING, Statement, read_statement
from planproof.race.recording import note_call
from planproof.race.tasks.loop import ClientLoop, stop


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_now = time.monotonic_ns
_pending: ContextVar[str] = ContextVar("planproof_statement", default="")
_ACTIVE = 1  # libpq's PQTRANS_ACTIVE
_READ, _WRITE = 1, 2
_DRAIN_SECONDS = 5.0


def _labelled(
    method: Callable[..., Any], label: Callable[..., str], *, of: Callable[[Any], Any]
) -> Callable[..., Any]:
    """The method, with the statement it is about to send kept for ``wait`` to see."""

    async def call(self: Any, *args: Any, **named: Any) -> Any:
        if not isinstance(asyncio.get_running_loop(), ClientLoop):
            return await method(self, *args, **named)
        before = _pending.set(label(of(self), *args, **named))
        try:
            return await method(self, *args, **named)
        finally:
            _pending.reset(before)

    call.__name__ = method.__name__
    call.__doc__ = method.__doc__
    return call


def _make_wait(real: Callable[..., Any], monitors: Monitors) -> Callable[..., Any]:
    async def wait(self: Any, gen: Any, *args: Any, **named: Any) -> Any:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, ClientLoop):
            return await real(self, gen, *args, **named)
        text = _pending.get()
        statement = read_statement(text) if text else Statement(SETTING)
        notice_level(self, text)
        stops = is_step(self, statement)
        if stops:
            await stop(step_of(self, text, statement))
        begin, note = _now(), None
        try:
            result = await _drive(self, gen, loop, monitors)
        except psycopg.Error as error:
            note = error.sqlstate or type(error).__name__
            raise
        finally:
            if not self.closed:
                settle(self, statement)
            if statement.kind != SETTING:
                note_call("sql", text, begin, note)
        if stops:
            await stop()
        return result

    return wait


async def _drive(connection: Any, gen: Any, loop: ClientLoop, monitors: Monitors) -> Any:
    """Run a driver's generator to its end; a cancelled one is cancelled in the server too."""
    task = asyncio.current_task()
    assert task is not None
    socket = connection.pgconn.socket

    def held() -> bool:
        pid = connection.pgconn.backend_pid
        return bool(pid) and not readable(socket, 0.0) and monitors.of(connection).blocked(pid)

    loop.driven[task] = held
    try:
        wanted = next(gen)
        while True:
            ready = await _poll(loop, socket, int(wanted))
            wanted = gen.send(type(wanted)(ready))
    except StopIteration as done:
        return done.value
    except asyncio.CancelledError:
        if connection.pgconn.transaction_status == _ACTIVE:
            connection.pgconn.get_cancel().cancel()
            _drain(gen, socket)
        raise
    finally:
        loop.driven.pop(task, None)


async def _poll(loop: ClientLoop, socket: int, wanted: int) -> int:
    """Wait until reading (1) or writing (2) is possible, without a timer."""
    found: asyncio.Future[int] = loop.create_future()

    def tell(which: int) -> None:
        if not found.done():
            found.set_result(which)

    try:
        if wanted & _READ:
            loop.add_reader(socket, tell, _READ)
        if wanted & _WRITE:
            loop.add_writer(socket, tell, _WRITE)
        return await found
    finally:
        loop.remove_reader(socket)
        loop.remove_writer(socket)


def _drain(gen: Any, socket: int) -> None:
    """Take the server's answer to the cancellation, so that the connection is of use again."""
    with contextlib.suppress(psycopg.Error, StopIteration):
        while select.select([socket], [], [], _DRAIN_SECONDS)[0]:
            gen.send(psycopg.waiting.Ready.R)


@contextlib.contextmanager
def controlled_async_postgres() -> Iterator[None]:
    """While this lasts, what tasks of clients do through psycopg's asynchronous connections is a step."""
    monitors = Monitors()
    connection: Any = psycopg.AsyncConnection
    cursor: Any = psycopg.AsyncCursor
    transaction: Any = psycopg.AsyncTransaction

    patches: list[tuple[Any, str, Any]] = [
        (connection, "wait", _make_wait(connection.wait, monitors)),
        (connection, "commit", _labelled(connection.commit, lambda _: "COMMIT", of=own)),
        (connection, "rollback", _labelled(connection.rollback, lambda _: "ROLLBACK", of=own)),
        (cursor, "execute", _labelled(cursor.execute, query, of=of_cursor)),
        (cursor, "executemany", _labelled(cursor.executemany, query, of=of_cursor)),
        (transaction, "__aenter__", _labelled(transaction.__aenter__, lambda _: "BEGIN", of=of_cursor)),
        (transaction, "__aexit__", _labelled(transaction.__aexit__, ending, of=of_cursor)),
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
