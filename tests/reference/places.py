"""Where a store lives during a test, and how to open it there, more than once if need be."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from functools import lru_cache

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
            drop_table(self.stores[0])


def drop_table(store):
    """Drop a store's table by a client that waits long: a busy server is slow to drop one of many."""
    client = store._client
    known = client._request_signer._credentials.get_frozen_credentials()
    patient = _patient(client.meta.endpoint_url, client.meta.region_name, known.access_key, known.secret_key)
    patient.delete_table(TableName=store._table)


@lru_cache
def _patient(address, region, key, secret):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "dynamodb",
        endpoint_url=address,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(read_timeout=120, retries={"total_max_attempts": 1}),
    )


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
