"""What a browser is given and brings back (ST16, ST17), what is logged (ST19), who guesses (ST20)."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkeeper import (
    ACCESS_COOKIE,
    REFRESH_COOKIE,
    REFRESH_PATH,
    GuessGuard,
    InvalidTokenError,
    Keeper,
    ManualClock,
    SessionExpiredError,
    SessionManager,
    TokenMint,
    TokenReuseError,
    TokenRevokedError,
    TooManyGuessesError,
    farewell_headers,
    open_store,
    token_headers,
    token_in,
)


MINT = TokenMint(b"p" * 32)
UNKNOWN = "x" * 22 + "." + "y" * 43


class TestCookies:
    def test_the_header_fields(self):
        _, pair = MINT.fresh()
        assert token_headers(pair) == (
            ("Set-Cookie", f"__Host-id={pair.access}; Path=/; Secure; HttpOnly; SameSite=Strict"),
            (
                "Set-Cookie",
                f"__Secure-rt={pair.refresh}; Path={REFRESH_PATH}; Secure; HttpOnly; SameSite=Strict",
            ),
            ("Cache-Control", "no-store"),
        )

    def test_the_prefix_s_rules_are_kept(self):
        for name, value in (*token_headers(MINT.fresh()[1]), *farewell_headers()):
            if name == "Set-Cookie" and value.startswith("__Host-"):
                assert "Path=/;" in value
                assert "Domain" not in value
            if name == "Set-Cookie":
                assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(value.split("; "))

    def test_a_token_comes_back_as_it_went(self):
        _, pair = MINT.fresh()
        header = f"theme=dark; {ACCESS_COOKIE}={pair.access}; {REFRESH_COOKIE}={pair.refresh}"
        assert token_in(header) == pair.access
        assert token_in(header, REFRESH_COOKIE) == pair.refresh
        assert token_in("theme=dark") is None

    def test_a_farewell_takes_both_back(self):
        cookies = [value for name, value in farewell_headers() if name == "Set-Cookie"]
        assert len(cookies) == 2
        assert all("=; " in value and "Max-Age=0" in value for value in cookies)

    @given(st.text(max_size=60))
    def test_no_header_makes_it_fall_over(self, header):
        token_in(header)


def test_each_step_of_a_session_s_life_is_logged_by_its_id(caplog):
    caplog.set_level(logging.INFO)
    clock = ManualClock()
    manager = SessionManager(Keeper(open_store("memory://", clock=clock, limit=1), MINT, clock=clock))
    first = manager.create("ann")
    clock.advance(1)
    second = manager.create("ann")
    with pytest.raises(TokenRevokedError):
        manager.refresh(first.tokens.refresh)
    third = manager.refresh(second.tokens.refresh)
    with pytest.raises(InvalidTokenError):
        manager.validate(second.tokens.access)
    clock.advance(11)
    with pytest.raises(TokenReuseError):
        manager.refresh(second.tokens.refresh)
    fourth = manager.create("ann")
    clock.advance(3600)
    with pytest.raises(SessionExpiredError):
        manager.validate(fourth.tokens.access)
    fifth = manager.create("ann")
    manager.logout(fifth.tokens.access)
    ids = {
        each.session.session_id: name
        for name, each in {"first": first, "second": second, "fourth": fourth, "fifth": fifth}.items()
    }
    assert third.session.session_id == second.session.session_id
    said = [each.getMessage() for each in caplog.records]
    for session_id, name in ids.items():
        said = [line.replace(session_id, name) for line in said]
    assert said == [
        "session first: created",
        "session second: created",
        "session first: ended, it gave way to second",
        "session first: a blocked token was refused (evicted)",
        "session second: refreshed (rotated)",
        "session second: a token that does not open it was refused",
        "session second: a used refresh token came back; session revoked",
        "session fourth: created",
        "session fourth: refused, it has expired",
        "session fifth: created",
        "session fourth: ended, it gave way to fifth",
        "session fifth: ended by its user",
    ]


class TestGuessing:
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def manager(self, clock):
        return SessionManager(Keeper(open_store("memory://", clock=clock), MINT, clock=clock))

    def test_a_source_that_guesses_has_to_wait(self, clock, manager):
        guard = GuessGuard(clock, guesses=3, seconds=60)
        login = manager.create("ann")

        def guess(source):
            return guard.watch(source, lambda: manager.validate(UNKNOWN))

        for _ in range(3):
            with pytest.raises(InvalidTokenError):
                guess("here")
        with pytest.raises(TooManyGuessesError) as caught:
            guard.watch("here", lambda: manager.validate(login.tokens.access))
        assert (caught.value.retry_after, caught.value.http_status) == (61, 429)
        with pytest.raises(InvalidTokenError):
            guess("elsewhere")
        clock.advance(60)
        assert guard.watch("here", lambda: manager.validate(login.tokens.access))

    def test_what_was_once_good_is_no_guess(self, clock, manager):
        guard = GuessGuard(clock, guesses=1)
        login = manager.create("ann")
        clock.advance(3600)
        for _ in range(5):
            with pytest.raises(SessionExpiredError):
                guard.watch("here", lambda: manager.validate(login.tokens.access))

    def test_it_remembers_no_more_sources_than_it_should(self, clock, manager):
        guard = GuessGuard(clock, guesses=1, sources=2)
        for source in ("a", "b", "c"):
            with pytest.raises(InvalidTokenError):
                guard.watch(source, lambda: manager.validate(UNKNOWN))
        assert list(guard._windows) == ["b", "c"]
