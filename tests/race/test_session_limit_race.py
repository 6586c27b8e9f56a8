"""The session limit of the reference implementation, its two broken variants and its placebo."""

from __future__ import annotations

import os

import pytest
from tests.race.workloads.session_limit import CountThenInsert, EvictAfterInsert, Placebo, SessionLimit

from planproof.backends.model import Backend, BackendKind
from planproof.race import run


EMBEDDED = {
    "memory": Backend(BackendKind.MEMORY, "memory://"),
    "sqlite": Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule"),
}
# In memory most logins are over before the next client is awake: many rounds, so that some do meet.
ROUNDS = {"memory": 200, "sqlite": 15}
LONG = os.environ.get("PLANPROOF_LONG_RACES")


@pytest.mark.parametrize("kind", EMBEDDED)
@pytest.mark.parametrize("mode", ["explore", "stress"])
def test_the_race_tells_right_from_wrong(kind, mode):
    result = run(
        SessionLimit,
        backend=EMBEDDED[kind],
        schedules=40 if mode == "explore" else ROUNDS[kind],
        seed=7,
        mode=mode,
        controls=(CountThenInsert, EvictAfterInsert),
        placebo=Placebo,
    )
    assert result.outcome == "passed", result.reason or result.failure.reason
    killed = {
        name.rpartition(":")[2]: told["property"] for name, told in result.certificate["controls"].items()
    }
    assert killed == {
        "CountThenInsert": "never_over_the_limit",
        "EvictAfterInsert": "never_over_the_limit",
        "Placebo": None,
    }


@pytest.mark.parametrize("workload", [SessionLimit, Placebo])
def test_every_order_of_two_logins_on_sqlite(workload):
    result = run(workload, backend=EMBEDDED["sqlite"], schedules=2000, orders="all")
    assert result.outcome == "passed", result.reason
    assert result.certificate["exhausted"]


@pytest.mark.postgres
def test_every_order_of_two_logins_on_postgres(postgres_backend):
    result = run(SessionLimit, backend=postgres_backend, schedules=2000, orders="all")
    assert result.outcome == "passed", result.reason
    assert result.certificate["exhausted"]


@pytest.mark.dynamodb
def test_logins_on_dynamodb(dynamodb_backend):
    result = run(SessionLimit, backend=dynamodb_backend, schedules=10)
    assert result.outcome == "passed", result.reason


@pytest.mark.slow
@pytest.mark.skipif(not LONG, reason="ten thousand schedules take minutes: set PLANPROOF_LONG_RACES=1")
@pytest.mark.parametrize("kind", EMBEDDED)
@pytest.mark.parametrize("workload", [SessionLimit, Placebo])
def test_ten_thousand_schedules(kind, workload):
    result = run(workload, backend=EMBEDDED[kind], schedules=10_000, seed=2026)
    assert result.outcome == "passed", result.reason or result.failure.reason
