"""What a DynamoDB transaction consists of, and what each of its refusals means (S0.T012, S0.T013, S0.K4).

DynamoDB Local serialises everything and is never busy: it cannot show conflict, throttling or a lost reply.
So here the client's answers are made up, by botocore's own stubber, which checks each request against the
service's model.
"""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from sessionkeeper import (
    EndReason,
    Keeper,
    LoginKind,
    ManualClock,
    RaceReason,
    SessionLimitRaceError,
    StoreDefectError,
    StoreUnavailableError,
    TokenMint,
)
from sessionkeeper.model import Block
from sessionkeeper.stores import dynamodb
from sessionkeeper.stores.dynamodb import DynamoDBSessionStore
from sessionkeeper.stores.items import block_item, block_of_item, session_item, session_of_item


@pytest.fixture
def client():
    return boto3.client(
        "dynamodb",
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def stub(client):
    with Stubber(client) as stubber:
        stubber.add_client_error("create_table", "ResourceInUseException")
        stubber.add_response("describe_table", {"Table": {"TableStatus": "ACTIVE"}})
        stubber.add_response(
            "describe_time_to_live", {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}
        )
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def clock():
    return ManualClock(2_000_000_000.0)


@pytest.fixture
def store(client, stub, clock):
    return DynamoDBSessionStore(client, "sessions", clock=clock)


def newcomer(store, clock):
    return Keeper(store, TokenMint(b"p" * 32), clock=clock).prepare("ann", LoginKind.DIRECT)[0]


def full_house(store, clock):
    from dataclasses import replace

    return [
        replace(newcomer(store, clock), slot=slot, created_at=clock.now() - 100 + slot) for slot in range(5)
    ]


def cancelled(*codes):
    reasons = [{"Code": code} for code in codes]
    return {
        "service_error_code": "TransactionCanceledException",
        "modeled_fields": {"CancellationReasons": reasons},
    }


def show(stub, sessions=()):
    stub.add_response("query", {"Items": [session_item(each) for each in sessions]})


def test_an_eviction_is_one_transaction_that_rests_on_every_slot(store, stub, clock):
    house, new = full_house(store, clock), newcomer(store, clock)
    show(stub, house)
    sent = {}
    stub.add_response("transact_write_items", {}, {"TransactItems": ANY, "ClientRequestToken": ANY})
    store._client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems", lambda params, **_: sent.update(params)
    )
    admission = store.create(new)
    assert admission.ended == (house[0],)
    shapes = [
        (kind, (action.get("Item") or action["Key"])["PK"]["S"].partition("#")[0])
        for item in sent["TransactItems"]
        for kind, action in item.items()
    ]
    assert sorted(shapes) == sorted(
        [
            ("Put", "USER"),
            *[("ConditionCheck", "USER")] * 4,
            ("Put", "SESSION"),
            ("Delete", "SESSION"),
            ("Put", "BLOCK"),
        ]
    )
    keys = [
        str(action.get("Item") or action["Key"]) for item in sent["TransactItems"] for action in item.values()
    ]
    assert len(set(keys)) == len(keys)  # two actions on one item would always be refused
    swap = next(
        item["Put"] for item in sent["TransactItems"] if "USER" in str(item.get("Put", {}).get("Item"))
    )
    assert swap["ConditionExpression"] == "#session = :session AND #version = :version"


NONE = "None"


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (["ConditionalCheckFailed", NONE, NONE], RaceReason.SLOT_TAKEN),
        ([NONE, "ConditionalCheckFailed"], RaceReason.CONFLICT),
        (["TransactionConflict", NONE], RaceReason.CONFLICT),
        (["ThrottlingError", NONE], RaceReason.THROTTLED),
        ([NONE, "ProvisionedThroughputExceeded"], RaceReason.THROTTLED),
        (["ConditionalCheckFailed", "TransactionConflict"], RaceReason.SLOT_TAKEN),
    ],
)
def test_a_cancelled_transaction_says_what_to_do_next(store, stub, clock, codes, reason):
    show(stub)
    stub.add_client_error("transact_write_items", **cancelled(*codes))
    with pytest.raises(SessionLimitRaceError) as caught:
        store.create(newcomer(store, clock))
    assert (caught.value.reason, caught.value.user_id, caught.value.retriable) == (reason, "ann", True)


