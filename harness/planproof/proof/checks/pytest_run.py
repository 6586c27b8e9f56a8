"""One pytest process for many checks: starts it, reads its records, goes on after a test that killed it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import process
from .nodes import RECORD, ancestors
from .strength import Seen


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .base import Context


RECORDER: Final = "planproof.proof.checks.recorder"
ROUNDS: Final = 5
GRACE_SECONDS: Final = 30.0
PAYS_SECONDS: Final = 12.0


@dataclass(slots=True)
class Node:
    """What is known of one test.

    Attributes:
        id: node id.
        outcome: ``passed``, ``failed``, ``skipped``, ``xfailed``, ``xpassed``, ``flaky``, ``died``, ``hung``;
            empty while it has not ended.
        text: why, where it did not pass.
        seconds: setup, call and teardown.
        proves: arguments of its ``proves`` markers.
        marks: which of the wanted markers it carries.
        fixtures: files of the workspace that define its fixtures.
        uses: names of its fixtures.
        weak: why it shows nothing, where that is seen when it is collected.
        calls: AWS operations that it called.
        entered: functions by file, or None where they cannot be seen.
        opened: files of the workspace that it read.
        seen: lines of its file that it came to, and where an assertion failed; None where nobody looked.
        forked: it started other processes.
    """

    id: str
    outcome: str = ""
    text: str = ""
    seconds: float = 0.0
    proves: list[list[str]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    fixtures: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    weak: str = ""
    calls: list[str] = field(default_factory=list)
    entered: dict[str, list[str]] | None = None
    opened: list[str] = field(default_factory=list)
    seen: Seen | None = None
    forked: bool = False


@dataclass(slots=True)
class Run:
    """Everything that a pytest run said.

    Attributes:
        nodes: collected tests by node id.
        deselected: wanted tests that the repository's own options dropped, with their wanted markers.
        uncollectable: file -> why pytest could not collect it.
        output: what pytest printed, bounded.
        code: exit code of the last process.
        finished: True where the last process came to its own end.
        seconds: wall time of all processes.
        stopped: why it was stopped, or empty.
        interrupted: True after Ctrl-C.
        loaded: files of the workspace that its processes imported; None where one did not come to say so.
        index: nodes by everything they belong to, made when first asked.
        sources: test files that were read.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    deselected: dict[str, list[str]] = field(default_factory=dict)
    uncollectable: dict[str, str] = field(default_factory=dict)
    output: str = ""
    code: int = 0
    finished: bool = False
    seconds: float = 0.0
    stopped: str = ""
    interrupted: bool = False
    loaded: set[str] | None = None
    index: dict[str, list[Node]] | None = None
    sources: dict[str, bytes | None] = field(default_factory=dict)

    def source(self, file: str, root: Path) -> bytes | None:
        """The bytes of a test file, read once; None where there is none."""
        if file not in self.sources:
            try:
                self.sources[file] = (root / file).read_bytes()
            except OSError:
                self.sources[file] = None
        return self.sources[file]

    def below(self, target: str) -> list[Node]:
        """The collected tests that a node id, file or folder holds; asked when the run is over."""
        if self.index is None:
            self.index = {}
            for node in self.nodes.values():
                for place in dict.fromkeys(ancestors(node.id)):
                    self.index.setdefault(place, []).append(node)
        return self.index.get(target, [])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tests to run.

    Attributes:
        targets: node ids, files and folders.
        markers: names of markers.
        places: files and folders to collect where only markers are given.
        timeouts: seconds that each test of a target, or of ``-m MARKER``, may take.
    """

    targets: tuple[str, ...]
    markers: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    timeouts: Mapping[str, float] = field(default_factory=dict)


def run(
    wanted: Wanted,
    context: Context,
    *,
    prefix: Sequence[str] = (),
    extra: Sequence[str] = (),
    env: dict[str, str] | None = None,
    footprints: bool = True,
    parallel: bool = True,
    ended: Callable[[Node], None] | None = None,
) -> Run:
    """Run the wanted tests and say what came of each.

    Args:
        wanted: which tests.
        context: where and how.
        prefix: arguments between the interpreter and ``-m pytest``, such as ``-m coverage run``.
        extra: further arguments for pytest.
        env: further environment variables.
        footprints: note which functions were entered.
        parallel: allow xdist.
        ended: told of each test that ended, while the others still run.

    Returns:
        The run; on Ctrl-C what was finished, with ``interrupted`` set.
    """
    result = Run()
    places = existing_places(wanted, context.root)
    if not places:
        return result
    excluded: set[str] = set()
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=context.scratch) as folder:
            records = Records(Path(folder), result, context, ended)
            select = {
                "targets": list(wanted.targets),
                "markers": list(wanted.markers),
                "excluded": sorted(excluded),
                "timeout": context.timeout,
                "timeouts": dict(wanted.timeouts),
                "footprints": footprints,
            }
            (Path(folder) / "select.json").write_text(json.dumps(select), encoding="utf-8")
            argv = command(context, places, Path(folder), prefix=prefix, extra=extra, parallel=parallel)
            _one_process(argv, environment(context, Path(folder), env), context, records)
        if result.interrupted or result.finished or result.stopped:
            return result
        died = {node.id for node in result.nodes.values() if node.outcome}
        if not died - excluded:
            return result
        excluded |= died
    return result


def _one_process(argv: list[str], env: dict[str, str], context: Context, records: Records) -> None:
    result = records.run
    started = time.monotonic()
    result.finished = False
    try:
        ended = process.run(argv, cwd=context.root, env=env, timeout=86_400, watch=records.watch)
    except KeyboardInterrupt:
        records.read()
        result.interrupted = True
        return
    records.read()
    records.close(ended.code)
    result.output, result.code, result.stopped = ended.output, ended.code, ended.stopped
    result.seconds += time.monotonic() - started


def existing_places(wanted: Wanted, root: Path) -> list[str]:
    """Files and folders that pytest is given, those that exist, none inside another."""
    places = [target.split("::", 1)[0] for target in wanted.targets]
    if wanted.markers:
        places.extend(wanted.places or ["."])
    unique = [place for place in dict.fromkeys(places) if (root / place).exists()]
    if "." in unique:
        return ["."]
    return [one for one in unique if not any(one.startswith(other.rstrip("/") + "/") for other in unique)]


def command(
    context: Context,
    places: Iterable[str],
    folder: Path,
    *,
    prefix: Sequence[str],
    extra: Sequence[str],
    parallel: bool,
) -> list[str]:
    """The command line of one pytest process; places go through a file, so that there may be many."""
    arguments = folder / "arguments.txt"
    arguments.write_text("\n".join(places), encoding="utf-8")
    workers = worker_count(context) if parallel else 0
    spread = ["-n", str(workers)] if workers > 1 else []
    options = ["-q", "--no-header", "--tb=short", "--maxfail=0", "--capture=no"]
    options += ["--continue-on-collection-errors", f"--rootdir={context.root}"]
    return [
        context.python,
        *prefix,
        "-m",
        "pytest",
        "-p",
        RECORDER,
        *options,
        *spread,
        *extra,
        f"@{arguments}",
    ]


def worker_count(context: Context) -> int:
    """How many xdist workers pay: none without xdist, on one core, or for a run of a few seconds."""
    import importlib.util

    if context.workers == 1 or context.python != sys.executable or importlib.util.find_spec("xdist") is None:
        return 0
    if context.workers:
        return context.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8) if context.expected_seconds >= PAYS_SECONDS and cores > 1 else 0


def environment(context: Context, folder: Path, further: dict[str, str] | None) -> dict[str, str]:
    """The child's environment: the recorder can be imported, and knows where to write."""
    env = dict(context.env)
    home = str(Path(__file__).resolve().parents[3])
    if "site-packages" not in home:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [env.get("PYTHONPATH", ""), home]))
    env.update({RECORD: str(folder), "PLANPROOF_ROOT": str(context.root), "PYTHONUNBUFFERED": "1"})
    env.pop("PYTEST_ADDOPTS", None)
    env.update(further or {})
    return env


