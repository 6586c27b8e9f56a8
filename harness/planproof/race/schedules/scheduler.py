"""The controlled scheduler: one client runs at a time, from one call that reaches the store to the next.

Each client is a real thread and runs the application's unmodified code. Before a call reaches the store the
client stops here and an :class:`~planproof.race.schedules.step.Order` says who goes on. A client that waits
for a lock is seen as waiting; one that sleeps lets virtual time pass; when all wait for each other it is a
deadlock, said at once.
"""

from __future__ import annotations

import _thread
import contextlib
import select
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from planproof.race.clocks import ClientClock, enter_client
from planproof.race.schedules.step import DivergedError, Order, RedundantError, Step, Taken


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType


_current = threading.local()
_real_sleep = time.sleep
_monotonic = time.monotonic  # the real one: drivers/time.py puts a virtual one in its place

# How often, and how far apart, a client is looked at before it is taken to be blocked.
_LOOKS, _LOOK_SECONDS = 5, 0.01

RUNNING, READY, WAITING, DONE = "running", "ready", "waiting", "done"


class ClientAborted(BaseException):
    """Ends a client's thread after the schedule was decided.

    Not an Exception, so that retry loops let it through.
    """


class CannotObserve(BaseException):
    """The observer met a lock that a stopped client holds: this state cannot be seen from outside."""


class Waiter(Protocol):
    """Something outside Python that a client waits for."""

    def ready(self) -> bool:
        """True once the wait is over (asked after each step of another client)."""
        ...

    def fileno(self) -> int:
        """Becomes readable when the wait may be over."""
        ...


@dataclass(slots=True)
class _Client:
    gate: Any = field(default_factory=_thread.allocate_lock)
    state: str = RUNNING
    step: Step | None = None
    ready: Callable[[], bool] | None = None
    waiter: Waiter | None = None
    deadline: float | None = None
    timed_out: bool = False
    on_grant: Callable[[], object] | None = None
    thread: threading.Thread | None = None
    stray: bool = False
    in_store: bool = False


@dataclass(slots=True)
class ScheduleEnd:
    """How one schedule went.

    Attributes:
        trace: every choice.
        deadlock: each client's stack, where all waited for each other.
        hang: each client's stack, where the time was up.
        endless: True where the step limit was reached.
        redundant: True where it was cut because all that could follow was tried before.
        diverged: what differed from the recording that was replayed; empty where nothing did.
        stray: times a client waited for something that the scheduler could not see.
    """

    trace: list[Taken]
    redundant: bool = False
    diverged: str = ""
    deadlock: str = ""
    hang: str = ""
    endless: bool = False
    stray: int = 0


def current() -> tuple[Scheduler, int] | None:
    """The scheduler and number of the client whose thread this is; None outside controlled clients."""
    found: tuple[Scheduler, int] | None = getattr(_current, "control", None)
    return found


def schedule_is_over() -> bool:
    """True in a client that is being ended in the middle of what it does, because the schedule is decided."""
    control = current()
    return control is not None and control[0].stopping


def observing() -> bool:
    """True in the thread that evaluates invariants between two steps."""
    return bool(getattr(_current, "observing", False))


