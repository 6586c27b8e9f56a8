"""The controlled scheduler and its orders: what is chosen, what waits, what is tried completely."""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import sqlite3
import threading
import time
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.race import Workload, call, invariant, operation, parallel, run
from planproof.race.drivers.locks import controlled_locks
from planproof.race.drivers.passing import virtual_time
from planproof.race.drivers.sql import read_statement
from planproof.race.schedules.exhaustive import EveryOrder
from planproof.race.schedules.orders import (
    Priorities,
    RandomOrder,
    Recorded,
    SwitchAfterEffect,
    Switching,
    TakingTurns,
)
from planproof.race.schedules.scheduler import Scheduler, current
from planproof.race.schedules.step import Step, independent


_REAL = {"_lock": threading.Lock, "_rlock": threading.RLock}
MEMORY = Backend(BackendKind.MEMORY, "memory://")
SQLITE = Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule")


def client_of(steps, log):
    """A client that makes these steps and writes down when each was let go."""

    def body():
        scheduler, number = current()
        for step in steps:
            scheduler.call(number, step)
            log.append((number, step.label))

    return body


def run_once(order, programs):
    log = []
    end = Scheduler(order).run([client_of(steps, log) for steps in programs])
    return log, end


def write(name, where="x"):
    return Step("declared", name, writes=frozenset({where}))


def read(name, where="x"):
    return Step("declared", name, reads=frozenset({where}))


def every_run(programs, relation=independent):
    order, logs = EveryOrder(relation), []
    while not order.finished:
        log, end = run_once(order, programs)
        assert not end.diverged
        if not end.redundant:
            logs.append(tuple(log))
    return logs


class TestOrders:
    def test_taking_turns(self):
        log, _ = run_once(TakingTurns(), [[write("a"), write("b")], [write("c"), write("d")]])
        assert [name for _, name in log] == ["a", "c", "b", "d"]

    def test_a_recorded_order_is_made_again(self):
        programs = [[write("a"), write("b")], [write("c"), write("d")]]
        for choices in set(itertools.permutations([0, 0, 1, 1])):
            log, _ = run_once(Recorded(choices), programs)
            assert tuple(number for number, _ in log) == choices

    def test_an_order_that_cannot_be_made_is_said(self):
        _, end = run_once(Recorded([0, 0, 0]), [[write("a")], [write("b")]])
        assert "client 0 was to move" in end.diverged

    def test_switching_goes_on_as_long_as_it_can(self):
        programs = [[write("a"), write("b")], [write("c"), write("d")]]
        log, _ = run_once(Switching({1: 1}), programs)
        assert [name for _, name in log] == ["a", "c", "d", "b"]

    @pytest.mark.parametrize(("leader", "names"), [(0, "abdefc"), (1, "deabcf")])
    def test_one_switch_right_after_the_first_effect(self, leader, names):
        programs = [[read("a"), write("b"), read("c")], [read("d"), write("e"), write("f")]]
        log, _ = run_once(SwitchAfterEffect(leader), programs)
        assert "".join(name for _, name in log) == names

    def test_those_that_wait_for_the_leader_still_come_before_its_next_call(self):
        order = SwitchAfterEffect(0)
        assert order.choose({0: write("begin"), 1: write("begin")}, None) == 0
        assert order.choose({0: write("commit"), 1: write("begin")}, 0) == 1
        order.refused(1)
        assert order.choose({0: write("commit")}, 1) == 0
        assert order.choose({0: read("again"), 1: write("begin")}, 0) == 1

    @pytest.mark.parametrize("order", [RandomOrder, lambda s: Priorities(s, depth=3, length=8)])
    def test_the_same_seed_draws_the_same_order(self, order):
        programs = [[write(f"{client}{n}") for n in range(4)] for client in range(3)]
        logs = {seed: [run_once(order(seed), programs)[0] for _ in range(2)] for seed in "abcdefgh"}
        assert all(one == same for one, same in logs.values())
        assert len({tuple(one) for one, _ in logs.values()}) > 1

    @given(st.integers(), st.integers(1, 4), st.integers(1, 30))
    def test_priorities_always_choose_one_that_is_ready(self, seed, depth, length):
        order = Priorities(str(seed), depth=depth, length=length)
        ready = {0: write("a"), 2: write("b"), 5: write("c")}
        last = None
        for _ in range(12):
            last = order.choose(ready, last)
            assert last in ready


