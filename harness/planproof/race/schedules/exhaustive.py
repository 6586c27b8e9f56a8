"""Every distinct order: a depth-first search over choices, pruned by sleep sets (Godefroid 1996).

Orders that differ only in the order of independent neighbours are one. Sleep sets alone still visit every
state that can be reached, so invariants that are looked at between steps lose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planproof.race.schedules.orders import turn
from planproof.race.schedules.step import DivergedError, RedundantError


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.schedules.step import Step, Taken


@dataclass(slots=True)
class _Node:
    """A choice point.

    Attributes:
        ready: who could move, and what each was about to do.
        sleep: whose move here was tried before, in an order that differs only by independent steps.
        explored: whose moves were tried here.
        waits: whose calls found their resource taken here, which is no move; made again in every schedule
            that passes here, because one that waits is not one that never asked.
        chosen: the move that is tried now; None while it is to be chosen.
    """

    ready: dict[int, Step]
    sleep: dict[int, Step]
    explored: dict[int, Step] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)
    chosen: int | None = None

    def options(self) -> list[int]:
        """Who is left to be tried."""
        return [
            each
            for each in self.ready
            if each not in self.sleep and each not in self.explored and each not in self.waits
        ]


class EveryOrder:
    """Runs one schedule after the other until all distinct ones were run; then ``finished`` is True.

    Args:
        independent: whether two steps commute.

    Attributes:
        finished: every distinct order was tried.
        redundant: schedules that were cut because all that could follow was tried before.
    """

    def __init__(self, independent: Callable[[Step, Step], bool]) -> None:
        self._independent = independent
        self._nodes: list[_Node] = []
        self._depth = 0
        self._asked = 0
        self.finished = False
        self.redundant = 0

    def begin(self) -> None:
        """A schedule starts: the choices up to the last node are made again."""
        self._depth = 0
        self._asked = 0

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The recorded choice, or at a new point the next client that is not asleep.

        Raises:
            RedundantError: all that can follow was tried before.
            DivergedError: the application does not repeat itself.
        """
        if self._depth == len(self._nodes):
            self._nodes.append(_Node(dict(ready), self._asleep(ready)))
        node = self._nodes[self._depth]
        if self._asked == 0 and ready.keys() != node.ready.keys():
            raise DivergedError(
                f"at step {self._depth + 1} clients {sorted(node.ready)} could move before, and "
                f"{sorted(ready)} can now: the application does not repeat itself"
            )
        if self._asked < len(node.waits):
            return node.waits[self._asked]
        if node.chosen is None:
            options = node.options()
            if not options:
                self.redundant += 1
                raise RedundantError
            node.chosen = turn(options, last)
        self._depth += 1
        self._asked = 0
        return node.chosen

    def _asleep(self, ready: dict[int, Step]) -> dict[int, Step]:
        if not self._nodes:
            return {}
        parent = self._nodes[-1]
        if parent.chosen is None:
            return {}
        moved = parent.ready[parent.chosen]
        tried = {**parent.sleep, **parent.explored}
        return {
            client: step
            for client, step in tried.items()
            if client != parent.chosen and client in ready and self._independent(step, moved)
        }

    def refused(self, client: int) -> None:
        """The chosen call had no effect: the same point is chosen again, without that client."""
        at = self._depth if self._waiting_again(client) else self._depth - 1
        node = self._nodes[at]
        if at < self._depth:
            node.waits.append(client)
            node.chosen = None
        self._depth = at
        self._asked = node.waits.index(client) + 1

    def _waiting_again(self, client: int) -> bool:
        """Whether this call was known to wait at the present point."""
        if self._depth >= len(self._nodes):
            return False
        waits = self._nodes[self._depth].waits
        return self._asked < len(waits) and waits[self._asked] == client

    def give_up(self) -> None:
        """The application does not repeat itself: nothing more can be learned this way."""
        self.finished = True

    def end(self, trace: list[Taken]) -> None:
        """Go back to the last point where another choice is left."""
        del trace
        if self.finished:
            return
        del self._nodes[self._depth + 1 :]
        while self._nodes:
            node = self._nodes[-1]
            if node.chosen is not None:
                node.explored[node.chosen] = node.ready[node.chosen]
                node.chosen = None
            if node.options():
                return
            self._nodes.pop()
        self.finished = True
