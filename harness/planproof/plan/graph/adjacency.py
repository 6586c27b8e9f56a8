"""Who waits for whom, as flat integer arrays: small enough for a hundred thousand tasks."""

from __future__ import annotations

from array import array
from itertools import accumulate, chain, count, pairwise, repeat
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class _Rows(NamedTuple):
    """Of each node the nodes at the other ends of its edges.

    Attributes:
        starts: where each node's row begins in ``targets``, and where the last one ends.
        targets: all rows, one after another.
    """

    starts: array[int]
    targets: array[int]


class Adjacency:
    """A directed graph over ``0 .. size-1``, kept once in each direction as compressed rows.

    Args:
        size: number of nodes.
        before: of each edge the node that is waited for.
        after: of each edge the node that waits, in the same order. An edge that is said twice counts once.
    """

    __slots__ = ("_backward", "_forward", "size")

    def __init__(self, size: int, before: Sequence[int], after: Sequence[int]) -> None:
        self.size: Final = size
        self._forward: Final = _once(_rows(size, before, after))
        self._backward: Final = _rows(size, self._forward.targets, _sources(self._forward))

    def after(self, node: int) -> array[int]:
        """The nodes that wait for ``node``, ascending."""
        starts, targets = self._forward
        return targets[starts[node] : starts[node + 1]]

    def before(self, node: int) -> array[int]:
        """The nodes that ``node`` waits for, ascending."""
        starts, targets = self._backward
        return targets[starts[node] : starts[node + 1]]

    def waiting_counts(self) -> array[int]:
        """For each node, how many it waits for."""
        starts = self._backward.starts
        return array("i", (starts[node + 1] - starts[node] for node in range(self.size)))

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


def _rows(size: int, sources: Sequence[int], targets: Sequence[int]) -> _Rows:
    """Edges by their source; a row keeps the order in which its edges are given."""
    counts = array("i", bytes(4 * (size + 1)))
    for source in sources:
        counts[source + 1] += 1
    starts = array("i", accumulate(counts))
    cursor = starts[:]
    sorted_targets = array("i", bytes(4 * len(targets)))
    for source, target in zip(sources, targets, strict=True):
        at = cursor[source]
        sorted_targets[at] = target
        cursor[source] = at + 1
    return _Rows(starts, sorted_targets)


def _once(rows: _Rows) -> _Rows:
    """The same rows, each ascending and without repetitions."""
    starts, targets = array("i", [0]), array("i")
    for begin, end in pairwise(rows.starts):
        row = rows.targets[begin:end]
        targets.extend(row if len(row) < 2 else array("i", sorted(set(row))))  # noqa: PLR2004 - nothing to sort
        starts.append(len(targets))
    return _Rows(starts, targets)


def _sources(rows: _Rows) -> array[int]:
    """The source of each target, ascending."""
    lengths = (end - begin for begin, end in pairwise(rows.starts))
    return array("i", chain.from_iterable(map(repeat, count(), lengths)))
