"""The token bucket: its laws, and that many callers share one bucket (S4.RL.1 to S4.RL.4)."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sessionkeeper.aws_faults import LOST, Room, refusal, together

from sessionkeeper.clock import ManualClock
from sessionkeeper.data_access.exceptions import InvalidItemError, RateLimitExceededError, RetryableError
from sessionkeeper.data_access.rate_limits_repository import Bucket, RateLimit, RateLimitsRepository
from sessionkeeper.data_access.tables import RATE_LIMITS


NOW = 4_000_000_000  # far ahead: the emulator removes what has expired by the real clock
TOKEN = 1_000_000
LIMITS = st.builds(RateLimit, st.integers(1, 1000), st.integers(1, 100_000))


class TestLaws:
    @given(LIMITS, st.lists(st.tuples(st.integers(-5000, 50_000), st.integers(1, 1000)), max_size=40))
    def test_never_more_than_the_capacity_never_less_than_nothing_never_back(self, limit, steps):
        bucket, now = Bucket(0, 0), 0
        for pause, tokens in steps:
            now += pause  # may run backwards
            seen = bucket.at(now, limit)
            assert seen.instant >= bucket.instant
            bucket = seen.take(min(tokens, limit.capacity), limit) or seen
            assert 0 <= bucket.taken <= limit.capacity * TOKEN

    @given(LIMITS, st.lists(st.integers(0, 3000), max_size=60))
    def test_over_any_time_no_more_than_a_burst_and_the_refill_is_given(self, limit, pauses):
        bucket, now, given_out = Bucket(0, 0), 0, 0
        for pause in pauses:
            now += pause
            bucket = bucket.at(now, limit)
            left = bucket.take(1, limit)
            if left:
                bucket, given_out = left, given_out + 1
        assert given_out * TOKEN <= limit.capacity * TOKEN + limit.refilled(now) + TOKEN

    @given(LIMITS, st.integers(1, 10**9), st.lists(st.integers(1, 500), min_size=1, max_size=50))
    def test_looking_often_loses_nothing(self, limit, taken, pauses):
        """A refill rounded down at every look would starve a caller who looks every millisecond."""
        start = Bucket(min(taken, limit.capacity * TOKEN), 0)
        often, now = start, 0
        for pause in pauses:
            now += pause
            often = often.at(now, limit)
        once = start.at(now, limit)
        # Each look may leave less than one millisecond of refill to the next.
        assert once.taken <= often.at(now + len(pauses), limit).taken + limit.refilled(len(pauses)) + 1
        assert often.at(now + len(pauses), limit).taken <= once.taken

    def test_a_lowered_capacity_holds_at_once(self):
        assert Bucket(50 * TOKEN, 0).at(0, RateLimit(10, 10)).taken == 10 * TOKEN

    @pytest.mark.parametrize(("capacity", "seconds"), [(0, 1), (1, 0), (-1, 5)])
    def test_a_limit_needs_numbers(self, capacity, seconds):
        with pytest.raises(InvalidItemError):
            RateLimit(capacity, seconds)


@pytest.mark.dynamodb
class TestShared:
    @pytest.fixture
    def room(self, dynamodb_backend):
        opened = Room(dynamodb_backend.url)
        yield opened
        opened.close()

    @pytest.fixture
    def clock(self):
        return ManualClock(float(NOW))

    @pytest.fixture
    def limits(self, room, clock):
        return RateLimitsRepository(room.client, RateLimit(capacity=5, per_seconds=10), clock=clock)

    def test_a_burst_then_one_every_two_seconds(self, limits, clock):
        assert [limits.check_rate_limit("u") for _ in range(6)] == [(True, 0)] * 5 + [(False, 2)]
        clock.advance(1)
        assert limits.check_rate_limit("u") == (False, 1)
        clock.advance(1)
        assert [limits.check_rate_limit("u") for _ in range(2)] == [(True, 0), (False, 2)]
        assert limits.check_rate_limit("somebody else") == (True, 0)

    def test_waiting_as_told_is_enough_and_a_second_less_is_not(self, limits, clock):
        limits.check_rate_limit("u", 5)
        _, wait = limits.check_rate_limit("u", 3)

        clock.advance(wait - 1)
        assert limits.check_rate_limit("u", 3)[0] is False
        clock.advance(1)
        assert limits.check_rate_limit("u", 3) == (True, 0)

    def test_of_many_callers_exactly_the_capacity_is_allowed(self, limits):
        results = together(16, lambda _n: [limits.check_rate_limit("u")[0] for _ in range(3)])

        assert list(chain.from_iterable(results)).count(True) == 5

    def test_a_clock_that_runs_backwards_gives_nothing_away(self, limits, clock):
        limits.check_rate_limit("u", 5)
        clock.advance(-3600)
        assert limits.check_rate_limit("u") == (False, 3602)  # waiting as told must be enough
        clock.advance(3600)
        assert limits.check_rate_limit("u") == (False, 2)
        clock.advance(2)
        assert limits.check_rate_limit("u")[0] is True

    def test_idle_time_gives_no_double_burst(self, limits, clock):
        limits.check_rate_limit("u")
        clock.advance(10_000)
        assert [limits.check_rate_limit("u")[0] for _ in range(6)] == [True] * 5 + [False]

    def test_an_item_that_expired_is_a_full_bucket(self, limits, clock, room):
        limits.check_rate_limit("u", 5)
        item = room.client.get_item(RATE_LIMITS, {"identifier": "u"})
        assert item == {
            "identifier": "u",
            "count": 5 * TOKEN,
            "windowStart": NOW * 1000,
            "expiresAt": NOW + 10,
        }
        clock.advance(10)
        kept = limits.check_rate_limit("u", 5)
        room.client.delete_item(RATE_LIMITS, {"identifier": "u"})
        assert kept == limits.check_rate_limit("u", 5) == (True, 0)

    def test_a_refusal_writes_nothing(self, limits, room):
        limits.check_rate_limit("u", 5)
        room.wire.sent.clear()
        limits.check_rate_limit("u")
        assert room.wire.sent == ["GetItem"]

    def test_a_lost_answer_is_told(self, limits, room):
        room.wire.next("PutItem", LOST)
        with pytest.raises(RetryableError) as caught:
            limits.check_rate_limit("u")
        assert caught.value.outcome_unknown

    def test_throttling_is_waited_out(self, limits, room):
        room.wire.next("PutItem", refusal("ThrottlingException"))
        assert limits.check_rate_limit("u") == (True, 0)

    @pytest.mark.parametrize(("identifier", "tokens"), [("u", 0), ("u", 6), ("", 1)])
    def test_what_can_never_be_had_is_refused(self, limits, identifier, tokens):
        with pytest.raises(InvalidItemError):
            limits.check_rate_limit(identifier, tokens)

    def test_enforcing_raises_with_the_wait(self, limits):
        limits.enforce("u", 5)
        with pytest.raises(RateLimitExceededError) as caught:
            limits.enforce("u")
        assert (caught.value.retry_after, caught.value.http_status) == (2, 429)
