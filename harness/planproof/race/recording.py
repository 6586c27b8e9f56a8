"""One operation of one client on the record: when it begins, how it ends, what it sent to the store."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import traceback
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from planproof.errors import WorkloadError
from planproof.race.clocks import current_client
from planproof.race.result import Violation
from planproof.race.schedules.scheduler import CannotObserve, ClientAborted, schedule_is_over
from planproof.race.wording import denies, one_line


if TYPE_CHECKING:
    from planproof.errors import PlanproofError
    from planproof.race.faults.injector import Injector
    from planproof.race.history import Recorder
    from planproof.race.program import Call
    from planproof.race.workload import Workload


# A thread starts without them; a task has those of who made it, so they hold in what an operation starts too.
_entry: ContextVar[Entry | None] = ContextVar("planproof_entry", default=None)
_injector: ContextVar[tuple[Injector, int] | None] = ContextVar("planproof_injector", default=None)
_now = time.monotonic_ns  # the real one, whatever is patched later


@dataclass(slots=True)
class Findings:
    """What went wrong so far in one execution; the first one counts. Shared by clients and observer."""

    first: Violation | None = None
    error: PlanproofError | None = None
    lock: Any = field(default_factory=threading.Lock)

    def violated(self, violation: Violation) -> None:
        """Keep it if it is the first."""
        with self.lock:
            if self.first is None:
                self.first = violation

    def broken(self, error: PlanproofError) -> None:
        """The workload itself is at fault; keep the first."""
        with self.lock:
            if self.error is None:
                self.error = error


class Entry:
    """One operation on the record; it begins when told to, or at its first call to the store.

    Args:
        recorder: takes it down.
        client: number of the client.
        call: what it does.
    """

    __slots__ = ("_call", "_recorder", "client", "number")

    def __init__(self, recorder: Recorder, client: int, call: Call) -> None:
        self._recorder = recorder
        self.client = client
        self._call = call
        self.number: int | None = None

    def begin(self) -> int:
        """Note the call; later times do nothing."""
        if self.number is None:
            self.number = self._recorder.call(self.client, self._call.operation, self._call.values)
        return self.number

    def sub(self, kind: str, text: str, begin: int, note: str | None) -> None:
        """Note a statement or request under this operation, over now."""
        self._recorder.sub(self.begin(), kind, text, begin, _now(), note=note)


def current_entry() -> Entry | None:
    """The operation that this thread or task performs; None outside operations."""
    return _entry.get()


def current_injector() -> tuple[Injector, int] | None:
    """The armed faults, and the number of the client whose operation is performed here; None without."""
    return _injector.get()


def note_call(kind: str, text: str, begin: int, note: str | None = None) -> None:
    """Drivers say here what reached the store, with its monotonic begin in nanoseconds."""
    entry = current_entry()
    if entry is not None:
        entry.sub(kind, text, begin, note)


def perform(
    workload: Workload,
    system: Any,
    call: Call,
    entry: Entry,
    recorder: Recorder,
    findings: Findings,
    injector: Injector | None = None,
) -> Any:
    """Run one operation and record how it ended; what it returned, None where it did not succeed.

    An exception that the workload expects is *fail*; a driver's exception is mapped to *fail* or *info*; an
    AssertionError and anything else is a finding: application code that breaks under a race is a failure of
    its own kind.
    """
    method = getattr(workload, call.operation)
    _enter(entry, injector)
    try:
        result = method(system, **call.named)
    except (ClientAborted, CannotObserve):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the application raises is judged, SystemExit too
        if not schedule_is_over():  # else it comes of ending the client in the middle of its call
            _raised(error, workload.expected, call, entry, recorder, findings)
    else:
        if type(result) is CoroutineType:
            result.close()
            findings.broken(
                WorkloadError(f"{call.operation} returns a coroutine: write async def {call.operation}")
            )
            return None
        recorder.ok(entry.number if entry.number is not None else entry.begin(), result)
        return result
    finally:
        _leave(injector)
    return None


async def perform_task(
    workload: Workload,
    system: Any,
    call: Call,
    entry: Entry,
    recorder: Recorder,
    findings: Findings,
    injector: Injector | None = None,
) -> Any:
    """The same for a client that is a task: the operation may be a coroutine.

    A cancellation that nobody asked this client for is *info*: the application cancelled itself.

    Raises:
        asyncio.CancelledError: the schedule is over.
    """
    _enter(entry, injector)
    try:
        result = getattr(workload, call.operation)(system, **call.named)
        if inspect.isawaitable(result):
            result = await result
    except asyncio.CancelledError as error:
        if _cancelled():
            raise
        recorder.info(entry.begin(), _text(error))
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the application raises is judged, SystemExit too
        if not _cancelled():
            _raised(error, workload.expected, call, entry, recorder, findings)
    else:
        recorder.ok(entry.begin(), result)
        return result
    finally:
        _leave(injector)
    return None


def _enter(entry: Entry, injector: Injector | None) -> None:
    _entry.set(entry)
    if injector is not None:
        _injector.set((injector, entry.client))


def _leave(injector: Injector | None) -> None:
    _entry.set(None)
    if injector is not None:
        _injector.set(None)


def _cancelled() -> bool:
    """Whether the client is being ended in the middle of its call."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _raised(
    error: BaseException,
    expected: tuple[type[BaseException], ...],
    call: Call,
    entry: Entry,
    recorder: Recorder,
    findings: Findings,
) -> None:
    if isinstance(error, expected):
        recorder.fail(entry.begin(), _text(error))
    elif denies(error):
        recorder.fail(entry.begin(), _text(error))
        findings.violated(Violation(call.operation, str(error) or f"{call} found what must not be"))
    else:
        _unexpected(error, call, entry, recorder, findings)


def _unexpected(
    error: BaseException, call: Call, entry: Entry, recorder: Recorder, findings: Findings
) -> None:
    from planproof.race.outcomes import outcome_of

    outcome = outcome_of(error)
    if outcome is not None:
        recorder.end(entry.begin(), outcome, _text(error))
        return
    recorder.info(entry.begin(), _text(error))
    lines = traceback.format_exception(error)
    message = f"{call} of client {current_client()} raised {_text(error)}"
    findings.violated(Violation("no unexpected error", message, "".join(lines[-4:])))


def _text(error: BaseException) -> str:
    return one_line(error)[:300]
