"""``planproof --version`` beside ``python -c pass``: at most twice its time, processor time, in one run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path


HARNESS = str(Path(__file__).resolve().parents[2] / "harness")
ROUNDS = 40


def seconds(*arguments):
    """Processor time of one child."""
    before = os.times()
    subprocess.run(
        [sys.executable, *arguments], env={"PYTHONPATH": HARNESS}, stdout=subprocess.DEVNULL, check=True
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_the_version_costs_at_most_twice_an_empty_program(benchmark):
    seconds("-m", "planproof", "--version")  # compiled once
    pairs = [(seconds("-m", "planproof", "--version"), seconds("-c", "pass")) for _ in range(ROUNDS)]
    ours, empty = (statistics.mean(side) for side in zip(*pairs, strict=True))

    benchmark.extra_info["ratio"] = round(ours / empty, 3)
    benchmark.pedantic(seconds, args=("-m", "planproof", "--version"), rounds=5)
    assert ours <= 2 * empty
