"""A free list of connections: one for each thread at work, never shared, never across a fork."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Closable(Protocol):
    """Whatever can be closed."""

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)


def _nothing(_error: BaseException, _about: str) -> None:
    return None


class FreeList(Generic[C]):
    """Lends connections. One whose driver failed while it was lent is closed and not lent again.

    Args:
        connect: opens a new connection.
        meaning: says in our own words what a driver's error means, given what the loan was about; None where
            the error is no driver's and goes on as it is.
    """

    def __init__(
        self,
        connect: Callable[[], C],
        meaning: Callable[[BaseException, str], SessionKeeperError | None] = _nothing,
    ) -> None:
        self._connect = connect
        self.meaning = meaning
        self._free: deque[C] = deque()  # whose ends are safe to share between threads
        self._process = os.getpid()

    def lend(self, about: str = "") -> Loan[C]:
        """Lend a connection for the length of a ``with``.

        Args:
            about: whose business it is, for the meaning of an error.
        """
        return Loan(self, about)

    def take(self) -> C:
        """Return a connection that nobody else has; give it back or close it."""
        if self._process != os.getpid():  # a child must not touch what its parent is using
            self._free, self._process = deque(), os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self._connect()

    def give_back(self, connection: C) -> None:
        """Let others have a connection that was taken."""
        self._free.append(connection)

    def close(self) -> None:
        """Close every connection that is not lent."""
        with contextlib.suppress(IndexError):
            while True:
                self._free.pop().close()


class Loan(Generic[C]):
    """One connection for the length of a ``with``; written out, since every call of a store passes here.

    Args:
        lender: whose connection.
        about: whose business it is.
    """

    __slots__ = ("_about", "_connection", "_lender")

    def __init__(self, lender: FreeList[C], about: str) -> None:
        self._lender = lender
        self._about = about

    def __enter__(self) -> C:
        """Take a connection; an error of opening one is told in our own words."""
        try:
            self._connection = self._lender.take()
        except Exception as error:
            self._tell(error)
            raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, or close it after a fault; a rule that says no is no fault of the connection."""
        if error is None or isinstance(error, SessionKeeperError):
            self._lender.give_back(self._connection)
            return
        with contextlib.suppress(Exception):
            self._connection.close()
        self._tell(error)

    def _tell(self, error: BaseException) -> None:
        told = self._lender.meaning(error, self._about)
        if told is not None:
            raise told from error
