"""Sessions, tokens and records: reuse races, resurrection, lost fields, appends after the end."""

from __future__ import annotations

import threading
from typing import ClassVar

from hypothesis import strategies as st
from tests.race.catalogue.base import OnRows, Refused

from planproof.backends import BackendKind
from planproof.race import call, invariant, operation, parallel


class Refresh(OnRows):
    """Correct: a refresh token is good for one successor; a revoked family stays revoked."""

    scenarios: ClassVar = (
        parallel(call("refresh"), call("refresh")),
        parallel(call("refresh"), call("revoke")),
    )

    def start(self, rows):
        rows.put("family", "f", "live")
        rows.put("token", "t0", "fresh")

    @operation
    def refresh(self, rows):
        successor = self.fresh("t1-")
        self.rotate(rows, "t0", successor)
        self.acknowledged.append(successor)

    @operation
    def revoke(self, rows):
        self.end(rows)
        self.acknowledged.append("revoked")

    def rotate(self, rows, token, successor):
        with rows.atomically():
            if rows.get("family", "f") != "live" or rows.get("token", token) != "fresh":
                raise Refused
            rows.put("token", token, "used")
            rows.put("token", successor, "fresh")

    def end(self, rows):
        with rows.atomically():
            rows.put("family", "f", "revoked")
            for key, _ in rows.all("token"):
                rows.put("token", key, "revoked")

    @invariant(when="rest")
    def one_successor(self, rows):
        made = [each for each in self.acknowledged if each != "revoked"]
        assert len(made) <= 1, f"one token bought {len(made)} successors"

    @invariant(when="rest")
    def revoked_stays_revoked(self, rows):
        if "revoked" in self.acknowledged:
            fresh = [key for key, state in rows.all("token") if state == "fresh"]
            assert not fresh, f"revoked, and {fresh} still open it"


class ReuseRace(Refresh):
    """Validates in one step and claims in another: two refreshes at once both succeed."""

    scenarios: ClassVar = (parallel(call("refresh"), call("refresh")),)

    def rotate(self, rows, token, successor):
        if rows.get("token", token) != "fresh":
            raise Refused
        with rows.atomically():
            rows.put("token", token, "used")
            rows.put("token", successor, "fresh")


class RefreshOutlivesRevoke(Refresh):
    """Claims the token by compare-and-set, but looks at the family before.

    What it mints survives the revocation.
    """

    scenarios: ClassVar = (parallel(call("refresh"), call("revoke")),)

    def rotate(self, rows, token, successor):
        if rows.get("family", "f") != "live" or not rows.swap("token", token, "fresh", "used"):
            raise Refused
        rows.put("token", successor, "fresh")


class LoserRevokesTheWinner(Refresh):
    """Whoever loses the race takes it for theft and revokes the family, the winner's child with it."""

    scenarios: ClassVar = (parallel(call("refresh"), call("refresh")),)

    def rotate(self, rows, token, successor):
        with rows.atomically():
            if rows.get("token", token) == "fresh":
                rows.put("token", token, "used")
                rows.put("token", successor, "fresh")
                return
        self.end(rows)
        raise Refused

    @invariant(when="rest")
    def the_winner_stays_logged_in(self, rows):
        if "revoked" not in self.acknowledged:
            dead = [each for each in self.acknowledged if rows.get("token", each) == "revoked"]
            assert not dead, f"nobody revoked it, and {dead} is dead"


class ClaimedTwice(OnRows):
    """A magic link is looked up, then marked: two clicks at once both log in."""

    scenarios: ClassVar = (parallel(call("click"), call("click")),)

    def start(self, rows):
        rows.put("link", "l", "unused")

    @operation
    def click(self, rows):
        self.claim(rows)
        self.acknowledged.append("in")

    def claim(self, rows):
        if rows.get("link", "l") != "unused":
            raise Refused
        rows.put("link", "l", "used")

    @invariant(when="rest")
    def one_use(self, rows):
        assert len(self.acknowledged) <= 1, f"used {len(self.acknowledged)} times"


class ClaimedOnce(ClaimedTwice):
    """Correct: marked by compare-and-set."""

    def claim(self, rows):
        if not rows.swap("link", "l", "unused", "used"):
            raise Refused


