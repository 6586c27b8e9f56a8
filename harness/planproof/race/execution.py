"""One execution of one program: opened, set up, run by stress or under the scheduler, judged, torn down."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass, field
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from planproof.backends.model import BackendKind
from planproof.errors import ConfigError, PlanproofError, WorkloadError
from planproof.race.history import Recorder
from planproof.race.isolation import without_place
from planproof.race.recording import Entry, Findings, perform, perform_task
from planproof.race.result import Violation
from planproof.race.schedules.scheduler import CannotObserve
from planproof.race.wording import denies, one_line


if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from planproof.backends.model import Backend
    from planproof.race.faults.injector import Injector
    from planproof.race.history import History
    from planproof.race.history.recorder import Sink
    from planproof.race.program import Call, Program
    from planproof.race.schedules.step import Taken
    from planproof.race.workload import Invariant, Workload


@dataclass(slots=True)
class Execution:
    """What one execution came to.

    Attributes:
        violation: the first thing that did not hold; None where all held.
        history: what was recorded.
        trace: every choice of the scheduler; empty in stress mode.
        undecided: why this execution proves nothing, in one sentence; empty where it does.
        observations: times that invariants were evaluated beside the clients.
        unseen: times that the state could not be seen.
        stray: waits that the scheduler could not see.
        faults: fault name -> times it fired.
        unchecked: True where the checker gave up.
        diverged: True where the application made other calls than before.
        tasks: True where the clients are tasks on one loop.
    """

    violation: Violation | None
    history: History
    trace: list[Taken] = field(default_factory=list)
    undecided: str = ""
    observations: int = 0
    unseen: int = 0
    stray: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    unchecked: bool = False
    diverged: bool = False
    tasks: bool = False

    @property
    def holds(self) -> bool:
        """Nothing was found, and it could be decided."""
        return self.violation is None and not self.undecided

    @property
    def choices(self) -> tuple[int, ...]:
        """Which client moved, step by step."""
        return tuple(each.client for each in self.trace)

    @property
    def steps(self) -> tuple[str, ...]:
        """What each choice did, for people."""
        return tuple(
            f"client {each.client}: {without_place(each.step.label)}"
            f"{'  (waits)' if each.waited or each.queued else ''}"
            for each in self.trace
        )


class Bench:
    """What both modes share: the opened system, the recorder, the invariants.

    Args:
        workload: the instance that is run.
        backend: its place in the store.
        injector: faults; None for none.
        record_to: file for the history; None keeps it in memory.
        meta: written at the head of the history.
        shared: other processes append to the history's file too.
        first_id: where the ids of operations start.
        joins: the history was begun by another process.
        sink: takes the history in place of a new file.
        complete: runs what an invariant returned, if that is a coroutine.
    """

    def __init__(
        self,
        workload: Workload,
        system: Any,
        *,
        injector: Injector | None = None,
        record_to: Path | None = None,
        meta: dict[str, Any] | None = None,
        shared: bool = False,
        first_id: int = 0,
        joins: bool = False,
        sink: Sink | None = None,
        complete: Callable[[Any], Any] | None = None,
    ) -> None:
        self._complete = complete or plain
        self.workload = workload
        self.system = system
        self.injector = injector
        self.findings = Findings()
        self.recorder = Recorder(
            record_to,
            meta=meta,
            shared=shared,
            sink=_full_disk(injector) or sink,
            first_id=first_id,
            joins=joins,
        )
        self._elsewhere: History | None = None
        self.observations = 0
        self.unseen = 0
        self._operations = workload.operations()
        invariants = workload.invariants()
        self._always = [each for each in invariants if each.when == "always"]
        self._all = invariants

    def call(self, client: int, program: Program, index: int) -> Call | None:
        """The call as it is to be made now.

        None where its precondition does not hold, or a bundle that it takes from is empty.
        """
        call = program[client][index]
        operation = self._operations.get(call.operation)
        if operation is None:
            raise WorkloadError(f"{type(self.workload).__name__} has no operation {call.operation!r}")
        if operation.precondition is not None and not operation.precondition(self.workload):
            return None
        return call.resolved(self.workload.values)

    def entry(self, client: int, call: Call) -> Entry:
        """The record of one call; not begun yet."""
        return Entry(self.recorder, client, call)

    def perform(self, call: Call, entry: Entry) -> None:
        """Run one call of one client."""
        result = perform(self.workload, self.system, call, entry, self.recorder, self.findings, self.injector)
        self.keep(call, result)

    async def perform_task(self, call: Call, entry: Entry) -> None:
        """Run one call of one client that is a task."""
        result = await perform_task(
            self.workload, self.system, call, entry, self.recorder, self.findings, self.injector
        )
        self.keep(call, result)

    def keep(self, call: Call, result: Any) -> None:
        """Leave what a call returned in the bundle that it is for."""
        target = self._operations[call.operation].target
        if target:
            self.workload.values.put(target, result)

    @contextlib.contextmanager
    def faults(self) -> Iterator[None]:
        """While clients run, faults are injected."""
        if self.injector is None:
            yield
            return
        with self.injector.active(self.recorder):
            yield

    def observe(self) -> bool:
        """Evaluate the invariants that always hold; True if there is a finding by now."""
        if self._always and self.findings.first is None:
            try:
                for each in self._always:
                    self._ask(each)
                self.observations += 1
            except CannotObserve:
                self.unseen += 1
        return self.findings.first is not None or self.findings.error is not None

    def observe_until(self, finished: threading.Event) -> None:
        """Evaluate them again and again beside the clients, as long as none of them is violated."""
        try:
            while not finished.is_set() and not self.observe():
                time.sleep(0)  # lets a client have the interpreter; no wait
            self.workload.finish_client(self.system)
        except CannotObserve:
            pass
        except Exception as error:  # noqa: BLE001 - finish_client is the workload's own code
            told = f"the observer cannot go on: {one_line(error)}"
            self.findings.broken(WorkloadError(told))

    def run_client(self, program: Program, client: int, over: Callable[[], bool]) -> None:
        """Make the calls of one client, one right after the other, then let it release what it holds.

        Args:
            program: what each client does.
            client: its number.
            over: asked before each call whether to stop.
        """
        for index in range(len(program[client])):
            if over():
                break
            call = self.call(client, program, index)
            if call is not None:
                entry = self.entry(client, call)
                entry.begin()
                self.perform(call, entry)
        self.workload.finish_client(self.system)

    def taken_from_elsewhere(self, history: History) -> None:
        """The clients ran in other processes, which recorded this."""
        self._elsewhere = history

    def observe_at_rest(self) -> None:
        """Evaluate all invariants; every client is done."""
        for each in self._all:
            if self.findings.first is None and self.findings.error is None:
                try:
                    self._ask(each)
                except CannotObserve as error:
                    why = one_line(error.__cause__) if error.__cause__ else "a lock is held"
                    told = f"invariant {each.name} cannot look though every client is done: {why}"
                    self.findings.broken(WorkloadError(told))

    def _ask(self, each: Invariant) -> None:
        check = getattr(self.workload, each.name)
        try:
            if each.wants_history:
                told = check(self.system, history=self._elsewhere or self.recorder.history())
            else:
                told = check(self.system)
            if isinstance(self._complete(told), bool):
                self.findings.broken(
                    WorkloadError(f"invariant {each.name} returns a bool: let it assert that")
                )
        except TimeoutError as error:
            raise CannotObserve from error
        except PlanproofError as error:
            self.findings.broken(error)
        except (CannotObserve, KeyboardInterrupt):
            raise
        except BaseException as error:
            if denies(error):
                message = " ".join(str(error).split()) or "does not hold"
                self.findings.violated(Violation(each.name, message))
                return
            if is_busy(error):
                raise CannotObserve from error
            told = f"invariant {each.name} raised {one_line(error)}"
            self.findings.broken(WorkloadError(told))

    def conclude(self, *, undecided: str = "") -> Execution:
        """Close the record, ask the model, and say what it came to.

        Raises:
            PlanproofError: the workload, its model or the recorder is at fault.
        """
        if self.findings.error is not None:
            raise self.findings.error
        history = self.recorder.close() if self._elsewhere is None else self._elsewhere
        done = Execution(self.findings.first, history, undecided=undecided)
        done.observations, done.unseen = self.observations, self.unseen
        done.tasks = self.workload.asynchronous()
        if self.injector is not None:
            done.faults = self.injector.fired()
        if done.violation is None and not undecided and self.workload.model is not None:
            _ask_model(self.workload.model, done)
        return done


def history_file(folder: Path | None) -> Path | None:
    """A new name for a history in the run's folder, which is made; None without a folder.

    Raises:
        ConfigError: the folder cannot be made.
    """
    if folder is None:
        return None
    name = f"history_{os.getpid()}_{secrets.token_hex(4)}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the folder cannot be made: {error.strerror}", path=str(folder)) from error
    return folder / name


def _full_disk(injector: Injector | None) -> Any:
    """The disk of a fault that fills it; None for the real one."""
    if injector is None:
        return None
    from planproof.race.faults.clients import DiskFull, FullDisk

    full = next((fault for fault in injector.faults if isinstance(fault, DiskFull)), None)
    return None if full is None else FullDisk(full.after, lambda: injector.count(full.name))


@contextlib.contextmanager
def routed(workload: Workload, place: Backend) -> Iterator[tuple[Backend, Injector | None]]:
    """The place as clients are to see it, and the armed faults.

    A proxy stands between where a fault needs one.
    """
    if not workload.faults:
        yield place, None
        return
    from planproof.race.faults.injector import Injector
    from planproof.race.faults.proxy import Proxy

    if place.kind is not BackendKind.POSTGRES or not any(fault.needs_proxy for fault in workload.faults):
        yield place, Injector(workload.faults, workload.clock, place)
        return
    with Proxy(place) as proxy:
        yield proxy.place, Injector(workload.faults, workload.clock, place, proxy)


def _ask_model(model: Any, done: Execution) -> None:
    from planproof.race.checker import check

    verdict = check(done.history, model)
    if verdict.linearizable is False:
        done.violation = Violation("linearizable", verdict.reason)
    done.unchecked = verdict.linearizable is None


def is_busy(error: BaseException) -> bool:
    """Whether a driver says that it could not look because somebody holds a lock."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in {5, 6}  # SQLITE_BUSY, SQLITE_LOCKED
    return getattr(error, "sqlstate", None) in {"55P03", "57014", "40001"}


