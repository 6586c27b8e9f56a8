"""Counters, floors, rates, queues and locks: classics, right and wrong."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from tests.race.catalogue.base import OnRows, Refused

from planproof.race import call, invariant, operation, parallel


class Counter(OnRows):
    """Correct: a counter with a floor of nought; each change is one step."""

    first: ClassVar = 1
    scenarios: ClassVar = (
        parallel(call("take"), call("take")),
        parallel(call("add"), call("add")),
        parallel(call("take"), call("add")),
    )

    def start(self, rows):
        rows.put("counter", "n", self.first)

    @operation
    def add(self, rows):
        self.change(rows, 1)
        self.acknowledged.append(1)

    @operation
    def take(self, rows):
        self.change(rows, -1)
        self.acknowledged.append(-1)

    def change(self, rows, by):
        with rows.atomically():
            n = rows.get("counter", "n")
            if n + by < 0:
                raise Refused
            rows.put("counter", "n", n + by)

    @invariant
    def never_below_nought(self, rows):
        n = rows.get("counter", "n")
        assert n is None or n >= 0, f"the counter stands at {n}"

    @invariant(when="rest")
    def every_change_counts(self, rows):
        n, due = rows.get("counter", "n"), self.first + sum(self.acknowledged)
        assert n == due, f"the counter stands at {n}, acknowledged changes make {due}"


class LostUpdate(Counter):
    """Read, add, write."""

    def change(self, rows, by):
        n = rows.get("counter", "n")
        if n + by < 0:
            raise Refused
        rows.put("counter", "n", n + by)


class NonAtomicFloor(Counter):
    """Looks at the floor in one step and subtracts in another."""

    def change(self, rows, by):
        if rows.get("counter", "n") + by < 0:
            raise Refused
        with rows.atomically():
            rows.put("counter", "n", rows.get("counter", "n") + by)


class FallsBackToTheFloor(Counter):
    """When the conditional subtraction is refused, sets the floor without a condition."""

    def change(self, rows, by):
        for _ in range(3):
            n = rows.get("counter", "n")
            if rows.swap("counter", "n", n, n + by) and n + by >= 0:
                return
        rows.put("counter", "n", 0)


class SubtractsThenRepairs(Counter):
    """Subtracts first, and puts it back if it went below: who looks in between sees it."""

    def change(self, rows, by):
        with rows.atomically():
            n = rows.get("counter", "n") + by
            rows.put("counter", "n", n)
        if n < 0:
            with rows.atomically():
                rows.put("counter", "n", rows.get("counter", "n") - by)
            raise Refused


class ComesBackToLife(Counter):
    """Nothing asks whether the counter is still there: a change after its removal makes it again."""

    scenarios: ClassVar = (parallel(call("add"), call("remove")),)

    @operation
    def remove(self, rows):
        rows.delete("counter", "n")
        self.acknowledged.append("removed")

    def change(self, rows, by):
        n = rows.get("counter", "n")
        if n is None:
            raise Refused
        rows.put("counter", "n", n + by)

    @invariant
    def never_below_nought(self, rows):
        """Not what this one is about."""

    @invariant(when="rest")
    def every_change_counts(self, rows):
        if "removed" in self.acknowledged:
            assert rows.get("counter", "n") is None, "the counter was removed and is back"


class RetriesWithoutIdempotency(Counter):
    """Reads back after the write and writes again if it does not see its own value: adds twice."""

    def change(self, rows, by):
        for _ in range(3):
            with rows.atomically():
                n = rows.get("counter", "n")
                if n + by < 0:
                    raise Refused
                rows.put("counter", "n", n + by)
            if rows.get("counter", "n") == n + by:
                return


class ReadOutsideTheLock(Counter):
    """Takes the lock for the write only."""

    def change(self, rows, by):
        n = rows.get("counter", "n")
        with rows.atomically():
            if n + by < 0:
                raise Refused
            rows.put("counter", "n", n + by)


class RateLimit(OnRows):
    """Correct: two hits in a window, counted where they are let in."""

    scenarios: ClassVar = (parallel(call("hit"), call("hit")),)

    def start(self, rows):
        rows.put("hits", "ann", 1)

    @operation
    def hit(self, rows):
        self.let_in(rows)
        self.acknowledged.append("hit")

    def let_in(self, rows):
        with rows.atomically():
            hits = rows.get("hits", "ann")
            if hits >= 2:
                raise Refused
            rows.put("hits", "ann", hits + 1)

    @invariant(when="rest")
    def never_more_than_two(self, rows):
        assert len(self.acknowledged) <= 1, f"{1 + len(self.acknowledged)} hits let in, limit 2"


class GetComparePut(RateLimit):
    """Get, compare, put."""

    def let_in(self, rows):
        hits = rows.get("hits", "ann")
        if hits >= 2:
            raise Refused
        rows.put("hits", "ann", hits + 1)


class TokenBucket(OnRows):
    """Correct: tokens and the time of the last refill change together."""

    scenarios: ClassVar = (
        parallel(call("take", now=2), call("take", now=1)),
        parallel(call("take", now=1), call("take", now=2)),
    )

    def start(self, rows):
        rows.put("bucket", "b", [1, 0])

    @operation(now=st.integers(1, 3))
    def take(self, rows, now):
        self.take_one(rows, now)
        self.acknowledged.append(now)

    def take_one(self, rows, now):
        with rows.atomically():
            tokens, last = rows.get("bucket", "b")
            tokens = min(2, tokens + max(0, now - last))
            if tokens < 1:
                raise Refused
            rows.put("bucket", "b", [tokens - 1, max(last, now)])
            self.saw(rows, max(last, now))

    def saw(self, rows, last):
        seen = rows.get("bucket", "seen") or 0
        rows.put("bucket", "seen", max(seen, last))

    @invariant(when="rest")
    def refill_never_goes_back(self, rows):
        assert rows.get("bucket", "b")[1] >= (rows.get("bucket", "seen") or 0), (
            "the last refill went back in time"
        )

    @invariant(when="rest")
    def never_more_than_there_were(self, rows):
        most = 1 + max(self.acknowledged, default=0)
        assert len(self.acknowledged) <= most, f"{len(self.acknowledged)} tokens out of {most}"


class ClockReadBeforeTheLock(TokenBucket):
    """The time is read first and written as it is: a late writer sets the last refill back."""

    def take_one(self, rows, now):
        with rows.atomically():
            tokens, last = rows.get("bucket", "b")
            tokens = min(2, tokens + max(0, now - last))
            if tokens < 1:
                raise Refused
            rows.put("bucket", "b", [tokens - 1, now])
            self.saw(rows, now)


class TwoSwaps(TokenBucket):
    """Refills by one compare-and-set and takes by another on a value that was read before."""

    def take_one(self, rows, now):
        tokens, last = rows.get("bucket", "b")
        filled = [min(2, tokens + max(0, now - last)), max(last, now)]
        rows.swap("bucket", "b", [tokens, last], filled)
        if filled[0] < 1:
            raise Refused
        rows.put("bucket", "b", [filled[0] - 1, filled[1]])
        with rows.atomically():
            self.saw(rows, filled[1])


class Queue(OnRows):
    """Correct: a job goes to one worker."""

    scenarios: ClassVar = (parallel(call("work"), call("work")),)

    def start(self, rows):
        for n in range(2):
            rows.put("job", f"{n}", "due")

    @operation
    def work(self, rows):
        self.acknowledged.append(self.pop(rows))

    def pop(self, rows):
        with rows.atomically():
            due = rows.all("job")
            if not due:
                raise Refused
            rows.delete("job", due[0][0])
            return due[0][0]

    @invariant(when="rest")
    def each_job_once(self, rows):
        assert len(set(self.acknowledged)) == len(self.acknowledged), f"done twice: {self.acknowledged}"


class LooksThenTakes(Queue):
    """Looks at the first job, then takes it away, whoever else did."""

    def pop(self, rows):
        due = rows.all("job")
        if not due:
            raise Refused
        rows.delete("job", due[0][0])
        return due[0][0]


class Mutex(OnRows):
    """Correct: a lock in the store, taken by inserting its row."""

    scenarios: ClassVar = (parallel(call("enter"), call("enter")),)

    @operation
    def enter(self, rows):
        me = self.fresh("c")
        if not self.lock(rows, me):
            raise Refused
        rows.insert("inside", me, "yes")
        rows.get("inside", me)
        rows.delete("inside", me)
        self.unlock(rows, me)

    def lock(self, rows, me):
        return rows.insert("lock", "l", me)

    def unlock(self, rows, me):
        with rows.atomically():
            if rows.get("lock", "l") == me:
                rows.delete("lock", "l")

    @invariant
    def one_at_a_time(self, rows):
        inside = [key for key, _ in rows.all("inside")]
        assert len(inside) <= 1, f"inside at once: {inside}"


class CheckThenLock(Mutex):
    """Looks whether the lock is free, then writes its name into it."""

    def lock(self, rows, me):
        if rows.get("lock", "l") is not None:
            return False
        rows.put("lock", "l", me)
        return True


class UnlocksAnybody(Mutex):
    """Whoever fails to get the lock cleans it up: it belonged to another."""

    def lock(self, rows, me):
        if rows.insert("lock", "l", me):
            return True
        rows.delete("lock", "l")
        return rows.insert("lock", "l", me)


BROKEN = (
    LostUpdate,
    NonAtomicFloor,
    FallsBackToTheFloor,
    SubtractsThenRepairs,
    ComesBackToLife,
    RetriesWithoutIdempotency,
    ReadOutsideTheLock,
    GetComparePut,
    ClockReadBeforeTheLock,
    TwoSwaps,
    LooksThenTakes,
    CheckThenLock,
    UnlocksAnybody,
)
CORRECT = (Counter, RateLimit, TokenBucket, Queue, Mutex)