class Records:
    """Reads the record files while they grow.

    Args:
        folder: where the files are.
        run: what is filled.
        context: for progress and the time that a test may take.
        ended: told of each test that ended.
    """

    def __init__(
        self, folder: Path, run: Run, context: Context, ended: Callable[[Node], None] | None = None
    ) -> None:
        self.ended = ended
        self.folder = folder
        self.run = run
        self.context = context
        self.offsets: dict[Path, int] = {}
        self.started: dict[str, tuple[float, float]] = {}
        self.processes: dict[str, int] = {}
        self.finished_at: float | None = None

    def watch(self, group: int) -> str:
        """Read what is new and end what takes too long; a reason to stop the run where that is not enough.

        Args:
            group: process group of the run; nothing outside it is ended.
        """
        self.read()
        now = time.monotonic()
        if self.finished_at is not None and now - self.finished_at > GRACE_SECONDS:
            return f"pytest ended and its process did not within {GRACE_SECONDS:g} s"
        for node, (at, limit) in self.started.items():
            if now - at > limit + GRACE_SECONDS:
                return f"{node} did not end"
            if now - at > limit:
                _end(self.processes[node], group)
        return ""

    def read(self) -> None:
        """Take every whole new line."""
        for path in self.folder.glob("record-*.jsonl"):
            with path.open("rb") as file:
                file.seek(self.offsets.get(path, 0))
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self.offsets[path] = self.offsets.get(path, 0) + whole
            process = int(path.stem.partition("-")[2])
            for line in data[:whole].splitlines():
                if line.startswith(b"{"):
                    try:
                        self.take(json.loads(line), process)
                    except json.JSONDecodeError:
                        continue

    def take(self, event: dict[str, Any], process: int) -> None:
        """Use one event of a process."""
        kind = event["event"]
        name = event.get("node", "")
        if kind == "collected":
            node = self.run.nodes.setdefault(name, Node(name))
            node.proves, node.marks = event["proves"], event["marks"]
            node.fixtures, node.uses, node.weak = event["fixtures"], event["uses"], event["weak"]
        elif kind == "deselected":
            self.run.deselected[name] = event["marks"]
        elif kind == "uncollectable":
            self.run.uncollectable[name] = event["text"]
        elif kind == "start":
            self.started[name] = event["at"], event["limit"]
            self.processes[name] = process
        elif kind == "end":
            self.started.pop(name, None)
            node = self.run.nodes.setdefault(name, Node(name))
            judge(node, event)
            if self.ended is not None:
                self.ended(node)
            self.context.progress(name)
        elif kind == "died":
            self._died(name, "its process died")
        elif kind == "loaded":
            self.run.loaded = {*(self.run.loaded or ()), *event["files"]}
        elif kind == "finish" and (not event["worker"] or len(list(self.folder.glob("record-*.jsonl"))) == 1):
            self.run.finished = True
            self.finished_at = time.monotonic()

    def close(self, code: int) -> None:
        """The process is gone: tests that started and did not end either hung or killed it."""
        said = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        for name in list(self.started):
            self._died(name, f"its process ended in the middle of it ({said})")

    def _died(self, name: str, text: str) -> None:
        at, limit = self.started.pop(name, (time.monotonic(), self.context.timeout))
        node = self.run.nodes.setdefault(name, Node(name))
        if time.monotonic() - at >= limit * 0.95:
            node.outcome, node.text = "hung", f"did not end within {limit:g} s"
        else:
            node.outcome, node.text = "died", text


