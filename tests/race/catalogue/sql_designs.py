"""The designs of the session limit that were measured on PostgreSQL and SQLite.

Which hold, which only look right.

Names say what each does; every one evicts the oldest and inserts, in one transaction of the named kind.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from contextlib import contextmanager
from typing import ClassVar

from hypothesis import strategies as st
from tests.race.catalogue.base import Refused

from planproof.backends import BackendKind
from planproof.race import Workload, call, invariant, operation, parallel


LIMIT = 2
USERS = ("ann", "bob")


class Database:
    """A connection for each thread."""

    def __init__(self, connect):
        self._connect = connect
        self._local = threading.local()

    @property
    def connection(self):
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
        return self._local.connection

    def release(self):
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    close = release


class Design(Workload):
    """A login in one transaction; the subclass says how."""

    clients: ClassVar = 3
    steps: ClassVar = 1
    expected: ClassVar = (Refused,)
    scenarios: ClassVar = (parallel(call("login", user="ann"), call("login", user="ann")),)
    reuse: ClassVar = True
    already: ClassVar = LIMIT
    mark: ClassVar = "%s"

    def setup(self, database):
        connection = database.connection
        for table in ("sessions", "blocked", "users"):
            connection.execute(f"DELETE FROM {table}")
        for user in USERS:
            connection.execute("INSERT INTO users VALUES (" + self.mark + ", 0)", (user,))
        connection.execute("UPDATE users SET n = " + self.mark + " WHERE name = 'ann'", (self.already,))
        for n in range(self.already):
            connection.execute(self.insert_text(), ("ann", f"s{n}"))
        connection.commit()
        self.numbers = itertools.count()
        self.acknowledged = []

    def insert_text(self):
        return f"INSERT INTO sessions (usr, name) VALUES ({self.mark}, {self.mark})"

    def finish_client(self, database):
        database.release()

    @operation(user=st.sampled_from(USERS))
    def login(self, database, user):
        session = f"n{next(self.numbers)}"
        self.admit(database.connection, user, session)
        self.acknowledged.append(session)

    def evict_and_insert(self, connection, user, session):
        held = connection.execute(
            f"SELECT id, name FROM sessions WHERE usr = {self.mark} ORDER BY id", (user,)
        ).fetchall()
        for number, name in held[: 1 - LIMIT or None]:
            connection.execute(f"DELETE FROM sessions WHERE id = {self.mark}", (number,))
            self.block(connection, name)
        connection.execute(self.insert_text(), (user, session))

    def block(self, connection, name):
        connection.execute(f"INSERT INTO blocked VALUES ({self.mark}) ON CONFLICT DO NOTHING", (name,))

    @invariant
    def never_over_the_limit(self, database):
        rows = database.connection.execute("SELECT usr, COUNT(*) FROM sessions GROUP BY usr").fetchall()
        database.connection.rollback()
        for user, held in rows:
            assert held <= LIMIT, f"{user} holds {held} live sessions, limit {LIMIT}"

    @invariant(when="rest")
    def acknowledged_is_live_or_blocked(self, database):
        connection = database.connection
        live = {name for (name,) in connection.execute("SELECT name FROM sessions").fetchall()}
        blocked = {name for (name,) in connection.execute("SELECT name FROM blocked").fetchall()}
        connection.rollback()
        assert not live & blocked, f"both live and blocked: {sorted(live & blocked)}"
        lost = set(self.acknowledged) - live - blocked
        assert not lost, f"acknowledged and gone: {sorted(lost)}"


class OnPostgres(Design):
    """PostgreSQL; tables with a serial key."""

    backends: ClassVar = (BackendKind.POSTGRES,)
    level: ClassVar = "READ COMMITTED"
    first: ClassVar = ""
    attempts: ClassVar = 1

    def open(self, backend):
        import psycopg

        database = Database(lambda: psycopg.connect(backend.url))
        database.connection.execute(
            "CREATE TABLE sessions (id bigserial PRIMARY KEY, usr text NOT NULL, name text NOT NULL,"
            " slot int,"
            " UNIQUE (usr, slot), CHECK (slot BETWEEN 0 AND 1));"
            " CREATE TABLE blocked (name text PRIMARY KEY);"
            " CREATE TABLE users (name text PRIMARY KEY, n int NOT NULL)"
        )
        database.connection.commit()
        return database

    def admit(self, connection, user, session):
        import psycopg

        for attempt in range(self.attempts):
            try:
                with connection.transaction():
                    connection.execute(f"SET TRANSACTION ISOLATION LEVEL {self.level}")
                    if self.first:
                        connection.execute(self.first, (user,))
                    self.evict_and_insert(connection, user, session)
            except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                if attempt + 1 == self.attempts:
                    raise Refused from None
            else:
                return


class ReadCommitted(OnPostgres):
    """Count, evict the excess, insert: the end looks right."""


class RepeatableReadWithRetry(OnPostgres):
    """Write skew: two snapshots that do not see each other's insert."""

    level: ClassVar = "REPEATABLE READ"
    attempts: ClassVar = 5
    already: ClassVar = LIMIT - 1


