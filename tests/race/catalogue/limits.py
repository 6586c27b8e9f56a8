"""A user holds at most two sessions: designs that hold, and designs that only look right."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from tests.race.catalogue.base import OnRows, Refused

from planproof.race import call, invariant, operation, parallel


LIMIT = 2
USERS = ("ann", "bob")


class SessionLimit(OnRows):
    """Correct: count, evict and insert are one step."""

    scenarios: ClassVar = (parallel(call("login", user="ann"), call("login", user="ann")),)
    already: ClassVar = 1

    def start(self, rows):
        for _ in range(self.already):
            rows.put("session", self.fresh("ann/"), "live")

    def live(self, rows, user):
        return [key for key, _ in rows.all("session") if key.startswith(f"{user}/")]

    @operation(user=st.sampled_from(USERS))
    def login(self, rows, user):
        session = self.fresh(f"{user}/")
        self.admit(rows, user, session)
        self.acknowledged.append(session)

    def admit(self, rows, user, session):
        with rows.atomically():
            for old in self.live(rows, user)[: 1 - LIMIT or None]:
                self.evict(rows, old)
            rows.put("session", session, "live")

    def evict(self, rows, old):
        gone = rows.delete("session", old)
        rows.insert("blocked", old, "evicted")
        return gone

    @invariant
    def never_over_the_limit(self, rows):
        for user in USERS:
            held = self.live(rows, user)
            assert len(held) <= LIMIT, f"{user} holds {len(held)} live sessions, limit {LIMIT}"

    @invariant(when="rest")
    def acknowledged_is_live_or_blocked(self, rows):
        live = {key for key, _ in rows.all("session")}
        blocked = {key for key, _ in rows.all("blocked")}
        assert not live & blocked, f"both live and blocked: {sorted(live & blocked)}"
        lost = set(self.acknowledged) - live - blocked
        assert not lost, f"acknowledged and gone: {sorted(lost)}"


class CountThenInsert(SessionLimit):
    """Counts, then inserts; refuses when full."""

    def admit(self, rows, user, session):
        if len(self.live(rows, user)) >= LIMIT:
            raise Refused
        rows.put("session", session, "live")


class GuardsTheVictim(SessionLimit):
    """Below the limit a plain put, at the limit a swap that is atomic.

    The count itself is guarded by nothing.
    """

    def admit(self, rows, user, session):
        held = self.live(rows, user)
        if len(held) < LIMIT:
            rows.put("session", session, "live")
            return
        with rows.atomically():
            if not self.evict(rows, held[0]):
                raise Refused
            rows.put("session", session, "live")


class GuardsTheVictimAndRetries(GuardsTheVictim):
    """The same, tried again when the victim is gone: no error is ever seen."""

    already: ClassVar = 1

    def admit(self, rows, user, session):
        for _ in range(5):
            try:
                super().admit(rows, user, session)
            except Refused:
                continue
            return
        raise Refused


class EvictAfterInsert(SessionLimit):
    """Inserts, then removes the excess: right at the end, wrong in between."""

    already: ClassVar = LIMIT

    def admit(self, rows, user, session):
        rows.put("session", session, "live")
        for old in self.live(rows, user)[:-LIMIT]:
            self.evict(rows, old)


class EvictsOneOnly(SessionLimit):
    """Evicts exactly one, however many there are: started above the limit it never comes down."""

    already: ClassVar = LIMIT

    def start(self, rows):
        super().start(rows)
        rows.put("limit", "was", LIMIT + 2)
        for _ in range(2):
            rows.put("session", self.fresh("bob/"), "live")
        rows.put("session", self.fresh("bob/"), "live")

    scenarios: ClassVar = (parallel(call("login", user="bob"), call("login", user="bob")),)

    @invariant
    def never_over_the_limit(self, rows):
        """Over from the start; what counts is what a login leaves."""

    @invariant(when="rest")
    def a_login_brings_it_to_the_limit(self, rows):
        for user in USERS:
            if any(each.startswith(user) for each in self.acknowledged):
                assert len(self.live(rows, user)) <= LIMIT, f"{user} still holds {len(self.live(rows, user))}"

    def admit(self, rows, user, session):
        with rows.atomically():
            held = self.live(rows, user)
            if len(held) >= LIMIT:
                self.evict(rows, held[0])
            rows.put("session", session, "live")


class UncheckedEviction(SessionLimit):
    """Two logins evict the same victim, and neither asks whether it was still there."""

    already: ClassVar = LIMIT

    def admit(self, rows, user, session):
        held = self.live(rows, user)
        if len(held) >= LIMIT:
            self.evict(rows, held[0])
        with rows.atomically():
            rows.put("session", session, "live")


class StaleIndex(SessionLimit):
    """Counts through an index that is brought up to date after the write."""

    def start(self, rows):
        super().start(rows)
        rows.put("index", "ann", 1)

    def admit(self, rows, user, session):
        with rows.atomically():
            if (rows.get("index", user) or 0) >= LIMIT:
                raise Refused
            rows.put("session", session, "live")
        with rows.atomically():
            rows.put("index", user, (rows.get("index", user) or 0) + 1)


class CounterBesideTheRows(SessionLimit):
    """A counter that is right, and rows that are written in another step.

    Evictions forget to count down together.
    """

    def start(self, rows):
        super().start(rows)
        rows.put("count", "ann", 1)

    def admit(self, rows, user, session):
        with rows.atomically():
            count = rows.get("count", user) or 0
            if count < LIMIT:
                rows.put("count", user, count + 1)
        if count >= LIMIT:
            for old in self.live(rows, user)[:1]:
                self.evict(rows, old)
        rows.put("session", session, "live")


class ChecksAtTheDoor(SessionLimit):
    """The limit is checked when the login begins, not where the session is written."""

    scenarios: ClassVar = (
        parallel(
            [call("begin", user="ann"), call("login", user="ann")],
            [call("begin", user="ann"), call("login", user="ann")],
        ),
    )

    @operation(user=st.sampled_from(USERS))
    def begin(self, rows, user):
        if len(self.live(rows, user)) < LIMIT:
            rows.insert("ticket", self.fresh(f"{user}/"), "open")

    def admit(self, rows, user, session):
        with rows.atomically():
            tickets = [key for key, _ in rows.all("ticket") if key.startswith(user)]
            if not tickets:
                raise Refused
            rows.delete("ticket", tickets[0])
            rows.put("session", session, "live")


class BlocksLater(SessionLimit):
    """Takes the victim away in one step and blocks its token in a later one that is skipped when it is busy.

    Takes the victim away in one step and blocks its token in a later one that is skipped when it is busy.
    """

    already: ClassVar = LIMIT

    def evict(self, rows, old):
        return rows.delete("session", old)

    def admit(self, rows, user, session):
        with rows.atomically():
            victims = self.live(rows, user)[: 1 - LIMIT or None]
            for old in victims:
                self.evict(rows, old)
            rows.put("session", session, "live")
        if self.live(rows, user)[-1:] == [session]:
            for old in victims:
                rows.insert("blocked", old, "evicted")


class SwallowsErrors(SessionLimit):
    """The list of sessions is empty when it cannot be read: the limit fails open."""

    def live_or_nothing(self, rows, user):
        if not rows.insert("reading", user, "busy"):
            return []
        held = self.live(rows, user)
        rows.delete("reading", user)
        return held

    already: ClassVar = LIMIT

    def admit(self, rows, user, session):
        held = self.live_or_nothing(rows, user)
        with rows.atomically():
            for old in held[: 1 - LIMIT or None]:
                self.evict(rows, old)
            rows.put("session", session, "live")


BROKEN = (
    CountThenInsert,
    GuardsTheVictim,
    GuardsTheVictimAndRetries,
    EvictAfterInsert,
    EvictsOneOnly,
    UncheckedEviction,
    StaleIndex,
    CounterBesideTheRows,
    ChecksAtTheDoor,
    BlocksLater,
    SwallowsErrors,
)
CORRECT = (SessionLimit,)
