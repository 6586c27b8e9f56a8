"""The failure as text, 80 columns wide, for terminals and the logs of CI."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from planproof.race.checker.parts import part_name
from planproof.race.page.layout import Bar, Layout, lay_out


if TYPE_CHECKING:
    from planproof.race.checker.verdict import Verdict
    from planproof.race.explain import Explanation
    from planproof.race.history.operation import History


WIDTH: Final = 80
_BAR: Final = 30
_NAME: Final = 8
_SIGNS: Final = {"placed": " ", "blocked": "✗", "candidate": "?"}


def text_of(history: History, verdict: Verdict, *, title: str | None = None, steps: int = 8) -> str:
    """Say why a history is not linearizable.

    Args:
        history: what was checked; its meta may hold ``replay``, ``seed`` and ``backend``.
        verdict: that it is not linearizable.
        title: what was to hold; the reason of the verdict unless given.
        steps: how many of the last placed operations to show.
    """
    layout = lay_out(history, verdict, steps=steps)
    explanation = layout.explanation
    lines = _wrapped(f"not linearizable: {title or verdict.reason}")
    part = part_name(explanation.key)
    if part:
        lines.append(f"only what touches {part} is shown")
    lines.append("")
    lines += _lanes(layout)
    lines.append("")
    lines += _order(layout, steps)
    lines += _reasons(explanation)
    lines += _subs(explanation)
    lines += _foot(history)
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH - 2, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _lanes(layout: Layout) -> list[str]:
    lines = []
    for client, bars in layout.lanes:
        name = client
        for bar in bars:
            lines.append(_lane(name, bar, layout.columns))
            name = ""
    for note, first, last in layout.notes:
        left, right = _scaled(first, last, layout.columns)
        mark = "·" * left + "▲" + ("─" * (right - left - 1) + "▲" if right > left else "")
        who = f" on {note.client}" if note.client is not None else ""
        lines.append(_cut(f"{note.kind[:_NAME]:<{_NAME}} {mark:<{_BAR}} {note.text}{who}"))
    return lines


def _scaled(first: int, last: int, columns: int) -> tuple[int, int]:
    scale = (_BAR - 1) / max(columns - 1, 1)
    left = round(first * scale)
    return left, max(round(last * scale), left)


def _lane(name: str, bar: Bar, columns: int) -> str:
    left, right = _scaled(bar.left, bar.right, columns)
    if right == left:
        right = min(left + 1, _BAR - 1)
        left = right - 1
    end = "┄" if bar.open else "┤"
    drawn = " " * left + "├" + ("┄" if bar.open else "─") * (right - left - 1) + end
    number = f"{bar.place:>3}" if bar.place is not None else f"  {_SIGNS[bar.role]}"
    return _cut(f"{name[:_NAME]:<{_NAME}} {drawn:<{_BAR}} {number} {bar.op.text} {bar.op.reply}")


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH - 2 else line[: WIDTH - 3] + "…"


def _order(layout: Layout, steps: int) -> list[str]:
    explanation = layout.explanation
    if not explanation.traced:
        return []
    lines = ["longest valid order" + (f" (after {layout.hidden} operations)" if layout.hidden else "")]
    shown = explanation.steps[-steps:]
    if not shown:
        lines.append(f"    nothing; the state is {explanation.state}")
    for number, step in enumerate(shown, layout.hidden + 1):
        change = step.after if step.after != step.before else f"{step.after} (as before)"
        lines.append(_cut(f"{number:>3} {step.op.client}: {step.op.text} {step.op.reply}  → {change}"))
    return lines


def _reasons(explanation: Explanation) -> list[str]:
    lines = []
    for number, candidate in enumerate(explanation.candidates[:6]):
        sign = "✗" if number == 0 else "?"
        text = f"  {sign} {candidate.op.client}: {candidate.op.text}: {candidate.why}"
        lines += _wrapped(text, "      ")
    more = len(explanation.candidates) - 6
    if more > 0:
        lines.append(f"    and {more} more in flight, none of which helps")
    if explanation.orders > 1:
        states = ", ".join(explanation.states[:4]) + (", ..." if len(explanation.states) > 4 else "")  # noqa: PLR2004 - a line's worth
        lines += _wrapped(
            f"    tried {explanation.orders} ways to place what was in flight; reached only {states}", "    "
        )
    return lines


def _subs(explanation: Explanation) -> list[str]:
    ops = [explanation.blocked, *(step.op for step in explanation.steps[-4:])]
    lines = []
    for op in ops:
        for sub in op.subs:
            note = f"  → {sub.note}" if sub.note else ""
            lines.append(_cut(f"    {sub.kind} of {op.client}: {' '.join(sub.text.split())}{note}"))
    return ["", *lines] if lines else []


def _foot(history: History) -> list[str]:
    facts = [
        f"{name} {history.meta[name]}" for name in ("workload", "backend", "seed") if name in history.meta
    ]
    lines = []
    if facts:
        lines += _wrapped(", ".join(facts))
    if "replay" in history.meta:
        lines.append(f"replay: {history.meta['replay']}")
    return ["", *lines] if lines else []
