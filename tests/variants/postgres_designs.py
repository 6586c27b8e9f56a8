"""Six designs for PostgreSQL that let too many sessions live, and one without slots that does not.

Five of the six end at exactly the limit, because the next login removes what the last ones left. Only who
watches from a second connection sees it.
"""

from __future__ import annotations

from dataclasses import replace

from psycopg import IsolationLevel
from tests.variants.unseated import Unseated, anywhere

from sessionkeeper import Admission
from sessionkeeper.rules import Partition
from sessionkeeper.stores.postgres import PostgresSessionStore, _lock
from sessionkeeper.stores.rows import block_row_of, row_of, session_of


class Design(Unseated, PostgresSessionStore):
    """One transaction around picture and change; the subclass says which isolation and which lock."""

    isolation = IsolationLevel.READ_COMMITTED

    def before_the_picture(self, connection, user_id):
        """Take a lock, or do not."""

    def _change(self, user_id, decide, *, guest=""):
        with self._lent(user_id) as connection:
            connection.isolation_level = self.isolation
            with connection.transaction():
                self.before_the_picture(connection, user_id)
                picture = Partition(
                    user_id, self._sessions(connection, user_id), lambda key: self._block(connection, key)
                )
                change, result = decide(picture)
                self._apply(connection, replace(change, blocks=()))
                for block in change.blocks:
                    connection.execute(self._text.block + " ON CONFLICT DO NOTHING", block_row_of(block))
            return result


class ReadCommittedCount(Design):
    """Count, evict, insert; no lock."""


class RepeatableReadRetry(Design):
    """The same on one snapshot, retried on a serialization failure: write skew."""

    isolation = IsolationLevel.REPEATABLE_READ


class LockSessionRows(Design):
    """Lock the session rows: those that do not exist yet cannot be locked."""

    def before_the_picture(self, connection, user_id):
        connection.execute(
            "SELECT 1 FROM sessions WHERE user_id = %s ORDER BY session_id FOR UPDATE", (user_id,)
        )


class RepeatableReadAdvisoryLock(Design):
    """An advisory lock inside REPEATABLE READ: the statement that waits has its snapshot already."""

    isolation = IsolationLevel.REPEATABLE_READ

    def before_the_picture(self, connection, user_id):
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (user_id,))


class RepeatableReadUserRow(Design):
    """The user's row, locked inside REPEATABLE READ and not modified: the same too early snapshot."""

    isolation = IsolationLevel.REPEATABLE_READ

    def before_the_picture(self, connection, user_id):
        _lock(connection, user_id)


class OneStatement(Design):
    """All in one statement, as if that made it one step."""

    _SQL = """
        WITH live AS (SELECT * FROM sessions WHERE user_id = %s),
             excess AS (SELECT session_id FROM live ORDER BY created_at DESC, session_id DESC OFFSET %s),
             gone AS (DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM excess) RETURNING *),
             blocked AS (INSERT INTO blocklist SELECT refresh_hash, 'evicted', user_id, session_id, %s, %s
                         FROM gone ON CONFLICT DO NOTHING),
             added AS (INSERT INTO sessions VALUES
                       (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s))
        SELECT * FROM gone
    """

    def create(self, session, **_):
        now = self._clock.now()
        seated = anywhere(session)
        values = (session.user_id, self.limit - 1, now, now + 1000, *row_of(seated))
        with self._lent(session.user_id) as connection:
            gone = tuple(session_of(row) for row in connection.execute(self._SQL, values))
        return Admission(seated, gone)


class UserRow(Design):
    """READ COMMITTED and the user's row: right by the lock alone, which is what the real store rests on."""

    def before_the_picture(self, connection, user_id):
        _lock(connection, user_id)


BROKEN = {
    "read_committed_count": ReadCommittedCount,
    "repeatable_read_retry": RepeatableReadRetry,
    "lock_session_rows": LockSessionRows,
    "one_statement": OneStatement,
    "repeatable_read_advisory_lock": RepeatableReadAdvisoryLock,
    "repeatable_read_user_row": RepeatableReadUserRow,
}
PLACEBO = {"user_row_without_slots": UserRow}


def open_design(name):
    """Return an ``open_store`` for one of these designs."""
    design = (BROKEN | PLACEBO)[name]

    def open_it(url, *, clock, limit=5, namespace=""):
        return design(url, clock=clock, limit=limit, schema=namespace)

    return open_it
