"""A cancelled transaction becomes an error that says why; DynamoDB's answers are put in on the wire."""

import pytest

from sessionkeeper import (
    Keeper,
    LoginKind,
    ManualClock,
    Patience,
    RaceReason,
    SessionLimitRaceError,
    TokenMint,
    create_session_with_limit_enforcement,
    evict_oldest_session_atomic,
)


boto3 = pytest.importorskip("boto3", reason="needs boto3")

from botocore.config import Config  # noqa: E402 - after the skip
from tests.unit.sessionkeeper.aws_faults import Wire, refusal  # noqa: E402 - after the skip

from sessionkeeper.stores.dynamodb import DynamoDBSessionStore  # noqa: E402 - after the skip


REASONS = [
    ("ConditionalCheckFailed", {RaceReason.SLOT_TAKEN, RaceReason.EVICTED_MEANWHILE}),
    ("TransactionConflict", {RaceReason.CONFLICT}),
    ("ThrottlingError", {RaceReason.THROTTLED}),
]


def cancelled(code):
    """DynamoDB's answer when the first action of a transaction is refused."""
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code, "Message": ""}])


@pytest.fixture
def wired():
    """A store on a client whose every request is answered here."""
    client = boto3.client(
        "dynamodb",
        endpoint_url="http://127.0.0.1:1",
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    wire = Wire(client)
    wire.next("CreateTable", refusal("ResourceInUseException"))
    wire.next("DescribeTable", (200, {"Table": {"TableStatus": "ACTIVE"}}))
    wire.next("DescribeTimeToLive", (200, {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}))
    store = DynamoDBSessionStore(client, "sessions", clock=ManualClock(2_000_000_000.0))
    wire.sent.clear()
    return store, wire


def keeper_on(store):
    return Keeper(
        store,
        TokenMint(b"a pepper for tests, 32 bytes long"),
        clock=ManualClock(2_000_000_000.0),
        patience=Patience(attempts=3, sleep=lambda _: None),
    )


@pytest.mark.proves(
    "session-eviction-transact:T012",
    "session-eviction-transact:T013",
    "session-eviction-transact:US3/independent-test",
    "session-eviction-transact:CC5",
)
@pytest.mark.parametrize(("code", "reasons"), REASONS)
def test_a_cancelled_transaction_raises_the_race_error_with_its_reason(wired, code, reasons):
    store, wire = wired
    wire.next("Query", (200, {"Items": [], "Count": 0}))
    wire.next("TransactWriteItems", cancelled(code))

    with pytest.raises(SessionLimitRaceError) as lost:
        evict_oldest_session_atomic(store, keeper_on(store).prepare("ann", LoginKind.DIRECT)[0])

    assert lost.value.retriable
    assert lost.value.reason in reasons


@pytest.mark.proves("session-eviction-transact:T013", part=True)
@pytest.mark.proves("session-eviction-transact:US3")
def test_the_wrapper_tries_again_and_then_says_so(wired):
    store, wire = wired
    wire.next("Query", *[(200, {"Items": [], "Count": 0})] * 3)
    wire.next("TransactWriteItems", *[cancelled("TransactionConflict")] * 3)

    with pytest.raises(SessionLimitRaceError):
        create_session_with_limit_enforcement(keeper_on(store), "ann")

    assert wire.count("TransactWriteItems") == 3


def test_a_session_is_written_by_one_transaction_and_nothing_else(wired):
    store, wire = wired
    wire.next("Query", (200, {"Items": [], "Count": 0}))
    wire.next("TransactWriteItems", (200, {}))

    create_session_with_limit_enforcement(keeper_on(store), "ann")

    assert [name for name in wire.sent if name != "Query"] == ["TransactWriteItems"]
