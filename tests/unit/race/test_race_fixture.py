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


MISTAKES = """
import threading
import pytest
from planproof.race import Workload, invariant, operation

class Right(Workload):
    backends = ("sqlite",)
    def open(self, backend):
        return threading.Lock()
    @operation
    def add(self, lock):
        with lock:
            pass
    @invariant
    def nothing(self, lock):
        pass

class Wrong(Right):
    @invariant
    def never(self, lock):
        assert False, "found on sqlite"

@pytest.mark.race("sqlite")
def test_by_place(race):
    race(Right)

@pytest.mark.race(schedule=5)
def test_misspelt_option(race):
    race(Right)

@pytest.mark.race(backends=["sqllite"])
def test_misspelt_store(race):
    race(Right)

@pytest.mark.race(backends="memory", schedules=5)
def test_one_store(race):
    assert len(race(Right)) == 1

def test_no_workload(race):
    race(int)

def test_what_is_wrong_elsewhere_is_found_though_one_store_is_missing(race):
    race(Wrong, backends=["postgres", "sqlite"])

def test_right_elsewhere_is_a_skip(race):
    race(Right, backends=["postgres", "memory"], schedules=5)

class TestMissing(Right.TestCase):
    workload = type("OnTwo", (Right,), {"backends": ("postgres", "memory")})
    schedules = 5

class TestMode(Right.TestCase):
    mode = "strss"
"""


def test_mistakes_are_sentences_and_a_missing_store_hides_no_failure(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("PLANPROOF_POSTGRES_URL", "postgresql://127.0.0.1:1/nobody?connect_timeout=1")
    pytester.makepyfile(test_mistakes=MISTAKES)
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", "-rs", "--tb=short")
    result.stdout.fnmatch_lines_random(
        [
            'the marker race takes its options by name: race(backends=["sqlite"])',
            "a race has no option 'schedule'; it has schedules, seed, mode, *",
            "there is no store 'sqllite'; known are memory, sqlite, postgres, dynamodb *",
            "<class 'int'> is no class of Workload *",
            "on sqlite: never: found on sqlite*",
            "E   AssertionError: the mode of a race is explore or stress, not 'strss' *",
        ]
    )
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 5
    assert outcomes["errors"] == 1
    assert outcomes["skipped"] == 1
    assert outcomes["passed"] == 3  # the missing store of a TestCase is a skipped subtest
    assert "Traceback" not in result.stdout.str()
