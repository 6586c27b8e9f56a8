"""Logins race logins: nobody ever holds more than five live sessions, and no acknowledged session is lost.

``SessionLimit`` runs the reference implementation; ``CountThenInsert`` and ``EvictAfterInsert`` run broken
variants on which the race must fail; ``Placebo`` runs the variants' machinery with nothing broken.
"""

from __future__ import annotations

import time
from typing import ClassVar

from hypothesis import strategies as st
from tests.variants.eviction import open_variant

from planproof.backends import BackendKind
from planproof.race import Workload, call, invariant, operation, parallel
from sessionkeeper import (
    SESSION_LIMIT,
    Keeper,
    Patience,
    SessionLimitRaceError,
    TokenMint,
    create_session_with_limit_enforcement,
    get_user_sessions,
)


USERS = ("ann", "bob")


class WorkloadClock:
    """The session keeper's clock protocol over the workload's clock, whose skew a fault may set."""

    def __init__(self, read):
        self._read = read

    def now(self):
        return self._read()


class Sessions:
    """The system under test, and what it acknowledged."""

    def __init__(self, store, clock):
        patience = Patience(sleep=lambda s: time.sleep(s), monotonic=lambda: time.monotonic())  # noqa: PLW0108 - looked up late, so that the scheduler's virtual time applies
        self.keeper = Keeper(store, TokenMint(b"p" * 32), clock=clock, patience=patience)
        self.store = store
        self.acknowledged = {}

    def login(self, user):
        session = create_session_with_limit_enforcement(self.keeper, user).session
        self.acknowledged[session.session_id] = session
        return session.session_id

    def close(self):
        self.store.close()


class SessionLimit(Workload):
    """The reference implementation."""

    clients: ClassVar = 6
    steps: ClassVar = 4
    expected: ClassVar = (SessionLimitRaceError,)
    backends: ClassVar = (BackendKind.MEMORY, BackendKind.SQLITE)
    scenarios: ClassVar = (parallel(call("login", user="ann"), call("login", user="ann")),)
    variant: ClassVar = "correct"
    already: ClassVar = SESSION_LIMIT - 1

    def open(self, backend):
        clock = WorkloadClock(self.clock)
        store = open_variant(self.variant)(backend.url, clock=clock, namespace=backend.namespace)
        return Sessions(store, clock)

    def setup(self, system):
        """One short of the limit, where one more is allowed and two are not."""
        for _ in range(self.already):
            system.login("ann")

    @operation(user=st.sampled_from(USERS))
    def login(self, system, user):
        return system.login(user)

    @invariant
    def never_over_the_limit(self, system):
        for user in USERS:
            live = get_user_sessions(system.store, user)
            assert len(live) <= SESSION_LIMIT, (
                f"{user} holds {len(live)} live sessions, limit {SESSION_LIMIT}"
            )

    @invariant(when="rest")
    def acknowledged_is_live_or_blocked(self, system):
        live = {each.session_id for user in USERS for each in get_user_sessions(system.store, user)}
        for session_id, session in list(system.acknowledged.items()):
            blocked = system.store.block_of(session.refresh_hash) is not None
            assert blocked or session_id in live, f"session {session_id} was acknowledged and is gone"
            assert not (blocked and session_id in live), f"session {session_id} is live and blocked"
        unknown = live - set(system.acknowledged)
        assert not unknown, f"{len(unknown)} live sessions that no login was told of"


class CountThenInsert(SessionLimit):
    """Broken: two logins that count at once both find a free place."""

    variant: ClassVar = "count_then_insert"


class EvictAfterInsert(SessionLimit):
    """Broken: right at the end of every login, wrong in between."""

    variant: ClassVar = "evict_after_insert"
    already: ClassVar = SESSION_LIMIT


class Placebo(SessionLimit):
    """The broken variants' machinery with nothing broken."""

    variant: ClassVar = "placebo"


TestSessionLimit = SessionLimit.TestCase
