"""Checks of kind coverage: tests under coverage.py and each named file's share; never an old report."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planproof.proof.model import Outcome, Result

from . import process, pytest_run
from .pytest_check import clean


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.proof.model import Check

    from .base import Context


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
            wanted = pytest_run.Wanted(tuple(clean(one) for one in tests))
            run = pytest_run.run(
                wanted, context, prefix=prefix, extra=["-p", "no:xdist"] if _has_xdist() else [],
                footprints=False, parallel=False,
            )  # fmt: skip
            if run.interrupted:
                raise KeyboardInterrupt
            measured = read_report(data, context, Path(folder))
        for check in group:
            yield judge(check, run, measured)


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


def judge(check: Check, run: pytest_run.Run, measured: dict[str, dict[str, Any]]) -> Result:
    """Each file's share against the threshold; a file that was not measured is nothing, not a hundred."""
    roots = tuple(sorted({node.partition("::")[0] for node in run.nodes} | set(check.params["files"])))
    nodes = {node.id: node.outcome for node in run.nodes.values()}

    def result(outcome: Outcome, reason: str = "", *notes: str) -> Result:
        return Result(check, outcome, reason, round(run.seconds, 6), nodes=nodes, roots=roots, notes=notes)

    if not any(outcome == "passed" for outcome in nodes.values()):
        return result(
            Outcome.NOTHING, f"no test of {', '.join(check.params['tests'])} passed, so nothing was measured"
        )
    failed = [node for node, outcome in nodes.items() if outcome == "failed"]
    if failed:
        return result(Outcome.UNDECIDED, f"{failed[0]} fails, so its coverage says nothing")
    shares = []
    for name in check.params["files"]:
        summary = measured.get(name)
        if summary is None or not summary["num_statements"]:
            return result(Outcome.NOTHING, f"{name} was not measured: no test imports it")
        share = float(summary["percent_covered"])
        shares.append(f"{name} {share:.1f} %")
        if share + 1e-9 < check.params["min"]:
            return result(
                Outcome.FAILED, f"{name} is covered {share:.1f} %, wanted {check.params['min']:g} %"
            )
    return result(Outcome.PASSED, "", ", ".join(shares))
