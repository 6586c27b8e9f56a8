"""Whoever creates sessions, five stay."""

import pytest

from sessionkeeper import SESSION_LIMIT, create_session_with_limit_enforcement, get_user_sessions


@pytest.mark.proves(
    "session-eviction-transact:T006",
    "session-eviction-transact:T008",
    "session-eviction-transact:US1",
    "session-eviction-transact:US1/independent-test",
    "session-eviction-transact:implementation-notes/session-limit-is-5",
)
def test_the_sixth_session_leaves_five_and_ends_the_oldest(logins):
    made = [logins.after(create_session_with_limit_enforcement, "ann") for _ in range(SESSION_LIMIT + 1)]

    assert SESSION_LIMIT == 5
    live = {session.session_id for session in get_user_sessions(logins.store, "ann")}
    assert live == {each.session.session_id for each in made[1:]}
    assert [each.session_id for each in made[-1].ended] == [made[0].session.session_id]


@pytest.mark.proves("session-eviction-transact:T008", part=True)
def test_a_repeated_request_makes_one_session(logins):
    once, again = (
        logins.after(create_session_with_limit_enforcement, "ann", request_id="7f3c6ad2b9e14c50")
        for _ in range(2)
    )

    assert again.replayed
    assert once.tokens == again.tokens
    assert len(get_user_sessions(logins.store, "ann")) == 1
