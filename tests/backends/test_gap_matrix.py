"""docs/gap-matrix.md, row by row: what a stand-in never shows, and the injected fault that shows it.

Each row's test holds both halves: the stand-in does not do it of itself, and with the fault it does, in the
form that the real service uses.
"""

from __future__ import annotations

import re
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import botocore.awsrequest
import botocore.httpsession
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from psycopg import errors as pg

from planproof.backends import Backend, BackendKind, acquire, selftest
from planproof.backends.waiting import NotYetError, SystemClock, until
from planproof.errors import BackendUnavailableError


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


def answer(status, body):
    """A response in the service's stead."""

    class Raw:
        def stream(self):
            yield body

    return botocore.awsrequest.AWSResponse("http://fault", status, {}, Raw())


def refuse(client, operation, code, *, times=1, reasons=""):
    """Have the next requests of ``operation`` answered with an error; returns the record of requests sent."""
    sent = []

    def instead(request, **_):
        sent.append(request)
        if len(sent) > times:
            return None
        more = f', "CancellationReasons": {reasons}' if reasons else ""
        body = f'{{"__type": "com.amazonaws.dynamodb.v20120810#{code}", "message": "injected"{more}}}'
        return answer(500 if code == "InternalServerError" else 400, body.encode())

    client.meta.events.register(f"before-send.dynamodb.{operation}", instead)
    return sent


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
    client = client_of(dynamodb_backend)

    def race(_number):
        for _ in range(10):
            transact(client, table)

    assert in_parallel(race) == [None] * 8
    assert number(client, table, "a") == 80

    reasons = '[{"Code": "TransactionConflict", "Message": "injected"}, {"Code": "None"}]'
    sent = refuse(client, "TransactWriteItems", "TransactionCanceledException", reasons=reasons)
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        transact(client, table)
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["TransactionConflict", "None"]
    assert len(sent) == 1
    assert number(client, table, "a") == 80


@pytest.mark.dynamodb
def test_g02_a_plain_write_never_meets_a_transaction(dynamodb_backend, table):
    client = client_of(dynamodb_backend)
    seen = in_parallel(lambda me: transact(client, table) if me % 2 else add(client, table, "a") and None)
    assert seen == [None] * 8

    sent = refuse(client, "UpdateItem", "TransactionConflictException")
    with pytest.raises(client.exceptions.TransactionConflictException):
        add(client, table, "a")
    assert len(sent) == 1
    assert number(client, table, "a") == 8


@pytest.mark.dynamodb
def test_g03_nothing_is_ever_throttled(dynamodb_backend, table):
    """The service answers so under load; the SDK sends again in silence, four times in all."""
    client = client_of(dynamodb_backend, attempts=4)
    seen = in_parallel(lambda _me: [add(client, table) and None for _ in range(25)])
    assert seen == [[None] * 25] * 8

    sent = refuse(client, "UpdateItem", "ProvisionedThroughputExceededException", times=4)
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        add(client, table)
    assert len(sent) == 4
    assert number(client, table) == 200


@pytest.mark.dynamodb
def test_g04_no_batch_is_ever_left_half_done(dynamodb_backend, table):
    client = client_of(dynamodb_backend)
    puts = [{"PutRequest": {"Item": {"k": {"S": f"k{each}"}}}} for each in range(25)]
    assert client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}

    def hold_back(params, **_):
        """Take the last two out of the request; the answer gives them back."""
        held = params["RequestItems"][table][-2:]
        del params["RequestItems"][table][-2:]
        client.meta.events.register_first(
            "after-call.dynamodb.BatchWriteItem",
            lambda parsed, **_: parsed.update(UnprocessedItems={table: held}),
            unique_id="hold-back",
        )

    client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", hold_back)
    again = [{"PutRequest": {"Item": {"k": {"S": f"again{each}"}}}} for each in range(5)]
    left = client.batch_write_item(RequestItems={table: again})["UnprocessedItems"][table]
    assert [put["PutRequest"]["Item"]["k"]["S"] for put in left] == ["again3", "again4"]
    there = {item["k"]["S"] for item in client.scan(TableName=table)["Items"]}
    assert {"again0", "again2"} <= there
    assert "again3" not in there


