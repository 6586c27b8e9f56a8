"""Stress: real threads that start at a barrier and run as fast as they can, with an observer beside them."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import PlanproofError, WorkloadError
from planproof.race.clocks import enter_client
from planproof.race.execution import Bench, Execution, history_file, opened, prepared, routed
from planproof.race.schedules.scheduler import stack_lines
from planproof.race.wording import one_line


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.backends.model import BackendKind
    from planproof.race.isolation import Places
    from planproof.race.program import Program
    from planproof.race.tasks.loop import ClientLoop
    from planproof.race.workload import Workload


SWITCH_SECONDS: Final = 1e-5


def stress_once(
    kind: type[Workload],
    chosen: Program,
    places: Places,
    meta: dict[str, Any],
    *,
    processes: bool = False,
    folder: Path | None = None,
) -> Execution:
    """One round of stress on a fresh system.

    With a folder the history goes to disk while it happens, so that a killed run can be judged; it stays
    there only if something did not hold.

    Raises:
        PlanproofError: the workload, its model or the recorder is at fault.
    """
    workload = kind()
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(places.place())
        seen, injector = stack.enter_context(routed(workload, place))
        if injector is not None:
            from planproof.race.explore import controlled

            stack.enter_context(controlled(place.kind))
        loop = _loop(stack, workload, place.kind)
        complete = None if loop is None else loop.complete
        system = stack.enter_context(opened(workload, seen, complete=complete))
        stack.enter_context(prepared(workload, system, complete=complete))
        if processes and folder is None:  # the file is then all that the processes share with this one
            own = tempfile.TemporaryDirectory(prefix="planproof-race-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(own))
        record_to = history_file(folder)
        bench = Bench(
            workload,
            system,
            injector=injector,
            record_to=record_to,
            meta=meta,
            shared=processes,
            complete=complete,
        )
        if processes:
            from planproof.race.processes import run_processes

            done = run_processes(bench, chosen, seen, limit_seconds=workload.limit_seconds)
        else:
            with bench.faults():
                done = _at_full_speed(bench, chosen, loop)
        if record_to is not None and done.holds:
            record_to.unlink(missing_ok=True)
        return done


def _loop(stack: contextlib.ExitStack, workload: Workload, kind: BackendKind) -> ClientLoop | None:
    """The loop that clients are tasks of; None where they are threads."""
    if not workload.asynchronous():
        return None
    from planproof.race.tasks.execution import task_loop

    return stack.enter_context(task_loop(kind, virtual=False))


def _at_full_speed(bench: Bench, chosen: Program, loop: ClientLoop | None) -> Execution:
    limit_seconds = bench.workload.limit_seconds
    if loop is None:
        return run_threads(bench, chosen, limit_seconds=limit_seconds)
    from planproof.race.tasks.execution import run_tasks

    return run_tasks(bench, chosen, loop, limit_seconds=limit_seconds)


def run_threads(bench: Bench, program: Program, *, limit_seconds: float) -> Execution:
    """Run every client in a thread of its own, and the observer until all are done.

    Args:
        bench: the opened and prepared system.
        program: what each client does.
        limit_seconds: after which the run is called hung; the stacks of those that hang are told.

    Raises:
        PlanproofError: the workload, its model or the recorder is at fault.
    """
    with _switching_often():
        return _run_threads(bench, program, limit_seconds)


@contextlib.contextmanager
def _switching_often() -> Iterator[None]:
    """Let threads take turns within an operation: one runs for 5 ms by default, which is hundreds of them."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _run_threads(bench: Bench, program: Program, limit_seconds: float) -> Execution:
    barrier = threading.Barrier(len(program) + 1)
    finished = threading.Event()
    clients = [
        threading.Thread(target=_client, args=(bench, program, n, barrier), name=f"client-{n}", daemon=True)
        for n in range(len(program))
    ]
    observer = threading.Thread(target=bench.observe_until, args=(finished,), name="observer", daemon=True)
    for thread in clients:
        thread.start()
    observer.start()
    barrier.wait(limit_seconds)
    until = time.monotonic() + limit_seconds
    for thread in clients:
        thread.join(max(0.0, until - time.monotonic()))
    hung = [thread for thread in clients if thread.is_alive()]
    stacks = _stacks(hung)
    finished.set()
    observer.join(limit_seconds)
    if hung or observer.is_alive():
        names = ", ".join(thread.name.replace("-", " ") for thread in hung) or "the observer"
        return bench.conclude(
            undecided=f"{names} did not finish within {limit_seconds:g} s\n{stacks}".strip()
        )
    bench.observe_at_rest()
    return bench.conclude()


def _client(bench: Bench, program: Program, client: int, barrier: threading.Barrier) -> None:
    enter_client(client)
    barrier.wait()
    try:
        bench.run_client(program, client, lambda: bench.findings.first is not None)
    except PlanproofError as error:
        bench.findings.broken(error)
    except Exception as error:  # noqa: BLE001 - preconditions and finish_client are the workload's own code
        bench.findings.broken(WorkloadError(f"client {client} cannot go on: {one_line(error)}"))


def _stacks(threads: list[threading.Thread]) -> str:
    frames: dict[int, Any] = sys._current_frames()  # noqa: SLF001 - the only way to see where a thread stands
    lines = []
    for thread in threads:
        lines.append(f"{thread.name.replace('-', ' ')} stands at")
        frame = frames.get(thread.ident or 0)
        lines += [] if frame is None else stack_lines(frame)
    return "\n".join(lines)
