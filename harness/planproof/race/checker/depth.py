"""The other search: one order at a time, as deep as it goes (Wing and Gong 1993, with Lowe's memory).

The search by events keeps all configurations and so can drown where very many are possible, though the first
order that one would try explains everything. This one takes turns with it there. Of the operations that may
come next it tries those first whose replies come first, and places pure operations at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planproof.race.checker.answers import NEVER, Times
from planproof.race.checker.search import OutOfMemoryError
from planproof.race.checker.table import Table


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.checker.parts import Part


LARGEST = 4000
"""Up to how many operations it is tried: each configuration holds a bit for every one."""
LOOK = 1024
"""Every how many configurations the clock is looked at."""


class _Node(NamedTuple):
    """Where the search stands: what may come next, as operation and state after it, the best one last."""

    choices: list[tuple[int, int]]
    placed: int


class DepthFirst:
    """One part, order by order; stops and goes on.

    Args:
        part: what to search.
        most: how many configurations may be remembered.
        expired: whether the time is up.

    Attributes:
        looked: configurations looked at so far.
        blocked: the operation whose reply came first of those at which the deepest tries ended.
    """

    def __init__(self, part: Part, most: int, *, expired: Callable[[], bool]) -> None:
        self.looked = 0
        self.blocked = 0
        self._part = part
        self._most = most
        self._expired = expired
        self._table = Table(part.model.reduced(part.alphabet), part.alphabet)
        times = Times(part)
        self._ret = times.ret
        self._rival = _rivals(part, times)
        # A list of the events that are left, by place; place 0 is its head.
        count = len(part.events)
        self._after = [*range(1, count + 1), 0]
        self._before = [count, *range(count)]
        self._call = [place + 1 for place in times.call]
        self._reply = [0 if place == NEVER else place + 1 for place in times.ret]
        self._open = sum(ret < NEVER for ret in times.ret)
        self._placed = 0
        self._seen: set[tuple[int, int]] = set()
        self._furthest = -1
        self._stack = [_Node(self._choices(self._table.start), -1)]

    def advance(self, quota: int) -> bool | None:
        """Go on: True where an order is found, False where there is none, None where the quota is used up.

        Args:
            quota: how many configurations to look at.

        Raises:
            OutOfMemoryError: too many are remembered.
        """
        if not self._open:
            return True
        stop = self.looked + quota
        stack, seen = self._stack, self._seen
        while stack:
            node = stack[-1]
            if not node.choices:
                stack.pop()
                if node.placed >= 0:
                    self._put_back(node.placed)
                continue
            index, state = node.choices.pop()
            key = (self._placed | 1 << index, state)
            if key in seen:
                continue
            seen.add(key)
            self.looked += 1
            self._place(index)
            if not self._open:
                return True
            stack.append(_Node(self._choices(state), index))
            if self.looked >= stop or (not self.looked % LOOK and self._expired()):
                return None
            if len(seen) > self._most:
                raise OutOfMemoryError
        return False

    def _choices(self, state: int) -> list[tuple[int, int]]:
        """What may come next: all that was called before the first reply that is left."""
        part, events, after = self._part, self._part.events, self._after
        row = self._table.rows[state]
        found = []
        place = after[0]
        while place:
            index = events[place - 1]
            if index < 0:
                if place > self._furthest:
                    self._furthest, self.blocked = place, ~index
                break
            place = after[place]
            rival = self._rival[index]
            if rival >= 0 and not self._placed >> rival & 1:
                continue
            letter = part.letters[index]
            states = row[letter]
            if part.pure[letter] and states:
                return [(index, state)]
            ret = self._ret[index]
            if ret == NEVER and states == (state,):
                continue
            found += [(ret, index, then) for then in states]
        found.sort(reverse=True)
        return [(index, then) for _, index, then in found]

    def _place(self, index: int) -> None:
        after, before = self._after, self._before
        for place in (self._call[index], self._reply[index]):
            if place:
                after[before[place]] = after[place]
                before[after[place]] = before[place]
        self._placed |= 1 << index
        self._open -= self._reply[index] > 0

    def _put_back(self, index: int) -> None:
        after, before = self._after, self._before
        for place in (self._reply[index], self._call[index]):
            if place:
                after[before[place]] = place
                before[after[place]] = place
        self._placed ^= 1 << index
        self._open += self._reply[index] > 0


def _rivals(part: Part, times: Times) -> list[int]:
    """For each operation an equal one that was called before it and answered before it; -1 for none.

    Any order of two such can be exchanged for the one in which the other comes first.
    """
    rivals = [-1] * len(part.ops)
    last: dict[int, int] = {}
    for index in sorted(range(len(part.ops)), key=lambda index: (times.ret[index], times.call[index])):
        letter = part.letters[index]
        other = last.get(letter, -1)
        if other >= 0 and times.call[other] < times.call[index]:
            rivals[index] = other
        last[letter] = index
    return rivals
