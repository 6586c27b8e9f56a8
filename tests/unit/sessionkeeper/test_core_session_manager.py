"""TEST_002: the manager (S1.SC-005 to SC-008) and what a user may do with their own sessions."""

from __future__ import annotations

import pytest

from sessionkeeper import (
    InvalidInputError,
    InvalidTokenError,
    Keeper,
    ManualClock,
    Patience,
    SessionExpiredError,
    SessionForbiddenError,
    SessionLimitRaceError,
    SessionManager,
    SessionNotFoundError,
    SessionSettings,
    StaleSessionError,
    TokenMint,
    TokenRevokedError,
    open_store,
)
from sessionkeeper.errors import RaceReason


PEPPER = b"a pepper for tests, 32 bytes long"


class World:
    def __init__(self, **settings):
        self.clock = ManualClock(1_000_000.0)
        self.store = open_store("memory://", clock=self.clock)
        self.keeper = Keeper(self.store, TokenMint(PEPPER), SessionSettings(**settings), self.clock)
        self.manager = SessionManager(self.keeper)


def test_sc_005_a_new_session_has_the_right_expiry():
    world = World(timeout_seconds=900)
    session = world.manager.create("ann").session
    assert session.expires_at == 1_000_900.0
    assert session.ends_at == 1_000_000.0 + 30 * 86400


def test_sc_006_an_expired_session_fails_validation():
    world = World(sliding=False)
    login = world.manager.create("ann")
    world.clock.advance(3599.9)
    world.manager.validate(login.tokens.access)
    world.clock.advance(0.1)
    with pytest.raises(SessionExpiredError):
        world.manager.validate(login.tokens.access)


def test_sc_007_use_updates_the_timestamp_and_moves_the_expiry():
    world = World()
    login = world.manager.create("ann")
    world.clock.advance(3000)
    session = world.manager.validate(login.tokens.access)
    assert (session.last_used_at, session.expires_at) == (1_003_000.0, 1_006_600.0)
    assert world.store.read(session.session_id) == session
    world.clock.advance(3000)
    world.manager.validate(login.tokens.access)


def test_without_sliding_use_moves_nothing():
    world = World(sliding=False)
    login = world.manager.create("ann")
    world.clock.advance(3000)
    assert world.manager.validate(login.tokens.access) == login.session


def test_use_is_not_written_more_often_than_it_should_be():
    world = World(touch_interval_seconds=60)
    login = world.manager.create("ann")
    world.clock.advance(59)
    assert world.manager.validate(login.tokens.access).version == 1
    world.clock.advance(1)
    assert world.manager.validate(login.tokens.access).version == 2


def test_the_absolute_lifetime_holds_however_much_a_session_is_used():
    world = World(absolute_lifetime_seconds=7200)
    login = world.manager.create("ann")
    for _ in range(3):
        world.clock.advance(2000)
        world.manager.validate(login.tokens.access)
    world.clock.advance(1200)
    with pytest.raises(SessionExpiredError):
        world.manager.validate(login.tokens.access)


def test_sc_008_the_timeout_follows_the_configuration():
    for timeout in (60, 3600, 86400):
        world = World(timeout_seconds=timeout)
        login = world.manager.create("ann")
        world.clock.advance(timeout - 1)
        world.manager.validate(login.tokens.access)
        world.clock.advance(timeout)
        with pytest.raises(SessionExpiredError):
            world.manager.validate(login.tokens.access)


def test_a_clock_set_back_brings_no_session_back():
    world = World()
    login = world.manager.create("ann")
    world.clock.advance(3600)
    with pytest.raises(SessionExpiredError):
        world.manager.validate(login.tokens.access)
    world.clock.advance(-3600)
    with pytest.raises(SessionExpiredError):
        world.manager.validate(login.tokens.access)


def test_users_list_and_end_their_own_sessions_only():
    world = World()
    mine, other = world.manager.create("ann").session, world.manager.create("bob").session
    assert world.manager.list_sessions("ann") == (mine,)
    with pytest.raises(SessionForbiddenError):
        world.manager.revoke("ann", other.session_id)
    with pytest.raises(SessionNotFoundError):
        world.manager.revoke("ann", "x" * 22)
    with pytest.raises(InvalidInputError):
        world.manager.revoke("ann", "../etc/passwd")
    world.manager.revoke("ann", mine.session_id)
    with pytest.raises(SessionNotFoundError):
        world.manager.revoke("ann", mine.session_id)
    assert world.manager.list_sessions("bob") == (other,)


