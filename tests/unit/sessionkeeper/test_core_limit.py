"""The session limit's own functions and its error (S0.T003, T007, T008, T011, T013)."""

from __future__ import annotations

import copy
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkeeper import (
    BLOCK_SORT_KEY,
    BLOCKLIST_TTL,
    SESSION_LIMIT,
    Keeper,
    LoginKind,
    ManualClock,
    Patience,
    RaceReason,
    SessionExpiredError,
    SessionKeeperError,
    SessionLimitRaceError,
    SessionManager,
    StoreUnavailableError,
    TokenMint,
    TokenRevokedError,
    block_key,
    create_session_with_limit_enforcement,
    evict_oldest_session_atomic,
    get_user_sessions,
    hash_token,
    is_token_blocklisted,
    open_store,
    refresh_access_tokens,
)
from sessionkeeper.stores import sql


@pytest.fixture(params=["memory", "sqlite"])
def keeper(request, tmp_path):
    clock = ManualClock()
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'sessions.db'}"
    store = open_store(url, clock=clock)
    yield Keeper(store, TokenMint(b"p" * 32), clock=clock)
    store.close()


def test_the_constants():
    assert SESSION_LIMIT == 5
    assert BLOCKLIST_TTL == 30 * 24 * 3600
    assert (block_key("abc"), BLOCK_SORT_KEY) == ("BLOCK#refresh#abc", "BLOCK")


