"""Waiting for a condition against a deadline, on a clock that is passed in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Callable


T = TypeVar("T")

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5


class Clock(Protocol):
    """What waiting needs of time; a test passes one that does not wait."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        time.sleep(seconds)


class NotYetError(Exception):
    """The condition does not hold yet; the message says what was seen instead."""


def until(condition: Callable[[], T], *, clock: Clock, seconds: float, what: str) -> T:
    """Ask ``condition`` until it returns, with pauses that double, for at most ``seconds``.

    Args:
        condition: returns when it holds; raises :class:`NotYetError` while it does not. Any other
            exception ends the wait at once.
        clock: where time comes from.
        seconds: how long to wait in all.
        what: what is waited for, as the error names it.

    Raises:
        BackendUnavailableError: the deadline passed; the message ends with what was seen last.
    """
    deadline = clock.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        try:
            return condition()
        except NotYetError as seen:
            left = deadline - clock.monotonic()
            if left <= 0:
                raise BackendUnavailableError(f"{what} did not answer in {seconds:g} s: {seen}") from seen
        clock.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE)