def test_a_user_ends_all_others_or_all():
    world = World()
    first, second, third = (world.manager.create("ann") for _ in range(3))
    other = world.manager.create("bob").session

    ended = world.manager.revoke_others(second.tokens.access)

    assert {session.session_id for session in ended} == {first.session.session_id, third.session.session_id}
    assert world.manager.list_sessions("ann") == (second.session,)
    assert world.manager.revoke_all("ann") == (second.session,)
    assert world.manager.list_sessions("ann") == ()
    assert world.manager.list_sessions("bob") == (other,)


def test_whoever_runs_the_service_ends_everybody_s():
    world = World()
    logins = [world.manager.create(user) for user in ("ann", "bob", "bob")]
    assert world.manager.revoke_everyone() == 3
    for login in logins:
        with pytest.raises(TokenRevokedError):
            world.manager.refresh(login.tokens.refresh)
    assert world.manager.revoke_everyone() == 0


def test_a_logout_ends_the_session_of_the_token():
    world = World()
    login = world.manager.create("ann")
    world.manager.logout(login.tokens.access)
    with pytest.raises(InvalidTokenError):
        world.manager.logout(login.tokens.access)


def test_a_session_that_ends_while_it_is_used_is_refused():
    world = World()
    login = world.manager.create("ann")

    def end_it_first(session):
        world.store.delete(session.session_id)
        raise SessionNotFoundError("gone")

    world.store.update = end_it_first
    world.clock.advance(1)
    with pytest.raises(TokenRevokedError):
        world.manager.validate(login.tokens.access)


@pytest.mark.parametrize("error", [StaleSessionError("x"), SessionLimitRaceError("ann", RaceReason.BUSY)])
def test_a_use_that_somebody_else_has_just_noted_is_none_the_worse(error):
    world = World()
    login = world.manager.create("ann")

    def lose(_session):
        raise error

    world.store.update = lose
    assert world.manager.validate(login.tokens.access) == login.session


@pytest.mark.parametrize(
    "user", ["", " ", "\t", "a\nb", "a\0b", "\ud800", "x" * 257, "é" * 129, None, 7, b"ann", ["ann"]]
)
def test_a_user_id_of_the_wrong_shape_is_refused(user):
    with pytest.raises(InvalidInputError):
        World().manager.create(user)


def test_one_name_is_one_user_however_it_is_composed():
    world = World()
    world.manager.create("Zoe\u0308")
    assert len(world.manager.list_sessions("Zo\u00eb")) == 1


@pytest.mark.parametrize("request_id", ["", " ", "a b", "é", "x" * 201, 5, "a\n"])
def test_a_request_id_of_the_wrong_shape_is_refused(request_id):
    with pytest.raises(InvalidInputError):
        World().manager.create("ann", request_id=request_id)


@pytest.mark.parametrize(
    "attributes", [{"a": 1}, {1: "a"}, {"a": "\0"}, {"a": "x" * 400_000}, {"\ud800": "a"}]
)
def test_attributes_of_the_wrong_shape_are_refused(attributes):
    with pytest.raises(InvalidInputError):
        World().manager.create("ann", attributes=attributes)


def test_a_way_in_is_one_of_those_that_there_are():
    assert World().manager.create("ann", login="oauth").session.login == "oauth"
    with pytest.raises(InvalidInputError):
        World().manager.create("ann", login="backdoor")


@pytest.mark.parametrize("client", ["x" * 201, "a\nb", None])
def test_a_client_of_the_wrong_shape_is_refused(client):
    with pytest.raises(InvalidInputError):
        World().manager.create("ann", client=client)


class TestPatience:
    def run_out(self, losses, **options):
        pauses, left = [], iter(range(losses))

        def step():
            if next(left, None) is not None:
                raise SessionLimitRaceError("ann", RaceReason.CONFLICT)
            return "done"

        return Patience(sleep=pauses.append, **options).run(step), pauses

    def test_a_lost_race_is_run_again(self):
        result, pauses = self.run_out(3)
        assert result == "done"
        assert len(pauses) == 3
        assert all(0 <= pause <= 0.05 for pause in pauses)

    def test_but_not_more_often_than_allowed(self):
        with pytest.raises(SessionLimitRaceError):
            self.run_out(5, attempts=5)

    def test_nor_longer(self):
        ticks = iter(range(100))
        with pytest.raises(SessionLimitRaceError):
            self.run_out(50, seconds=3, monotonic=lambda: next(ticks))
        assert next(ticks) < 8
