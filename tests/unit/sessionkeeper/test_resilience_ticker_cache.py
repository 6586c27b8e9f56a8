"""The ticker cache: retry, last list, bundled list, and what the log says (S3.T007 to S3.T009)."""

from __future__ import annotations

import http.server
import logging
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from tests.unit.sessionkeeper.aws_faults import Waits, Wire, together

from sessionkeeper.clock import ManualClock
from sessionkeeper.resilience.correlation import correlation_scope
from sessionkeeper.resilience.responses import handle_s3_error
from sessionkeeper.resilience.retry import RetryPolicy, is_transient_s3_error
from sessionkeeper.resilience.ticker_cache import (
    Source,
    TickerCache,
    TickerCacheError,
    TickerCacheUnavailableError,
    bundled_tickers,
    parse_tickers,
)


GOOD = (200, b'{"tickers": ["AAPL", "SAP"]}')


def s3_refusal(code, status):
    return status, f"<Error><Code>{code}</Code><Message>made up</Message></Error>".encode()


SLOW = s3_refusal("SlowDown", 503)
DENIED = s3_refusal("AccessDenied", 403)


@pytest.fixture
def clock():
    return ManualClock(1_700_000_000.0)


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def client():
    return boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def wire(client):
    return Wire(client, "s3")


@pytest.fixture
def cache(client, wire, clock, waits):
    policy = RetryPolicy(is_transient_s3_error, sleep=waits)
    return TickerCache(client, "a-bucket", retry=policy, clock=clock)


def test_a_list_is_read_once_and_kept_for_a_while(cache, wire, clock):
    wire.next("GetObject", GOOD, (200, b'{"tickers": ["SAP"]}'))

    assert cache.tickers().symbols == {"AAPL", "SAP"}
    clock.advance(299)
    assert cache.tickers().source is Source.S3
    assert wire.count("GetObject") == 1
    clock.advance(1)
    assert cache.tickers().symbols == {"SAP"}


def test_a_transient_failure_is_retried(cache, wire, waits):
    wire.next("GetObject", SLOW, s3_refusal("InternalError", 500), GOOD)

    assert cache.tickers().source is Source.S3
    assert (wire.count("GetObject"), len(waits)) == (3, 2)


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (DENIED, 1),
        (s3_refusal("NoSuchKey", 404), 1),
        (s3_refusal("NoSuchBucket", 404), 1),
        (SLOW, 4),
        ((200, b"not json"), 1),
        ((200, b'{"tickers": []}'), 1),
    ],
    ids=["denied", "no key", "no bucket", "slow", "no json", "empty"],
)
def test_the_bundled_list_is_used_with_a_warning(cache, wire, caplog, fault, requests):
    wire.next("GetObject", *[fault] * 9)

    with correlation_scope("req-42"), caplog.at_level(logging.WARNING):
        found = cache.tickers()

    assert (found.symbols, found.source) == (bundled_tickers(), Source.BUNDLED)
    assert wire.count("GetObject") == requests
    warning = caplog.records[-1]
    assert warning.levelname == "WARNING"
    assert "bundled" in warning.getMessage()
    assert "req-42" in warning.getMessage()


def test_a_store_that_is_down_is_a_fallback_too(client, clock, waits):
    policy = RetryPolicy(is_transient_s3_error, sleep=waits)
    cache = TickerCache(client, "a-bucket", retry=policy, clock=clock)

    assert cache.tickers().source is Source.BUNDLED
    assert len(waits) == 3
    with pytest.raises(TickerCacheError) as caught:
        cache.load_from_s3()
    assert isinstance(caught.value.__cause__, EndpointConnectionError)


def test_the_last_list_is_better_than_the_bundled_one(cache, wire, clock):
    wire.next("GetObject", GOOD, DENIED, GOOD)
    cache.tickers()
    clock.advance(300)

    assert cache.tickers().source is Source.PREVIOUS
    assert cache.tickers().symbols == {"AAPL", "SAP"}
    assert wire.count("GetObject") == 2  # not asked again at once
    clock.advance(30)
    assert cache.tickers().source is Source.S3


