"""What is sent to DynamoDB, without a server: every request is answered here and its body looked at.

Whether the server then keeps its word is shown on DynamoDB Local (test_data_access_*, marked dynamodb).
"""

from __future__ import annotations

import json
import logging
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.unit.sessionkeeper.aws_faults import Middle, Waits, Wire, refusal

import sessionkeeper
from sessionkeeper.clock import ManualClock
from sessionkeeper.data_access.connection import connect
from sessionkeeper.data_access.connections_repository import Connection, ConnectionsRepository, Role
from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    DynamoDBError,
    InvalidItemError,
    RetryableError,
)
from sessionkeeper.data_access.items import to_wire
from sessionkeeper.data_access.rate_limits_repository import RateLimit, RateLimitsRepository
from sessionkeeper.data_access.sessions_repository import SessionsRepository, SpeakerSession
from sessionkeeper.data_access.tables import CONNECTIONS, SESSIONS, TABLES, create_tables
from sessionkeeper.resilience.configurations import (
    ConfigurationLimitError,
    Configurations,
    DuplicateConfigurationError,
)
from sessionkeeper.resilience.retry import RetryPolicy, is_transient_dynamodb_error


REFERENCE = Path(sessionkeeper.__file__).resolve().parents[1]
NOW = 1_700_000_000.0
DONE = (200, {})
STANDS = {"sessionId": {"S": "s"}, "isActive": {"BOOL": False}}


class Answered:
    """A client to nowhere: a test says what each request is answered."""

    def __init__(self):
        self.low_level = connect(
            "http://127.0.0.1:9", aws_access_key_id="local", aws_secret_access_key="local"
        )
        self.wire = Wire(self.low_level)
        self.waits = Waits()
        self.client = DynamoDBClient(self.low_level, sleep=self.waits, chance=Middle())

    def bodies(self, operation):
        """What was sent in requests of one operation."""
        pairs = zip(self.wire.sent, self.wire.bodies, strict=True)
        return [json.loads(body) for name, body in pairs if name == operation]


@pytest.fixture
def room():
    return Answered()


def spelled(body, key="ConditionExpression"):
    """An expression with its names put in."""
    text = body[key]
    for placeholder, name in sorted(body.get("ExpressionAttributeNames", {}).items(), reverse=True):
        text = text.replace(placeholder, name)
    return text


def cancelled(*codes):
    reasons = [{"Code": code} for code in codes]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


class TestCounters:
    def test_an_increment_adds_and_asks_for_the_item(self, room):
        room.wire.next("UpdateItem", (200, {"Attributes": {"listenerCount": {"N": "3"}}}))

        assert room.client.atomic_increment(SESSIONS, {"sessionId": "s"}, "listenerCount") == 3

        (body,) = room.bodies("UpdateItem")
        assert spelled(body, "UpdateExpression").startswith("ADD listenerCount ")
        assert "attribute_exists(sessionId)" in spelled(body)

    def test_a_decrement_asks_for_room_above_the_floor_in_the_same_write(self, room):
        room.wire.next("UpdateItem", (200, {"Attributes": {"listenerCount": {"N": "0"}}}))

        assert room.client.atomic_decrement_with_floor(SESSIONS, {"sessionId": "s"}, "listenerCount") == 0

        (body,) = room.bodies("UpdateItem")
        assert "attribute_exists(sessionId)" in spelled(body)
        assert "listenerCount >=" in spelled(body)

    def test_a_condition_that_does_not_hold_is_an_error_and_is_not_sent_again(self, room):
        room.wire.next("UpdateItem", refusal("ConditionalCheckFailedException", Item=STANDS))

        with pytest.raises(ConditionalCheckFailedError):
            room.client.update_item(SESSIONS, {"sessionId": "s"}, {"isActive": False})
        assert room.wire.count("UpdateItem") == 1


