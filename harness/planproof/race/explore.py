"""Explore: one client runs at a time between the calls that reach the store, in orders that are chosen."""

from __future__ import annotations

import contextlib
import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from planproof.backends.model import BackendKind
from planproof.errors import ConfigError, PlanproofError, WorkloadError
from planproof.race.certificate import count
from planproof.race.drivers.locks import controlled_locks
from planproof.race.drivers.passing import virtual_time
from planproof.race.drivers.sqlite import controlled_sqlite
from planproof.race.execution import Bench, Execution, history_file, opened, prepared, routed
from planproof.race.history.reused import ReusedFile
from planproof.race.program import scenarios_of
from planproof.race.result import Failure, Violation
from planproof.race.schedules.exhaustive import EveryOrder
from planproof.race.schedules.independence import independence
from planproof.race.schedules.orders import Priorities, RandomOrder, SwitchAfterEffect
from planproof.race.schedules.scheduler import ScheduleEnd, Scheduler
from planproof.race.schedules.step import TAKE, Step
from planproof.race.wording import one_line


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from planproof.race.faults.injector import Injector
    from planproof.race.history.recorder import Sink
    from planproof.race.isolation import Places
    from planproof.race.program import Program
    from planproof.race.run import Race
    from planproof.race.schedules.step import Order
    from planproof.race.tasks.loop import ClientLoop
    from planproof.race.workload import Workload


# Small programs find most races (the small-scope hypothesis) and can be explored far.
SMALL_CLIENTS, SMALL_STEPS = 3, 2
# In "auto", how many schedules the systematic search spends on one program before it goes on to the next.
SYSTEMATIC_SHARE = 12
# Before anything else, so many programs are each run once with their clients taking turns.
FIRST_LOOKS = 4
_TWO = 2