class TestEveryOrder:
    """Held against counting: dependent steps give every interleaving, independent ones give one."""

    def test_dependent_steps_give_every_interleaving_once(self):
        logs = every_run([[write("a"), write("b")], [write("c"), write("d"), write("e")]])
        assert len(logs) == len(set(logs)) == math.comb(5, 2)

    def test_three_clients(self):
        logs = every_run([[write(f"{c}{n}") for n in range(2)] for c in range(3)])
        assert len(logs) == len(set(logs)) == 90

    def test_independent_steps_give_one(self):
        assert len(every_run([[write("a", "x"), write("b", "x")], [write("c", "y")]])) == 1

    def test_reads_commute_and_writes_do_not(self):
        assert len(every_run([[read("a")], [read("b")]])) == 1
        assert len(every_run([[read("a")], [write("b")]])) == 2

    @settings(max_examples=40)
    @given(
        st.lists(
            st.lists(st.tuples(st.booleans(), st.sampled_from("xy")), min_size=1, max_size=3),
            min_size=2,
            max_size=3,
        )
    )
    def test_every_class_of_equal_orders_is_run_exactly_once(self, shape):
        """Against brute force: orders that differ by swapping independent neighbours are one class."""
        programs = [
            [
                (write if writes else read)(f"{client}.{index}", where)
                for index, (writes, where) in enumerate(calls)
            ]
            for client, calls in enumerate(shape)
        ]
        steps = {step.label: (client, step) for client, calls in enumerate(programs) for step in calls}
        order_of = [client for client, calls in enumerate(programs) for _ in calls]
        classes = set()
        for choices in set(itertools.permutations(order_of)):
            at = [0] * len(programs)
            names = []
            for client in choices:
                names.append(programs[client][at[client]].label)
                at[client] += 1
            classes.add(normal_form(names, steps))
        run_classes = [normal_form([name for _, name in log], steps) for log in every_run(programs)]
        assert Counter(run_classes) == Counter(dict.fromkeys(classes, 1))

    def test_an_application_that_does_not_repeat_itself_is_told(self):
        order, count = EveryOrder(independent), itertools.count()

        def moody():
            scheduler, number = current()
            for _ in range(2 if next(count) == 0 else 0):
                scheduler.call(number, write("m"))

        def steady():
            scheduler, number = current()
            scheduler.call(number, write("s"))

        ends = [Scheduler(order).run([steady, moody]) for _ in range(2)]
        assert "does not repeat itself" in ends[-1].diverged


def normal_form(names, steps):
    """The smallest order of the same class: sort by repeatedly taking the least step that may come first."""
    left, taken = list(names), []
    while left:
        for index in sorted(range(len(left)), key=lambda at: left[at]):
            client, step = steps[left[index]]
            before = [steps[name] for name in left[:index]]
            if all(other != client and independent(step, each) for other, each in before):
                taken.append(left.pop(index))
                break
    return tuple(taken)


@contextlib.contextmanager
def patched():
    with controlled_locks(), virtual_time():
        yield


class TestWaiting:
    def test_a_client_that_waits_for_a_lock_is_seen_waiting(self):
        with patched():
            lock, log = threading.Lock(), []

            def body():
                with lock:
                    scheduler, number = current()
                    scheduler.call(number, write("inside"))
                    log.append(number)

            end = Scheduler(TakingTurns()).run([body, body])
        assert sorted(log) == [0, 1]
        assert any(each.waited for each in end.trace)
        assert not end.deadlock
        assert end.stray == 0

    def test_crossed_locks_are_a_deadlock_with_stacks(self):
        with patched():
            a, b = threading.Lock(), threading.Lock()

            def take(first, second):
                with first, second:
                    pass

            end = Scheduler(TakingTurns(), stall_seconds=0.05).run([lambda: take(a, b), lambda: take(b, a)])
        assert "client 0 (waiting" in end.deadlock
        assert "with first, second" in end.deadlock

    def test_conditions_events_and_queues_work(self):
        import queue

        with patched():
            passed, done = queue.Queue(maxsize=1), threading.Event()

            def giver():
                for n in range(3):
                    passed.put(n)
                done.wait()

            got = []

            def taker():
                got.extend(passed.get() for _ in range(3))
                done.set()

            end = Scheduler(RandomOrder("7")).run([giver, taker])
        assert got == [0, 1, 2]
        assert not end.deadlock
        assert not end.hang

    def test_a_sleep_takes_no_time_and_the_clocks_agree(self):
        seen = []
        with patched():

            def body():
                began = time.monotonic()
                time.sleep(3600)
                seen.append(time.monotonic() - began)

            began = time.perf_counter()
            Scheduler(TakingTurns()).run([body, body])
        assert time.perf_counter() - began < 5
        assert all(3600 <= each < 7205 for each in seen)

    def test_a_lock_with_a_timeout_gives_up_in_virtual_time(self):
        got = []
        with patched():
            lock = threading.Lock()

            def holder():
                with lock:
                    time.sleep(100)

            def impatient():
                got.append(lock.acquire(timeout=5))

            Scheduler(TakingTurns()).run([holder, impatient])
        assert got == [False]

    def test_a_lock_made_before_the_run_is_met_by_the_stall_watch(self):
        lock = threading.Lock()
        log = []

        def body():
            with lock:
                scheduler, number = current()
                scheduler.call(number, write("inside"))
                log.append(number)

        end = Scheduler(TakingTurns(), stall_seconds=0.05, limit_seconds=10).run([body, body])
        assert sorted(log) == [0, 1]
        assert end.stray > 0

    def test_clients_that_poll_for_ever_are_endless_not_hung(self):
        with patched():

            def body():
                while True:
                    time.sleep(1)

            end = Scheduler(TakingTurns(), max_steps=200).run([body, body])
        assert end.endless


