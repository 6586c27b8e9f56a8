"""Fixtures ``postgres_backend`` and ``dynamodb_backend``: one server per test run, shared by xdist workers.

Load them with ``pytest_plugins = ["planproof.backends.pytest_fixtures"]``. The workers of one run meet in
its base temporary folder; each has a database, schema or table prefix of its own for the whole session.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from planproof.backends.finding import acquire
from planproof.backends.model import BackendKind
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from planproof.backends.model import Backend


@pytest.fixture(scope="session")
def backends_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which all processes of this run meet."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "backends"


def _shared(kind: BackendKind, room: Path) -> Iterator[Backend]:
    context = acquire(kind, room=room)
    try:
        backend = context.__enter__()
    except BackendUnavailableError as error:
        pytest.skip(error.message)
    # A test's failure is pytest's own business: the fixture's end is always an orderly one.
    try:
        yield backend
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_backend(backends_room: Path) -> Iterator[Backend]:
    """A real PostgreSQL, in a database or schema of this worker alone; skips where none is to be had."""
    yield from _shared(BackendKind.POSTGRES, backends_room)


@pytest.fixture(scope="session")
def dynamodb_backend(backends_room: Path) -> Iterator[Backend]:
    """A DynamoDB Local, with a table prefix that is this worker's alone; skips where none is to be had."""
    yield from _shared(BackendKind.DYNAMODB, backends_room)