class Scheduler:
    """Runs one schedule.

    Args:
        order: says who moves.
        clock: its virtual part is moved when everybody sleeps or waits with a deadline.
        observe: called in a thread of its own after each step that wrote something, while all clients stand
            still; returns True to end the schedule there.
        limit_seconds: real time without a move after which the schedule is called hung.
        max_steps: choices after which the schedule is called endless.
        stall_seconds: real time without a call after which a running client counts as waiting for something
            that cannot be seen (a lock made before the run), and another may move.
    """

    def __init__(
        self,
        order: Order,
        *,
        clock: ClientClock | None = None,
        observe: Callable[[], bool] | None = None,
        limit_seconds: float = 30.0,
        max_steps: int = 5000,
        stall_seconds: float = 2.0,
    ) -> None:
        self._order = order
        self.clock = clock or ClientClock()
        self._observe = observe
        self._limit = limit_seconds
        self._max_steps = max_steps
        self._stall = min(stall_seconds, limit_seconds / 4)
        self._clients: list[_Client] = []
        self._mutex = _thread.allocate_lock()
        self._over = threading.Event()
        self._holder: int | None = None
        self._started = False
        self._last: int | None = None
        self._progress = 0
        self.steps = 0
        self.effective = 0
        self.stopping = False
        self.end = ScheduleEnd([])

    # -- main thread
    # -------------------------------------------------------------------------------------------

    def run(self, bodies: Sequence[Callable[[], None]]) -> ScheduleEnd:
        """Run the clients to their end (or to the observer's word) and return what was chosen.

        Args:
            bodies: what each client does; runs in a thread of its own.
        """
        self._order.begin()
        self._clients = [_Client() for _ in bodies]
        observer = _Helper(self._observe) if self._observe else None
        self._observer = observer
        for number, body in enumerate(bodies):
            self._start(number, body)
        try:
            self._hand_on_from_main()
            self._wait_for_end()
            self._stop_all()
        finally:
            if observer:
                observer.close()
        self._order.end(self.end.trace)
        return self.end

    def _start(self, number: int, body: Callable[[], None]) -> None:
        """Start a client and let it run to its first call, alone."""
        client = self._clients[number]
        client.gate.acquire()
        arrived = threading.Event()
        client.on_grant = None

        def main() -> None:
            _current.control = (self, number)
            _current.arrived = arrived
            enter_client(number)
            try:
                body()
            except ClientAborted:
                pass
            finally:
                _current.control = None
                enter_client(None)
                self._finish(number)
                arrived.set()

        client.thread = threading.Thread(target=main, name=f"client-{number}", daemon=True)
        client.thread.start()
        if not arrived.wait(self._stall):
            with self._mutex:
                # It waits for something that cannot be seen, before its first call: it
                # joins when it gets there.
                client.stray = client.state == RUNNING
                self.end.stray += client.stray

    def _hand_on_from_main(self) -> None:
        with self._mutex:
            self._started = True
            self._pass_baton()

    def _wait_for_end(self) -> None:
        """Until the schedule is over, or nobody has moved for as long as the limit says.

        Looks are counted, not seconds: a process that was stopped, or got no processor, has not hung.
        """
        idle, seen = 0, -1
        while not self._over.wait(self._stall):
            idle = idle + 1 if seen == self._progress else 0
            seen = self._progress
            if idle * self._stall > self._limit:
                self.end.hang = self.stacks()
                return
            if idle:
                self._step_over_the_stuck()

    def _step_over_the_stuck(self) -> None:
        """A running client made no call for a while: let others move, it joins again at its next call."""
        if not self._mutex.acquire(timeout=self._stall):
            return  # somebody is deciding, or asking a server
        try:
            holder = self._holder
            if holder is None or self._over.is_set() or not self._blocked(self._clients[holder]):
                return
            self._clients[holder].stray = True
            self._holder = None
            self.end.stray += 1
            if any(each.state in {READY, WAITING} for each in self._clients):
                self._pass_baton()
        finally:
            self._mutex.release()

    def _blocked(self, client: _Client) -> bool:
        """Whether a running client sleeps in the kernel for a while, and not in a call to the store.

        On a loaded machine a client may make no call for long because it gets no processor: that is no wait.
        """
        if client.state != RUNNING or client.in_store or client.thread is None:
            return False
        before = self._progress
        for _ in range(_LOOKS):
            if _task_state(client.thread.native_id) not in {"S", ""}:
                return False
            _real_sleep(_LOOK_SECONDS)
        return self._progress == before

    def _stop_all(self) -> None:
        """Let every stopped client go, one after the other; each ends by ClientAborted at its next call."""
        self.stopping = True
        for client in self._clients:
            if client.thread is None or not client.thread.is_alive():
                continue
            if client.gate.locked():
                client.gate.release()
            client.thread.join(5.0 if not self.end.hang else 0.2)

    def stacks(self) -> str:
        """Where each client stands now, as text."""
        frames = sys._current_frames()  # noqa: SLF001 - the only way to see where a thread stands
        lines = []
        for number, client in enumerate(self._clients):
            if client.state == DONE or client.thread is None or client.thread.ident is None:
                continue
            doing = client.step.label if client.step else "running"
            lines.append(f"client {number} ({client.state}: {doing})")
            frame = frames.get(client.thread.ident)
            if frame is not None:
                lines += stack_lines(frame)
        return "\n".join(lines)

    # -- client threads
    # ----------------------------------------------------------------------------------------

    def call(self, number: int, step: Step) -> None:
        """Stop before a call that reaches the store; returns when this client may make it."""
        if self.stopping:
            raise ClientAborted
        client = self._clients[number]
        if client.on_grant is not None:
            step = replace(step, begins=True)
        with self._mutex:
            client.step = step
            client.state = READY
            self.effective += 1
            self._arrive(number)
        self._park(client)

    def wait_until(
        self, number: int, ready: Callable[[], bool], *, seconds: float | None = None, retried: bool = True
    ) -> bool:
        """Wait until ``ready()``; False if the time is up before (virtual time.

        It passes when nobody can move).

        Args:
            number: the client.
            ready: asked after each step of another client.
            seconds: the application's own limit; None waits for ever.
            retried: the call that was chosen had no effect and is made again.
        """
        if self.stopping:
            raise ClientAborted
        client = self._clients[number]
        with self._mutex:
            if not retried:
                self.effective += 1
                client.step = Step("sleep", "sleep")
            elif self.end.trace and self.end.trace[-1].client == number:
                self.end.trace[-1].waited = True
                self._order.refused(number)
            client.ready = ready
            client.timed_out = False
            client.deadline = None if seconds is None else self.clock.ahead + seconds
            client.state = WAITING
            self._arrive(number)
        self._park(client)
        client.ready = None
        client.deadline = None
        return not client.timed_out

    def wait_outside(self, number: int, waiter: Waiter) -> None:
        """The server holds this client's call.

        Others may move until it is granted. It goes on by itself then.
        """
        if self.stopping:
            return
        client = self._clients[number]
        with self._mutex:
            if self.end.trace and self.end.trace[-1].client == number:
                self.end.trace[-1].queued = True
            client.waiter = waiter
            client.state = WAITING
            self._arrive(number)
        try:
            self._park(client, abort=False)
        finally:
            client.waiter = None

    def sleep(self, number: int, seconds: float) -> None:
        """Let others move; virtual time passes. At least one other client moves first, if one can."""
        before = self.effective + 1  # arriving here counts as a step of our own
        self.wait_until(number, lambda: self.effective > before, seconds=max(seconds, 0.0), retried=False)

    @contextlib.contextmanager
    def in_store(self, number: int) -> Iterator[None]:
        """While this lasts the client waits for an answer of the store, however slow: it is not stuck."""
        client = self._clients[number]
        client.in_store = True
        try:
            yield
        finally:
            client.in_store = False

    def before_next_grant(self, number: int, action: Callable[[], object] | None) -> None:
        """Run this when the client is let go next: the moment at which its operation begins."""
        self._clients[number].on_grant = action

    def _park(self, client: _Client, *, abort: bool = True) -> None:
        arrived = getattr(_current, "arrived", None)
        if arrived is not None:
            _current.arrived = None
            arrived.set()
        client.gate.acquire()
        if self.stopping and abort:
            raise ClientAborted
        action, client.on_grant = client.on_grant, None
        if action is not None and not self.stopping:
            action()

    def _finish(self, number: int) -> None:
        with self._mutex:
            client = self._clients[number]
            client.state = DONE
            client.step = None
            self.effective += 1
            self._arrive(number)

    # -- who moves next (with the mutex held)
    # ------------------------------------------------------------------

    def _arrive(self, number: int) -> None:
        client = self._clients[number]
        self._progress += 1
        if self._holder == number:
            self._holder = None
            self._pass_baton()
        elif client.stray:
            client.stray = False
            if self._started and self._holder is None and not self._over.is_set():
                self._pass_baton()

    def _pass_baton(self) -> None:
        if self.stopping or self._over.is_set():
            return
        if self._seen_from_outside() or self.steps >= self._max_steps:
            self.end.endless = self.steps >= self._max_steps
            self._over.set()
            return
        chosen = self._choose()
        if chosen is None:
            return
        self._holder = chosen
        client = self._clients[chosen]
        client.state = RUNNING
        client.gate.release()

    def _seen_from_outside(self) -> bool:
        """Let the observer look, if the last step can have changed what it sees; True ends the schedule."""
        trace = self.end.trace
        if self._observer is None or (trace and not trace[-1].step.writes and trace[-1].step.kind != "start"):
            return False
        return self._observer.call()

    def _choose(self) -> int | None:
        while True:
            granted = self._granted()
            if granted is not None:
                return granted
            ready = {
                n: c.step for n, c in enumerate(self._clients) if c.state == READY and c.step is not None
            }
            if ready:
                try:
                    chosen = self._order.choose(ready, self._last)
                except (RedundantError, DivergedError) as stop:
                    self.end.redundant = isinstance(stop, RedundantError)
                    self.end.diverged = "" if self.end.redundant else str(stop)
                    self._over.set()
                    return None
                self.steps += 1
                self.end.trace.append(Taken(chosen, ready[chosen], ready))
                self._last = chosen
                return chosen
            if any(each.stray for each in self._clients):
                return None  # it passes the baton when it arrives
            if all(each.state == DONE for each in self._clients):
                self._over.set()
                return None
            if not self._let_time_pass() and not self._freed_from_outside():
                self.end.deadlock = self.stacks()
                self._over.set()
                return None

    def _granted(self) -> int | None:
        """Turn waiting clients whose wait is over into ready ones.

        One that was held in the server goes at once.
        """
        for number, client in enumerate(self._clients):
            if client.state != WAITING:
                continue
            if client.waiter is not None:
                if client.waiter.ready():
                    return number
            elif client.ready is not None and client.ready():
                self._make_ready(client)
        return None

    def _make_ready(self, client: _Client) -> None:
        client.state = READY
        if client.step is None:
            client.step = Step("sleep", "go on")
        if client.step.kind == "sleep" and client.deadline is not None:
            self.clock.ahead = max(self.clock.ahead, client.deadline)

    def _freed_from_outside(self) -> bool:
        """A thread that is no client may still free what a client waits for.

        Look on for a moment of real time.
        """
        until = _monotonic() + min(self._stall, self._limit)
        while _monotonic() < until:
            if any(
                each.state == WAITING and each.ready is not None and each.ready() for each in self._clients
            ):
                return True
            _real_sleep(0.002)
        return False

    def _let_time_pass(self) -> bool:
        """Nobody can move: pass the nearest virtual deadline, else wait for the server. False.

        Nothing will come.
        """
        timed = [each for each in self._clients if each.state == WAITING and each.deadline is not None]
        if timed:
            first = min(timed, key=lambda each: each.deadline or 0.0)
            self.clock.ahead = max(self.clock.ahead, first.deadline or 0.0)
            first.timed_out = True
            self._make_ready(first)
            return True
        outside = [each.waiter for each in self._clients if each.state == WAITING and each.waiter is not None]
        if not outside:
            return False
        readable, _, _ = select.select(outside, [], [], self._limit)
        return bool(readable)