class Deferred(Workload):
    """Two writers, each through a connection of its own, with the busy timeout that they say."""

    busy: ClassVar = 5.0
    mode: ClassVar = "BEGIN IMMEDIATE"
    read_first: ClassVar = False
    scenarios: ClassVar = (parallel(call("add"), call("add")),)

    def open(self, backend):
        self.path = backend.url.removeprefix("sqlite:///")
        connection = self.connect()
        connection.execute("CREATE TABLE t (n INTEGER)")
        connection.execute("INSERT INTO t VALUES (0)")
        self.refused = []
        return connection

    def connect(self):
        return sqlite3.connect(self.path, timeout=self.busy, isolation_level=None, check_same_thread=False)

    @operation
    def add(self, system):
        connection = self.connect()
        try:
            connection.execute(self.mode)
            if self.read_first:
                connection.execute("SELECT n FROM t").fetchall()
            connection.execute("UPDATE t SET n = n + 1")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.refused.append(error.sqlite_errorname)
            raise
        finally:
            connection.close()

    @invariant(when="rest")
    def all_counted(self, system):
        n = system.execute("SELECT n FROM t").fetchone()[0]
        assert n + len(self.refused) == 2
        self.seen.append((n, tuple(self.refused)))

    seen: ClassVar = []


class TestSqlite:
    def exhaust(self, **attributes):
        kind = type("Case", (Deferred,), {**attributes, "seen": []})
        result = run(kind, backend=SQLITE, schedules=500, orders="all")
        assert result.outcome == "passed", result.reason
        assert result.certificate["exhausted"]
        return set(kind.seen)

    def test_a_busy_database_is_waited_for(self):
        assert self.exhaust() == {(2, ())}

    def test_a_timeout_of_nought_is_busy_at_once(self):
        assert self.exhaust(busy=0) == {(2, ()), (1, ("SQLITE_BUSY",))}

    def test_a_reader_that_wants_to_write_is_refused_at_once_as_sqlite_does(self):
        seen = self.exhaust(mode="BEGIN", read_first=True)
        assert (2, ()) in seen
        assert {n for n, _ in seen} == {1, 2}

    def test_an_observer_does_not_wait_for_a_client_that_stands_still(self):
        class Watched(Deferred):
            mode: ClassVar = "BEGIN EXCLUSIVE"

            @invariant
            def can_be_read(self, system):
                connection = self.connect()
                try:
                    connection.execute("SELECT n FROM t").fetchall()
                finally:
                    connection.close()

        result = run(Watched, backend=SQLITE, schedules=100, orders="all")
        assert result.outcome == "passed", result.reason
        assert result.certificate["observations"]["not_possible"] > 0


@pytest.mark.postgres
class TestPostgres:
    def test_a_row_lock_is_seen_and_all_orders_are_run(self, postgres_backend):
        from tests.race.catalogue.sql_designs import LocksTheUserRow

        result = run(LocksTheUserRow, backend=postgres_backend, schedules=200, orders="all")
        assert result.outcome == "passed", result.reason
        assert result.certificate["exhausted"]
        assert result.certificate["waits"]["seen"] > 0
        assert result.certificate["waits"]["unseen"] == 0

    def test_a_deadlock_in_the_server_is_the_servers_to_break(self, postgres_backend):
        import psycopg

        class Crossed(Workload):
            """40P01 comes to one of them, and that one did not happen."""

            scenarios: ClassVar = (parallel(call("forth"), call("back")),)

            def open(self, backend):
                self.url = backend.url
                with psycopg.connect(self.url) as connection:
                    connection.execute("CREATE TABLE t (k int PRIMARY KEY, n int)")
                    connection.execute("INSERT INTO t VALUES (1, 0), (2, 0)")

            def both(self, first, second):
                with psycopg.connect(self.url) as connection:
                    connection.execute("SET deadlock_timeout = '50ms'")
                    for key in (first, second):
                        connection.execute("UPDATE t SET n = n + 1 WHERE k = %s", (key,))

            @operation
            def forth(self, system):
                self.both(1, 2)

            @operation
            def back(self, system):
                self.both(2, 1)

            @invariant(when="rest")
            def equal(self, system):
                with psycopg.connect(self.url) as connection:
                    rows = connection.execute("SELECT n FROM t").fetchall()
                assert rows[0] == rows[1], f"half a transaction: {rows}"

        result = run(Crossed, backend=postgres_backend, schedules=1)
        assert result.outcome == "passed", result.reason
        assert result.certificate["operations"] == {"ok": 1, "fail": 1, "info": 0}