def test_of_many_askers_one_reads(cache, wire):
    wire.next("GetObject", GOOD, *[DENIED] * 20)

    results = together(12, lambda _n: cache.tickers())

    assert {result.source for result in results} == {Source.S3}
    assert wire.count("GetObject") == 1


def test_who_has_a_list_does_not_wait_for_one_who_reads(client, wire, clock, waits):
    """A slow S3 holds up the one thread that reads, and nobody else."""
    reading, answered = threading.Event(), threading.Event()

    def slow(_seconds):
        reading.set()
        assert answered.wait(20)

    cache = TickerCache(client, "a-bucket", retry=RetryPolicy(is_transient_s3_error, sleep=slow), clock=clock)
    wire.next("GetObject", GOOD, SLOW, (200, b'{"tickers": ["NEW"]}'))
    cache.tickers()
    clock.advance(300)
    renewed = []
    reader = threading.Thread(target=lambda: renewed.append(cache.tickers()))
    reader.start()
    assert reading.wait(20)
    try:
        meanwhile = cache.tickers()
    finally:
        answered.set()
        reader.join()

    assert (meanwhile.symbols, meanwhile.source) == ({"AAPL", "SAP"}, Source.PREVIOUS)
    assert [found.symbols for found in renewed] == [{"NEW"}]
    assert cache.tickers().symbols == {"NEW"}


def test_a_clock_that_was_set_back_does_not_keep_a_list_for_hours(cache, wire, clock):
    wire.next("GetObject", GOOD, (200, b'{"tickers": ["SAP"]}'))
    cache.tickers()
    clock.advance(-7200)

    assert cache.tickers().symbols == {"SAP"}


class Cut(http.server.BaseHTTPRequestHandler):
    """Promises more than it sends, the first time."""

    def do_GET(self):
        self.send_response(200)
        self.server.asked += 1
        self.send_header("Content-Length", "500" if self.server.asked == 1 else str(len(GOOD[1])))
        self.end_headers()
        self.wfile.write(GOOD[1])

    def log_message(self, *_said):
        pass


def test_a_body_that_was_cut_short_is_read_again(clock, waits):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut) as server:
        server.asked = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        policy = RetryPolicy(is_transient_s3_error, sleep=waits)
        found = TickerCache(client, "a-bucket", retry=policy, clock=clock).tickers()
        server.shutdown()

    assert (found.symbols, found.source, len(waits)) == ({"AAPL", "SAP"}, Source.S3, 1)


@pytest.mark.parametrize(
    ("fault", "kind", "reason", "status"),
    [
        (DENIED, TickerCacheError, "AccessDenied", 500),
        (s3_refusal("NoSuchKey", 404), TickerCacheError, "NoSuchKey", 500),
        ((200, b"[]"), TickerCacheError, "malformed", 500),
        (SLOW, TickerCacheUnavailableError, "SlowDown", 503),
    ],
)
def test_loading_says_why_it_failed_and_whether_waiting_helps(cache, wire, fault, kind, reason, status):
    wire.next("GetObject", *[fault] * 4)

    with pytest.raises(TickerCacheError) as caught:
        cache.load_from_s3()
    assert type(caught.value) is kind
    assert (caught.value.reason, caught.value.http_status) == (reason, status)
    assert ("Retry-After" in handle_s3_error(caught.value).headers) == (status == 503)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"tickers": "AAPL"}',
        b'{"tickers": [1]}',
        b'{"tickers": [""]}',
        b'{"tickers": ["\\ud800"]}',
        b"[" * 200_000,
        b"\xff",
        b" " * 5_000_001,
    ],
)
def test_what_is_no_list_of_tickers_is_refused(data):
    with pytest.raises(TickerCacheError) as caught:
        parse_tickers(data)
    assert caught.value.reason == "malformed"


def test_a_client_that_retries_by_itself_is_refused():
    with pytest.raises(ValueError, match="must not retry"):
        TickerCache(boto3.client("s3", region_name="us-east-1"), "a-bucket")
