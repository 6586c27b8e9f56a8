"""PP2xx: what waits for what, and where two places of a plan say different things about it."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Fix, Hit, Splice
from planproof.plan.lint.rule import rule
from planproof.plan.lint.wait import Waits, ends_known, listed
from planproof.plan.model import Edge, Item, Kind, Origin


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.plan.lint.view import PlanView

DRAWN = frozenset({Origin.ARROWS, Origin.TREE, Origin.MERMAID, Origin.WAVES})
HEADED = frozenset({Origin.HEADER, Origin.TABLE, Origin.FRONT_MATTER})
DEPENDENCY_FIELDS = ("dependencies", "depends on", "dependency", "blocked by", "depends", "requires")
WAVE = "wave"
_DIGITS = re.compile(r"\d+")
_PRIORITY = re.compile(r"P(\d)\b")
_JOIN = re.compile(r"-\+[ \t]*$|-\+-|[─━][┤┘┴╯]|[┘┴╯]", re.MULTILINE)


def local(name: str) -> str:
    """The part of an id that people of the plan use."""
    return name.partition(":")[2]


@rule("PP201", "unknown-dependency", "error")
def unknown_dependency(view: PlanView) -> Iterator[Hit]:
    """An edge names a task that the plan does not have, though it has others of that kind."""
    missing = [
        edge
        for edge in view.plan.edges
        if edge.certain and edge.origin is not Origin.FRONT_MATTER and not ends_known(view, edge)
    ]
    if not missing:
        return
    shapes = _shapes(view)
    lines: dict[int, dict[str, Edge]] = {}
    for edge in missing:
        for end, other in ((edge.before, edge.after), (edge.after, edge.before)):
            alone = edge.origin is Origin.PHASES or (other in view.by_id and _shape(other) == _shape(end))
            if end in view.graph.items or end in view.by_id or shapes[_shape(end)] <= alone:
                continue
            if re.search(r"\d", local(end)):
                lines.setdefault(edge.line, {}).setdefault(end, edge)
    for line, ends in lines.items():
        (first, edge), *_ = ends.items()
        other = local(edge.after if first == edge.before else edge.before)
        phase = edge.origin is Origin.PHASES or local(first).startswith("Phase-")
        what = "phase" if phase else "task"
        several = f"are no {what}s" if len(ends) > 1 else f"is no {what}"
        yield Hit(
            line,
            f"{listed(map(local, ends))} {several} of this plan, but {other} is tied to it here.",
            tuple(ends)[:12],
        )


def _shape(name: str) -> str:
    """What an id looks like, numbers left out."""
    return _DIGITS.sub("0", local(name))


def _shapes(view: PlanView) -> Counter[str]:
    """How many tasks and phases of this plan have ids of each shape; others belong to another document."""
    return Counter(_shape(item.id) for item in view.plan.items if item.kind in {Kind.TASK, Kind.META})


@rule("PP214", "unknown-in-wave", "error")
def unknown_in_wave(view: PlanView) -> Iterator[Hit]:
    """A wave names a task that the plan does not have."""
    known = view.graph.items
    for group in view.plan.parallel:
        strange = [name for name in group.members if name not in known and name not in view.by_id]
        if group.reason == WAVE and strange and view.tasks:
            several = "are no tasks" if len(strange) > 1 else "is no task"
            yield Hit(
                group.line,
                f"This wave names {listed(map(local, strange))}, which {several} of this plan.",
                tuple(strange[:12]),
            )


@rule("PP202", "waits-for-itself", "error")
def waits_for_itself(view: PlanView) -> Iterator[Hit]:
    """A task is its own prerequisite."""
    for edge in view.plan.edges:
        if edge.before == edge.after and edge.certain:
            item = view.by_id.get(edge.after)
            related = (item.line,) if item else ()
            fix = _leave_out(view, item, edge) if item and edge.origin is Origin.HEADER else None
            yield Hit(edge.line, f"{local(edge.after)} waits for itself.", (edge.after,), related, fix=fix)


def _leave_out(view: PlanView, item: Item, edge: Edge) -> Fix | None:
    """Take a task out of its own list of dependencies; the last one gives way to "None"."""
    for field in item.fields:
        parts = [part.strip() for part in field.value.split(",")]
        if field.line != edge.line or item.local not in parts or "(" in field.value:
            continue
        if view.plan.source[field.span.start : field.span.end] == field.value.encode():
            rest = ", ".join(part for part in parts if part != item.local) or "None"
            return Fix(f"take {item.local} out of line {field.line}", (Splice(*field.span, rest),))
    return None


@rule("PP203", "cycle", "error")
def cycle(view: PlanView) -> Iterator[Hit]:
    """Tasks wait for each other in a circle, so that none can begin."""
    prefix = view.plan.id + ":"
    for found in view.graph.cycles():
        if len(found.ids) < 2 or not found.ids[0].startswith(prefix):
            continue
        way = " -> ".join(map(local, (*found.ids, found.ids[0])))
        lines = [edge.line for edge in found.edges]
        yield Hit(lines[0], f"These tasks wait for each other: {way}.", found.ids, tuple(lines[1:]))


@rule("PP204", "header-against-graph", "warning")
def header_against_graph(view: PlanView) -> Iterator[Hit]:
    """A task's own dependency field and the drawn graph disagree."""
    origins = {edge.origin for edge in view.plan.edges}
    if not origins & DRAWN or not (origins & HEADED or _has_fields(view)):
        return
    drawn = Waits(edge for edge in view.plan.edges if edge.origin in DRAWN and edge.certain)
    headed = Waits(edge for edge in view.plan.edges if edge.origin in HEADED and edge.certain)
    staged = headed
    if Origin.PHASES in origins:
        implied = HEADED | {Origin.PHASES}
        staged = Waits(edge for edge in view.plan.edges if edge.origin in implied)
    joined = _joins(view)
    for item in view.tasks:
        field = view.field(item, *DEPENDENCY_FIELDS)
        if field is None and not headed.waiting(item.id):
            continue
        own, picture = headed.of(item.id), drawn.of(item.id)
        for before, edge in picture.items():
            if before not in own and not staged.reaches(before, item.id):
                yield _more_in_graph(view, item, edge, field, own)
        if item.id not in drawn.nodes or joined:
            continue
        more = {
            before: edge
            for before, edge in own.items()
            if before in drawn.nodes and before not in picture and not drawn.reaches(before, item.id)
        }
        if more:
            yield _more_in_header(item, more, picture)


