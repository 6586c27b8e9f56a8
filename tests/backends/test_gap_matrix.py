"""docs/gap-matrix.md, row by row: what a stand-in never shows, and the fault that shows it.

Each row's test holds both halves: the stand-in does not do it of itself, and a client of the race harness on
whom the row's fault of `planproof.race.faults` is armed meets it, in the form that the real service uses.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import boto3
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from psycopg import errors as pg

from planproof.backends import Backend, BackendKind, acquire, selftest
from planproof.backends.waiting import NotYetError, SystemClock, until
from planproof.errors import BackendUnavailableError
from planproof.race import Workload, call, faults, invariant, operation, parallel
from planproof.race.explore import Session
from planproof.race.isolation import Places
from planproof.race.schedules.orders import TakingTurns


if TYPE_CHECKING:
    from collections.abc import Callable


PAGE = Path(__file__).resolve().parents[2] / "docs" / "gap-matrix.md"


def client_of(backend, attempts=1):
    return boto3.client(
        "dynamodb",
        endpoint_url=backend.url.replace("dynamodb://", "http://"),
        region_name="us-east-1",
        aws_access_key_id="planproof",
        aws_secret_access_key="planproof",
        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, max_pool_connections=16),
    )


@pytest.fixture
def table(dynamodb_backend, request):
    """A table with an index, and a client for it."""
    client = client_of(dynamodb_backend)
    name = f"{dynamodb_backend.namespace}{request.node.name.partition('[')[0]}"
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("k", "owner")],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    client.delete_table(TableName=name)


class Met(NamedTuple):
    """What a client of the race harness met.

    Attributes:
        result: what its work returned, or the exception that it raised.
        calls: how each of its calls to the store ended, in order.
        fired: fault -> how often it struck.
    """

    result: Any
    calls: list[str]
    fired: dict[str, int]


def meet(backend, work: Callable[[Backend], Any], *armed) -> Met:
    """Have one client do ``work(its place)`` under the harness, with these faults armed."""
    results = []

    class OneClient(Workload):
        scenarios: ClassVar = (parallel(call("do")),)
        faults: ClassVar = armed

        def open(self, place):
            return place

        @operation
        def do(self, place):
            try:
                results.append(work(place))
            except Exception as error:  # noqa: BLE001 - the test asks what it is
                results.append(error)

        @invariant(when="rest")
        def is_over(self, _place):
            assert results

    with Places(backend) as places, Session(OneClient, backend.kind, places) as session:
        done = session.execute(OneClient.scenarios[0], TakingTurns())
    (did,) = done.history.operations
    return Met(results[0], [sub.note for sub in did.subs], done.faults)


def add(client, name, key="n"):
    return client.update_item(
        TableName=name,
        Key={"k": {"S": key}},
        UpdateExpression="ADD #n :one",
        ExpressionAttributeNames={"#n": "n"},
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )


def number(client, name, key="n"):
    item = client.get_item(TableName=name, Key={"k": {"S": key}}, ConsistentRead=True).get("Item", {})
    return int(item.get("n", {"N": "0"})["N"])


def transact(client, name, keys=("a", "b")):
    update = {
        "TableName": name,
        "UpdateExpression": "ADD #n :one",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    client.transact_write_items(
        TransactItems=[{"Update": {**update, "Key": {"k": {"S": key}}}} for key in keys]
    )


def in_parallel(work, count=8):
    """What each of ``count`` threads returned or raised, from a common start."""
    start = threading.Barrier(count)

    def one(number):
        start.wait(30)
        try:
            return work(number)
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.dynamodb
def test_g01_transactions_never_conflict(dynamodb_backend, table):
    client = client_of(dynamodb_backend, attempts=4)

    def race(_number):
        for _ in range(10):
            transact(client, table)

    assert in_parallel(race) == [None] * 8
    assert number(client, table, "a") == 80

    met = meet(dynamodb_backend, lambda _: transact(client, table), faults.TransactionCanceled())
    assert isinstance(met.result, client.exceptions.TransactionCanceledException)
    codes = [reason["Code"] for reason in met.result.response["CancellationReasons"]]
    assert codes == ["TransactionConflict", "None"]
    assert met.calls == ["TransactionCanceledException"]  # the SDK does not send it again
    assert number(client, table, "a") == 80


@pytest.mark.dynamodb
def test_g02_a_plain_write_never_meets_a_transaction(dynamodb_backend, table):
    client = client_of(dynamodb_backend, attempts=4)
    seen = in_parallel(lambda me: transact(client, table) if me % 2 else add(client, table, "a") and None)
    assert seen == [None] * 8

    met = meet(dynamodb_backend, lambda _: add(client, table, "a"), faults.TransactionConflict())
    assert isinstance(met.result, client.exceptions.TransactionConflictException)
    assert met.calls == ["TransactionConflictException"]
    assert number(client, table, "a") == 8


@pytest.mark.dynamodb
def test_g03_nothing_is_ever_throttled(dynamodb_backend, table):
    """The service answers so under load; the SDK sends again in silence, four times in all."""
    client = client_of(dynamodb_backend, attempts=4)
    seen = in_parallel(lambda _me: [add(client, table) and None for _ in range(25)])
    assert seen == [[None] * 25] * 8

    met = meet(dynamodb_backend, lambda _: add(client, table), faults.Throttled(times=4))
    assert isinstance(met.result, client.exceptions.ProvisionedThroughputExceededException)
    assert met.calls == ["ProvisionedThroughputExceededException"] * 4
    assert number(client, table) == 200


@pytest.mark.dynamodb
def test_g04_no_batch_is_ever_left_undone(dynamodb_backend, table):
    client = client_of(dynamodb_backend)

    def write(name):
        puts = [{"PutRequest": {"Item": {"k": {"S": f"{name}{each}"}}}} for each in range(25)]
        return client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"].get(table, [])

    assert write("prompt") == []

    met = meet(dynamodb_backend, lambda _: write("late"), faults.UnprocessedItems())
    assert met.calls == ["200"]
    assert len(met.result) == 25
    there = {item["k"]["S"].rstrip("0123456789") for item in client.scan(TableName=table)["Items"]}
    assert there == {"prompt"}


@pytest.mark.dynamodb
def test_g05_an_index_is_never_behind(dynamodb_backend, table):
    client = client_of(dynamodb_backend)

    def read():
        return client.query(
            TableName=table,
            IndexName="by_owner",
            KeyConditionExpression="#o = :o",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":o": {"S": "ann"}},
        )["Count"]

    for each in range(50):
        client.put_item(TableName=table, Item={"k": {"S": f"s{each}"}, "owner": {"S": "ann"}})
        assert read() == each + 1

    met = meet(dynamodb_backend, lambda _: [read(), read()], faults.StaleIndex())
    assert met.result == [0, 50]
    assert met.calls == ["200", "200"]


@pytest.fixture
def quiet_dynamodb(dynamodb_backend):
    """A server that nobody else fills with tables: its sweeper goes round them all."""
    with acquire("dynamodb") as backend:
        yield backend


@pytest.mark.dynamodb
@pytest.mark.slow
def test_g06_expired_rows_go_within_seconds(quiet_dynamodb):
    """The service takes days and shows them until then; with the fault they stay."""
    client = client_of(quiet_dynamodb)
    schema = {
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    prompt, late = (f"{quiet_dynamodb.namespace}{each}" for each in ("prompt", "late"))

    def expire(name):
        client.create_table(TableName=name, **schema)
        client.put_item(
            TableName=name, Item={"k": {"S": "old"}, "expires": {"N": str(int(time.time()) - 60)}}
        )
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )

    def there(name):
        return "Item" in client.get_item(TableName=name, Key={"k": {"S": "old"}}, ConsistentRead=True)

    # The third call is the order to sweep: the server never hears of it, and the client is told that it did.
    met = meet(quiet_dynamodb, lambda _: expire(late), faults.ExpiryLag(nth=3))
    assert met.calls == ["200"] * 3
    expire(prompt)

    def gone():
        if there(prompt):
            raise NotYetError("the row is there")

    until(gone, clock=SystemClock(), seconds=120, what="the expired row's removal")
    assert there(late)


@pytest.mark.dynamodb
def test_g07_no_reply_is_ever_lost(dynamodb_backend, table):
    """A lost reply after the write: the SDK sends again in silence and the counter goes up by two."""
    client = client_of(dynamodb_backend, attempts=4)
    for _ in range(20):
        add(client, table)
    assert number(client, table) == 20

    met = meet(dynamodb_backend, lambda _: add(client, table), faults.LostResponse())
    assert met.result["Attributes"]["n"]["N"] == "22"
    assert met.calls == ["no reply", "200"]


@pytest.mark.dynamodb
@pytest.mark.parametrize(
    "stumble",
    [
        faults.Answer(times=3),
        faults.Answer(times=3, status=400, code="TransactionInProgressException"),
    ],
    ids=lambda fault: fault.code,
)
def test_g08_the_service_never_stumbles(stumble, dynamodb_backend, table):
    client = client_of(dynamodb_backend, attempts=4)
    for _ in range(20):
        transact(client, table)

    met = meet(dynamodb_backend, lambda _: transact(client, table), stumble)
    assert met.result is None
    assert met.calls == [stumble.code] * 3 + ["200"]
    assert number(client, table, "a") == 21


@pytest.mark.postgres
@pytest.mark.parametrize(("cut", "applied"), [(faults.CutAfterCommit(), 1), (faults.CutBeforeCommit(), 0)])
def test_g09_the_reply_to_a_commit_is_never_lost(cut, applied, postgres_backend):
    """A connection that is cut behind COMMIT looks to the client like one that is cut before it."""

    def commit(place):
        with closing(psycopg.connect(place.url)) as connection:
            connection.execute("INSERT INTO gap VALUES (1)")
            connection.commit()

    def counted():
        return direct.execute("SELECT count(*) FROM gap").fetchone()

    with psycopg.connect(postgres_backend.url, autocommit=True) as direct:
        direct.execute("CREATE TABLE gap (n int)")
        for _ in range(20):
            commit(postgres_backend)
        assert counted() == (20,)

        met = meet(postgres_backend, commit, cut)
        assert type(met.result) is psycopg.OperationalError
        assert met.result.sqlstate is None
        assert met.fired == {cut.name: 1}
        assert counted() == (20 + applied,)
        direct.execute("DROP TABLE gap")


@pytest.mark.postgres
def test_g10_a_quiet_server_never_ends_a_session(postgres_backend):
    """A fail-over does, and an administrator; both are told with the same SQLSTATE."""

    def ask(place):
        with closing(psycopg.connect(place.url)) as connection:
            return [connection.execute("SELECT 1").fetchone() for _ in range(20)]

    assert ask(postgres_backend) == [(1,)] * 20

    met = meet(postgres_backend, ask, faults.Terminated(operation="SELECT", nth=5))
    assert isinstance(met.result, pg.AdminShutdown)
    assert met.calls[-1] == "57P01"


SKEW = ("SELECT count(*) FROM skew WHERE n = {other}", "INSERT INTO skew VALUES ({mine})")


def write_skew(first, second, begin):
    """Two transactions that each look for the other's row and write their own."""
    for connection, other in ((first, 2), (second, 1)):
        connection.execute(begin)
        connection.execute(SKEW[0].format(other=other)).fetchone()
    first.execute(SKEW[1].format(mine=1))
    second.execute(SKEW[1].format(mine=2))
    first.commit()
    second.commit()


