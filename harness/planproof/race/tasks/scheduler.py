"""The controlled scheduler of clients that are tasks: one goes on at a time, from one await to the next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from planproof.race.schedules.scheduler import ScheduleEnd
from planproof.race.schedules.step import ANYTHING, DivergedError, RedundantError, Step, Taken
from planproof.race.tasks.loop import ClientLoop, client_context
from planproof.race.tasks.waits import look, stack


if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Sequence

    from planproof.race.schedules.step import Order


_monotonic = time.monotonic
_EVERYTHING = frozenset({ANYTHING})
# A reply that is not there after this many seconds is worth asking the server about.
_PATIENCE = 0.003


class TaskScheduler:
    """Runs one schedule on one loop.

    Args:
        loop: on which the system was opened.
        order: says who moves.
        observe: called after each step, while all clients stand still; True ends the schedule there.
        limit_seconds: real time without a move after which the schedule is called hung.
        max_steps: choices after which the schedule is called endless.
        stall_seconds: real time after which a task that waits inside a library counts as waiting for another
            client.
    """

    def __init__(
        self,
        loop: ClientLoop,
        order: Order,
        *,
        observe: Callable[[], bool],
        limit_seconds: float = 30.0,
        max_steps: int = 5000,
        stall_seconds: float = 1.0,
    ) -> None:
        self._loop = loop
        self._order = order
        self._observe = observe
        self._limit = limit_seconds
        self._stall = min(stall_seconds, limit_seconds / 4)
        self._max_steps = max_steps
        self._tasks: list[asyncio.Task[None]] = []
        self._asleep: set[int] = set()
        self._rested: set[int] = set()
        self._stuck: set[asyncio.Task[Any]] = set()
        self.end = ScheduleEnd([])

    def run(self, bodies: Sequence[tuple[Step, Callable[[], Coroutine[Any, Any, None]]]]) -> ScheduleEnd:
        """Run the clients to their end (or to the observer's word) and return what was chosen.

        Args:
            bodies: for each client its first step, and its coroutine function.
        """
        self._order.begin()
        self._loop.holding = True
        try:
            for number, (first, body) in enumerate(bodies):
                task = self._loop.create_task(body(), name=f"client {number}", context=client_context(number))
                self._loop.held[number][-1] = self._first(number, first)
                self._tasks.append(task)
            self._go()
        finally:
            self._loop.end_clients()
        self._order.end(self.end.trace)
        return self.end

    def _first(self, number: int, step: Step) -> Any:
        held = self._loop.held[number][-1]
        return type(held)(held.task, step, held.go)

    def _go(self) -> None:
        while self._settled():
            if self._observe():
                return
            ready = self._ready()
            if not ready:
                if all(task.done() for task in self._tasks) and not self._loop.clients():
                    return
                if self._loop.pass_time() or self._server_answers():
                    continue
                self.end.deadlock = self.stacks()
                return
            if len(self.end.trace) >= self._max_steps:
                self.end.endless = True
                return
            try:
                self._let_go(ready)
            except RedundantError:
                self.end.redundant = True
                return
            except DivergedError as stop:
                self.end.diverged = str(stop)
                return
        self.end.hang = self.stacks()

    def _let_go(self, ready: dict[int, Step]) -> None:
        trace = self.end.trace
        chosen = self._order.choose(ready, trace[-1].client if trace else None)
        trace.append(Taken(chosen, ready[chosen], ready))
        self._rested = self._asleep - {chosen}
        if ready[chosen].kind == "sleep":
            self._loop.pass_time(chosen)
        self._stuck.clear()
        self._loop.release(chosen)

    # -- until nothing moves by itself

    def _settled(self) -> bool:
        """Run until every client could go on, or waits for another one; False when the time is up."""
        since = _monotonic()
        while _monotonic() < since + self._limit:
            if self._loop.turn():
                continue
            unsure = self._unsure()
            if not unsure:
                return True
            moved = self._loop.turn(_PATIENCE)
            if moved:
                continue
            if all(self._is_held(task) for task in unsure):
                return True
            if _monotonic() > since + self._stall and not any(task in self._loop.driven for task in unsure):
                self.end.stray += len(unsure)
                self._stuck.update(unsure)
        return False

    def _unsure(self) -> list[asyncio.Task[Any]]:
        """Tasks that may be about to get a reply."""
        found = list(self._loop.driven)
        for client in self._loop.clients():
            if self._loop.held.get(client):
                continue  # it can go on; what else it waits for may be for that
            found += [
                task
                for task, wait in self._loop.waiting(client)
                if wait.outside and task not in self._loop.driven and task not in self._stuck
            ]
        return found

    def _server_answers(self) -> bool:
        """Nobody can move, and the server holds some: it breaks deadlocks, and has time limits of its own."""
        return bool(self._loop.driven) and self._loop.turn(self._limit)

    def _is_held(self, task: asyncio.Task[Any]) -> bool:
        """Whether the server lets this one wait for a lock that another one holds."""
        blocked = self._loop.driven.get(task)
        if blocked is None or not blocked():
            return False
        if self.end.trace and self._loop.turn():
            return False
        if self.end.trace and self.end.trace[-1].client == self._loop.client_of(task):
            self.end.trace[-1].queued = True
        return True

    # -- who could move

    def _ready(self) -> dict[int, Step]:
        ready: dict[int, Step] = {}
        asleep: dict[int, Step] = {}
        for client in sorted(self._loop.clients()):
            held = self._loop.held.get(client)
            if held:
                ready[client] = held[0].step or self._going_on(client)
            elif self._sleeps(client):
                asleep[client] = Step("sleep", "sleep", writes=_EVERYTHING)
        self._asleep = set(asleep)
        asleep = self._earliest(asleep)
        # One that sleeps lets another move first, if one can: so a client that polls does not poll for ever.
        awake = {client: step for client, step in asleep.items() if client in self._rested}
        return {**ready, **awake} or asleep

    def _earliest(self, asleep: dict[int, Step]) -> dict[int, Step]:
        """Those whose sleep ends first: one loop wakes its tasks in the order of time."""
        due = {client: self._loop.next_timer(client) or 0.0 for client in asleep}
        return {client: step for client, step in asleep.items() if due[client] == min(due.values())}

    def _sleeps(self, client: int) -> bool:
        asleep = any(wait.sleeps for _, wait in self._loop.waiting(client))
        return asleep and self._loop.next_timer(client) is not None

    def _going_on(self, client: int) -> Step:
        task = self._loop.held[client][0].task
        return Step("await", f"after {look(task).place}", writes=_EVERYTHING)

    def stacks(self) -> str:
        """Where each client stands now, as text."""
        lines = []
        for client in sorted(self._loop.clients()):
            lines.append(f"client {client} waits at")
            tasks = [task for task, _ in self._loop.waiting(client)]
            tasks += [each.task for each in self._loop.held.get(client, ())]
            for task in tasks:
                lines += stack(task)[-6:]
        return "\n".join(lines)