def stack_lines(frame: FrameType) -> list[str]:
    """Where a client's thread stands, the innermost last: the application's lines, not those of a race."""
    own = [
        each
        for each in traceback.extract_stack(frame)
        if "planproof/race/" not in each.filename and each.name not in {"_bootstrap", "_bootstrap_inner"}
    ]
    return [f"    {each.filename}:{each.lineno} {each.name}: {each.line}" for each in own[-6:]]


def _task_state(native_id: int | None) -> str:
    """What Linux says a thread does: R runs or would, S sleeps, D waits for a disk; empty elsewhere."""
    try:
        text = Path(f"/proc/self/task/{native_id}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]


class _Helper:
    """A thread that runs one function when told to.

    So that it shares no thread-local connection with a client.
    """

    def __init__(self, function: Callable[[], bool]) -> None:
        self._function = function
        self._asked = _thread.allocate_lock()
        self._answered = _thread.allocate_lock()
        self._asked.acquire()
        self._answered.acquire()
        self._result = False
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="observer", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        _current.observing = True
        while True:
            self._asked.acquire()
            if self._closed:
                return
            try:
                self._result = self._function()
            finally:
                self._answered.release()

    def call(self) -> bool:
        """Run the function in the thread and return what it returned."""
        self._asked.release()
        self._answered.acquire()
        return self._result

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._asked.release()
        self._thread.join(5.0)
