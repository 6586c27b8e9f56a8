"""Plans as JSON and as text in 80 columns."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from planproof.interfaces.rendering.claim_signs import CLAIM_SIGNS
from planproof.interfaces.rendering.json_stream import Rows
from planproof.plan.model import Claim


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from planproof.plan.model import Edge, Item, Plan


SCHEMA: Final = 1
WIDTH: Final = 80
NAME_WIDTH: Final = 12
"""Longer ids are left out of the text; JSON has them."""
COLOURS: Final = {
    Claim.DONE: "green",
    Claim.IN_PROGRESS: "cyan",
    Claim.PARTIAL: "cyan",
    Claim.BLOCKED: "red",
    Claim.DEFERRED: "yellow",
    Claim.SKIPPED: "bright_black",
}


def document(plans: Iterable[Plan]) -> dict[str, Any]:
    """Plans in the form of ``show.schema.json``."""
    return {"schema": SCHEMA, "plans": Rows(map(plan_document, plans))}


def plan_document(plan: Plan) -> dict[str, Any]:
    """One plan."""
    return {
        "id": plan.id,
        "path": plan.path,
        "title": plan.title,
        "dialects": list(plan.dialects),
        "items": Rows(map(item_document, plan.items)),
        "edges": Rows(map(edge_document, plan.edges)),
        "parallel": [
            {
                "members": list(group.members),
                "line": group.line,
                "after": list(group.after),
                "reason": group.reason,
            }
            for group in plan.parallel
        ],
        "headings": [{"level": one.level, "text": one.text, "line": one.line} for one in plan.headings],
        "fields": [{"name": one.name, "value": one.value, "line": one.line} for one in plan.fields],
        "unread": [{"line": one.line, "text": one.text, "reason": one.reason} for one in plan.unread],
    }


def item_document(item: Item) -> dict[str, Any]:
    """One item."""
    return {
        "id": item.id,
        "local": item.local,
        "kind": item.kind.value,
        "claim": item.claim.value,
        "text": item.text,
        "line": item.line,
        "span": list(item.span),
        "box": item.box,
        "parent": item.parent,
        "labels": list(item.labels),
        "phase": item.phase,
        "story": item.story,
        "priority": item.priority,
        "files": list(item.files),
        "effort_hours": item.effort_hours,
        "fields": [{"name": one.name, "value": one.value, "line": one.line} for one in item.fields],
    }


def edge_document(edge: Edge) -> dict[str, Any]:
    """One edge."""
    return {
        "before": edge.before,
        "after": edge.after,
        "line": edge.line,
        "origin": edge.origin.value,
        "certain": edge.certain,
    }


def text(plans: Sequence[Plan], *, every: bool = False) -> Iterator[tuple[str, str | None]]:
    """Lines for people, each with a colour or None.

    Args:
        plans: what was read.
        every: also items that claim nothing, such as notes and details.
    """
    for plan in plans:
        yield from _head(plan)
        yield from _items(plan, every=every)
        for one in plan.unread:
            yield from ((line, "yellow") for line in _unread(one.line, one.text, one.reason))
        yield "", None


def _head(plan: Plan) -> Iterator[tuple[str, str | None]]:
    boxes = [item for item in plan.items if item.box is not None]
    done = sum(item.claim is Claim.DONE for item in boxes)
    yield clip(plan.title, WIDTH), "bold"
    counts = [
        plan.path,
        counted(len(plan.items), "item"),
        f"{counted(len(boxes), 'box', 'boxes')}, {done} done" if boxes else "no boxes",
        counted(len(plan.edges), "edge"),
    ]
    yield clip("  " + " · ".join(counts), WIDTH), "bright_black"
    if plan.dialects:
        yield clip("  " + ", ".join(plan.dialects), WIDTH), "bright_black"


def _items(plan: Plan, *, every: bool) -> Iterator[tuple[str, str | None]]:
    shown = [item for item in plan.items if every or item.claim is not Claim.NONE or item.parent is None]
    depth: dict[str, int] = {}
    phase: str | None = None
    headings = {one.text for one in plan.headings}
    width = min(
        max((len(item.local) for item in shown if len(item.local) <= NAME_WIDTH), default=4), NAME_WIDTH
    )
    for item in plan.items:
        depth[item.id] = depth.get(item.parent, -1) + 1 if item.parent is not None else 0
        if not every and item.claim is Claim.NONE and item.parent is not None:
            continue
        if item.phase != phase:
            phase = item.phase
            yield "", None
            yield clip(f"  {_phase(plan, phase, headings)}", WIDTH), "bold"
        yield _line(item, depth[item.id], width), COLOURS.get(item.claim)


def _phase(plan: Plan, phase: str | None, headings: set[str]) -> str:
    if phase is None or phase in headings:
        return phase or ""
    return next((one.text for one in plan.headings if phase in one.text), phase)


def _line(item: Item, depth: int, width: int) -> str:
    name = item.local if len(item.local) <= width else ""
    marks = "".join(f" [{label}]" for label in item.labels)
    head = f"  {'  ' * min(depth, 6)}{CLAIM_SIGNS[item.claim]} {name:{width}}{marks} " if name else ""
    head = head or f"  {'  ' * min(depth, 6)}{CLAIM_SIGNS[item.claim]} {' ' * width}{marks} "
    tail = f"  {item.line}"
    room = WIDTH - columns(head) - len(tail)
    body = clip(item.text, max(room, 8))
    return f"{head}{body}{' ' * max(room - columns(body), 0)}{tail}"


def _unread(line: int, words: str, reason: str) -> list[str]:
    return [
        clip(f"  ? line {line}: {reason}" if reason else f"  ? line {line}", WIDTH),
        clip(f"      {words}", WIDTH),
    ]


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 item``, ``3 items``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def columns(words: str) -> int:
    """Terminal columns that a text takes; wide signs count two, combining ones none."""
    if words.isascii():
        return len(words)
    return sum(_columns(sign) for sign in words)


def _columns(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in {"Cf", "Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def clip(words: str, width: int) -> str:
    """A text cut to a number of columns, without control characters."""
    clean = words if words.isprintable() else "".join(sign if sign.isprintable() else " " for sign in words)
    if len(clean) <= width and columns(clean) <= width:
        return clean
    taken, used = [], 0
    for sign in clean:
        used += _columns(sign)
        if used > width - 1:
            break
        taken.append(sign)
    return "".join(taken).rstrip() + "…"
