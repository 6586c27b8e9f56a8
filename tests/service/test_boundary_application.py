"""The application in this process: what a running server shows too late or not at all (S2.B1.9, S2.B5)."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from tests.service.running import serving

from sessionkeeper.boundary.app import Settings, create_app
from sessionkeeper.boundary.schema_recorder import RecorderConfig, recorded_events
from sessionkeeper.clock import ManualClock
from sessionkeeper.errors import ConfigurationError, StoreUnavailableError


pytestmark = pytest.mark.slow


START = "/session_manager/sessions.start"
BODY = {"user_id": "u1", "performer_id": "nurse-7"}


@pytest.fixture
def settings(tmp_path):
    return Settings(logs=tmp_path / "logs", sweep_seconds=0, sync=False)


class Down:
    """A ledger that does not answer."""

    @contextlib.contextmanager
    def transaction(self):
        raise StoreUnavailableError("connection to host db-7.internal lost")
        yield

    def close(self):
        """Nothing to close."""


def test_a_store_that_is_down_is_503_with_a_time_to_come_back(settings):
    app = create_app(settings)
    app.state.service._ledger = Down()
    with serving(app) as client:
        found = client.post(START, json=BODY)

    assert (found.status_code, found.json()["error"]["code"]) == (503, "store_unavailable")
    assert found.headers["Retry-After"] == "1"
    assert "db-7" not in found.text


def test_a_bug_is_500_and_told_to_nobody_but_the_log(settings, caplog):
    app = create_app(settings)
    app.state.service._ledger = None
    with serving(app) as client:
        found = client.post(START, json=BODY, headers={"X-Correlation-ID": "c-1"})

    assert (found.status_code, found.json()["error"]["code"]) == (500, "internal_error")
    assert found.headers["Cache-Control"] == "no-store"
    assert found.headers["X-Correlation-ID"] == found.json()["error"]["correlation_id"] == "c-1"
    assert "NoneType" not in found.text
    assert "c-1" in caplog.text


def test_the_service_ends_old_sessions_by_itself(settings, tmp_path):
    clock = ManualClock(1_700_000_000.0)
    sweeping = Settings(logs=settings.logs, sweep_seconds=0.01, sync=False)
    with serving(create_app(sweeping, clock=clock)) as client:
        started = client.post(START, json=BODY).json()
        clock.advance(3600)
        until, pause = time.monotonic() + 20, threading.Event()
        events = []
        while len(events) < 2 and time.monotonic() < until:
            pause.wait(0.01)
            events = recorded_events(RecorderConfig(settings.logs), "u1", started["session_id"])

    assert [event["performer_id"] for event in events] == ["nurse-7", "system"]


def test_a_sweep_outlives_a_store_that_is_down(settings):
    sweeping = Settings(logs=settings.logs, sweep_seconds=0.001, sync=False)
    app = create_app(sweeping)
    ledger, app.state.service._ledger = app.state.service._ledger, Down()
    with serving(app) as client:
        assert client.post(START, json=BODY).status_code == 503
        app.state.service._ledger = ledger
        assert client.post(START, json=BODY).status_code == 201


def test_a_ledger_in_memory_is_held_by_one_service_and_given_back(settings):
    with serving(create_app(settings)), pytest.raises(ConfigurationError):
        create_app(settings)
    with serving(create_app(settings)) as client:
        assert client.post(START, json=BODY).status_code == 201


def test_the_document_names_what_is_answered(settings):
    with serving(create_app(settings)) as client:
        document = client.get("/openapi.json").json()

    answers = {path: set(operations["post"]["responses"]) for path, operations in document["paths"].items()}
    assert answers == {
        START: {"201", "400", "409", "503"},
        "/session_manager/sessions.end": {"200", "400", "403", "404", "409", "503"},
    }
    assert document["components"]["schemas"]["SessionManagerStartInput"]["additionalProperties"] is False
    assert "ValidationError" not in str(document)
