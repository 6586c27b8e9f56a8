"""DynamoDBClient on DynamoDB Local, with the faults that it never shows put in on the wire (S4.DC.*)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import chain

import boto3
import pytest
from boto3.dynamodb.conditions import Attr
from tests.unit.sessionkeeper.aws_faults import LOST, PASS, Room, Waits, refusal, together

from sessionkeeper.data_access.backoff import Backoff
from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    DynamoDBError,
    InvalidItemError,
    ItemNotFoundError,
    RetryableError,
    ThrottledError,
)
from sessionkeeper.data_access.tables import CONNECTIONS, RATE_LIMITS, SESSIONS


pytestmark = pytest.mark.dynamodb
THROTTLED = refusal("ProvisionedThroughputExceededException")
INDEX = "sessionId-targetLanguage-index"
KEY = {"sessionId": "s1"}


@pytest.fixture
def room(dynamodb_backend):
    opened = Room(dynamodb_backend.url)
    yield opened
    opened.close()


def connection(number, session="s1", **more):
    return {"connectionId": f"c{number:04}", "sessionId": session, "targetLanguage": "de", **more}


class TestItems:
    def test_an_item_comes_back_as_it_went(self, room):
        item = {
            **KEY,
            "isActive": True,
            "listenerCount": 3,
            "share": Decimal("0.5"),
            "notes": ["ü", {"n": 1}],
        }
        room.client.put_item(SESSIONS, item)

        assert room.client.get_item(SESSIONS, KEY) == item
        assert isinstance(room.client.get_item(SESSIONS, KEY)["listenerCount"], int)
        assert room.client.get_item(SESSIONS, {"sessionId": "other"}) is None

    @pytest.mark.parametrize(
        "name", ["count", "ttl", "role", "status", "timestamp", "source", "user", "hash"]
    )
    def test_reserved_words_are_names_like_others(self, room, name):
        room.client.put_item(SESSIONS, {**KEY, name: 1})

        assert room.client.update_item(SESSIONS, KEY, {name: 5}, condition=Attr(name).eq(1))[name] == 5
        assert room.client.atomic_increment(SESSIONS, KEY, name, condition=Attr(name).gt(0)) == 6
        assert room.client.atomic_decrement_with_floor(SESSIONS, KEY, name) == 5
        assert name not in room.client.update_item(SESSIONS, KEY, {}, remove=[name])

    def test_an_update_never_creates(self, room):
        with pytest.raises(ItemNotFoundError):
            room.client.update_item(SESSIONS, KEY, {"isActive": False})

        assert room.client.get_item(SESSIONS, KEY) is None

    def test_a_condition_tells_what_stood_there(self, room):
        room.client.put_item(SESSIONS, {**KEY, "qualityTier": "gold"})

        with pytest.raises(ConditionalCheckFailedError) as caught:
            room.client.put_item(SESSIONS, KEY, condition=Attr("sessionId").not_exists())
        assert caught.value.item == {**KEY, "qualityTier": "gold"}
        with pytest.raises(ConditionalCheckFailedError):
            room.client.delete_item(SESSIONS, KEY, condition=Attr("qualityTier").eq("lead"))
        assert room.client.delete_item(SESSIONS, KEY) == {**KEY, "qualityTier": "gold"}
        assert room.client.delete_item(SESSIONS, KEY) is None

    @pytest.mark.parametrize(
        "item",
        [
            {"sessionId": "s", "notes": "x" * 410_000},
            {"sessionId": ""},
            {"sessionId": "s", "share": 0.5},
            {"sessionId": "s", "what": object()},
            {"sessionId": "s", "number": 10**40},
            {"sessionId": "s", "number": Decimal("NaN")},
            {"other": "no key"},
            {"sessionId": 5},
        ],
        ids=["400 KB", "empty key", "float", "object", "41 digits", "nan", "no key", "wrong key type"],
    )
    def test_what_can_not_be_stored_is_refused_at_once(self, room, item):
        with pytest.raises(InvalidItemError):
            room.client.put_item(SESSIONS, item)

        assert room.waits == []

    def test_an_update_of_nothing_is_refused(self, room):
        with pytest.raises(InvalidItemError):
            room.client.update_item(SESSIONS, KEY, {})

    def test_a_missing_table_is_an_error_of_ours(self, dynamodb_backend):
        room = Room(dynamodb_backend.url, tables=())

        with pytest.raises(DynamoDBError, match="does not stand"):
            room.client.get_item(SESSIONS, KEY)


class TestQueries:
    def test_all_pages_are_read(self, room):
        room.client.batch_write(CONNECTIONS, [connection(n, ipAddress="x" * 60_000) for n in range(40)])
        room.wire.sent.clear()

        found = room.client.query(CONNECTIONS, "s1", index=INDEX)

        assert len(found) == 40
        assert room.wire.count("Query") > 2  # more than a megabyte: the server cut it into pages

    def test_an_empty_page_is_not_the_end(self, room):
        room.client.batch_write(CONNECTIONS, [connection(n, role="speaker") for n in range(9)])
        room.client.put_item(CONNECTIONS, connection(99, role="listener"))

        found = room.client.query_pages(
            CONNECTIONS, "s1", index=INDEX, matching=Attr("role").eq("listener"), page_size=1
        )

        assert [item["connectionId"] for item in found] == ["c0099"]

    def test_by_language(self, room):
        room.client.put_item(CONNECTIONS, connection(1))
        room.client.put_item(CONNECTIONS, connection(2, targetLanguage="fr"))

        assert [i["connectionId"] for i in room.client.query(CONNECTIONS, "s1", sort="fr", index=INDEX)] == [
            "c0002"
        ]
        assert room.client.query(CONNECTIONS, "s2", index=INDEX) == []
        assert room.client.query(CONNECTIONS, "c0001", consistent=True) == [connection(1)]

    @pytest.mark.parametrize(
        "options", [{"index": INDEX, "consistent": True}, {"index": "nothing"}, {"sort": "de"}]
    )
    def test_an_impossible_query_is_not_sent(self, room, options):
        with pytest.raises(InvalidItemError):
            room.client.query(CONNECTIONS, "s1", **options)

        assert room.wire.count("Query") == 0


class TestCounters:
    def test_concurrent_increments_all_count(self, room):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 0})

        results = together(
            16, lambda _n: [room.client.atomic_increment(SESSIONS, KEY, "listenerCount") for _ in range(5)]
        )

        assert sorted(chain.from_iterable(results)) == list(range(1, 81))

    def test_concurrent_decrements_stop_at_the_floor(self, room):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 5})

        results = together(
            16, lambda _n: room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount")
        )

        assert Counter(results)[0] >= 12
        assert min(results) == 0
        assert room.client.get_item(SESSIONS, KEY)["listenerCount"] == 0

    def test_a_large_step_falls_to_the_floor(self, room):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 3})

        assert room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount", 2, floor=2) == 2
        assert room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount", 7, floor=-1) == -1
        assert room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount", floor=0) == -1
        assert room.client.atomic_decrement_with_floor(SESSIONS, KEY, "nothing") == 0
        assert "nothing" not in room.client.get_item(SESSIONS, KEY)

    @pytest.mark.parametrize("count", ["atomic_increment", "atomic_decrement_with_floor"])
    @pytest.mark.parametrize("request_id", [None, "r1"])
    def test_a_missing_item_stays_missing(self, room, count, request_id):
        with pytest.raises(ItemNotFoundError):
            getattr(room.client, count)(SESSIONS, KEY, "listenerCount", request_id=request_id)

        assert room.client.get_item(SESSIONS, KEY) is None

    @pytest.mark.parametrize("count", ["atomic_increment", "atomic_decrement_with_floor"])
    def test_a_condition_is_asked(self, room, count):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 2, "isActive": False})

        with pytest.raises(ConditionalCheckFailedError):
            getattr(room.client, count)(SESSIONS, KEY, "listenerCount", condition=Attr("isActive").eq(True))
        with pytest.raises(InvalidItemError):
            getattr(room.client, count)(SESSIONS, KEY, "listenerCount", 0)

    def test_a_lost_answer_is_not_guessed_at(self, room):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 0})
        room.wire.next("UpdateItem", LOST)

        with pytest.raises(RetryableError) as caught:
            room.client.atomic_increment(SESSIONS, KEY, "listenerCount")

        assert caught.value.outcome_unknown
        assert room.wire.count("UpdateItem") == 1
        assert room.client.get_item(SESSIONS, KEY)["listenerCount"] == 1

    def test_a_named_count_counts_once(self, room):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 5})
        room.wire.next("TransactWriteItems", LOST)

        assert room.client.atomic_increment(SESSIONS, KEY, "listenerCount", request_id="join-1") == 6
        assert room.client.atomic_increment(SESSIONS, KEY, "listenerCount", request_id="join-1") == 6
        assert (
            room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount", request_id="leave-1") == 5
        )
        assert (
            room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount", request_id="leave-1") == 5
        )
        with pytest.raises(InvalidItemError):
            room.client.atomic_decrement_with_floor(SESSIONS, KEY, "listenerCount", 2, request_id="leave-2")

    def test_a_throttled_count_was_not_applied_and_is_repeated(self, room):
        room.client.put_item(SESSIONS, {**KEY, "listenerCount": 0})
        room.wire.next("UpdateItem", THROTTLED, refusal("TransactionConflictException"))

        assert room.client.atomic_increment(SESSIONS, KEY, "listenerCount") == 1
        assert len(room.waits) == 2


class TestRetries:
    def test_the_waits_are_one_two_and_four_seconds_with_jitter(self, room):
        room.wire.next(
            "GetItem", THROTTLED, refusal("InternalServerError", 500), refusal("ThrottlingException")
        )

        assert room.client.get_item(SESSIONS, KEY) is None
        assert room.waits == [1.25, 2.5, 5.0]  # chance is held at its middle
        assert room.wire.count("GetItem") == 4

    def test_it_gives_up_after_the_last_attempt(self, room, caplog):
        room.wire.next("GetItem", *[THROTTLED] * 9)

        with pytest.raises(ThrottledError) as caught:
            room.client.get_item(SESSIONS, KEY)

        assert caught.value.retriable
        assert room.wire.count("GetItem") == 4  # not 4 times 4: the SDK does not retry underneath
        assert [record.levelname for record in caplog.records] == ["WARNING"] * 3 + ["ERROR"]

    def test_a_validation_error_is_not_retried(self, room):
        room.wire.next("GetItem", refusal("ValidationException"))

        with pytest.raises(InvalidItemError):
            room.client.get_item(SESSIONS, KEY)
        assert (room.wire.count("GetItem"), room.waits) == (1, [])

    def test_errors_of_either_kind_are_seen(self, room):
        failures = [RetryableError("ours"), None]

        def call():
            failure = failures.pop(0)
            if failure:
                raise failure
            return "done"

        assert room.client.retry_with_backoff(call) == "done"
        assert len(room.waits) == 1

    def test_a_client_that_retries_by_itself_is_refused(self):
        greedy = boto3.client("dynamodb", region_name="us-east-1")

        with pytest.raises(ValueError, match="total_max_attempts"):
            DynamoDBClient(greedy)

    def test_a_server_that_is_down_is_retriable(self):
        from sessionkeeper.data_access.connection import connect

        waits = Waits()
        low_level = connect("http://127.0.0.1:9", aws_access_key_id="x", aws_secret_access_key="x")
        client = DynamoDBClient(low_level, sleep=waits, backoff=Backoff(retries=2))

        with pytest.raises(RetryableError) as caught:
            client.get_item(SESSIONS, KEY)
        assert not caught.value.outcome_unknown
        assert len(waits) == 2

    def test_a_put_whose_answer_was_lost_knows_its_own_item(self, room):
        room.wire.next("PutItem", LOST)

        room.client.put_item(SESSIONS, KEY, condition=Attr("sessionId").not_exists())

        assert room.wire.count("PutItem") == 2

    def test_an_equal_item_without_a_lost_answer_is_still_a_conflict(self, room):
        room.client.put_item(SESSIONS, KEY)
        room.wire.next("PutItem", THROTTLED)

        with pytest.raises(ConditionalCheckFailedError):
            room.client.put_item(SESSIONS, KEY, condition=Attr("sessionId").not_exists())

    def test_a_conditional_update_of_unknown_outcome_is_not_repeated(self, room):
        room.client.put_item(SESSIONS, {**KEY, "qualityTier": "a"})
        room.wire.next("UpdateItem", PASS, LOST)

        room.client.update_item(SESSIONS, KEY, {"qualityTier": "b"})
        with pytest.raises(RetryableError) as caught:
            room.client.update_item(
                SESSIONS, KEY, {"qualityTier": "c"}, condition=Attr("qualityTier").eq("b")
            )
        assert caught.value.outcome_unknown


class TestTransactions:
    def test_reasons_tell_which_action_failed(self, room):
        name = room.client.table_name(SESSIONS)
        put = {"Put": {"TableName": name, "Item": {"sessionId": {"S": "new"}}}}
        check = {
            "ConditionCheck": {
                "TableName": name,
                "Key": {"sessionId": {"S": "missing"}},
                "ConditionExpression": "attribute_exists(sessionId)",
            }
        }

        with pytest.raises(ConditionalCheckFailedError) as caught:
            room.client.transact_write([put, check])
        assert caught.value.reasons == ("None", "ConditionalCheckFailed")
        assert room.client.get_item(SESSIONS, {"sessionId": "new"}) is None

    def test_a_conflict_is_repeated_and_a_bug_is_not(self, room):
        def cancelled(code):
            return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code}])

        put = {"Put": {"TableName": room.client.table_name(SESSIONS), "Item": {"sessionId": {"S": "new"}}}}
        room.wire.next(
            "TransactWriteItems",
            cancelled("TransactionConflict"),
            cancelled("ThrottlingError"),
            PASS,
            cancelled("ValidationError"),
        )

        room.client.transact_write([put])
        assert room.wire.count("TransactWriteItems") == 3
        with pytest.raises(InvalidItemError):
            room.client.transact_write([put])
        assert room.wire.count("TransactWriteItems") == 4

    def test_all_attempts_carry_one_token(self, room):
        put = {"Put": {"TableName": room.client.table_name(SESSIONS), "Item": {"sessionId": {"S": "new"}}}}
        room.wire.next("TransactWriteItems", LOST, LOST)

        room.client.transact_write([put])

        bodies = [
            body
            for name, body in zip(room.wire.sent, room.wire.bodies, strict=True)
            if name == "TransactWriteItems"
        ]
        assert len(bodies) == 3
        assert len(set(bodies)) == 1


class TestBatches:
    def test_sixty_items_go_in_chunks_of_25(self, room):
        assert room.client.batch_write(CONNECTIONS, [connection(n) for n in range(60)]) == 60
        assert room.wire.count("BatchWriteItem") == 3
        assert room.client.batch_delete(CONNECTIONS, [{"connectionId": f"c{n:04}"} for n in range(60)]) == 60
        assert room.client.query(CONNECTIONS, "s1", index=INDEX) == []

    def test_of_two_with_one_key_the_last_stands(self, room):
        assert room.client.batch_write(CONNECTIONS, [connection(1), connection(1, role="speaker")]) == 1
        assert room.client.get_item(CONNECTIONS, {"connectionId": "c0001"})["role"] == "speaker"
        assert room.client.batch_delete(CONNECTIONS, [{"connectionId": "c0001"}] * 3) == 1
        assert room.client.batch_write(CONNECTIONS, []) == 0

    def test_what_was_not_processed_is_sent_again_and_nothing_else(self, room):
        name = room.client.table_name(CONNECTIONS)
        left = [{"DeleteRequest": {"Key": {"connectionId": {"S": "c0003"}}}}]
        room.client.batch_write(CONNECTIONS, [connection(n) for n in range(5)])
        room.wire.bodies.clear()
        room.wire.sent.clear()
        room.wire.next("BatchWriteItem", (200, {"UnprocessedItems": {name: left}}), THROTTLED)

        room.client.batch_delete(CONNECTIONS, [{"connectionId": f"c{n:04}"} for n in range(5)])

        assert [body.count(b"DeleteRequest") for body in room.wire.bodies] == [5, 1, 1]
        assert room.waits == [1.25, 2.5]
        assert room.client.get_item(CONNECTIONS, {"connectionId": "c0003"}) is None

    def test_what_is_never_taken_is_named(self, room):
        name = room.client.table_name(RATE_LIMITS)
        left = [{"PutRequest": {"Item": {"identifier": {"S": "u1"}}}}]
        room.wire.next("BatchWriteItem", *[(200, {"UnprocessedItems": {name: left}})] * 9)

        with pytest.raises(RetryableError) as caught:
            room.client.batch_write(RATE_LIMITS, [{"identifier": "u1"}, {"identifier": "u2"}])
        assert caught.value.unprocessed == ({"identifier": "u1"},)
        assert room.wire.count("BatchWriteItem") == 4