class TestRetries:
    def test_the_waits_are_at_least_one_two_and_four_seconds_with_jitter_on_top(self, room):
        room.wire.next("GetItem", *[refusal("ThrottlingException")] * 3, DONE)

        assert room.client.get_item(SESSIONS, {"sessionId": "s"}) is None

        assert len(room.waits) == 3
        for wait, least in zip(room.waits, (1, 2, 4), strict=True):
            assert least < wait <= 1.5 * least

    @pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
    def test_what_stays_is_raised_at_once(self, room, code):
        room.wire.next("GetItem", refusal(code))

        with pytest.raises(DynamoDBError):
            room.client.get_item(SESSIONS, {"sessionId": "s"})
        assert room.waits == []

    @pytest.mark.parametrize(
        "code", ["TransactionConflictException", "ProvisionedThroughputExceededException"]
    )
    def test_conflicts_and_throttling_are_transient(self, room, code):
        room.wire.next("PutItem", refusal(code), DONE)

        room.client.put_item(SESSIONS, {"sessionId": "s"})

        assert room.wire.count("PutItem") == 2

    def test_every_failed_attempt_is_logged(self, room, caplog):
        room.wire.next("GetItem", *[refusal("ThrottlingException")] * 4)

        with caplog.at_level(logging.DEBUG, "sessionkeeper"), pytest.raises(RetryableError):
            room.client.get_item(SESSIONS, {"sessionId": "s"})

        told = [record for record in caplog.records if "get_item" in record.getMessage()]
        assert len(told) >= 3


class TestBatches:
    def test_sixty_items_go_in_batches_of_25(self, room):
        room.wire.next("BatchWriteItem", *[(200, {"UnprocessedItems": {}})] * 3)

        assert room.client.batch_write(SESSIONS, [{"sessionId": f"s{n}"} for n in range(60)]) == 60

        sizes = [
            len(requests)
            for body in room.bodies("BatchWriteItem")
            for requests in body["RequestItems"].values()
        ]
        assert sizes == [25, 25, 10]

    def test_what_was_not_processed_is_sent_again_and_nothing_else(self, room):
        name = room.client.table_name(SESSIONS)
        left = {"DeleteRequest": {"Key": {"sessionId": {"S": "s1"}}}}
        room.wire.next(
            "BatchWriteItem", (200, {"UnprocessedItems": {name: [left]}}), (200, {"UnprocessedItems": {}})
        )

        assert room.client.batch_delete(SESSIONS, [{"sessionId": f"s{n}"} for n in range(3)]) == 3

        first, second = room.bodies("BatchWriteItem")
        assert len(first["RequestItems"][name]) == 3
        assert second["RequestItems"][name] == [left]

    def test_what_was_never_taken_and_what_was_to_come_after_it_are_named(self, room):
        rows = [{"connectionId": f"c{number}"} for number in range(60)]
        full = refusal("ProvisionedThroughputExceededException")
        room.wire.next("BatchWriteItem", DONE, *[full] * 4)

        with pytest.raises(RetryableError) as caught:
            room.client.batch_delete(CONNECTIONS, rows)

        assert list(caught.value.unprocessed) == rows[25:]

    def test_all_connections_of_a_session_go_also_those_that_the_index_lacks(self, room):
        known, late = ({"connectionId": {"S": name}, "sessionId": {"S": "s"}} for name in ("c1", "c2"))
        room.wire.next("Query", (200, {"Items": [known], "Count": 1}))
        room.wire.next("Scan", (200, {"Items": [late], "Count": 1}))
        room.wire.next("BatchWriteItem", *[(200, {"UnprocessedItems": {}})] * 2)

        ConnectionsRepository(room.client, clock=ManualClock(NOW)).delete_all_session_connections("s")

        gone = {
            request["DeleteRequest"]["Key"]["connectionId"]["S"]
            for body in room.bodies("BatchWriteItem")
            for requests in body["RequestItems"].values()
            for request in requests
        }
        assert gone == {"c1", "c2"}
        assert all(body["ConsistentRead"] for body in room.bodies("Scan"))


def listener(name, language):
    item = Connection(name, "s", Role.LISTENER, int(NOW) + 60, language, connected_at=1).to_item()
    return {key: {"S": value} if isinstance(value, str) else {"N": str(value)} for key, value in item.items()}


class TestIndex:
    @pytest.fixture
    def connections(self, room):
        return ConnectionsRepository(room.client, clock=ManualClock(NOW))

    def test_connections_are_asked_for_by_session_and_language_through_the_index(self, room, connections):
        room.wire.next("Query", (200, {"Items": [listener("c1", "de")], "Count": 1}))

        assert [each.connection_id for each in connections.get_connections_by_session("s", "de")] == ["c1"]

        (body,) = room.bodies("Query")
        assert body["IndexName"] == "sessionId-targetLanguage-index"
        condition = spelled(body, "KeyConditionExpression")
        assert "sessionId =" in condition
        assert "targetLanguage =" in condition

    def test_listeners_are_asked_for_by_role_and_only_those_that_have_not_expired(self, room, connections):
        room.wire.next("Query", (200, {"Items": [], "Count": 0}))

        assert connections.get_listener_connections("s") == []

        (body,) = room.bodies("Query")
        assert "role =" in spelled(body, "FilterExpression")
        assert "ttl >" in spelled(body, "FilterExpression")

    def test_each_language_is_named_once(self, room, connections):
        items = [listener("c1", "de"), listener("c2", "fr"), listener("c3", "de")]
        room.wire.next("Query", (200, {"Items": items, "Count": 3}))

        assert sorted(connections.get_unique_languages_for_session("s")) == ["de", "fr"]


