"""No message tells a password, whichever way the address was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.backends.postgres import hidden


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@h:5432/db", "postgresql://ann:***@h:5432/db"),
        ("postgresql://ann:se@cr:et@h/db?x=1", "postgresql://ann:***@h/db?x=1"),
        ("postgresql://ann:secret@[::1/db", "postgresql://ann:***@[::1/db"),
        ("postgresql://h/db?user=ann&password=se@cret&x=1", "postgresql://h/db?user=ann&password=***&x=1"),
        ("postgresql://ann@h:5432/db", "postgresql://ann@h:5432/db"),
        ("postgresql://h:5432/db?application_name=a@b", "postgresql://h:5432/db?application_name=a@b"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_what_is_shown(url, shown):
    assert hidden(url) == shown


@given(st.text(st.characters(exclude_characters="?#"), min_size=1))
def test_a_password_of_any_kind_is_hidden(password):
    assert hidden(f"postgresql://ann:{password}@h:5432/db") == "postgresql://ann:***@h:5432/db"
