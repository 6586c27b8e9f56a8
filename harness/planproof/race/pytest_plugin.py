"""The race harness in pytest: the ``race`` fixture, its options and its marker.

``race(Workload)`` runs a workload on the test's stores and fails the test where it fails::

    @pytest.mark.race(backends=["sqlite"], schedules=200, seed=7)
    def test_logins(race):
        race(SessionLimit)

What is slow to import is imported when the fixture is used. Under xdist each test runs in one worker, with a
place of its own in the store.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest


if TYPE_CHECKING:
    from collections.abc import Callable


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "race(backends, schedules, seed, mode, orders, clients, steps): how the race fixture runs it",
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that go before what a marker says."""
    group = parser.getgroup("planproof race")
    group.addoption("--race-seed", type=int, default=None, help="seed of all races")
    group.addoption("--race-schedules", type=int, default=None, help="schedules of each race")
    group.addoption("--race-folder", default=".planproof/races", help="where failures are written")


@pytest.fixture
def race(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """``race(workload, **options)`` runs it and fails the test where it does not pass.

    It takes the marker's options and returns one result for each store. A store that is not to be had skips.
    """
    marker = request.node.get_closest_marker("race")
    marked = dict(marker.kwargs) if marker else {}

    def run_workload(workload: Any, **options: Any) -> list[Any]:
        chosen = {**marked, **options, **_given(request.config)}
        return [
            _run_on(kind, workload, chosen) for kind in chosen.pop("backends", None) or _backends(workload)
        ]

    return run_workload


def _given(config: pytest.Config) -> dict[str, Any]:
    given = {"seed": config.getoption("--race-seed"), "schedules": config.getoption("--race-schedules")}
    folder = Path(str(config.getoption("--race-folder")))
    return {"folder": folder, **{name: value for name, value in given.items() if value is not None}}


def _backends(workload: Any) -> Any:
    from planproof.race.workload import load_workload

    return (load_workload(workload) if isinstance(workload, str) else workload).backends


def _run_on(kind: Any, workload: Any, options: dict[str, Any]) -> Any:
    from planproof.backends import BackendKind, acquire
    from planproof.errors import BackendUnavailableError
    from planproof.race.run import run
    from planproof.race.test_case import describe

    try:
        with acquire(BackendKind(kind)) as backend:
            result = run(workload, backend=backend, **options)
    except BackendUnavailableError as error:
        pytest.skip(error.message)
    if not result.passed:
        pytest.fail(f"on {kind}: {describe(result)}", pytrace=False)
    return result
