"""An event loop that is turned from outside, and holds the tasks of clients back until they are let go.

Only public hooks are used: ``call_soon`` is where every task asks to go on, ``call_at`` is where it asks to
be woken, and the selector is ours.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import selectors
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planproof.race.clocks import client_in, current_client, enter_client
from planproof.race.tasks.waits import Wait, look


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.schedules.step import Step


_monotonic = time.monotonic
# After so many turns in which callbacks ask for one another and no task does, nothing is to be expected of
# them (anyio asks again in each turn whether the tasks that it cancels are gone).
_NOISE = 20


@dataclass(frozen=True, slots=True)
class Resumption:
    """A task of a client that could go on.

    Attributes:
        task: which.
        step: what it is about to do.
        go: lets it.
    """

    task: asyncio.Task[Any]
    step: Step | None
    go: Callable[[], object]


class _Selector(selectors.DefaultSelector):
    """Waits as long as it was told last."""

    def __init__(self) -> None:
        super().__init__()
        self.patience = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        del timeout  # asyncio's own idea of it knows nothing of virtual time
        return super().select(self.patience)


class ClientLoop(asyncio.SelectorEventLoop):
    """One loop for a whole schedule: the system, its background tasks, the clients, the observer.

    Args:
        virtual: time stands still, but for :meth:`pass_time`; False for real time.

    Attributes:
        holding: True while the tasks of clients are held back.
        held: by client, those of its tasks that could go on, in the order in which they asked.
        steps: what a task is about to do, where it said so.
        driven: tasks inside a known driver, each with a question: does the server hold it?
    """

    def __init__(self, *, virtual: bool = True) -> None:
        self._watch = _Selector()
        self._virtual = virtual
        self._now = 1.0
        self._asked = 0
        self._noise = 0
        self._timers: list[tuple[asyncio.TimerHandle, int | None]] = []
        self._executing: set[asyncio.Future[Any]] = set()
        self._tasks: dict[asyncio.Task[Any], int | None] = {}
        self._awaited: dict[asyncio.Task[Any], Any] = {}
        self._stops: set[asyncio.Task[Any]] = set()
        self.holding = False
        self.held: dict[int, deque[Resumption]] = {}
        self.steps: dict[asyncio.Task[Any], Step] = {}
        self.driven: dict[asyncio.Task[Any], Callable[[], bool]] = {}
        super().__init__(self._watch)
        self.set_task_factory(self._make_task)

    # -- what asyncio asks of it

    def time(self) -> float:
        """Seconds; virtual ones stand still while anybody can move."""
        return self._now if self._virtual else _monotonic()

    def call_soon(  # type: ignore[override]  # typed by its arguments there
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """As in asyncio; a task of a client is held back while ``holding``."""
        task = getattr(callback, "__self__", None)
        if isinstance(task, asyncio.Task):
            self._noise = 0
        if self.holding and context is not None and isinstance(task, asyncio.Task):
            client = client_in(context)
            if client is not None and not self._still_inside(task):
                return self._hold(client, task, callback, args, context)
        self._asked += 1
        return super().call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]  # typed by its arguments there
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """As in asyncio; whose timer it is, is remembered."""
        handle = super().call_at(when, callback, *args, context=context)
        self._timers = [
            each for each in self._timers if not each[0].cancelled() and each[0].when() > self.time()
        ]
        self._timers.append((handle, client_in(context or contextvars.copy_context())))
        return handle

    def run_in_executor(  # type: ignore[override]  # typed by its arguments there
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As in asyncio; who waits for it waits for something outside the loop."""
        future = super().run_in_executor(executor, func, *args)
        self._executing.add(future)
        future.add_done_callback(self._executing.discard)
        return future

    def _make_task(self, loop: Any, coroutine: Any, **named: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **named)
        self._tasks[task] = client_in(named.get("context") or contextvars.copy_context())
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        self._awaited.pop(task, None)

    # -- who could go on

    def _hold(
        self, client: int, task: asyncio.Task[Any], callback: Any, args: Any, context: Any
    ) -> asyncio.Handle:
        def go() -> None:
            self._asked += 1
            super(ClientLoop, self).call_soon(callback, *args, context=context)

        self._awaited[task] = look(task).awaited
        self.held.setdefault(client, deque()).append(Resumption(task, self.steps.pop(task, None), go))
        return asyncio.Handle(callback, args, self, context)

    def _still_inside(self, task: asyncio.Task[Any]) -> bool:
        """Whether a library goes on with the same call of the application.

        In how many pieces a reply comes in is chance; a client is stopped at the first of them.
        """
        if task in self.driven:
            return True
        if task in self._stops:
            self._stops.discard(task)
            return False
        wait = look(task)
        return wait.by_library and wait.awaited is not None and self._awaited.get(task) is wait.awaited

    def stop_at(self, task: asyncio.Task[Any], step: Step | None) -> None:
        """A task says that it stops now, inside whatever library, and what it is about to do."""
        self._stops.add(task)
        if step is not None:
            self.steps[task] = step

    def release(self, client: int) -> None:
        """Let the first of a client's tasks go on, if one can."""
        waiting = self.held.get(client)
        if waiting:
            waiting.popleft().go()

    def clients(self) -> set[int]:
        """Clients that have a task that is not done."""
        return {client for client in self._tasks.values() if client is not None}

    def client_of(self, task: asyncio.Task[Any]) -> int | None:
        """The client that a task belongs to; None where that is nobody, or the task is done."""
        return self._tasks.get(task)

    def waiting(self, client: int) -> list[tuple[asyncio.Task[Any], Wait]]:
        """The tasks of a client that are not held back, and what each waits for."""
        held = {each.task for each in self.held.get(client, ())}
        return [
            (task, look(task, self._executing))
            for task, owner in self._tasks.items()
            if owner == client and task not in held and not task.done()
        ]

    # -- turning

    def turn(self, seconds: float = 0.0) -> bool:
        """Run what can run now, or comes in within ``seconds``; True if anything more is to run by that.

        A socket that can be read is nothing by itself: who waits for it may be held back.
        """
        before = self._asked
        self._noise += 1
        self._watch.patience = seconds
        super().call_soon(self.stop)
        self.run_forever()
        self._watch.patience = 0.0
        return self._asked != before and self._noise < _NOISE

    def next_timer(self, client: int | None = None) -> float | None:
        """When the nearest timer is due, of one client or (None) of anybody; None without one."""
        due = [
            handle.when()
            for handle, owner in self._timers
            if not handle.cancelled() and handle.when() > self._now and client in {None, owner}
        ]
        return min(due, default=None)

    def pass_time(self, client: int | None = None) -> bool:
        """Let virtual time pass up to the nearest timer, of one client or of anybody; False without one."""
        due = self.next_timer(client)
        if due is None or not self._virtual:
            return False
        self._now = due
        self.turn()
        return True

    def complete(self, value: Any, *, seconds: float = 30.0) -> Any:
        """The result of a coroutine, run by itself to its end; any other value as it is.

        Args:
            value: what a hook of the workload returned.
            seconds: real time without a move after which it is given up.

        Raises:
            TimeoutError: it waits for something that does not come.
        """
        if not inspect.isawaitable(value):
            return value
        task = self.create_task(_result_of(value), context=contextvars.Context())
        moved = _monotonic()
        while not task.done():
            if self.turn():
                moved = _monotonic()
            elif not self._wait_for(task, moved) and _monotonic() > moved + seconds:
                task.cancel()
                while not task.done() and self.turn(0.05):
                    pass
                raise TimeoutError
        return task.result()

    def _wait_for(self, task: asyncio.Task[Any], since: float) -> bool:
        """Something outside may come in; where nothing does, virtual time passes."""
        outside = task in self.driven or look(task, self._executing).outside
        if self.turn(0.02 if outside else 0.0):
            return True
        return (not outside or _monotonic() > since + 1.0) and self.pass_time()

    def end_clients(self, seconds: float = 5.0) -> None:
        """Cancel what clients still do and let them undo their work."""
        self.holding = False
        for waiting in self.held.values():
            while waiting:
                waiting.popleft().go()
        for task, client in list(self._tasks.items()):
            if client is not None:
                task.cancel()
        until = _monotonic() + seconds
        while self.clients() and _monotonic() < until:
            if not self.turn(0.01):
                self.pass_time()

    def close(self) -> None:
        """End every task, then the loop; what they say of being cancelled is of no use to anybody."""
        self.set_exception_handler(lambda _loop, _context: None)
        for task in list(self._tasks):
            task.cancel()
        for _ in range(100):
            if not self._tasks or self.is_closed():
                break
            self.turn(0.01)
        if not self.is_closed():
            self.run_until_complete(self.shutdown_asyncgens())
        super().close()


async def _result_of(value: Any) -> Any:
    return await value


def client_context(client: int) -> contextvars.Context:
    """A context in which all that is started belongs to this client."""
    context = contextvars.Context()
    context.run(enter_client, client)
    return context


async def stop(step: Step | None = None) -> None:
    """A stop in a client's task, before or after what it does outside the loop.

    Args:
        step: what it is about to do; None where it only goes on.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if isinstance(loop, ClientLoop) and loop.holding and task is not None and current_client() is not None:
        loop.stop_at(task, step)
        await asyncio.sleep(0)
