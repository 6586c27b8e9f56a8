"""Clients that are tasks: a schedule under the scheduler, a round at full speed, a client in a process."""

from __future__ import annotations

import contextlib
import functools
import inspect
import time
from typing import TYPE_CHECKING, Any

from planproof.backends.model import BackendKind
from planproof.errors import PlanproofError, WorkloadError
from planproof.race.schedules.step import Step
from planproof.race.tasks.loop import ClientLoop, client_context, stop
from planproof.race.tasks.scheduler import TaskScheduler
from planproof.race.tasks.waits import stack
from planproof.race.wording import one_line


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.race.execution import Bench, Execution
    from planproof.race.program import Program
    from planproof.race.schedules.scheduler import ScheduleEnd
    from planproof.race.schedules.step import Order


@contextlib.contextmanager
def task_loop(kind: BackendKind, *, virtual: bool = True) -> Iterator[ClientLoop]:
    """A loop for one system, with psycopg's asynchronous connections seen where that is the store.

    Args:
        kind: the store.
        virtual: time passes only when nobody can move; False for real time.
    """
    with contextlib.ExitStack() as patched:
        if kind is BackendKind.POSTGRES:
            from planproof.race.drivers.postgres_tasks import controlled_async_postgres

            patched.enter_context(controlled_async_postgres())
        loop = ClientLoop(virtual=virtual)
        try:
            yield loop
        finally:
            loop.close()


def run_controlled(bench: Bench, program: Program, order: Order, loop: ClientLoop) -> ScheduleEnd:
    """Run one program in one order."""
    scheduler = TaskScheduler(loop, order, observe=bench.observe, limit_seconds=bench.workload.limit_seconds)
    bodies = [
        (_start(calls), functools.partial(client_task, bench, program, number))
        for number, calls in enumerate(program)
    ]
    return scheduler.run(bodies)


def _start(calls: Any) -> Step:
    return Step("start", str(calls[0]) if calls else "start", begins=True)


async def client_task(bench: Bench, program: Program, client: int) -> None:
    """What one client does."""
    try:
        for index, wanted in enumerate(program[client]):
            if bench.findings.first is not None:
                return
            if index:
                await stop(Step("start", str(wanted), begins=True))
            call = bench.call(client, program, index)
            if call is None:
                continue
            entry = bench.entry(client, call)
            entry.begin()
            await bench.perform_task(call, entry)
        released = bench.workload.finish_client(bench.system)
        if inspect.isawaitable(released):
            await released
    except PlanproofError as error:
        bench.findings.broken(error)
    except Exception as error:  # noqa: BLE001 - preconditions and finish_client are the workload's own code
        told = f"client {client} cannot go on: {one_line(error)}"
        bench.findings.broken(WorkloadError(told))


def run_tasks(bench: Bench, program: Program, loop: ClientLoop, *, limit_seconds: float) -> Execution:
    """Run every client as a task as fast as the loop goes, and observe between its turns.

    Args:
        bench: the opened and prepared system.
        program: what each client does.
        loop: on which it was opened.
        limit_seconds: after which the run is called hung; where each task stands is told.

    Raises:
        PlanproofError: the workload, its model or the recorder is at fault.
    """
    tasks = [
        loop.create_task(client_task(bench, program, number), context=client_context(number))
        for number in range(len(program))
    ]
    until = time.monotonic() + limit_seconds
    while not all(task.done() for task in tasks) and time.monotonic() < until:
        if not loop.turn():
            loop.turn(0.001)
        bench.observe()
    hung = [number for number, task in enumerate(tasks) if not task.done()]
    if not hung:
        loop.end_clients()  # what they started and did not wait for
        bench.observe_at_rest()
        return bench.conclude()
    names = ", ".join(f"client {number}" for number in hung)
    stacks = [line for number in hung for line in (f"client {number} stands at", *stack(tasks[number])[-6:])]
    loop.end_clients()
    told = "\n".join(stacks)
    return bench.conclude(undecided=f"{names} did not finish within {limit_seconds:g} s\n{told}")