@pytest.mark.dynamodb
def test_g05_an_index_is_never_behind(dynamodb_backend, table):
    writer, reader = client_of(dynamodb_backend), client_of(dynamodb_backend)

    def read():
        return reader.query(
            TableName=table,
            IndexName="by_owner",
            KeyConditionExpression="#o = :o",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":o": {"S": "ann"}},
        )["Count"]

    def write(each):
        writer.put_item(TableName=table, Item={"k": {"S": f"s{each}"}, "owner": {"S": "ann"}})

    for each in range(50):
        write(each)
        assert read() == each + 1

    kept = {}

    def keep(http_response, **_):
        kept.setdefault("body", http_response.content)

    def stale(request, **_):
        return answer(200, kept["body"]) if "body" in kept else None

    reader.meta.events.register("after-call.dynamodb.Query", keep)
    reader.meta.events.register("before-send.dynamodb.Query", stale)
    assert read() == 50
    write(50)
    assert read() == 50
    assert writer.scan(TableName=table, ConsistentRead=True)["Count"] == 51


@pytest.fixture
def quiet_dynamodb(dynamodb_backend):
    """A server that nobody else fills with tables: its sweeper goes round them all."""
    with acquire("dynamodb") as backend:
        yield backend


@pytest.mark.dynamodb
@pytest.mark.slow
def test_g06_expired_rows_go_within_seconds(quiet_dynamodb):
    """The service takes days and shows them until then; with the fault they stay."""
    client, lagging = client_of(quiet_dynamodb), client_of(quiet_dynamodb)
    schema = {
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    prompt, late = (f"{quiet_dynamodb.namespace}{each}" for each in ("prompt", "late"))

    def expire(at, name):
        client.create_table(TableName=name, **schema)
        expired = {"k": {"S": "old"}, "expires": {"N": str(int(time.time()) - 60)}}
        at.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        at.put_item(TableName=name, Item=expired)

    def there(name):
        return "Item" in client.get_item(TableName=name, Key={"k": {"S": "old"}}, ConsistentRead=True)

    enabled = b'{"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"}}'
    lagging.meta.events.register(
        "before-send.dynamodb.UpdateTimeToLive", lambda request, **_: answer(200, enabled)
    )
    expire(lagging, late)
    expire(client, prompt)

    def gone():
        if there(prompt):
            raise NotYetError("the row is there")

    until(gone, clock=SystemClock(), seconds=120, what="the expired row's removal")
    assert there(late)


@pytest.mark.dynamodb
def test_g07_no_reply_is_ever_lost(dynamodb_backend, table):
    """A lost reply after the write: the SDK sends again in silence and the counter goes up by two."""
    client = client_of(dynamodb_backend)
    for _ in range(20):
        add(client, table)
    assert number(client, table) == 20

    retrying = client_of(dynamodb_backend, attempts=4)
    wire = botocore.httpsession.URLLib3Session()
    lost = []

    def lose_first(request, **_):
        if not lost:
            lost.append(wire.send(request).status_code)
            raise ConnectionClosedError(endpoint_url=request.url)

    retrying.meta.events.register("before-send.dynamodb.UpdateItem", lose_first)
    assert add(retrying, table)["Attributes"]["n"]["N"] == "22"
    assert lost == [200]


@pytest.mark.dynamodb
@pytest.mark.parametrize(
    ("code", "requests"), [("InternalServerError", 4), ("TransactionInProgressException", 4)]
)
def test_g08_the_service_never_stumbles(code, requests, dynamodb_backend, table):
    client = client_of(dynamodb_backend, attempts=4)
    transact(client, table)
    sent = refuse(client, "TransactWriteItems", code, times=3)
    transact(client, table)
    assert len(sent) == requests
    assert number(client, table, "a") == 2


@pytest.mark.postgres
def test_g09_the_reply_to_a_commit_is_never_lost(postgres_backend):
    """A connection that is cut behind COMMIT looks to the client like one that is cut before it."""

    def commit_through(proxy_url):
        with closing(psycopg.connect(proxy_url)) as connection:
            connection.execute("INSERT INTO gap VALUES (1)")
            with pytest.raises(psycopg.OperationalError):
                connection.commit()

    with psycopg.connect(postgres_backend.url, autocommit=True) as direct:
        direct.execute("CREATE TABLE gap (n int)")
        for _ in range(20):
            direct.execute("INSERT INTO gap VALUES (0)")
        for forwarded, applied in ((True, 1), (False, 0)):
            direct.execute("TRUNCATE gap")
            with cutting_proxy(postgres_backend.url, forward=forwarded) as url:
                commit_through(url)

            def seen(expected=applied):
                (count,) = direct.execute("SELECT count(*) FROM gap").fetchone()
                (busy,) = direct.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchone()
                if busy or count != expected:
                    raise NotYetError(f"{count} rows, {busy} sessions")

            until(seen, clock=SystemClock(), seconds=30, what="the cut session's end")
        direct.execute("DROP TABLE gap")


@contextmanager
def cutting_proxy(url, *, forward):
    """An address of the same server behind a wire that is cut at COMMIT, before it or behind it."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            visitor, _ = listener.accept()
            with suppress(OSError), visitor, socket.create_connection((parts.hostname, parts.port)) as server:
                threading.Thread(target=pump, args=(server, visitor), daemon=True).start()
                while data := visitor.recv(65536):
                    cut = b"COMMIT" in data
                    if forward or not cut:
                        server.sendall(data)
                    if cut:
                        # A close alone says nothing on the wire while the other thread still reads.
                        visitor.shutdown(socket.SHUT_RDWR)
                        server.shutdown(socket.SHUT_RDWR)
                        return

        def pump(source, target):
            with suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        host = f"{parts.hostname}:{parts.port}"
        through = f"127.0.0.1:{listener.getsockname()[1]}"
        yield parts._replace(netloc=parts.netloc.replace(host, through)).geturl() + "?sslmode=disable"
        thread.join(30)


@pytest.mark.postgres
def test_g10_a_quiet_server_never_ends_a_session(postgres_backend):
    """A fail-over does; pg_terminate_backend gives the same SQLSTATE."""
    with psycopg.connect(postgres_backend.url, autocommit=True) as killer:
        connection = psycopg.connect(postgres_backend.url)
        for _ in range(20):
            connection.execute("SELECT 1")
        killer.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(pg.AdminShutdown) as caught:
            connection.execute("SELECT 1")
        assert caught.value.sqlstate == "57P01"
        connection.close()


@pytest.mark.postgres
def test_g11_sqlite_never_fails_to_serialize(tmp_path, postgres_backend):
    """Write skew is refused by PostgreSQL with 40001; SQLite's single writer meets no such thing."""
    statements = (
        "SELECT count(*) FROM skew WHERE n = {other}",
        "INSERT INTO skew VALUES ({mine})",
    )

    def skew(first, second, begin):
        for connection, (mine, other) in ((first, (1, 2)), (second, (2, 1))):
            connection.execute(begin)
            connection.execute(statements[0].format(mine=mine, other=other)).fetchone()
        first.execute(statements[1].format(mine=1))
        second.execute(statements[1].format(mine=2))
        first.commit()
        second.commit()

    path = tmp_path / "store.db"
    setup = sqlite3.connect(path)
    setup.execute("CREATE TABLE skew (n int)")
    setup.close()
    first, second = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    with closing(first), closing(second), pytest.raises(sqlite3.OperationalError, match="locked"):
        skew(first, second, "BEGIN")

    with psycopg.connect(postgres_backend.url, autocommit=True) as owner:
        owner.execute("CREATE TABLE skew (n int)")
        with psycopg.connect(postgres_backend.url) as one, psycopg.connect(postgres_backend.url) as two:
            with pytest.raises(pg.SerializationFailure) as caught:
                skew(one, two, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            assert caught.value.sqlstate == "40001"
            two.rollback()
        owner.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'injected' USING errcode = '40001'; END $$"
        )
        owner.execute("CREATE TRIGGER fail BEFORE INSERT ON skew EXECUTE FUNCTION fail()")
        with pytest.raises(pg.SerializationFailure):
            owner.execute("INSERT INTO skew VALUES (3)")
        owner.execute("DROP TABLE skew")
        owner.execute("DROP FUNCTION fail")


def test_g12_moto_shows_neither_atomicity_nor_tokens_and_is_refused():
    moto = Backend(BackendKind.DYNAMODB, "dynamodb://moto", emulated=True)
    with pytest.raises(BackendUnavailableError, match="no race is judged on it"):
        selftest.require_trust(moto)


def test_every_row_of_the_page_is_a_test_and_every_test_a_row():
    rows = set(re.findall(r"^\| (G\d\d) \|", PAGE.read_text(), flags=re.MULTILINE))
    tests = {name[5:8].upper() for name in globals() if re.match(r"test_g\d\d_", name)}
    assert rows == tests
