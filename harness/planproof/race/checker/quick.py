"""Answers without a search, where the values are such that the order follows from them.

Each function takes a part and returns a :class:`Refusal`, True (linearizable), or None (cannot tell: search).
They hold only for the models named here, not for classes derived from them. Times are places among the
part's events, so no two are equal.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from planproof.race.checker.answers import NEVER, Answer, Refusal, Times, known
from planproof.race.checker.quick_queue import queue_answer
from planproof.race.history.operation import Operation, show
from planproof.race.models.keyvalue import KeyValue
from planproof.race.models.queues import Queue
from planproof.race.models.registers import CasRegister, Register
from planproof.race.models.sets import GrowSet


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.checker.parts import Part


def quick_answer(part: Part) -> Answer:
    """What can be said of a part without a search; None where it takes one."""
    judge = _JUDGES.get(type(part.model))
    return judge(part) if judge is not None else None


def _first_calls(part: Part, times: Times, values: Callable[[Operation], Any]) -> dict[Any, int]:
    """For each value that is written, the first call that writes it."""
    first: dict[Any, int] = {}
    for index, op in enumerate(part.ops):
        if op.op != "read" and not part.pure[part.letters[index]]:
            first.setdefault(values(op), times.call[index])
    return first


def _register(part: Part) -> Answer:
    """A value is read or compared with success only after somebody called for it to be written."""
    times = Times(part)
    written = _first_calls(part, times, lambda op: op.args[-1])
    initial = part.model.initial()
    for index, op in enumerate(part.ops):
        if not known(op) or op.op == "write" or (op.op == "cas" and op.result is False):
            continue
        value = op.result if op.op == "read" else op.args[0]
        if value != initial and written.get(value, NEVER) > times.ret[index]:
            return Refusal(index, f"nobody had called for {show(value)} to be written when it returned")
    if any(op.op == "cas" for op in part.ops):
        return None
    writes = [(index, op.args[0]) for index, op in enumerate(part.ops) if op.op == "write"]
    reads = [(index, op.result) for index, op in enumerate(part.ops) if op.op == "read"]
    return _zones(times, writes, reads, initial)


def _zones(times: Times, writes: list[tuple[int, Any]], reads: list[tuple[int, Any]], initial: Any) -> Answer:
    """Each value written once: Gibbons and Korach, "Testing shared memories" (1997), section 4.

    A value's operations form a zone from the first reply to the last call. Where the first comes before the
    last (forward), the value is held throughout: such zones cannot overlap, and no other zone fits inside.
    """
    low: dict[Any, int] = {initial: -1}
    high: dict[Any, int] = {initial: -1}
    at: dict[Any, int] = {}
    for index, value in writes:
        if value in low:
            return None
        low[value], high[value], at[value] = times.ret[index], times.call[index], index
    was_read = {initial}
    for index, value in reads:
        low[value] = min(low[value], times.ret[index])
        if high[value] < times.call[index] or value not in at:
            high[value] = max(high[value], times.call[index])
            at[value] = index
        was_read.add(value)
    forward = sorted(
        (low[value], high[value], at.get(value, -1)) for value in low if low[value] < high[value]
    )
    for before, after in pairwise(forward):
        if after[0] < before[1]:
            return Refusal(
                max(before[2], after[2]), "another value was held at every moment at which it could be placed"
            )
    starts = [zone[0] for zone in forward]
    for value, first in low.items():
        if first > high[value] and (value in was_read or first < NEVER):
            place = bisect_left(starts, high[value]) - 1
            if place >= 0 and first < forward[place][1]:
                return Refusal(
                    forward[place][2],
                    f"{show(value)} was written after the value that it returned, and before it",
                )
    return True


def _keyvalue(part: Part) -> Answer:
    """A value that a get shows ends with what somebody called for to be put or appended."""
    times = Times(part)
    if all(op.op != "append" for op in part.ops):
        return _puts(part, times)
    first: dict[Any, int] = {}
    for index, op in enumerate(part.ops):
        if op.op != "get":
            if not isinstance(op.args[1], str) or not op.args[1]:
                return None
            first.setdefault(op.args[1], times.call[index])
    lengths = sorted({len(value) for value in first})
    initial = part.model.initial()
    for index, op in enumerate(part.ops):
        if op.op != "get" or op.result == initial:
            continue
        ret, value = times.ret[index], op.result
        ends = isinstance(value, str) and any(first.get(value[-size:], NEVER) < ret for size in lengths)
        if not ends:
            return Refusal(
                index, f"nobody had called for anything that {show(value)} ends with when it returned"
            )
    return None


def _puts(part: Part, times: Times) -> Answer:
    """Without appends, a key is a register."""
    writes = [(index, op.args[1]) for index, op in enumerate(part.ops) if op.op == "put"]
    reads = [(index, op.result) for index, op in enumerate(part.ops) if op.op == "get"]
    initial = part.model.initial()
    first: dict[Any, int] = {}
    for index, value in writes:
        first.setdefault(value, times.call[index])
    for index, value in reads:
        if value != initial and first.get(value, NEVER) > times.ret[index]:
            return Refusal(index, f"nobody had called for {show(value)} to be put when it returned")
    return _zones(times, writes, reads, initial)


def _set(part: Part) -> Answer:
    """Elements added once and reads of the whole set: the reads must grow, and time must agree.

    Sort the reads by size; the elements that a read shows and the one before it does not were added between
    the two. That order is forced, but for elements between the same two reads. So the history is right where
    no operation was answered before another that must come earlier was called.
    """
    if any(op.op not in {"add", "read"} or op.result is False for op in part.ops):
        return None
    times = Times(part)
    adds: dict[Any, int] = {}
    for index, op in enumerate(part.ops):
        if op.op == "add" and adds.setdefault(op.args[0], index) != index:
            return None
    reads = [(frozenset(op.result or ()), index) for index, op in enumerate(part.ops) if op.op == "read"]
    reads.sort(key=lambda read: len(read[0]))
    blocks = _blocks(reads, adds)
    if isinstance(blocks, Refusal):
        return blocks
    shown = reads[-1][0] if reads else frozenset()
    blocks.append([index for value, index in adds.items() if value not in shown and known(part.ops[index])])
    latest = -1
    for block in blocks:
        for index in block:
            if times.ret[index] < latest:
                return Refusal(index, "it was over before something began that must come earlier")
        latest = max([latest, *(times.call[index] for index in block)])
    return True


def _blocks(reads: list[tuple[frozenset[Any], int]], adds: dict[Any, int]) -> list[list[int]] | Refusal:
    """Reads by growing size, and before each the adds that it is the first to show."""
    blocks: list[list[int]] = []
    shown: frozenset[Any] = frozenset()
    for elements, index in reads:
        if not shown <= elements:
            return Refusal(index, "it misses an element that a smaller read shows")
        fresh = [adds.get(element, -1) for element in elements - shown]
        if -1 in fresh:
            return Refusal(index, "it shows an element that nobody added")
        if fresh:
            blocks.append(fresh)
        if fresh or not blocks:
            blocks.append([])
        blocks[-1].append(index)
        shown = elements
    return blocks


_JUDGES: Final[dict[type, Callable[[Part], Answer]]] = {
    Register: _register,
    CasRegister: _register,
    KeyValue: _keyvalue,
    Queue: queue_answer,
    GrowSet: _set,
}
