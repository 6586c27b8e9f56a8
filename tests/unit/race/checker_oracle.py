"""The judge of the judge: Wing and Gong's search with Lowe's memory, written as plainly as it can be.

No partitions unless asked for, nothing is greedy, nothing is symmetric. An unknown operation is a call
without a reply: it may be placed anywhere after its call, or never.
"""

from __future__ import annotations

from planproof.race.history import UNKNOWN, Outcome


class Entry:
    """A call or a reply in a doubly linked list."""

    __slots__ = ("back", "before", "behind", "index", "op")

    def __init__(self, op, index, back=None):
        self.op = op
        self.index = index
        self.back = back
        self.before = self.behind = None


def linked(operations):
    """The list's head; a call knows its reply in ``back`` (None where there is none)."""
    events = []
    for index, op in enumerate(operations):
        call = Entry(op, index)
        events.append((op.call, 0, index, call))
        if op.outcome is Outcome.OK:
            call.back = Entry(op, index)
            events.append((op.ret, 1, index, call.back))
    events.sort(key=lambda event: event[:3])
    head = last = Entry(None, -1)
    for *_, entry in events:
        last.behind, entry.before = entry, last
        last = entry
    return head


def lift(entry):
    """Take a call and its reply out of the list."""
    for gone in (entry, entry.back):
        if gone is not None:
            gone.before.behind = gone.behind
            if gone.behind is not None:
                gone.behind.before = gone.before


def unlift(entry):
    """Put them back where they were."""
    for gone in (entry.back, entry):
        if gone is not None:
            gone.before.behind = gone
            if gone.behind is not None:
                gone.behind.before = gone


IN_FLIGHT = "in flight"
"""Error text of an operation that may be left out, but if not, then with the result that it has."""


def result_of(op):
    """The result that an operation must have where it is placed."""
    return op.result if op.outcome is Outcome.OK or op.error == IN_FLIGHT else UNKNOWN


def step_one(model, state, op):
    """The state after an operation of a model whose states follow from one another; None if not allowed."""
    allowed, after = model.step(state, op.op, op.args, result_of(op))
    return (after,) if allowed else None


def step_all(model, states, op):
    """The same for a model that branches: all states at once."""
    result = result_of(op)
    after = frozenset(new for state in states for new in model.branches(state, op.op, op.args, result))
    return (after,) if after else None


def is_linearizable(operations, model, *, branching=False):
    """Whether these operations have a legal order; failed ones are to be left out before."""
    step = step_all if branching else step_one
    state = frozenset([model.initial()]) if branching else model.initial()
    head = linked(operations)
    placed = 0
    seen = set()
    stack = []
    entry = head.behind
    while entry is not None:
        if entry.back is not None or entry.op.outcome is not Outcome.OK:
            after = step(model, state, entry.op)
            more = placed | 1 << entry.index
            if after is not None and (more, after[0]) not in seen:
                seen.add((more, after[0]))
                stack.append((entry, state, placed))
                state, placed = after[0], more
                lift(entry)
                entry = head.behind
            else:
                entry = entry.behind
        else:
            if not stack:
                return False
            entry, state, placed = stack.pop()
            unlift(entry)
            entry = entry.behind
    return True


def plain_wgl(history, model, *, partitioned=True, branching=False):
    """Wing-Gong-Lowe over a history, part by part where the model has parts."""
    parts = {}
    whole = not partitioned
    for op in history.operations:
        if op.outcome is Outcome.FAIL:
            continue
        key = None if whole else model.partition(op.op, op.args)
        parts.setdefault(key, []).append(op)
    if None in parts and len(parts) > 1:
        return plain_wgl(history, model, partitioned=False, branching=branching)
    return all(is_linearizable(part, model, branching=branching) for part in parts.values())
