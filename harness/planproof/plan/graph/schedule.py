"""When tasks can be worked on: order, waves that share no file, the critical path."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planproof.plan.graph.adjacency import Adjacency


class CriticalPath(NamedTuple):
    """The longest chain of unfinished tasks.

    Attributes:
        ids: tasks in working order.
        hours: their estimates added up, in hours; None where no task of the plan has an estimate.
        unestimated: how many tasks on the path have no estimate (they count as nothing).
    """

    ids: tuple[str, ...]
    hours: float | None
    unestimated: int


def topological(links: Adjacency, rank: Sequence[int]) -> list[int]:
    """Nodes so that everything stands after what it waits for; ties by rank.

    Nodes on a circle, and those behind one, come last, by rank.

    Args:
        links: who waits for whom.
        rank: position of each node in the plans.
    """
    waiting = links.waiting_counts()
    ready = [(rank[node], node) for node, count in enumerate(waiting) if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, node = heapq.heappop(ready)
        order.append(node)
        for after in links.after(node):
            waiting[after] -= 1
            if waiting[after] == 0:
                heapq.heappush(ready, (rank[after], after))
    if len(order) < links.size:
        placed = set(order)
        order += sorted((node for node in range(links.size) if node not in placed), key=rank.__getitem__)
    return order


def wave_numbers(
    links: Adjacency,
    order: Sequence[int],
    workable: Callable[[int], bool],
    finished: Callable[[int], bool],
    files: Callable[[int], Sequence[str]],
) -> dict[int, int]:
    """In which wave, counted from 0, each workable node can be done.

    A node that waits for something that is neither finished nor workable is in no wave. Two nodes
    that name one file are never in one wave. One pass over the nodes and edges.

    Args:
        links: who waits for whom.
        order: a topological order of the nodes.
        workable: whether work on the node is due.
        finished: whether nothing needs to wait for the node any more.
        files: the files a node touches.
    """
    wave: dict[int, int] = {}
    last_use: dict[str, int] = {}
    for node in order:
        if not workable(node):
            continue
        number = 0
        for before in links.before(node):
            if before in wave:
                number = max(number, wave[before] + 1)
            elif not finished(before):
                break
        else:
            for file in files(node):
                number = max(number, last_use.get(file, -1) + 1)
            for file in files(node):
                last_use[file] = number
            wave[node] = number
    return wave


def longest_path(
    links: Adjacency, order: Sequence[int], due: Callable[[int], bool], weight: Callable[[int], float]
) -> list[int]:
    """The chain of due nodes with the greatest weight; the longer one where two weigh the same.

    Args:
        links: who waits for whom.
        order: a topological order; nodes on a circle count only from where they stand in it.
        due: whether a node counts.
        weight: what it weighs, not negative.
    """
    best: dict[int, tuple[float, int]] = {}
    previous: dict[int, int] = {}
    for node in order:
        if not due(node):
            continue
        heaviest, steps = 0.0, 0
        for before in links.before(node):
            if before in best and best[before] > (heaviest, steps):
                heaviest, steps = best[before]
                previous[node] = before
        best[node] = (heaviest + weight(node), steps + 1)
    if not best:
        return []
    node = max(best, key=lambda candidate: best[candidate])
    path = [node]
    while node in previous:
        node = previous[node]
        path.append(node)
    return path[::-1]
