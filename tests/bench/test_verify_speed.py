"""What proof costs: verify beside bare pytest, and the gate beside ``import pytest``, in the same run."""

import os
import resource
import statistics
import subprocess
import sys
import time

import pytest
from tests.unit.proof.workshop import ROOT, Repo


MOST_VERIFY = 1.1
MOST_GATE = 3.0
ITEMS = 1000


def seconds(argv, repo):
    env = {**os.environ, "PYTHONPATH": str(ROOT / "harness")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed tool is compiled once
    started = time.perf_counter()
    done = subprocess.run(
        argv, cwd=repo.root, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return time.perf_counter() - started


def cpu_seconds(argv, repo):
    """Processor time of a run and its children; unlike wall time it does not count who else is working."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(argv, repo)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def source(item, number, claim):
    """The source of one test that proves an item."""
    return f"@pytest.mark.proves('demo:{item}')\ndef test_{number}():\n    assert {claim}\n"


def best_of(count, *measures):
    """The fastest of some alternating runs of each; on a shared machine the least disturbed one."""
    taken = [[measure() for measure in measures] for _ in range(count)]
    return [min(each) for each in zip(*taken, strict=True)]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """400 tests that each work for some 20 ms on a function of the repository."""
    repo = Repo(tmp_path_factory.mktemp("work"))
    repo.write(
        "app.py",
        "def work(n):\n    total = 0\n    for i in range(n):\n        total += i * i % 7\n    return total\n",
    )
    for file in range(20):
        tests = "\n\n".join(
            source(f"T{file * 20 + one + 1:03}", one, f"work(400_000) > {one}") for one in range(20)
        )
        repo.write(f"tests/test_part_{file}.py", f"import pytest\nfrom app import work\n\n\n{tests}")
    repo.plan(*(f"[x] T{count + 1:03} Work number {count}" for count in range(400)))
    return repo


def test_verify_costs_at_most_a_tenth_more_than_bare_pytest(work, record_property):
    bare = [sys.executable, "-m", "pytest", "-q", "-p", "planproof.interfaces.pytest_plugin", "tests"]
    verify = [sys.executable, "-m", "planproof", "verify", "--force"]
    rival, ours = best_of(5, lambda: seconds(bare, work), lambda: seconds(verify, work))
    record_property("ratio", ours / rival)
    print(f"\nverify {ours:.2f} s, bare pytest {rival:.2f} s, ratio {ours / rival:.3f}")

    assert ours / rival <= MOST_VERIFY


def test_the_pytest_plugin_costs_at_most_a_twentieth(work, record_property):
    bare = [sys.executable, "-m", "pytest", "-q", "-p", "planproof.interfaces.pytest_plugin", "tests"]
    with_plugin = [*bare, "--planproof"]
    rival, ours = best_of(2, lambda: cpu_seconds(bare, work), lambda: cpu_seconds(with_plugin, work))
    record_property("ratio", ours / rival)
    print(f"\npytest --planproof {ours:.2f} s, without {rival:.2f} s, ratio {ours / rival:.3f}")

    assert ours / rival <= 1.05


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A plan of a thousand items, each proved by a test of its own."""
    repo = Repo(tmp_path_factory.mktemp("large"))
    repo.write("app.py", "def same(n):\n    return n\n")
    for file in range(20):
        tests = "\n\n".join(
            source(f"T{file * 50 + one + 1:04}", one, f"same({one}) == {one}") for one in range(50)
        )
        repo.write(f"tests/test_part_{file}.py", f"import pytest\nfrom app import same\n\n\n{tests}")
    repo.plan(*(f"[x] T{count + 1:04} Item number {count} of the large plan" for count in range(ITEMS)))
    seconds([sys.executable, "-m", "planproof", "verify"], repo)
    return repo


def test_a_gate_without_a_change_is_fast(large, record_property):
    rival_argv = [sys.executable, "-c", "import pytest"]
    gate = [sys.executable, "-m", "planproof", "gate"]
    pairs = [(seconds(rival_argv, large), seconds(gate, large)) for _ in range(7)]
    rival, ours = (statistics.median(each) for each in zip(*pairs, strict=True))
    record_property("ratio", ours / rival)
    print(f"\ngate on {ITEMS} items {ours:.3f} s, import pytest {rival:.3f} s, ratio {ours / rival:.2f}")

    assert ours / rival <= MOST_GATE


def test_the_gate_imports_neither_pytest_nor_rich(large):
    code = (
        "import sys; from planproof.interfaces.cli.main import run; run(['gate']); "
        "print([m for m in ('pytest', 'rich', 'yaml', 'hypothesis') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "harness")}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=large.root, env=env, capture_output=True, text=True, check=True
    )

    assert said.stdout.splitlines()[-1] == "[]"
