"""Who waits for whom by some of a plan's edges: the questions that compare one source with another."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterable

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Edge

# A question is given up, in favour of silence, after so many tasks.
REACH = 3_000


class Waits:
    """Some edges, by their ends.

    Args:
        edges: the edges that count.

    Attributes:
        edges: how many there are.
        before: for each task what it waits for, with the first edge that says so.
        nodes: every id that an edge names.
    """

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.before: dict[str, dict[str, Edge]] = {}
        self.nodes: set[str] = set()
        self.edges = 0
        for edge in edges:
            self.edges += 1
            self.before.setdefault(edge.after, {}).setdefault(edge.before, edge)
            self.nodes.add(edge.before)
            self.nodes.add(edge.after)

    def way(self, before: str, after: str) -> list[Edge] | None:
        """The shortest chain of edges from ``before`` to ``after``; None where there is none."""
        if before not in self.nodes or after not in self.before:
            return None
        came: dict[str, Edge] = {}
        queue = deque([after])
        while queue and len(came) < REACH:
            node = queue.popleft()
            for name, edge in self.before.get(node, {}).items():
                if name in came or name == after:
                    continue
                came[name] = edge
                if name == before:
                    chain = [edge]
                    while chain[-1].after != after:
                        chain.append(came[chain[-1].after])
                    return chain
                queue.append(name)
        return None

    def reaches(self, before: str, after: str) -> bool:
        """Whether ``after`` waits, near or far, for ``before``."""
        return self.way(before, after) is not None

    def ancestors(self, name: str) -> set[str]:
        """All that ``name`` waits for, near and far."""
        found: set[str] = set()
        stack = [name]
        while stack and len(found) < REACH:
            for before in self.before.get(stack.pop(), ()):
                if before not in found:
                    found.add(before)
                    stack.append(before)
        return found


def ends_known(view: PlanView, edge: Edge) -> bool:
    """Whether both ends of an edge are items."""
    items = view.graph.items
    return edge.before in items and edge.after in items


def listed(names: Iterable[str]) -> str:
    """Names as people list them: ``A, B and C``."""
    found = list(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else ""
