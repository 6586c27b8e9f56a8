"""The limit on configurations holds under concurrent creates (S3.T005, S3.T006, S3.T013, S3.T014)."""

from __future__ import annotations

import threading

import boto3
import pytest
from tests.unit.sessionkeeper.aws_faults import LOST, Room, Waits, refusal, together

from sessionkeeper.clock import ManualClock
from sessionkeeper.data_access.exceptions import InvalidItemError, ItemNotFoundError, ThrottledError
from sessionkeeper.resilience.configurations import (
    CONFIGURATIONS,
    Configuration,
    ConfigurationLimitError,
    Configurations,
    DuplicateConfigurationError,
)
from sessionkeeper.resilience.retry import RetryPolicy, is_transient_dynamodb_error


pytestmark = pytest.mark.dynamodb
LIMIT = 3


@pytest.fixture
def room(dynamodb_backend):
    opened = Room(dynamodb_backend.url, [CONFIGURATIONS])
    yield opened
    opened.close()


@pytest.fixture
def configurations(room):
    return make(room)


def make(room, limit=LIMIT):
    policy = RetryPolicy(is_transient_dynamodb_error, sleep=room.waits)
    return Configurations(
        room.low_level, limit=limit, prefix=room.prefix, retry=policy, clock=ManualClock(1_700_000_000.0)
    )


def test_up_to_the_limit_and_no_further(configurations):
    for number in range(LIMIT):
        configurations.create_configuration("u1", f"c{number}", ["AAPL"])

    with pytest.raises(ConfigurationLimitError) as caught:
        configurations.create_configuration("u1", "one more", [])
    assert caught.value.http_status == 409
    assert configurations.count_user_configurations("u1") == LIMIT
    assert [c.name for c in configurations.list_configurations("u1")] == ["c0", "c1", "c2"]
    assert configurations.create_configuration("u2", "c0", []).name == "c0"  # another user has room


def test_a_duplicate_is_refused_and_does_not_count(configurations):
    configurations.create_configuration("u1", "Tech", ["AAPL"])

    for same in ("Tech", "tech", " TECH ", "\uff34ech"):
        with pytest.raises(DuplicateConfigurationError):
            configurations.create_configuration("u1", same, ["MSFT"])
    assert configurations.count_user_configurations("u1") == 1
    assert configurations.get_configuration("u1", "TECH").tickers == ("AAPL",)


@pytest.mark.parametrize("callers", [5, 24])
def test_concurrent_creates_never_exceed_the_limit(room, configurations, callers):
    """Five at once as the document asks, and as many more as make it hard; a watcher looks all the time."""
    seen, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            seen.append(len(configurations.list_configurations("u1")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    results = together(callers, lambda n: configurations.create_configuration("u1", f"c{n}", []))
    stop.set()
    watcher.join()

    assert sum(isinstance(result, Configuration) for result in results) == LIMIT
    assert {type(result) for result in results} == {Configuration, ConfigurationLimitError}
    assert max(seen) <= LIMIT
    assert (
        len(configurations.list_configurations("u1"))
        == LIMIT
        == configurations.count_user_configurations("u1")
    )


def test_concurrent_creates_of_one_name_make_one(configurations):
    results = together(12, lambda _n: configurations.create_configuration("u1", "same", []))

    assert sum(isinstance(result, Configuration) for result in results) == 1
    assert {type(result) for result in results} == {Configuration, DuplicateConfigurationError}
    assert configurations.count_user_configurations("u1") == 1


def test_creating_and_deleting_together_keep_count_and_rows_equal(configurations):
    def work(number):
        for turn in range(4):
            try:
                configurations.create_configuration("u1", f"c{number}-{turn}", [])
                configurations.delete_configuration("u1", f"c{number}-{turn}")
            except ConfigurationLimitError:
                continue

    assert together(6, work) == [None] * 6
    assert configurations.count_user_configurations("u1") == 0
    assert configurations.list_configurations("u1") == []


def test_deleting_makes_room_once(configurations):
    configurations.create_configuration("u1", "c", [])
    configurations.delete_configuration("u1", "c")

    with pytest.raises(ItemNotFoundError):
        configurations.delete_configuration("u1", "c")
    assert configurations.count_user_configurations("u1") == 0


def test_a_lost_answer_makes_one_configuration(room, configurations):
    room.wire.next("TransactWriteItems", LOST)

    made = configurations.create_configuration("u1", "c", ["V"], request_id="r1")

    assert made == configurations.get_configuration("u1", "c")
    assert configurations.count_user_configurations("u1") == 1
    assert len(room.waits) == 1


def test_a_repeated_request_gets_its_own_configuration_even_at_the_limit(room):
    configurations = make(room, limit=1)
    made = configurations.create_configuration("u1", "c", ["V"], request_id="r1")
    configurations._clock.advance(5)  # the second request is another one to the store

    assert configurations.create_configuration("u1", "c", ["V"], request_id="r1") == made
    with pytest.raises(DuplicateConfigurationError):
        configurations.create_configuration("u1", "c", ["V"], request_id="r2")


def test_a_conflict_is_retried_and_a_bug_is_not(room, configurations):
    def cancelled(*codes):
        reasons = [{"Code": code} for code in codes]
        return refusal("TransactionCanceledException", CancellationReasons=reasons)

    room.wire.next("TransactWriteItems", cancelled("TransactionConflict", "None"))
    configurations.create_configuration("u1", "c", [])
    assert (room.wire.count("TransactWriteItems"), len(room.waits)) == (2, 1)

    room.wire.next("TransactWriteItems", cancelled("ValidationError", "None"))
    with pytest.raises(InvalidItemError):
        configurations.create_configuration("u1", "d", [])
    assert room.wire.count("TransactWriteItems") == 3


def test_queries_are_retried(room, configurations):
    configurations.create_configuration("u1", "c", [])
    room.wire.next("Query", *[refusal("ThrottlingException")] * 2)
    assert len(configurations.list_configurations("u1")) == 1

    room.wire.next("Query", *[refusal("ThrottlingException")] * 4)
    with pytest.raises(ThrottledError):
        configurations.list_configurations("u1")


def test_all_pages_are_listed(room):
    configurations = make(room, limit=100)
    for number in range(6):
        configurations.create_configuration("u1", f"c{number}", ["x" * 250_000])

    assert len(configurations.list_configurations("u1")) == 6
    assert room.wire.count("Query") >= 2


@pytest.mark.parametrize(
    ("user", "name", "tickers"),
    [("", "c", []), ("u1", " ", []), ("u1", "c", ["x" * 410_000]), ("u1", "n" * 2000, [])],
)
def test_what_can_not_be_stored_is_refused(configurations, user, name, tickers):
    with pytest.raises(InvalidItemError):
        configurations.create_configuration(user, name, tickers)
    assert configurations.count_user_configurations("u1") == 0


def test_settings_that_make_no_sense_are_refused(room):
    with pytest.raises(ValueError, match="at least 1"):
        make(room, limit=0)
    with pytest.raises(ValueError, match="must not retry"):
        Configurations(boto3.client("dynamodb", region_name="us-east-1"))
    assert Waits() == []
