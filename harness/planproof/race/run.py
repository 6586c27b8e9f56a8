"""The front door: run a workload on a store, in one mode, from one seed, and say what it came to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from planproof import __version__
from planproof.backends.model import BackendKind
from planproof.errors import ConfigError
from planproof.race import program as programs
from planproof.race.certificate import certificate, count, doubt
from planproof.race.declared import check_declared
from planproof.race.isolation import Places
from planproof.race.models import told
from planproof.race.result import FAILED, INCONCLUSIVE, PASSED, Failure, RaceResult, Tally
from planproof.race.workload import Workload, reference_of, workload_of


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from planproof.backends.model import Backend


MODES = ("explore", "stress")
ENGINES = ("planproof", "frontrun")
MOST_PROGRAMS = 200
FEWEST_PROGRAMS = 12


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; what :func:`run` was told.

    Attributes:
        schedules: how many executions.
        seed: of programs and orders.
        mode: ``explore`` or ``stress``.
        orders: for explore: ``auto``, ``random``, ``pct`` or ``all``.
        clients: the most clients; the workload's own number where None.
        steps: the most calls of a client; the workload's own number where None.
        engine: ``planproof``, or ``frontrun`` for races inside Python code.
        processes: stress with a process for each client.
        shrink: make a failing run small before telling of it.
        folder: where the failing test, the history and the page go; None writes nothing.
        progress: told the number of each schedule before it runs.
    """

    schedules: int = 50
    seed: int = 0
    mode: str = "explore"
    orders: str = "auto"
    clients: int | None = None
    steps: int | None = None
    engine: str = "planproof"
    processes: bool = False
    shrink: bool = True
    folder: Path | None = None
    progress: Callable[[int], None] | None = None


def run(
    workload: type[Workload] | str,
    *,
    backend: Backend,
    schedules: int = 50,
    seed: int = 0,
    mode: str = "explore",
    controls: Sequence[type[Workload] | str] = (),
    placebo: type[Workload] | str | None = None,
    **more: Any,
) -> RaceResult:
    """Run a workload and return what it came to; nothing that was not seen to overlap is called passed.

    Args:
        workload: the class, or ``module:Class``, or ``path/to/file.py:Class``.
        backend: the store to run on.
        schedules: how many executions: orders in explore mode, rounds in stress mode.
        seed: of programs and orders; the same seed gives the same run in explore mode.
        mode: ``explore`` (one client runs at a time between calls) or ``stress`` (all at once).
        controls: broken variants on each of which the race must fail, else the outcome is inconclusive.
        placebo: a variant made by the same machinery with nothing broken, which must pass.
        **more: further fields of :class:`Options`.

    Raises:
        WorkloadError: the workload cannot be run as it is written.
        ConfigError: an option makes no sense.
        HistoryError: the history cannot be written.
    """
    kind = workload_of(workload)
    options = _options(schedules=schedules, seed=seed, mode=mode, **more)
    result = Race(kind, backend, options).go()
    if not controls and placebo is None:
        return result
    from planproof.race.controls import with_controls

    quick = replace(options, shrink=False, folder=None)
    return with_controls(result, controls, placebo, lambda variant: Race(variant, backend, quick).go())


def _options(**given: Any) -> Options:
    known = [each.name for each in fields(Options)]
    for name in given:
        if name not in known:
            raise ConfigError(f"a race has no option {name!r}; it has {', '.join(known)}")
    options = Options(**given)
    if options.mode not in MODES:
        raise ConfigError(f"the mode of a race is {' or '.join(MODES)}, not {options.mode!r}")
    if options.processes and options.mode != "stress":
        raise ConfigError("clients are processes in stress mode only: the scheduler stops threads")
    if options.engine not in ENGINES:
        raise ConfigError(f"the engine of a race is {' or '.join(ENGINES)}, not {options.engine!r}")
    if options.schedules < 1:
        raise ConfigError(f"a race needs at least one schedule, not {options.schedules}")
    return options


