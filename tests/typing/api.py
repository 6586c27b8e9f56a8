"""The typing contract: never run, only checked by mypy. What is written here must keep its types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_type

from hypothesis import strategies as st

from planproof.backends import Backend, BackendKind, acquire
from planproof.plan.graph import Graph
from planproof.plan.model import Claim, Edge, Item, Plan
from planproof.plan.reading import read_bytes, read_plan, read_plans
from planproof.race import RaceResult, Workload, invariant, operation, run


if TYPE_CHECKING:
    from planproof.errors import PlanproofError


def plans() -> None:
    plan = read_bytes(b"- [x] T001 a", "plan.md")
    assert_type(plan, Plan)
    assert_type(read_plan(Path("plan.md")), Plan)
    assert_type(read_plans([Path("plans")], Path()), tuple[Plan, ...])
    assert_type(plan.items, tuple[Item, ...])
    assert_type(plan.edges, tuple[Edge, ...])
    assert_type(plan.items[0].claim, Claim)
    assert_type(Graph.of([plan]), Graph)


def errors(error: PlanproofError) -> None:
    assert_type(error.exit_code, int)
    assert_type(error.line, int | None)


class Counter(Workload):
    """A workload as people write it."""

    clients = 2

    def open(self, backend: Backend) -> list[int]:
        return [0]

    @operation(amount=st.integers(1, 3))
    def add(self, system: list[int], amount: int) -> int:
        system[0] += amount
        return system[0]

    @invariant
    def never_negative(self, system: list[int]) -> None:
        assert system[0] >= 0


def races() -> None:
    with acquire(BackendKind.MEMORY) as backend:
        assert_type(backend, Backend)
        assert_type(run(Counter, backend=backend, schedules=3, seed=1), RaceResult)
