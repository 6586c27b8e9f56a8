"""Faults of clients, clocks and the recorder: pause, skew, time going back, expiry that lags, a full disk."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.faults.fault import Fault, Point


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.faults.injector import Injector


@dataclass(frozen=True, kw_only=True)
class Pause(Fault):
    """A client stands still before its call (a garbage collection, a suspended machine) while others go on.

    Attributes:
        seconds: how long; virtual time under the scheduler.
    """

    seconds: float = 1.0

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Sleep, then make the call."""
        del point, injector
        time.sleep(self.seconds)
        return proceed()


@dataclass(frozen=True, kw_only=True)
class ClockSkew(Fault):
    """One client's clock is ahead of the others' (behind, if negative) from the start.

    Attributes:
        seconds: how far.
    """

    seconds: float = 60.0

    def matches(self, point: Point) -> bool:
        """Tied to no call."""
        del point
        return False

    def begin(self, injector: Injector) -> None:
        """Set the clock."""
        client = self.client or 0
        injector.clock.set_skew(client, self.seconds)
        injector.note(self.name, client)


@dataclass(frozen=True, kw_only=True)
class ClockGoesBack(Fault):
    """A client's clock is set back before its call.

    Attributes:
        seconds: how far.
    """

    seconds: float = 3600.0

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Set it back, then make the call."""
        skew = injector.clock.skew.get(point.client, 0.0)
        injector.clock.set_skew(point.client, skew - self.seconds)
        return proceed()


@dataclass(frozen=True, kw_only=True)
class ExpiryLag(Fault):
    """Time passes for everybody, and the store has not swept away what expired.

    DynamoDB's own sweep stays off.

    Attributes:
        seconds: how much time passes before the call.
    """

    seconds: float = 3600.0
    _SWITCH: ClassVar[str] = "UpdateTimeToLive"

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Let time pass; swallow the order to sweep."""
        injector.clock.advance(self.seconds)
        if point.operation == self._SWITCH:
            from planproof.race.faults.dynamodb import answer

            return answer(
                point, 200, {"TimeToLiveSpecification": point.body.get("TimeToLiveSpecification", {})}
            )
        return proceed()


@dataclass(frozen=True, kw_only=True)
class DiskFull(Fault):
    """The disk under the recorder is full: what happened cannot be proved, so nothing is passed.

    Attributes:
        after: bytes that still fit.
    """

    after: int = 4096

    def matches(self, point: Point) -> bool:
        """Tied to no call."""
        del point
        return False


class FullDisk:
    """A file that takes so many bytes and then answers as a full disk does.

    Args:
        room: bytes that fit.
        full: called when it is full for the first time.
    """

    def __init__(self, room: int, full: Callable[[], None]) -> None:
        self._room = room
        self._full: Callable[[], None] | None = full

    def write(self, data: bytes, /) -> int:
        """Take all or raise."""
        if len(data) > self._room:
            if self._full is not None:
                self._full()
                self._full = None
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._room -= len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing to close."""