class Race:
    """One run of one workload."""

    def __init__(self, workload: type[Workload], backend: Backend, options: Options) -> None:
        self.workload = workload
        self.backend = backend
        self.options = options
        self.tally = Tally()
        self.exhausted = ""
        self.assumptions: tuple[str, ...] = ()

    def go(self) -> RaceResult:
        """Run until the first failure or the last schedule."""
        check_declared(self.workload)
        if self.options.processes and self.backend.kind is BackendKind.MEMORY:
            raise ConfigError("processes do not share memory: use sqlite, postgres or dynamodb, or threads")
        with Places(self.backend) as places:
            if self.options.engine == "frontrun":
                from planproof.race import frontrun_engine

                failure, undecided = frontrun_engine.explore(self, places)
            elif self.options.mode == "stress":
                failure, undecided = self._stress(places)
            else:
                from planproof.race.explore import explore

                failure, undecided = explore(self, places)
        return self._result(failure, undecided)

    def draw(self, *, clients: int, steps: int, at_most: int = MOST_PROGRAMS) -> list[programs.Program]:
        """The programs of this run."""
        options = self.options
        # Several orders are tried of each program, so a fraction of the schedules is enough.
        wanted = min(max(options.schedules // 4, FEWEST_PROGRAMS), options.schedules, at_most)
        return programs.draw(
            self.workload,
            seed=options.seed,
            count=wanted,
            clients=options.clients or clients,
            steps=options.steps or steps,
        )

    def told(self, number: int) -> None:
        """Say which schedule comes now."""
        if self.options.progress is not None:
            self.options.progress(number)

    def meta(self, number: int) -> dict[str, Any]:
        """What stands at the head of a history."""
        return {
            "workload": reference_of(self.workload),
            "backend": str(self.backend.kind),
            "backend_version": self.backend.version,
            "seed": self.options.seed,
            "schedule": number,
            "mode": self.options.mode,
            "planproof": __version__,
            **told(self.workload.model),
        }

    def _stress(self, places: Places) -> tuple[Failure | None, str]:
        from planproof.race.stress import stress_once

        drawn = self.draw(clients=self.workload.clients, steps=self.workload.steps)
        # The largest programs collide most: stress takes them first, and as many clients as there are.
        drawn.sort(key=lambda each: -sum(map(len, each)))
        for number in range(1, self.options.schedules + 1):
            self.told(number)
            chosen = drawn[(number - 1) % len(drawn)]
            done = stress_once(
                self.workload,
                chosen,
                places,
                self.meta(number),
                processes=self.options.processes,
                folder=self.options.folder,
            )
            count(self.tally, done)
            if done.undecided:
                return None, done.undecided
            if done.violation is not None:
                failure = Failure(
                    done.violation, chosen, (), (), done.history, schedule=number, seed=self.options.seed
                )
                if self.options.shrink:
                    from planproof.race.pinning import pin

                    failure = pin(self, places, failure)
                return self.written(failure), ""
        return None, ""

    def written(self, failure: Failure) -> Failure:
        """Write the standalone test and the history into the folder, if there is one."""
        if self.options.folder is None:
            return failure
        from planproof.race.replay import write_failure

        return write_failure(failure, self.workload, self.backend, self.options.folder)

    def _result(self, failure: Failure | None, undecided: str) -> RaceResult:
        controlled = self.options.mode == "explore" and self.options.engine == "planproof"
        reason = undecided or ("" if failure else doubt(self.workload, self.tally, controlled=controlled))
        outcome = FAILED if failure else INCONCLUSIVE if reason else PASSED
        record = certificate(
            reference=reference_of(self.workload),
            backend=self.backend,
            mode=self.options.mode,
            engine=self.options.engine,
            seed=self.options.seed,
            wanted=self.options.schedules,
            tally=self.tally,
            outcome=outcome,
            exhausted=self.exhausted,
            assumptions=self.assumptions,
        )
        return RaceResult(outcome, record, failure, reason)
