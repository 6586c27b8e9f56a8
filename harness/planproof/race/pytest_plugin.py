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

    It takes the marker's options and returns one result for each store. A store that is not to be had skips,
    once the workload has run on the others.
    """
    marker = request.node.get_closest_marker("race")
    if marker is not None and marker.args:
        pytest.fail('the marker race takes its options by name: race(backends=["sqlite"])', pytrace=False)
    marked = dict(marker.kwargs) if marker else {}

    def run_workload(workload: Any, **options: Any) -> list[Any]:
        from planproof.errors import PlanproofError

        chosen = {**marked, **options, **_given(request.config)}
        try:
            return _run_on_each(_kinds(chosen.pop("backends", None), workload), workload, chosen)
        except PlanproofError as error:
            told = f"{error} [{error.code}]"
        pytest.fail(told, pytrace=False)

    return run_workload


def _given(config: pytest.Config) -> dict[str, Any]:
    given = {"seed": config.getoption("--race-seed"), "schedules": config.getoption("--race-schedules")}
    folder = Path(str(config.getoption("--race-folder")))
    return {"folder": folder, **{name: value for name, value in given.items() if value is not None}}


def _kinds(asked: Any, workload: Any) -> list[Any]:
    """The stores to run on: those that were asked for, else the workload's own."""
    from planproof.race.test_case import kind_of
    from planproof.race.workload import workload_of

    kinds = asked or workload_of(workload).backends
    return [kind_of(each) for each in ([kinds] if isinstance(kinds, str) else kinds)]


def _run_on_each(kinds: list[Any], workload: Any, options: dict[str, Any]) -> list[Any]:
    from planproof.backends import acquire
    from planproof.errors import BackendUnavailableError
    from planproof.race.run import run
    from planproof.race.test_case import describe

    results, missing = [], []
    for kind in kinds:
        try:
            with acquire(kind) as backend:
                result = run(workload, backend=backend, **options)
        except BackendUnavailableError as error:
            missing.append(error.message)
            continue
        if not result.passed:
            pytest.fail(f"on {kind}: {describe(result)}", pytrace=False)
        results.append(result)
    if missing:
        pytest.skip("; ".join(missing))
    return results
