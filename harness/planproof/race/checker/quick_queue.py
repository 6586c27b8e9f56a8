"""Queues whose elements are enqueued once are judged without a search, lost replies and all.

Where every reply came: Henzinger, Sezgin and Vafeiadis, "Aspect-oriented linearizability proofs" (2013). A
history is wrong exactly where an element is dequeued that was not enqueued, or twice, or out of order, or
where the queue is found empty though at every moment something was in it.

A dequeue whose reply was lost may have taken any element that nobody else took, at any moment after its call,
and then it binds nobody: its own end is open. So all that counts is that there are enough of them in time. An
element that nobody was seen to take must be gone before one that was surely enqueued after it comes out, and
before the queue is found empty: that is its deadline. There is a way to deal the lost dequeues out exactly
where for each moment no more elements are due by then than lost dequeues were called (Hall's condition, which
for deadlines is a count).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from planproof.race.checker.answers import NEVER, Answer, Refusal, Times, known
from planproof.race.history.operation import show


if TYPE_CHECKING:
    from planproof.race.checker.parts import Part


def queue_answer(part: Part) -> Answer:
    """Judge a queue; None where an element is enqueued twice."""
    enqueued: dict[Any, int] = {}
    for index, op in enumerate(part.ops):
        if op.op == "enqueue" and enqueued.setdefault(op.args[0], index) != index:
            return None
    times = Times(part)
    dequeued: dict[Any, int] = {}
    empty, lost = [], []
    for index, op in enumerate(part.ops):
        if op.op != "dequeue":
            continue
        if not known(op):
            lost.append(times.call[index])
        elif op.result is None:
            empty.append(index)
        else:
            source = enqueued.get(op.result)
            if source is None or times.call[source] > times.ret[index]:
                return Refusal(
                    index, f"nobody had called for {show(op.result)} to be enqueued when it returned"
                )
            if op.result in dequeued:
                return Refusal(index, f"{show(op.result)} was dequeued twice")
            dequeued[op.result] = index
    return _Queue(part, times, enqueued, dequeued, sorted(lost)).judge(empty)


class _Queue:
    """The elements of a queue, in places among the events.

    A moment is named by the event before it.

    Args:
        part: the operations.
        times: of the operations.
        enqueued: element -> its enqueue.
        dequeued: element -> the dequeue that was seen to take it.
        lost: when each dequeue without a reply was called, in order.
    """

    def __init__(
        self,
        part: Part,
        times: Times,
        enqueued: dict[Any, int],
        dequeued: dict[Any, int],
        lost: list[int],
    ) -> None:
        self._part = part
        self._times = times
        self._lost = lost
        self._seen = [(index, dequeued[value]) for value, index in enqueued.items() if value in dequeued]
        ret = times.ret
        # Those that nobody was seen to take, by the reply of their enqueue.
        self._owner = {
            ret[index]: index
            for value, index in enqueued.items()
            if value not in dequeued and ret[index] < NEVER
        }
        self._left = sorted(self._owner)
        # For the dequeues that were seen, by the call of the element's enqueue: the first that is over of
        # those that come then or later.
        self._starts = sorted((times.call[index], out) for index, out in self._seen)
        self._first: list[int] = [-1] * len(self._starts)
        best = -1
        for place in range(len(self._starts) - 1, -1, -1):
            out = self._starts[place][1]
            if best < 0 or ret[out] < ret[best]:
                best = out
            self._first[place] = best

    def judge(self, empty: list[int]) -> Answer:
        """What is wrong, or True."""
        return self._in_order() or self._enough() or self._found_empty(empty) or True

    def _overtaking(self, done: int) -> int:
        """Of what was called to be enqueued after ``done``, the dequeue that is over first; -1 for none."""
        place = bisect_right(self._starts, (done, NEVER))
        return self._first[place] if place < len(self._first) else -1

    def _in_order(self) -> Refusal | None:
        """No element overtakes another that was surely enqueued before it and was seen to be dequeued."""
        call, ret = self._times.call, self._times.ret
        for index, out in self._seen:
            other = self._overtaking(ret[index]) if ret[index] < NEVER else -1
            if other >= 0 and ret[other] < call[out]:
                return Refusal(
                    other,
                    f"it overtook {self._element(index)}, which was enqueued before it and dequeued after it",
                )
        return None

    def _enough(self) -> Refusal | None:
        """There are lost dequeues enough, in time, for the elements that were overtaken."""
        due = []
        for done in self._left:
            other = self._overtaking(done)
            if other >= 0:
                due.append((self._times.ret[other] - 1, done, other))
        due.sort()
        self._due = [(last, done) for last, done, _ in due]
        for count, (last, done, other) in enumerate(due, 1):
            if self._called(last) < count:
                more = ", and too few dequeues without a reply were called before" if self._lost else ""
                what = self._element(self._owner[done])
                return Refusal(
                    other,
                    f"it overtook {what}, which was enqueued before it and nobody was seen to dequeue{more}",
                )
        return None

    def _element(self, index: int) -> str:
        """What an enqueue put in, for people."""
        return show(self._part.ops[index].args[0])

    def _called(self, moment: int) -> int:
        """How many lost dequeues were called by then."""
        return bisect_right(self._lost, moment)

    def _found_empty(self, empty: list[int]) -> Refusal | None:
        """A dequeue that finds nothing needs a moment at which nothing need be in the queue."""
        call, ret = self._times.call, self._times.ret
        spans = sorted((ret[index], call[out]) for index, out in self._seen if ret[index] < call[out])
        merged: list[list[int]] = []
        for begin, end in spans:
            if merged and begin < merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([begin, end])
        starts = [span[0] for span in merged]
        possible: dict[int, bool] = {}
        for index in empty:
            moment = call[index]
            while moment < ret[index]:
                place = bisect_right(starts, moment) - 1
                if place >= 0 and merged[place][1] > moment:
                    moment = merged[place][1]
                    continue
                if moment not in possible:
                    possible[moment] = self._can_be_empty(moment)
                if possible[moment]:
                    break
                moment += 1
            else:
                return Refusal(index, "something was in the queue at every moment of it")
        return None

    def _can_be_empty(self, moment: int) -> bool:
        """Whether lost dequeues can have taken by then all that was left, with enough for later."""
        gone = bisect_right(self._left, moment)
        if gone > self._called(moment):
            return False
        for last, done in self._due:
            if done > moment:
                gone += 1
                if gone > self._called(last):
                    return False
        return True