class TestStatements:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("SELECT count(*) FROM t", "read"),
            ("select 'for update' from t -- for update", "read"),
            ("SELECT * FROM t FOR UPDATE SKIP LOCKED", "write"),
            ("SELECT pg_advisory_xact_lock(1)", "write"),
            ("SELECT my_function(1)", "write"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "read"),
            ("WITH a AS (DELETE FROM t RETURNING 1) SELECT * FROM a", "write"),
            ("/* SELECT */ INSERT INTO t VALUES ('a;b')", "write"),
            ("SELECT 1; DELETE FROM t", "write"),
            ("CREATE TABLE x (a int)", "write"),
            ("begin immediate", "begin"),
            ("COMMIT;", "commit"),
            ("ROLLBACK TO s", "rollback"),
            ("PRAGMA journal_mode", "setting"),
            ("", "setting"),
        ],
    )
    def test_kinds(self, text, kind):
        assert read_statement(text).kind == kind

    @given(st.text())
    def test_any_text_is_read(self, text):
        assert read_statement(text).kind


class TestSeeds:
    def test_the_same_seed_gives_the_same_run_and_another_gives_another(self):
        def orders(seed):
            seen = []

            class Noted(Deferred):
                @invariant(when="rest")
                def all_counted(self, system):
                    pass

            from planproof.race.explore import Session

            real = Session.execute

            def execute(self, program, order, **rest):
                done = real(self, program, order, **rest)
                seen.append((program, done.choices))
                return done

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Session, "execute", execute)
                run(Noted, backend=SQLITE, schedules=20, seed=seed)
            return seen

        assert orders(3) == orders(3) != orders(4)


class _Pool:
    """Connections in a queue, as pools have them; a client waits until one is given back."""

    def __init__(self, size):
        self.free = queue.Queue()
        for number in range(size):
            self.free.put(number)
        self.n = 0

    def add(self, together):
        connection = self.free.get(timeout=5)
        try:
            n = self.n
            together.acquire()
            together.release()
            self.n = n + 1
        finally:
            self.free.put(connection)


class _OfOne(Workload):
    """Nobody but the one who holds the only connection counts."""

    backends: ClassVar = (BackendKind.MEMORY,)
    size = 1
    scenarios: ClassVar = (parallel([call("add"), call("add")], call("add"), call("add")),)

    def open(self, backend):
        self.lock = threading.Lock()
        return _Pool(self.size)

    @operation
    def add(self, pool):
        pool.add(self.lock)

    @invariant(when="rest")
    def all_count(self, pool, history):
        assert pool.n == len(history.operations)


class TestPool:
    """``queue.Queue`` waits at a condition of ``threading``."""

    @pytest.mark.parametrize("seed", [1, 2, 7])
    def test_a_client_that_waits_for_a_connection_is_ended_without_a_finding(self, seed):
        result = run(_OfOne, backend=MEMORY, schedules=150, seed=seed)
        assert result.outcome == "passed", result.failure.reason if result.failure else result.reason
        assert result.certificate["waits"]["seen"]

    def test_a_pool_of_two_lets_the_race_be_found(self):
        class OfTwo(_OfOne):
            size = 2

        assert run(OfTwo, backend=MEMORY, schedules=50).failure.violation.property == "all_count"


def test_a_controlled_lock_has_all_that_the_real_one_has():
    """A library that is imported while locks are controlled keeps its lock for good."""
    with controlled_locks():
        for make in (threading.Lock, threading.RLock):
            lock = make()
            real = type(_REAL[make.__name__]())
            names = {name for name in vars(real) if not name.startswith("__")} | {"__enter__", "__exit__"}
            missing = {name for name in names if not hasattr(lock, name)}
            assert missing <= {"acquire_lock", "release_lock", "locked_lock"}  # obsolete names
        lock = threading.RLock()
        assert lock._recursion_count() == 0
        with lock, lock:
            assert lock._recursion_count() == 2
