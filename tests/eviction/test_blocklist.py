"""A token of an evicted session opens nothing."""

import pytest

from sessionkeeper import (
    BLOCK_SORT_KEY,
    TokenRevokedError,
    block_key,
    create_session_with_limit_enforcement,
    hash_token,
    is_token_blocklisted,
    refresh_access_tokens,
)


@pytest.fixture
def evicted(logins):
    """The tokens of a session that gave way."""
    made = [logins.after(create_session_with_limit_enforcement, "ann") for _ in range(6)]
    return made[0].tokens


@pytest.mark.proves("session-eviction-transact:T009", "session-eviction-transact:T011")
def test_the_blocklist_knows_the_evicted_token_and_no_other(logins, evicted):
    other = logins.after(create_session_with_limit_enforcement, "bob")

    assert is_token_blocklisted(logins.store, evicted.refresh)
    assert not is_token_blocklisted(logins.store, other.tokens.refresh)


@pytest.mark.proves(
    "session-eviction-transact:T010",
    "session-eviction-transact:US2",
    "session-eviction-transact:US2/independent-test",
    "session-eviction-transact:CC4",
)
def test_refreshing_with_it_is_refused_with_401(logins, evicted):
    with pytest.raises(TokenRevokedError) as refusal:
        refresh_access_tokens(logins.keeper, evicted.refresh)

    assert refusal.value.http_status == 401


@pytest.mark.proves(
    "session-eviction-transact:implementation-notes/the-blocklist-row-of-a-token-block-refresh-hash-as-pk-block-17b5b5"
)
def test_the_row_has_the_agreed_key():
    token_hash = hash_token("a token")

    assert block_key(token_hash) == f"BLOCK#refresh#{token_hash}"
    assert BLOCK_SORT_KEY == "BLOCK"
