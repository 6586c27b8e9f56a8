"""Which operations a page shows, and where on the time line they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planproof.race.explain import explain
from planproof.race.history.operation import Outcome


if TYPE_CHECKING:
    from planproof.race.checker.verdict import Verdict
    from planproof.race.explain import Explanation
    from planproof.race.history.operation import History, Note, Operation


@dataclass(frozen=True, slots=True)
class Bar:
    """One operation on the time line.

    Attributes:
        op: the operation.
        left: column of its call, from 0.
        right: column of its reply, or the last column where it is open to the end.
        open: whether nobody knows when it ended.
        place: its number in the longest valid order, from 1; None where it has none.
        role: ``placed``, ``blocked``, ``candidate``, ``later`` or ``failed``.
    """

    op: Operation
    left: int
    right: int
    open: bool
    place: int | None
    role: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What a page shows.

    Attributes:
        explanation: why the history fails.
        lanes: each client with its bars, clients in the order of their first call.
        columns: how many columns the time line has.
        notes: faults and others, each with its first and last column.
        hidden: operations left out because they lie long before.
    """

    explanation: Explanation
    lanes: tuple[tuple[str, tuple[Bar, ...]], ...]
    columns: int
    notes: tuple[tuple[Note, int, int], ...]
    hidden: int


def lay_out(history: History, verdict: Verdict, *, steps: int) -> Layout:
    """Choose what to show of a failed history.

    Args:
        history: what was checked.
        verdict: that it is not linearizable.
        steps: how many operations of the longest valid order to show, the last ones.
    """
    failure = verdict.failure
    if failure is None:
        raise ValueError("only a verdict with a failure has a page")
    explanation = explain(failure)
    shown = [step.op for step in explanation.steps[-steps:]]
    first_place = explanation.skipped + len(explanation.steps) - len(shown) + 1
    places = {op.id: first_place + number for number, op in enumerate(shown)}
    ops = {op.id: op for op in shown}
    for candidate in explanation.candidates[:12]:
        ops.setdefault(candidate.op.id, candidate.op)
    blocked = explanation.blocked
    ops[blocked.id] = blocked
    since = min((op.call for op in ops.values() if op.id in places or op is blocked), default=blocked.call)
    until = max([blocked.ret or blocked.call, *(op.ret or 0 for op in shown if _timely(op, blocked))])
    notes = [note for note in history.notes if note.at <= until and (note.end or note.at) >= since]
    instants = sorted(_instants(list(ops.values()), notes, since, until))
    column = {at: number for number, at in enumerate(instants)}
    last = len(instants) - 1

    def at(instant: int | None) -> int:
        return last if instant is None or instant > until else column[max(instant, since)]

    lanes: dict[str, list[Bar]] = {}
    for op in sorted(ops.values(), key=lambda op: op.call):
        unknown = op.outcome is not Outcome.OK
        role = "blocked" if op is blocked else "placed" if op.id in places else "candidate"
        end = None if unknown else op.ret
        lanes.setdefault(str(op.client), []).append(
            Bar(op, at(op.call), at(end), unknown, places.get(op.id), role)
        )
    return Layout(
        explanation,
        tuple((client, tuple(bars)) for client, bars in lanes.items()),
        len(instants),
        tuple((note, at(note.at), at(note.end or note.at)) for note in notes),
        first_place - 1,
    )


def _timely(op: Operation, blocked: Operation) -> bool:
    """Whether an operation ends soon enough to be drawn to its end."""
    return op.ret is not None and op.ret <= (blocked.ret or blocked.call)


def _instants(ops: list[Operation], notes: list[Note], since: int, until: int) -> set[int]:
    """Every moment that gets a column of its own."""
    found = {since, until, until + 1}
    for op in ops:
        found.update(moment for moment in (op.call, op.ret) if moment is not None)
    for note in notes:
        found.update(moment for moment in (note.at, note.end) if moment is not None)
    return {moment for moment in found if since <= moment <= until + 1}
