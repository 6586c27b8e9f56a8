"""A place of its own in a store for each schedule, so that no schedule sees what another left behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from planproof.backends.model import Backend, BackendKind
from planproof.errors import WorkloadError


if TYPE_CHECKING:
    from collections.abc import Iterator


_NAME = re.compile(r"race_\d+_[0-9a-f]{6}_\d+[-_.]?")


def without_place(text: str) -> str:
    """A call without the name of the place where it was made, which is another one in each schedule."""
    return _NAME.sub("", text) if "race_" in text else text


class Places:
    """Deals out places in one store; a context manager that removes what it made.

    Args:
        backend: the store. Memory has nothing to separate; SQLite gets a new file each; PostgreSQL a schema
            each, first on the search path of the URL, and its name as ``namespace``; DynamoDB a table prefix
            in ``namespace``.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._numbers = itertools.count()
        self._name = f"race_{os.getpid()}_{secrets.token_hex(3)}"
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        if self._backend.kind is BackendKind.SQLITE:
            self._folder = tempfile.TemporaryDirectory(prefix="planproof-race-", ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @contextlib.contextmanager
    def place(self) -> Iterator[Backend]:
        """A place that nobody used before; gone afterwards.

        Raises:
            WorkloadError: the store does not let us make one.
        """
        number = next(self._numbers)
        kind = self._backend.kind
        if kind is BackendKind.SQLITE and self._folder is not None:
            path = Path(self._folder.name) / f"{number}.db"
            yield replace(self._backend, url=f"sqlite:///{path}")
            for suffix in ("", "-journal", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        elif kind is BackendKind.POSTGRES:
            with self._schema(f"{self._name}_{number}") as placed:
                yield placed
        elif kind is BackendKind.DYNAMODB:
            yield replace(self._backend, namespace=f"{self._name}_{number}")
        else:
            yield self._backend

    @contextlib.contextmanager
    def _schema(self, name: str) -> Iterator[Backend]:
        import psycopg
        from psycopg import sql

        def execute(statement: sql.Composed) -> None:
            with psycopg.connect(self._backend.url, autocommit=True) as connection:
                connection.execute("SET lock_timeout = '5s'")
                connection.execute(statement)

        try:
            execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise WorkloadError(
                f"PostgreSQL does not let the race have a schema of its own: {error}"
            ) from error
        joint = "&" if "?" in self._backend.url else "?"
        url = f"{self._backend.url}{joint}options={quote(f'-csearch_path={name},public')}"
        try:
            yield replace(self._backend, url=url, namespace=name)
        finally:
            # A half-open connection may still hold a lock: the schema then stays, the verdict
            # does not change.
            with contextlib.suppress(psycopg.Error):
                execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
