"""``Workload.TestCase``: a workload as a unittest.TestCase, which pytest and unittest collect as they are."""

from __future__ import annotations

import os
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.backends.model import BackendKind
from planproof.errors import BackendUnavailableError, ConfigError, PlanproofError
from planproof.race.result import FAILED, PASSED


if TYPE_CHECKING:
    from planproof.race.result import RaceResult
    from planproof.race.workload import Workload


class WorkloadTestCase(unittest.TestCase):
    """Runs its workload on each of the workload's stores.

    Attributes:
        workload: the class under test.
        schedules: executions on each store.
        seed: of programs and orders; ``PLANPROOF_RACE_SEED`` overrides it.
        mode: ``explore`` or ``stress``.
        options: further fields of ``planproof.race.run.Options``.
    """

    workload: ClassVar[type[Workload]]
    schedules: ClassVar[int] = 50
    seed: ClassVar[int] = 0
    mode: ClassVar[str] = "explore"
    options: ClassVar[dict[str, Any]] = {}

    def runTest(self) -> None:  # noqa: N802 - the name that unittest and pytest look for
        """Run it, store by store."""
        for kind in self.workload.backends:
            with self.subTest(backend=str(kind)):
                self._run_on(kind)

    def _run_on(self, kind: str) -> None:
        from planproof.backends import acquire
        from planproof.race.run import run

        try:
            with acquire(kind_of(kind)) as backend:
                result = run(
                    self.workload,
                    backend=backend,
                    schedules=self.schedules,
                    seed=_seed(self.seed),
                    mode=self.mode,
                    folder=Path(os.environ.get("PLANPROOF_RACE_FOLDER", ".planproof/races")),
                    **self.options,
                )
        except BackendUnavailableError as error:
            self.skipTest(str(error))
        except PlanproofError as error:
            raise self.failureException(f"{error} [{error.code}]") from None
        if result.outcome != PASSED:
            self.fail(describe(result))


def _seed(own: int) -> int:
    given = os.environ.get("PLANPROOF_RACE_SEED", own)
    try:
        return int(given)
    except ValueError:
        raise ConfigError(f"PLANPROOF_RACE_SEED is a whole number, not {given!r}") from None


def kind_of(name: str) -> BackendKind:
    """The store of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return BackendKind(name)
    except ValueError:
        raise ConfigError(f"there is no store {name!r}; known are {', '.join(BackendKind)}") from None


def make_test_case(workload: type[Workload]) -> type[unittest.TestCase]:
    """A TestCase class of this workload."""
    name = f"{workload.__name__}TestCase"
    members = {"workload": workload, "__module__": workload.__module__, "__doc__": workload.__doc__}
    return type(name, (WorkloadTestCase,), members)


def describe(result: RaceResult) -> str:
    """The outcome in a few lines of text."""
    if result.outcome != FAILED or result.failure is None:
        return f"inconclusive: {result.reason}"
    from planproof.race.report import failure_text

    return failure_text(result.failure, result.certificate)
