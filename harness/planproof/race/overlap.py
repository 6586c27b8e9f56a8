"""How much the operations of different clients really overlapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:
    from planproof.race.history import History, Operation


class Overlap(NamedTuple):
    """Overlap of one history.

    Attributes:
        pairs: overlapping pairs of operations of different clients.
        in_flight: the most operations at one moment.
        operation_seconds: durations of all operations together.
        busy_seconds: seconds in which at least one operation ran.
    """

    pairs: int
    in_flight: int
    operation_seconds: float
    busy_seconds: float


def measure(history: History) -> Overlap:
    """Measure by a sweep over calls and returns; an operation without a return lasts to the end."""
    last = max((max(op.call, op.ret or 0) for op in history.operations), default=0)
    events = sorted(
        [(op.call, 1, op) for op in history.operations]
        + [(_end(op, last), 0, op) for op in history.operations],
        key=lambda event: (event[0], event[1]),
    )
    pairs = most = running = 0
    total = busy = since = 0
    for at, begins, op in events:
        if begins:
            pairs += running
            running += 1
            most = max(most, running)
            if running == 1:
                since = at
        else:
            running -= 1
            total += at - op.call
            if running == 0:
                busy += at - since
    return Overlap(pairs, most, total / 1e9, busy / 1e9)


def _end(op: Operation, last: int) -> int:
    # An operation that returned in the very nanosecond of its call still comes before the next one's call.
    return last + 1 if op.ret is None else max(op.ret, op.call + 1)


def order_of(history: History) -> int:
    """A number for the order of calls and returns: equal orders have equal numbers."""
    events = sorted(
        [(op.call, 1, index) for index, op in enumerate(history.operations)]
        + [(op.ret, 0, index) for index, op in enumerate(history.operations) if op.ret is not None]
    )
    names = [(str(op.client), op.op, op.args) for op in history.operations]
    return hash(tuple((kind, names[index]) for _, kind, index in events))