class TestSessions:
    @pytest.fixture
    def sessions(self, room):
        return SessionsRepository(room.client, clock=ManualClock(NOW))

    def test_an_id_is_created_once(self, room, sessions):
        room.wire.next("PutItem", DONE, refusal("ConditionalCheckFailedException"))
        wanted = SpeakerSession("s", "c", "u", "en", "standard", expires_at=int(NOW) + 60)

        sessions.create_session(wanted)
        with pytest.raises(ConditionalCheckFailedError):
            sessions.create_session(wanted)

        assert "attribute_not_exists(sessionId)" in spelled(room.bodies("PutItem")[0])

    @pytest.mark.parametrize("touch", ["mark_session_inactive", "increment_listener_count"])
    def test_no_touch_makes_a_session(self, room, sessions, touch):
        room.wire.next("UpdateItem", refusal("ConditionalCheckFailedException"))

        with pytest.raises((ConditionalCheckFailedError, DynamoDBError)):
            getattr(sessions, touch)("s")

        assert "attribute_exists(sessionId)" in spelled(room.bodies("UpdateItem")[0])

    def test_an_expired_row_is_not_served_whatever_the_sweeper_does(self, room, sessions):
        room.wire.next("GetItem", (200, {"Item": self.row(expires_at=int(NOW))}))

        assert not sessions.session_exists("s")

    @pytest.mark.parametrize("count", ["increment_listener_count", "decrement_listener_count"])
    def test_a_named_count_is_the_same_transaction_a_minute_later(self, room, count):
        """The store knows a repetition by its token, and refuses it with other actions."""
        clock = ManualClock(NOW)
        sessions = SessionsRepository(room.client, clock=clock)
        room.wire.next("GetItem", *[(200, {"Item": self.row(expires_at=int(NOW) + 3600)})] * 4)
        room.wire.next("TransactWriteItems", DONE, DONE)

        getattr(sessions, count)("s", request_id="joined")
        clock.advance(61)
        getattr(sessions, count)("s", request_id="joined")

        first, second = room.bodies("TransactWriteItems")
        assert first == second

    @staticmethod
    def row(**changes):
        session = SpeakerSession(
            **{
                "session_id": "s",
                "speaker_connection_id": "c",
                "speaker_user_id": "u",
                "source_language": "en",
                "quality_tier": "standard",
                "created_at": 1,
                **changes,
            }
        )
        return to_wire(session.to_item())


def test_a_bucket_is_written_on_the_condition_of_what_was_read(room):
    room.wire.next("GetItem", DONE)
    room.wire.next("UpdateItem", DONE)
    room.wire.next("PutItem", DONE)
    limits = RateLimitsRepository(room.client, RateLimit(5, 10), clock=ManualClock(NOW))

    allowed, retry_after = limits.check_rate_limit("ann")

    assert (allowed, retry_after) == (True, 0)
    (body,) = room.bodies("UpdateItem") + room.bodies("PutItem")
    assert "attribute_not_exists" in spelled(body)


def test_a_bucket_that_is_full_again_may_be_removed(room):
    """Five tokens in ten seconds: one is back after two, and the row may go in that second."""
    room.wire.next("GetItem", DONE)
    room.wire.next("PutItem", DONE)
    limits = RateLimitsRepository(room.client, RateLimit(5, 10), clock=ManualClock(NOW))

    limits.check_rate_limit("ann")

    (body,) = room.bodies("PutItem")
    assert body["Item"]["expiresAt"] == {"N": str(int(NOW) + 2)}