class Record(OnRows):
    """Correct: a session with two fields and a log; ended is ended."""

    scenarios: ClassVar = (
        parallel(call("touch"), call("logout")),
        parallel(call("append"), call("logout")),
        parallel(call("rename"), call("touch")),
    )

    def start(self, rows):
        rows.put("session", "s", {"name": 0, "used": 0})

    def changed(self, rows, field):
        with rows.atomically():
            session = rows.get("session", "s")
            if session is None:
                raise Refused
            rows.put("session", "s", {**session, field: session[field] + 1})

    @operation
    def touch(self, rows):
        self.changed(rows, "used")
        self.acknowledged.append("used")

    @operation
    def rename(self, rows):
        self.changed(rows, "name")
        self.acknowledged.append("name")

    @operation
    def logout(self, rows):
        with rows.atomically():
            if not rows.delete("session", "s"):
                raise Refused
            rows.put("end", "s", len(rows.all("log")))
        self.acknowledged.append("out")

    @operation
    def append(self, rows):
        with rows.atomically():
            if rows.get("session", "s") is None:
                raise Refused
            rows.put("log", self.fresh("m"), "text")

    @invariant(when="rest")
    def ended_is_ended(self, rows):
        if "out" in self.acknowledged:
            assert rows.get("session", "s") is None, "logged out, and the session is back"

    @invariant(when="rest")
    def nothing_after_the_end(self, rows):
        if "out" in self.acknowledged:
            due, there = rows.get("end", "s"), len(rows.all("log"))
            assert there == due, f"{there} messages, {due} when it ended"

    @invariant(when="rest")
    def no_field_lost(self, rows):
        session = rows.get("session", "s")
        if session is not None and "out" not in self.acknowledged:
            due = {name: self.acknowledged.count(name) for name in ("name", "used")}
            assert session == due, f"stands {session}, acknowledged {due}"


class SaveAfterDelete(Record):
    """Loads, changes, saves: the slow request brings the session back."""

    def changed(self, rows, field):
        session = rows.get("session", "s")
        if session is None:
            raise Refused
        rows.put("session", "s", {**session, field: session[field] + 1})


class WholeRecordWrite(Record):
    """Makes sure that it is still there, and writes the whole record: a field written meanwhile is lost."""

    scenarios: ClassVar = (parallel(call("rename"), call("touch")),)

    def changed(self, rows, field):
        before = rows.get("session", "s")
        with rows.atomically():
            if before is None or rows.get("session", "s") is None:
                raise Refused
            rows.put("session", "s", {**before, field: before[field] + 1})


class TouchIsAnUpsert(Record):
    """Touches without asking whether the session is there."""

    scenarios: ClassVar = (parallel(call("touch"), call("logout")),)

    def changed(self, rows, field):
        with rows.atomically():
            session = rows.get("session", "s") or {"name": 0, "used": 0}
            rows.put("session", "s", {**session, field: session[field] + 1})


class AppendAfterStateChange(Record):
    """Looks at the state in one step and appends in another."""

    scenarios: ClassVar = (parallel(call("append"), call("logout")),)

    @operation
    def append(self, rows):
        if rows.get("session", "s") is None:
            raise Refused
        rows.put("log", self.fresh("m"), "text")


class Cleanup(OnRows):
    """Correct: what is removed had expired when it was removed."""

    scenarios: ClassVar = (parallel(call("sweep"), call("extend")),)

    def start(self, rows):
        rows.put("session", "s", 0)

    @operation
    def extend(self, rows):
        with rows.atomically():
            if rows.get("session", "s") is None:
                raise Refused
            rows.put("session", "s", 10)
        self.acknowledged.append("extended")

    @operation
    def sweep(self, rows):
        self.remove_expired(rows)

    def remove_expired(self, rows):
        with rows.atomically():
            for key, until in rows.all("session"):
                if until <= 5:
                    rows.delete("session", key)

    @invariant(when="rest")
    def extended_stays(self, rows):
        if self.acknowledged:
            assert rows.get("session", "s") is not None, "extended, and swept away"


class SweepsWhatWasExtended(Cleanup):
    """Lists what has expired, then deletes it by key."""

    def remove_expired(self, rows):
        for key, until in rows.all("session"):
            if until <= 5:
                rows.delete("session", key)


