"""The ticker cache against a server that speaks S3's protocol over HTTP: another program's idea of it."""

from __future__ import annotations

import logging
import uuid

import boto3
import pytest
from botocore.config import Config

from sessionkeeper.clock import ManualClock
from sessionkeeper.resilience.correlation import correlation_scope
from sessionkeeper.resilience.retry import RetryPolicy, is_transient_s3_error
from sessionkeeper.resilience.ticker_cache import (
    KEY,
    Source,
    TickerCache,
    TickerCacheError,
    TickerCacheUnavailableError,
    bundled_tickers,
)


server = pytest.importorskip("moto.server", reason="moto's server is not installed")


def client_of(address):
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=5,
        ),
    )


class Place:
    """A bucket, a clock, and the cache that reads there."""

    def __init__(self, started):
        self.server = started
        self.s3 = client_of(f"http://127.0.0.1:{started.get_host_and_port()[1]}")
        self.bucket = f"b-{uuid.uuid4().hex}"  # the server's memory is the process's
        self.s3.create_bucket(Bucket=self.bucket)
        self.clock = ManualClock()
        self.waits = []
        policy = RetryPolicy(is_transient_s3_error, sleep=self.waits.append)
        self.cache = TickerCache(self.s3, self.bucket, retry=policy, clock=self.clock)

    def put(self, body):
        self.s3.put_object(Bucket=self.bucket, Key=KEY, Body=body)


@pytest.fixture
def place():
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    yield Place(started)
    started.stop()


def test_what_was_put_is_read_and_read_again_when_it_is_old(place):
    place.put(b'{"tickers": ["SAP"]}')
    assert place.cache.tickers().symbols == {"SAP"}
    place.put(b'{"tickers": ["SAP", "AAPL"]}')
    assert place.cache.tickers().symbols == {"SAP"}
    place.clock.advance(300)
    found = place.cache.tickers()
    assert (found.symbols, found.source) == ({"SAP", "AAPL"}, Source.S3)


def test_without_an_object_the_bundled_list_is_used_at_once(place, caplog):
    with correlation_scope("req-1"), caplog.at_level(logging.WARNING):
        found = place.cache.tickers()
    assert (found.symbols, found.source, place.waits) == (bundled_tickers(), Source.BUNDLED, [])
    assert "NoSuchKey" in caplog.text
    assert "req-1" in caplog.text
    place.put(b'{"tickers": ["SAP"]}')
    place.clock.advance(30)
    assert place.cache.tickers().source is Source.S3


def test_without_a_bucket_no_waiting_helps(place):
    cache = TickerCache(place.s3, "another-bucket", clock=place.clock)
    with pytest.raises(TickerCacheError) as caught:
        cache.load_from_s3()
    assert (caught.value.reason, caught.value.http_status) == ("NoSuchBucket", 500)


def test_a_server_that_goes_away_leaves_the_last_list(place):
    place.put(b'{"tickers": ["SAP"]}')
    place.cache.tickers()
    place.server.stop()
    place.clock.advance(300)

    found = place.cache.tickers()

    assert (found.symbols, found.source, len(place.waits)) == ({"SAP"}, Source.PREVIOUS, 3)
    with pytest.raises(TickerCacheUnavailableError) as caught:
        place.cache.load_from_s3()
    assert caught.value.http_status == 503


@pytest.mark.parametrize("body", [b"", b"{", b'{"tickers": {}}', b" " * 5_000_001])
def test_an_object_that_is_no_list_is_not_used(place, body):
    place.put(body)
    assert place.cache.tickers().source is Source.BUNDLED
    place.put(b'{"tickers": ["SAP"]}')  # the connection is none the worse for it
    place.clock.advance(30)
    assert place.cache.tickers().source is Source.S3
