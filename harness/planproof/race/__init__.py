"""How concurrency is proved: workloads, recorded histories, a linearizability checker, controlled schedules.

Example::

    class Counter(Workload):
        def open(self, backend): ...
        @operation(amount=integers(1, 3))
        def add(self, system, amount): ...
        @invariant
        def never_negative(self, system): ...

    TestCounter = Counter.TestCase
"""

from __future__ import annotations

from planproof.race.bundles import Bundle
from planproof.race.program import call
from planproof.race.result import Failure, RaceResult, Violation
from planproof.race.run import run
from planproof.race.workload import Workload, invariant, load_workload, operation, parallel


__all__ = [
    "Bundle",
    "Failure",
    "RaceResult",
    "Violation",
    "Workload",
    "call",
    "invariant",
    "load_workload",
    "operation",
    "parallel",
    "run",
]
