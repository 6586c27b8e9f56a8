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
    from collections.abc import Iterable, Iterator

    from planproof.plan.lint.view import PlanView

DRAWN = frozenset({Origin.ARROWS, Origin.TREE, Origin.MERMAID, Origin.WAVES})
HEADED = frozenset({Origin.HEADER, Origin.TABLE, Origin.FRONT_MATTER})
DEPENDENCY_FIELDS = ("dependencies", "depends on", "dependency", "blocked by", "depends", "requires")
WAVE = "wave"
SEVERAL = 4
_DIGITS = re.compile(r"\d+")
_HEADS = re.compile(r"^[ \t]*(?:#{1,6}|[-*+] \[.\]|[-*+] (?=\*\*))[ \t*_~`]*(\w[\w.-]{0,40})", re.MULTILINE)
# A plan that has no more of a kind names those of other documents.
FEW = 1
_DOWN = frozenset({"↓", "▼", "|", "v", "V", "│", "⬇"})
_CHAIN = re.compile(r"^\s*[A-Z][\w-]*\d.*(?:→|->|─>|──►|-->)")
# A field that names its tasks by no id names them all.
_SWEEPING = re.compile(r"\b(?:all|every|everything|previous|above|prior|preceding)\b", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(][^\[\]()\n]*[\])]")
_SPAN = re.compile(
    r"[A-Z][\w-]*\d[ \t]*(?:-|–|—|\.\.+|…|\bthrough\b|\bto\b)[ \t]*(?:[A-Z][A-Z_-]*)?\d+", re.IGNORECASE
)
_POINTED = re.compile(r"[>→►▶➜⟶][^\w\n]{0,8}([A-Za-z][\w.-]{0,40}\d\w{0,4})")
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
    if not missing or _is_form(view):
        return
    shapes = _shapes(view)
    # Where the title names a task, the file is that task, and the others have files of their own.
    tops = {heading.line for heading in view.plan.headings if heading.level == 1}
    titled = {_shape(item.id) for item in view.tasks if item.line in tops}
    lines: dict[int, dict[str, Edge]] = {}
    for edge in missing:
        for end, other in ((edge.before, edge.after), (edge.after, edge.before)):
            alone = edge.origin is Origin.PHASES or (other in view.by_id and _shape(other) == _shape(end))
            # Two nodes of a chart that are both no tasks belong to something else.
            if edge.origin is Origin.MERMAID and other not in view.graph.items:
                continue
            # What a remark, a risk or a criterion names may stand anywhere.
            if (
                edge.origin is Origin.PROSE
                and other in view.by_id
                and view.by_id[other].kind is not Kind.TASK
            ):
                continue
            if end in view.graph.items or end in view.by_id or shapes[_shape(end)] <= FEW + alone:
                continue
            if re.search(r"\d", local(end)) and _shape(end) not in titled:
                lines.setdefault(edge.line, {}).setdefault(end, edge)
    headed = _headed(view) if lines else frozenset()
    for line, strange in lines.items():
        ends = {end: edge for end, edge in strange.items() if local(end) not in headed}
        if not ends:
            continue
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


def _is_form(view: PlanView) -> bool:
    """Whether most tasks are called by words in brackets, which are to be filled in."""
    blank = sum(item.text.strip("*_` ")[:1] in {"[", "{", "<"} for item in view.tasks)
    return 2 * blank > len(view.tasks)


def _headed(view: PlanView) -> frozenset[str]:
    """Names that head a line of the text, wherever: there is such a task, be it hidden by a fence."""
    return frozenset(found[1].rstrip(".-") for found in _HEADS.finditer(view.text))


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
        # An arrow of a chart from a node to itself says that a state may last; a sentence means another one.
        if edge.before == edge.after and edge.certain and edge.origin not in {Origin.MERMAID, Origin.PROSE}:
            if (
                edge.origin in DRAWN
                and _BRACKETED.sub(" ", view.line(edge.line)).count(local(edge.after)) < 2
            ):
                continue
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
    if _joins(view) or _is_form(view):
        return
    drawn = Waits(edge for edge in view.plan.edges if edge.origin in DRAWN and edge.certain)
    headed = Waits(edge for edge in view.plan.edges if edge.origin in HEADED and edge.certain)
    # A field that tells more than names says too little for sure to be held against a picture.
    unsure = {edge.after for edge in view.plan.edges if edge.origin is Origin.HEADER and not edge.certain}
    staged = headed
    if Origin.PHASES in origins:
        implied = HEADED | {Origin.PHASES}
        staged = Waits(edge for edge in view.plan.edges if edge.origin in implied)
    roots: dict[str, list[int]] = {}
    for edge in view.plan.edges:
        if edge.origin in DRAWN:
            roots.setdefault(edge.before, []).append(edge.line)
    pointed = _pointed(view)
    for item in view.tasks:
        if item.id in unsure or not _says_what(view, item, headed):
            continue
        own, picture = headed.of(item.id), drawn.of(item.id)
        in_graph = {
            before: edge
            for before, edge in picture.items()
            if before not in own and before != item.id and not staged.reaches(before, item.id)
        }
        in_header: dict[str, Edge] = {}
        if picture or (
            item.id in drawn.nodes
            and item.local not in pointed
            and _drawn_alone(view, item.local, roots.get(item.id, ()))
        ):
            in_header = _not_drawn(item, own, drawn)
        if in_graph or in_header:
            yield _disagreement(view, item, in_graph, in_header, own, picture)


def _says_what(view: PlanView, item: Item, headed: Waits) -> bool:
    """Whether a task says of itself what it waits for, name by name."""
    field = view.field(item, *DEPENDENCY_FIELDS)
    return bool(headed.waiting(item.id)) if field is None else _SWEEPING.search(field[0]) is None


