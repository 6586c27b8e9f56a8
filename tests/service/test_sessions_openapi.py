"""Whatever the OpenAPI document of the sessions allows or forbids, the service does as it says."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from tests.service.running import serving

from sessionkeeper import GuessGuard, Keeper, ManualClock, TokenMint, open_store
from sessionkeeper.web.app import create_app


pytestmark = pytest.mark.slow

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
# What must be among the answers, so that each run has been where it was meant to go.
EXPECTED = [
    ("/session/anonymous", "POST", POSITIVE, 201),
    ("/session/anonymous", "POST", NEGATIVE, 400),
    ("/session/magic-link", "POST", POSITIVE, 401),
    ("/session/magic-link", "POST", NEGATIVE, 400),
    ("/session", "GET", POSITIVE, 401),
    ("/session/all", "GET", POSITIVE, 401),
    ("/session/refresh", "POST", POSITIVE, 401),
    ("/session/end", "POST", POSITIVE, 401),
    ("/session/end-others", "POST", POSITIVE, 401),
    ("/session/{session_id}", "DELETE", POSITIVE, 401),
]


@pytest.fixture
def client():
    clock = ManualClock()
    keeper = Keeper(open_store("memory://", clock=clock), TokenMint(bytes(32)), clock=clock)
    with serving(create_app(keeper, guard=GuessGuard(clock, guesses=10_000))) as one:
        yield one


@pytest.mark.parametrize(("path", "method", "mode", "expected"), EXPECTED)
def test_the_service_keeps_to_its_document(client, path, method, mode, expected):
    schema = schemathesis.openapi.from_url(str(client.base_url.join("/openapi.json")))
    statuses = set()

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    def check(case):
        statuses.add(case.call_and_validate().status_code)

    check()
    assert expected in statuses


def test_every_route_is_tried(client):
    document = client.get("/openapi.json").json()
    routes = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert routes == {(path, method) for path, method, *_ in EXPECTED}