def test_a_connection_is_stored_once_and_another_one_is_refused(room):
    stands = refusal("ConditionalCheckFailedException", Item=listener("c1", "de"))
    room.wire.next("PutItem", DONE, stands, stands)
    connections = ConnectionsRepository(room.client, clock=ManualClock(NOW))
    wanted = Connection("c1", "s", Role.LISTENER, int(NOW) + 60, "de", connected_at=1)

    assert [connections.create_connection(wanted), connections.create_connection(wanted)] == [True, False]
    with pytest.raises(ConditionalCheckFailedError):
        connections.create_connection(replace(wanted, target_language="fr"))

    assert all("attribute_not_exists(connectionId) OR ttl <= " in spelled(b) for b in room.bodies("PutItem"))


class TestConfigurations:
    @pytest.fixture
    def configurations(self, room):
        policy = RetryPolicy(is_transient_dynamodb_error, sleep=room.waits)
        return Configurations(room.low_level, limit=3, retry=policy, clock=ManualClock(NOW))

    def test_count_and_put_are_one_transaction_under_a_ceiling(self, room, configurations):
        room.wire.next("TransactWriteItems", DONE)

        configurations.create_configuration("u", "Tech", ["SAP"])

        assert room.wire.sent == ["TransactWriteItems"]
        (body,) = room.bodies("TransactWriteItems")
        update, put = (
            next(action[kind] for action in body["TransactItems"] if kind in action)
            for kind in ("Update", "Put")
        )
        assert " < " in spelled(update)
        limits = [value["N"] for value in update["ExpressionAttributeValues"].values() if "N" in value]
        assert "3" in limits
        assert "attribute_not_exists(PK)" in spelled(put)

    def test_a_failed_ceiling_and_a_failed_put_are_told_apart_and_both_are_409(self, room, configurations):
        (full, taken) = self._order(room, configurations)
        room.wire.next("TransactWriteItems", full)
        with pytest.raises(ConfigurationLimitError) as limit:
            configurations.create_configuration("u", "Tech", [])
        room.wire.next("TransactWriteItems", taken)
        room.wire.next("GetItem", DONE)
        with pytest.raises(DuplicateConfigurationError) as twin:
            configurations.create_configuration("u", "Tech", [])

        assert limit.value.http_status == twin.value.http_status == 409

    @staticmethod
    def _order(room, configurations):
        """Cancellations of the counter and of the put, in the order in which they are sent."""
        room.wire.next("TransactWriteItems", DONE)
        configurations.create_configuration("u", "Order", [])
        kinds = [next(iter(action)) for action in room.bodies("TransactWriteItems")[0]["TransactItems"]]
        return (
            cancelled(*("ConditionalCheckFailed" if kind == "Update" else "None" for kind in kinds)),
            cancelled(*("ConditionalCheckFailed" if kind == "Put" else "None" for kind in kinds)),
        )

    def test_a_conflict_is_retried_and_a_validation_error_is_not(self, room, configurations):
        room.wire.next("TransactWriteItems", cancelled("TransactionConflict", "None"), DONE)
        configurations.create_configuration("u", "Tech", [])
        assert room.wire.count("TransactWriteItems") == 2

        room.wire.next("TransactWriteItems", refusal("ValidationException"))
        with pytest.raises(DynamoDBError):
            configurations.create_configuration("u", "More", [])
        assert room.wire.count("TransactWriteItems") == 3

    def test_queries_and_counts_are_retried(self, room, configurations):
        room.wire.next("Query", refusal("ThrottlingException"), (200, {"Items": [], "Count": 0}))
        room.wire.next("GetItem", refusal("ThrottlingException"), DONE)

        assert configurations.list_configurations("u") == []
        assert configurations.count_user_configurations("u") == 0

        assert len(room.waits) == 2

    def test_a_number_that_disagrees_with_the_rows_is_not_taken_for_a_missing_row(self, room, configurations):
        room.wire.next("TransactWriteItems", cancelled("None", "ConditionalCheckFailed"))

        with pytest.raises(ConditionalCheckFailedError):
            configurations.delete_configuration("u", "Tech")

    @pytest.mark.parametrize(
        ("user", "name", "tickers"),
        [
            ("", "n", []),
            (None, "n", []),
            (5, "n", []),
            ("a\0b", "n", []),
            ("\ud800", "n", []),
            ("u" * 257, "n", []),
            ("u", "", []),
            ("u", " \u3000", []),
            ("u", None, []),
            ("u", "\udfff", []),
            ("u", "n", "SAP"),
            ("u", "n", None),
            ("u", "n", ["SAP", 1]),
            ("u", "n", [""]),
            ("u", "n", ["\ud800"]),
        ],
    )
    def test_what_can_not_be_stored_is_never_sent(self, room, configurations, user, name, tickers):
        with pytest.raises(InvalidItemError) as caught:
            configurations.create_configuration(user, name, tickers)

        assert caught.value.http_status == 400
        assert room.wire.sent == []

    def test_one_name_in_two_forms_is_one_user_and_one_configuration(self, room, configurations):
        room.wire.next("TransactWriteItems", *[DONE] * 2)
        configurations.create_configuration("Zo\u00eb", "Stra\u00dfe \u00c9", [])
        configurations.create_configuration("Zoe\u0308", "  STRASSE e\u0301 ", [])

        keys = [
            [action["Update"]["Key"] if "Update" in action else action["Put"]["Item"] for action in body]
            for body in (each["TransactItems"] for each in room.bodies("TransactWriteItems"))
        ]
        assert [[(k["PK"], k["SK"]) for k in pair] for pair in keys[:1]] == [
            [(k["PK"], k["SK"]) for k in pair] for pair in keys[1:]
        ]