def _not_drawn(item: Item, own: dict[str, Edge], drawn: Waits) -> dict[str, Edge]:
    """What a task waits for by its field, and neither near nor far by the picture, though that has both."""
    return {
        before: edge
        for before, edge in own.items()
        if before in drawn.nodes and not drawn.reaches(before, item.id)
    }


def _drawn_alone(view: PlanView, name: str, lines: Iterable[int]) -> bool:
    """Whether a picture shows a task by its own name, and not only as one of "T001 through T009"."""
    return any(name in _SPAN.sub(" ", view.line(line)) for line in lines)


def _pointed(view: PlanView) -> frozenset[str]:
    """Names that an arrow of a picture points to, be it understood or not."""
    texts = (view.lines(first, last) for first, last, _ in view.fences)
    return frozenset(name for text in texts for name in _POINTED.findall(text))


def _has_fields(view: PlanView) -> bool:
    return any(view.field(item, *DEPENDENCY_FIELDS) for item in view.tasks)


def _disagreement(
    view: PlanView,
    item: Item,
    in_graph: dict[str, Edge],
    in_header: dict[str, Edge],
    own: dict[str, Edge],
    picture: dict[str, Edge],
) -> Hit:
    """All that the two places say differently of one task, as one finding."""
    field = view.field(item, *DEPENDENCY_FIELDS)
    line = field[1] if field else next((edge.line for edge in own.values()), item.line)
    drawn = tuple(sorted({edge.line for edge in (in_graph or picture).values()}))
    if not in_graph:
        only = f"the graph has it wait for {listed(map(local, picture))} only"
        said = f"says it waits for {listed(map(local, in_header))}"
        told = f"{item.local} {said}; {only if picture else 'the graph lets it start at once'}."
        return Hit(line, told, (item.id, *in_header), drawn)
    said = f"says it waits for {listed(map(local, own))}" if own else "says it waits for no task"
    also = "makes" if in_header else "also makes"
    more = f"the graph on line {drawn[0]} {also} it wait for {listed(map(local, in_graph))}"
    rest = f", and not for {listed(map(local, in_header))}" if in_header else ""
    fix = _add_to_field(view, field, listed_plainly(in_graph)) if field and not in_header else None
    return Hit(line, f"{item.local} {said}; {more}{rest}.", (item.id, *in_graph, *in_header), drawn, fix=fix)


def listed_plainly(names: Iterable[str]) -> str:
    """Local names as a dependency field lists them."""
    return ", ".join(map(local, names))


def _joins(view: PlanView) -> bool:
    """Whether a picture has lines that run together, or arrows from one layer of rows to the next.

    There are too many ways of drawing the first, and of the second nobody can tell which rows are meant.
    """
    texts = [view.lines(first, last) for first, last, _ in view.fences]
    return any(_JOIN.search(text) or _layered(text) for text in texts)


def _layered(text: str) -> bool:
    """Whether a line of nothing but a downward arrow stands next to several rows of tasks."""
    rows = text.split("\n")
    for index, row in enumerate(rows):
        if row.strip() in _DOWN:
            above, below = rows[max(index - 2, 0) : index], rows[index + 1 : index + 3]
            if any(len(near) == 2 and all(map(_CHAIN.search, near)) for near in (above, below)):
                return True
    return False


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
    said: set[tuple[int, str, str]] = set()
    for group in view.groups:
        for after in group.members:
            for before in group.members:
                if before == after or (group.line, before, after) in said:
                    continue
                way = waits.way(before, after)
                if way:
                    said.add((group.line, before, after))
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
    items = view.graph.items
    joined = _joins(view)
    late: dict[str, dict[str, tuple[Item, Edge]]] = {}
    for edge in view.plan.edges:
        before, after = items.get(edge.before), items.get(edge.after)
        if before is None or after is None or not edge.certain or (joined and edge.origin in DRAWN):
            continue
        if before.priority == after.priority or (rank(before) or 0) <= (rank(after) or 0):
            continue
        low, high = _own_rank(view, before), _own_rank(view, after)
        if low is not None and high is not None and low > high:
            late.setdefault(after.id, {}).setdefault(before.id, (before, edge))
    for name, found in late.items():
        # What closes the plan waits for all of it: how much it matters says nothing of the others.
        if not _closes(view, items[name]):
            yield _inversion(view, items[name], found)


def _closes(view: PlanView, item: Item) -> bool:
    """Whether a task waits for nearly all tasks above it, and there are several."""
    above = [other.id for other in view.tasks if other.parent is None and other.line < item.line]
    if len(above) < SEVERAL:
        return False
    before = view.waits.ancestors(item.id)
    return sum(name in before for name in above) >= 0.8 * len(above)


def _inversion(view: PlanView, after: Item, found: dict[str, tuple[Item, Edge]]) -> Hit:
    """One task with all that it waits for though that matters less."""
    befores = [item for item, _ in found.values()]
    lines = [(view.field(item, "priority") or ("", item.line))[1] for item in (*befores, after)]
    ranks = sorted({f"P{rank(item)}" for item in befores})
    be = "is" if len(befores) == 1 else "are"
    edges = dict.fromkeys(edge.line for _, edge in found.values())
    return Hit(
        lines[0],
        f"{listed(item.local for item in befores)} {be} {listed(ranks)}, but {after.local}, which is "
        f"P{rank(after)}, waits for {'it' if len(befores) == 1 else 'them'}.",
        (*found, after.id),
        (*edges, *lines[:0:-1]),
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
