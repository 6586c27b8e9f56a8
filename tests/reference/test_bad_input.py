"""What comes from outside in the wrong shape, on every store: an error of our own, and nothing is lost."""

from __future__ import annotations

import unicodedata

import pytest

from sessionkeeper import (
    ClientMismatchError,
    InvalidInputError,
    InvalidTokenError,
    Presented,
    SessionExpiredError,
    SessionForbiddenError,
    SessionNotFoundError,
    TokenReuseError,
    TokenRevokedError,
)


WRONG_IDS = [
    "",
    "x",
    "x" * 21,
    "x" * 23,
    "x" * 21 + "!",
    "x" * 21 + "\n",
    "ü" * 22,
    "../" * 8,
    None,
    5,
    b"x" * 22,
]
WRONG_TOKENS = ["", "x", "x" * 22, "x" * 22 + "." + "y" * 42, "x" * 22 + "." + "y" * 44, "x" * 66, None, 5]
WRONG_USERS = ["", "   ", "a\nb", "a\x00b", "\ud800", "x" * 257, "é" * 129, None, 5]
ODD_USERS = [
    "count", "ttl", "role", "status", "SLOT#00", "USER#ann", "BLOCK#refresh#x", "ann#SLOT#01",
    "'; DROP TABLE sessions; --", "%", "_", "a%b", "ann ", "用户", "🙂", "ا\u0644", "a\u200db", "x" * 256,
]  # fmt: skip
RESERVED = [
    "count",
    "ttl",
    "role",
    "status",
    "timestamp",
    "source",
    "PK",
    "SK",
    "slot",
    "version",
    "#n",
    ":v",
    "user_id",
]


@pytest.fixture
def before(system):
    """Ann's session, which nothing that follows may touch."""
    return system.login("ann")


@pytest.fixture(autouse=True)
def _nothing_is_lost(system, before):
    yield
    assert [session.session_id for session in system.store.sessions_of("ann")][:1] == [
        before.session.session_id
    ]
    assert system.manager.validate(before.tokens.access).session_id == before.session.session_id


@pytest.mark.parametrize("wrong", WRONG_IDS, ids=repr)
def test_a_session_id_of_another_shape(system, wrong):
    with pytest.raises(InvalidInputError) as caught:
        system.manager.revoke("ann", wrong)
    assert caught.value.http_status == 400


@pytest.mark.parametrize("wrong", WRONG_TOKENS, ids=repr)
def test_a_token_of_another_shape(system, wrong):
    for call in (system.manager.validate, system.manager.refresh, system.manager.logout):
        with pytest.raises(InvalidTokenError) as caught:
            call(wrong)
        assert caught.value.http_status == 401
    assert system.login("bob", current_token=wrong).ended == ()


@pytest.mark.parametrize("wrong", WRONG_USERS, ids=ascii)
def test_a_user_id_that_can_be_nobody_s(system, wrong):
    for call in (system.login, system.manager.list_sessions, system.manager.revoke_all):
        with pytest.raises(InvalidInputError):
            call(wrong)


@pytest.mark.parametrize("user", ODD_USERS, ids=ascii)
def test_a_user_id_of_any_other_kind_is_a_user_of_its_own(system, user):
    logins = [system.login(user) for _ in range(6)]
    assert system.live(user) == [each.session.session_id for each in logins[1:]]
    with pytest.raises(TokenRevokedError):
        system.manager.refresh(logins[0].tokens.refresh)


def test_one_name_is_one_user_however_it_was_typed(system):
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    system.login(composed)
    system.login(decomposed)
    assert len(system.manager.list_sessions(decomposed)) == 2


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 201, "é", 5], ids=repr)
def test_a_request_id_of_another_shape(system, wrong):
    with pytest.raises(InvalidInputError):
        system.login("bob", request_id=wrong)
    assert system.live("bob") == []


def test_attributes_named_like_words_of_the_store(system):
    attributes = {name: name for name in RESERVED} | {"ü": "🙂 '\"\\"}
    made = system.login("bob", attributes=attributes)
    assert system.store.read(made.session.session_id).attributes == attributes


