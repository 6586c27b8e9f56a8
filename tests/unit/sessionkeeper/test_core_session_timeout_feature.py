"""The behaviour that tests/features/session_timeout.feature describes (TEST_002's BDD mapping)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from sessionkeeper import (
    Keeper,
    ManualClock,
    SessionExpiredError,
    SessionManager,
    SessionSettings,
    TokenMint,
    open_store,
)


scenarios(str(Path(__file__).parents[2] / "features" / "session_timeout.feature"))


class World:
    def __init__(self):
        self.clock = ManualClock()
        self.settings = {}
        self.store = open_store("memory://", clock=self.clock)
        self.logins = {}

    @property
    def manager(self):
        settings = SessionSettings(**self.settings)
        return SessionManager(Keeper(self.store, TokenMint(b"p" * 32), settings, self.clock))


@pytest.fixture
def world():
    return World()


@given(parsers.parse("sessions time out after {seconds:d} seconds without use"))
def timeout(world, seconds):
    world.settings["timeout_seconds"] = seconds


@given(parsers.parse("no session lives longer than {seconds:d} seconds"))
def lifetime(world, seconds):
    world.settings["absolute_lifetime_seconds"] = seconds


@given(parsers.parse("{user} has logged in"))
@when(parsers.parse("{user} logs in"))
def log_in(world, user):
    world.logins[user] = world.manager.create(user)


@when(parsers.parse("{seconds:d} seconds pass"))
def pass_time(world, seconds):
    world.clock.advance(seconds)


@when("she uses her session")
def use(world):
    world.manager.validate(world.logins["ann"].tokens.access)


def present(world):
    return world.store.find(world.logins["ann"].session.session_id)


@then(parsers.parse("her session expires in {seconds:d} seconds"))
def expires_in(world, seconds):
    assert present(world).expires_at - world.clock.now() == seconds


@then("her session was last used just now")
def used_now(world):
    assert present(world).last_used_at == world.clock.now()


@then("her session is good")
def good(world):
    assert world.manager.validate(world.logins["ann"].tokens.access)


@then("her session is refused as expired")
def refused(world):
    with pytest.raises(SessionExpiredError):
        world.manager.validate(world.logins["ann"].tokens.access)


@then(parsers.re(r"a cleanup removes (?P<number>\d+) sessions?"), converters={"number": int})
def cleaned(world, number):
    assert world.manager.cleanup().sessions == number
