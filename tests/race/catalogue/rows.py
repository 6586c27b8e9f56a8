"""One small table of rows on memory, SQLite and PostgreSQL.

For services that are right or wrong on top of it.

Each method is one atomic call; ``atomically`` makes several calls one. A broken variant composes calls that
should have been one; nothing in here is broken.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager

from planproof.backends import BackendKind


def open_rows(backend):
    if backend.kind is BackendKind.MEMORY:
        return MemoryRows()
    if backend.kind is BackendKind.SQLITE:
        return SqliteRows(backend.url.removeprefix("sqlite:///"))
    return PostgresRows(backend.url)


class MemoryRows:
    def __init__(self):
        self._lock = threading.RLock()
        self._rows = {}

    def reset(self):
        with self._lock:
            self._rows.clear()

    def get(self, kind, key):
        with self._lock:
            return self._rows.get((kind, key))

    def put(self, kind, key, value):
        with self._lock:
            self._rows[kind, key] = value

    def insert(self, kind, key, value):
        with self._lock:
            if (kind, key) in self._rows:
                return False
            self._rows[kind, key] = value
            return True

    def swap(self, kind, key, old, new):
        with self._lock:
            if self._rows.get((kind, key)) != old:
                return False
            self._rows[kind, key] = new
            return True

    def delete(self, kind, key):
        with self._lock:
            return self._rows.pop((kind, key), None) is not None

    def all(self, kind):
        with self._lock:
            return sorted((key, value) for (each, key), value in self._rows.items() if each == kind)

    @contextmanager
    def atomically(self):
        with self._lock:
            yield

    def release(self):
        pass

    def close(self):
        pass


class _SqlRows:
    """The same through SQL; a connection for each thread."""

    mark = "?"

    def __init__(self):
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened = []

    def _connection(self):
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
            self._opened.append(self._local.connection)
        return self._local.connection

    def _run(self, text, *values):
        return self._connection().execute(text.replace("?", self.mark), values)

    def reset(self):
        self._run("DELETE FROM records")

    def get(self, kind, key):
        row = self._run("SELECT value FROM records WHERE kind = ? AND name = ?", kind, key).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind, key, value):
        text = (
            "INSERT INTO records VALUES (?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value"
        )
        self._run(text, kind, key, json.dumps(value))

    def insert(self, kind, key, value):
        text = "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        return self._run(text, kind, key, json.dumps(value)).rowcount == 1

    def swap(self, kind, key, old, new):
        if old is None:
            return self.insert(kind, key, new)
        text = "UPDATE records SET value = ? WHERE kind = ? AND name = ? AND value = ?"
        return self._run(text, json.dumps(new), kind, key, json.dumps(old)).rowcount == 1

    def delete(self, kind, key):
        return self._run("DELETE FROM records WHERE kind = ? AND name = ?", kind, key).rowcount == 1

    def all(self, kind):
        rows = self._run("SELECT name, value FROM records WHERE kind = ? ORDER BY name", kind).fetchall()
        return [(name, json.loads(value)) for name, value in rows]

    @contextmanager
    def atomically(self):
        self._begin()
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")

    def release(self):
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def close(self):
        for connection in self._opened:
            connection.close()


class SqliteRows(_SqlRows):
    def __init__(self, path):
        super().__init__()
        self._path = path
        self._run("PRAGMA journal_mode = WAL").fetchall()
        self._run("CREATE TABLE records (kind TEXT, name TEXT, value TEXT, PRIMARY KEY (kind, name))")

    def _connect(self):
        return sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)

    def _begin(self):
        self._run("BEGIN IMMEDIATE")


class PostgresRows(_SqlRows):
    mark = "%s"

    def __init__(self, url):
        super().__init__()
        self._url = url
        self._run("CREATE TABLE records (kind text, name text, value text, PRIMARY KEY (kind, name))")

    def _connect(self):
        import psycopg

        return psycopg.connect(self._url, autocommit=True)

    def _begin(self):
        self._run("BEGIN")
        self._run("SELECT pg_advisory_xact_lock(7)")
