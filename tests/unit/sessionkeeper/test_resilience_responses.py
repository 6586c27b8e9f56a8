"""Failures as HTTP answers: 409, 429, 503 and Retry-After (S3.T010, S3.T011)."""

from __future__ import annotations

import logging

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    ItemNotFoundError,
    RateLimitExceededError,
    RetryableError,
    ThrottledError,
)
from sessionkeeper.errors import RaceReason, SessionLimitRaceError, StoreUnavailableError
from sessionkeeper.resilience.configurations import ConfigurationLimitError, DuplicateConfigurationError
from sessionkeeper.resilience.correlation import correlation_scope
from sessionkeeper.resilience.responses import handle_dynamodb_error, handle_s3_error


def client_error(code, status=400, message="table arn:aws:dynamodb:eu:123456789012:table/Secret", **extra):
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
            **extra,
        },
        "Op",
    )


def cancelled(*codes):
    return client_error(
        "TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes]
    )


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (client_error("ConditionalCheckFailedException"), 409, None),
        (cancelled("None", "ConditionalCheckFailed"), 409, None),
        (cancelled("TransactionConflict"), 503, "5"),
        (cancelled("ThrottlingError"), 429, "5"),
        (client_error("ThrottlingException"), 429, "5"),
        (client_error("ProvisionedThroughputExceededException"), 429, "5"),
        (client_error("TransactionConflictException"), 503, "5"),
        (client_error("InternalServerError", 500), 503, "5"),
        (EndpointConnectionError(endpoint_url="http://secret"), 503, "5"),
        (client_error("ValidationException"), 400, None),
        (client_error("ResourceNotFoundException"), 500, None),
        (client_error("AccessDeniedException"), 500, None),
        (ConditionalCheckFailedError("no"), 409, None),
        (DuplicateConfigurationError("no"), 409, None),
        (ConfigurationLimitError("no"), 409, None),
        (ItemNotFoundError("no"), 404, None),
        (ThrottledError("no"), 429, "5"),
        (RetryableError("no"), 503, "5"),
        (RateLimitExceededError("no", retry_after=17), 429, "17"),
        (SessionLimitRaceError("u1", RaceReason.CONFLICT), 503, "1"),
        (StoreUnavailableError("no"), 503, "1"),
        (KeyError("a bug"), 500, None),
    ],
    ids=lambda value: f"{type(value).__name__}" if isinstance(value, Exception) else str(value),
)
def test_dynamodb_failures(error, status, retry_after):
    found = handle_dynamodb_error(error)

    assert (found.status, found.headers.get("Retry-After")) == (status, retry_after)
    assert found.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (client_error("SlowDown", 503), 429, "5"),
        (client_error("InternalError", 500), 503, "5"),
        (client_error("ServiceUnavailable", 503), 503, "5"),
        (EndpointConnectionError(endpoint_url="x"), 503, "5"),
        (client_error("NoSuchKey", 404), 404, None),
        (client_error("PreconditionFailed", 412), 409, None),
        (client_error("AccessDenied", 403), 500, None),
        (KeyError("a bug"), 500, None),
    ],
    ids=lambda value: f"{type(value).__name__}" if isinstance(value, Exception) else str(value),
)
def test_s3_failures(error, status, retry_after):
    found = handle_s3_error(error)

    assert (found.status, found.headers.get("Retry-After")) == (status, retry_after)


def test_an_answer_tells_the_correlation_id_and_nothing_of_the_store(caplog):
    with correlation_scope("req-7"), caplog.at_level(logging.WARNING):
        found = handle_dynamodb_error(client_error("ValidationException"))
        body = found.body()

    assert body["error"]["correlation_id"] == found.headers["X-Correlation-ID"] == "req-7"
    assert "Secret" not in str(body)
    assert "Secret" in caplog.text
    assert "req-7" in caplog.text


def test_a_bug_is_logged_and_not_told(caplog):
    with caplog.at_level(logging.ERROR):
        found = handle_s3_error(KeyError("password"))

    assert "password" not in str(found.body())
    assert "password" in caplog.text
