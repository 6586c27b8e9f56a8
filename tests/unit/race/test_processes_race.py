"""Clients that are processes: they share the store and nothing else, and one history is made of theirs."""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import ClassVar

import pytest

from planproof.backends.model import Backend, BackendKind
from planproof.errors import ConfigError, WorkloadError
from planproof.race import Workload, call, invariant, operation, parallel, run


SQLITE = Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule")


class Counter(Workload):
    """Each process adds to one row, and knows what it was told."""

    scenarios: ClassVar = (parallel(*[[call("add")] * 20] * 2),)

    def open(self, backend):
        connection = self.attach(backend)
        connection.execute("CREATE TABLE t (n INTEGER)")
        connection.execute("INSERT INTO t VALUES (0)")
        return connection

    def attach(self, backend):
        path = backend.url.removeprefix("sqlite:///")
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    @operation
    def add(self, system):
        system.execute("UPDATE t SET n = n + 1")

    @invariant(when="rest")
    def every_ok_counts(self, system, history):
        told = sum(1 for op in history.operations if str(op.outcome) == "ok")
        n = system.execute("SELECT n FROM t").fetchone()[0]
        assert told == n, f"{n} counted, {told} acknowledged"


class TellsLies(Counter):
    """Acknowledges what it does not do."""

    @operation
    def add(self, system):
        system.execute("SELECT n FROM t").fetchone()


class Dies(Counter):
    @operation
    def add(self, system):
        os._exit(3)


class Breaks(Counter):
    """An application error in a process of its own."""

    @operation
    def add(self, system):
        return {}["seat"]


class LeavesTheObserver(Counter):
    """The observer cannot release what it holds; the clients can."""

    def finish_client(self, system):
        if threading.current_thread().name == "observer":
            raise KeyError("connection")


def test_processes_race_and_one_history_is_judged():
    result = run(Counter, backend=SQLITE, schedules=1, mode="stress", processes=True)
    assert result.outcome in {"passed", "inconclusive"}, result.failure
    assert result.certificate["operations"]["ok"] == 40


def test_what_they_were_told_must_be_true():
    result = run(TellsLies, backend=SQLITE, schedules=1, mode="stress", processes=True, shrink=False)
    assert result.failure.violation.property == "every_ok_counts"
    assert {op.client for op in result.failure.history.operations} == {0, 1}


def test_a_process_that_dies_is_never_green():
    result = run(Dies, backend=SQLITE, schedules=1, mode="stress", processes=True)
    assert result.outcome == "inconclusive"
    assert "(exit code 3) died" in result.reason


def test_what_a_process_did_not_expect_is_a_failure_like_a_threads():
    result = run(Breaks, backend=SQLITE, schedules=1, mode="stress", processes=True, shrink=False)
    assert result.failure.violation.property == "no unexpected error"
    assert "raised KeyError: 'seat'" in result.failure.violation.message


def test_an_observer_that_cannot_go_on_is_told():
    with pytest.raises(WorkloadError, match="the observer cannot go on: KeyError: 'connection'"):
        run(LeavesTheObserver, backend=SQLITE, schedules=1, mode="stress", processes=True)


def test_memory_cannot_be_shared():
    memory = Backend(BackendKind.MEMORY, "memory://")
    with pytest.raises(ConfigError, match="do not share memory"):
        run(Counter, backend=memory, schedules=1, mode="stress", processes=True)


def test_the_scheduler_does_not_stop_processes():
    with pytest.raises(ConfigError, match="stress mode only"):
        run(Counter, backend=SQLITE, schedules=1, mode="explore", processes=True)
