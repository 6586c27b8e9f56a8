"""A pytest plugin that runs inside the checks' own pytest process and writes down what happened.

One file of JSON lines a process (xdist workers write their own). It selects the tests that are asked for,
notes what was collected, deselected, started and ended, what ``proves`` markers tests carry, which functions
of the workspace a test entered (Python 3.12 and later), whether it started other processes, and which AWS
operations it called. Imports nothing but the standard library and pytest.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from planproof.proof.checks.nodes import RECORD, ancestors
from planproof.proof.checks.reach import Traced, watcher
from planproof.proof.checks.strength import unsure


if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from planproof.proof.checks.reach import Monitored


LIMIT: Final = 4000
LOADERS: Final = (
    "<frozen importlib._bootstrap_external>",
    "<frozen runpy>",
    "linecache.py",
    "tokenize.py",
    "inspect.py",
    "assertion/rewrite.py",
    "_code/source.py",
)
STARTERS: Final = frozenset(
    {"os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen", "os.system", "os.exec"}
)


class Footprints:
    """Functions of the workspace that were entered, by ``sys.monitoring``; nothing before Python 3.12."""

    def __init__(self, root: str) -> None:
        self.root = root + os.sep
        self.entered: set[Any] = set()
        self.shared: set[Any] = set()
        self.monitoring: Any = getattr(sys, "monitoring", None)
        self.tool = self._claim_tool()

    def _claim_tool(self) -> int | None:
        if self.monitoring is None:
            return None
        for tool in (4, 3):
            if self.monitoring.get_tool(tool) is None:
                self.monitoring.use_tool_id(tool, "planproof")
                self.monitoring.register_callback(tool, self.monitoring.events.PY_START, self._start)
                return tool
        return None

    def _start(self, code: Any, _offset: int) -> Any:
        if code.co_filename.startswith(self.root) and "site-packages" not in code.co_filename:
            self.entered.add(code)
        return self.monitoring.DISABLE

    def begin(self) -> None:
        """Forget what was entered so far."""
        if self.tool is not None:
            self.entered = set()
            self.monitoring.set_events(self.tool, self.monitoring.events.PY_START)
            self.monitoring.restart_events()

    def share(self, before: set[Any]) -> None:
        """What was entered since ``begin`` belongs to every later test too (a fixture of wider scope)."""
        self.shared |= self.entered
        self.entered |= before

    def taken(self) -> dict[str, list[str]] | None:
        """Entered functions by file, relative to the workspace; None where they cannot be seen."""
        if self.tool is None:
            return None
        found: dict[str, set[str]] = {}
        for code in self.entered | self.shared:
            name = code.co_qualname.split(".<locals>")[0]
            if not name.startswith("<"):
                found.setdefault(code.co_filename[len(self.root) :], set()).add(name)
        return {file: sorted(names) for file, names in found.items()}


class Recorder:
    """Writes one line for each thing that happened.

    Args:
        folder: where the files go; ``select.json`` there says which tests are wanted.
        worker: True in a process that runs tests.
    """

    def __init__(self, folder: Path, root: Path, *, worker: bool) -> None:
        self.pid = os.getpid()
        self.out = (folder / f"record-{self.pid}.jsonl").open("a", encoding="utf-8", buffering=1)
        self.wanted = json.loads((folder / "select.json").read_text(encoding="utf-8"))
        self.worker = worker
        self.reports: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.started_processes = False
        self.meddled: bool | None = None
        self.root = str(root) + os.sep
        self.opened: set[str] = set()
        self.raised: dict[str, str] = {}
        self.seen: tuple[list[int], list[int]] | None = None
        self.reach = watcher() if worker and self.wanted.get("footprints", True) else None
        self.feet = Footprints(str(root)) if worker and self.wanted.get("footprints", True) else None
        if worker:
            sys.addaudithook(self._audit)

    def write(self, event: str, **data: Any) -> None:
        """Write one line; a child that a test forked has nothing to say here."""
        if os.getpid() == self.pid:
            self.out.write(json.dumps({"event": event, **data}) + "\n")

    def _audit(self, event: str, args: Any) -> None:
        """Note processes that a test starts, and files of the workspace that it opens for reading."""
        if event == "open":
            path, mode = args[0], args[1]
            reads = isinstance(path, str) and (mode is None or (isinstance(mode, str) and mode[0] == "r"))
            if reads and path.startswith(self.root) and not (path.endswith(".py") and is_loading()):
                self.opened.add(path)
        elif event in STARTERS:
            self.started_processes = True

    def _opened(self) -> list[str]:
        names = [Path(path[len(self.root) :]) for path in self.opened]
        return sorted(
            str(name) for name in names if not any(part.startswith((".", "__pyc")) for part in name.parts)
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Any:
        """Select what is wanted after everyone else has had their say, and note what others dropped."""
        before = {item.nodeid: item for item in items}
        result = yield
        kept = {item.nodeid for item in items}
        targets, markers = set(self.wanted["targets"]), self.wanted["markers"]
        excluded = set(self.wanted["excluded"])
        for node, item in before.items():
            if node not in kept and self._is_wanted(item, targets, markers):
                marks = [name for name in markers if item.get_closest_marker(name)]
                self.write("deselected", node=node, marks=marks)
        items[:] = [
            one for one in items if one.nodeid not in excluded and self._is_wanted(one, targets, markers)
        ]
        for item in items:
            proves = [list(mark.args) for mark in item.iter_markers("proves")]
            marks = [name for name in markers if item.get_closest_marker(name)]
            fixtures, uses = self._fixture_files(item), self._fixture_names(item)
            told = {"proves": proves, "marks": marks, "fixtures": fixtures, "uses": uses}
            self.write("collected", node=item.nodeid, weak=_weak_doctest(item), **told)
        return result

    def _fixture_files(self, item: pytest.Item) -> list[str]:
        """Files of the workspace that define the fixtures which a test uses, wherever they come from."""
        info = getattr(item, "_fixtureinfo", None)
        definitions = info.name2fixturedefs.values() if info is not None else ()
        codes = [getattr(one.func, "__code__", None) for several in definitions for one in several]
        names = {code.co_filename for code in codes if code is not None}
        ours = (name for name in names if name.startswith(self.root) and "site-packages" not in name)
        return sorted(name[len(self.root) :] for name in ours)

    def _fixture_names(self, item: pytest.Item) -> list[str]:
        """Names of all fixtures that a test uses, those of other fixtures and automatic ones too."""
        info = getattr(item, "_fixtureinfo", None)
        return list(info.names_closure) if info is not None else []

    def _is_wanted(self, item: pytest.Item, targets: set[str], markers: list[str]) -> bool:
        node = item.nodeid
        if not targets.isdisjoint(ancestors(node)):
            return True
        return any(item.get_closest_marker(name) is not None for name in markers)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot be collected."""
        if report.failed:
            self.write("uncollectable", node=report.nodeid, text=report.longreprtext[-LIMIT:])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Watch one test from before its setup until after its teardown."""
        self.reports, self.calls, self.started_processes, self.opened = [], [], False, set()
        self.raised, self.seen = {}, None
        # Whoever started this process ends it where a test takes too long: a watchdog in here would be a
        # thread that the test did not ask for, at which ``os.fork`` warns.
        self.write("start", node=item.nodeid, at=time.monotonic(), limit=self._limit(item))
        watch_botocore(self.calls)
        if self.feet:
            self.feet.begin()
        try:
            return (yield)
        finally:
            self.write(
                "end",
                node=item.nodeid,
                reports=self.reports,
                calls=self.calls,
                forked=self.started_processes,
                opened=self._opened(),
                entered=self.feet.taken() if self.feet else None,
                seen=None if self.started_processes else self.seen,
            )

    def _limit(self, item: pytest.Item) -> float:
        """Seconds that a test may take: the least that a check of it says, else what goes for all."""
        said: dict[str, float] = self.wanted.get("timeouts", {})
        places = (
            [*ancestors(item.nodeid), *(f"-m {mark.name}" for mark in item.iter_markers())] if said else []
        )
        return min((said[one] for one in places if one in said), default=float(self.wanted["timeout"]))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """A fixture of wider scope runs once; what it entered counts for every test after it."""
        if self.feet is None or self.feet.tool is None or fixturedef.scope == "function":
            return (yield)
        before = self.feet.entered
        self.feet.begin()
        try:
            return (yield)
        finally:
            self.feet.share(before)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Watch which assertions the test comes to; a fixture may have been the first to import botocore."""
        watch_botocore(self.calls)
        if self.reach is None or not self.reach.begin(*self._own_code(item)):
            return (yield)
        try:
            with _by_example(item, self.reach):
                return (yield)
        finally:
            self.seen = self.reach.end()

    def _own_code(self, item: pytest.Item) -> tuple[set[str], frozenset[int] | None]:
        """The files that hold a test's code, and where that matters the lines that it must come to."""
        function = inspect.unwrap(getattr(item, "function", None) or (lambda: None))
        code = getattr(function, "__code__", None)
        files = {str(item.path), *([code.co_filename] if code is not None else [])}
        source = _source_of(item.path) if self.reach is not None and self.reach.waits else None
        if source is None:
            return files, None
        if self.meddled is None:
            self.meddled = self._is_meddled(item.config.pluginmanager)
        plain = not self.meddled and self._is_plain(item)
        return files, unsure(source, item.nodeid.partition("::")[2].split("[", 1)[0], plain=plain)

    def _is_meddled(self, plugins: pytest.PytestPluginManager) -> bool:
        """True where the repository has hooks around the call of a test: one may take its failure."""
        hooks = ("pytest_pyfunc_call", "pytest_runtest_call", "pytest_runtest_protocol")
        known = [one for name in hooks for one in getattr(plugins.hook, name).get_hookimpls()]
        return any(self._is_of_repository(one.function) for one in known if one.plugin is not self)

    def _is_plain(self, item: pytest.Item) -> bool:
        """True where the function that is called is the one that the file defines, or a library's wrapper."""
        code = getattr(getattr(item, "function", None), "__code__", None)
        name = getattr(item, "originalname", None) or item.name
        own = code is None or (code.co_name == name and code.co_filename == str(item.path))
        return own or not self._is_of_repository(item.function)  # type: ignore[attr-defined]

    def _is_of_repository(self, function: Any) -> bool:
        file = getattr(getattr(function, "__code__", None), "co_filename", "")
        return file.startswith(self.root) and "site-packages" not in file

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Any:
        """Keep what was raised: a hook of the repository may call it a pass afterwards."""
        self.raised.pop(call.when, None)
        if call.excinfo is not None:
            self.raised[call.when] = call.excinfo.exconly(tryshort=True).splitlines()[0][:LIMIT]
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the phases of the running test; in a controller, only the death of a worker is news."""
        data = {
            "when": report.when,
            "outcome": report.outcome,
            "seconds": getattr(report, "duration", 0.0),
            "xfail": getattr(report, "wasxfail", None),
            "part": "subtest" in type(report).__name__.lower(),
        }
        if report.outcome != "passed":
            data["text"] = _reason(report)[-LIMIT:]
        elif self.worker and not data["part"] and report.when in self.raised:
            said = f"it raised {self.raised[report.when]}, and a hook of the repository called that a pass"
            data.update(outcome="failed", text=f"@@\n@@ {said}")
        if self.worker:
            self.reports.append(data)
        elif report.when not in {"setup", "call", "teardown"}:
            self.write("died", node=report.nodeid, text=data.get("text", ""))

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """The run came to its own end; what it imported of the workspace is known now."""
        if self.worker:
            files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
            ours = {name for name in files if isinstance(name, str) and name.startswith(self.root)}
            self.write("loaded", files=sorted(name[len(self.root) :] for name in ours))
        self.write("finish", code=int(exitstatus), worker=self.worker)


def _weak_doctest(item: pytest.Item) -> str:
    """Why a doctest shows nothing: none of its examples says what is to come; empty for all else."""
    examples = getattr(getattr(item, "dtest", None), "examples", None)
    if not examples or any(one.want for one in examples):
        return ""
    return "expects nothing of its examples"


@contextlib.contextmanager
def _by_example(item: pytest.Item, reach: Monitored | Traced) -> Iterator[None]:
    """Have the examples of a Hypothesis test watched one by one, by its door for other plugins.

    Source: "Custom function execution" in Hypothesis' documentation for pytest plugins (``inner_test``).
    """
    handle: Any = getattr(getattr(item, "obj", None), "hypothesis", None)
    body = getattr(handle, "inner_test", None)
    if body is None or not isinstance(reach, Traced) or inspect.iscoroutinefunction(body):
        yield
        return
    handle.inner_test = watched = reach.examples(body)
    try:
        yield
    finally:
        if handle.inner_test is watched:
            handle.inner_test = body


@functools.lru_cache(maxsize=16)
def _source_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def is_loading() -> bool:
    """True where a source file is opened to be imported or shown in a traceback, not to be read as data.

    What a test imports is known from its syntax; it must not be laid upon the test that happened to be first.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - an audit hook has no other way to see who asks
    for _ in range(12):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith(LOADERS):
            return True
        frame = frame.f_back
    return False


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        said = crash.message.splitlines()[0] if crash.message else ""
        return f"{report.longreprtext[-LIMIT // 2 :]}\n@@ {said}"
    return report.longreprtext


