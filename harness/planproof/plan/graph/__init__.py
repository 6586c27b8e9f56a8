"""The task graph over any number of plans: every edge with every origin, and what follows from them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.graph.adjacency import Adjacency
from planproof.plan.graph.cycles import find_cycles
from planproof.plan.graph.nodes import Nodes
from planproof.plan.graph.progress import AXES, Axis, Progress, progress_by
from planproof.plan.graph.schedule import CriticalPath, longest_path, topological, wave_numbers
from planproof.plan.model import Claim, Edge, Item, Kind, Origin, Plan


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["AXES", "Axis", "CriticalPath", "Cycle", "Graph", "Progress", "progress_by"]

FINISHED = frozenset({Claim.DONE, Claim.SKIPPED, Claim.OPTIONAL})
WORKABLE = frozenset({Claim.OPEN, Claim.IN_PROGRESS, Claim.PARTIAL, Claim.OPTIONAL, Claim.NONE})


class Cycle(NamedTuple):
    """Tasks that wait for each other in a circle.

    Attributes:
        ids: in waiting order; the first waits for the last.
        edges: one edge for each step, in the same order, the closing one last.
    """

    ids: tuple[str, ...]
    edges: tuple[Edge, ...]


class Graph:
    """Tasks and who waits for whom. Make one with :meth:`of`.

    A task without a state counts as open, unless others of its plan have one.

    Attributes:
        items: every item that takes part, by id, in the order of the plans (sorted by plan id).
        edges: every edge as it was said, by plan and line; the same pair may occur with several origins.
        unknown: edges with an end that is no item.
    """

    __slots__ = ("_cycles", "_links", "_order", "_stated", "_steps", "_told", "edges", "items", "unknown")

    def __init__(self, items: Mapping[str, Item], edges: Sequence[Edge]) -> None:
        nodes = Nodes.of(items)
        self.items: Final = nodes
        self.edges: Final = tuple(edges)
        ends = array("i"), array("i")
        inferred = array("i"), array("i")
        unknown: list[Edge] = []
        for edge in self.edges:
            before, after = nodes.find(edge.before), nodes.find(edge.after)
            if before is None or after is None:
                unknown.append(edge)
            elif edge.certain or edge.origin is Origin.PHASES:
                befores, afters = ends if edge.certain else inferred
                befores.append(before)
                afters.append(after)
        self.unknown: Final = tuple(unknown)
        self._links: Final = Adjacency(len(nodes), *ends)
        self._steps: Final = self._with_phases(ends, inferred) if inferred[0] else self._links
        self._order: list[int] | None = None
        self._cycles: tuple[Cycle, ...] | None = None
        self._stated: frozenset[str] | None = None
        self._told: dict[str, list[Item]] | None = None

    def _with_phases(
        self, ends: tuple[array[int], array[int]], inferred: tuple[array[int], array[int]]
    ) -> Adjacency:
        """The links that work goes by: "blocks all stories" holds there, too, unless it makes a circle."""
        steps = Adjacency(len(self.items), ends[0] + inferred[0], ends[1] + inferred[1])
        return self._links if len(find_cycles(steps)) > len(find_cycles(self._links)) else steps

    @classmethod
    def of(cls, plans: Iterable[Plan]) -> Graph:
        """The graph of these plans; the order in which they are given does not matter.

        Its nodes are all tasks, and every other item that an edge names.
        """
        ordered = sorted(plans, key=lambda plan: (plan.id, plan.path))
        others = {item.id for plan in ordered for item in plan.items if item.kind is not Kind.TASK}
        ends = (end for plan in ordered for edge in plan.edges for end in (edge.before, edge.after))
        named = others.intersection(ends) if others else others
        nodes = Nodes(
            item for plan in ordered for item in plan.items if item.kind is Kind.TASK or item.id in named
        )
        if len(ordered) == 1:  # its edges need not be copied
            return cls(nodes, ordered[0].edges)
        return cls(nodes, [edge for plan in ordered for edge in plan.edges])

    def order(self) -> tuple[str, ...]:
        """All nodes, each after everything it waits for; ties as they stand in the plans.

        Nodes on or behind a circle come last.
        """
        return tuple(self.items.names(self._ordered()))

    def _ordered(self) -> list[int]:
        if self._order is None:
            self._order = topological(self._links, range(len(self.items)))
        return self._order

    def cycles(self) -> tuple[Cycle, ...]:
        """For each group of tasks that wait for each other, the shortest circle in it."""
        if self._cycles is None:
            self._cycles = tuple(self._cycle(nodes) for nodes in find_cycles(self._links))
        return self._cycles

    def _cycle(self, nodes: Sequence[int]) -> Cycle:
        ids = tuple(self.items.names(nodes))
        wanted = dict.fromkeys(zip(ids, ids[1:] + ids[:1], strict=True))
        found: dict[tuple[str, str], Edge] = {}
        for edge in self.edges:
            if edge.certain and (edge.before, edge.after) in wanted:
                found.setdefault((edge.before, edge.after), edge)
        return Cycle(ids, tuple(found[pair] for pair in wanted))

    def prerequisites(self, name: str) -> tuple[str, ...]:
        """What the item waits for, said of itself, by certain edges."""
        return tuple(self.items.names(self._links.before(self.items.number(name))))

    def dependents(self, name: str) -> tuple[str, ...]:
        """What waits for the item, by certain edges."""
        return tuple(self.items.names(self._links.after(self.items.number(name))))

    def ancestors(self, name: str, *, limit: int | None = None) -> frozenset[str]:
        """All that the item waits for, near and far; of a circle also itself.

        Args:
            name: id of the item.
            limit: stop at about this many; None means never.
        """
        found = self._links.closure([self.items.number(name)], backward=True, limit=limit)
        return frozenset(self.items.names(found))

    def descendants(self, name: str, *, limit: int | None = None) -> frozenset[str]:
        """All that waits for the item, near and far.

        Args:
            name: id of the item.
            limit: stop at about this many; None means never.
        """
        found = self._links.closure([self.items.number(name)], backward=False, limit=limit)
        return frozenset(self.items.names(found))

    def unblocks(self, name: str) -> tuple[str, ...]:
        """Unfinished tasks that wait for this one directly."""
        return tuple(after for after in self.dependents(name) if self.items[after].claim not in FINISHED)

    def _finished(self, node: int) -> bool:
        item = self.items.all[node]
        return item.claim in FINISHED or (_is_group(item) and self._over(node))

    def _over(self, node: int) -> bool:
        """Whether nothing of a phase or story is still to be done; what was put off holds up nothing."""
        item = self.items.all[node]
        if item.kind is Kind.STORY:
            members: Iterable[Item] = self._stories().get(item.id, ())
        else:
            members = (self.items.all[before] for before in self._links.before(node))
        over = FINISHED | {Claim.DEFERRED}
        return all(member.claim in over or _is_group(member) for member in members)

    def _stories(self) -> dict[str, list[Item]]:
        """The tasks of each story that takes part."""
        if self._told is None:
            self._told = {}
            for item in self.items.all:
                story = self._story(item)
                if story is not None:
                    self._told.setdefault(story, []).append(item)
        return self._told

    def _story(self, item: Item) -> str | None:
        """The story that a task is part of, where that takes part and has no state of its own."""
        if item.kind is not Kind.TASK or item.story is None:
            return None
        name = f"{item.id.partition(':')[0]}:{item.story}"
        story = self.items.get(name)
        # A story within a task cannot hold that task in turn.
        return name if story is not None and _is_group(story) and story.parent is None else None

    def _above(self, item: Item) -> str | None:
        """What a task is part of: another task, or a story."""
        return item.parent if item.parent is not None and item.parent in self.items else self._story(item)

    def _workable(self, node: int) -> bool:
        item = self.items.all[node]
        if _is_group(item):
            return not self._over(node)
        if item.kind is not Kind.TASK or item.claim not in WORKABLE:
            return False
        return item.claim is not Claim.NONE or item.id.partition(":")[0] not in self._with_states()

    def _with_states(self) -> frozenset[str]:
        """Plans of which some task says how far it is."""
        if self._stated is None:
            self._stated = frozenset(
                item.id.partition(":")[0]
                for item in self.items.all
                if item.kind is Kind.TASK and item.claim is not Claim.NONE
            )
        return self._stated

    def _sums(self) -> frozenset[int]:
        """Tasks that only add up their children: a child is a task on which work is due. Phases likewise."""
        nodes = self.items
        due = [node for node in range(len(nodes)) if self._workable(node)]
        parents = {self._above(nodes.all[node]) for node in due}
        groups = (node for node in due if _is_group(nodes.all[node]))
        return frozenset((*(nodes.number(name) for name in parents if name is not None), *groups))

    def _inherited(self, sums: frozenset[int]) -> Adjacency:
        """The links, where a child also waits for what its parent waits for, and the parent for the child."""
        if not sums:
            return self._steps
        nodes, earlier, later = self.items, array("i"), array("i")
        for node, item in enumerate(nodes.all):
            own = self._steps.before(node)
            earlier.extend(own)
            later.extend([node] * len(own))
            child, parent = node, self._above(item)
            while parent is not None:
                up = nodes.number(parent)
                befores = self._steps.before(up)
                above = [before for before in befores if self._above(nodes.all[before]) != parent]
                earlier.extend((child, *above))
                later.extend((up, *[node] * len(above)))
                child, parent = up, self._above(nodes.all[up])
        return Adjacency(len(nodes), earlier, later)

    def _schedule(self) -> tuple[dict[int, int], frozenset[int]]:
        """The wave of each task on which work is due, and which of them only add up their children."""
        sums = self._sums()
        links = self._inherited(sums)
        order = topological(links, range(links.size))

        def files(node: int) -> Sequence[str]:
            return () if node in sums else self.items.all[node].files

        return wave_numbers(links, order, self._workable, self._finished, files), sums

    def ready(self) -> tuple[str, ...]:
        """Tasks that can be worked on now: due, and all they wait for is finished; in the plans' order.

        Unlike the first wave, two ready tasks may touch one file. A task with children on which work is
        due is not ready, they are.
        """
        sums = self._sums()
        links = self._inherited(sums)
        return tuple(
            item.id
            for node, item in enumerate(self.items.all)
            if self._workable(node) and node not in sums and all(map(self._finished, links.before(node)))
        )

    def waves(self) -> tuple[tuple[str, ...], ...]:
        """Due tasks in groups that can be worked on side by side: no edge and no shared file in a group."""
        numbers, sums = self._schedule()
        waves: dict[int, list[str]] = {}
        for node in sorted(numbers):
            if node not in sums:
                waves.setdefault(numbers[node], []).append(self.items.all[node].id)
        return tuple(tuple(waves[number]) for number in sorted(waves))

    def stuck(self) -> tuple[str, ...]:
        """Due tasks that cannot become ready as things stand: behind something put off, or in a circle."""
        numbers, sums = self._schedule()
        return tuple(
            item.id
            for node, item in enumerate(self.items.all)
            if self._workable(node) and node not in numbers and node not in sums
        )

    def critical_path(self) -> CriticalPath:
        """The longest chain of unfinished tasks, by estimate; by number where nothing is estimated.

        A task with children on which work is due weighs what their estimates leave of its own.
        """
        items = self.items.all
        estimated = any(item.effort_hours is not None for item in items)
        sums = self._sums()
        shares = self._shares(sums)

        def weight(node: int) -> float:
            if _is_group(items[node]):
                return 0.0
            if estimated:
                return max(0.0, (items[node].effort_hours or 0.0) - shares.get(node, 0.0))
            return 0.0 if node in sums else 1.0

        links = self._inherited(sums)
        order = topological(links, range(links.size))
        path = longest_path(links, order, lambda node: not self._finished(node), weight)
        path = [node for node in path if node not in sums or weight(node)]
        return CriticalPath(
            tuple(self.items.names(path)),
            sum(weight(node) for node in path) if estimated else None,
            sum(1 for node in path if items[node].effort_hours is None),
        )

    def _shares(self, sums: frozenset[int]) -> dict[int, float]:
        """What the unfinished children of these tasks take of their estimates, in hours."""
        shares = dict.fromkeys(sums, 0.0)
        for node, item in enumerate(self.items.all):
            above = self._above(item)
            up = self.items.number(above) if above is not None else None
            if up in shares and not self._finished(node):
                shares[up] += item.effort_hours or 0.0
        return shares

    def progress(self, axis: Axis) -> tuple[Progress, ...]:
        """Claims of the tasks, counted by plan, phase, story, priority or kind."""
        return progress_by(self.items.values(), axis)


def _is_group(item: Item) -> bool:
    """Whether an item stands for others: a phase, or a story that says nothing of how far it is."""
    return item.kind is Kind.META or (item.kind is Kind.STORY and item.claim is Claim.NONE)