@contextlib.contextmanager
def opened(
    workload: Workload,
    backend: Backend,
    *,
    attach: bool = False,
    complete: Callable[[Any], Any] | None = None,
) -> Iterator[Any]:
    """The system under test, opened on this store, then closed.

    Args:
        workload: says how.
        backend: its place in the store.
        attach: as a second process does.
        complete: runs what a hook returned, if that is a coroutine; None where none may be.

    Raises:
        WorkloadError: opening fails.
    """
    complete = complete or plain
    try:
        system = complete(workload.attach(backend) if attach else workload.open(backend))
    except PlanproofError:
        raise
    except Exception as error:
        name = type(workload).__name__
        told = f"{name}.open fails on {backend.kind}: {one_line(error)}"
        raise WorkloadError(told) from error
    try:
        yield system
    finally:
        with contextlib.suppress(Exception):
            complete(workload.close(system))


@contextlib.contextmanager
def prepared(
    workload: Workload, system: Any, *, complete: Callable[[Any], Any] | None = None
) -> Iterator[None]:
    """Between setup and teardown.

    Args:
        workload: whose hooks they are.
        system: what was opened.
        complete: runs what a hook returned, if that is a coroutine; None where none may be.

    Raises:
        WorkloadError: one of them fails.
    """
    workload.values.clear()
    complete = complete or plain
    _hook(workload, "setup", system, complete)
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            complete(workload.teardown(system))
        raise
    _hook(workload, "teardown", system, complete)


def plain(value: Any) -> Any:
    """The value, which is no coroutine.

    Raises:
        WorkloadError: it is one, and the clients are threads: nobody would run it.
    """
    if isinstance(value, CoroutineType):
        name = value.__name__
        value.close()
        raise WorkloadError(f"{name} is a coroutine, but the operations are not: clients are threads here")
    return value


def _hook(workload: Workload, name: str, system: Any, complete: Callable[[Any], Any]) -> None:
    try:
        complete(getattr(workload, name)(system))
    except PlanproofError:
        raise
    except Exception as error:
        told = f"{type(workload).__name__}.{name} fails: {one_line(error)}"
        raise WorkloadError(told) from error
