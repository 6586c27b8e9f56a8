"""Each of the three logins holds the limit."""

import pytest

from sessionkeeper import (
    create_anonymous_session,
    get_user_sessions,
    handle_oauth_callback,
    issue_magic_link_token,
    verify_magic_link_token,
)
from sessionkeeper.login import begin_oauth


class Provider:
    """An identity provider that knows Ann."""

    name = "example"

    def exchange(self, code):
        return "ann"


def by_oauth(keeper):
    state = begin_oauth(keeper)
    return handle_oauth_callback(keeper, Provider(), code="1", state=state, expected_state=state)


def six_times(logins, login):
    made = [logins.after(login) for _ in range(6)]
    user = made[0].session.user_id
    assert {each.session.user_id for each in made} == {user}
    return made, {session.session_id for session in get_user_sessions(logins.store, user)}


@pytest.mark.proves("session-eviction-transact:T014")
def test_anonymous_logins_hold_the_limit(logins):
    made, live = six_times(logins, lambda keeper: create_anonymous_session(keeper, user_id="anonymous:7"))

    assert live == {each.session.session_id for each in made[1:]}


@pytest.mark.proves("session-eviction-transact:T015")
def test_oauth_callbacks_hold_the_limit(logins):
    made, live = six_times(logins, by_oauth)

    assert live == {each.session.session_id for each in made[1:]}


@pytest.mark.proves("session-eviction-transact:T016")
def test_magic_links_hold_the_limit(logins):
    made, live = six_times(
        logins, lambda keeper: verify_magic_link_token(keeper, issue_magic_link_token(keeper, "ann"))
    )

    assert live == {each.session.session_id for each in made[1:]}
