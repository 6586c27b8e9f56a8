"""The same race on PostgreSQL and DynamoDB Local, each with a broken design of its own and a placebo."""

from __future__ import annotations

from typing import ClassVar

from tests.race.workloads.session_limit import SessionLimit, Sessions, WorkloadClock

from planproof.backends import BackendKind
from sessionkeeper import SESSION_LIMIT


class _Design(SessionLimit):
    """A design of one server in the place of the reference implementation."""

    design: ClassVar = ""

    def open(self, backend):
        if backend.kind is BackendKind.POSTGRES:
            from tests.variants.postgres_designs import open_design
        else:
            from tests.variants.dynamodb_designs import open_design
        clock = WorkloadClock(self.clock)
        return Sessions(
            open_design(self.design)(backend.url, clock=clock, namespace=backend.namespace), clock
        )


class OnPostgres(SessionLimit):
    """The reference implementation on PostgreSQL."""

    backends: ClassVar = (BackendKind.POSTGRES,)


class PostgresCount(_Design):
    """Broken: counts, evicts the excess and inserts under READ COMMITTED."""

    backends: ClassVar = (BackendKind.POSTGRES,)
    design: ClassVar = "read_committed_count"
    already: ClassVar = SESSION_LIMIT


class PostgresPlacebo(_Design):
    """The designs' machinery with the lock in its place."""

    backends: ClassVar = (BackendKind.POSTGRES,)
    design: ClassVar = "user_row_without_slots"


class OnDynamoDB(SessionLimit):
    """The reference implementation on DynamoDB Local."""

    backends: ClassVar = (BackendKind.DYNAMODB,)


class DynamoDBQuery(_Design):
    """Broken: asks how many there are, then writes."""

    backends: ClassVar = (BackendKind.DYNAMODB,)
    design: ClassVar = "query_then_swap"


class DynamoDBPlacebo(_Design):
    """The design's machinery with the slots in their place."""

    backends: ClassVar = (BackendKind.DYNAMODB,)
    design: ClassVar = "version_without_slots"
