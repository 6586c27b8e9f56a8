"""A report of 10,000 items beside a sphinx-needs build of as many, both in this run.

Bound of the manual: at most a tenth. sphinx-needs is not among our dependencies; without it the rival's half
is skipped and only our own time is told.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest


ITEMS = 10_000
HARNESS = str(Path(__file__).resolve().parents[2] / "harness")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    (root / "plans").mkdir()
    lines = ["# Tasks: many", "", "## Phase 1: All of it", ""]
    lines += [
        f"- [{'x' if n % 3 else ' '}] T{n:05} Write part {n} in `src/part_{n}.py`" for n in range(ITEMS)
    ]
    (root / "plans" / "many.md").write_text("\n".join(lines) + "\n")
    return root


def report(root):
    done = subprocess.run(
        [sys.executable, "-m", "planproof", "report", "-o", "REPORT.md"],
        cwd=root,
        env={"PYTHONPATH": HARNESS, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_report_of_ten_thousand_items(benchmark, workspace):
    benchmark.pedantic(report, args=(workspace,), rounds=3)

    assert (workspace / "REPORT.md").read_text().count("| T0") == ITEMS
    if importlib.util.find_spec("sphinx_needs") is None:
        pytest.skip("sphinx-needs is not installed: the ratio is not measured")
    rival = sphinx_seconds(workspace)
    benchmark.extra_info["sphinx_needs_seconds"] = round(rival, 2)
    benchmark.extra_info["ratio"] = round(benchmark.stats["median"] / rival, 4)
    assert benchmark.stats["median"] <= 0.1 * rival


def sphinx_seconds(root):
    """A first build of as many needs."""
    source = root / "sphinx"
    source.mkdir()
    (source / "conf.py").write_text('project = "many"\nextensions = ["sphinx_needs"]\n')
    needs = "\n".join(f".. req:: Write part {n}\n   :id: T_{n:05}\n   :status: open\n" for n in range(ITEMS))
    (source / "index.rst").write_text(f"Many\n====\n\n{needs}\n")
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(source), str(root / "html")],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started
