"""The self-test's promises in PostgreSQL's words."""

from __future__ import annotations

import secrets
from typing import Any

from planproof.backends import postgres


class PostgresStore:
    """Two tables of our own in a schema of our own. See :class:`planproof.backends.selftest.Store`.

    Args:
        url: the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._schema = f"selftest_{secrets.token_hex(6)}"

    def prepare(self) -> None:
        """Create the schema and its tables."""
        with postgres.connect(self._url) as connection:
            connection.execute(f'CREATE SCHEMA "{self._schema}"')
            for table in (
                "numbers (k text PRIMARY KEY, n int NOT NULL)",
                "names (k text PRIMARY KEY, v text)",
            ):
                connection.execute(f'CREATE TABLE "{self._schema}".{table}')

    def client(self) -> PostgresClient:
        """A connection for one thread."""
        connection = postgres.connect(self._url)
        connection.execute(f'SET search_path = "{self._schema}"')
        return PostgresClient(connection)

    def clean(self) -> None:
        """Drop the schema."""
        with postgres.connect(self._url) as connection:
            connection.execute(f'DROP SCHEMA "{self._schema}" CASCADE')


class PostgresClient:
    """One connection. See :class:`planproof.backends.selftest.Client`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def put_once(self, key: str, value: str) -> bool:
        """Write ``key`` if nobody has; whether we did."""
        done = self._connection.execute(
            "INSERT INTO names VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1", (key, value)
        )
        return done.fetchone() is not None

    def add(self, key: str) -> None:
        """Add one to ``key``."""
        self._connection.execute(
            "INSERT INTO numbers VALUES (%s, 1) ON CONFLICT (k) DO UPDATE SET n = numbers.n + 1", (key,)
        )

    def enter(self, room: str, name: str, limit: int) -> bool:
        """Count ``room`` up, if below ``limit``, and write ``name``: both or neither; whether it was done."""
        with self._connection.transaction():
            self._connection.execute("INSERT INTO names VALUES (%s)", (name,))
            done = self._connection.execute(
                "INSERT INTO numbers VALUES (%s, 1) ON CONFLICT (k)"
                " DO UPDATE SET n = numbers.n + 1 WHERE numbers.n < %s RETURNING n",
                (room, limit),
            ).fetchone()
            if done is None:
                raise postgres.driver().Rollback
        return done is not None

    def put(self, key: str) -> None:
        """Write ``key``, whatever is there."""
        self._connection.execute("INSERT INTO names VALUES (%s) ON CONFLICT DO NOTHING", (key,))

    def add_under_token(self, key: str, token: str) -> None:
        """Add one to ``key`` unless ``token`` has been used."""
        with self._connection.transaction():
            if self.put_once(f"token/{token}", ""):
                self.add(key)

    def number(self, key: str) -> int:
        """The count at ``key``; 0 where there is none."""
        row = self._connection.execute("SELECT n FROM numbers WHERE k = %s", (key,)).fetchone()
        return int(row[0]) if row else 0

    def keys(self, prefix: str) -> set[str]:
        """All keys that begin so."""
        rows = self._connection.execute("SELECT k FROM names WHERE starts_with(k, %s)", (prefix,))
        return {row[0] for row in rows}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