@contextlib.contextmanager
def controlled(kind: BackendKind) -> Iterator[None]:
    """While this lasts, calls of controlled clients that reach a store, take a lock or sleep are steps."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(controlled_locks())
        stack.enter_context(virtual_time())
        stack.enter_context(controlled_sqlite())
        if kind is BackendKind.POSTGRES:
            from planproof.race.drivers.postgres import controlled_postgres

            stack.enter_context(controlled_postgres())
        if kind is BackendKind.DYNAMODB:
            from planproof.race.drivers.dynamodb import controlled_dynamodb

            stack.enter_context(controlled_dynamodb())
        yield


@dataclass(frozen=True, slots=True)
class _Opened:
    """A system that is open.

    Attributes:
        workload: the instance that opened it.
        system: what it opened.
        injector: faults; None for none.
        loop: the clients are its tasks; None where they are threads.
    """

    workload: Workload
    system: Any
    injector: Injector | None
    loop: ClientLoop | None

    @property
    def complete(self) -> Callable[[Any], Any] | None:
        """Runs what a hook returned, if that is a coroutine."""
        return None if self.loop is None else self.loop.complete


class Session:
    """Executions of one workload on one store; keeps the system open between them where the workload says so.

    Args:
        workload: the class.
        kind: the store.
        places: where each execution gets its own place.
        folder: where the history of the present execution goes while it happens; None for nowhere.
    """

    def __init__(
        self, workload: type[Workload], kind: BackendKind, places: Places, *, folder: Path | None = None
    ) -> None:
        self.workload = workload
        self._kind = kind
        self._places = places
        self._tasks = workload.asynchronous()
        self._kept: _Opened | None = None
        self._stack = contextlib.ExitStack()
        file = history_file(folder)
        self._file = None if file is None else self._stack.enter_context(ReusedFile(file))

    def __enter__(self) -> Self:
        self._stack.enter_context(controlled(self._kind))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def _system(self) -> Iterator[_Opened]:
        if not self.workload.reuse or self.workload.faults:
            with contextlib.ExitStack() as stack:
                yield self._open(stack)
            return
        if self._kept is None:
            self._kept = self._open(self._stack)
        yield self._kept

    def _open(self, stack: contextlib.ExitStack) -> _Opened:
        workload = self.workload()
        place = stack.enter_context(self._places.place())
        seen, injector = stack.enter_context(routed(workload, place))
        loop = None
        if self._tasks:
            from planproof.race.tasks.execution import task_loop

            loop = stack.enter_context(task_loop(self._kind))
        complete = None if loop is None else loop.complete
        return _Opened(
            workload, stack.enter_context(opened(workload, seen, complete=complete)), injector, loop
        )

    def run(self, program: Program, order: Order, meta: dict[str, Any]) -> Execution:
        """Run one program once, with its history in the folder while it lasts; it stays if that fails.

        So a run that is killed leaves the history of the schedule that was running.

        Raises:
            PlanproofError: the workload, its model or the recorder is at fault.
        """
        if self._file is not None:
            self._file.restart()
        done = self.execute(program, order, meta=meta, sink=self._file)
        if done.holds:
            self.forget()
        return done

    def forget(self) -> None:
        """Nothing more is to be learned from the history that was left."""
        if self._file is not None:
            self._file.wanted = False

    def execute(
        self,
        program: Program,
        order: Order,
        *,
        meta: dict[str, Any] | None = None,
        sink: Sink | None = None,
    ) -> Execution:
        """Run one program once, in one order; with a sink, each event goes there at once.

        Raises:
            PlanproofError: the workload, its model or the recorder is at fault.
        """
        with self._system() as it, prepared(it.workload, it.system, complete=it.complete):
            bench = Bench(
                it.workload, it.system, injector=it.injector, sink=sink, meta=meta, complete=it.complete
            )
            with bench.faults():
                end = self._run(bench, program, order, it.loop)
            return _concluded(bench, end)

    def _run(self, bench: Bench, program: Program, order: Order, loop: ClientLoop | None) -> ScheduleEnd:
        if loop is not None:
            from planproof.race.tasks.execution import run_controlled

            return run_controlled(bench, program, order, loop)
        workload = bench.workload
        scheduler = Scheduler(
            order, clock=workload.clock, observe=bench.observe, limit_seconds=workload.limit_seconds
        )
        return scheduler.run([_body(bench, program, n, scheduler, self._kind) for n in range(len(program))])


def _body(
    bench: Bench, program: Program, client: int, scheduler: Scheduler, kind: BackendKind
) -> Callable[[], None]:
    """What one client does, as a function for its thread."""

    def run() -> None:
        try:
            for index, wanted in enumerate(program[client]):
                if kind is BackendKind.MEMORY:
                    # Unlocked code may look at shared memory before the first lock: it starts when chosen.
                    scheduler.call(client, Step("start", str(wanted), begins=True))
                elif wanted.refers:
                    scheduler.call(client, Step(TAKE, str(wanted)))
                call = bench.call(client, program, index)
                if call is None:
                    continue
                entry = bench.entry(client, call)
                if kind is BackendKind.MEMORY:
                    entry.begin()
                else:
                    scheduler.before_next_grant(client, entry.begin)
                bench.perform(call, entry)
                scheduler.before_next_grant(client, None)
            bench.workload.finish_client(bench.system)
        except PlanproofError as error:
            bench.findings.broken(error)
        except Exception as error:  # noqa: BLE001 - preconditions and finish_client are the workload's own code
            told = f"client {client} cannot go on: {one_line(error)}"
            bench.findings.broken(WorkloadError(told))

    return run


def _concluded(bench: Bench, end: ScheduleEnd) -> Execution:
    undecided = ""
    if end.hang:
        undecided = f"the clients did not finish within {bench.workload.limit_seconds:g} s\n{end.hang}"
    elif end.endless:
        undecided = (
            f"the clients made {len(end.trace)} calls and still had not finished: they wait in circles"
        )
    elif end.diverged:
        undecided = end.diverged
    elif end.deadlock:
        alone = sum(line.startswith("client ") for line in end.deadlock.splitlines()) < _TWO
        told = "a client waits for what never comes" if alone else "all clients wait for each other"
        bench.findings.violated(Violation("progress", told, end.deadlock))
    elif not end.redundant:
        bench.observe_at_rest()
    done = bench.conclude(undecided=undecided)
    done.trace, done.stray, done.diverged = end.trace, end.stray, bool(end.diverged)
    return done


def explore(run: Race, places: Places) -> tuple[Failure | None, str]:
    """Run the schedules of one run; the first failure, or why it is inconclusive.

    Raises:
        PlanproofError: the workload, its model or the recorder is at fault.
    """
    with Session(run.workload, run.backend.kind, places, folder=run.options.folder) as session:
        if run.options.orders == "all":
            return _every_order(run, session)
        source = _orders(run)
        for number in range(1, run.options.schedules + 1):
            run.told(number)
            program, order = next(source)
            done = session.run(program, order, run.meta(number))
            count(run.tally, done)
            if done.diverged and isinstance(order, EveryOrder):
                order.give_up()  # the drawn orders go on: they do not need the application to repeat itself
            elif done.undecided:
                return None, done.undecided
            if done.violation is not None:
                return _failure(run, session, program, done, number), ""
    return None, ""


def _failure(run: Race, session: Session, program: Program, done: Execution, number: int) -> Failure:
    assert done.violation is not None
    failure = Failure(
        done.violation,
        program,
        done.choices,
        done.steps,
        done.history,
        schedule=number,
        seed=run.options.seed,
    )
    if run.options.shrink:
        from planproof.race.shrinking import shrink

        execute = functools.partial(session.execute, meta=run.meta(number))
        failure = shrink(failure, execute, relation_of(run)[0])
    failure = run.written(failure)
    session.forget()  # the test that was written makes it again
    return failure


def relation_of(run: Race) -> tuple[Callable[[Step, Step], bool], tuple[str, ...]]:
    """When two steps of this run commute, and what that rests on."""
    judged = run.workload.model is not None or any(each.wants_history for each in run.workload.invariants())
    return independence(run.backend.kind, ordered=judged, tasks=run.workload.asynchronous())


@dataclass(slots=True)
class _Share:
    """A program under systematic search, and how many schedules it has had."""

    program: Program
    order: EveryOrder
    spent: int = 0


def _orders(run: Race) -> Iterator[tuple[Program, Order]]:
    """Programs with orders, for ever: every other schedule systematic, the rest of one switch, then drawn."""
    options = run.options
    drawn = run.draw(
        clients=min(run.workload.clients, SMALL_CLIENTS), steps=min(run.workload.steps, SMALL_STEPS)
    )
    if options.orders not in {"auto", "random", "pct"}:
        raise ConfigError(f"orders are auto, random, pct or all, not {options.orders!r}")
    systematic = _systematic(run, drawn) if options.orders == "auto" else None
    number = 0
    if systematic is not None:
        yield from itertools.islice(systematic, min(len(drawn), FIRST_LOOKS))
        for each in _single_switches(drawn[: len(run.workload.scenarios) or FIRST_LOOKS]):
            yield next(systematic)
            yield each
    while True:
        if systematic is not None:
            yield next(systematic)
        program = drawn[number % len(drawn)]
        seed = f"{options.seed}/{number}"
        depth = number % 3 + 1
        if options.orders == "random" or (options.orders == "auto" and number % 2):
            yield program, RandomOrder(seed)
        else:
            yield program, Priorities(seed, depth=depth, length=6 * sum(map(len, program)))
        number += 1


def _single_switches(looks: list[Program]) -> Iterator[tuple[Program, Order]]:
    """Each program with each client in the lead, up to what it first does to the store."""
    for leader in range(max(map(len, looks), default=0)):
        for program in looks:
            if leader < len(program):
                yield program, SwitchAfterEffect(leader)


def _systematic(run: Race, drawn: list[Program]) -> Iterator[tuple[Program, Order]]:
    relation, _ = relation_of(run)
    shares = [_Share(program, EveryOrder(relation)) for program in drawn]
    for share in shares[:FIRST_LOOKS]:
        yield share.program, share.order
    while True:
        left = [share for share in shares if not share.order.finished]
        if not left:
            shares = left = [_Share(program, EveryOrder(relation)) for program in drawn]
        for share in left:
            while not share.order.finished and share.spent < SYSTEMATIC_SHARE:
                share.spent += 1
                yield share.program, share.order
            share.spent = 0


def _every_order(run: Race, session: Session) -> tuple[Failure | None, str]:
    """Every distinct order of the scenarios, or of the smallest drawn programs."""
    relation, run.assumptions = relation_of(run)
    programs = scenarios_of(run.workload) or run.draw(clients=2, steps=1, at_most=8)
    number, told = 0, []
    for program in programs:
        order = EveryOrder(relation)
        before = number
        while not order.finished:
            if number >= run.options.schedules:
                return None, ""
            number += 1
            run.told(number)
            done = session.run(program, order, run.meta(number))
            count(run.tally, done)
            if done.undecided:
                return None, done.undecided
            if done.violation is not None:
                return _failure(run, session, program, done, number), ""
        text = " | ".join("; ".join(map(str, client)) for client in program)
        told.append(f"{text} ({number - before - order.redundant} orders)")
    run.exhausted = "every distinct order of these calls: " + ", ".join(told)
    return None, ""
