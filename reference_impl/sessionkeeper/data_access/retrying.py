"""The retry loop of the data layer; S4.F.4 to S4.F.7.

It understands errors of the SDK and our own :class:`RetryableError` alike: a loop that looks for one kind
only never fires around methods that raise the other.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from sessionkeeper.data_access.exceptions import RetryableError
from sessionkeeper.data_access.transient import translate


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.data_access.backoff import Backoff, Chance

T = TypeVar("T")
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retrying:
    """Makes a call until it succeeds, fails for good, or the schedule is used up.

    Holds nothing about a call, so threads may share one.

    Attributes:
        backoff: how often and how long.
        sleep: waits so many seconds.
        chance: where jitter comes from.
    """

    backoff: Backoff
    sleep: Callable[[float], None]
    chance: Chance

    def call(self, call: Callable[[], T], *, repeatable: bool, what: str) -> T:
        """Make the call; see :meth:`DynamoDBClient.retry_with_backoff` for arguments and errors."""
        retry = 0
        while True:
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                failure = translate(error, what)
                if not isinstance(failure, RetryableError):
                    raise failure from error
                cause: Exception = error
            except RetryableError as error:
                failure, cause = error, error
            told = failure.aws_code or str(failure)
            if (failure.outcome_unknown and not repeatable) or retry >= self.backoff.retries:
                LOGGER.error("%s: gave up after attempt %d: %s", what, retry + 1, told)
                if failure is cause:
                    raise failure
                raise failure from cause
            wait = self.backoff.delay(retry, self.chance)
            retry += 1
            LOGGER.warning("%s: attempt %d failed (%s), next in %.2f s", what, retry, told, wait)
            self.sleep(wait)
