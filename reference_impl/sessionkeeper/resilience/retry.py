"""Retry decorators for DynamoDB and S3 (requirement rows S3.T002, S3.T003, S3.T008.1).

Both follow the schedule of the data layer: up to three retries after 1 s, 2 s and 4 s, each lengthened by
chance (KX.04). Three things they take care of:

* A new ``tenacity.Retrying`` for every call, because its statistics are shared by all who share it.
* They are the only policy: give the SDK's client ``total_max_attempts=1``, or attempts multiply.
  ``data_access.connection.single_attempt`` checks that.
* Only failures that pass by themselves are retried. A refused request is a bug and a failed condition an
  answer; both are raised at once (S3.T003.3).
"""

from __future__ import annotations

import functools
import inspect
import logging
import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, overload

import tenacity
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from urllib3.exceptions import HTTPError

from sessionkeeper.data_access.backoff import Backoff, Chance
from sessionkeeper.data_access.exceptions import RetryableError
from sessionkeeper.data_access.transient import error_code, translate
from sessionkeeper.resilience.correlation import current_correlation_id


if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")
LOGGER = logging.getLogger(__name__)
_SERVER_ERROR = 500

S3_THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
S3_FAILURES = frozenset({"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable"})

# The last two come from below the SDK, which translates most of them but not every one.
_ON_THE_WAY: Final = (
    HTTPClientError,
    BotoConnectionError,
    IncompleteReadError,
    FlexibleChecksumError,
    HTTPError,
    ConnectionError,
)


def is_transient_dynamodb_error(error: BaseException) -> bool:
    """Whether a DynamoDB failure passes by itself: throttling, a conflict, a failure of the service.

    A cancelled transaction counts only if every action that failed did so by conflict or throttling.
    """
    if isinstance(error, ClientError | BotoCoreError):
        return isinstance(translate(error, "call"), RetryableError)
    return isinstance(error, RetryableError)


def is_transient_s3_error(error: BaseException) -> bool:
    """Whether an S3 failure passes by itself; a missing object or a denied access does not.

    A body that was cut short or damaged on its way does: the object itself is whole.
    """
    if isinstance(error, _ON_THE_WAY):
        return True
    if not isinstance(error, ClientError):
        return False
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return error_code(error) in S3_THROTTLES | S3_FAILURES or status >= _SERVER_ERROR


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What to retry, how often, and how long to wait.

    Attributes:
        transient: says whether a failure passes by itself.
        backoff: the schedule.
        sleep: waits so many seconds.
        chance: where jitter comes from.
    """

    transient: Callable[[BaseException], bool]
    backoff: Backoff = field(default_factory=Backoff)
    sleep: Callable[[float], None] = time.sleep
    chance: Chance = field(default_factory=random.SystemRandom)

    def call(self, function: Callable[[], T], what: str) -> T:
        """Call a function under this policy.

        Args:
            function: makes one attempt.
            what: name for the log.

        Raises:
            BaseException: what the last attempt raised, unchanged.
        """

        def wait(state: tenacity.RetryCallState) -> float:
            return self.backoff.delay(state.attempt_number - 1, self.chance)

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.backoff.retries + 1),
            wait=wait,
            retry=tenacity.retry_if_exception(self.transient),
            sleep=self.sleep,
            before_sleep=lambda state: _log_retry(what, state),
            reraise=True,
        )
        try:
            return retrying(function)
        except BaseException as error:
            if self.transient(error):
                LOGGER.exception("%s: gave up; correlation id %s", what, current_correlation_id())
            raise


def _log_retry(what: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    LOGGER.warning(
        "%s: attempt %d failed (%s), next in %.2f s; correlation id %s",
        what,
        state.attempt_number,
        (error_code(error) if error else "") or type(error).__name__,
        state.next_action.sleep if state.next_action else 0.0,
        current_correlation_id(),
    )


DYNAMODB_POLICY = RetryPolicy(is_transient_dynamodb_error)
S3_POLICY = RetryPolicy(is_transient_s3_error)


@dataclass(frozen=True, slots=True)
class RetryDecorator:
    """A decorator that calls a function under a policy.

    Use it bare, or with settings: ``@dynamodb_retry(backoff=Backoff(retries=5))``; settings are ``backoff``,
    ``sleep`` and ``chance`` of :class:`RetryPolicy`. The function must be one that may be repeated: after a
    lost answer its write may have been applied already. Decorating a coroutine function raises ``TypeError``,
    because its failure comes after the call.

    Attributes:
        policy: what holds unless a setting says otherwise.
    """

    policy: RetryPolicy

    @overload
    def __call__(self, function: Callable[P, T]) -> Callable[P, T]: ...
    @overload
    def __call__(self, **settings: Any) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
    def __call__(self, function: Any = None, **settings: Any) -> Any:
        """Decorate a function, or make a decorator with settings of its own."""
        chosen = replace(self.policy, **settings) if settings else self.policy

        def decorate(inner: Callable[..., Any]) -> Callable[..., Any]:
            if inspect.iscoroutinefunction(inner):
                raise TypeError(
                    f"{inner.__qualname__} is a coroutine function: its failure comes after the call"
                )

            @functools.wraps(inner)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return chosen.call(lambda: inner(*args, **kwargs), inner.__qualname__)

            return wrapper

        return decorate if function is None else decorate(function)


dynamodb_retry: Final = RetryDecorator(DYNAMODB_POLICY)
"""Retries a function that calls DynamoDB while the failure is transient (S3.T002.2)."""

s3_retry: Final = RetryDecorator(S3_POLICY)
"""Retries a function that calls S3 while the failure is transient (S3.T002.3)."""
