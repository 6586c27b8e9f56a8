"""Where a store lives during a test, and how to open it there, more than once if need be."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from sessionkeeper import (
    Keeper,
    ManualClock,
    Patience,
    SessionManager,
    SessionSettings,
    TokenMint,
    open_store,
)


PEPPER = b"a pepper for tests, 32 bytes long"
# In the years to come: DynamoDB Local removes what lies in the past by the machine's own clock.
START = 2_000_000_000.0
KINDS = ("memory", "sqlite", "postgres", "dynamodb")


@dataclass
class Place:
    """One empty store of one kind.

    Opening it again with another limit shows the same sessions, as a process started with other settings
    would see them. Memory has no second process: there the limit of the one store is changed.
    """

    kind: str
    url: str
    namespace: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    stores: list = field(default_factory=list)

    def open(self, clock, limit=5):
        if self.kind == "memory" and self.stores:
            self.stores[0].limit = limit
            return self.stores[0]
        store = open_store(self.url, clock=clock, limit=limit, namespace=self.namespace)
        self.stores.append(store)
        return store

    def close(self):
        for store in self.stores:
            store.close()
        if self.kind == "postgres":
            import psycopg

            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP SCHEMA IF EXISTS {self.namespace} CASCADE")
        if self.kind == "dynamodb" and self.stores:
            client, table = self.stores[0]._client, self.stores[0]._table
            client.delete_table(TableName=table)


@dataclass
class System:
    """A keeper, its manager, its store and its clock."""

    keeper: Keeper
    clock: object

    @classmethod
    def at(cls, place, *, clock=None, limit=5, patience=None, **settings):
        clock = clock or ManualClock(START)
        keeper = Keeper(
            place.open(clock, limit),
            TokenMint(PEPPER),
            SessionSettings(**settings),
            clock,
            patience or Patience(),
        )
        return cls(keeper, clock)

    @property
    def store(self):
        return self.keeper.store

    @property
    def manager(self):
        return SessionManager(self.keeper)

    def login(self, user="ann", **options):
        """Log in one second after whatever happened before, so that ages differ."""
        if isinstance(self.clock, ManualClock):
            self.clock.advance(1)
        return self.manager.create(user, **options)

    def live(self, user="ann"):
        return [session.session_id for session in self.store.sessions_of(user)]


def wall_clock_start():
    """The present, for tests in which real time passes."""
    return time.time()
