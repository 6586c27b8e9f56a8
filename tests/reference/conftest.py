"""One place for each kind of store; the servers come from planproof's own fixtures."""

from __future__ import annotations

import pytest
from tests.reference.places import KINDS, Place, System


MARKED = [
    pytest.param(kind, marks=getattr(pytest.mark, kind)) if kind in {"postgres", "dynamodb"} else kind
    for kind in KINDS
]


def place_of(kind, request):
    """An empty place of this kind; the test is skipped where its server is not to be had."""
    if kind == "memory":
        return Place(kind, "memory://")
    if kind == "sqlite":
        path = request.getfixturevalue("tmp_path") / "sessions.db"
        return Place(kind, f"sqlite:///{path}")
    backend = request.getfixturevalue(f"{kind}_backend")
    return Place(kind, backend.url)


@pytest.fixture(params=MARKED)
def place(request):
    """An empty place, of each kind in turn."""
    made = place_of(request.param, request)
    yield made
    made.close()


@pytest.fixture
def system(place):
    """A keeper with the default settings on an empty place."""
    return System.at(place)
