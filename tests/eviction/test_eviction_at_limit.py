"""The oldest gives way, in the step in which the newcomer comes."""

import pytest

from sessionkeeper import (
    BLOCKLIST_TTL,
    EndReason,
    LoginKind,
    create_session_with_limit_enforcement,
    evict_oldest_session_atomic,
    get_user_sessions,
    open_store,
)


def ids(sessions):
    return [session.session_id for session in sessions]


@pytest.mark.proves("session-eviction-transact:T004")
def test_live_sessions_come_oldest_first_and_only_of_that_user(logins):
    first, second = (logins.after(create_session_with_limit_enforcement, "ann") for _ in range(2))
    logins.after(create_session_with_limit_enforcement, "bob")

    assert ids(get_user_sessions(logins.store, "ann")) == ids([first.session, second.session])


@pytest.mark.proves("session-eviction-transact:T005", "session-eviction-transact:T007")
def test_the_oldest_leaves_and_is_blocked_in_the_same_step(logins):
    made = [logins.after(create_session_with_limit_enforcement, "ann") for _ in range(5)]
    logins.clock.advance(1)
    newcomer, _ = logins.keeper.prepare("ann", LoginKind.DIRECT)

    admission = evict_oldest_session_atomic(logins.store, newcomer)

    assert ids(admission.ended) == [made[0].session.session_id]
    assert ids(get_user_sessions(logins.store, "ann")) == [
        *ids(each.session for each in made[1:]),
        newcomer.session_id,
    ]
    block = logins.store.block_of(made[0].session.refresh_hash)
    assert block.reason is EndReason.EVICTED


@pytest.mark.proves("session-eviction-transact:T005", "session-eviction-transact:T007", part=True)
def test_all_excess_leaves_when_there_are_too_many(tmp_path, logins):
    path = f"sqlite:///{tmp_path / 'lowered.db'}"
    wide = open_store(path, clock=logins.clock, limit=9)
    for _ in range(9):
        logins.clock.advance(1)
        wide.create(logins.keeper.prepare("ann", LoginKind.DIRECT)[0])
    narrow = open_store(path, clock=logins.clock, limit=5)
    logins.clock.advance(1)

    admission = evict_oldest_session_atomic(narrow, logins.keeper.prepare("ann", LoginKind.DIRECT)[0])

    assert len(admission.ended) == 5
    assert len(get_user_sessions(narrow, "ann")) == 5
    wide.close()
    narrow.close()


@pytest.mark.proves(
    "session-eviction-transact:implementation-notes/a-blocklist-row-lives-30-days-as-long-as-a-refresh-token-can"
)
def test_the_block_lives_thirty_days(logins):
    made = [logins.after(create_session_with_limit_enforcement, "ann") for _ in range(6)]

    block = logins.store.block_of(made[0].session.refresh_hash)

    assert BLOCKLIST_TTL == 30 * 24 * 3600
    assert block.expires_at == logins.clock.now() + BLOCKLIST_TTL