@pytest.mark.parametrize(
    "value",
    ["\ud800", ["fine", "\udc00"], {"\ud800": 1}, {"fine": ["\ud800"]}, {"a", "\ud800"}, 1.5, object()],
)
def test_what_has_no_place_in_the_store_is_refused_before_it_is_sent(room, value):
    with pytest.raises(InvalidItemError):
        room.client.put_item(SESSIONS, {"sessionId": "s", "value": value})

    assert room.wire.sent == []


def test_a_query_reads_all_pages(room):
    row = {"connectionId": {"S": "c1"}, "sessionId": {"S": "s"}}
    room.wire.next(
        "Query",
        (200, {"Items": [row], "Count": 1, "LastEvaluatedKey": {"connectionId": {"S": "c1"}}}),
        (200, {"Items": [{**row, "connectionId": {"S": "c2"}}], "Count": 1}),
    )

    found = room.client.query(CONNECTIONS, "s", index="sessionId-targetLanguage-index")

    assert [item["connectionId"] for item in found] == ["c1", "c2"]


def test_tenacity_is_declared():
    project = tomllib.loads((REFERENCE / "pyproject.toml").read_text())["project"]

    assert [name for name in project["optional-dependencies"]["dynamodb"] if name.startswith("tenacity>=9")]


def test_the_page_tells_what_each_failure_of_the_cache_does():
    page = (REFERENCE.parent / "docs" / "reference" / "resilience.md").read_text()

    for failure in ("denied access", "bundled", "warning", "correlation"):
        assert failure in page


def test_the_tables_store_what_the_plan_says():
    plan = (REFERENCE.parent / "plans" / "data-access.md").read_text()
    said = [
        line.split("Stores:")[1].replace(" ", "").split(",")
        for line in plan.splitlines()
        if "Stores:" in line
    ]

    assert said == [list(table.attributes) for table in TABLES]


def test_the_tables_are_made_on_demand_with_their_ttl(room):
    description = {"Table": {"TableStatus": "ACTIVE"}}
    room.wire.next("CreateTable", *[DONE] * 3)
    room.wire.next("DescribeTable", *[(200, description)] * 3)
    room.wire.next("DescribeTimeToLive", *[DONE] * 3)
    room.wire.next("UpdateTimeToLive", *[DONE] * 3)

    create_tables(room.low_level, TABLES)

    assert [body["BillingMode"] for body in room.bodies("CreateTable")] == ["PAY_PER_REQUEST"] * 3
    assert [body["TimeToLiveSpecification"]["AttributeName"] for body in room.bodies("UpdateTimeToLive")] == [
        table.ttl_attribute for table in TABLES
    ]


def test_who_switches_expiry_on_a_moment_after_another_process_is_no_error(room):
    on = {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLING", "AttributeName": "expiresAt"}}
    standing = {"Table": {"TableStatus": "ACTIVE"}}
    for second_look in (on, {}):
        room.wire.next("CreateTable", refusal("ResourceInUseException"))
        room.wire.next("DescribeTable", (200, standing))
        room.wire.next("DescribeTimeToLive", DONE, (200, second_look))
        room.wire.next("UpdateTimeToLive", refusal("ValidationException"))

    create_tables(room.low_level, [SESSIONS])
    with pytest.raises(ClientError):  # refused for another reason
        create_tables(room.low_level, [SESSIONS])
