"""Why a history is not linearizable: the longest valid order, and why nothing can follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planproof.race.checker.search import OutOfMemoryError, Search
from planproof.race.history.operation import Outcome
from planproof.race.history.values import UNKNOWN


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.race.checker.parts import Part
    from planproof.race.checker.verdict import Failure
    from planproof.race.history.operation import Operation


WHOLE: Final = 20_000
"""Up to how many events the order is traced from the first; in a longer history from a checkpoint."""
QUOTA: Final = 3_000_000
MOST: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the longest valid order.

    Attributes:
        op: the operation.
        before: the state before it, for people.
        after: the state after it.
    """

    op: Operation
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation in flight that is not in the order.

    Attributes:
        op: the operation.
        fits: whether the model would allow it next.
        why: why it cannot follow, or what it would lead to.
    """

    op: Operation
    fits: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where and why a history stops being linearizable.

    Attributes:
        key: the part that fails; None where there is one part only.
        blocked: the operation whose reply no order explains.
        steps: the longest valid order of what came before, or its end.
        skipped: operations of the order before the first step shown.
        state: the state after the last step.
        candidates: each operation that could come next, and why it cannot or does not help.
        states: every state in which the blocked operation could have been placed.
        orders: how many ways of placing the operations in flight were tried at that reply.
        prefix: how many calls stand in the shortest failing prefix.
        traced: False where the search had to give up, so that there are no steps.
    """

    key: Any
    blocked: Operation
    steps: tuple[Step, ...]
    skipped: int
    state: str
    candidates: tuple[Candidate, ...]
    states: tuple[str, ...]
    orders: int
    prefix: int
    traced: bool = True


def explain(failure: Failure) -> Explanation:
    """Trace how the search got to a failure.

    Args:
        failure: of a verdict.
    """
    part = failure.part
    search = Search(part, MOST, keep=True)
    start = 0
    if failure.start is not None and failure.event is not None and failure.event > WHOLE:
        start, frontier, states = failure.start
        search.resume(start, frontier, states)
    done: bool | None = None
    try:
        while done is None and search.looked < QUOTA:
            done = search.advance(QUOTA)
    except OutOfMemoryError:
        done = None
    if done is not False or search.failed is None:
        return _untraced(part, failure)
    return _traced(part, search, start)


def _untraced(part: Part, failure: Failure) -> Explanation:
    op = part.ops[failure.op]
    state = part.model.describe(part.model.initial())
    why = "no order of any operations makes this reply possible"
    return Explanation(
        part.key, op, (), 0, state, (Candidate(op, fits=False, why=why),), (), 0, len(part.ops), traced=False
    )


def _traced(part: Part, search: Search, start: int) -> Explanation:
    assert search.kept is not None
    assert search.failed is not None
    seen = search.kept[-1][2]
    binding = (1 << search.binding_slots) - 1
    # The longest: most operations with a reply in it, and of those the one with the fewest unknown ones.
    best = max(seen, key=lambda c: ((c & binding).bit_count(), -(c & search.unknown_mask).bit_count()))
    hops = list(_hops(search, start, best))
    hops.reverse()
    steps, owners = _steps(part, search, start, hops)
    table = search.table
    describe = table.model.describe
    actual = table.states[best >> search.width]
    if table.model is not part.model and start == 0:
        steps, actual = _retold(part, steps)
    skipped = sum(event < 0 for event in part.events[:start])
    states = tuple(dict.fromkeys(describe(table.states[c >> search.width]) for c in seen))
    return Explanation(
        part.key,
        part.ops[search.failed],
        tuple(steps),
        skipped,
        part.model.describe(actual),
        tuple(_candidates(part, search, best, owners, actual)),
        states,
        len(seen),
        sum(event >= 0 for event in part.events[: search.position]),
    )


def _hops(search: Search, start: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Each change of configuration from the last to the first: event, before, after."""
    assert search.kept is not None
    seen = search.kept[-1][2]
    at = start + len(search.kept) - 1
    c = last
    while seen[c] >= 0:
        yield at, seen[c], c
        c = seen[c]
    while at > start:
        at -= 1
        frontier, found, seen = search.kept[at - start]
        event = search.part.events[at]
        bit = search.bits[event if event >= 0 else ~event]
        if event >= 0:
            if c & bit and c ^ bit in frontier:
                yield at, c ^ bit, c
                c ^= bit
            continue
        if c | bit in frontier:
            c |= bit
            continue
        before = found[c]
        if before & bit:
            c = before
        else:
            yield at, before, c | bit
            c = before
        while seen[c] >= 0:
            yield at, seen[c], c
            c = seen[c]


def _steps(
    part: Part, search: Search, start: int, hops: list[tuple[int, int, int]]
) -> tuple[list[Step], dict[int, int]]:
    """The operations placed by each hop, in order; and who has which slot at the end."""
    owners: dict[int, int] = {}
    for event in part.events[:start]:
        if event >= 0:
            owners[search.bits[event]] = event
    steps = []
    left = iter([*hops, (len(part.events), 0, 0)])
    at, before, after = next(left)
    describe, states = search.table.model.describe, search.table.states
    for now in range(start, search.position + 1):
        event = part.events[now]
        if event >= 0:
            owners[search.bits[event]] = event
        while at == now:
            placed = [owners[bit] for bit in _bits(after & ~before & ((1 << search.width) - 1))]
            placed.sort(key=lambda index: part.pure[part.letters[index]])
            state = describe(states[before >> search.width])
            for index in placed:
                then = describe(states[after >> search.width])
                steps.append(Step(part.ops[index], state, then))
                state = then
            at, before, after = next(left)
    return steps, owners


def _bits(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def _retold(part: Part, steps: list[Step]) -> tuple[list[Step], Any]:
    """The same steps in the states of the whole model, where the search used a reduced one."""
    model = part.model
    state = model.initial()
    told = []
    for step in steps:
        _, after = model.step(state, step.op.op, step.op.args, _result(step.op))
        told.append(Step(step.op, model.describe(state), model.describe(after)))
        state = after
    return told, state


def _result(op: Operation) -> Any:
    return op.result if op.outcome is Outcome.OK else UNKNOWN


def _candidates(
    part: Part, search: Search, c: int, owners: dict[int, int], actual: Any
) -> Iterator[Candidate]:
    """The blocked operation first, then the others in flight that are not placed."""
    failed = search.failed
    assert failed is not None
    model = part.model
    here = model.describe(actual)
    in_flight = {bit for pairs in search.pending.values() for _, bit in pairs}
    in_flight |= {bit for mask in search.waiting.values() for bit in _bits(mask)}
    in_flight |= {bit for bits in search.unknown.values() for bit in bits}
    waiting = sorted(owners[bit] for bit in in_flight if not c & bit and bit in owners)
    blocked = part.ops[failed].text
    for index in [failed, *(index for index in waiting if index != failed)]:
        op = part.ops[index]
        after = [state for state in model.branches(actual, op.op, op.args, _result(op)) if state != actual]
        if after:
            then = ", ".join(model.describe(state) for state in after)
            yield Candidate(
                op, fits=True, why=f"would lead to {then}; from there too nothing lets {blocked} return so"
            )
        elif tuple(model.branches(actual, op.op, op.args, _result(op))):
            yield Candidate(
                op, fits=True, why=f"would leave the state at {here}, which does not help {blocked}"
            )
        else:
            said = op.reply if op.outcome is Outcome.OK else "it"
            yield Candidate(op, fits=False, why=f"{said} is not allowed where the state is {here}")
