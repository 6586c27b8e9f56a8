"""What a big plan costs: read, graph and lint against markdown-it-py, which only tokenises it.

The plan is generated: 100,000 tasks in 9.8 MB, each waiting for another. Both sides run in this process,
turn by turn, and are measured in processor time, so that a busy machine slows both alike. Also held: twice
the size takes at most 2.2 times as long, and the whole needs at most 12 times the file's size in memory
beyond the program.

    pytest tests/bench/test_pipeline_speed.py
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from planproof.plan.graph import Graph
from planproof.plan.lint import lint
from planproof.plan.reading import read_bytes


TASKS = 100_000
MEGABYTES = 9.8
ROUNDS = 2
LINEAR = 2.2
QUADRATIC_WOULD_BE_16 = 6.0
MEMORY = 12.0
HARNESS = Path(__file__).resolve().parents[2] / "harness"


WORK = (
    "Add the lookup",
    "Write the parser",
    "Handle a timeout",
    "Serve the page",
    "Store the result",
    "Send the notice",
    "Show the form",
    "Log each change",
    "Cache the answer",
    "Check the input",
)
THINGS = (
    "invoice",
    "account",
    "delivery",
    "search index",
    "order",
    "price list",
    "profile",
    "calendar",
    "import",
    "stock level report",
    "login",
)


def generated(count, *, per_phase=50):
    """A plan of so many tasks, about 98 bytes each: phases, stories, files, marks, dependencies."""
    lines = ["# Tasks: generated", "", "**Feature**: a big one", ""]
    for number in range(1, count + 1):
        if number % per_phase == 1:
            phase = number // per_phase + 1
            lines += ["", f"## Phase {phase}: part {phase} (P{number % 3 + 1})", ""]
        mark = "x" if number <= count // 2 else " "
        side = "[P] " if number % 4 == 0 else ""
        wait = f" (depends on T{number - 1:06})" if number > 1 else ""
        what = f"{WORK[number % len(WORK)]} of {THINGS[number % len(THINGS)]} {number}"
        lines.append(
            f"- [{mark}] T{number:06} {side}[US{number % 9 + 1}] {what} in `src/p/{number:06}.py`{wait}"
        )
    return ("\n".join(lines) + "\n").encode()


def pipeline(data):
    """Read, graph and lint; returns the findings."""
    plan = read_bytes(data, "big.md")
    graph = Graph.of([plan])
    graph.cycles()
    return lint([plan], graph=graph).findings


def spent(work, *arguments):
    """Processor seconds."""
    gc.collect()
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


@pytest.fixture(scope="module")
def data():
    made = generated(TASKS)
    assert round(len(made) / 1e6, 1) == MEGABYTES
    assert len(read_bytes(made, "big.md").edges) == TASKS - 1
    return made


def test_the_whole_is_faster_than_markdown_it_tokenises(benchmark, data):
    text = data.decode()
    tokens = MarkdownIt("commonmark")
    ratios, ours, theirs = [], [], []

    def turn():
        ours.append(spent(pipeline, data))
        theirs.append(spent(tokens.parse, text))
        ratios.append(theirs[-1] / ours[-1])

    benchmark.pedantic(turn, rounds=ROUNDS, iterations=1)
    benchmark.extra_info["megabytes"] = round(len(data) / 1e6, 2)
    benchmark.extra_info["seconds"] = round(statistics.median(ours), 2)
    benchmark.extra_info["markdown_it_seconds"] = round(statistics.median(theirs), 2)
    benchmark.extra_info["markdown_it_to_planproof"] = round(statistics.median(ratios), 2)
    assert statistics.median(ratios) > 1.0


def test_twice_the_size_takes_at_most_a_little_more_than_twice_as_long(benchmark, data):
    half = generated(TASKS // 2)
    ratios = []

    def turn():
        small = spent(pipeline, half)
        ratios.append(spent(pipeline, data) / small)

    benchmark.pedantic(turn, rounds=ROUNDS, iterations=1)
    benchmark.extra_info["twice_the_size"] = round(statistics.median(ratios), 2)
    assert statistics.median(ratios) <= LINEAR


@pytest.mark.parametrize(
    "worst",
    [
        "- [x] T{n:06} Build it in `src/one.py` (depends on T{m:06})\n",
        "- [ ] T{n:06} [P] Build it in `src/one.py` (depends on T{m:06})\n",
        "- [x] T{n:06} TBD (pending), not every call\n  - [ ] each call → 404, see T999999\n",
        "## Phase {n}: retry (5 tasks)\n\n- [ ] T{n:06} Run all tests\n\n**Remaining:**\n- T{n:06}\n",
    ],
    ids=["one-file", "parallel", "findings", "headings"],
)
def test_no_rule_is_quadratic_on_the_plans_that_it_looks_for(benchmark, worst):
    def build(count):
        return (
            "# Tasks\n\n" + "".join(worst.format(n=n, m=max(1, n - 1)) for n in range(1, count + 1))
        ).encode()

    small, big = build(1_000), build(4_000)
    ratios = []

    def turn():
        less = spent(pipeline, small)
        ratios.append(spent(pipeline, big) / less)

    benchmark.pedantic(turn, rounds=ROUNDS, iterations=1)
    benchmark.extra_info["four_times_the_size"] = round(statistics.median(ratios), 2)
    assert statistics.median(ratios) <= QUADRATIC_WOULD_BE_16


CHILD = """
import sys
from pathlib import Path
from planproof.plan.graph import Graph
from planproof.plan.lint import lint
from planproof.plan.reading import read_bytes

def highest():
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0])

lint([read_bytes(b"# Tasks\\n\\n- [ ] T001 Warm up\\n", "a.md")])
before = highest()
data = sys.stdin.buffer.read()
plan = read_bytes(data, "big.md")
read = highest()
graph = Graph.of([plan])
graph.cycles()
lint([plan], graph=graph)
print(before, read, highest())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_stays_within_twelve_times_the_file(benchmark, data):
    def turn():
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            input=data,
            capture_output=True,
            check=True,
            env={"PYTHONPATH": str(HARNESS)},
        )
        return [int(part) * 1024 for part in done.stdout.split()]

    before, read, whole = benchmark.pedantic(turn, rounds=1, iterations=1)
    benchmark.extra_info["reading_times_the_file"] = round((read - before) / len(data), 1)
    benchmark.extra_info["whole_times_the_file"] = round((whole - before) / len(data), 1)
    assert whole > before + len(data)
    assert (whole - before) / len(data) <= MEMORY
