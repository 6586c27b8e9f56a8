"""One definition makes the tables on a server and in the stack (S4.TBL1 to S4.TBL3, S4.2.1)."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from tests.unit.sessionkeeper.aws_faults import Room

from sessionkeeper.data_access.tables import (
    CONNECTIONS,
    RATE_LIMITS,
    SESSIONS,
    TABLES,
    TableDefinition,
    create_request,
    create_tables,
    drop_tables,
    physical_name,
)


def test_the_three_tables_are_those_of_the_document():
    assert [(t.name, t.partition_key, t.sort_key, t.ttl_attribute) for t in TABLES] == [
        ("Sessions", "sessionId", None, "expiresAt"),
        ("Connections", "connectionId", None, "ttl"),
        ("RateLimits", "identifier", None, "expiresAt"),
    ]
    assert [(i.name, i.partition_key, i.sort_key) for t in TABLES for i in t.indexes] == [
        ("sessionId-targetLanguage-index", "sessionId", "targetLanguage")
    ]
    assert RATE_LIMITS.attributes == ("identifier", "count", "windowStart", "expiresAt")


@pytest.mark.parametrize("name", ["ab", "x" * 256])
def test_a_name_that_the_server_refuses_is_refused_here(name):
    with pytest.raises(ValueError, match="3 to 255"):
        physical_name(TableDefinition(name, "id", None))


@pytest.mark.dynamodb
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_server_has_what_the_definition_says(request, dynamodb_backend, table):
    room = Room(dynamodb_backend.url)
    request.addfinalizer(room.close)
    name = physical_name(table, room.prefix)

    told = room.low_level.describe_table(TableName=name)["Table"]
    expiry = room.low_level.describe_time_to_live(TableName=name)["TimeToLiveDescription"]

    asked = create_request(table, room.prefix)
    assert told["KeySchema"] == asked["KeySchema"]
    assert told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert sorted(a["AttributeName"] for a in told["AttributeDefinitions"]) == sorted(table.key_attributes())
    indexes = told.get("GlobalSecondaryIndexes", [])
    assert [(i["IndexName"], i["KeySchema"], i["Projection"]) for i in indexes] == [
        (i["IndexName"], i["KeySchema"], i["Projection"]) for i in asked.get("GlobalSecondaryIndexes", [])
    ]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl_attribute}


@pytest.mark.dynamodb
def test_making_and_dropping_twice_is_harmless(dynamodb_backend):
    room = Room(dynamodb_backend.url)

    create_tables(room.low_level, prefix=room.prefix)
    drop_tables(room.low_level, prefix=room.prefix)
    drop_tables(room.low_level, prefix=room.prefix)

    assert not [n for n in room.low_level.list_tables()["TableNames"] if n.startswith(room.prefix)]


@pytest.mark.slow
def test_the_stack_says_the_same_as_the_definition():
    pytest.importorskip("aws_cdk", reason="the extra 'infrastructure' is not installed")
    if shutil.which("node") is None:
        pytest.skip("the stack is synthesised by Node.js, which is not installed")
    from sessionkeeper.data_access.stack import synthesise

    resources = synthesise(prefix="live-")["Resources"].values()

    tables = [r for r in resources if r["Type"] == "AWS::DynamoDB::Table"]
    built = {}
    for resource in tables:
        properties = dict(resource["Properties"])
        assert resource["DeletionPolicy"] == "Retain"
        expiry = properties.pop("TimeToLiveSpecification")
        assert expiry["Enabled"] is True
        built[properties["TableName"]] = (properties, expiry["AttributeName"])
    wanted = {
        f"live-{table.name}": (create_request(table, "live-"), table.ttl_attribute)
        for table in (SESSIONS, CONNECTIONS, RATE_LIMITS)
    }
    assert built == wanted


def test_importing_the_packages_loads_no_sdk():
    program = (
        "import sys, sessionkeeper, sessionkeeper.data_access\n"
        "import sessionkeeper.resilience, sessionkeeper.boundary\n"
        "import sessionkeeper.data_access.exceptions, sessionkeeper.data_access.tables\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "heavy = {'boto3', 'botocore', 'tenacity', 'fastapi', 'pydantic', 'aws_cdk', 'psycopg'}\n"
        "print(sorted(loaded & heavy))"
    )
    paths = "import sys; sys.path[:0] = " + repr([p for p in sys.path if p]) + "\n"

    done = subprocess.run(
        [sys.executable, "-c", paths + program], capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
