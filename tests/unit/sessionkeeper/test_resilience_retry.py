"""dynamodb_retry and s3_retry: what is retried, how often, how long (S3.T002, S3.T003, S3.T012)."""

from __future__ import annotations

import logging
import threading

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from tests.unit.sessionkeeper.aws_faults import Middle, Room, Waits, refusal

from sessionkeeper.data_access.backoff import Backoff
from sessionkeeper.data_access.connection import single_attempt
from sessionkeeper.data_access.exceptions import RetryableError
from sessionkeeper.data_access.tables import SESSIONS
from sessionkeeper.resilience.correlation import correlation_scope, current_correlation_id
from sessionkeeper.resilience.retry import dynamodb_retry, s3_retry


def client_error(code, status=400, **extra):
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}, **extra},
        "Op",
    )


def cancelled(*codes):
    return client_error(
        "TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes]
    )


class Failing:
    """Fails with each of some errors in turn, then succeeds."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


TRANSIENT = [
    client_error("ProvisionedThroughputExceededException"),
    client_error("ThrottlingException"),
    client_error("RequestLimitExceeded"),
    client_error("InternalServerError", 500),
    client_error("ServiceUnavailable", 503),
    client_error("Whatever", 502),
    client_error("TransactionConflictException"),
    client_error("TransactionInProgressException"),
    cancelled("None", "TransactionConflict"),
    cancelled("ThrottlingError", "None"),
    cancelled("ProvisionedThroughputExceeded", "TransactionConflict"),
    EndpointConnectionError(endpoint_url="x"),
    ConnectTimeoutError(endpoint_url="x"),
    ReadTimeoutError(endpoint_url="x"),
    RetryableError("ours"),
]
FINAL = [
    client_error("ValidationException"),
    client_error("ConditionalCheckFailedException"),
    client_error("AccessDeniedException"),
    client_error("ResourceNotFoundException"),
    client_error("IdempotentParameterMismatchException"),
    cancelled("ConditionalCheckFailed", "None"),
    cancelled("ConditionalCheckFailed", "TransactionConflict"),
    cancelled("ValidationError"),
    ValueError("a bug"),
]


def name(error):
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return f"{type(error).__name__}-{code}"


@pytest.mark.parametrize("error", TRANSIENT, ids=name)
def test_a_transient_dynamodb_error_is_retried(error):
    call, waits = Failing(error), Waits()

    assert dynamodb_retry(sleep=waits)(call_through(call))() == "done"
    assert (call.calls, len(waits)) == (2, 1)


@pytest.mark.parametrize("error", FINAL, ids=name)
def test_any_other_error_is_raised_at_once(error):
    call, waits = Failing(error), Waits()

    with pytest.raises(type(error)) as caught:
        dynamodb_retry(sleep=waits)(call_through(call))()
    assert caught.value is error
    assert (call.calls, waits) == (1, [])


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (client_error("SlowDown", 503), True),
        (client_error("InternalError", 500), True),
        (client_error("RequestTimeout", 400), True),
        (client_error("Unknown", 504), True),
        (EndpointConnectionError(endpoint_url="x"), True),
        (client_error("AccessDenied", 403), False),
        (client_error("NoSuchKey", 404), False),
        (client_error("PreconditionFailed", 412), False),
        (ValueError("a bug"), False),
    ],
    ids=lambda value: name(value) if isinstance(value, Exception) else str(value),
)
def test_which_s3_errors_are_retried(error, retried):
    call = Failing(error)
    wrapped = s3_retry(sleep=Waits())(call_through(call))

    if retried:
        assert wrapped() == "done"
    else:
        with pytest.raises(type(error)):
            wrapped()
    assert call.calls == (2 if retried else 1)


def call_through(call):
    def function(*args, **kwargs):
        return call(*args, **kwargs)

    return function


def test_the_waits_double_and_chance_lengthens_them():
    waits = Waits()
    throttled = [client_error("ThrottlingException")] * 3

    assert dynamodb_retry(sleep=waits, chance=Middle())(call_through(Failing(*throttled)))() == "done"
    assert waits == [1.25, 2.5, 5.0]


def test_real_chance_keeps_each_wait_in_its_range():
    for _ in range(200):
        waits = Waits()
        dynamodb_retry(sleep=waits)(call_through(Failing(*[client_error("ThrottlingException")] * 3)))()
        assert [base <= wait < base * 1.5 for base, wait in zip((1, 2, 4), waits, strict=True)] == [True] * 3


def test_it_gives_up_with_the_last_error_itself(caplog):
    errors = [client_error("ThrottlingException") for _ in range(9)]
    call, last = Failing(*errors), errors[2]

    with caplog.at_level(logging.WARNING), pytest.raises(ClientError) as caught:
        dynamodb_retry(sleep=Waits(), backoff=Backoff(retries=2))(call_through(call))()

    assert caught.value is last
    assert call.calls == 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "ERROR"]


def test_the_log_tells_attempt_error_wait_and_correlation(caplog):
    with correlation_scope("order-7"), caplog.at_level(logging.WARNING):
        dynamodb_retry(sleep=Waits(), chance=Middle())(call_through(Failing(client_error("SlowDown", 500))))()

    assert "attempt 1 failed (SlowDown), next in 1.25 s; correlation id order-7" in caplog.text


def test_bare_and_with_arguments_it_keeps_the_function():
    @dynamodb_retry
    def read(table, *, limit):
        """Reads."""
        return table, limit

    assert (read("t", limit=3), read.__name__, read.__doc__) == (("t", 3), "read", "Reads.")


def test_a_coroutine_function_is_refused():
    async def read():
        raise NotImplementedError

    with pytest.raises(TypeError, match="coroutine"):
        dynamodb_retry(read)


def test_threads_share_a_decorated_function_but_no_attempts():
    """A retry object that is shared would count one thread's attempts against another."""
    fails = threading.local()
    waits = Waits()

    @dynamodb_retry(sleep=waits, backoff=Backoff(retries=1))
    def once_failing():
        fails.count = getattr(fails, "count", 0) + 1
        if fails.count == 1:
            raise client_error("ThrottlingException")
        return "done"

    results = []
    threads = [threading.Thread(target=lambda: results.append(once_failing())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["done"] * 16
    assert len(waits) == 16


def test_a_client_that_retries_by_itself_is_seen():
    with pytest.raises(ValueError, match="must not retry"):
        single_attempt(boto3.client("s3", region_name="us-east-1"))


@pytest.mark.dynamodb
def test_attempts_do_not_multiply_on_the_wire(request, dynamodb_backend):
    room = Room(dynamodb_backend.url)
    request.addfinalizer(room.close)
    room.wire.next("PutItem", *[refusal("ProvisionedThroughputExceededException")] * 99)
    put = dynamodb_retry(sleep=Waits())(room.low_level.put_item)

    with pytest.raises(ClientError):
        put(TableName=room.client.table_name(SESSIONS), Item={"sessionId": {"S": "s"}})
    assert room.wire.count("PutItem") == 4


class TestCorrelation:
    def test_an_offered_id_is_used_and_forgotten(self):
        with correlation_scope("abc-1") as given:
            assert current_correlation_id() == given == "abc-1"
        assert current_correlation_id() == "-"

    @pytest.mark.parametrize(
        "offered", [None, "", "a b", "x" * 65, "a\nFORGED LINE", "ü", "a\r\nSet-Cookie: x"]
    )
    def test_a_harmful_one_is_replaced(self, offered):
        with correlation_scope(offered) as given:
            assert given != offered
            assert len(given) == 32
