"""Checks of kind coverage: tests under coverage.py and each named file's share; never an old report."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planproof.proof.model import Outcome, Result

from . import process, pytest_run
from .pytest_check import clean
from .strength import weakness


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.proof.model import Check

    from .base import Context


# By which somebody leaves out code; what coverage.py leaves out of itself (stubs) is no code.
PRAGMA: Final = re.compile(r"#\s*pragma:\s*no\s?cover", re.IGNORECASE)
# Outcomes of a test after which the measured lines say nothing.
BAD: Final = {"failed": "fails", "died": "died", "hung": "hung", "flaky": "is flaky", "": "did not run"}


class CoverageRunner:
    """Runs the tests of all coverage checks that name the same tests once."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Measure each group of checks in one pytest process."""
        groups: dict[tuple[tuple[str, ...], bool], list[Check]] = defaultdict(list)
        for check in checks:
            groups[tuple(check.params["tests"]), bool(check.params["branch"])].append(check)
        for (tests, branch), group in groups.items():
            yield from self._group(tests, branch, group, context)

    def _group(
        self,
        tests: tuple[str, ...],
        branch: bool,  # noqa: FBT001 - a switch of coverage itself
        group: list[Check],
        context: Context,
    ) -> Iterator[Result]:
        if not available(context):
            for check in group:
                yield Result(
                    check, Outcome.UNAVAILABLE, "coverage is not installed for the interpreter of the checks"
                )
            return
        files = sorted({name for check in group for name in check.params["files"]})
        with tempfile.TemporaryDirectory(dir=context.scratch) as folder:
            data = Path(folder) / "coverage.data"
            prefix = [
                "-m",
                "coverage",
                "run",
                f"--data-file={data}",
                f"--include={','.join(files)}",
                "--rcfile=/dev/null",
            ]
            prefix += ["--branch"] if branch else []
            limits = [one.timeout for one in group if one.timeout is not None]
            timeouts = {clean(one): min(limits) for one in tests} if limits else {}
            wanted = pytest_run.Wanted(tuple(clean(one) for one in tests), timeouts=timeouts)
            run = pytest_run.run(
                wanted, context, prefix=prefix, extra=["-p", "no:xdist"] if _has_xdist() else [],
                footprints=False, parallel=False,
            )  # fmt: skip
            if run.interrupted:
                raise KeyboardInterrupt
            measured = read_report(data, context, Path(folder))
        for check in group:
            yield judge(check, run, measured, context.root)


def _has_xdist() -> bool:
    import importlib.util

    return importlib.util.find_spec("xdist") is not None


def available(context: Context) -> bool:
    """True where the checks' interpreter has coverage.py."""
    try:
        ended = process.run(
            [context.python, "-c", "import coverage"], cwd=context.root, env=context.env, timeout=60
        )
    except OSError:
        return False
    return ended.code == 0


def read_report(data: Path, context: Context, folder: Path) -> dict[str, dict[str, Any]]:
    """Totals by file, paths relative to the workspace."""
    if not data.exists():
        return {}
    out = folder / "coverage.json"
    argv = [
        context.python,
        "-m",
        "coverage",
        "json",
        f"--data-file={data}",
        "-o",
        str(out),
        "--rcfile=/dev/null",
        "-q",
    ]
    process.run(argv, cwd=context.root, env=context.env, timeout=context.timeout)
    if not out.exists():
        return {}
    report = json.loads(out.read_text(encoding="utf-8"))
    return {name: one["summary"] for name, one in report["files"].items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def weakness_of_all(run: pytest_run.Run, root: Path) -> str:
    """Why none of the tests that passed can fail, or empty where one can."""
    first = ""
    for node in (one for one in run.nodes.values() if one.outcome == "passed"):
        file, _, name = node.id.partition("::")
        try:
            said = weakness((root / file).read_bytes(), name.split("[", 1)[0])
        except OSError:
            said = ""
        if not said:
            return ""
        first = first or f"{node.id} {said}"
    return first


def judge(check: Check, run: pytest_run.Run, measured: dict[str, dict[str, Any]], root: Path) -> Result:
    """Each file's share against the threshold; a file that was not measured is nothing, not a hundred."""
    roots = tuple(sorted({node.partition("::")[0] for node in run.nodes} | set(check.params["files"])))
    nodes = {node.id: node.outcome for node in run.nodes.values()}

    def result(outcome: Outcome, reason: str = "", *notes: str) -> Result:
        return Result(check, outcome, reason, round(run.seconds, 6), nodes=nodes, roots=roots, notes=notes)

    if not any(outcome == "passed" for outcome in nodes.values()):
        return result(
            Outcome.NOTHING, f"no test of {', '.join(check.params['tests'])} passed, so nothing was measured"
        )
    bad = [(node, outcome) for node, outcome in nodes.items() if outcome in BAD]
    if bad:
        return result(Outcome.UNDECIDED, f"{bad[0][0]} {BAD[bad[0][1]]}, so its coverage says nothing")
    weak = weakness_of_all(run, root)
    if weak:
        return result(Outcome.NOTHING, f"{weak}, so what it covers is not checked")
    shares = []
    for name in check.params["files"]:
        summary = measured.get(name)
        unmeasured = "was not measured: no test imports it"
        by_hand = bool(PRAGMA.search(_text(root / name)))
        if by_hand and summary is not None and summary["excluded_lines"] > summary["num_statements"]:
            lines = f"{summary['excluded_lines']} lines and measures {summary['num_statements']}"
            unmeasured = f"leaves out {lines}: its share says nothing"
        elif summary is not None and summary["num_statements"]:
            unmeasured = ""
        if summary is None or unmeasured:
            return result(Outcome.NOTHING, f"{name} {unmeasured}")
        share = float(summary["percent_covered"])
        shares.append(f"{name} {share:.1f} %")
        if share + 1e-9 < check.params["min"]:
            return result(
                Outcome.FAILED, f"{name} is covered {share:.1f} %, wanted {check.params['min']:g} %"
            )
    return result(Outcome.PASSED, "", ", ".join(shares))
