"""The failure as one HTML file that needs nothing else: no network, no other file, no script to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planproof.race.checker.parts import part_name
from planproof.race.page.layout import Bar, Layout, lay_out


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.race.checker.verdict import Verdict
    from planproof.race.history.operation import History, Operation


COLUMN: Final = 40
"""How wide one column of the time line is, in CSS pixels; it stretches where there is room."""
LABEL: Final = 22
"""How high the label of a fault is, in CSS pixels."""
LABELS: Final = 4
"""How many labels stand under one another before they begin again at the top."""
CLOCK_FROM: Final = 1_000_000
"""Times below this are places in a file, not nanoseconds."""

_FACTS: Final = ("workload", "backend", "mode", "seed", "schedule", "switches")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page tells of a failure that no model found.

    Attributes:
        message: what the observer saw.
        detail: more lines, such as a stack; empty where there are none.
    """

    message: str
    detail: str = ""


def html_of(
    history: History,
    verdict: Verdict,
    *,
    title: str | None = None,
    steps: int = 60,
    order: Sequence[tuple[int, str]] = (),
    seen: Seen | None = None,
) -> str:
    """The page of a failure.

    Args:
        history: what was checked. Its notes stand on the time line; its meta may hold ``workload``,
            ``backend``, ``mode``, ``seed``, ``schedule``, ``switches`` and ``replay`` (a command line).
        verdict: that it is not linearizable.
        title: what was to hold; "Not linearizable" unless given.
        steps: how many of the last placed operations to show.
        order: the client and the call of each step that the scheduler chose; empty where nobody chose.
        seen: what was seen against an invariant; None where a model found the failure.

    Returns:
        HTML; all text from the history is escaped.
    """
    from jinja2 import Environment, PackageLoader

    layout = lay_out(history, verdict, steps=steps)
    environment = Environment(
        loader=PackageLoader("planproof.race", "page"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("failure.html.j2")
    return template.render(
        title=title or "Not linearizable",
        reason=verdict.reason,
        seen=seen,
        order=_order(order),
        order_clients=sorted({client for client, _ in order}),
        facts=[(name, history.meta[name]) for name in _FACTS if name in history.meta],
        source=history.path,
        replay=history.meta.get("replay"),
        verdict=verdict,
        part=part_name(layout.explanation.key),
        explanation=layout.explanation,
        hidden=layout.hidden,
        width=layout.columns * COLUMN,
        columns=layout.columns,
        lanes=_lanes(layout, seen),
        notes=_notes(layout),
        head=10 + LABEL * min(len(layout.notes), LABELS),
        rows=_rows(layout),
        candidates=_candidates(layout),
        text_of_subs=_subs,
    )


def _share(column: float, columns: int) -> str:
    return f"{100 * column / columns:.3f}%"


def _order(order: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    """One row for each step; ``turn`` where another client goes on than before."""
    clients = [client for client, _ in order]
    return [
        {
            "number": number,
            "client": client,
            "text": text,
            "turn": number > 1 and clients[number - 2] != client,
            "goes_on": text.startswith(("after ", "sleep")),
        }
        for number, (client, text) in enumerate(order, 1)
    ]


def _lanes(layout: Layout, seen: Seen | None) -> list[dict[str, Any]]:
    told = None if seen is None else seen.message
    return [
        {"client": client, "bars": [_bar(bar, layout, told) for bar in bars]} for client, bars in layout.lanes
    ]


def _bar(bar: Bar, layout: Layout, told: str | None) -> dict[str, Any]:
    right = layout.columns if bar.open else bar.right + 0.8
    return {
        "id": f"op{bar.op.id}",
        "left": _share(bar.left, layout.columns),
        "width": _share(max(right - bar.left, 0.8), layout.columns),
        "role": bar.role,
        "open": bar.open,
        "place": bar.place,
        "call": bar.op.text,
        "reply": bar.op.reply if told is None or bar.role != "blocked" else told,
        "when": when(bar.op),
    }


def _notes(layout: Layout) -> list[dict[str, Any]]:
    return [
        {
            "left": _share(first, layout.columns),
            "width": _share(max(last - first, 0.15), layout.columns),
            "kind": note.kind,
            "text": note.text,
            "client": note.client,
            "top": 6 + LABEL * (number % LABELS),
        }
        for number, (note, first, last) in enumerate(layout.notes)
    ]


def _rows(layout: Layout) -> list[dict[str, Any]]:
    steps = layout.explanation.steps
    shown = steps[len(steps) - sum(bar.place is not None for _, bars in layout.lanes for bar in bars) :]
    return [
        {
            "number": number,
            "id": f"op{step.op.id}",
            "op": step.op,
            "before": step.before,
            "after": step.after,
            "changed": step.before != step.after,
        }
        for number, step in enumerate(shown, layout.hidden + 1)
    ]


def _candidates(layout: Layout) -> list[dict[str, Any]]:
    return [
        {"id": f"op{candidate.op.id}", "op": candidate.op, "why": candidate.why, "fits": candidate.fits}
        for candidate in layout.explanation.candidates
    ]


def _subs(op: Operation) -> list[dict[str, str]]:
    return [
        {"kind": sub.kind, "text": sub.text, "note": sub.note or "", "took": _took(sub.begin, sub.end)}
        for sub in op.subs
    ]


def when(op: Operation) -> str:
    """When an operation ran: for how long, or between which events of a file."""
    if op.call < CLOCK_FROM:
        return f"events {op.call} to {op.ret if op.ret is not None else 'the end'}"
    return f"took {_took(op.call, op.ret)}"


def _took(begin: int, end: int | None) -> str:
    if end is None:
        return "never came back"
    return f"{(end - begin) / 1e6:.3f} ms"
