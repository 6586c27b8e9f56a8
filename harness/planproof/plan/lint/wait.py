"""Who waits for whom by some of a plan's edges: the questions that compare one source with another."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterable, KeysView, Sequence

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Edge

# A question is given up after so many tasks, and all questions of a plan together after so many.
REACH = 3_000
TOGETHER = 300_000


class Waits:
    """Some edges, by their ends. A question that would take too long is given up, in favour of silence.

    Args:
        edges: the edges that count.

    Most tasks wait for one other, so that the first edge of each is held as it is, and a list only of more.
    """

    __slots__ = ("_first", "_left", "_more")

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._first: dict[str, Edge | None] = {}
        self._more: dict[str, list[Edge]] = {}
        self._left = TOGETHER
        for edge in edges:
            self._first.setdefault(edge.before, None)
            if self._first.get(edge.after) is None:
                self._first[edge.after] = edge
            else:
                self._more.setdefault(edge.after, []).append(edge)

    @property
    def nodes(self) -> KeysView[str]:
        """Every id that an edge names."""
        return self._first.keys()

    def _edges(self, name: str) -> Sequence[Edge]:
        """What ``name`` waits for, as it is said."""
        first = self._first.get(name)
        return () if first is None else (first, *self._more.get(name, ()))

    def of(self, name: str) -> dict[str, Edge]:
        """What ``name`` waits for directly, with the first edge that says so."""
        found: dict[str, Edge] = {}
        for edge in self._edges(name):
            found.setdefault(edge.before, edge)
        return found

    def waiting(self, name: str) -> bool:
        """Whether ``name`` waits for anything."""
        return self._first.get(name) is not None

    def way(self, before: str, after: str) -> list[Edge] | None:
        """The shortest chain of edges from ``before`` to ``after``; None where none is near."""
        return self._search(before, after)[0]

    def reaches(self, before: str, after: str) -> bool:
        """Whether ``after`` waits, near or far, for ``before``; False where that takes too long to tell."""
        return self._search(before, after)[0] is not None

    def apart(self, left: str, right: str) -> bool:
        """Whether it is certain that neither of the two waits for the other."""
        return self._search(left, right) == (None, True) and self._search(right, left) == (None, True)

    def _search(self, before: str, after: str) -> tuple[list[Edge] | None, bool]:
        """The chain, if any, and whether the search came to its end."""
        if before not in self._first or not self.waiting(after):
            return None, True
        came: dict[str, Edge] = {}
        queue = deque([after])
        while queue:
            if len(came) > REACH or len(came) > self._left:
                self._left -= len(came)
                return None, False
            for edge in self._edges(queue.popleft()):
                name = edge.before
                if name in came or name == after:
                    continue
                came[name] = edge
                if name == before:
                    self._left -= len(came)
                    return _chain(came, edge, after), True
                queue.append(name)
        self._left -= len(came)
        return None, True

    def ancestors(self, name: str) -> set[str]:
        """All that ``name`` waits for, near and far, as far as that can be told in reasonable time."""
        found: set[str] = set()
        stack = [name]
        while stack and len(found) < REACH:
            for edge in self._edges(stack.pop()):
                if edge.before not in found:
                    found.add(edge.before)
                    stack.append(edge.before)
        return found


def _chain(came: dict[str, Edge], first: Edge, after: str) -> list[Edge]:
    """The edges from where a search ended back to where it began."""
    chain = [first]
    while chain[-1].after != after:
        chain.append(came[chain[-1].after])
    return chain


def ends_known(view: PlanView, edge: Edge) -> bool:
    """Whether both ends of an edge are items."""
    items = view.graph.items
    return edge.before in items and edge.after in items


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names as people list them: ``A, B and C``; of very many only the first, and how many more there are."""
    found = list(names)
    if len(found) > most:
        found = [*found[: most - 1], f"{len(found) - most + 1} others"]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else ""
