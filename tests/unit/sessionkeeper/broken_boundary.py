"""Wrong ways to do what the boundary, resilience and data packages do, as they are found in the wild.

Each is a control: the law beside it in ``test_boundary_controls.py`` holds for the real thing and must fail
here. ``gap`` is called between looking and writing, where the wrong ones can be overtaken.
"""

from __future__ import annotations

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from sessionkeeper.boundary import schema_recorder
from sessionkeeper.boundary.domain import ActiveSessionExistsError, timestamp
from sessionkeeper.boundary.idgen import generate_record_id, generate_session_id
from sessionkeeper.boundary.layout import session_directory, session_log_path
from sessionkeeper.boundary.schemas import SessionManagerStartOutput
from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
from sessionkeeper.data_access.exceptions import ConditionalCheckFailedError, DynamoDBError
from sessionkeeper.data_access.items import to_wire
from sessionkeeper.data_access.tables import RATE_LIMITS
from sessionkeeper.resilience.configurations import ConfigurationLimitError


def nothing():
    """No gap."""


class FloorBySetting(DynamoDBClient):
    """A decrement that writes the floor without a condition when the conditional one is refused (K4.09)."""

    gap = staticmethod(nothing)

    def atomic_decrement_with_floor(self, table, key, attribute, amount=1, *, floor=0, **_options):
        try:
            return self.update_item(
                table, key, {attribute: floor}, condition=Attr(attribute).eq(floor + amount)
            )[attribute]
        except (ConditionalCheckFailedError, DynamoDBError):
            self.gap()
            self.put_or_update(table, key, {attribute: floor})
            return floor

    def put_or_update(self, table, key, changes):
        """An UpdateItem without a condition: it creates what is missing (K4.10)."""
        (name, value), *_ = changes.items()
        self._client.update_item(
            TableName=self.table_name(table),
            Key=to_wire(key),
            UpdateExpression="SET #a = :a",
            ExpressionAttributeNames={"#a": name},
            ExpressionAttributeValues=to_wire({":a": value}),
        )


class UpdateThatCreates(FloorBySetting):
    """A touch without a condition on existence (K4.10)."""

    def update_item(self, table, key, changes, **_options):
        self.put_or_update(table, key, changes)
        return dict(key) | changes


class RetryOfTheWrongError(DynamoDBClient):
    """A retry loop that looks for the SDK's error around a call that has wrapped it already."""

    def retry_with_backoff(self, call, *, repeatable=True, what="call"):
        def wrapped():
            try:
                return call()
            except ClientError as error:
                raise DynamoDBError(str(error)) from error

        for _ in range(4):
            try:
                return wrapped()
            except ClientError:
                self._retrying.sleep(1)
        raise AssertionError("never reached")


class CountThenPut:
    """The limit on configurations as the document left it: look, then write (S3.T006)."""

    def __init__(self, client, prefix, limit, gap):
        self._client, self._table, self._limit, self._gap = client, f"{prefix}Configurations", limit, gap

    def create_configuration(self, user_id, name, tickers):
        found = self._client.query(
            TableName=self._table,
            KeyConditionExpression="PK = :p",
            ExpressionAttributeValues={":p": {"S": f"USER#{user_id}"}},
            ConsistentRead=True,
        )
        if found["Count"] >= self._limit:
            raise ConfigurationLimitError("full")
        self._gap()
        self._client.put_item(
            TableName=self._table,
            Item={"PK": {"S": f"USER#{user_id}"}, "SK": {"S": f"CONFIG#{name}"}},
            ConditionExpression="attribute_not_exists(PK)",
        )

    def stored(self, user_id):
        """How many there are."""
        key = {":p": {"S": f"USER#{user_id}"}}
        return self._client.query(
            TableName=self._table, KeyConditionExpression="PK = :p", ExpressionAttributeValues=key
        )["Count"]


class GetComparePut:
    """A rate limit that reads, compares and writes back (K4.01)."""

    def __init__(self, client, capacity, gap):
        self._client, self._capacity, self._gap = client, capacity, gap

    def check_rate_limit(self, identifier):
        item = self._client.get_item(RATE_LIMITS, {"identifier": identifier}) or {"count": 0}
        if item["count"] >= self._capacity:
            return False, 1
        self._gap()
        self._client.put_item(RATE_LIMITS, {"identifier": identifier, "count": item["count"] + 1})
        return True, 0


class LookThenAppend:
    """One active session by looking into a dictionary first, in a pool of threads (K2.21)."""

    def __init__(self, recorder, clock, gap):
        self._recorder, self._clock, self._gap, self._active = recorder, clock, gap, {}

    def start_session(self, payload):
        if payload.user_id in self._active:
            raise ActiveSessionExistsError("active")
        self._gap()
        session_id = generate_session_id()
        from sessionkeeper.boundary.domain import instant

        event = SessionManagerStartOutput(
            record_id=generate_record_id(),
            user_id=payload.user_id,
            session_id=session_id,
            timestamp=timestamp(instant(self._clock.now())),
            performer_id=payload.performer_id,
        )
        session_directory(payload.user_id, root=self._recorder.root).mkdir(parents=True, exist_ok=True)
        schema_recorder.append_event(self._recorder, payload.user_id, session_id, event)
        self._active[payload.user_id] = session_id
        return event


def append_without_repair(cfg, user_id, session_id, message):
    """A recorder that appends behind whatever a crash left there."""
    with session_log_path(user_id, session_id, root=cfg.root).open("ab") as file:
        file.write(message.model_dump_json().encode() + b"\n")
