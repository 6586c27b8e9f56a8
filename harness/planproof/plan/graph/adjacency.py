"""Who waits for whom, as flat integer arrays: small enough for a hundred thousand tasks."""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Adjacency:
    """A directed graph over ``0 .. size-1``, kept once in each direction.

    Args:
        size: number of nodes.
        pairs: ``(before, after)`` node numbers, without repetitions.
    """

    __slots__ = ("_backward", "_forward", "size")

    def __init__(self, size: int, pairs: Sequence[tuple[int, int]]) -> None:
        self.size: Final = size
        self._forward: Final = _rows(size, pairs)
        self._backward: Final = _rows(size, ((after, before) for before, after in pairs), len(pairs))

    def after(self, node: int) -> array[int]:
        """The nodes that wait for ``node``, ascending."""
        starts, targets = self._forward
        return targets[starts[node] : starts[node + 1]]

    def before(self, node: int) -> array[int]:
        """The nodes that ``node`` waits for, ascending."""
        starts, targets = self._backward
        return targets[starts[node] : starts[node + 1]]

    def waiting_counts(self) -> list[int]:
        """For each node, how many it waits for."""
        starts, _ = self._backward
        return [starts[node + 1] - starts[node] for node in range(self.size)]

    def closure(self, roots: Iterable[int], *, backward: bool, limit: int | None = None) -> set[int]:
        """Everything that is reached from ``roots`` in one or more steps.

        Args:
            roots: where to start; a root is in the result only if it is reached again.
            backward: follow what the nodes wait for, not what waits for them.
            limit: stop when this many nodes are found; None means never.
        """
        neighbours = self.before if backward else self.after
        found: set[int] = set()
        stack = list(roots)
        while stack and (limit is None or len(found) < limit):
            for node in neighbours(stack.pop()):
                if node not in found:
                    found.add(node)
                    stack.append(node)
        return found


def _rows(
    size: int, pairs: Iterable[tuple[int, int]], count: int | None = None
) -> tuple[array[int], array[int]]:
    """Compressed rows: where each node's targets start, and the targets one after another."""
    listed = pairs if isinstance(pairs, list) else list(pairs)
    counts = [0] * (size + 1)
    for source, _ in listed:
        counts[source + 1] += 1
    starts = array("i", accumulate(counts))
    cursor = array("i", starts)
    targets = array("i", bytes(4 * (len(listed) if count is None else count)))
    for source, target in sorted(listed) if _unsorted(listed) else listed:
        targets[cursor[source]] = target
        cursor[source] += 1
    return starts, targets


def _unsorted(pairs: list[tuple[int, int]]) -> bool:
    """Whether the pairs are not in ascending order yet (sorting them again would cost a copy)."""
    return any(pairs[i] > pairs[i + 1] for i in range(len(pairs) - 1))
