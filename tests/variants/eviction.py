"""Two ways of getting the session limit wrong, and a placebo, with the interface of the real stores.

Each is a real store whose ``create`` was taken apart:

* *count_then_insert* counts the sessions in one step and inserts in another. Two logins that count at once
both find
  a free place; whoever counts at the end sees too many.
* *evict_after_insert* inserts first and removes the excess in a second step. The end always looks right;
only who
  watches meanwhile sees one session too many, for as long as the second step takes.
* *placebo* is the same machinery, the same extra call and the same yield of the processor, but inside one
step. A
  check that fails here fails because of the machinery and proves nothing.

``open_variant(name)`` returns a function with the signature of `sessionkeeper.open_store`, for ``memory://``
and ``sqlite:///PATH``.
"""

from __future__ import annotations

from tests.variants.unseated import give_way, insert_unchecked

from sessionkeeper import Admission, WhenFull, open_store
from sessionkeeper.rules import Partition, admit, evict
from sessionkeeper.stores.memory import InMemorySessionStore
from sessionkeeper.stores.sqlite import SqliteSessionStore


class CountThenInsert:
    """Counts, evicts if full, and inserts: three steps where one is needed."""

    def create(self, session, *, replacing="", when_full=WhenFull.EVICT_OLDEST, replayable=False):
        live = self.sessions_of(session.user_id)
        give_way()
        evicted = ()
        if len(live) >= self.limit:
            evicted = self.evict(session.user_id, keep=self.limit - 1)
        give_way()
        return Admission(self._change(session.user_id, insert_unchecked(session)), evicted)


class EvictAfterInsert:
    """Inserts, then removes all excess: right at the end of every login, wrong in between."""

    def create(self, session, *, replacing="", when_full=WhenFull.EVICT_OLDEST, replayable=False):
        seated = self._change(session.user_id, insert_unchecked(session))
        give_way()
        decide = evict(keep=self.limit, now=self._clock.now())
        return Admission(seated, self._change(session.user_id, decide))


class Placebo:
    """The detours of the broken ones (a yield, a second rule applied), yet one step."""

    def create(self, session, *, replacing="", when_full=WhenFull.EVICT_OLDEST, replayable=False):
        law = admit(
            session,
            limit=self.limit,
            now=self._clock.now(),
            replacing=replacing,
            when_full=when_full,
            replayable=replayable,
        )

        def decide(partition: Partition):
            give_way()
            decision = law(partition)
            give_way()
            return decision

        return self._change(session.user_id, decide)


class CountThenInsertMemory(CountThenInsert, InMemorySessionStore):
    """On memory."""


class CountThenInsertSqlite(CountThenInsert, SqliteSessionStore):
    """On SQLite."""


class EvictAfterInsertMemory(EvictAfterInsert, InMemorySessionStore):
    """On memory."""


class EvictAfterInsertSqlite(EvictAfterInsert, SqliteSessionStore):
    """On SQLite."""


class PlaceboMemory(Placebo, InMemorySessionStore):
    """On memory."""


class PlaceboSqlite(Placebo, SqliteSessionStore):
    """On SQLite."""


VARIANTS = {
    "count_then_insert": (CountThenInsertMemory, CountThenInsertSqlite),
    "evict_after_insert": (EvictAfterInsertMemory, EvictAfterInsertSqlite),
    "placebo": (PlaceboMemory, PlaceboSqlite),
}
BROKEN = ("count_then_insert", "evict_after_insert")


def open_variant(name):
    """Return an ``open_store`` that opens the variant of this name; ``correct`` is the real thing."""
    if name == "correct":
        return open_store
    memory, sqlite = VARIANTS[name]

    def open_it(url, *, clock, limit=5, namespace=""):
        if url.startswith("memory://"):
            return memory(clock=clock, limit=limit)
        return sqlite(url.removeprefix("sqlite:///"), clock=clock, limit=limit)

    return open_it


open_count_then_insert = open_variant("count_then_insert")
open_evict_after_insert = open_variant("evict_after_insert")
open_placebo = open_variant("placebo")
