"""Time in a controlled client: a sleep lets the others move, and virtual time pass."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from planproof.race.schedules.scheduler import current


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _shifted(real: Callable[[], Any], scale: int | None) -> Callable[[], Any]:
    def now() -> Any:
        control = current()
        if control is None:
            return real()
        ahead = control[0].clock.ahead
        return real() + (ahead if scale is None else int(ahead * scale))

    return now


def _sleeper(real: Callable[[float], None]) -> Callable[[float], None]:
    def sleep(seconds: float, /) -> None:
        control = current()
        if control is None:
            real(seconds)
            return
        scheduler, client = control
        scheduler.sleep(client, seconds)

    return sleep


@contextlib.contextmanager
def virtual_time() -> Iterator[None]:
    """While this lasts, ``time.sleep`` and the clocks of :mod:`time` are virtual in controlled clients."""
    patched: dict[str, Any] = {
        "sleep": _sleeper(time.sleep),
        "time": _shifted(time.time, None),
        "monotonic": _shifted(time.monotonic, None),
        "perf_counter": _shifted(time.perf_counter, None),
        "time_ns": _shifted(time.time_ns, 1_000_000_000),
        "monotonic_ns": _shifted(time.monotonic_ns, 1_000_000_000),
    }
    module: Any = time
    before = {name: getattr(module, name) for name in patched}
    for name, value in patched.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