def _has_fields(view: PlanView) -> bool:
    return any(view.field(item, *DEPENDENCY_FIELDS) for item in view.tasks)


def _more_in_graph(
    view: PlanView, item: Item, edge: Edge, field: tuple[str, int] | None, own: dict[str, Edge]
) -> Hit:
    line = field[1] if field else next((found.line for found in own.values()), item.line)
    before = local(edge.before)
    said = f"says it waits for {listed(map(local, own))}" if own else "says it waits for nothing"
    return Hit(
        line,
        f"{item.local} {said}; the graph on line {edge.line} also makes it wait for {before}.",
        (item.id, edge.before),
        (edge.line,),
        fix=_add_to_field(view, field, before) if field else None,
    )


def _more_in_header(item: Item, more: dict[str, Edge], picture: dict[str, Edge]) -> Hit:
    drawn = f"the graph has it wait for {listed(map(local, picture))} only"
    if not picture:
        drawn = "the graph lets it start at once"
    return Hit(
        next(iter(more.values())).line,
        f"{item.local} says it waits for {listed(map(local, more))}; {drawn}.",
        (item.id, *more),
        tuple(sorted({edge.line for edge in picture.values()})),
    )


def _joins(view: PlanView) -> bool:
    """Whether a picture has lines that run together: there are too many ways of drawing that."""
    return any(_JOIN.search(view.lines(first, last)) for first, last, _ in view.fences)


def _add_to_field(view: PlanView, field: tuple[str, int], name: str) -> Fix | None:
    """Put one more id behind the value of a dependency field."""
    value, line = field
    text = view.line(line)
    start = text.rfind(value)
    if start < 0 or not value.strip() or any(sign in value for sign in "()[];."):
        return None
    none = value.strip().strip("*_").lower() in {"none", "-", "n/a", "nothing"}
    first = view.column_offset(line, start if none else start + len(value.rstrip()))
    last = view.column_offset(line, start + len(value.rstrip()))
    return Fix(f"add {name} to line {line}", (Splice(first, last, name if none else f", {name}"),))


