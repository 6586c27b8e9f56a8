"""Real defects: sessions back from the dead, lost updates, cleanup and expiry (cases 20 to 28)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.meeting import bad, good, together
from tests.reference.places import System
from tests.unit.sessionkeeper.aws_faults import Room
from tests.variants import lifecycle

from sessionkeeper import (
    BLOCKLIST_TTL,
    AuthenticationError,
    InvalidTokenError,
    LoginKind,
    SessionLimitRaceError,
    SessionNotFoundError,
    StaleSessionError,
    TokenReuseError,
)
from sessionkeeper.data_access.exceptions import ItemNotFoundError
from sessionkeeper.data_access.sessions_repository import SessionsRepository


def test_case_20_django_21608_saving_after_the_end_makes_no_session(system):
    session = system.login().session
    system.manager.revoke("ann", session.session_id)
    with pytest.raises(SessionNotFoundError):
        system.store.update(replace(session, attributes={"cart": "full"}))
    assert system.store.find(session.session_id) is None
    assert system.live() == []


def test_case_21_express_session_632_a_slow_request_ends_after_the_logout(place):
    """Also connect-redis#328: a request has read its session, the eviction comes, the request writes."""
    system = System.at(place, limit=1)
    login = system.login()
    seen = system.store.read(login.session.session_id)
    system.login()  # evicts it
    with pytest.raises(SessionNotFoundError):
        system.store.update(replace(seen, last_used_at=system.clock.now()))
    assert len(system.live()) == 1
    with pytest.raises(InvalidTokenError):
        system.manager.validate(login.tokens.access)


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/x.db"])
def test_case_21_fails_on_a_store_that_writes_back_what_it_holds(url, tmp_path, system):
    store = lifecycle.open_variant("upserting_update")(url.format(tmp_path), clock=system.clock)
    session, _ = system.keeper.prepare("ann", LoginKind.DIRECT)
    session = store.create(session).session
    store.delete(session.session_id)
    store.update(session)
    assert store.sessions_of("ann")  # back from the dead, which is what the test above would see


def test_case_22_better_auth_11073_a_revocation_is_final_and_at_once(place):
    """Also better-auth#6893: no cache keeps a revoked session alive for another program."""
    here = System.at(place)
    there = System.at(place, clock=here.clock)
    login = here.login()
    there.manager.validate(login.tokens.access)
    here.manager.revoke("ann", login.session.session_id)
    with pytest.raises(AuthenticationError):
        there.manager.validate(login.tokens.access)
    with pytest.raises(AuthenticationError):
        there.manager.refresh(login.tokens.refresh)
    assert there.live() == []


@pytest.mark.dynamodb
def test_case_23_voice_of_customer_332_an_update_is_an_upsert(dynamodb_backend):
    """Every touch says attribute_exists; the fourth document's methods had this hole."""
    repository = SessionsRepository(Room(dynamodb_backend.url).client)
    touches = (
        lambda: repository.mark_session_inactive("ghost"),
        lambda: repository.update_speaker_connection("ghost", "connection"),
        lambda: repository.increment_listener_count("ghost"),
        lambda: repository.decrement_listener_count("ghost"),
    )
    for touch in touches:
        with pytest.raises(ItemNotFoundError):
            touch()
    assert not repository.session_exists("ghost")


def test_case_24_flask_session_71_no_update_is_lost_in_silence(system):
    """AzzMTZ/session-handler#48: 25 writes, 24 lost, all answered with 200."""
    session_id = system.login().session.session_id

    def write(number):
        while True:
            seen = system.store.read(session_id)
            try:
                return system.store.update(replace(seen, attributes={**seen.attributes, f"key{number}": "x"}))
            except (StaleSessionError, SessionLimitRaceError):
                continue  # told so, and hence able to write again

    assert bad(together(*[lambda number=number: write(number) for number in range(8)])) == []
    assert set(system.store.read(session_id).attributes) == {f"key{number}" for number in range(8)}


def test_case_24_and_the_loser_is_told(system):
    seen = system.login().session
    system.store.update(replace(seen, attributes={"first": "1"}))
    with pytest.raises(StaleSessionError):
        system.store.update(replace(seen, attributes={"second": "2"}))


def test_case_25_next_auth_8897_no_older_pair_is_given_out_after_a_newer_one(system):
    """A reply that sets an old cookie late would log the user out; the version says which reply is newer."""
    login = system.login()
    second = system.manager.refresh(login.tokens.refresh)
    third = system.manager.refresh(second.tokens.refresh)
    assert login.session.version < second.session.version < third.session.version
    with pytest.raises(TokenReuseError):
        system.manager.refresh(login.tokens.refresh)  # not the second pair again: that one is spent


def test_case_26_spring_session_93_cleanup_spares_what_was_just_extended(system, monkeypatch):
    login = system.login()
    system.clock.advance(3599)
    real = system.store._expired_users

    def and_then_it_is_extended(now, batch):
        return real(now, batch) or ["ann"]  # found expired by a look that is stale by now

    monkeypatch.setattr(system.store, "_expired_users", and_then_it_is_extended)
    system.manager.validate(login.tokens.access)
    system.clock.advance(2)
    assert system.store.cleanup().sessions == 0
    assert system.manager.validate(login.tokens.access)


def test_case_26_while_others_extend_and_clean_up_at_once(system):
    logins = [system.manager.create(f"user{number}") for number in range(4)]
    system.clock.advance(3599)
    outcomes = together(
        *[lambda each=each: system.manager.validate(each.tokens.access) for each in logins],
        *[system.store.cleanup] * 4,
    )
    assert bad(outcomes) == []
    assert sum(statistics.sessions for statistics in outcomes[4:]) == 0
    assert all(len(system.live(f"user{number}")) == 1 for number in range(4))


def test_case_27_spring_session_2786_the_store_expires_when_the_session_does(system):
    session = system.login().session
    system.clock.advance(session.expires_at - system.clock.now() - 0.001)
    assert system.store.read(session.session_id) == session
    system.clock.advance(0.001)
    assert system.store.read(session.session_id) is None
    assert system.live() == []


def test_case_27_spring_session_1327_two_logins_change_one_id(system):
    anonymous = system.login("anonymous:1")
    outcomes = together(
        lambda: system.manager.create("ann", current_token=anonymous.tokens.access),
        lambda: system.manager.create("bob", current_token=anonymous.tokens.access),
    )
    assert len(good(outcomes)) == 2
    assert sum(anonymous.session in each.ended for each in outcomes) == 1  # it ends once
    assert system.live("anonymous:1") == []
    assert [len(system.live(user)) for user in ("ann", "bob")] == [1, 1]


def test_case_28_redis_rate_limiter_1_nothing_is_kept_for_ever(system):
    """A key without an expiry locked users out for good; spring-session#3357 is the same for sessions."""
    login = system.login()
    system.store.claim("link", "ann", system.clock.now() + 60)
    system.manager.revoke("ann", login.session.session_id)
    block = system.store.block_of(login.session.refresh_hash)
    assert block.expires_at == block.blocked_at + BLOCKLIST_TTL
    if isinstance(getattr(system.store, "_table", None), str):
        pages = system.store._client.scan(TableName=system.store._table)["Items"]
        kept = [item for item in pages if item["SK"]["S"] in {"BLOCK", "CLAIM"}]
        assert len(kept) == 2
        assert all(float(item["ttl"]["N"]) > system.clock.now() for item in kept)
        return  # DynamoDB removes them by that attribute
    system.clock.advance(BLOCKLIST_TTL)
    assert system.store.cleanup().blocks == 1
    assert system.store.claim("link", "bob", system.clock.now() + 60)
