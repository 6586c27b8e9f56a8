"""Broken variants are found within 200 schedules on every store they run on; correct ones are exhausted."""

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
SERVERS = {BackendKind.POSTGRES: pytest.mark.postgres, BackendKind.DYNAMODB: pytest.mark.dynamodb}


def cases(variants, *kinds):
    """A case for each variant on each store; those on servers have the server's mark."""
    return pytest.mark.parametrize(
        ("variant", "kind"),
        [
            pytest.param(variant, kind, id=f"{variant.__name__}-{kind}", marks=SERVERS.get(kind, ()))
            for kind in kinds
            for variant in on(kind, variants)
        ],
    )


@pytest.fixture
def backend(kind, request):
    return EMBEDDED.get(kind) or request.getfixturevalue(f"{kind}_backend")


def test_there_are_at_least_thirty_broken_variants():
    assert len({each.__name__ for each in BROKEN}) >= 30


@cases(BROKEN, *EMBEDDED, *SERVERS)
def test_a_broken_variant_is_found(variant, kind, backend):
    for seed in SEEDS if kind in EMBEDDED else SEEDS[:1]:
        result = run(variant, backend=backend, schedules=200, seed=seed, shrink=False)
        assert result.outcome == "failed", f"seed {seed}: {result.outcome} {result.reason}"


@cases(CORRECT, *EMBEDDED)
def test_a_correct_variant_passes(variant, backend):
    result = run(variant, backend=backend, schedules=40, seed=1)
    assert result.outcome == "passed", result.reason or result.failure.reason


@cases(CORRECT, BackendKind.SQLITE, *SERVERS)
def test_a_correct_variant_is_exhausted(variant, backend):
    result = run(variant, backend=backend, schedules=3000, orders="all")
    assert result.outcome == "passed", result.reason or result.failure.reason
    assert result.certificate["exhausted"]
