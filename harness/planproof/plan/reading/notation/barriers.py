"""What waits for a whole phase: one item stands for it, so that few edges say what many tasks wait for.

Where a plan says that something waits for a phase, or that a phase waits for something, the phase becomes
an item: the box ``- [ ] Phase 1: Setup`` where the plan has one, else an item of the kind ``meta`` on the
heading's line. Each task of a phase stands before its item, and what a phase waits for stands before each
of its tasks: as many edges as there are tasks, never their product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planproof.plan.model import Origin
from planproof.plan.reading.drafts import Draft, EdgeDrafts
from planproof.plan.reading.kinds import META, STORY, TASK
from planproof.plan.reading.notation.stages import Stages


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.reading.context import Context
    from planproof.plan.reading.notation.stages import Order, Stage

MAX_EDGES: Final = 50_000
_PHASES: Final = Origin.PHASES


def raise_barriers(context: Context) -> None:
    """Read what the plan says of its phases, and write down items and edges for it."""
    if not (context.sayings or context.staging):
        return
    if not context.stages and not any(draft.scope == "worded" for draft in context.drafts):
        return  # no heading and no item is called so: what speaks of phases speaks of others'
    members = _members(context.drafts, context.stages)
    stages = _told_apart(context.stages, members)
    table = Stages(stages)
    before = len(context.edges)
    for name, after, line, certain in _orders(context, table):
        if name != after:
            context.edges.add(name, after, line, _PHASES, certain=certain)
    if not context.staging and len(context.edges) == before:
        return
    _Barriers(context, table, {stage.name: members[stage.slugs] for stage in stages}).stand()


def _members(drafts: Sequence[Draft], stages: Sequence[Stage]) -> dict[tuple[str, ...], list[Draft]]:
    """Tasks that stand under each stage's heading, by the heading's path; steps of tasks left out."""
    found: dict[tuple[str, ...], list[Draft]] = {stage.slugs: [] for stage in stages}
    lengths = sorted({len(slugs) for slugs in found}, reverse=True)
    for draft in drafts:
        above = draft.parent
        if draft.kind is not TASK or (above is not None and above.kind is not STORY):
            continue
        path = draft.heading
        for length in lengths:
            if length <= len(path) and path[:length] in found:
                found[path[:length]].append(draft)
                break
    return found


def _told_apart(stages: Sequence[Stage], members: dict[tuple[str, ...], list[Draft]]) -> list[Stage]:
    """One stage a name: of several headings the one that tasks stand under; none where that is unclear."""
    groups: dict[str, list[Stage]] = {}
    for stage in stages:
        groups.setdefault(stage.name, []).append(stage)
    kept = []
    for group in groups.values():
        filled = [stage for stage in group if members[stage.slugs]]
        if len(group) == 1 or len(filled) == 1:
            kept.append(group[0] if len(group) == 1 else filled[0])
    return kept


def _orders(context: Context, table: Stages) -> Iterator[tuple[str, str, int, bool]]:
    """All that headings and sentences say, certain statements first."""
    paths = {stage.slugs: stage.name for stage in table.all}
    found: list[tuple[Order, int]] = []
    for stage in table.all:
        found += [(order, stage.line) for order in table.heading(stage)]
    for saying in context.sayings:
        here = next(
            (
                paths[saying.slugs[:at]]
                for at in range(len(saying.slugs), 0, -1)
                if saying.slugs[:at] in paths
            ),
            "",
        )
        found += [(order, saying.line) for order in table.line(saying.text, here, about=saying.about)]
    seen: set[tuple[str, str]] = set()
    for order, line in sorted(found, key=lambda pair: not pair[0].certain):
        for before in order.befores:
            for after in order.afters:
                if (before, after) not in seen:
                    seen.add((before, after))
                    yield before, after, line, order.certain


class _Barriers:
    """The items that stand for stages, and the edges between them and their tasks."""

    def __init__(self, context: Context, table: Stages, members: dict[str, list[Draft]]) -> None:
        self.context = context
        self.table = table
        self.members = members
        self.items = {draft.name: draft for draft in reversed(context.drafts) if draft.name in table.by_name}

    def stand(self) -> None:
        """Put an item for each stage at the ends of the edges that name it, and tie its tasks to it."""
        context, by_name = self.context, self.table.by_name
        edges, more = context.edges, EdgeDrafts()
        tied: set[tuple[int, int]] = set()
        waited: dict[str, bool] = {}
        for at, (before, after) in enumerate(zip(edges.befores, edges.afters, strict=True)):
            if isinstance(before, str) and before in by_name:
                waited[before] = True
            if isinstance(after, str) and after in by_name:
                self.gates(before, after, edges.lines[at], more, tied, certain=edges.certain(at))
        for name in waited:
            item, line = self.item(name), by_name[name].line
            for task in self.members[name]:
                if task is not item:
                    more.add(task, item, line, _PHASES, certain=True)
        if len(more) > MAX_EDGES:
            context.report(
                more.lines[0], "", "phases with too many tasks; their order is not read to the end"
            )
            more.cut(MAX_EDGES)
        edges.extend(more)

    def gates(
        self,
        before: Draft | str,
        after: str,
        line: int,
        more: EdgeDrafts,
        tied: set[tuple[int, int]],
        *,
        certain: bool,
    ) -> None:
        """What a stage waits for stands before each of its tasks."""
        if isinstance(before, str) and before in self.table.by_name:
            before = self.item(before)
        self.item(after)
        key = id(before) if isinstance(before, Draft) else hash(before)
        for task in self.members[after]:
            pair = (key, id(task))
            if pair not in tied and task is not before:
                tied.add(pair)
                more.add(before, task, line, _PHASES, certain=certain)

    def item(self, name: str) -> Draft:
        """The item that stands for a stage."""
        known = self.items.get(name)
        if known is None:
            stage = self.table.by_name[name]
            known = Draft(META, stage.title or name, stage.line, stage.start, stage.end)
            known.name, known.scope, known.heading = name, "worded", stage.slugs[:-1]
            known.phase, known.dialect = name.replace("-", " "), "plain"
            self.items[name] = known
            self.context.drafts.append(known)
        return known
