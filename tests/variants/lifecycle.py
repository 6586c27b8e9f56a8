"""Two ways of letting a session outlive its end or its token be spent twice, on memory and SQLite.

* *upserting_update*: a touch writes what it holds, whether or not the session is still there (UpdateItem,
INSERT OR
  REPLACE, a cache written back). A slow request finishing after the logout brings the session back to life.
* *issue_before_claim*: the successor is made from a look that was taken before; the claim comes later. Two
who
  present one refresh token at once both get a successor of their own.
"""

from __future__ import annotations

from dataclasses import replace

from tests.variants.unseated import give_way

from sessionkeeper import Rotation, RotationOutcome
from sessionkeeper.rules import Change, rotate
from sessionkeeper.stores.memory import InMemorySessionStore
from sessionkeeper.stores.sqlite import SqliteSessionStore


class UpsertingUpdate:
    """Writes the session back, seen or not."""

    def update(self, session):
        def decide(_partition):
            written = replace(session, version=session.version + 1)
            return Change(puts=(written,)), written

        return self._change(session.user_id, decide)


class IssueBeforeClaim:
    """Looks and decides in one step, writes in another."""

    def rotate(self, presented):
        session = self.find(presented.session_id)
        if session is None:
            return super().rotate(presented)
        give_way()
        plan = rotate(presented, now=self._clock.now())

        def look(partition):
            change, rotation = plan(partition)
            return Change(), (change, rotation)

        change, rotation = self._change(session.user_id, look)
        give_way()

        def write(partition):
            present = partition.find(presented.session_id)
            if rotation.outcome is not RotationOutcome.ROTATED or present is None:
                return change, rotation
            unblocked = tuple(block for block in change.blocks if partition.blocked(block.token_hash) is None)
            put = replace(rotation.session, slot=present.slot, version=present.version + 1)
            return Change(puts=(put,), blocks=unblocked), Rotation(rotation.outcome, put)

        return self._change(session.user_id, write)


class UpsertingUpdateMemory(UpsertingUpdate, InMemorySessionStore):
    """On memory."""


class UpsertingUpdateSqlite(UpsertingUpdate, SqliteSessionStore):
    """On SQLite."""


class IssueBeforeClaimMemory(IssueBeforeClaim, InMemorySessionStore):
    """On memory."""


class IssueBeforeClaimSqlite(IssueBeforeClaim, SqliteSessionStore):
    """On SQLite."""


VARIANTS = {
    "upserting_update": (UpsertingUpdateMemory, UpsertingUpdateSqlite),
    "issue_before_claim": (IssueBeforeClaimMemory, IssueBeforeClaimSqlite),
}


def open_variant(name):
    """Return an ``open_store`` that opens the variant of this name."""
    memory, sqlite = VARIANTS[name]

    def open_it(url, *, clock, limit=5, namespace=""):
        if url.startswith("memory://"):
            return memory(clock=clock, limit=limit)
        return sqlite(url.removeprefix("sqlite:///"), clock=clock, limit=limit)

    return open_it
