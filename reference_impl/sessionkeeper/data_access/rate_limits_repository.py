"""A token bucket for each caller, shared by all processes (S4.RL.1 to S4.RL.4).

The document asks for a token bucket and names the attributes of a fixed window (K4.01). Both fit, seen from
the other side: ``count`` holds the tokens *taken* and not yet refilled, ``windowStart`` the instant to which
that number belongs, and ``expiresAt`` the second by which all of them are back. A bucket whose tokens are all
back is full, and so is one whose item is gone: expiry and reset are automatic (S4.RL.3, S4.RL.4) and never
change an answer.

Numbers are whole, so nothing is lost to rounding: millionths of a token, milliseconds. The laws, which hold
for any number of processes: a bucket never holds more than its capacity nor less than nothing; its instant
never goes back, even if a caller's clock does; of two callers that want the last token, one gets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from sessionkeeper.clock import Clock, SystemClock
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    InvalidItemError,
    RateLimitExceededError,
    RetryableError,
)
from sessionkeeper.data_access.tables import RATE_LIMITS


if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkeeper.data_access.dynamodb_client import DynamoDBClient

_TOKEN = 1_000_000
_SECOND = 1000
# More losses in a row than this, beyond one for each token, mean that something else is wrong.
_SPARE_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How much a caller may do.

    Attributes:
        capacity: whole tokens that a full bucket holds: the largest burst.
        per_seconds: seconds in which an empty bucket fills up.
    """

    capacity: int
    per_seconds: int

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.per_seconds < 1:
            raise InvalidItemError("a rate limit needs a capacity and a period of at least 1")

    def refilled(self, milliseconds: int) -> int:
        """Millionths of a token that come back in so many milliseconds, rounded down."""
        return milliseconds * self.capacity * _TOKEN // (self.per_seconds * _SECOND)

    def time_for(self, amount: int) -> int:
        """Milliseconds until so many millionths of a token are back, rounded up."""
        return -(-amount * self.per_seconds * _SECOND // (self.capacity * _TOKEN))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket at an instant.

    Attributes:
        taken: millionths of a token that are not back yet; from 0 to the capacity.
        instant: millisecond since the epoch to which ``taken`` belongs.
    """

    taken: int
    instant: int

    def at(self, instant: int, limit: RateLimit) -> Bucket:
        """The bucket at a later instant; an earlier one changes nothing."""
        later = max(instant, self.instant)
        # A capacity that was lowered since may leave more taken than there is now.
        taken = min(self.taken, limit.capacity * _TOKEN)
        left = max(0, taken - limit.refilled(later - self.instant))
        # Only time that gave back whole millionths has been spent; what is over stays for the next time.
        return Bucket(left, later if left == 0 else self.instant + limit.time_for(taken - left))

    def take(self, tokens: int, limit: RateLimit) -> Bucket | None:
        """The bucket without so many tokens, or None if it holds fewer."""
        taken = self.taken + tokens * _TOKEN
        return None if taken > limit.capacity * _TOKEN else Bucket(taken, self.instant)


class RateLimitsRepository:
    """Token buckets in the table of S4.TBL3.

    Args:
        client: how to reach the table.
        limit: how much each caller may do.
        clock: says how much came back.
    """

    def __init__(self, client: DynamoDBClient, limit: RateLimit, *, clock: Clock | None = None) -> None:
        self._client = client
        self._limit = limit
        self._clock = clock or SystemClock()

    def check_rate_limit(self, identifier: str, tokens: int = 1) -> tuple[bool, int]:
        """Take tokens from a caller's bucket if it holds them (S4.RL.1, S4.RL.2).

        A refusal takes nothing and writes nothing.

        Args:
            identifier: whose bucket.
            tokens: how many, from 1 to the capacity.

        Returns:
            ``(is_allowed, retry_after_seconds)``: whether they were taken, and if not, after how many whole
            seconds they would be there if nobody else took any (at least 1; 0 if taken). A clock that was
            set back has to catch up with the bucket's instant first, and that time counts.

        Raises:
            InvalidItemError: fewer than 1 token or more than the capacity, or an empty identifier.
            RetryableError: the store failed, or others were faster every time; if ``outcome_unknown``, the
                tokens may have been taken.
        """
        if not 1 <= tokens <= self._limit.capacity:
            raise InvalidItemError(
                f"{tokens} tokens can never be had from a bucket of {self._limit.capacity}"
            )
        item: Mapping[str, Any] | None = self._client.get_item(RATE_LIMITS, {"identifier": identifier})
        for _ in range(self._limit.capacity + _SPARE_ATTEMPTS):
            bucket = self._bucket(item)
            left = bucket.take(tokens, self._limit)
            if left is None:
                lacking = bucket.taken + tokens * _TOKEN - self._limit.capacity * _TOKEN
                return False, self._whole_seconds(bucket, lacking)
            try:
                self._store(identifier, item, left)
            except ConditionalCheckFailedError as error:
                item = error.item  # somebody was faster: this is what they left
            else:
                return True, 0
        raise RetryableError(f"the bucket of {identifier!r} is too busy")

    def enforce(self, identifier: str, tokens: int = 1) -> None:
        """Take tokens as :meth:`check_rate_limit` does, or raise (K4.18).

        Raises:
            RateLimitExceededError: the bucket holds fewer; ``retry_after`` tells when to come back.
        """
        allowed, retry_after = self.check_rate_limit(identifier, tokens)
        if not allowed:
            raise RateLimitExceededError(f"{identifier!r} made too many calls.", retry_after=retry_after)

    def _bucket(self, item: Mapping[str, Any] | None) -> Bucket:
        now = int(self._clock.now() * _SECOND)
        if item is None:
            return Bucket(0, now)
        return Bucket(int(item["count"]), int(item["windowStart"])).at(now, self._limit)

    def _whole_seconds(self, bucket: Bucket, lacking: int) -> int:
        now = int(self._clock.now() * _SECOND)
        wait = bucket.instant + self._limit.time_for(lacking) - now
        return max(1, -(-wait // _SECOND))

    def _store(self, identifier: str, seen: Mapping[str, Any] | None, left: Bucket) -> None:
        back = left.instant + self._limit.time_for(left.taken)
        item = {
            "identifier": identifier,
            "count": left.taken,
            "windowStart": left.instant,
            "expiresAt": -(-back // _SECOND),
        }
        condition: ConditionBase
        if seen is None:
            condition = Attr("identifier").not_exists()
        else:
            condition = Attr("count").eq(seen["count"]) & Attr("windowStart").eq(seen["windowStart"])
        self._client.put_item(RATE_LIMITS, item, condition=condition, repeatable=False)
