"""The pytest plugin: the ``proves`` marker, ``pytest --planproof``, and the ``record_call`` fixture.

Loaded in every pytest run of a repository that has planproof installed, so it imports nothing of planproof
until ``--planproof`` asks for it. Under xdist the controller never collects: bindings travel to it in each
worker's ``workeroutput``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest


if TYPE_CHECKING:
    from collections.abc import Callable


NAME: Final = "planproof-summary"
CARGO: Final = "planproof_bindings"

# node id -> markers on it, each as (ids, partial)
Bindings = dict[str, list[tuple[list[str], bool]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--planproof``."""
    group = parser.getgroup("planproof", "what tests prove")
    group.addoption("--planproof", action="store_true", help="show for each plan item what its tests proved")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the summary where it is asked for."""
    config.addinivalue_line("markers", "proves(item, ..., part=False): this test proves items of a plan")
    if config.getoption("--planproof") and not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(Summary(config), NAME)


@pytest.fixture
def record_call(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function ``record_call(api, operation)`` that notes an operation for checks of kind ``calls``.

    AWS operations are noted without it; it is for other APIs, and does nothing outside ``planproof verify``.
    """
    recorder: Any = request.config.pluginmanager.get_plugin("planproof-recorder")

    def note(api: str, operation: str) -> None:
        if recorder is not None:
            recorder.calls.append(f"{api}:{operation}")

    return note


class Summary:
    """Gathers markers and outcomes, and shows them by item at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.bindings: Bindings = {}
        self.outcomes: dict[str, str] = {}
        self.is_worker = hasattr(config, "workerinput")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the markers of every selected test."""
        for item in items:
            marks = [
                ([str(one) for one in mark.args], bool(mark.kwargs.get("part")))
                for mark in item.iter_markers("proves")
            ]
            if marks:
                self.bindings[item.nodeid] = marks

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one word for each test: the first phase that did not pass, or its call."""
        node = report.nodeid
        if hasattr(report, "wasxfail"):
            self.outcomes[node] = "xfailed"
        elif report.failed:
            self.outcomes[node] = "failed" if report.when == "call" else "error"
        elif report.skipped:
            self.outcomes.setdefault(node, "skipped")
        elif report.when == "call":
            self.outcomes.setdefault(node, "passed")

    def pytest_sessionfinish(self) -> None:
        """Send a worker's bindings to the controller."""
        if self.is_worker:
            output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
            output[CARGO] = {
                node: [[ids, part] for ids, part in marks] for node, marks in self.bindings.items()
            }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's bindings."""
        cargo = getattr(node, "workeroutput", {}).get(CARGO, {})
        self.bindings.update(
            {name: [(list(ids), part) for ids, part in marks] for name, marks in cargo.items()}
        )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show by item what its tests proved."""
        if self.is_worker:
            return
        from .rendering.proofs import summary_rows

        names, unknown = self._names()
        terminalreporter.section("planproof")
        rows = summary_rows(self.bindings, self.outcomes, names)
        for row in rows:
            terminalreporter.write_line(row.text, **{row.colour: True})
        for line in unknown:
            terminalreporter.write_line(line, red=True)
        if not rows:
            terminalreporter.write_line(
                "no test that ran is bound to an item; nothing is proved", yellow=True
            )

    def _names(self) -> tuple[dict[str, str], list[str]]:
        """The full id of every name in a marker, as far as the plans know it, and what they do not know."""
        from planproof.config import find_workspace
        from planproof.errors import PlanproofError
        from planproof.plan.reading import read_plans
        from planproof.proof.binding.table import Names

        try:
            workspace = find_workspace(self.config.rootpath)
            places = [
                workspace.root / one for one in workspace.config.plans if (workspace.root / one).exists()
            ]
            names = Names(read_plans(places, workspace.root))
        except PlanproofError as error:
            return {}, [f"planproof: {error}"]
        found: dict[str, str] = {}
        unknown: list[str] = []
        for node, marks in self.bindings.items():
            for ids, _ in marks:
                plan = None
                for name in ids:
                    try:
                        whole = names.find(name, plan=plan)
                    except PlanproofError as error:
                        unknown.append(f"{node}: {error.message}")
                        continue
                    plan = whole.split(":", 1)[0]
                    found[name] = whole
        return found, list(dict.fromkeys(unknown))
