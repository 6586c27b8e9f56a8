"""Stress with a process for each client: nothing is shared but the store."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import threading
import time
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planproof.errors import PlanproofError, WorkloadError
from planproof.race.clocks import enter_client
from planproof.race.execution import Bench, Execution, opened
from planproof.race.history import merged, read_lines
from planproof.race.result import Violation
from planproof.race.tasks.execution import client_task, task_loop
from planproof.race.wording import one_line
from planproof.race.workload import load_workload, reference_of


if TYPE_CHECKING:
    from planproof.backends.model import Backend
    from planproof.race.program import Program


_IDS_PER_CLIENT = 1_000_000


def run_processes(bench: Bench, program: Program, place: Backend, *, limit_seconds: float) -> Execution:
    """Run every client in a process of its own, and the observer in this one.

    Each process loads the workload by its reference and calls ``attach`` with the same place. What a workload
    keeps in ``self`` is not shared, so invariants go by the store and the ``history``. All append their
    events to one file as they happen, so it can be judged whoever is killed when.

    Args:
        bench: the opened and prepared system; its recorder has a file.
        program: what each client does.
        place: where the system lies in the store.
        limit_seconds: after which the run is called hung.

    Raises:
        WorkloadError: a client's process failed.
    """
    context = multiprocessing.get_context("spawn")
    errors = context.SimpleQueue()
    path = bench.recorder.path
    assert path is not None, "processes share the file of their history"
    reference = reference_of(type(bench.workload))
    lines = [context.Pipe() for _ in program]
    children = [
        context.Process(
            target=_child,
            args=(reference, place, program, n, str(path), line, errors, bench.workload.values.given),
            daemon=True,
        )
        for n, (_, line) in enumerate(lines)
    ]
    try:
        for child in children:
            child.start()
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise WorkloadError(f"what setup gave to a bundle cannot go to another process: {error}") from error
    finally:
        for _, line in lines:
            line.close()
    undecided = _watched(bench, children, [mine for mine, _ in lines], limit_seconds)
    while not errors.empty():
        told = errors.get()
        if not isinstance(told, Violation):
            raise WorkloadError(told)
        bench.findings.violated(told)
    bench.recorder.close()
    history = merged([read_lines(path)])
    bench.taken_from_elsewhere(history)
    if not undecided:
        bench.observe_at_rest()
    return bench.conclude(undecided=undecided)


def _watched(bench: Bench, children: list[Any], lines: list[Any], limit_seconds: float) -> str:
    """Let all children go at once and observe until they are done; why nothing is decided, if so."""
    finished = threading.Event()
    observer = threading.Thread(target=bench.observe_until, args=(finished,), name="observer", daemon=True)
    until = time.monotonic() + limit_seconds
    try:
        if _all_ready(lines, until):
            for line in lines:
                with contextlib.suppress(OSError):  # it died since; its exit code tells
                    line.send(None)
            observer.start()
        else:
            until = min(until, time.monotonic())
        for child in children:
            child.join(max(0.0, until - time.monotonic()))
        dead = _dead(children)
        hung = ", ".join(f"client {n}" for n, child in enumerate(children) if child.is_alive())
    finally:
        for child in children:
            if child.is_alive():
                child.kill()
                child.join(limit_seconds)
        finished.set()
    if observer.ident is not None:
        observer.join(limit_seconds)
    return dead or (f"{hung} did not finish within {limit_seconds:g} s" if hung else "")


def _all_ready(lines: list[Any], until: float) -> bool:
    """Whether every child says so in time; one that died closed its line."""
    waiting = set(lines)
    while waiting:
        said = waiting.intersection(connection.wait(list(waiting), max(0.0, until - time.monotonic())))
        if not said:
            return False
        for line in said:
            try:
                line.recv()
            except (EOFError, OSError):
                return False
        waiting -= said
    return True


def _dead(children: list[Any]) -> str:
    dead = [f"client {n} (exit code {each.exitcode})" for n, each in enumerate(children) if each.exitcode]
    return f"the process of {', '.join(dead)} died" if dead else ""


def _child(
    reference: str,
    place: Backend,
    program: Program,
    client: int,
    path: str,
    line: Any,
    errors: Any,
    given: dict[str, list[Any]],
) -> None:
    """What one process does; ``line`` leads to the run, ``given`` is what setup left in the bundles."""
    try:
        workload = load_workload(reference)()
        workload.values.given = given
        enter_client(client)
        with contextlib.ExitStack() as stack:
            loop = (
                stack.enter_context(task_loop(place.kind, virtual=False)) if workload.asynchronous() else None
            )
            complete = None if loop is None else loop.complete
            system = stack.enter_context(opened(workload, place, attach=True, complete=complete))
            bench = Bench(
                workload, system, record_to=Path(path), first_id=client * _IDS_PER_CLIENT, joins=True
            )
            line.send(None)
            line.recv()  # all are ready now; closed where the run was killed
            if complete is None:
                parent = os.getppid()  # another one: the run was killed, nobody waits for this any more
                bench.run_client(program, client, lambda: os.getppid() != parent)
            else:
                complete(client_task(bench, program, client))
            bench.recorder.close()
        found = bench.findings.first
        if bench.findings.error is not None:
            errors.put(f"client {client} cannot go on: {bench.findings.error.message}")
        elif found is not None:
            errors.put(found)
    except PlanproofError as error:
        errors.put(f"client {client} cannot go on: {error}")
    except Exception as error:  # noqa: BLE001 - the workload's own code, in another process
        errors.put(f"client {client} cannot go on: {one_line(error)}")
