"""From a failure that stress met by chance to one order that breaks the same property each time.

The program that failed is run under stress again until it fails with its calls to the store on the record.
That order of calls is then made under the controlled scheduler, by their ends and by their beginnings; where
it does not show so, other orders of the same program are tried. What is found is made small like any failure.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planproof.race.schedules.exhaustive import EveryOrder
from planproof.race.schedules.orders import Plain, RandomOrder, TakingTurns
from planproof.race.shrinking import Budget, shrink
from planproof.race.stress import stress_once


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planproof.race.explore import Session
    from planproof.race.history import History
    from planproof.race.isolation import Places
    from planproof.race.result import Failure
    from planproof.race.run import Race
    from planproof.race.schedules.step import Order, Step


_now = time.monotonic
# Rounds of stress in which the failure may show again; schedules and seconds in which an order is looked for.
ROUNDS, SCHEDULES, SECONDS = 20, 150, 20.0
_LATER = float("inf")


@dataclass(frozen=True, slots=True)
class _Met:
    """A call as stress met it: when, and its text (None for the start of an operation)."""

    at: float
    text: str | None

    def is_of(self, step: Step) -> bool:
        """Whether this step is that call."""
        if self.text is None:
            return step.kind == "start"
        return step.label == self.text or step.label.startswith(f"{self.text} ")


class AsMet(Plain):
    """Makes calls in the order in which they were seen; what was not seen comes when its client has the turn.

    Args:
        met: by client, its calls in its own order.
    """

    def __init__(self, met: dict[int, list[_Met]]) -> None:
        self._met = {client: deque(calls) for client, calls in met.items()}

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The client whose next call was seen first."""
        times = {client: self._time(client, step) for client, step in ready.items()}
        if last in ready and times[last] == _LATER:
            return last
        chosen = min(sorted(times), key=times.__getitem__)
        calls = self._met.get(chosen)
        while calls and not calls.popleft().is_of(ready[chosen]):
            pass
        return chosen

    def _time(self, client: int, step: Step) -> float:
        return next((each.at for each in self._met.get(client, ()) if each.is_of(step)), _LATER)


def met(history: History, *, by_end: bool) -> dict[int, list[_Met]]:
    """By client, its calls as they stand in a history.

    Args:
        history: of stress, with the calls to the store under its operations.
        by_end: a call that waited for a lock had its effect at its end; False takes the beginnings.
    """
    found: dict[int, list[_Met]] = {}
    for op in history.operations:
        mine = found.setdefault(int(op.client), [])
        mine.append(_Met(op.call, None))
        mine += [_Met((sub.end if by_end else sub.begin) or sub.begin, sub.text) for sub in op.subs]
    return found


def pin(race: Race, places: Places, failure: Failure) -> Failure:
    """The failure with an order that breaks the same property, made small; as it is where none was found.

    Args:
        race: the run that found it.
        places: where each execution gets its own place.
        failure: found by stress.

    Raises:
        PlanproofError: the workload, its model or the recorder is at fault.
    """
    from planproof.race.explore import Session, relation_of

    independent, _ = relation_of(race)
    budget = Budget(SCHEDULES, _now() + SECONDS)
    with Session(race.workload, race.backend.kind, places) as session:
        failure = _with_calls(race, places, failure, budget.until)
        execute = functools.partial(session.execute, meta=race.meta(failure.schedule))
        found = _one_order(failure, session, _orders(failure, independent), budget)
        return failure if found is None else shrink(found, execute, independent)


def _with_calls(race: Race, places: Places, failure: Failure, until: float) -> Failure:
    """The failure met again, with its calls on the record (the session lets them be seen)."""
    for _ in range(ROUNDS):
        done = stress_once(race.workload, failure.program, places, race.meta(failure.schedule))
        if done.violation is not None and done.violation.property == failure.violation.property:
            return replace(failure, violation=done.violation, history=done.history)
        if done.undecided or _now() > until:
            break
    return failure


def _orders(failure: Failure, independent: Callable[[Step, Step], bool]) -> Iterator[Order]:
    yield AsMet(met(failure.history, by_end=True))
    yield AsMet(met(failure.history, by_end=False))
    yield TakingTurns()
    every = EveryOrder(independent)
    for number in itertools.count():
        if not every.finished:
            yield every
        yield RandomOrder(f"{failure.seed}/{number}")


def _one_order(failure: Failure, session: Session, orders: Iterator[Order], budget: Budget) -> Failure | None:
    for order in orders:
        if not budget.take():
            return None
        done = session.execute(failure.program, order)
        if done.diverged and isinstance(order, EveryOrder):
            order.give_up()
        if done.violation is not None and done.violation.property == failure.violation.property:
            return replace(
                failure,
                violation=done.violation,
                choices=done.choices,
                steps=done.steps,
                history=done.history,
            )
    return None
