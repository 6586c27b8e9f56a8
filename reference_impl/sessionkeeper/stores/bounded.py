"""A connection to PostgreSQL that is not waited for without end; needs psycopg 3.

The server's own ``statement_timeout`` says nothing while the server is frozen, swapped out or behind a
network that swallows packets: nobody is there to watch it. So the client looks at its watch as well.
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg


if TYPE_CHECKING:
    from collections.abc import Generator

R = TypeVar("R")

ANSWER_TIMEOUT: Final = 15.0
"""Seconds to wait for one answer: longer than the server gives itself, so that its own word comes first."""

# For a network that swallows packets; Linux only, elsewhere left out of account.
_KEEPALIVE: Final[dict[str, Any]] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}

# From 3.3 on; it is six microseconds quicker than ours.
_DRIVER_HAS_LIMIT: Final = "timeout" in inspect.signature(psycopg.Connection.wait).parameters


class BoundedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose every statement ends within a time, if need be in ``OperationalError``.

    The outcome of a statement that was given up is unknown; such a connection can only be closed.

    Attributes:
        answer_timeout: seconds to wait for an answer.
    """

    answer_timeout: float = ANSWER_TIMEOUT

    @classmethod
    def to(cls, url: str, *, connect_timeout: int) -> BoundedConnection:
        """Open a connection on which each statement is a transaction of its own, unless one is begun.

        Args:
            url: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.
            connect_timeout: seconds to wait for the server to accept it.

        Raises:
            psycopg.OperationalError: the server does not answer.
        """
        return cls.connect(url, autocommit=True, connect_timeout=connect_timeout, **_KEEPALIVE)

    def wait(self, gen: Generator[Any, Any, R], interval: float = 0.1, timeout: float | None = None) -> R:
        """Do what the driver does, for so long and no longer."""
        limit = self.answer_timeout if timeout is None else timeout
        if _DRIVER_HAS_LIMIT:
            return super().wait(gen, interval, limit)
        return super().wait(bounded(gen, time.monotonic() + limit), interval)


def bounded(work: Generator[Any, Any, R], deadline: float) -> Generator[Any, Any, R]:
    """Pass on what the driver waits for and what came, which is nothing every tenth of a second or so.

    Args:
        work: what the driver is about to do.
        deadline: when to give it up, by the monotonic clock.

    Raises:
        psycopg.OperationalError: it is not done by then.
    """
    try:
        came = yield next(work)
        while True:
            if not came and time.monotonic() >= deadline:
                raise psycopg.OperationalError("the server did not answer in time")
            came = yield work.send(came)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what the driver's own generator returns