@pytest.mark.parametrize(
    "wrong",
    [
        {"notes": "x" * 400_000},
        {"x" * 400_000: "1"},
        {"a": "\x00"},
        {"a": "\ud800"},
        {"a": 1},
        {1: "a"},
        {"a": None},
    ],
    ids=["large value", "large name", "nul", "surrogate", "number", "number as name", "none"],
)
def test_attributes_that_no_store_should_hold(system, wrong):
    with pytest.raises(InvalidInputError):
        system.login("bob", attributes=wrong)
    assert system.live("bob") == []


@pytest.mark.parametrize("wrong", ["abc", 5, ["a"], [("a", "b")], b"x"], ids=repr)
def test_attributes_that_are_no_names_and_values(system, wrong):
    with pytest.raises(InvalidInputError):
        system.login("bob", attributes=wrong)
    assert system.live("bob") == []


UNFIT = ["\ud800", "a\0b", "x" * 5000, None, 5, b"x", ""]
STEPS = {
    "find": lambda store, wrong: store.find(wrong),
    "read": lambda store, wrong: store.read(wrong),
    "delete": lambda store, wrong: store.delete(wrong),
    "sessions_of": lambda store, wrong: store.sessions_of(wrong),
    "delete_all": lambda store, wrong: store.delete_all(wrong),
    "evict": lambda store, wrong: store.evict(wrong, keep=1),
    "block_of": lambda store, wrong: store.block_of(wrong),
    "rotate": lambda store, wrong: store.rotate(Presented(wrong, "a", "b", "c")),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_store_without_a_manager_in_front_says_the_same(system, before, step):
    """Nothing is there under such a name, or it is refused: never "the store is down", never a crash."""
    for wrong in UNFIT:
        try:
            found = STEPS[step](system.store, wrong)
        except (InvalidInputError, InvalidTokenError):
            found = None
        assert not found, ascii(wrong)[:8]
        assert system.live() == [before.session.session_id], ascii(wrong)[:8]


@pytest.mark.parametrize("wrong", ["x" * 201, "a\nb", "\ud800", None], ids=ascii)
def test_a_client_that_can_be_nobody_s(system, wrong):
    with pytest.raises(InvalidInputError):
        system.login("bob", client=wrong)
    assert system.live("bob") == []


def test_another_user_s_session(system, before):
    with pytest.raises(SessionForbiddenError) as caught:
        system.manager.revoke("bob", before.session.session_id)
    assert caught.value.http_status == 403
    assert before.session.user_id not in str(caught.value)
    with pytest.raises(SessionNotFoundError):
        system.manager.revoke("bob", "x" * 22)


def test_another_client_s_token(system):
    mine = system.login("bob", client="app")
    with pytest.raises(ClientMismatchError):
        system.manager.refresh(mine.tokens.refresh, client="other")
    assert system.manager.refresh(mine.tokens.refresh, client="app")


def test_revoked_replayed_and_expired_say_which(system, before):
    revoked, replayed, expired = (system.login("bob") for _ in range(3))
    system.manager.revoke("bob", revoked.session.session_id)
    with pytest.raises(TokenRevokedError):
        system.manager.refresh(revoked.tokens.refresh)
    system.manager.refresh(replayed.tokens.refresh)
    system.clock.advance(11)
    with pytest.raises(TokenReuseError):
        system.manager.refresh(replayed.tokens.refresh)
    system.clock.advance(3000)
    system.manager.validate(before.tokens.access)
    system.clock.advance(600)
    calls = (system.manager.validate, system.manager.logout)
    for call, token in [
        *((each, expired.tokens.access) for each in calls),
        (system.manager.refresh, expired.tokens.refresh),
    ]:
        with pytest.raises(SessionExpiredError):
            call(token)


def test_a_clock_that_is_set_back_gives_nobody_time(system, before):
    stale = system.login("bob")
    system.clock.advance(3000)
    system.manager.validate(before.tokens.access)
    system.clock.advance(600)
    for hours in (0, 2):
        system.clock.advance(-3600 * hours)
        with pytest.raises(SessionExpiredError):
            system.manager.validate(stale.tokens.access)
    assert system.login("bob").session.created_at >= stale.session.created_at
