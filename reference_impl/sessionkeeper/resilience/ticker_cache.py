"""A list of tickers read from S3, with what to do when it can not be read (S3.T007 to S3.T009).

Where it lies: the object ``KEY`` in a bucket that the caller names, JSON of the form ``{"tickers": [..]}``.

What happens on a failure, in this order: transient ones are retried by ``s3_retry``; then the list read last
stays in use; before there was one, the list bundled with the package is used. The last two log a warning with
the correlation id, and the object is tried again after a short while. Access denied (K3.25), a missing object
and one that can not be understood are not retried and end the same way: whoever asks for tickers always gets
some, and waits for S3 only while there is no list at all.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import logging
import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from sessionkeeper.clock import Clock, SystemClock
from sessionkeeper.data_access.connection import single_attempt
from sessionkeeper.data_access.transient import error_code
from sessionkeeper.errors import SessionKeeperError
from sessionkeeper.resilience.correlation import current_correlation_id
from sessionkeeper.resilience.retry import S3_POLICY, RetryPolicy, is_transient_s3_error


if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOGGER = logging.getLogger(__name__)

KEY = "ticker-cache/us-symbols.json"
_BUNDLED = "default_tickers.json"
_MOST_BYTES = 5_000_000


class TickerCacheError(SessionKeeperError):
    """There is no list of tickers to be read: access denied, no such object, or something else in it.

    Over HTTP it is 500: something here is set up wrongly, and waiting does not cure it (K3.25).

    Args:
        message: one clear sentence.
        reason: the service's error code, or ``malformed``.
    """

    code = "ticker_cache"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TickerCacheUnavailableError(TickerCacheError):
    """S3 could not serve the list now; it may do so later."""

    code = "ticker_cache_unavailable"
    http_status = 503
    retriable = True


class Source(StrEnum):
    """Where a list comes from."""

    S3 = "s3"
    PREVIOUS = "previous"
    BUNDLED = "bundled"


@dataclass(frozen=True, slots=True)
class TickerList:
    """Tickers and where they come from.

    Attributes:
        symbols: the tickers.
        source: whether this is fresh, the last one read, or the bundled one.
        next_try: second since the epoch from which on the object is read again.
    """

    symbols: frozenset[str]
    source: Source
    next_try: float = 0.0


class TickerCache:
    """Keeps the list for a while; safe to share between threads.

    One thread reads at a time. While it does, however slow S3 is, the others go on with the list that is
    there, and wait only where there is none yet.

    Args:
        client: S3 client that does not retry by itself.
        bucket: name of the bucket.
        key: key of the object.
        retry: policy for reading.
        clock: says when the list has become old.
        max_age: seconds that a list read well is used.
        failure_age: seconds until the next try after a failure.

    Raises:
        ValueError: the client retries by itself.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        *,
        key: str = KEY,
        retry: RetryPolicy = S3_POLICY,
        clock: Clock | None = None,
        max_age: float = 300.0,
        failure_age: float = 30.0,
    ) -> None:
        single_attempt(client)
        self._client = client
        self._bucket = bucket
        self._key = key
        self._retry = retry
        self._clock = clock or SystemClock()
        self._ages = (max_age, failure_age)
        self._lock = threading.Lock()
        self._held: TickerList | None = None

    def tickers(self) -> TickerList:
        """The list; never fails (S3.T009.2)."""
        held = self._held
        if held is None:
            with self._lock:
                return self._current()
        if not self._due(held):
            return held
        if not self._lock.acquire(blocking=False):
            return replace(held, source=Source.PREVIOUS) if held.source is Source.S3 else held
        try:
            return self._current()
        finally:
            self._lock.release()

    def _current(self) -> TickerList:
        """The list that is there, or a new one; only for who holds the lock."""
        held = self._held
        if held is None or self._due(held):
            held = self._held = self._renewed()
        return held

    def _due(self, held: TickerList) -> bool:
        """Whether a list is old, or from a time that is still to come: the clock has been set back."""
        now = self._clock.now()
        return not held.next_try - max(self._ages) <= now < held.next_try

    def load_from_s3(self) -> frozenset[str]:
        """Read the object, retrying transient failures (S3.T008.1).

        Raises:
            TickerCacheUnavailableError: S3 is down, slow or throttles.
            TickerCacheError: it could not be read or understood.
        """
        try:
            data = self._retry.call(self._read, f"get_object {self._key}")
        # What breaks while the body is read may come from below the SDK.
        except (ClientError, BotoCoreError, HTTPError, OSError) as error:
            reason = error_code(error) or type(error).__name__
            kind = TickerCacheUnavailableError if is_transient_s3_error(error) else TickerCacheError
            raise kind(f"the ticker list can not be read ({reason})", reason=reason) from error
        return parse_tickers(data)

    def _read(self) -> bytes:
        # The body is part of the attempt: a connection may break while it is read.
        with contextlib.closing(self._client.get_object(Bucket=self._bucket, Key=self._key)["Body"]) as body:
            data = body.read(_MOST_BYTES + 1)
            if len(data) <= _MOST_BYTES:
                body.read(1)  # only who comes to the end is told that it was cut short or damaged
        return data

    def _renewed(self) -> TickerList:
        now, (max_age, failure_age) = self._clock.now(), self._ages
        try:
            return TickerList(self.load_from_s3(), Source.S3, now + max_age)
        except TickerCacheError as error:
            held = self._held
            if held is None or held.source is Source.BUNDLED:
                substitute = TickerList(bundled_tickers(), Source.BUNDLED)
            else:
                substitute = TickerList(held.symbols, Source.PREVIOUS)
            LOGGER.warning(
                "ticker list: using the %s one, because %s; correlation id %s",
                substitute.source.value,
                error,
                current_correlation_id(),
            )
            return replace(substitute, next_try=now + failure_age)


def bundled_tickers() -> frozenset[str]:
    """The list that comes with the package (S3.T009.1)."""
    return parse_tickers(importlib.resources.files(__package__ or "").joinpath(_BUNDLED).read_bytes())


def parse_tickers(data: bytes) -> frozenset[str]:
    """The tickers in the object's JSON.

    Raises:
        TickerCacheError: it is too large, no JSON, or no list of texts under ``tickers``.
    """
    try:
        found: Any = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):  # the second: brackets within brackets, a million deep
        found = None
    tickers = found.get("tickers") if isinstance(found, dict) else None
    if (
        not isinstance(tickers, list)
        or not tickers
        or not all(isinstance(one, str) and one and one.isprintable() for one in tickers)
    ):
        raise TickerCacheError("the ticker list is malformed", reason="malformed")
    return frozenset(tickers)
