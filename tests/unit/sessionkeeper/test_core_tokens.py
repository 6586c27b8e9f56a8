"""Tokens: long enough, meaningless, one answer to one question, never in a store, a log or a repr."""

from __future__ import annotations

import base64
import logging
import re
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkeeper import (
    AuthenticationError,
    ConfigurationError,
    InvalidTokenError,
    Keeper,
    ManualClock,
    SessionManager,
    TokenMint,
    hash_token,
    open_store,
)
from sessionkeeper.tokens import hashes_match, session_id_of


PEPPER = b"a pepper for tests, 32 bytes long"
MINT = TokenMint(PEPPER)


def test_a_secret_has_256_bits_and_no_two_are_alike():
    drawn = [MINT.fresh()[1] for _ in range(20_000)]
    tokens = {token for pair in drawn for token in (pair.access, pair.refresh)}
    assert len(tokens) == 40_000
    for token in tokens:
        session_id, secret = token.split(".")
        assert len(base64.urlsafe_b64decode(secret + "=")) == 32
        assert len(base64.urlsafe_b64decode(session_id + "==")) == 16


def test_a_token_says_nothing_about_its_user():
    _, pair = MINT.for_request("ann@example.org", "request")
    for part in (*pair.access.split("."), *pair.refresh.split(".")):
        assert b"ann" not in base64.urlsafe_b64decode(part + "==")


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_one_question_one_answer(user, request, other_user, other_request):
    same = (user, request) == (other_user, other_request)
    assert (MINT.for_request(user, request) == MINT.for_request(other_user, other_request)) is same


def test_a_successor_is_always_the_same_and_belongs_to_its_pepper():
    _, pair = MINT.fresh()
    assert MINT.successor(pair.refresh) == MINT.successor(pair.refresh)
    assert MINT.successor(pair.refresh) != TokenMint(b"q" * 32).successor(pair.refresh)
    assert MINT.successor(pair.refresh).refresh != pair.refresh
    assert session_id_of(MINT.successor(pair.refresh).access) == session_id_of(pair.refresh)


def test_a_short_pepper_is_refused():
    with pytest.raises(ConfigurationError):
        TokenMint(b"short")


@pytest.mark.parametrize(
    "token",
    ["", ".", "a.b", "x" * 22, "x" * 22 + "." + "y" * 42, "x" * 22 + "." + "é" * 43, "x" * 66, None, 7, b"x"],
)
def test_what_is_no_token_is_refused_before_any_look_up(token):
    with pytest.raises(InvalidTokenError):
        session_id_of(token)


@given(st.text(max_size=80))
def test_no_text_makes_the_door_fall_over(text):
    manager = SessionManager(Keeper(open_store("memory://", clock=ManualClock()), MINT))
    for door in (manager.validate, manager.refresh, manager.logout):
        with pytest.raises(AuthenticationError):
            door(text)


def test_hashes_are_compared_as_wholes():
    assert hashes_match(hash_token("a"), hash_token("a"))
    assert not hashes_match(hash_token("a"), hash_token("b"))
    assert not hashes_match(hash_token("a"), "")


def test_no_token_is_printed(caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "sessions.db"
    store = open_store(f"sqlite:///{path}", clock=ManualClock())
    manager = SessionManager(Keeper(store, MINT))
    logins = [manager.create("ann") for _ in range(7)]
    logins.append(manager.refresh(logins[-1].tokens.refresh))
    manager.validate(logins[-1].tokens.access)
    manager.logout(logins[-1].tokens.access)
    secrets = {token.split(".")[1] for each in logins for token in (each.tokens.access, each.tokens.refresh)}
    said = caplog.text + "".join(map(repr, [*logins, *store.sessions_of("ann")]))
    with sqlite3.connect(path) as connection:
        said += "\n".join(connection.iterdump())
    assert not [secret for secret in secrets if secret in said]
    assert re.search(r"session [\w-]{22}: created", caplog.text)
