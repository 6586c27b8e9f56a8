"""Real defects of rate limiters, retries and emulators (cases 29 to 33): a test each, named by source."""

from __future__ import annotations

import sys

import pytest
from botocore.exceptions import ClientError
from tests.reference.meeting import bad, together
from tests.reference.places import START
from tests.unit.sessionkeeper.aws_faults import Room

from planproof.backends import selftest
from planproof.backends.model import Backend, BackendKind
from planproof.errors import BackendUnavailableError
from sessionkeeper import ManualClock
from sessionkeeper.data_access.rate_limits_repository import Bucket, RateLimit, RateLimitsRepository
from sessionkeeper.resilience.retry import dynamodb_retry


@pytest.fixture
def often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.dynamodb
@pytest.mark.parametrize("limit", [5, 10])
def test_case_29_limits_277_no_more_than_the_limit_is_let_through(dynamodb_backend, limit, often):
    """Also Kinchilla/venndra#12: 25 of 25 let through at a limit of 10."""
    repository = RateLimitsRepository(
        Room(dynamodb_backend.url).client, RateLimit(limit, 3600), clock=ManualClock(START)
    )
    outcomes = together(*[lambda: repository.check_rate_limit("ann")] * 16)
    assert bad(outcomes) == []
    assert sum(allowed for allowed, _ in outcomes) == limit


class TestCase30TokenBucket:
    """glide-mq 281, technocore-chat 519, venice 776, aioduct#91."""

    limit = RateLimit(10, 10)
    token = 1_000_000

    def test_idle_at_capacity_gives_no_double_burst(self):
        bucket = Bucket(0, 0).at(10**9, self.limit)
        taken = 0
        while (left := bucket.take(1, self.limit)) is not None:
            bucket, taken = left, taken + 1
        assert taken == 10

    def test_a_clock_read_before_the_lock_does_not_rewind_the_bucket(self):
        bucket = Bucket(10 * self.token, 5000)
        assert bucket.at(1000, self.limit) == bucket

    def test_a_token_that_is_there_is_not_refused(self):
        bucket = Bucket(10 * self.token, 0)
        assert bucket.at(999, self.limit).take(1, self.limit) is None
        assert bucket.at(1000, self.limit).take(1, self.limit) is not None

    def test_it_never_holds_more_than_its_capacity_nor_less_than_nothing(self):
        bucket = Bucket(0, 0)
        for instant in (0, 50, 10, 4000, 3999, 100_000):
            bucket = bucket.at(instant, self.limit)
            bucket = bucket.take(3, self.limit) or bucket
            assert 0 <= bucket.taken <= 10 * self.token

    @pytest.mark.dynamodb
    def test_refill_and_take_are_one_conditional_write(self, dynamodb_backend):
        clock = ManualClock(START)
        repository = RateLimitsRepository(Room(dynamodb_backend.url).client, RateLimit(4, 4), clock=clock)
        together(*[lambda: repository.check_rate_limit("ann")] * 8)
        clock.advance(2)
        outcomes = together(*[lambda: repository.check_rate_limit("ann")] * 8)
        assert sum(allowed for allowed, _ in outcomes) == 2


def test_case_31_tenacity_701_retries_share_no_statistics():
    """Each call counts for itself: what one thread suffers is not added to another's attempts."""
    calls = {name: [] for name in "ab"}

    def throttled(operation):
        return ClientError({"Error": {"Code": "ThrottlingException"}}, operation)

    @dynamodb_retry(sleep=lambda _seconds: None)
    def work(name, failures):
        calls[name].append(1)
        if len(calls[name]) <= failures:
            raise throttled("PutItem")
        return name

    outcomes = together(lambda: work("a", 3), lambda: work("b", 3))
    assert outcomes == ["a", "b"]
    assert {name: len(made) for name, made in calls.items()} == {"a": 4, "b": 4}
    assert not hasattr(work, "statistics")


def test_case_32_powertools_8386_a_claim_in_progress_is_no_orphan(system):
    """Its deadline is part of the claim: before it nobody takes it over, cleanup or not."""
    until = system.clock.now() + 60
    assert system.store.claim("job", "one", until)
    system.clock.advance(59)
    system.store.cleanup()
    assert not system.store.claim("job", "two", until)
    assert system.store.claim("job", "one", until)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("dynamodb", marks=pytest.mark.dynamodb),
    ],
)
def test_case_33_localstack_108_the_store_is_tested_before_it_is_trusted(kind, request):
    """dynalite lost conditional writes: a store that fails the probes gives no verdict."""
    selftest.require_trust(request.getfixturevalue(f"{kind}_backend"))


def test_case_33_an_emulator_in_the_process_is_not_trusted():
    with pytest.raises(BackendUnavailableError):
        selftest.require_trust(Backend(BackendKind.DYNAMODB, "dynamodb://127.0.0.1:1", emulated=True))