class TestSessionLimitRaceError:
    """T003."""

    def test_it_is_retriable_and_says_why(self):
        error = SessionLimitRaceError("ann", RaceReason.EVICTED_MEANWHILE, retry_after=2)
        assert isinstance(error, SessionKeeperError)
        assert error.retriable
        assert (error.user_id, error.reason, error.retry_after) == ("ann", RaceReason.EVICTED_MEANWHILE, 2)
        assert (error.code, error.http_status) == ("session_limit_race", 503)
        assert "evicted_meanwhile" in str(error)

    @pytest.mark.parametrize("through", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
    def test_it_crosses_processes_whole(self, through):
        error = through(SessionLimitRaceError("ann", RaceReason.BUSY))
        assert (error.user_id, error.reason) == ("ann", RaceReason.BUSY)


class TestEvictOldestSessionAtomic:
    """T007."""

    def newcomer(self, keeper):
        return keeper.prepare("ann", LoginKind.DIRECT)[0]

    def test_below_the_limit_nobody_leaves(self, keeper):
        for expected in range(1, 6):
            assert evict_oldest_session_atomic(keeper.store, self.newcomer(keeper)).ended == ()
            assert len(get_user_sessions(keeper.store, "ann")) == expected

    def test_at_the_limit_the_oldest_leaves_and_is_blocked(self, keeper):
        seated = []
        for _ in range(6):
            keeper.clock._source.advance(1)
            seated.append(evict_oldest_session_atomic(keeper.store, self.newcomer(keeper)))
        assert seated[5].ended == (seated[0].session,)
        block = keeper.store.block_of(seated[0].session.refresh_hash)
        assert block.expires_at - block.blocked_at == BLOCKLIST_TTL

    @pytest.mark.parametrize("keeper", ["sqlite"], indirect=True)
    def test_it_is_all_or_nothing(self, keeper, monkeypatch):
        for _ in range(5):
            evict_oldest_session_atomic(keeper.store, self.newcomer(keeper))
        before = get_user_sessions(keeper.store, "ann")
        monkeypatch.setattr(sql, "block_row_of", lambda block: ("one value too few",))
        with pytest.raises(StoreUnavailableError):
            evict_oldest_session_atomic(keeper.store, self.newcomer(keeper))
        assert get_user_sessions(keeper.store, "ann") == before

    @given(st.lists(st.sampled_from(["login", "logout", "tick", "expire"]), max_size=40))
    def test_whatever_happens_the_oldest_live_one_leaves(self, steps):
        clock = ManualClock()
        keeper = Keeper(open_store("memory://", clock=clock, limit=3), TokenMint(b"p" * 32), clock=clock)
        alive = []  # (created, id), what a reader of the rule would expect
        for step in steps:
            clock.advance({"tick": 1, "expire": 1801}.get(step, 0))
            alive = [each for each in alive if clock.now() - each[0] < 3600]
            if step == "logout" and alive:
                gone = random.Random(len(steps)).choice(alive)
                keeper.store.delete(gone[1])
                alive.remove(gone)
            if step == "login":
                session = self.newcomer(keeper)
                ended = evict_oldest_session_atomic(keeper.store, session).ended
                victims = sorted(alive)[: max(0, len(alive) - 2)]
                assert [s.session_id for s in ended if not s.expired(clock.now())] == [v[1] for v in victims]
                alive = [each for each in alive if each not in victims] + [(clock.now(), session.session_id)]
            assert [s.session_id for s in get_user_sessions(keeper.store, "ann")] == [
                s for _, s in sorted(alive)
            ]


class TestCreateSessionWithLimitEnforcement:
    """T008."""

    def test_a_race_that_was_lost_is_run_again(self, keeper, monkeypatch):
        real, calls = keeper.store.create, []

        def lose_twice(session, **options):
            calls.append(session.session_id)
            if len(calls) < 3:
                raise SessionLimitRaceError("ann", RaceReason.CONFLICT)
            return real(session, **options)

        monkeypatch.setattr(keeper.store, "create", lose_twice)
        login = create_session_with_limit_enforcement(keeper, "ann")
        assert calls == [login.session.session_id] * 3  # the same session each time, not another

    def test_a_race_lost_for_good_is_told(self, keeper, monkeypatch):
        def lose(session, **_):
            raise SessionLimitRaceError(session.user_id, RaceReason.SLOT_TAKEN)

        monkeypatch.setattr(keeper.store, "create", lose)
        impatient = Keeper(keeper.store, keeper.mint, clock=keeper.clock, patience=Patience(attempts=2))
        with pytest.raises(SessionLimitRaceError) as caught:
            create_session_with_limit_enforcement(impatient, "ann")
        assert caught.value.reason is RaceReason.SLOT_TAKEN

    def test_a_lost_reply_costs_nobody_a_session(self, keeper, monkeypatch):
        for _ in range(5):
            keeper.clock._source.advance(1)
            create_session_with_limit_enforcement(keeper, "ann")
        second_oldest = get_user_sessions(keeper.store, "ann")[1]
        real = keeper.store.create

        def lose_the_reply(session, **options):
            real(session, **options)
            raise StoreUnavailableError("the reply was lost")

        monkeypatch.setattr(keeper.store, "create", lose_the_reply)
        with pytest.raises(StoreUnavailableError):
            create_session_with_limit_enforcement(keeper, "ann", request_id="r1")
        monkeypatch.setattr(keeper.store, "create", real)
        login = create_session_with_limit_enforcement(keeper, "ann", request_id="r1")
        live = get_user_sessions(keeper.store, "ann")
        assert login.replayed
        assert len(live) == 5
        assert live[0] == second_oldest
        assert SessionManager(keeper).validate(login.tokens.access)


class TestBlocklist:
    """T011."""

    def test_an_evicted_token_is_refused_before_anything_else_is_asked(self, keeper, monkeypatch):
        login = create_session_with_limit_enforcement(keeper, "ann")
        keeper.store.evict("ann", keep=0)
        assert is_token_blocklisted(keeper.store, login.tokens.refresh)
        monkeypatch.setattr(keeper.store, "find", lambda _: pytest.fail("asked for the session first"))
        monkeypatch.setattr(keeper.store, "rotate", lambda _: pytest.fail("rotated"))
        with pytest.raises(TokenRevokedError) as caught:
            refresh_access_tokens(keeper, login.tokens.refresh)
        assert caught.value.http_status == 401

    def test_a_store_that_is_down_is_not_taken_for_no(self, keeper, monkeypatch):
        login = create_session_with_limit_enforcement(keeper, "ann")

        def down(_):
            raise StoreUnavailableError("down")

        monkeypatch.setattr(keeper.store, "block_of", down)
        with pytest.raises(StoreUnavailableError):
            is_token_blocklisted(keeper.store, login.tokens.refresh)
        with pytest.raises(StoreUnavailableError):
            refresh_access_tokens(keeper, login.tokens.refresh)

    def test_an_expired_one_says_that_it_expired(self, keeper):
        login = create_session_with_limit_enforcement(keeper, "ann")
        keeper.clock._source.advance(3600)
        keeper.store.cleanup()
        assert keeper.store.block_of(hash_token(login.tokens.refresh)).reason == "expired"
        with pytest.raises(SessionExpiredError):
            refresh_access_tokens(keeper, login.tokens.refresh)
