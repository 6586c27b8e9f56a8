"""A design for SQLite that lets too many sessions live, in both journal modes, and one that is right.

Python's sqlite3 begins its implicit transaction at the first *write*: the look before it is a transaction of
its own.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from tests.variants.unseated import Unseated

from sessionkeeper.rules import Partition
from sessionkeeper.stores.rows import block_row_of
from sessionkeeper.stores.sqlite import BUSY_TIMEOUT, SqliteSessionStore


class ModuleDefault(Unseated, SqliteSessionStore):
    """Look, then write, with the module's own transactions; WAL."""

    journal = "WAL"

    def _connect(self):
        return sqlite3.connect(self._path, timeout=BUSY_TIMEOUT, check_same_thread=False)

    def __init__(self, path, *, clock, limit=5):
        super().__init__(path, clock=clock, limit=limit)
        with self._lent() as connection:
            connection.execute(f"PRAGMA journal_mode = {self.journal}")

    def _change(self, user_id, decide, *, guest=""):
        with self._lent(user_id) as connection:
            picture = Partition(user_id, self._sessions(connection, user_id), self.block_of)
            change, result = decide(picture)
            self._apply(connection, replace(change, blocks=()))
            for block in change.blocks:
                connection.execute(self._text.block + " ON CONFLICT DO NOTHING", block_row_of(block))
            connection.commit()
            return result


class ModuleDefaultRollback(ModuleDefault):
    """The same with the rollback journal."""

    journal = "DELETE"


class Immediate(Unseated, SqliteSessionStore):
    """``BEGIN IMMEDIATE`` alone: right without slots, which is what the real store rests on."""


BROKEN = {"module_default_wal": ModuleDefault, "module_default_rollback": ModuleDefaultRollback}
PLACEBO = {"immediate_without_slots": Immediate}


def open_design(name):
    """Return an ``open_store`` for one of these designs."""
    design = (BROKEN | PLACEBO)[name]

    def open_it(url, *, clock, limit=5, namespace=""):
        return design(url.removeprefix("sqlite:///"), clock=clock, limit=limit)

    return open_it
