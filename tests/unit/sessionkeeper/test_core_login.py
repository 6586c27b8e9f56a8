"""The three ways in (S0.T014-T016): each holds the limit, makes a new id, and takes its proof once."""

from __future__ import annotations

import threading

import pytest

from sessionkeeper import (
    AuthenticationError,
    InvalidInputError,
    InvalidTokenError,
    Keeper,
    LinkUsedError,
    LoginKind,
    ManualClock,
    SessionExpiredError,
    TokenMint,
    begin_oauth,
    create_anonymous_session,
    get_user_sessions,
    handle_oauth_callback,
    issue_magic_link_token,
    open_store,
    verify_magic_link_token,
)
from sessionkeeper import limit as limit_module


class Provider:
    name = "github"

    def exchange(self, code):
        if code != "good":
            raise AuthenticationError("the provider does not accept the code")
        return "42"


@pytest.fixture
def keeper():
    clock = ManualClock()
    return Keeper(open_store("memory://", clock=clock), TokenMint(b"p" * 32), clock=clock)


def by_anonymous(keeper, **options):
    options.pop("current_token", None)
    return create_anonymous_session(keeper, user_id="anonymous:ann", **options)


def by_oauth(keeper, **options):
    state = begin_oauth(keeper)
    return handle_oauth_callback(
        keeper, Provider(), code="good", state=state, expected_state=state, **options
    )


def by_magic_link(keeper, **options):
    return verify_magic_link_token(keeper, issue_magic_link_token(keeper, "ann"), **options)


WAYS = [
    (by_anonymous, LoginKind.ANONYMOUS),
    (by_oauth, LoginKind.OAUTH),
    (by_magic_link, LoginKind.MAGIC_LINK),
]


@pytest.mark.parametrize(("way", "kind"), WAYS)
def test_every_way_in_holds_the_limit(keeper, way, kind):
    logins = []
    for _ in range(7):
        keeper.clock._source.advance(1)
        logins.append(way(keeper))
    user = logins[0].session.user_id
    assert {each.session.login for each in logins} == {kind}
    assert get_user_sessions(keeper.store, user) == tuple(each.session for each in logins[2:])
    assert logins[6].ended == (logins[1].session,)


@pytest.mark.parametrize(("way", "kind"), WAYS)
def test_every_way_in_goes_through_the_wrapper(keeper, way, kind, monkeypatch):
    from sessionkeeper import login as login_module

    seen = []

    def watched(*arguments, **options):
        seen.append(options["login"])
        return limit_module.create_session_with_limit_enforcement(*arguments, **options)

    monkeypatch.setattr(login_module, "create_session_with_limit_enforcement", watched)
    way(keeper)
    assert seen == [kind]


@pytest.mark.parametrize("way", [by_oauth, by_magic_link])
def test_the_anonymous_session_ends_as_the_new_one_begins(keeper, way):
    before = create_anonymous_session(keeper)
    after = way(keeper, current_token=before.tokens.access)
    assert after.ended == (before.session,)
    assert after.session.session_id != before.session.session_id
    assert get_user_sessions(keeper.store, before.session.user_id) == ()


def test_anonymous_users_are_strangers_to_each_other_but_a_request_is_one(keeper):
    one, other = create_anonymous_session(keeper), create_anonymous_session(keeper)
    assert one.session.user_id != other.session.user_id
    first, again = (create_anonymous_session(keeper, request_id="r") for _ in range(2))
    assert (first.session, first.tokens) == (again.session, again.tokens)


class TestOAuth:
    def test_a_state_of_another_browser_is_refused(self, keeper):
        with pytest.raises(InvalidTokenError):
            handle_oauth_callback(
                keeper,
                Provider(),
                code="good",
                state=begin_oauth(keeper),
                expected_state=begin_oauth(keeper),
            )

    @pytest.mark.parametrize("state", ["", "x", "é.é", "a.b", "x" * 5000, "\ud800", None, b"x", 5])
    def test_a_state_that_is_not_ours_is_refused(self, keeper, state):
        ours = begin_oauth(keeper)
        for came, kept in ((state, state), (state, ours), (ours, state)):
            with pytest.raises(InvalidTokenError):
                handle_oauth_callback(keeper, Provider(), code="good", state=came, expected_state=kept)

    def test_a_state_is_good_once_and_for_ten_minutes(self, keeper):
        state = begin_oauth(keeper)

        def call(**options):
            return handle_oauth_callback(
                keeper, Provider(), code="good", state=state, expected_state=state, **options
            )

        first = call(request_id="r")
        assert call(request_id="r").tokens == first.tokens
        with pytest.raises(LinkUsedError):
            call()
        state = begin_oauth(keeper)
        keeper.clock._source.advance(600)
        with pytest.raises(SessionExpiredError):
            call()

    def test_a_code_that_the_provider_refuses_makes_no_session(self, keeper):
        state = begin_oauth(keeper)
        with pytest.raises(AuthenticationError):
            handle_oauth_callback(keeper, Provider(), code="bad", state=state, expected_state=state)
        assert get_user_sessions(keeper.store, "github:42") == ()


class TestMagicLink:
    def test_of_two_who_follow_it_at_once_one_gets_in(self, keeper):
        token, outcomes, start = issue_magic_link_token(keeper, "ann"), [], threading.Barrier(6)

        def follow():
            start.wait()
            try:
                outcomes.append(verify_magic_link_token(keeper, token))
            except LinkUsedError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=follow) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([each for each in outcomes if not isinstance(each, LinkUsedError)]) == 1
        assert len(get_user_sessions(keeper.store, "ann")) == 1

    def test_the_same_request_may_follow_it_again(self, keeper):
        token = issue_magic_link_token(keeper, "ann")
        first = verify_magic_link_token(keeper, token, request_id="r")
        assert verify_magic_link_token(keeper, token, request_id="r").tokens == first.tokens
        with pytest.raises(LinkUsedError):
            verify_magic_link_token(keeper, token, request_id="other")

    def test_it_is_good_for_a_quarter_of_an_hour(self, keeper):
        token = issue_magic_link_token(keeper, "ann")
        keeper.clock._source.advance(901)
        with pytest.raises(SessionExpiredError):
            verify_magic_link_token(keeper, token)

    def test_a_token_that_was_changed_or_made_for_something_else_is_refused(self, keeper):
        body, _, signature = issue_magic_link_token(keeper, "ann").partition(".")
        other = issue_magic_link_token(keeper, "bob").partition(".")[0]
        for token in (f"{other}.{signature}", f"{body}.{'A' * 43}", begin_oauth(keeper), "", None, 5):
            with pytest.raises(InvalidTokenError):
                verify_magic_link_token(keeper, token)

    def test_a_user_of_the_wrong_shape_gets_no_link(self, keeper):
        with pytest.raises(InvalidInputError):
            issue_magic_link_token(keeper, "a\nb")
