"""frontrun as an engine behind a workload: for races inside Python code, below the calls that reach a store.

frontrun (MPL-2.0, optional) traces bytecode and needs to be started by its own launcher. Invariants are asked
at rest only, since it has no observer, and there is nothing to replay with our scheduler.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planproof.errors import WorkloadError
from planproof.race.certificate import count
from planproof.race.execution import Bench, Execution, opened, prepared
from planproof.race.history import History, Operation, Outcome
from planproof.race.outcomes import outcome_of
from planproof.race.program import scenarios_of
from planproof.race.result import Failure, Violation


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.isolation import Places
    from planproof.race.program import Program
    from planproof.race.run import Race


SECONDS_PER_PROGRAM = 60.0
_now = time.monotonic_ns


@dataclass(slots=True)
class _Told:
    """What frontrun came to on one program."""

    tried: int
    violation: Violation | None
    undecided: str
    exhausted: bool
    done: Execution | None


@dataclass(slots=True)
class _Attempt:
    """One interleaving: a fresh system, and what each client did; clients share nothing of ours.

    Attributes:
        bench: the system and its invariants.
        done: by client, the operations that came back.
        raised: by client, what nobody expected.
    """

    bench: Bench
    done: dict[int, list[Operation]]
    raised: dict[int, str]


@dataclass(slots=True)
class _Attempts:
    """Opens a fresh system for each interleaving, and keeps what the last one came to."""

    race: Race
    places: Places
    program: Program
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    broken: Execution | None = None
    last: Execution | None = None

    def setup(self) -> _Attempt:
        """A fresh system; the one before it is closed."""
        self.stack.close()
        workload = self.race.workload()
        place = self.stack.enter_context(self.places.place())
        system = self.stack.enter_context(opened(workload, place))
        self.stack.enter_context(prepared(workload, system))
        clients = range(len(self.program))
        return _Attempt(
            Bench(workload, system), {number: [] for number in clients}, dict.fromkeys(clients, "")
        )

    def client(self, number: int) -> Callable[[_Attempt], None]:
        """What one worker does."""
        calls = self.program[number]

        def work(attempt: _Attempt) -> None:
            workload, mine = attempt.bench.workload, attempt.done[number]
            for index in range(len(calls)):
                call = attempt.bench.call(number, self.program, index)
                if call is None:
                    continue
                began = _now()
                outcome, result, error = Outcome.OK, None, None
                try:
                    result = getattr(workload, call.operation)(attempt.bench.system, **call.named)
                    attempt.bench.keep(call, result)
                except workload.expected as refused:
                    outcome, error = Outcome.FAIL, type(refused).__name__
                except Exception as raised:  # noqa: BLE001 - whatever the application raises is judged at rest
                    known = outcome_of(raised)
                    outcome, error = known or Outcome.INFO, f"{type(raised).__name__}: {raised}"
                    attempt.raised[number] = "" if known else f"{call} of client {number} raised {error}"
                mine.append(
                    Operation(
                        number * 1000 + index,
                        number,
                        call.operation,
                        call.values,
                        began,
                        _now(),
                        outcome,
                        result,
                        error,
                    )
                )
            workload.finish_client(attempt.bench.system)

        return work

    def holds(self, attempt: _Attempt) -> bool:
        """Judge an interleaving at rest."""
        for raised in filter(None, attempt.raised.values()):
            attempt.bench.findings.violated(Violation("no unexpected error", raised))
        attempt.bench.observe_at_rest()
        self.last = attempt.bench.conclude()
        self.last.history = History.of(each for mine in attempt.done.values() for each in mine)
        if self.last.violation is not None and self.broken is None:
            self.broken = self.last
        return self.last.violation is None


def explore(race: Race, places: Places) -> tuple[Failure | None, str]:
    """Hand the scenarios (or the smallest drawn programs) to frontrun, one after the other.

    Raises:
        WorkloadError: frontrun is not installed, or the clients are tasks.
    """
    if race.workload.asynchronous():
        raise WorkloadError(
            f"frontrun runs threads, and the clients of {race.workload.__name__} are tasks on one loop"
        )
    programs = scenarios_of(race.workload) or race.draw(clients=2, steps=1, at_most=4)
    left, undecided, exhausted = race.options.schedules, [], []
    for program in programs:
        if left <= 0:
            break
        told = _one(_Attempts(race, places, program), left)
        left -= told.tried
        if told.done is not None:
            count(race.tally, told.done)
        race.tally.schedules = race.options.schedules - left
        if told.violation is not None and told.done is not None:
            done = told.done
            return Failure(
                told.violation,
                program,
                (),
                (),
                done.history,
                schedule=race.tally.schedules,
                seed=race.options.seed,
            ), ""
        if told.undecided:
            undecided.append(told.undecided)
        elif told.exhausted:
            exhausted.append(" | ".join("; ".join(map(str, client)) for client in program))
    if exhausted and not undecided:
        race.exhausted = f"frontrun tried every interleaving of: {', '.join(exhausted)}"
    return None, "; ".join(undecided)


def _one(attempts: _Attempts, most: int) -> _Told:
    try:
        import frontrun
    except ImportError as error:
        raise WorkloadError("the engine frontrun is not installed: pip install frontrun") from error
    library: Any = frontrun
    clients = [attempts.client(number) for number in range(len(attempts.program))]
    try:
        found = library.explore(
            setup=attempts.setup,
            workers=clients,
            invariant=attempts.holds,
            max_executions=most,
            reproduce_on_failure=0,
            total_timeout=SECONDS_PER_PROGRAM,
        )
    except RuntimeError as error:
        if "frontrun CLI" not in str(error):
            raise
        raise WorkloadError("frontrun needs its own launcher: frontrun planproof race run ...") from error
    except (library.NondeterministicSQLError, library.InconclusiveExploration) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        return _Told(
            1, None, f"frontrun gives up: {type(error).__name__}: {first}", exhausted=False, done=None
        )
    finally:
        attempts.stack.close()
    broken = attempts.broken
    if broken is not None:
        return _Told(found.num_explored, broken.violation, "", exhausted=False, done=broken)
    if not found.property_holds:
        # It does not see that a database lets a client wait, and takes that for a deadlock.
        why = (
            f"frontrun ends without an answer: {found.inconclusive_reason or found.failure_kind or 'unknown'}"
        )
        return _Told(found.num_explored, None, why, exhausted=False, done=attempts.last)
    why = str(found.inconclusive_reason or "")
    return _Told(found.num_explored, None, why, exhausted=bool(found.exhausted), done=attempts.last)
