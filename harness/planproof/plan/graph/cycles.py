"""Circles of waiting: strongly connected groups, and the shortest circle in each.

The groups are Tarjan's (Depth-first search and linear graph algorithms, 1972), without recursion. A
shortest circle is found by breadth-first search from the group's branching nodes, as a circle that
touches none of them is the whole group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.plan.graph.adjacency import Adjacency


# Edges that may be looked at in one group, for each edge that it has, before the best circle so far
# is taken. Groups of up to some hundred nodes are searched in full.
EFFORT = 400


def find_cycles(links: Adjacency) -> list[list[int]]:
    """The shortest circle of each group of nodes that wait for each other.

    Returns:
        One list of nodes for each group, in waiting order, its smallest node first; a node that
        waits for itself is a circle of one, where it stands in no larger one.
    """
    return sorted(_shortest(links, group) for group in _groups(links))


def _suspects(links: Adjacency) -> list[int]:
    """Nodes that are left when everything that can be put in order is taken away."""
    waiting = links.waiting_counts()
    free = [node for node, count in enumerate(waiting) if count == 0]
    left = links.size
    while free:
        left -= 1
        for after in links.after(free.pop()):
            waiting[after] -= 1
            if waiting[after] == 0:
                free.append(after)
    return [node for node, count in enumerate(waiting) if count > 0] if left else []


def _groups(links: Adjacency) -> list[list[int]]:
    """Strongly connected groups of more than one node, and nodes that wait for themselves."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    held: dict[int, None] = {}
    groups: list[list[int]] = []
    for root in _suspects(links):
        if root in index:
            continue
        index[root] = low[root] = len(index)
        held[root] = None
        work = [(root, iter(links.after(root)))]
        while work:
            node, rest = work[-1]
            step = next(rest, None)
            if step is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    _close(links, node, held, groups)
            elif step not in index:
                index[step] = low[step] = len(index)
                held[step] = None
                work.append((step, iter(links.after(step))))
            elif step in held:
                low[node] = min(low[node], index[step])
    return groups


def _close(links: Adjacency, root: int, held: dict[int, None], groups: list[list[int]]) -> None:
    """Take the finished group of ``root`` off the stack."""
    group: list[int] = []
    while True:
        node, _ = held.popitem()
        group.append(node)
        if node == root:
            break
    if len(group) > 1 or root in links.after(root):
        groups.append(group)


def _shortest(links: Adjacency, group: Sequence[int]) -> list[int]:
    """The shortest circle of one group."""
    members = set(group)
    branching = sorted(
        node for node in group if sum(1 for after in links.after(node) if after in members) > 1
    )
    edges = sum(1 for node in group for after in links.after(node) if after in members)
    budget = EFFORT * edges
    best: list[int] = []
    for root in branching or [min(group)]:
        found, spent = _circle_through(links, members, root, len(best))
        budget -= spent
        if found:
            best = found
        if budget < 0 or len(best) == 1:
            break
    smallest = best.index(min(best))
    return best[smallest:] + best[:smallest]


def _circle_through(
    links: Adjacency, members: set[int], root: int, shorter_than: int
) -> tuple[list[int], int]:
    """The shortest circle through ``root``, if it is shorter; and how many edges were looked at."""
    came_from: dict[int, int] = {root: root}
    layer = [root]
    length = 0
    spent = 0
    while layer and (not shorter_than or length + 1 < shorter_than):
        length += 1
        following: list[int] = []
        for node in layer:
            for after in links.after(node):
                spent += 1
                if after == node and len(members) > 1:
                    continue  # a node that waits for itself must not hide the circle that it stands in
                if after == root:
                    path = [node]
                    while path[-1] != root:
                        path.append(came_from[path[-1]])
                    return path[::-1], spent
                if after in members and after not in came_from:
                    came_from[after] = node
                    following.append(after)
        layer = following
    return [], spent
