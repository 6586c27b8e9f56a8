"""The three tables, said once: what creates them and what renders the stack both read this page.

Source: requirement rows S4.TBL1 (Sessions), S4.TBL2 (Connections), S4.TBL3 (RateLimits), S4.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionkeeper.data_access.exceptions import InvalidItemError


if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient as LowLevelClient

# DynamoDB refuses shorter and longer names.
_NAME_LENGTHS = range(3, 256)


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """A global secondary index that holds whole items (projection ALL).

    Attributes:
        name: name of the index.
        partition_key: attribute of type string.
        sort_key: attribute of type string.
    """

    name: str
    partition_key: str
    sort_key: str


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """One table: on-demand billing, string keys, expiry by one attribute.

    Attributes:
        name: name of the table, before any prefix.
        partition_key: attribute of type string.
        ttl_attribute: attribute with the second since the epoch after which the item is dead.
        indexes: its global secondary indexes.
        attributes: every attribute that an item may carry, keys included, in the document's order.
        sort_key: attribute of type string, or None for a table with a partition key alone.
    """

    name: str
    partition_key: str
    ttl_attribute: str | None
    indexes: tuple[IndexDefinition, ...] = ()
    attributes: tuple[str, ...] = field(default=(), compare=False)
    sort_key: str | None = None

    def key_attributes(self) -> tuple[str, ...]:
        """Every attribute that is a key of the table or of an index, once, in order."""
        names = [self.partition_key, *([self.sort_key] if self.sort_key else [])]
        for index in self.indexes:
            names += [index.partition_key, index.sort_key]
        return tuple(dict.fromkeys(names))

    def query_keys(self, index: str | None) -> tuple[str, str | None]:
        """Partition and sort key by which the table, or the index so named, is queried.

        Raises:
            InvalidItemError: there is no such index.
        """
        if index is None:
            return self.partition_key, self.sort_key
        for known in self.indexes:
            if known.name == index:
                return known.partition_key, known.sort_key
        raise InvalidItemError(f"table {self.name} has no index {index!r}")


SESSIONS = TableDefinition(
    name="Sessions",
    partition_key="sessionId",
    ttl_attribute="expiresAt",
    attributes=(
        "sessionId",
        "speakerConnectionId",
        "speakerUserId",
        "sourceLanguage",
        "qualityTier",
        "createdAt",
        "isActive",
        "listenerCount",
        "expiresAt",
    ),
)

CONNECTIONS = TableDefinition(
    name="Connections",
    partition_key="connectionId",
    ttl_attribute="ttl",
    indexes=(IndexDefinition("sessionId-targetLanguage-index", "sessionId", "targetLanguage"),),
    attributes=("connectionId", "sessionId", "targetLanguage", "role", "connectedAt", "ttl", "ipAddress"),
)

RATE_LIMITS = TableDefinition(
    name="RateLimits",
    partition_key="identifier",
    ttl_attribute="expiresAt",
    attributes=("identifier", "count", "windowStart", "expiresAt"),
)

TABLES = (SESSIONS, CONNECTIONS, RATE_LIMITS)


def physical_name(table: TableDefinition, prefix: str = "") -> str:
    """The name of a table on the server: ``prefix`` and the name of the definition.

    Raises:
        ValueError: the result is shorter than 3 or longer than 255 characters.
    """
    name = f"{prefix}{table.name}"
    if len(name) not in _NAME_LENGTHS:
        raise ValueError(f"table name {name!r} must have 3 to 255 characters")
    return name


def create_request(table: TableDefinition, prefix: str = "") -> dict[str, Any]:
    """The CreateTable request of a definition, as the low-level client takes it."""
    key_schema = [{"AttributeName": table.partition_key, "KeyType": "HASH"}]
    if table.sort_key:
        key_schema.append({"AttributeName": table.sort_key, "KeyType": "RANGE"})
    request: dict[str, Any] = {
        "TableName": physical_name(table, prefix),
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema,
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in table.key_attributes()
        ],
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.partition_key, "KeyType": "HASH"},
                    {"AttributeName": index.sort_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in table.indexes
        ]
    return request


def create_tables(
    client: LowLevelClient, tables: Iterable[TableDefinition] = TABLES, *, prefix: str = ""
) -> None:
    """Create the tables on a server, wait until they take writes, switch expiry on.

    A table that stands already is left as it is, so calling twice is harmless, also at the same time.

    Args:
        client: low-level boto3 client of the server.
        tables: which tables.
        prefix: goes before every name, so that several systems share one account.

    Raises:
        botocore.exceptions.ClientError: the server refused for another reason than existence.
    """
    tables = tuple(tables)
    for table in tables:
        try:
            client.create_table(**create_request(table, prefix))
        except client.exceptions.ResourceInUseException:
            continue
    for table in tables:
        name = physical_name(table, prefix)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        _switch_expiry_on(client, name, table.ttl_attribute)


def _switch_expiry_on(client: LowLevelClient, name: str, attribute: str | None) -> None:
    if attribute is None:
        return
    if _is_expiry_on(client, name):
        return
    try:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
        )
    except client.exceptions.ClientError:
        # Asking for what is set already is refused, and another process may have just set it.
        if not _is_expiry_on(client, name):
            raise


def _is_expiry_on(client: LowLevelClient, name: str) -> bool:
    told = client.describe_time_to_live(TableName=name).get("TimeToLiveDescription", {})
    return told.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}


def drop_tables(
    client: LowLevelClient, tables: Iterable[TableDefinition] = TABLES, *, prefix: str = ""
) -> None:
    """Remove the tables with all they hold; a table that does not stand is passed over."""
    for table in tables:
        try:
            client.delete_table(TableName=physical_name(table, prefix))
        except client.exceptions.ResourceNotFoundException:
            continue