def _end(process: int, group: int) -> None:
    """Kill a process of a run in which a test hangs; xdist puts another in its place."""
    with contextlib.suppress(OSError):
        if os.getpgid(process) == group:
            os.kill(process, signal.SIGKILL)


def judge(node: Node, event: dict[str, Any]) -> None:
    """One outcome out of the phases of a test."""
    reports = event["reports"]
    node.calls = event["calls"]
    node.entered = None if event["forked"] else event["entered"]
    node.opened = event["opened"]
    node.forked = event["forked"]
    if event["seen"] is not None:
        reached, failed = event["seen"]
        node.seen = Seen(frozenset(reached), frozenset(failed))
    node.seconds = sum(report["seconds"] for report in reports)
    calls = [report for report in reports if report["when"] == "call" and not report["part"]]
    bad = [report for report in reports if report["outcome"] == "failed"]
    reruns = [report for report in reports if report["outcome"] == "rerun"]
    if reruns or (bad and any(report["outcome"] == "passed" for report in calls) and len(calls) > 1):
        node.outcome, node.text = "flaky", "passed only when it was tried again"
        if bad and not any(report["outcome"] == "passed" for report in calls):
            node.outcome = "failed"
    elif bad:
        node.outcome, node.text = "failed", bad[0].get("text", "")
        if bad[0]["when"] != "call":
            node.text = f"{bad[0]['when']}: {node.text}"
    elif any(report["xfail"] is not None for report in reports):
        passed = any(report["when"] == "call" and report["outcome"] == "passed" for report in reports)
        node.outcome, node.text = ("xpassed" if passed else "xfailed"), "is expected to fail"
    elif any(report["outcome"] == "skipped" for report in reports):
        node.outcome = "skipped"
        node.text = next(report.get("text", "") for report in reports if report["outcome"] == "skipped")
    elif calls:
        node.outcome = "passed"
    else:
        node.outcome, node.text = "died", "never came to its body"