class Idempotency(OnRows):
    """Correct: a request that is repeated pays once."""

    scenarios: ClassVar = (parallel(call("pay", request="r1"), call("pay", request="r1")),)

    @operation(request=st.sampled_from(["r1", "r2"]))
    def pay(self, rows, request):
        self.once(rows, request)

    def once(self, rows, request):
        if rows.insert("request", request, "done"):
            rows.insert("payment", self.fresh(request), "paid")

    @invariant(when="rest")
    def paid_once(self, rows):
        paid = [key[:2] for key, _ in rows.all("payment")]
        assert len(set(paid)) == len(paid), f"paid twice: {paid}"


class LooksUpThenRecords(Idempotency):
    """Looks for the request, does the work, then writes the request down."""

    def once(self, rows, request):
        if rows.get("request", request) is None:
            rows.insert("payment", self.fresh(request), "paid")
            rows.put("request", request, "done")


class Transfer(OnRows):
    """Correct: money moves from one account to the other in one step."""

    scenarios: ClassVar = (parallel(call("move", amount=1), call("move", amount=2)),)

    def start(self, rows):
        rows.put("account", "a", 5)
        rows.put("account", "b", 5)

    @operation(amount=st.integers(1, 2))
    def move(self, rows, amount):
        with rows.atomically():
            self.book(rows, amount)

    def book(self, rows, amount):
        rows.put("account", "a", rows.get("account", "a") - amount)
        rows.put("account", "b", rows.get("account", "b") + amount)

    @invariant
    def nothing_made_or_lost(self, rows):
        total = sum(value for _, value in rows.all("account"))
        assert total == 10, f"the accounts hold {total}, 10 at the start"


class TwoSteps(Transfer):
    """Takes in one step, gives in another."""

    @operation(amount=st.integers(1, 2))
    def move(self, rows, amount):
        for account, by in (("a", -amount), ("b", amount)):
            with rows.atomically():
                rows.put("account", account, rows.get("account", account) + by)


class UniqueName(OnRows):
    """A name is looked for, then taken under an id of its own: two take it."""

    scenarios: ClassVar = (parallel(call("register", name="ann"), call("register", name="ann")),)

    @operation(name=st.sampled_from(["ann", "bob"]))
    def register(self, rows, name):
        self.take(rows, name)

    def take(self, rows, name):
        if any(value == name for _, value in rows.all("user")):
            raise Refused
        rows.insert("user", self.fresh("u"), name)

    @invariant
    def names_are_unique(self, rows):
        names = [value for _, value in rows.all("user")]
        assert len(set(names)) == len(names), f"taken twice: {names}"


class UniqueNameByKey(UniqueName):
    """Correct: the name is the key."""

    def take(self, rows, name):
        if not rows.insert("user", name, name):
            raise Refused


class CrossedLocks(OnRows):
    """Two locks of the application, taken in both orders: sooner or later each waits for the other."""

    backends: ClassVar = (BackendKind.MEMORY, BackendKind.SQLITE)
    scenarios: ClassVar = (parallel(call("forth"), call("back")),)

    def start(self, rows):
        self.a, self.b = threading.Lock(), threading.Lock()

    @operation
    def forth(self, rows):
        with self.a, self.b:
            rows.put("passed", self.fresh("f"), "yes")

    @operation
    def back(self, rows):
        with self.b, self.a:
            rows.put("passed", self.fresh("b"), "yes")

    @invariant(when="rest")
    def somebody_passed(self, rows):
        assert rows.all("passed")


class OrderedLocks(CrossedLocks):
    """Correct: always in one order."""

    @operation
    def back(self, rows):
        with self.a, self.b:
            rows.put("passed", self.fresh("b"), "yes")


BROKEN = (
    ReuseRace,
    RefreshOutlivesRevoke,
    LoserRevokesTheWinner,
    ClaimedTwice,
    SaveAfterDelete,
    WholeRecordWrite,
    TouchIsAnUpsert,
    AppendAfterStateChange,
    SweepsWhatWasExtended,
    LooksUpThenRecords,
    TwoSteps,
    UniqueName,
    CrossedLocks,
)
CORRECT = (Refresh, ClaimedOnce, Record, Cleanup, Idempotency, Transfer, UniqueNameByKey, OrderedLocks)
