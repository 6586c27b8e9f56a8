"""The failure as one HTML file that needs nothing else: no network, no other file, no script to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.race.checker.parts import part_name
from planproof.race.page.layout import Bar, Layout, lay_out


if TYPE_CHECKING:
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


def html_of(history: History, verdict: Verdict, *, title: str | None = None, steps: int = 60) -> str:
    """The page of a failure.

    Args:
        history: what was checked. Its notes stand on the time line; its meta may hold ``workload``,
            ``backend``, ``mode``, ``seed``, ``schedule``, ``switches`` and ``replay`` (a command line).
        verdict: that it is not linearizable.
        title: what was to hold; "Not linearizable" unless given.
        steps: how many of the last placed operations to show.

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
        facts=[(name, history.meta[name]) for name in _FACTS if name in history.meta],
        source=history.path,
        replay=history.meta.get("replay"),
        verdict=verdict,
        part=part_name(layout.explanation.key),
        explanation=layout.explanation,
        hidden=layout.hidden,
        width=layout.columns * COLUMN,
        columns=layout.columns,
        lanes=_lanes(layout),
        notes=_notes(layout),
        head=10 + LABEL * min(len(layout.notes), LABELS),
        rows=_rows(layout),
        candidates=_candidates(layout),
        text_of_subs=_subs,
    )


def _share(column: float, columns: int) -> str:
    return f"{100 * column / columns:.3f}%"


def _lanes(layout: Layout) -> list[dict[str, Any]]:
    return [{"client": client, "bars": [_bar(bar, layout) for bar in bars]} for client, bars in layout.lanes]


def _bar(bar: Bar, layout: Layout) -> dict[str, Any]:
    right = layout.columns if bar.open else bar.right + 0.8
    return {
        "id": f"op{bar.op.id}",
        "left": _share(bar.left, layout.columns),
        "width": _share(max(right - bar.left, 0.8), layout.columns),
        "role": bar.role,
        "open": bar.open,
        "place": bar.place,
        "call": bar.op.text,
        "reply": bar.op.reply,
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
