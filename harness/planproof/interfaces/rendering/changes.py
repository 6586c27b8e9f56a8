"""What changed in plans since a revision, as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.interfaces.rendering.paint import WIDTH, Paint, clip


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.graph.changes import PlanChange
    from planproof.plan.model import Edge, Item

SCHEMA = 1


def document(changes: Sequence[PlanChange], revision: str) -> dict[str, Any]:
    """Changes in the form of ``diff.schema.json``."""
    return {
        "schema": SCHEMA,
        "revision": revision,
        "plans": [
            {
                "path": change.path,
                "status": change.status,
                "claims": [
                    {**_item(one.item), "before": str(one.before), "after": str(one.after)}
                    for one in change.claims
                ],
                "items": {
                    "added": list(map(_full, change.added)),
                    "removed": list(map(_full, change.removed)),
                },
                "edges": {
                    "added": list(map(_edge, change.edges_added)),
                    "removed": list(map(_edge, change.edges_removed)),
                },
            }
            for change in changes
        ],
    }


def _item(item: Item) -> dict[str, Any]:
    return {"id": item.id, "text": item.text, "line": item.line}


def _full(item: Item) -> dict[str, Any]:
    return {**_item(item), "kind": str(item.kind), "claim": str(item.claim)}


def _edge(edge: Edge) -> dict[str, Any]:
    return {"before": edge.before, "after": edge.after, "line": edge.line, "origin": str(edge.origin)}


def text(changes: Sequence[PlanChange], revision: str, paint: Paint) -> Iterator[str]:
    """Changes for people: claims first, then edges, then what is new or gone."""
    if not changes:
        yield f"No claim, item or edge changed since {revision}."
    for change in changes:
        yield paint(f"{change.path} ({change.status} since {revision})", "bold")
        for one in change.claims:
            said = f"  {one.item.local}  {one.before.replace('_', ' ')} → {one.after.replace('_', ' ')}"
            yield clip(f"{said}  line {one.item.line}  {one.item.text}", WIDTH)
        for sign, colour, edges in (("+", "green", change.edges_added), ("-", "red", change.edges_removed)):
            for edge in edges:
                ends = f"{edge.before.partition(':')[2]} → {edge.after.partition(':')[2]}"
                yield paint(clip(f"  {sign} {ends}  ({edge.origin}, line {edge.line})", WIDTH), colour)
        for sign, colour, items in (("+", "green", change.added), ("-", "red", change.removed)):
            for item in items:
                yield paint(clip(f"  {sign} {item.local}  {item.text}", WIDTH), colour)
