"""Arms the faults of one schedule, strikes when their call comes, and keeps count."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

from planproof.race.recording import current_injector


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planproof.backends.model import Backend
    from planproof.race.clocks import ClientClock
    from planproof.race.faults.fault import Fault, Point
    from planproof.race.faults.proxy import Proxy
    from planproof.race.history import Recorder


T = TypeVar("T")


class Injector:
    """The faults of one schedule.

    Args:
        faults: which.
        clock: the workload's clock, for faults of time.
        place: the store as it really is, not through the proxy.
        proxy: between the clients and PostgreSQL; None where no fault needs one.
    """

    def __init__(
        self, faults: Sequence[Fault], clock: ClientClock, place: Backend, proxy: Proxy | None = None
    ) -> None:
        self.clock = clock
        self.place = place
        self.proxy = proxy
        self.faults = list(faults)
        self._seen = [0] * len(self.faults)
        self._fired: dict[str, int] = {}
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None

    @contextlib.contextmanager
    def active(self, recorder: Recorder) -> Iterator[None]:
        """A schedule runs."""
        self._recorder = recorder
        self.clock.skew.clear()
        for fault in self.faults:
            fault.begin(self)
        try:
            yield
        finally:
            self.clock.skew.clear()

    def fired(self) -> dict[str, int]:
        """Name of each fault and how often it struck; nought is told too: it never had its call."""
        return {fault.name: self._fired.get(fault.name, 0) for fault in self.faults}

    def count(self, name: str) -> None:
        """Count a strike that cannot be put on the time line."""
        with self._lock:
            self._fired[name] = self._fired.get(name, 0) + 1

    def note(self, name: str, client: int | None) -> None:
        """Count a strike and put it on the time line."""
        self.count(name)
        if self._recorder is not None:
            self._recorder.note("fault", name, client=client)

    def around(self, point: Point, proceed: Callable[[], T]) -> T:
        """Make the call, or let the fault whose turn it is strike in its place."""
        fault = self._due(point)
        if fault is None:
            return proceed()
        self.note(fault.name, point.client)
        result: T = fault.strike(point, proceed, self)
        return result

    def _due(self, point: Point) -> Fault | None:
        due = None
        with self._lock:
            for index, fault in enumerate(self.faults):
                if fault.client is not None and fault.client != point.client:
                    continue
                if not fault.matches(point):
                    continue
                self._seen[index] += 1
                if due is None and fault.nth <= self._seen[index] < fault.nth + fault.times:
                    due = fault
        return due


def through(make: Callable[[int], Point], proceed: Callable[[], T]) -> T:
    """Drivers make their calls through here.

    Args:
        make: describes the call, for the client with that number; not called where no faults are armed.
        proceed: the real call.
    """
    found = current_injector()
    if found is None:
        return proceed()
    injector, client = found
    return injector.around(make(client), proceed)