def test_a_victim_that_is_gone_asks_for_a_fresh_look(store, stub, clock):
    show(stub, full_house(store, clock))
    stub.add_client_error("transact_write_items", **cancelled("ConditionalCheckFailed"))
    with pytest.raises(SessionLimitRaceError) as caught:
        store.create(newcomer(store, clock))
    assert caught.value.reason is RaceReason.EVICTED_MEANWHILE


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("TransactionConflictException", RaceReason.CONFLICT),
        ("TransactionInProgressException", RaceReason.CONFLICT),
        ("ProvisionedThroughputExceededException", RaceReason.THROTTLED),
        ("ThrottlingException", RaceReason.THROTTLED),
    ],
)
def test_so_does_an_error_of_its_own(store, stub, clock, code, reason):
    show(stub)
    stub.add_client_error("transact_write_items", code)
    with pytest.raises(SessionLimitRaceError) as caught:
        store.create(newcomer(store, clock))
    assert caught.value.reason is reason


@pytest.mark.parametrize("code", ["ValidationException", "IdempotentParameterMismatchException"])
def test_a_request_that_is_wrong_in_itself_is_never_repeated(store, stub, clock, code):
    show(stub)
    stub.add_client_error("transact_write_items", code)
    with pytest.raises(StoreDefectError) as caught:
        store.create(newcomer(store, clock))
    assert not caught.value.retriable


def test_nor_is_a_transaction_with_a_wrong_action(store, stub, clock):
    show(stub)
    stub.add_client_error("transact_write_items", **cancelled("ValidationError", "ConditionalCheckFailed"))
    with pytest.raises(StoreDefectError):
        store.create(newcomer(store, clock))


def test_an_unanswered_transaction_is_sent_again_with_its_own_token(store, stub, clock):
    show(stub)
    tokens = []
    store._client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    stub.add_client_error("transact_write_items", "InternalServerError", http_status_code=500)
    stub.add_response("transact_write_items", {})
    store.create(newcomer(store, clock))
    assert len(tokens) == 2
    assert tokens[0] == tokens[1]
    assert 1 <= len(tokens[0]) <= 36


def test_two_attempts_never_share_a_token(store, stub, clock):
    new, tokens = newcomer(store, clock), []
    store._client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    for _ in range(2):
        show(stub)
        stub.add_response("transact_write_items", {})
        store.create(new)
    assert tokens[0] != tokens[1]


def test_after_three_sendings_the_store_counts_as_down(store, stub, clock, monkeypatch):
    show(stub)
    sent = []

    def silence(**_):
        sent.append(1)
        raise ReadTimeoutError(endpoint_url="x")

    monkeypatch.setattr(store._client, "transact_write_items", silence)
    with pytest.raises(StoreUnavailableError):
        store.create(newcomer(store, clock))
    assert len(sent) == dynamodb.SENDINGS


def test_a_table_that_cannot_be_reached_is_an_error_and_not_an_empty_answer(store, monkeypatch):
    def unreachable(**_):
        raise ConnectTimeoutError(endpoint_url="x")

    monkeypatch.setattr(store._client, "get_item", unreachable)
    for question in (lambda: store.find("x" * 22), lambda: store.block_of("0" * 64)):
        with pytest.raises(StoreUnavailableError):
            question()


def test_the_sdk_does_not_retry_behind_our_back():
    assert dynamodb._POLICY.retries["total_max_attempts"] == 1


def test_items_come_back_as_they_went(store, clock):
    session = newcomer(store, clock)
    assert session_of_item(session_item(session)) == session
    block = Block.of(session, EndReason.REUSED, clock.now() + 0.25)
    assert block_of_item(block_item(block)) == block
    assert block_item(block)["ttl"] == {"N": str(2_000_000_001 + 30 * 24 * 3600)}
    assert block_item(block)["PK"] == {"S": f"BLOCK#refresh#{session.refresh_hash}"}
