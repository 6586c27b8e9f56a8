"""The application's own locks: taking one is a step, and a client that waits for one is seen to wait."""

from __future__ import annotations

import _thread
import contextlib
import itertools
import sys
import sysconfig
import threading
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from planproof.race.schedules.scheduler import CannotObserve, current, observing, schedule_is_over
from planproof.race.schedules.step import Step


if TYPE_CHECKING:
    from collections.abc import Iterator


_numbers = itertools.count()
_LIBRARIES = tuple(
    {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
)


_PACKAGES = {"site-packages", "dist-packages"}


class ControlledLock:
    """A ``threading.Lock`` or ``RLock`` that clients take one at a time, under the scheduler's eye.

    Args:
        place: file and line where the application made it.
        quiet: taking it while it is free is no step (locks inside libraries).
        reentrant: the owner may take it again.
    """

    def __init__(self, place: str, *, quiet: bool, reentrant: bool) -> None:
        self._inner = _thread.allocate_lock()
        self._name = f"lock {next(_numbers)}"
        self._place = place
        self._quiet = quiet
        self._reentrant = reentrant
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - threading's own
        """Take it, as ``threading.Lock.acquire`` does."""
        me = _thread.get_ident()
        if self._reentrant and self._owner == me:
            self._depth += 1
            return True
        if not self._take(blocking, timeout):
            return False
        self._owner, self._depth = me, 1
        return True

    def _take(self, blocking: bool, timeout: float) -> bool:  # noqa: FBT001 - as above
        control = current()
        if control is None:
            if observing() and not self._inner.acquire(blocking=False):
                raise CannotObserve
            return observing() or self._inner.acquire(blocking, timeout)
        scheduler, client = control
        if not self._quiet:
            step = Step("lock", f"take the lock made at {self._place}", writes=frozenset({self._name}))
            scheduler.call(client, step)
        while not self._inner.acquire(blocking=False):
            if not blocking:
                return False
            seconds = None if timeout < 0 else timeout
            if not scheduler.wait_until(client, lambda: not self._inner.locked(), seconds=seconds):
                return False
        return True

    def release(self) -> None:
        """Free it."""
        if self._reentrant:
            if self._owner != _thread.get_ident():
                if schedule_is_over():
                    return
                raise RuntimeError("cannot release un-acquired lock")
            self._depth -= 1
            if self._depth:
                return
        self._owner = None
        try:
            self._inner.release()
        except RuntimeError:
            if not schedule_is_over():  # a condition that waits is ended without having its lock again
                raise

    def locked(self) -> bool:
        """Whether anybody holds it."""
        return self._inner.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> Literal[False]:
        self.release()
        return False

    def _at_fork_reinit(self) -> None:
        self._inner = _thread.allocate_lock()
        self._owner, self._depth = None, 0

    # What threading.Condition and multiprocessing ask of a re-entrant lock.

    def _recursion_count(self) -> int:
        return self._depth if self._is_owned() else 0

    def _is_owned(self) -> bool:
        return self._owner == _thread.get_ident()

    def _release_save(self) -> int:
        depth, self._depth, self._owner = self._depth, 0, None
        self._inner.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        self.acquire()
        self._depth = depth


def _make(*, reentrant: bool) -> Any:
    frame = sys._getframe(2)  # noqa: SLF001 - who makes the lock decides whether it is the application's
    while frame.f_back is not None and frame.f_globals.get("__name__") == "queue":
        frame = frame.f_back  # a queue belongs to who made it
    module = str(frame.f_globals.get("__name__", ""))
    if module.partition(".")[0] == "planproof":
        return _real_rlock() if reentrant else _thread.allocate_lock()
    file = frame.f_code.co_filename
    quiet = file.startswith(_LIBRARIES) or not _PACKAGES.isdisjoint(PurePath(file).parts)
    return ControlledLock(f"{PurePath(file).name}:{frame.f_lineno}", quiet=quiet, reentrant=reentrant)


def _lock() -> Any:
    return _make(reentrant=False)


def _rlock() -> Any:
    return _make(reentrant=True)


_real_rlock = threading.RLock


@contextlib.contextmanager
def controlled_locks() -> Iterator[None]:
    """While this lasts, locks that are made are controlled ones; older ones are met by the stall watch."""
    patched: dict[str, Any] = {"Lock": _lock, "RLock": _rlock, "_allocate_lock": _lock}
    module: Any = threading
    before = {name: getattr(module, name) for name in patched}
    for name, value in patched.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