def watch_botocore(calls: list[str]) -> None:
    """Have every AWS operation noted as ``service:Operation`` in ``calls`` from now on."""
    module = sys.modules.get("botocore.client")
    if module is None:
        return
    client: Any = module.BaseClient  # type: ignore[attr-defined, unused-ignore]
    original = getattr(client, "_planproof_original", client._make_api_call)  # noqa: SLF001 - botocore's one door
    client._planproof_original = original  # noqa: SLF001 - so that it is wrapped once

    def noted(self: Any, operation_name: str, api_params: Any) -> Any:
        calls.append(f"{self.meta.service_model.service_name}:{operation_name}")
        return original(self, operation_name, api_params)

    client._make_api_call = noted  # noqa: SLF001 - botocore's one door


def pytest_configure(config: pytest.Config) -> None:
    """Start recording where the runner asks for it."""
    config.addinivalue_line("markers", "proves(item, ..., part=False): this test proves items of a plan")
    folder = os.environ.get(RECORD)
    if not folder:
        return
    controller = not hasattr(config, "workerinput") and bool(getattr(config.option, "numprocesses", None))
    root = Path(os.environ.get("PLANPROOF_ROOT", config.rootpath))
    config.pluginmanager.register(Recorder(Path(folder), root, worker=not controller), "planproof-recorder")
