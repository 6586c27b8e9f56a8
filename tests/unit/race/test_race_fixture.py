"""The race fixture and marker in a pytest of their own, alone and under xdist."""

from __future__ import annotations

import importlib.metadata
import os
import sys

import pytest


pytest_plugins = ["pytester"]

# An installed planproof brings the plugin by itself; a source tree names it.
INSTALLED = any(
    point.value == "planproof.race.pytest_plugin"
    for point in importlib.metadata.entry_points(group="pytest11")
)
PLUGIN = [] if INSTALLED else ["-p", "planproof.race.pytest_plugin"]

SUITE = """
import threading
import pytest
from planproof.race import Workload, invariant, operation

class Wrong(Workload):
    def open(self, backend):
        self.done = 0
        self.lock, self.n = threading.Lock(), 0
    @operation
    def add(self, system):
        with self.lock:
            n = self.n
        with self.lock:
            self.n, self.done = n + 1, self.done + 1
    @invariant(when="rest")
    def nothing_lost(self, system):
        assert self.n == self.done

class Right(Wrong):
    @operation
    def add(self, system):
        with self.lock:
            self.n, self.done = self.n + 1, self.done + 1

@pytest.mark.race(backends=["memory"], schedules=20)
def test_right(race):
    [result] = race(Right)
    assert result.certificate["schedules"]["run"] == 20

@pytest.mark.race(backends=["memory"], schedules=20)
def test_wrong(race):
    race(Wrong)

class TestCollected(Right.TestCase):
    schedules = 5

TestWrong = Wrong.TestCase
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\naddopts = --strict-markers\n")
    return pytester


@pytest.mark.parametrize("more", [(), ("-n", "2")])
def test_right_passes_and_wrong_fails_with_its_replay(suite, more):
    arguments = [*PLUGIN, "-p", "no:cacheprovider", *more]
    result = suite.runpytest_subprocess(*arguments)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= 2
    assert outcomes["failed"] >= 1
    text = result.stdout.str()
    assert "nothing_lost" in text
    assert "planproof race replay .planproof" in text


def test_the_command_line_goes_before_the_marker(suite):
    result = suite.runpytest_subprocess(
        *PLUGIN,
        "--race-schedules=3",
        "-k",
        "test_right",
        "-p",
        "no:cacheprovider",
    )
    assert "assert 3 == 20" in result.stdout.str()
