"""Every broken variant is found within 200 schedules from each of three seeds; every correct one passes."""

from __future__ import annotations

import pytest
from tests.race.catalogue.entries import BROKEN, CORRECT, on

from planproof.backends.model import Backend, BackendKind
from planproof.race import run


pytestmark = pytest.mark.slow


SEEDS = (1, 2, 3)
EMBEDDED = {
    BackendKind.MEMORY: Backend(BackendKind.MEMORY, "memory://"),
    BackendKind.SQLITE: Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule"),
}


def cases(variants, kinds):
    return [
        pytest.param(variant, kind, id=f"{variant.__name__}-{kind}")
        for kind in kinds
        for variant in on(kind, variants)
    ]


def test_there_are_at_least_thirty_broken_variants():
    assert len({each.__name__ for each in BROKEN}) >= 30


@pytest.mark.parametrize(("variant", "kind"), cases(BROKEN, EMBEDDED))
def test_a_broken_variant_is_found_from_every_seed(variant, kind):
    for seed in SEEDS:
        result = run(variant, backend=EMBEDDED[kind], schedules=200, seed=seed, shrink=False)
        assert result.outcome == "failed", f"seed {seed}: {result.outcome} {result.reason}"
        assert result.failure.schedule <= 200


@pytest.mark.parametrize(("variant", "kind"), cases(CORRECT, EMBEDDED))
def test_a_correct_variant_passes(variant, kind):
    result = run(variant, backend=EMBEDDED[kind], schedules=40, seed=1)
    assert result.outcome == "passed", result.reason or result.failure.reason


@pytest.mark.parametrize(
    "variant", [pytest.param(each, id=each.__name__) for each in on(BackendKind.SQLITE, CORRECT)]
)
def test_a_correct_variant_on_sqlite_is_exhausted(variant):
    result = run(variant, backend=EMBEDDED[BackendKind.SQLITE], schedules=3000, orders="all")
    assert result.outcome == "passed", result.reason or result.failure.reason
    assert result.certificate["exhausted"]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "variant", [pytest.param(each, id=each.__name__) for each in on(BackendKind.POSTGRES, BROKEN)]
)
def test_a_broken_variant_is_found_on_postgres(variant, postgres_backend):
    result = run(variant, backend=postgres_backend, schedules=200, seed=1, shrink=False)
    assert result.outcome == "failed", result.reason


@pytest.mark.postgres
@pytest.mark.parametrize(
    "variant", [pytest.param(each, id=each.__name__) for each in on(BackendKind.POSTGRES, CORRECT)]
)
def test_a_correct_variant_on_postgres_is_exhausted(variant, postgres_backend):
    result = run(variant, backend=postgres_backend, schedules=3000, orders="all")
    assert result.outcome == "passed", result.reason or result.failure.reason
    assert result.certificate["exhausted"]


@pytest.mark.dynamodb
@pytest.mark.parametrize(
    "variant", [pytest.param(each, id=each.__name__) for each in on(BackendKind.DYNAMODB, BROKEN)]
)
def test_a_broken_variant_is_found_on_dynamodb(variant, dynamodb_backend):
    result = run(variant, backend=dynamodb_backend, schedules=200, seed=1, shrink=False)
    assert result.outcome == "failed", result.reason


@pytest.mark.dynamodb
@pytest.mark.parametrize(
    "variant", [pytest.param(each, id=each.__name__) for each in on(BackendKind.DYNAMODB, CORRECT)]
)
def test_a_correct_variant_on_dynamodb_is_exhausted(variant, dynamodb_backend):
    result = run(variant, backend=dynamodb_backend, schedules=200, orders="all")
    assert result.outcome == "passed", result.reason or result.failure.reason
    assert result.certificate["exhausted"]
