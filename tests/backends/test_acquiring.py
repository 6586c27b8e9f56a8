"""What ``acquire`` gives is a real store of the kind that was asked for."""

from __future__ import annotations

import boto3
import psycopg
import pytest

from planproof.backends import Backend, BackendKind, acquire


pytestmark = pytest.mark.slow


@pytest.mark.postgres
def test_a_test_that_says_postgres_talks_to_postgresql(postgres_backend: Backend):
    with psycopg.connect(postgres_backend.url) as connection:
        (version,) = connection.execute("SELECT version()").fetchone()
        connection.execute("CREATE TABLE own (n int)")
        connection.rollback()
    assert version.startswith(f"PostgreSQL {postgres_backend.version}")
    assert postgres_backend.kind is BackendKind.POSTGRES
    assert not postgres_backend.emulated


@pytest.mark.dynamodb
def test_a_test_that_says_dynamodb_talks_to_dynamodb_local(dynamodb_backend: Backend):
    client = boto3.client(
        "dynamodb",
        endpoint_url=dynamodb_backend.url.replace("dynamodb://", "http://"),
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    name = f"{dynamodb_backend.namespace}spoken_to"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert client.describe_table(TableName=name)["Table"]["TableName"] == name
    client.delete_table(TableName=name)
    assert name.startswith("planproof_")
    assert not dynamodb_backend.emulated


def test_memory_and_sqlite_need_nothing():
    with acquire("memory", env={}) as memory, acquire("sqlite", env={}) as sqlite:
        assert memory.url == "memory://"
        assert sqlite.url == f"sqlite:///{sqlite.namespace}"
