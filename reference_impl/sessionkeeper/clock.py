"""Time is passed in, never looked up: a test turns the hands itself; no rule reads the machine's clock."""

from __future__ import annotations

import threading
import time
from typing import Protocol, TypeAlias


Timestamp: TypeAlias = float
"""Seconds since the epoch, UTC (S1.IMPL_001.D2)."""


class Clock(Protocol):
    """Whatever can say what time it is."""

    def now(self) -> Timestamp:
        """Return the time in seconds since the epoch, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Timestamp:
        """Return the machine's time in seconds since the epoch, UTC."""
        return time.time()


class ManualClock:
    """A clock that moves only when told to, in either direction; safe to share between threads.

    Args:
        start: the first reading, in seconds since the epoch.
    """

    def __init__(self, start: Timestamp = 1_700_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> Timestamp:
        """Return the time last set."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> Timestamp:
        """Move the hands by ``seconds`` (negative: backwards) and return the new time."""
        with self._lock:
            self._now += seconds
            return self._now


class ForwardClock:
    """A clock that never runs backwards: when the one below it does, the last reading stands still.

    A machine whose clock is set back by an hour would otherwise bring expired sessions back to life.

    Args:
        source: the clock to read.
    """

    def __init__(self, source: Clock) -> None:
        self._source = source
        self._last = float("-inf")
        self._lock = threading.Lock()

    def now(self) -> Timestamp:
        """Return the time, never earlier than any time returned before."""
        with self._lock:
            self._last = max(self._last, self._source.now())
            return self._last
