"""What an exception says of its operation, asked with the drivers' own exceptions."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import subprocess
import sys

import botocore.exceptions as boto
import httpx
import psycopg
import psycopg.errors
import pytest
import tenacity

from planproof.race.history import Outcome
from planproof.race.outcomes import outcome_of


OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO


def raised(call, *args, **kwargs):
    """What a call raises."""
    try:
        call(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("40001", FAIL),
        ("40P01", FAIL),
        ("55P03", FAIL),
        ("57014", FAIL),
        ("23505", FAIL),
        ("53300", FAIL),
        ("57P03", FAIL),
        ("08001", FAIL),
        ("08006", INFO),
        ("08007", INFO),
        ("40003", INFO),
        ("57P01", INFO),
        ("57P02", INFO),
        ("XX000", INFO),
    ],
)
def test_an_sqlstate_decides(state, outcome):
    assert outcome_of(psycopg.errors.lookup(state)("said the server")) is outcome


def test_a_connection_lost_in_the_middle_says_nothing():
    error = psycopg.OperationalError("server closed the connection unexpectedly")
    assert outcome_of(error) is INFO


def test_a_connection_that_was_never_made_fails():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = raised(psycopg.connect, f"host=127.0.0.1 port={port} connect_timeout=2 dbname=x")
    assert isinstance(error, psycopg.OperationalError)
    assert outcome_of(error) is FAIL


def test_what_the_driver_refuses_to_send_fails():
    assert outcome_of(psycopg.ProgrammingError("the query has 1 placeholder but 0 were passed")) is FAIL


def test_sqlite_locked_and_constraint_fail(tmp_path):
    one = sqlite3.connect(tmp_path / "db", timeout=0, isolation_level=None)
    two = sqlite3.connect(tmp_path / "db", timeout=0, isolation_level=None)
    one.execute("create table t (x integer primary key)")
    one.execute("begin immediate")
    locked = raised(two.execute, "begin immediate")
    assert "locked" in str(locked)
    assert outcome_of(locked) is FAIL
    one.execute("insert into t values (1)")
    assert outcome_of(raised(one.execute, "insert into t values (1)")) is FAIL
    one.close()
    assert outcome_of(raised(one.execute, "select 1")) is FAIL
    two.close()


def test_sqlite_that_cannot_tell_what_the_disk_holds_is_info():
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert outcome_of(error) is INFO


def client_error(code, *, status=400, operation="PutItem", retries=0):
    return boto.ClientError(
        {
            "Error": {"Code": code, "Message": "m"},
            "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": retries},
        },
        operation,
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (client_error("ConditionalCheckFailedException"), FAIL),
        (client_error("TransactionCanceledException", operation="TransactWriteItems"), FAIL),
        (client_error("TransactionConflictException"), FAIL),
        (client_error("ProvisionedThroughputExceededException"), FAIL),
        (client_error("ValidationException"), FAIL),
        (client_error("InternalServerError", status=500), INFO),
        (client_error("Whatever", status=503), INFO),
        (client_error("TransactionInProgressException", operation="TransactWriteItems"), INFO),
        # The first attempt may have put the item and lost its reply; the second then finds it there.
        (client_error("ConditionalCheckFailedException", retries=1), INFO),
        # One token for all attempts: the answer tells of all.
        (client_error("TransactionCanceledException", operation="TransactWriteItems", retries=2), FAIL),
        (boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), FAIL),
        (boto.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"), FAIL),
        (boto.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), INFO),
        (boto.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"), INFO),
        (boto.ParamValidationError(report="no key"), FAIL),
        (boto.NoCredentialsError(), FAIL),
    ],
)
def test_what_botocore_says(error, outcome):
    assert outcome_of(error) is outcome


def status_error(status):
    request = httpx.Request("POST", "http://service/x")
    return raised(httpx.Response(status, request=request).raise_for_status)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError("refused"), FAIL),
        (httpx.ConnectTimeout("late"), FAIL),
        (httpx.PoolTimeout("none free"), FAIL),
        (httpx.ReadTimeout("late"), INFO),
        (httpx.WriteError("half sent"), INFO),
        (httpx.RemoteProtocolError("server disconnected"), INFO),
        (status_error(409), FAIL),
        (status_error(429), FAIL),
        (status_error(408), INFO),
        (status_error(500), INFO),
        (status_error(503), INFO),
    ],
)
def test_what_httpx_says(error, outcome):
    assert outcome_of(error) is outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (asyncio.CancelledError(), INFO),
        (TimeoutError("late"), INFO),
        (asyncio.IncompleteReadError(b"", 4), INFO),
        (ConnectionResetError(), INFO),
        (BrokenPipeError(), INFO),
        (ConnectionRefusedError(), FAIL),
        (socket.gaierror(), FAIL),
        (ValueError("a defect"), None),
        (AssertionError("a claim"), None),
        (FileNotFoundError("x"), None),
        (ExceptionGroup("two", [TimeoutError(), ConnectionRefusedError()]), INFO),
        (ExceptionGroup("two", [TimeoutError(), ValueError()]), None),
        (ExceptionGroup("one", [ConnectionRefusedError()]), FAIL),
    ],
)
def test_what_the_system_says(error, outcome):
    assert outcome_of(error) is outcome


def test_retries_that_ran_out_are_unknown():
    def always():
        raise psycopg.errors.SerializationFailure("again")

    retry = tenacity.Retrying(stop=tenacity.stop_after_attempt(2))
    assert outcome_of(raised(retry, always)) is INFO


def test_an_exception_of_ones_own_that_derives_from_a_drivers_is_the_drivers():
    class Refused(httpx.ConnectError):
        """The application's own."""

    assert outcome_of(Refused("no")) is FAIL


def test_no_driver_is_imported():
    code = (
        "import sys, planproof.race.outcomes as o; o.outcome_of(TimeoutError());"
        "print(sorted({'psycopg', 'botocore', 'httpx', 'sqlalchemy', 'tenacity'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "harness"},
    )
    assert done.stdout.strip() == "[]"
