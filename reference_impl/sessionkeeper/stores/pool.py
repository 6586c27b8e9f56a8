"""A free list of connections: one for each thread at work, never shared, never across a fork."""

from __future__ import annotations

import contextlib
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Closable(Protocol):
    """Whatever can be closed."""

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)


class FreeList(Generic[C]):
    """Lends connections. One whose driver failed while it was lent is closed and not lent again.

    Args:
        connect: opens a new connection.
    """

    def __init__(self, connect: Callable[[], C]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._free: list[C] = []
        self._process = os.getpid()

    @contextmanager
    def lend(self) -> Iterator[C]:
        """Lend a connection for the length of a ``with``."""
        connection = self._take()
        try:
            yield connection
        except SessionKeeperError:  # a rule said no: nothing is wrong with the connection
            self._give_back(connection)
            raise
        except BaseException:
            with contextlib.suppress(Exception):
                connection.close()
            raise
        self._give_back(connection)

    def _give_back(self, connection: C) -> None:
        with self._lock:
            self._free.append(connection)

    def _take(self) -> C:
        with self._lock:
            if self._process != os.getpid():  # a child must not touch what its parent is using
                self._process, self._free = os.getpid(), []
            if self._free:
                return self._free.pop()
        return self._connect()

    def close(self) -> None:
        """Close every connection that is not lent."""
        with self._lock:
            idle, self._free = self._free, []
        for connection in idle:
            connection.close()
