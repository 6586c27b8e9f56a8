"""Real defects of other projects' session limits (cases 1 to 10), each a test that names its source."""

from __future__ import annotations

import json

import pytest
from tests.reference.load import run
from tests.reference.meeting import bad, good, together
from tests.reference.places import System
from tests.unit.sessionkeeper.aws_faults import Wire
from tests.variants.eviction import open_variant

from sessionkeeper import (
    AuthenticationError,
    EndReason,
    LoginKind,
    SessionLimitReachedError,
    WhenFull,
    create_session_with_limit_enforcement,
    hash_token,
    open_store,
)


LOOKS = {"GetItem", "Query", "Scan"}


def test_case_01_spring_security_3121_simultaneous_logins_pass_the_limit(place):
    """SEC-2905, open since 2015: count, then register later."""
    report = run(open_store, place.url, namespace=place.namespace, users=("ann",), logins=5, limit=1)
    assert report.wrongs() == []
    assert report.observed <= 1


def test_case_02_keycloak_14689_removing_one_per_login_never_converges(place):
    generous = System.at(place, limit=25)
    for _ in range(25):
        generous.login()
    strict = System.at(place, limit=5, clock=generous.clock)
    strict.login()
    assert len(strict.live()) == 5


def test_case_03_open_transcribe_632_one_create_brings_it_to_the_limit(place):
    """1,364 active sessions against a maximum of 5, because eviction took exactly one."""
    generous = System.at(place, limit=12)
    logins = [generous.login() for _ in range(12)]
    strict = System.at(place, limit=5, clock=generous.clock)
    assert len(strict.login().ended) == 8
    assert len(strict.live()) == 5
    assert all(strict.store.block_of(hash_token(each.tokens.refresh)) for each in logins[:8])


def test_case_04_kibana_151800_the_count_comes_from_no_index_that_lags(place, system):
    """What was acknowledged is counted at once, and on DynamoDB every look is strongly consistent."""
    wire = Wire(system.store._client) if place.kind == "dynamodb" else None
    for number in range(1, 5):
        login = system.login()
        assert len(system.live()) == number
        assert system.live()[-1] == login.session.session_id
    if wire is not None:
        looks = [json.loads(body) for name, body in zip(wire.sent, wire.bodies, strict=True) if name in LOOKS]
        assert looks
        assert all(each["ConsistentRead"] and "IndexName" not in each for each in looks)


def test_case_05_keycloak_38016_the_victim_is_the_oldest(system):
    logins = [system.manager.create("ann") for _ in range(5)]  # all at one instant
    expected = sorted(each.session.session_id for each in logins)
    for session_id in expected:
        assert [each.session_id for each in system.login().ended] == [session_id]


def test_case_06_keycloak_16663_two_browsers_at_the_same_step(place):
    """The limit is judged at the write: whoever was let through an earlier step is judged again."""
    system = System.at(place, limit=1)
    outcomes = together(*[lambda: system.manager.create("ann", when_full=WhenFull.REFUSE)] * 6)
    assert len(good(outcomes)) == 1
    assert {type(each) for each in bad(outcomes)} == {SessionLimitReachedError}


def test_case_07_keycloak_44474_a_refusal_is_no_failed_login(place):
    system = System.at(place, limit=1)
    system.login()
    with pytest.raises(SessionLimitReachedError) as caught:
        system.login(when_full=WhenFull.REFUSE)
    assert not isinstance(caught.value, AuthenticationError)
    assert caught.value.http_status == 409


def test_case_08_keycloak_50673_a_canary_for_the_limiter(place):
    """A limiter that has stopped working is noticed: the same check fails on one that was taken out."""
    system = System.at(place, limit=2)
    for _ in range(2):
        system.login(when_full=WhenFull.REFUSE)
    with pytest.raises(SessionLimitReachedError):
        system.login(when_full=WhenFull.REFUSE)
    broken = open_variant("count_then_insert")("memory://", clock=system.clock, limit=2)
    for _ in range(3):
        session, _ = system.keeper.prepare("bob", LoginKind.DIRECT)
        broken.create(session, when_full=WhenFull.REFUSE)  # lets a third one in instead of refusing


def test_case_09_prep_pilot_372_count_then_write(system):
    """Also openfactcheck#43, on DynamoDB: the same gap between counting and writing."""
    outcomes = together(*[lambda: create_session_with_limit_enforcement(system.keeper, "ann")] * 10)
    assert bad(outcomes) == []
    assert len(system.live()) == 5
    ended = [session for each in outcomes for session in each.ended]
    assert len(ended) == len({session.session_id for session in ended}) == 5


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_case_10_backend_ai_10838_n_means_n(place, limit):
    """0 that meant 1, N that meant N + 1 (ansible/jewel 45), and expired rows that counted."""
    system = System.at(place, limit=limit)
    for number in range(limit):
        system.login()
        assert len(system.live()) == number + 1
    assert len(system.login().ended) == 1
    system.clock.advance(3600)  # all expired: they count no more, and nobody is evicted for them
    login = system.login()
    reasons = {system.store.block_of(each.refresh_hash).reason for each in login.ended}
    assert reasons == {EndReason.EXPIRED}
    assert len(system.live()) == 1