def test_g11_sqlite_never_fails_to_serialize(tmp_path):
    """Its single writer answers "locked" where PostgreSQL would let both go on and refuse one."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as setup:
        setup.execute("CREATE TABLE skew (n int)")
    first, second = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    with closing(first), closing(second), pytest.raises(sqlite3.OperationalError, match="locked"):
        write_skew(first, second, "BEGIN")


@pytest.mark.postgres
def test_g11_postgresql_does_and_the_fault_gives_the_same(postgres_backend):
    """Write skew is refused with 40001, the code of the fault."""

    def alone(place):
        with psycopg.connect(place.url) as connection:
            connection.execute("INSERT INTO skew VALUES (3)")

    with psycopg.connect(postgres_backend.url, autocommit=True) as owner:
        owner.execute("CREATE TABLE skew (n int)")
        with psycopg.connect(postgres_backend.url) as one, psycopg.connect(postgres_backend.url) as two:
            with pytest.raises(pg.SerializationFailure):
                write_skew(one, two, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            two.rollback()

        met = meet(postgres_backend, alone, faults.ServerError(operation="COMMIT"))
        assert isinstance(met.result, pg.SerializationFailure)
        assert met.fired == {"ServerError 40001": 1}
        assert owner.execute("SELECT n FROM skew").fetchall() == [(1,)]
        owner.execute("DROP TABLE skew")


def test_g12_moto_shows_neither_atomicity_nor_tokens_and_is_refused():
    moto = Backend(BackendKind.DYNAMODB, "dynamodb://moto", emulated=True)
    with pytest.raises(BackendUnavailableError, match="no race is judged on it"):
        selftest.require_trust(moto)


@pytest.mark.dynamodb
def test_without_a_fault_the_same_client_meets_nothing(dynamodb_backend, table):
    client = client_of(dynamodb_backend)
    met = meet(dynamodb_backend, lambda _: [add(client, table) and None, transact(client, table)])
    assert met == Met([None, None], ["200", "200"], {})


def faults_in(text):
    return set(re.findall(r"\bfaults\.([A-Z]\w+)", text))


def test_every_row_of_the_page_is_a_test_with_its_fault_and_every_test_a_row():
    rows = dict(re.findall(r"^\| (G\d\d) \|(.*)$", PAGE.read_text(), flags=re.MULTILINE))
    tests = dict.fromkeys(rows, "")
    code = Path(__file__).read_text().split("\n\n\n")
    for block in code:
        for name in re.findall(r"^def test_(g\d\d)_", block, flags=re.MULTILINE):
            tests[name.upper()] = tests.get(name.upper(), "") + block
    assert {row: faults_in(text) for row, text in rows.items()} == {
        row: faults_in(text) for row, text in tests.items()
    }
    assert all(tests.values())
    assert set().union(*map(faults_in, rows.values())) <= set(faults.__all__)
