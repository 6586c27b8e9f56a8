"""One behaviour on every store: the same calls, the same answers, the same errors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.places import PEPPER, START, System
from tests.unit.sessionkeeper.aws_faults import together

from sessionkeeper import (
    BLOCKLIST_TTL,
    SESSION_LIMIT,
    AuthenticationError,
    ClientMismatchError,
    EndReason,
    InvalidInputError,
    InvalidTokenError,
    Keeper,
    LoginKind,
    ManualClock,
    RequestReplayedError,
    SessionExpiredError,
    SessionLimitReachedError,
    SessionNotFoundError,
    SessionStore,
    StaleSessionError,
    TokenMint,
    TokenReuseError,
    TokenRevokedError,
    WhenFull,
    evict_oldest_session_atomic,
    get_user_sessions,
    hash_token,
    is_token_blocklisted,
)


def reason_of(system, login):
    block = system.store.block_of(hash_token(login.tokens.refresh))
    return block.reason if block else None


def test_many_workers_that_start_at_once_find_one_store(place):
    """Each makes the tables if they are absent; nobody trips over another who is doing so."""
    if place.kind == "memory":
        place.open(ManualClock(START))  # one process, one store
    stores = together(8, lambda _n: place.open(ManualClock(START)))
    assert {type(store) for store in stores} == {type(place.stores[0])}
    keeper = Keeper(stores[0], TokenMint(PEPPER), clock=ManualClock(START))
    for number, store in enumerate(stores):
        store.create(keeper.prepare(f"u{number}", LoginKind.DIRECT)[0])
    assert set(stores[0].users()) == {f"u{number}" for number in range(8)}


def test_every_store_meets_the_protocol(system):
    assert isinstance(system.store, SessionStore)
    assert system.store.limit == SESSION_LIMIT == 5


class TestCreateAndRead:
    def test_a_session_comes_back_as_it_was_written(self, system):
        login = system.login(
            "Änne 🦊", login=LoginKind.OAUTH, client="phone", attributes={"ttl": "count", "role": "naïve 漢"}
        )
        assert system.store.read(login.session.session_id) == login.session
        assert system.store.sessions_of("Änne 🦊") == (login.session,)
        assert login.session.attributes == {"ttl": "count", "role": "naïve 漢"}

    def test_what_was_never_made_is_absent(self, system):
        assert system.store.read("x" * 22) is None
        assert system.store.find("x" * 22) is None
        assert system.store.sessions_of("nobody") == ()
        assert system.store.block_of("0" * 64) is None

    def test_users_do_not_see_each_other(self, system):
        ann, bob = system.login("ann"), system.login("bob")
        assert system.live("ann") == [ann.session.session_id]
        assert system.live("bob") == [bob.session.session_id]

    def test_an_expired_session_reads_as_none_and_does_not_count(self, system):
        old = [system.login() for _ in range(5)]
        system.clock.advance(3600)
        assert system.store.read(old[0].session.session_id) is None
        assert system.store.find(old[0].session.session_id) == old[0].session
        assert system.live() == []
        login = system.login()
        assert system.live() == [login.session.session_id]
        assert reason_of(system, old[0]) is EndReason.EXPIRED


class TestLimit:
    def test_the_sixth_login_ends_the_oldest(self, system):
        logins = [system.login() for _ in range(6)]
        assert logins[5].ended == (logins[0].session,)
        assert system.live() == [login.session.session_id for login in logins[1:]]
        assert reason_of(system, logins[0]) is EndReason.EVICTED
        assert [is_token_blocklisted(system.store, each.tokens.refresh) for each in logins] == [True] + [
            False
        ] * 5

    def test_a_tie_is_broken_by_id(self, system):
        logins = [system.manager.create("ann") for _ in range(5)]  # the clock stands still
        sixth = system.login()
        assert sixth.ended == (min((each.session for each in logins), key=lambda s: s.session_id),)

    def test_all_excess_leaves_when_it_starts_above_the_limit(self, place):
        generous = System.at(place, limit=9)
        logins = [generous.login() for _ in range(9)]
        strict = System.at(place, limit=5, clock=generous.clock)
        newest = strict.login()
        assert newest.ended == tuple(each.session for each in logins[:5])
        assert strict.live() == [*(each.session.session_id for each in logins[5:]), newest.session.session_id]
        assert {session.slot for session in strict.store.sessions_of("ann")} == set(range(5))
        for login in logins[5:]:  # those that moved to another slot are still whole
            assert strict.manager.validate(login.tokens.access).session_id == login.session.session_id
            strict.manager.refresh(login.tokens.refresh)

    def test_eviction_alone_keeps_as_many_as_it_is_told(self, system):
        logins = [system.login() for _ in range(5)]
        assert system.store.evict("ann", keep=2) == tuple(each.session for each in logins[:3])
        assert system.live() == [each.session.session_id for each in logins[3:]]
        assert system.store.evict("ann", keep=2) == ()

    def test_a_newcomer_may_be_refused_instead(self, system):
        for _ in range(5):
            system.login(when_full=WhenFull.REFUSE)
        with pytest.raises(SessionLimitReachedError):
            system.login(when_full=WhenFull.REFUSE)
        assert len(system.live()) == 5

    def test_what_happens_then_may_be_said_by_name_and_in_no_other_way(self, place):
        system = System.at(place, limit=1)
        first = system.login()
        with pytest.raises(SessionLimitReachedError):
            system.login(when_full="refuse")
        for wrong in ("Refuse", "", None, 5):
            with pytest.raises(InvalidInputError):
                system.login(when_full=wrong)
        assert system.live() == [first.session.session_id]
        assert system.login(when_full="evict_oldest").ended == (first.session,)

    def test_fifty_logins_at_once_and_room_for_one(self, place):
        system = System.at(place, limit=1)
        made = together(50, lambda _n: system.manager.create("ann"))
        [live] = system.live()
        ended = [login for login in made if login.session.session_id != live]
        assert len(ended) == 49
        assert {reason_of(system, login) for login in ended} == {EndReason.EVICTED}

    def test_one_session_is_a_limit_too(self, place):
        system = System.at(place, limit=1)
        first, second = system.login(), system.login()
        assert second.ended == (first.session,)
        assert system.live() == [second.session.session_id]

    def test_eviction_and_admission_are_one_call(self, system):
        for _ in range(5):
            system.login()
        newcomer, _ = system.keeper.prepare("ann", LoginKind.DIRECT)
        admission = evict_oldest_session_atomic(system.store, newcomer)
        assert len(admission.ended) == 1
        assert newcomer.session_id in {each.session_id for each in get_user_sessions(system.store, "ann")}


class TestReplacing:
    def test_a_login_ends_the_session_it_came_from(self, system):
        anonymous = system.login("anonymous:1")
        login = system.login("ann", current_token=anonymous.tokens.access)
        assert login.session.session_id != anonymous.session.session_id
        assert login.ended == (anonymous.session,)
        assert system.live("anonymous:1") == []
        assert reason_of(system, anonymous) is EndReason.REPLACED

    def test_it_takes_no_other_place_of_its_user(self, system):
        logins = [system.login() for _ in range(5)]
        again = system.login(current_token=logins[2].tokens.access)
        assert again.ended == (logins[2].session,)
        assert len(system.live()) == 5

    @pytest.mark.parametrize("token", ["x" * 22 + "." + "y" * 43, "short", "", None])
    def test_an_id_that_a_client_made_up_is_never_adopted(self, system, token):
        login = system.login(current_token=token)
        assert login.session.session_id != "x" * 22
        assert login.ended == ()


class TestRepeatedRequests:
    def test_one_session_one_eviction_same_tokens(self, system):
        logins = [system.login() for _ in range(5)]
        first = system.login(request_id="request-1")
        again = [system.login(request_id="request-1") for _ in range(3)]
        assert {each.tokens for each in again} == {first.tokens}
        assert all(each.replayed and each.ended == () for each in again)
        assert len(system.live()) == 5
        assert reason_of(system, logins[0]) is EndReason.EVICTED
        assert reason_of(system, logins[1]) is None

    def test_the_same_request_of_another_user_is_another(self, system):
        ann, bob = system.login("ann", request_id="r"), system.login("bob", request_id="r")
        assert ann.tokens != bob.tokens

    def test_a_session_that_has_ended_is_not_made_again(self, system):
        login = system.login(request_id="r")
        system.manager.revoke("ann", login.session.session_id)
        with pytest.raises(RequestReplayedError):
            system.login(request_id="r")
        assert system.live() == []

    def test_nor_one_that_has_expired_and_was_cleaned_up(self, system):
        system.login(request_id="r")
        system.clock.advance(4000)
        system.store.cleanup()
        with pytest.raises(RequestReplayedError):
            system.login(request_id="r")

    def test_nor_are_tokens_given_out_that_have_moved_on(self, system):
        login = system.login(request_id="r")
        system.manager.refresh(login.tokens.refresh)
        with pytest.raises(RequestReplayedError):
            system.login(request_id="r")


class TestUpdate:
    def test_it_writes_use_expiry_and_attributes(self, system):
        session = system.login().session
        changed = replace(session, last_used_at=session.last_used_at + 5, attributes={"a": "b"})
        written = system.store.update(changed)
        assert written == replace(changed, version=2)
        assert system.store.read(session.session_id) == written

    def test_it_cannot_pass_the_absolute_lifetime_nor_touch_hashes(self, system):
        session = system.login().session
        written = system.store.update(replace(session, expires_at=1e12, refresh_hash="0" * 64, user_id="ann"))
        assert written.expires_at == session.ends_at
        assert written.refresh_hash == session.refresh_hash

    def test_attributes_that_are_too_large_are_refused(self, system):
        session = system.login().session
        with pytest.raises(InvalidInputError):
            system.store.update(replace(session, attributes={"notes": "x" * 400_000}))
        assert system.store.read(session.session_id) == session

    def test_what_was_read_is_the_reader_s_own(self, system):
        given = {"role": "admin"}
        session = system.login(attributes=given).session
        session_id = session.session_id
        given["role"] = "guest"
        session.attributes["role"] = "guest"
        system.store.read(session_id).attributes["role"] = "guest"
        system.store.sessions_of("ann")[0].attributes["role"] = "guest"
        assert system.store.read(session_id).attributes == {"role": "admin"}

    def test_a_version_that_was_not_seen_is_not_overwritten(self, system):
        session = system.login().session
        system.store.update(replace(session, attributes={"first": "1"}))
        with pytest.raises(StaleSessionError):
            system.store.update(replace(session, attributes={"second": "2"}))
        assert system.store.read(session.session_id).attributes == {"first": "1"}

    def test_a_session_that_is_gone_is_not_made_again(self, system):
        session = system.login().session
        system.store.delete(session.session_id)
        with pytest.raises(SessionNotFoundError):
            system.store.update(replace(session, attributes={"a": "b"}))
        assert system.live() == []

    def test_an_expired_one_is_not_extended(self, system):
        session = system.login().session
        system.clock.advance(3601)
        with pytest.raises(SessionNotFoundError):
            system.store.update(replace(session, expires_at=session.expires_at + 9000))


class TestDelete:
    def test_it_ends_the_session_and_blocks_its_token_once(self, system):
        login = system.login()
        assert system.store.delete(login.session.session_id) is True
        assert system.store.delete(login.session.session_id) is False
        assert reason_of(system, login) is EndReason.REVOKED
        with pytest.raises(InvalidTokenError):
            system.manager.validate(login.tokens.access)
        with pytest.raises(TokenRevokedError):
            system.manager.refresh(login.tokens.refresh)

    def test_all_or_all_others(self, system):
        logins = [system.login() for _ in range(4)]
        other = system.login("bob")
        ended = system.manager.revoke_others(logins[1].tokens.access)
        assert ended == (logins[0].session, logins[2].session, logins[3].session)
        assert system.manager.revoke_all("ann") == (logins[1].session,)
        assert system.manager.revoke_all("ann") == ()
        assert system.live("bob") == [other.session.session_id]

    def test_everybody_s_and_not_only_the_expired(self, system):
        logins = [system.login(user) for user in ("ann", "bob", "bob", "用户")]
        system.clock.advance(3600)
        logins += [system.login(user) for user in ("carol", "ann")]
        assert sorted(system.store.users()) == sorted({"ann", "bob", "carol", "用户"})
        assert system.manager.revoke_everyone() == 2
        assert system.store.users() == ()
        for login in logins:
            with pytest.raises(AuthenticationError):
                system.manager.validate(login.tokens.access)
            with pytest.raises(AuthenticationError):
                system.manager.refresh(login.tokens.refresh)


class TestRotation:
    def test_the_next_pair_opens_and_the_old_one_does_not(self, system):
        login = system.login()
        refreshed = system.manager.refresh(login.tokens.refresh)
        assert refreshed.session.session_id == login.session.session_id
        assert system.manager.validate(refreshed.tokens.access).version >= 2
        with pytest.raises(InvalidTokenError):
            system.manager.validate(login.tokens.access)
        assert reason_of(system, login) is EndReason.ROTATED
        assert len(system.live()) == 1

    def test_within_the_grace_window_the_same_successor(self, system):
        login = system.login()
        first = system.manager.refresh(login.tokens.refresh)
        system.clock.advance(9.9)
        again = system.manager.refresh(login.tokens.refresh)
        assert again.replayed
        assert again.tokens == first.tokens

    @pytest.mark.parametrize("grace", [0, 10])
    def test_after_it_the_session_ends(self, place, grace):
        system = System.at(place, refresh_grace_seconds=grace)
        login = system.login()
        successor = system.manager.refresh(login.tokens.refresh)
        system.clock.advance(grace)
        with pytest.raises(TokenReuseError):
            system.manager.refresh(login.tokens.refresh)
        assert system.live() == []
        with pytest.raises(TokenRevokedError):
            system.manager.refresh(successor.tokens.refresh)
        with pytest.raises(InvalidTokenError):
            system.manager.validate(successor.tokens.access)

    def test_another_machine_whose_clock_is_a_little_behind_gives_the_same_successor(self, place):
        """Two tabs refresh at once on two machines: a clock that lags by half a second makes no thief."""
        ahead = System.at(place, clock=ManualClock(START))
        behind = System.at(place, clock=ManualClock(START - 0.5))
        login = ahead.login()
        first = ahead.manager.refresh(login.tokens.refresh)
        assert behind.manager.refresh(login.tokens.refresh).tokens == first.tokens
        assert len(behind.live()) == 1

    def test_no_clock_makes_a_window_of_none_or_one_without_end(self, place):
        for grace, late in ((0, 0.5), (10, 11)):
            ahead = System.at(place, clock=ManualClock(START), refresh_grace_seconds=grace)
            if place.kind == "memory":
                continue  # one process, one clock
            behind = System.at(place, clock=ManualClock(START - late), refresh_grace_seconds=grace)
            login = ahead.login()
            ahead.manager.refresh(login.tokens.refresh)
            with pytest.raises(TokenReuseError):
                behind.manager.refresh(login.tokens.refresh)
            assert ahead.live() == []

    def test_the_grandparent_is_a_replay_even_within_the_window(self, system):
        login = system.login()
        child = system.manager.refresh(login.tokens.refresh)
        system.manager.refresh(child.tokens.refresh)
        with pytest.raises(TokenReuseError):
            system.manager.refresh(login.tokens.refresh)

    def test_a_guess_with_a_known_id_changes_nothing(self, system):
        login = system.login()
        with pytest.raises(InvalidTokenError):
            system.manager.refresh(login.session.session_id + "." + "A" * 43)
        with pytest.raises(InvalidTokenError):
            system.manager.refresh(login.tokens.access)
        assert system.manager.refresh(login.tokens.refresh)

    def test_a_token_is_bound_to_its_client(self, system):
        login = system.login(client="phone")
        with pytest.raises(ClientMismatchError):
            system.manager.refresh(login.tokens.refresh, client="laptop")
        assert system.manager.refresh(login.tokens.refresh, client="phone")

    def test_an_expired_session_is_not_refreshed(self, system):
        login = system.login()
        system.clock.advance(3600)
        with pytest.raises(SessionExpiredError):
            system.manager.refresh(login.tokens.refresh)
        system.store.cleanup()
        with pytest.raises(SessionExpiredError):
            system.manager.refresh(login.tokens.refresh)

    def test_refreshing_does_not_pass_the_absolute_lifetime(self, place):
        system = System.at(place, absolute_lifetime_seconds=7200)
        login = system.login()
        for _ in range(3):
            system.clock.advance(1800)
            login = system.manager.refresh(login.tokens.refresh)
        assert login.session.expires_at == login.session.ends_at
        system.clock.advance(1800)
        with pytest.raises(SessionExpiredError):
            system.manager.refresh(login.tokens.refresh)


class TestBlocklistAndClaims:
    def test_a_block_is_remembered_for_thirty_days(self, system):
        login = system.login()
        system.store.delete(login.session.session_id)
        system.clock.advance(BLOCKLIST_TTL - 1)
        assert is_token_blocklisted(system.store, login.tokens.refresh)
        system.clock.advance(1)
        assert not is_token_blocklisted(system.store, login.tokens.refresh)

    def test_a_key_is_taken_once_and_again_only_by_its_owner(self, system):
        until = system.clock.now() + 60
        assert system.store.claim("link", "ann", until)
        assert not system.store.claim("link", "bob", until)
        assert system.store.claim("link", "ann", until)


class TestCleanup:
    def test_it_removes_only_what_has_expired(self, system):
        old = [system.login(user) for user in ("ann", "bob")]
        system.clock.advance(3000)
        young = system.login("ann")
        system.clock.advance(700)
        assert system.store.cleanup().sessions == 2
        assert system.store.find(old[0].session.session_id) is None
        assert system.store.find(young.session.session_id) == young.session
        assert system.store.cleanup().sessions == 0

    def test_it_works_in_batches(self, system):
        for number in range(5):
            system.login(f"user{number}")
        system.clock.advance(4000)
        assert [system.store.cleanup(batch=2).sessions for _ in range(4)] == [2, 2, 1, 0]

    def test_a_clock_set_back_brings_nothing_back(self, system):
        login = system.login()
        system.clock.advance(3600)
        assert system.store.read(login.session.session_id) is None
        system.clock.advance(-3600)
        assert system.store.read(login.session.session_id) is None
