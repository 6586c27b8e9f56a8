"""Make a failing run small: fewest operations, fewest clients, fewest switches.

On the real store, by running it.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planproof.race.bundles import Reference
from planproof.race.program import Call
from planproof.race.schedules.exhaustive import EveryOrder
from planproof.race.schedules.orders import Recorded, Switching, TakingTurns


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planproof.race.execution import Execution
    from planproof.race.program import Program
    from planproof.race.result import Failure
    from planproof.race.schedules.step import Order, Step


_now = time.monotonic


@dataclass(slots=True)
class Budget:
    """What shrinking may cost: whatever is small by then is told.

    Attributes:
        runs: executions that are left.
        until: monotonic seconds after which none starts.
    """

    runs: int
    until: float

    def take(self) -> bool:
        """Use one execution, if there is one left."""
        if self.runs <= 0 or _now() > self.until:
            return False
        self.runs -= 1
        return True


def shrink(
    failure: Failure,
    execute: Callable[[Program, Order], Execution],
    independent: Callable[[Step, Step], bool],
    *,
    runs: int = 400,
    seconds: float = 20.0,
    orders: int = 12,
) -> Failure:
    """The smallest run found that breaks the same property.

    Args:
        failure: as it was found; it was seen on this store, so the result is never worse.
        execute: runs a program in an order.
        independent: whether two steps commute, to leave out orders that are the same.
        runs: executions at most.
        seconds: real time at most.
        orders: orders tried for each smaller program.
    """
    budget = Budget(runs, _now() + seconds)
    best = failure
    shrinking = True
    while shrinking:
        shrinking = False
        for candidate in _smaller(best.program):
            found = _fails(best, candidate, execute, independent, budget, orders)
            if found is not None:
                best, shrinking = found, True
                break
    best = _fewest_switches(best, execute, budget)
    return replace(best, shrunk_from=failure.size)


def _smaller(program: Program) -> Iterator[Program]:
    """Without one client, then without one call, then with a simpler argument that another call has."""
    if len(program) > 1:
        for client in range(len(program) - 1, -1, -1):
            yield program[:client] + program[client + 1 :]
    for client, calls in enumerate(program):
        if len(calls) > 1:
            for index in range(len(calls) - 1, -1, -1):
                yield (*program[:client], calls[:index] + calls[index + 1 :], *program[client + 1 :])
    for client, calls in enumerate(program):
        for index, each in enumerate(calls):
            for simpler in _simpler(each, program):
                changed = (*calls[:index], simpler, *calls[index + 1 :])
                yield (*program[:client], changed, *program[client + 1 :])


def _simpler(changed: Call, program: Program) -> Iterator[Call]:
    """The call with one argument as another call of the same operation has it, if that is shorter to write.

    A reference becomes one to the oldest value.
    """
    for at, (name, value) in enumerate(changed.arguments):
        others = {
            repr(other): other
            for calls in program
            for each in calls
            if each.operation == changed.operation
            for key, other in each.arguments
            if key == name
        }
        if isinstance(value, Reference):
            oldest = Reference(value.bundle, 0)
            others[repr(oldest)] = oldest
        for text in sorted(others, key=_weight):
            if _weight(text) < _weight(repr(value)):
                arguments = (*changed.arguments[:at], (name, others[text]), *changed.arguments[at + 1 :])
                yield Call(changed.operation, arguments)


def _weight(text: str) -> tuple[int, str]:
    return len(text), text


def _fails(
    best: Failure,
    candidate: Program,
    execute: Callable[[Program, Order], Execution],
    independent: Callable[[Step, Step], bool],
    budget: Budget,
    orders: int,
) -> Failure | None:
    """Whether some order of the candidate breaks the same property."""
    tried: list[Order] = [Recorded(best.choices, strict=False), TakingTurns()]
    every = EveryOrder(independent)
    tried += [every] * orders
    for order in tried:
        if order is every and every.finished:
            return None
        if not budget.take():
            return None
        done = execute(candidate, order)
        if done.violation is not None and done.violation.property == best.violation.property:
            return _as_failure(best, candidate, done)
    return None


def _as_failure(best: Failure, program: Program, done: Execution) -> Failure:
    assert done.violation is not None
    return replace(
        best,
        violation=done.violation,
        program=program,
        choices=done.choices,
        steps=done.steps,
        history=done.history,
    )


def _fewest_switches(
    best: Failure, execute: Callable[[Program, Order], Execution], budget: Budget
) -> Failure:
    """Try all orders with no switch but the needed ones, then with one more.

    And so on (Musuvathi and Qadeer 2007).
    """
    clients, steps = len(best.program), len(best.choices)
    for switches in range(4):
        for places in itertools.combinations(range(steps), switches):
            for targets in itertools.product(range(clients), repeat=switches + 1):
                wanted = {0: targets[0], **dict(zip(places, targets[1:], strict=True))}
                if _idle(wanted, places, targets):
                    continue
                if not budget.take():
                    return best
                done = execute(best.program, Switching(wanted))
                if done.violation is None or done.violation.property != best.violation.property:
                    continue
                found = _as_failure(best, best.program, done)
                if found.size[2] < best.size[2]:
                    return found
                return best
    return best


def _idle(wanted: dict[int, int], places: tuple[int, ...], targets: tuple[int, ...]) -> bool:
    """Whether a place is used that changes nothing."""
    if 0 in places:
        return True
    return any(a == b for a, b in itertools.pairwise(targets)) or len(wanted) != len(targets)
