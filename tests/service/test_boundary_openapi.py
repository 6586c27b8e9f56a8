"""Whatever the OpenAPI document allows or forbids, the service does as it says (S2.C.22)."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from tests.service.running import serving

from sessionkeeper.boundary.app import Settings, create_app


pytestmark = pytest.mark.slow


@pytest.fixture
def client(tmp_path):
    with serving(create_app(Settings(logs=tmp_path / "logs", sweep_seconds=0, sync=False))) as one:
        yield one


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize("path", ["/session_manager/sessions.start", "/session_manager/sessions.end"])
def test_the_service_keeps_to_its_document(client, path, mode):
    """Statuses, headers, bodies and content types are those of the document; what it forbids is refused."""
    schema = schemathesis.openapi.from_url(str(client.base_url.join("/openapi.json")))
    statuses = set()

    @given(case=schema[path]["POST"].as_strategy(generation_mode=mode))
    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    def check(case):
        statuses.add(case.call_and_validate().status_code)

    check()
    expected = {201, 409} if path.endswith("start") else {404}
    assert statuses & (expected if mode is GenerationMode.POSITIVE else {400})
