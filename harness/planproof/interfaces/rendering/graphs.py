"""The task graph as JSON, DOT and Mermaid, and what is next as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from planproof.interfaces.rendering.claim_signs import CLAIM_SIGNS
from planproof.interfaces.rendering.json_stream import Rows
from planproof.interfaces.rendering.paint import WIDTH, Paint, clip, spread
from planproof.plan.graph import AXES
from planproof.plan.model import Claim


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from planproof.plan.graph import CriticalPath, Graph
    from planproof.plan.model import Edge, Item, Plan

SCHEMA = 1
SIGN: dict[Claim, str] = {
    claim: sign for claim, sign in CLAIM_SIGNS.items() if claim not in {Claim.OPEN, Claim.NONE}
}
FILL = {
    Claim.DONE: ("#e3f4e6", "#2d7a3e"),
    Claim.IN_PROGRESS: ("#e2effb", "#22669c"),
    Claim.PARTIAL: ("#e2effb", "#22669c"),
    Claim.BLOCKED: ("#fbe5e3", "#b3261e"),
    Claim.DEFERRED: ("#fdf1d8", "#8a5a00"),
    Claim.SKIPPED: ("#eeeeee", "#6b6b6b"),
    Claim.OPTIONAL: ("#f5f0fa", "#6a4b8a"),
    Claim.OPEN: ("#ffffff", "#4a4f57"),
    Claim.NONE: ("#ffffff", "#4a4f57"),
}


def paths_of(plans: Iterable[Plan]) -> dict[str, str]:
    """The path of each plan by its id."""
    return {plan.id: plan.path for plan in plans}


def shown(name: str, plans: Mapping[str, str]) -> str:
    """An id as people read it: without its plan where there is only one."""
    return name.partition(":")[2] if len(plans) == 1 else name


def document(graph: Graph, plans: Mapping[str, str]) -> dict[str, Any]:
    """The graph in the form of ``graph.schema.json``.

    Args:
        graph: the graph.
        plans: the path of each plan by its id.
    """
    waves = graph.waves()
    wave = {name: number for number, names in enumerate(waves, start=1) for name in names}
    return {
        "schema": SCHEMA,
        "nodes": Rows(
            {**item_document(item, plans), "wave": wave.get(item.id)} for item in graph.items.values()
        ),
        "edges": Rows(edge_document(edge, plans) for edge in graph.edges),
        "order": Rows(graph.order()),
        "cycles": [
            {"ids": list(cycle.ids), "edges": [edge_document(edge, plans) for edge in cycle.edges]}
            for cycle in graph.cycles()
        ],
        **_plan_of_work(graph, waves),
    }


def _plan_of_work(graph: Graph, waves: Iterable[Sequence[str]]) -> dict[str, Any]:
    return {
        "waves": Rows(waves),
        "critical_path": path_document(graph.critical_path()),
        "progress": {axis: [row._asdict() for row in graph.progress(axis)] for axis in AXES},
    }


def item_document(item: Item, plans: Mapping[str, str]) -> dict[str, Any]:
    """One task."""
    return {
        "id": item.id,
        "local": item.local,
        "text": item.text,
        "claim": str(item.claim),
        "path": plans.get(item.id.partition(":")[0], ""),
        "line": item.line,
        "phase": item.phase,
        "story": item.story,
        "priority": item.priority,
        "files": list(item.files),
        "effort_hours": item.effort_hours,
    }


def edge_document(edge: Edge, plans: Mapping[str, str]) -> dict[str, Any]:
    """One edge, with the place where it was said."""
    return {
        "before": edge.before,
        "after": edge.after,
        "path": plans.get(edge.after.partition(":")[0], ""),
        "line": edge.line,
        "origin": str(edge.origin),
        "certain": edge.certain,
    }


def path_document(path: CriticalPath) -> dict[str, Any]:
    """The critical path."""
    return {"ids": list(path.ids), "hours": path.hours, "unestimated": path.unestimated}


def joined(edges: Iterable[Edge]) -> dict[tuple[str, str], bool]:
    """Each pair of ends once, and whether any of its edges is certain."""
    pairs: dict[tuple[str, str], bool] = {}
    for edge in edges:
        pairs[edge.before, edge.after] = pairs.get((edge.before, edge.after), False) or edge.certain
    return pairs


def dot(graph: Graph, plans: Mapping[str, str]) -> Iterator[str]:
    """The graph in Graphviz's language."""
    yield "digraph plan {"
    yield '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=10];'
    for item in graph.items.values():
        fill, line = FILL[item.claim]
        label = f"{shown(item.id, plans)}\\n{_dot(clip(item.text, 40))}"
        yield f'  "{_dot(item.id)}" [label="{label}", fillcolor="{fill}", color="{line}"];'
    for (before, after), certain in joined(graph.edges).items():
        style = "" if certain else " [style=dashed]"
        yield f'  "{_dot(before)}" -> "{_dot(after)}"{style};'
    yield "}"


