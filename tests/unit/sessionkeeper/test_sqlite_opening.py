"""A database file that several open at once, for the first time.

SQLite tells all but one of those that change a file's mode at once that it is busy, whatever their timeout;
threads that do so meet it once in some hundred times, so that here SQLite's answer is given for sure.
"""

import sqlite3
from functools import partial

import pytest

from sessionkeeper.clock import ManualClock
from sessionkeeper.errors import SessionLimitRaceError
from sessionkeeper.stores.sqlite import SqliteSessionStore


class Busy(sqlite3.Connection):
    """Is told so many times that the file is busy, and counts how often it asks."""

    refusals = 2
    asked = 0

    def execute(self, statement, *values):
        if statement.startswith("PRAGMA journal_mode"):
            type(self).asked += 1
            if self.asked <= self.refusals:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise error
        return super().execute(statement, *values)


@pytest.fixture
def connection(monkeypatch):
    def told(refusals):
        kind = type("Told", (Busy,), {"refusals": refusals})
        monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=kind))
        return kind

    return told


def test_who_is_told_that_the_file_is_busy_asks_again(connection, tmp_path):
    kind = connection(2)
    store = SqliteSessionStore(str(tmp_path / "sessions.db"), clock=ManualClock())
    assert kind.asked == 3
    assert store.users() == ()
    store.close()
    mode = sqlite3.connect(tmp_path / "sessions.db").execute("PRAGMA journal_mode").fetchone()
    assert mode == ("wal",)


def test_a_file_that_stays_busy_is_told_as_such(connection, tmp_path):
    connection(1000)
    with pytest.raises(SessionLimitRaceError):
        SqliteSessionStore(str(tmp_path / "sessions.db"), clock=ManualClock())
