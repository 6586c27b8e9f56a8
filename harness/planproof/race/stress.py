"""Stress: real threads that start at a barrier and run as fast as they can, with an observer beside them."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from planproof.errors import PlanproofError, WorkloadError
from planproof.race.clocks import enter_client
from planproof.race.schedules.scheduler import CannotObserve


if TYPE_CHECKING:
    from planproof.race.execution import Bench, Execution
    from planproof.race.program import Program


def run_threads(bench: Bench, program: Program, *, limit_seconds: float) -> Execution:
    """Run every client in a thread of its own, and the observer until all are done.

    Args:
        bench: the opened and prepared system.
        program: what each client does.
        limit_seconds: after which the run is called hung; the stacks of those that hang are told.

    Raises:
        PlanproofError: the workload, its model or the recorder is at fault.
    """
    barrier = threading.Barrier(len(program) + 1)
    finished = threading.Event()
    clients = [
        threading.Thread(target=_client, args=(bench, program, n, barrier), name=f"client-{n}", daemon=True)
        for n in range(len(program))
    ]
    observer = threading.Thread(target=_observer, args=(bench, finished), name="observer", daemon=True)
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
        for index in range(len(program[client])):
            if bench.findings.first is not None:
                break
            call = bench.call(client, program, index)
            if call is not None:
                entry = bench.entry(client, call)
                entry.begin()
                bench.perform(call, entry)
        bench.workload.finish_client(bench.system)
    except PlanproofError as error:
        bench.findings.broken(error)
    except Exception as error:  # noqa: BLE001 - preconditions and finish_client are the workload's own code
        bench.findings.broken(WorkloadError(f"client {client} cannot go on: {type(error).__name__}: {error}"))


def _observer(bench: Bench, finished: threading.Event) -> None:
    try:
        while not finished.is_set() and not bench.observe():
            time.sleep(0)  # lets a client have the interpreter; no wait
        bench.workload.finish_client(bench.system)
    except CannotObserve:
        pass
    except Exception as error:  # noqa: BLE001 - finish_client is the workload's own code
        bench.findings.broken(WorkloadError(f"the observer cannot go on: {type(error).__name__}: {error}"))


def _stacks(threads: list[threading.Thread]) -> str:
    frames: dict[int, Any] = sys._current_frames()  # noqa: SLF001 - the only way to see where a thread stands
    lines = []
    for thread in threads:
        lines.append(f"{thread.name.replace('-', ' ')} stands at")
        frame = frames.get(thread.ident or 0)
        lines += [
            f"    {each.filename}:{each.lineno} {each.name}: {each.line}"
            for each in (traceback.extract_stack(frame)[-6:] if frame else ())
        ]
    return "\n".join(lines)
