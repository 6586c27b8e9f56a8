"""Laws of the boundary, resilience and data packages, each on the real thing and on a broken variant.

A law that a broken variant passes would prove nothing; here every one is seen to fail.
"""

from __future__ import annotations

import threading
import uuid

import pytest
from tests.unit.sessionkeeper.aws_faults import Middle, Room, refusal, together
from tests.unit.sessionkeeper.broken_boundary import (
    CountThenPut,
    FloorBySetting,
    GetComparePut,
    LookThenAppend,
    RetryOfTheWrongError,
    UpdateThatCreates,
    append_without_repair,
)

from sessionkeeper.boundary.layout import session_directory, session_log_path
from sessionkeeper.boundary.ledger import MemoryLedger
from sessionkeeper.boundary.schema_recorder import RecorderConfig, append_event, recorded_events
from sessionkeeper.boundary.schemas import SessionManagerStartInput, SessionManagerStartOutput
from sessionkeeper.boundary.service import SessionService
from sessionkeeper.clock import ManualClock
from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
from sessionkeeper.data_access.exceptions import DynamoDBError
from sessionkeeper.data_access.rate_limits_repository import RateLimit, RateLimitsRepository
from sessionkeeper.data_access.tables import SESSIONS, TABLES
from sessionkeeper.resilience.configurations import CONFIGURATIONS, Configurations
from sessionkeeper.resilience.retry import RetryPolicy, is_transient_dynamodb_error


KEY = {"sessionId": "s1"}
LOG = "sess_" + "a" * 43
dynamodb = pytest.mark.dynamodb


@pytest.fixture
def room(dynamodb_backend):
    opened = Room(dynamodb_backend.url, [*TABLES, CONFIGURATIONS])
    yield opened
    opened.close()


def client_of(room, kind):
    return kind(room.low_level, prefix=room.prefix, sleep=room.waits, chance=Middle())


def meeting(callers):
    """A gap in which all callers wait for each other, so that all have looked before any writes."""
    return threading.Barrier(callers, timeout=20).wait


# The laws. Each takes what it judges and returns whether it holds.


def increments_survive(room, client):
    """An increment right after a decrement was refused at the floor is not wiped out."""
    client.put_item(SESSIONS, {**KEY, "listenerCount": 0})
    other = DynamoDBClient(room.another(), prefix=room.prefix)
    done = []

    def overtake(**_kwargs):
        if not done:
            done.append(other.atomic_increment(SESSIONS, KEY, "listenerCount"))

    room.low_level.meta.events.register("after-call.dynamodb.UpdateItem", overtake)
    client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount")
    return done == [1] and other.get_item(SESSIONS, KEY)["listenerCount"] == 1


def the_deleted_stay_deleted(client):
    """No touch brings an item back."""
    for touch in (
        lambda: client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount"),
        lambda: client.update_item(SESSIONS, KEY, {"isActive": False}),
    ):
        try:
            touch()
        except DynamoDBError:
            continue
    return client.get_item(SESSIONS, KEY) is None


def transient_errors_are_waited_out(room, client):
    """One throttled answer is not an error."""
    room.wire.next("GetItem", refusal("ThrottlingException"))
    try:
        client.get_item(SESSIONS, KEY)
    except DynamoDBError:
        return False
    return True


def allowed_at_once(callers, check):
    """How many of some callers at once are let through."""
    results = together(callers, check)
    return sum(not isinstance(result, Exception) and result is not False for result in results)


@dynamodb
@pytest.mark.parametrize(("kind", "holds"), [(DynamoDBClient, True), (FloorBySetting, False)])
def test_increments_survive(room, kind, holds):
    assert increments_survive(room, client_of(room, kind)) is holds


@dynamodb
@pytest.mark.parametrize(
    ("kind", "holds"), [(DynamoDBClient, True), (FloorBySetting, False), (UpdateThatCreates, False)]
)
def test_the_deleted_stay_deleted(room, kind, holds):
    assert the_deleted_stay_deleted(client_of(room, kind)) is holds


@dynamodb
@pytest.mark.parametrize(("kind", "holds"), [(DynamoDBClient, True), (RetryOfTheWrongError, False)])
def test_transient_errors_are_waited_out(room, kind, holds):
    assert transient_errors_are_waited_out(room, client_of(room, kind)) is holds


@dynamodb
def test_the_limit_on_configurations(room):
    policy = RetryPolicy(is_transient_dynamodb_error, sleep=room.waits)
    right = Configurations(room.low_level, limit=2, prefix=room.prefix, retry=policy)
    wrong = CountThenPut(room.low_level, room.prefix, 2, meeting(6))

    assert allowed_at_once(6, lambda n: right.create_configuration("right", f"c{n}", [])) == 2
    assert allowed_at_once(6, lambda n: wrong.create_configuration("wrong", f"c{n}", [])) == 6
    assert (len(right.list_configurations("right")), wrong.stored("wrong")) == (2, 6)


@dynamodb
def test_the_tokens_of_a_bucket(room):
    clock = ManualClock(4_000_000_000.0)  # the emulator removes what has expired by the real clock
    right = RateLimitsRepository(room.client, RateLimit(5, 10), clock=clock)
    wrong = GetComparePut(room.client, 5, meeting(12))

    assert allowed_at_once(12, lambda _n: right.check_rate_limit("right")[0]) == 5
    assert allowed_at_once(12, lambda _n: wrong.check_rate_limit("wrong")[0]) == 12


@pytest.mark.parametrize("right", [True, False])
def test_one_active_session_of_a_user(tmp_path, right):
    recorder, clock = RecorderConfig(tmp_path, sync=False), ManualClock()
    made = (
        SessionService(MemoryLedger(), recorder, clock=clock)
        if right
        else LookThenAppend(recorder, clock, meeting(6))
    )
    payload = SessionManagerStartInput(user_id="u1", performer_id="n")

    assert allowed_at_once(6, lambda _n: made.start_session(payload)) == (1 if right else 6)
    assert len(list(tmp_path.rglob("*.jsonl"))) == (1 if right else 6)


@pytest.mark.parametrize(("append", "holds"), [(append_event, True), (append_without_repair, False)])
def test_an_event_after_a_crash_is_readable(tmp_path, append, holds):
    recorder = RecorderConfig(tmp_path, sync=False)
    session_directory("u1", root=tmp_path).mkdir(parents=True)
    session_log_path("u1", LOG, root=tmp_path).write_text('{"record_id": "cut sho')
    event = SessionManagerStartOutput(
        record_id=str(uuid.uuid4()),
        user_id="u1",
        session_id=LOG,
        timestamp="2026-01-01T00:00:00.000Z",
        performer_id="n",
    )
    append(recorder, "u1", LOG, event)

    try:
        found = recorded_events(recorder, "u1", LOG) == [event.model_dump()]
    except ValueError:
        found = False
    assert found is holds