@rule("PP205", "order-against-parallel", "warning")
def order_against_parallel(view: PlanView) -> Iterator[Hit]:
    """Two tasks are said to run side by side, and one waits for the other."""
    if not view.groups:
        return
    waits = view.waits
    for group in view.groups:
        for after in group.members:
            for before in group.members:
                way = waits.way(before, after) if before != after else None
                if way:
                    chain = " -> ".join([local(before), *(local(edge.after) for edge in way)])
                    lines = tuple(edge.line for edge in way)
                    yield Hit(
                        group.line,
                        f"{local(before)} and {local(after)} are said to run in parallel, but "
                        f"{local(after)} waits "
                        f"for {local(before)}: {chain}.",
                        (before, after),
                        lines,
                    )


@rule("PP206", "parallel-too-early", "warning")
def parallel_too_early(view: PlanView) -> Iterator[Hit]:
    """A group is said to start after one task, and a member still waits for another."""
    if not view.groups:
        return
    waits = view.waits
    for group in view.groups:
        if not group.after or not all(name in waits.nodes for name in group.after):
            continue
        for member in group.members:
            direct = waits.of(member)
            if set(group.after) & set(direct):
                continue
            for before, edge in direct.items():
                if before in group.members or any(
                    before == name or waits.reaches(before, name) for name in group.after
                ):
                    continue
                yield Hit(
                    group.line,
                    f"{local(member)} is said to be free after "
                    f"{listed(map(local, group.after))}, but it also "
                    f"waits for {local(before)} (line {edge.line}).",
                    (member, before),
                    _with_lead(view, group.line, edge.line),
                )


def _with_lead(view: PlanView, line: int, *others: int) -> tuple[int, ...]:
    """The other lines, and the line above that introduces a list."""
    above = view.line(line - 1).strip()
    return (*others, line - 1) if above.rstrip("*_ ").endswith(":") else others


@rule("PP207", "priority-inversion", "warning")
def priority_inversion(view: PlanView) -> Iterator[Hit]:
    """A task waits for one of lower priority."""
    if len({item.priority for item in view.plan.items}) < 2:
        return
    said: set[tuple[str, str]] = set()
    items = view.graph.items
    for edge in view.plan.edges:
        before, after = items.get(edge.before), items.get(edge.after)
        if before is None or after is None or not edge.certain or (edge.before, edge.after) in said:
            continue
        if before.priority == after.priority or (rank(before) or 0) <= (rank(after) or 0):
            continue
        low, high = _own_rank(view, before), _own_rank(view, after)
        if low is not None and high is not None and low > high:
            said.add((edge.before, edge.after))
            line = (view.field(before, "priority") or ("", before.line))[1]
            other = (view.field(after, "priority") or ("", after.line))[1]
            yield Hit(
                line,
                f"{before.local} is P{low}, but {after.local}, which is P{high}, waits for it.",
                (before.id, after.id),
                (edge.line, other),
            )


def _own_rank(view: PlanView, item: Item) -> int | None:
    """The priority that the item itself gives; that of a phase says when, not how urgent each task is."""
    own = view.field(item, "priority") or (item.priority and item.priority in view.line(item.line))
    return rank(item) if own else None


def rank(item: Item) -> int | None:
    """The number in a priority such as ``P1 (Integration)``; lower is more urgent."""
    return _rank(item.priority) if item.priority else None


@lru_cache(maxsize=256)
def _rank(priority: str) -> int | None:
    found = _PRIORITY.search(priority)
    return int(found[1]) if found else None


@rule("PP212", "label-drift", "warning")
def label_drift(view: PlanView) -> Iterator[Hit]:
    """A picture calls a task something else than the plan does."""
    from planproof.plan.lint.words import stems

    for first, last, _ in view.fences:
        text = view.lines(first, last)
        if not text.partition("\n")[0].strip().lstrip("`~").startswith("mermaid"):
            continue
        for found in re.finditer(r"\b([A-Za-z][\w.-]*\d[\w.-]*)\s*[\[({]+\"?([^\])}\"\n]+)", text):
            item = view.task_named(found[1])
            label = stems(found[2].replace(found[1], " "))
            if item is None or len(label) < 2 or label & stems(f"{item.text} {' '.join(item.files)}"):
                continue
            yield Hit(
                first + text.count("\n", 0, found.start()),
                f'The picture calls {item.local} "{found[2].strip()}"; the plan says "{item.text}".',
                (item.id,),
                (item.line,),
                Confidence.MEDIUM,
            )


RULES = (
    unknown_dependency,
    unknown_in_wave,
    waits_for_itself,
    cycle,
    header_against_graph,
    order_against_parallel,
    parallel_too_early,
    priority_inversion,
    label_drift,
)
