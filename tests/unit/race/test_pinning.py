"""A failure that stress met becomes one order that breaks the same property each time, and is made small."""

from __future__ import annotations

import sqlite3
import threading
from typing import ClassVar

import pytest
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.interfaces.cli.main import run as cli
from planproof.race import Workload, call, invariant, operation, parallel, run
from planproof.race.history import History, Operation, Outcome
from planproof.race.history.operation import SubOperation
from planproof.race.pinning import AsMet, met
from planproof.race.report import failure_text
from planproof.race.schedules.scheduler import Scheduler, current
from planproof.race.schedules.step import Step


SQLITE = Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule")
MEMORY = Backend(BackendKind.MEMORY, "memory://")
TWICE = [call("add", amount=2), call("look"), call("add", amount=1)]


class Table(Workload):
    """Reads, then writes: with many clients stress loses an update."""

    clients: ClassVar = 6
    scenarios: ClassVar = (parallel(*[TWICE] * 6),)

    def open(self, backend):
        self.path, self.done, self.lock = backend.url.removeprefix("sqlite:///"), 0, threading.Lock()
        system = self.connect()
        system.execute("CREATE TABLE t (n INTEGER)")
        system.execute("INSERT INTO t VALUES (0)")
        return system

    def connect(self):
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    @operation(amount=st.integers(1, 3))
    def add(self, _, amount):
        connection = self.connect()
        n = connection.execute("SELECT n FROM t").fetchone()[0]
        connection.execute("UPDATE t SET n = ?", (n + amount,))
        with self.lock:
            self.done += amount

    @operation
    def look(self, _):
        return self.connect().execute("SELECT n FROM t").fetchone()[0]

    @invariant(when="rest")
    def nothing_lost(self, system):
        n = system.execute("SELECT n FROM t").fetchone()[0]
        assert n == self.done, f"{n}, not {self.done}"


def test_a_failure_of_stress_gets_an_order_and_is_small_and_replays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(Table, backend=SQLITE, schedules=50, mode="stress", seed=1, folder=tmp_path / "races")
    assert result.outcome == "failed", result.reason
    assert result.certificate["mode"] == "stress"
    assert result.failure.size == (2, 2, 2)
    assert result.failure.choices
    for _ in range(3):
        assert cli(["race", "replay", result.failure.replay_path]) == 1


def test_what_no_order_of_calls_breaks_is_said_to_be_so():
    class Below(Workload):
        """It breaks between two lines of Python, where explore cannot stop a thread."""

        limit_seconds: ClassVar = 20.0
        scenarios: ClassVar = (parallel(*[call("meet")] * 2),)

        def open(self, backend):
            return threading.Barrier(2)

        @operation
        def meet(self, _):
            inside.add(threading.get_ident())
            try:
                for _ in range(20000):
                    if len(inside) > 1:
                        raise AssertionError("two were inside")
            finally:
                inside.discard(threading.get_ident())

        @invariant(when="rest")
        def quiet(self, _):
            assert not inside

    inside = set()
    result = run(Below, backend=MEMORY, schedules=200, mode="stress")
    if result.failure is None:
        pytest.skip("the threads did not meet on this machine")
    assert not result.failure.choices
    assert "no order of single calls was found" in failure_text(result.failure, result.certificate)


def history_of(*operations):
    return History.of(
        Operation(
            number,
            client,
            "op",
            (),
            begin,
            end,
            Outcome.OK,
            subs=tuple(SubOperation("sql", *sub) for sub in subs),
        )
        for number, (client, begin, end, subs) in enumerate(operations)
    )


@pytest.mark.parametrize(("by_end", "wanted"), [(True, "abcd"), (False, "acbd")])
def test_calls_are_made_in_the_order_in_which_they_were_met(by_end, wanted):
    seen = history_of((0, 1, 90, [("a", 2, 3), ("b", 20, 21)]), (1, 4, 99, [("c", 10, 60), ("d", 61, 70)]))
    log = []

    def client(*labels):
        def body():
            scheduler, number = current()
            for label in labels:
                scheduler.call(number, Step("sql", label))
                log.append(label)

        return body

    Scheduler(AsMet(met(seen, by_end=by_end))).run([client("a", "b"), client("c", "d")])
    assert "".join(log) == wanted