class LocksTheRowsThere(OnPostgres):
    """Locks the session rows: rows that do not exist yet cannot be locked."""

    first: ClassVar = "SELECT id FROM sessions WHERE usr = %s FOR UPDATE"
    already: ClassVar = LIMIT - 1


class OneStatement(OnPostgres):
    """All in one statement: its parts look at one snapshot, taken before."""

    def evict_and_insert(self, connection, user, session):
        connection.execute(
            "WITH old AS (SELECT id, name FROM sessions WHERE usr = %(user)s ORDER BY id DESC"
            " OFFSET %(keep)s),"
            " gone AS (DELETE FROM sessions WHERE id IN (SELECT id FROM old) RETURNING name),"
            " out AS (INSERT INTO blocked SELECT name FROM gone ON CONFLICT DO NOTHING)"
            " INSERT INTO sessions (usr, name) VALUES (%(user)s, %(session)s)",
            {"user": user, "session": session, "keep": LIMIT - 1},
        )


class SnapshotBeforeTheAdvisoryLock(OnPostgres):
    """The statement that takes the lock takes the snapshot too, before it waits."""

    level: ClassVar = "REPEATABLE READ"
    first: ClassVar = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
    attempts: ClassVar = 5
    already: ClassVar = LIMIT - 1


class SnapshotBeforeTheUserRow(OnPostgres):
    """The same with a row lock on a row that nobody changes."""

    level: ClassVar = "REPEATABLE READ"
    first: ClassVar = "SELECT name FROM users WHERE name = %s FOR UPDATE"
    attempts: ClassVar = 5
    already: ClassVar = LIMIT - 1


class LocksTheUserRow(OnPostgres):
    """Correct: every login of a user waits for the user's row."""

    first: ClassVar = "SELECT name FROM users WHERE name = %s FOR UPDATE"


class TakesAnAdvisoryLock(OnPostgres):
    """Correct: every login of a user waits for one advisory lock."""

    first: ClassVar = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class Serializable(OnPostgres):
    """Correct: serializable, tried again on 40001."""

    level: ClassVar = "SERIALIZABLE"
    attempts: ClassVar = 10


class ConditionalCounter(OnPostgres):
    """Correct below the limit: a counter that refuses in the same statement that counts."""

    already: ClassVar = LIMIT - 1

    def evict_and_insert(self, connection, user, session):
        cursor = connection.execute("UPDATE users SET n = n + 1 WHERE name = %s AND n < %s", (user, LIMIT))
        if cursor.rowcount != 1:
            raise Refused
        connection.execute(self.insert_text(), (user, session))


class Slots(OnPostgres):
    """Correct by construction: a third slot cannot exist."""

    already: ClassVar = 0

    def evict_and_insert(self, connection, user, session):
        for slot in range(LIMIT):
            cursor = connection.execute(
                "INSERT INTO sessions (usr, name, slot) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (user, session, slot),
            )
            if cursor.rowcount == 1:
                return
        raise Refused


class OnSqlite(Design):
    """SQLite, in WAL mode."""

    backends: ClassVar = (BackendKind.SQLITE,)
    mark: ClassVar = "?"
    isolation: ClassVar = None
    begin: ClassVar = "BEGIN IMMEDIATE"
    attempts: ClassVar = 1

    def open(self, backend):
        path = backend.url.removeprefix("sqlite:///")
        database = Database(
            lambda: sqlite3.connect(path, isolation_level=self.isolation, check_same_thread=False)
        )
        database.connection.executescript(
            "PRAGMA journal_mode = WAL;"
            "CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, usr TEXT, name TEXT);"
            "CREATE TABLE blocked (name TEXT PRIMARY KEY);"
            "CREATE TABLE users (name TEXT PRIMARY KEY, n INTEGER);"
        )
        return database

    @contextmanager
    def transaction(self, connection):
        if self.begin:
            connection.execute(self.begin)
        try:
            yield
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def admit(self, connection, user, session):
        for attempt in range(self.attempts):
            try:
                with self.transaction(connection):
                    self.evict_and_insert(connection, user, session)
            except sqlite3.OperationalError:
                connection.rollback()
                if attempt + 1 == self.attempts:
                    raise Refused from None
            else:
                return


class ModuleDefault(OnSqlite):
    """The module's own transactions: the SELECT runs before the implicit one begins."""

    isolation: ClassVar = ""
    begin: ClassVar = ""
    already: ClassVar = LIMIT - 1


class BeginImmediate(OnSqlite):
    """Correct: the write lock is taken before the first look."""


class DeferredWithRetry(OnSqlite):
    """Correct: a stale snapshot cannot be written from, and the whole is tried again."""

    begin: ClassVar = "BEGIN"
    attempts: ClassVar = 3


BROKEN = (
    ReadCommitted,
    RepeatableReadWithRetry,
    LocksTheRowsThere,
    OneStatement,
    SnapshotBeforeTheAdvisoryLock,
    SnapshotBeforeTheUserRow,
    ModuleDefault,
)
CORRECT = (
    LocksTheUserRow,
    TakesAnAdvisoryLock,
    Serializable,
    ConditionalCounter,
    Slots,
    BeginImmediate,
    DeferredWithRetry,
)