def _dot(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def mermaid(graph: Graph, plans: Mapping[str, str]) -> Iterator[str]:
    """The graph as a Mermaid flow chart."""
    ends = [end for edge in graph.edges for end in (edge.before, edge.after)]
    names = {name: f"n{number}" for number, name in enumerate(dict.fromkeys([*graph.items, *ends]))}
    yield "flowchart TD"
    for name, node in names.items():
        item = graph.items.get(name)
        text = f"{shown(name, plans)} {clip(item.text, 40)}" if item else shown(name, plans)
        mark = f":::{item.claim}" if item else ""
        yield f'  {node}["{_mermaid(text)}"]{mark}'
    for (before, after), certain in joined(graph.edges).items():
        yield f"  {names[before]} {'-->' if certain else '-.->'} {names[after]}"
    for claim, (fill, line) in FILL.items():
        yield f"  classDef {claim} fill:{fill},stroke:{line},color:#1f2328"


def _mermaid(text: str) -> str:
    return re.sub(r"[\"<>#&;`]", lambda sign: f"#{ord(sign[0])};", text)


def next_document(graph: Graph, plans: Mapping[str, str]) -> dict[str, Any]:
    """What is next in the form of ``next.schema.json``."""
    return {
        "schema": SCHEMA,
        "ready": Rows(
            {**item_document(graph.items[name], plans), "unblocks": list(graph.unblocks(name))}
            for name in graph.ready()
        ),
        "stuck": Rows({"id": name, "behind": list(_behind(graph, name))} for name in graph.stuck()),
        **_plan_of_work(graph, graph.waves()),
    }


def _behind(graph: Graph, name: str) -> tuple[str, ...]:
    """What keeps a stuck task from becoming ready."""
    done = {Claim.DONE, Claim.SKIPPED, Claim.OPTIONAL}
    return tuple(before for before in graph.prerequisites(name) if graph.items[before].claim not in done)


def next_text(graph: Graph, plans: Mapping[str, str], paint: Paint, most: int) -> Iterator[str]:
    """What is next for people.

    Args:
        graph: the graph.
        plans: the path of each plan by its id.
        paint: colours.
        most: how many tasks and waves are told.
    """
    ready, waves = graph.ready(), graph.waves()
    yield paint(f"Ready now ({len(ready)})", "bold")
    for name in ready[:most]:
        yield from _ready_line(graph, name, plans, paint)
    yield from _more(len(ready) - most)
    if len(waves) > 1:
        yield ""
        yield paint(f"Waves ({len(waves)}): side by side, no file twice", "bold")
        for number, wave in enumerate(waves[:most], start=1):
            yield f"  {number:>2}  " + clip(", ".join(shown(name, plans) for name in wave), WIDTH - 6)
        yield from _more(len(waves) - most)
    path = graph.critical_path()
    if len(path.ids) > 1:
        yield ""
        yield paint(f"Critical path ({_length(path)})", "bold")
        yield from _chain([shown(name, plans) for name in path.ids[:60]])
    stuck = graph.stuck()
    if stuck:
        yield ""
        yield paint(f"Cannot become ready ({len(stuck)})", "bold", "yellow")
        for name in stuck[:most]:
            behind = (
                ", ".join(shown(before, plans) for before in _behind(graph, name))
                or "its parent's prerequisites"
            )
            yield clip(f"  {shown(name, plans)}  behind {behind}", WIDTH)
        yield from _more(len(stuck) - most)


def _ready_line(graph: Graph, name: str, plans: Mapping[str, str], paint: Paint) -> Iterator[str]:
    item = graph.items[name]
    after = graph.unblocks(name)
    effort = f"{item.effort_hours:g} h" if item.effort_hours is not None else ""
    opens = f"→ {', '.join(shown(one, plans) for one in after)}" if after else ""
    left, gap, right = spread(
        f"  {shown(name, plans)}  {item.text}", "  ".join(filter(None, (effort, opens)))
    )
    yield f"{left}{gap}{paint(right, 'dim')}"


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  and {count} more"


def _length(path: CriticalPath) -> str:
    if path.hours is None:
        return f"{len(path.ids)} tasks, none estimated"
    rest = f", {path.unestimated} not estimated" if path.unestimated else ""
    return f"{path.hours:g} h, {len(path.ids)} tasks{rest}"


def _chain(names: Sequence[str]) -> Iterator[str]:
    line = "  "
    for number, name in enumerate(names):
        piece = name if number == 0 else f" → {name}"
        if len(line) + len(piece) > WIDTH:
            yield line
            line = "    "
        line += piece.lstrip() if not line.strip() else piece
    yield line


def outline(graph: Graph, plans: Mapping[str, str], paint: Paint) -> Iterator[str]:
    """The graph as text: each task in working order with what it waits for."""
    for name in graph.order():
        item = graph.items[name]
        before = ", ".join(shown(one, plans) for one in graph.prerequisites(name))
        left, gap, right = spread(
            f"{SIGN.get(item.claim, '·')} {shown(name, plans)}  {item.text}", f"← {before}" if before else ""
        )
        yield f"{left}{gap}{paint(right, 'dim')}"
    for cycle in graph.cycles():
        way = " → ".join(shown(name, plans) for name in (*cycle.ids, cycle.ids[0]))
        lines = ", ".join(str(edge.line) for edge in cycle.edges)
        yield paint(f"circle: {way} (lines {lines})", "red")
