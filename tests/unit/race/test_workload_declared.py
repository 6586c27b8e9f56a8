"""Workloads: what they declare, what is drawn from them, what is said when they are wrong."""

from __future__ import annotations

import threading
import unittest
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.errors import ConfigError, WorkloadError
from planproof.race import Workload, call, invariant, load_workload, operation, parallel, run
from planproof.race.history import read_lines
from planproof.race.models import own_model
from planproof.race.program import checked, draw, from_literal, to_literal


MEMORY = Backend(BackendKind.MEMORY, "memory://")


class Cell:
    def __init__(self):
        self.lock = threading.Lock()
        self.n = 0

    def get(self):
        with self.lock:
            return self.n

    def put(self, n):
        with self.lock:
            self.n = n


class Counts(Workload):
    """Reads and writes in two steps: loses updates."""

    backends: ClassVar = (BackendKind.MEMORY,)

    def open(self, backend):
        self.done = []
        return Cell()

    @operation(amount=st.integers(1, 3))
    def add(self, cell, amount):
        cell.put(cell.get() + amount)
        self.done.append(amount)

    @operation(weight=3)
    def look(self, cell):
        return cell.get()

    @invariant(when="rest")
    def nothing_lost(self, cell):
        assert cell.get() == sum(self.done)


class CountsRight(Counts):
    @operation(amount=st.integers(1, 3))
    def add(self, cell, amount):
        with cell.lock:
            cell.n += amount
        self.done.append(amount)


def test_operations_and_invariants_are_found_in_order_with_their_weights():
    assert list(Counts.operations()) == ["add", "look"]
    assert Counts.operations()["look"].weight == 3
    assert [each.name for each in Counts.invariants()] == ["nothing_lost"]


def test_the_same_seed_draws_the_same_programs_and_another_draws_others():
    one, same, other = (draw(Counts, seed=seed, count=30, clients=3, steps=3) for seed in (1, 1, 2))
    assert one == same != other


def test_the_simplest_program_comes_first():
    program = draw(Counts, seed=1, count=5, clients=3, steps=3)[0]
    assert program == ((call("add", amount=1),), (call("add", amount=1),))


def test_scenarios_come_before_what_is_drawn():
    class Given(Counts):
        scenarios: ClassVar = (parallel([call("look"), call("look")], call("add", amount=3)),)

    assert draw(Given, seed=1, count=3, clients=2, steps=1)[0] == Given.scenarios[0]


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(st.lists(st.dictionaries(st.sampled_from("abc"), plain_values), max_size=3), max_size=3))
def test_programs_are_written_and_read_without_loss(clients):
    program = tuple(tuple(call("op", **arguments) for arguments in each) for each in clients)
    assert from_literal(to_literal(program)) == program


def test_exploring_finds_a_lost_update_and_passes_its_repair():
    broken = run(Counts, backend=MEMORY, schedules=50, shrink=False)
    right = run(CountsRight, backend=MEMORY, schedules=50)
    assert (broken.outcome, broken.failure.violation.property) == ("failed", "nothing_lost")
    assert right.outcome == "passed", right.reason


def test_stress_finds_a_lost_update_and_passes_its_repair():
    class Meets(Counts):
        """Both have read before either writes: the race happens each time."""

        scenarios: ClassVar = (parallel(call("add", amount=1), call("add", amount=1)),)

        def setup(self, cell):
            self.met = threading.Barrier(2)

        @operation(amount=st.integers(1, 3))
        def add(self, cell, amount):
            n = cell.get()
            self.met.wait()
            cell.put(n + amount)
            self.done.append(amount)

    class MeetsRight(Meets):
        @operation(amount=st.integers(1, 3))
        def add(self, cell, amount):
            self.met.wait()
            with cell.lock:
                cell.n += amount
            self.done.append(amount)
            self.met.wait()

    broken = run(Meets, backend=MEMORY, schedules=1, mode="stress")
    right = run(MeetsRight, backend=MEMORY, schedules=1, mode="stress")
    assert (broken.outcome, broken.failure.violation.property) == ("failed", "nothing_lost")
    assert broken.certificate["overlap"]["most_in_flight"] == 2
    assert right.outcome == "passed", right.reason


def test_preconditions_skip_calls():
    class Never(Counts):
        @operation(precondition=lambda self: False)
        def look(self, cell):
            raise AssertionError("never called")

    assert "look" in Never.operations()
    result = run(Never, backend=MEMORY, schedules=10, shrink=False)
    assert "look" not in {op.op for op in (result.failure.history.operations if result.failure else ())}


def test_coroutines_are_operations_too():
    class Async(CountsRight):
        @operation
        async def look(self, cell):
            return cell.get()

    assert run(Async, backend=MEMORY, schedules=10).outcome == "passed"


def test_a_model_judges_the_history():
    class Stale(CountsRight):
        model: ClassVar = own_model(
            lambda state, op, args, result: (
                (True, state + args[0]) if op == "add" else (result == state, state)
            ),
            0,
            name="sum",
        )

        def open(self, backend):
            self.old = None
            return super().open(backend)

        @operation
        def look(self, cell):
            now = cell.get()
            self.old, shown = now, now if self.old is None else self.old
            return shown

    result = run(Stale, backend=MEMORY, schedules=100, shrink=False)
    assert result.failure.violation.property == "linearizable"


class TestWhatIsWrong:
    """One clear sentence each; never green, never a traceback."""

    def refused(self, workload, **options):
        with pytest.raises(WorkloadError) as caught:
            run(workload, backend=MEMORY, schedules=5, **options)
        assert "\n" not in str(caught.value).strip().split("  ")[0]
        return str(caught.value)

    def test_no_operation(self):
        assert "no @operation" in self.refused(type("Empty", (Workload,), {}))

    def test_open_is_missing(self):
        class NoOpen(Workload):
            @operation
            def look(self, system):
                pass

        assert "does not define open" in self.refused(NoOpen)

    def test_open_fails(self):
        class Fails(Counts):
            def open(self, backend):
                raise OSError("no such place")

        assert self.refused(Fails) == "Fails.open fails on memory: OSError: no such place"

    def test_setup_fails(self):
        class Fails(Counts):
            def setup(self, cell):
                raise KeyError("x")

        assert self.refused(Fails) == "Fails.setup fails: KeyError: 'x'"

    @pytest.mark.parametrize("mode", ["explore", "stress"])
    def test_an_invariant_that_breaks(self, mode):
        class Breaks(CountsRight):
            @invariant
            def broken(self, cell):
                raise KeyError("x")

        assert self.refused(Breaks, mode=mode) == "invariant broken raised KeyError: 'x'"

    def test_a_model_that_raises(self):
        def step(state, op, args, result):
            raise ZeroDivisionError("by design")

        class Breaks(CountsRight):
            model: ClassVar = own_model(step, 0, name="mine")

        with pytest.raises(Exception, match="mine") as caught:
            run(Breaks, backend=MEMORY, schedules=3)
        assert hasattr(caught.value, "code")

    def test_an_argument_that_cannot_be_replayed(self):
        class Objects(CountsRight):
            @operation(what=st.builds(object))
            def use(self, cell, what):
                pass

        assert "cannot be written into a replay" in self.refused(Objects)

    @pytest.mark.parametrize("mode", ["explore", "stress"])
    def test_a_result_that_cannot_be_recorded(self, mode):
        class Returns(CountsRight):
            @operation
            def look(self, cell):
                cell.get()
                return object()

        class Judged(Returns):
            model: ClassVar = own_model(lambda state, op, args, result: (True, state), 0)

        with pytest.raises(Exception, match="cannot be recorded"):
            run(Judged, backend=MEMORY, schedules=5, mode=mode)

    def test_an_exception_that_nobody_expects_is_a_failure(self):
        class Raises(CountsRight):
            @operation
            def look(self, cell):
                cell.get()
                raise KeyError("gone")

        result = run(Raises, backend=MEMORY, schedules=5, shrink=False)
        assert result.outcome == "failed"
        assert result.failure.violation.property == "no unexpected error"
        assert "KeyError" in result.failure.reason

    def test_an_expected_exception_is_a_refusal(self):
        class Refuses(CountsRight):
            expected: ClassVar = (KeyError,)

            @operation
            def look(self, cell):
                cell.get()
                raise KeyError("gone")

        result = run(Refuses, backend=MEMORY, schedules=10)
        assert result.outcome == "passed"
        assert result.certificate["operations"]["fail"] > 0

    def test_nothing_checked_is_never_passed(self):
        class Unchecked(Workload):
            def open(self, backend):
                return Cell()

            @operation
            def look(self, cell):
                return cell.get()

        result = run(Unchecked, backend=MEMORY, schedules=3)
        assert (result.outcome, "nothing was checked" in result.reason) == ("inconclusive", True)

    def test_no_overlap_is_never_passed(self):
        result = run(CountsRight, backend=MEMORY, schedules=3, clients=1)
        assert (result.outcome, "overlapped" in result.reason) == ("inconclusive", True)

    @pytest.mark.parametrize("mode", ["explore", "stress"])
    def test_a_workload_that_hangs_is_bounded_and_tells_where_it_stands(self, mode):
        stuck = threading.Lock()

        class Hangs(Counts):
            limit_seconds: ClassVar = 0.5

            @operation(amount=st.integers(1, 3))
            def add(self, cell, amount):
                with stuck:
                    pass

            @operation
            def look(self, cell):
                with stuck:
                    pass

        with stuck:
            result = run(Hangs, backend=MEMORY, schedules=2, mode=mode)
        assert result.outcome == "inconclusive"
        assert "did not finish within 0.5 s" in result.reason
        assert "with stuck" in result.reason

    def test_clients_that_wait_for_what_never_comes_have_failed(self):
        class Waits(Counts):
            limit_seconds: ClassVar = 2.0

            def setup(self, cell):
                self.never = threading.Event()

            @operation(amount=st.integers(1, 3))
            def add(self, cell, amount):
                self.never.wait()

        result = run(Waits, backend=MEMORY, schedules=20, shrink=False)
        assert (result.outcome, result.failure.violation.property) == ("failed", "progress")
        assert "self.never.wait()" in result.failure.violation.detail

    def test_an_option_that_makes_no_sense(self):
        for options in ({"mode": "wild"}, {"schedules": 0}, {"orders": "none"}, {"nonsense": 1}):
            with pytest.raises(ConfigError):
                run(CountsRight, backend=MEMORY, **{"schedules": 2, **options})

    def test_weights_and_times_that_make_no_sense(self):
        with pytest.raises(WorkloadError, match="at least 1"):
            operation(weight=0)
        with pytest.raises(WorkloadError, match="'sometimes'"):
            invariant(when="sometimes")


class TestReferences:
    def test_a_file_and_a_module(self, tmp_path):
        file = tmp_path / "mine.py"
        file.write_text("from planproof.race import Workload\nclass Mine(Workload): pass\n")
        assert load_workload(f"{file}:Mine").__name__ == "Mine"
        assert load_workload("planproof.race.workload:Workload") is Workload

    @pytest.mark.parametrize(
        ("reference", "told"),
        [
            ("nonsense", "neither MODULE:Class"),
            ("no.such.module:X", "cannot be imported"),
            ("nowhere.py:X", "no such workload file"),
            ("planproof.race.workload:Nothing", "has no Nothing"),
            ("planproof.race.workload:Operation", "is no Workload"),
        ],
    )
    def test_what_is_wrong_is_said(self, reference, told):
        with pytest.raises(WorkloadError, match=told):
            load_workload(reference)

    def test_a_file_that_does_not_import(self, tmp_path):
        (tmp_path / "bad.py").write_text("1 / 0\n")
        with pytest.raises(WorkloadError, match="importing it fails: ZeroDivisionError"):
            load_workload(f"{tmp_path / 'bad.py'}:X")


class TestTestCase:
    def test_it_is_a_unittest_of_the_workload(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        for workload, failed in ((Counts, True), (CountsRight, False)):
            case = workload.TestCase
            assert issubclass(case, unittest.TestCase)
            assert case is workload.TestCase
            result = unittest.TestResult()
            case().run(result)
            assert bool(result.failures) is failed, result.errors
            assert not result.errors
            if failed:
                assert "nothing_lost" in result.failures[0][1]
                assert "planproof race replay" in result.failures[0][1]

    def test_two_workloads_have_two(self):
        assert Counts.TestCase is not CountsRight.TestCase


def test_under_stress_the_history_goes_to_disk_and_stays_only_where_something_broke(tmp_path):
    class Lies(CountsRight):
        @invariant(when="rest")
        def never(self, cell):
            raise AssertionError("never")

    run(CountsRight, backend=MEMORY, schedules=2, mode="stress", folder=tmp_path)
    assert list(tmp_path.glob("history_*.jsonl")) == []
    result = run(Lies, backend=MEMORY, schedules=2, mode="stress", folder=tmp_path, shrink=False)
    [kept] = tmp_path.glob("history_*.jsonl")
    assert len(read_lines(kept).operations) == len(result.failure.history.operations)


def test_an_argument_without_a_strategy_is_said_where_it_is_declared():
    with pytest.raises(
        WorkloadError, match="from a Hypothesis strategy or taken from a bundle, not from a list"
    ):
        operation(x=[1, 2])


class TestArguments:
    """A model and the record take arguments by their place."""

    class Swaps(Workload):
        backends: ClassVar = (BackendKind.MEMORY,)
        model = own_model(lambda state, _op, args, _result: (args[0] == "old", state), 0)
        scenarios: ClassVar = (parallel(call("swap", new=2, old="old"), call("swap", old="old", new=1)),)

        def open(self, backend):
            return Cell()

        @operation(new=st.integers(), old=st.just("old"))
        def swap(self, cell, old, new):
            cell.get()

    def test_they_come_in_the_order_of_the_method_however_they_are_written(self):
        programs = draw(self.Swaps, seed=1, count=20, clients=2, steps=2)
        assert all(each.values[0] == "old" for program in programs for client in program for each in client)

    @pytest.mark.parametrize("orders", ["auto", "all"])
    def test_a_model_gets_them_so(self, orders):
        result = run(self.Swaps, backend=MEMORY, schedules=30, orders=orders)
        assert result.outcome == "passed", result.failure and result.failure.reason

    def test_a_replay_gets_them_so(self):
        program = from_literal([[["swap", {"new": 1, "old": "old"}]], [["swap", {"new": 2, "old": "old"}]]])
        assert [each.values for (each,) in checked(self.Swaps, program)] == [("old", 1), ("old", 2)]

    @pytest.mark.parametrize("orders", ["auto", "all"])
    def test_a_scenario_with_other_arguments_is_refused(self, orders):
        class Misspelt(self.Swaps):
            scenarios: ClassVar = (parallel(call("swap", old="old", now=2), call("swap", old="old", new=1)),)

        with pytest.raises(WorkloadError, match="cannot be asked for swap"):
            run(Misspelt, backend=MEMORY, orders=orders)

    @pytest.mark.parametrize("wrong", ["swap", ("swap",), call("swap", old="old", new=2), (), ((), ())])
    def test_what_is_no_scenario_is_refused(self, wrong):
        class Wrong(self.Swaps):
            scenarios: ClassVar = (wrong,)

        with pytest.raises(
            WorkloadError, match="holds what is no scenario; that is a call, or a list of calls"
        ):
            run(Wrong, backend=MEMORY)


class TestNothingWasStopped:
    """Threads that make no call, take no lock and wait for nothing run one after the other."""

    class Unlocked(Workload):
        backends: ClassVar = (BackendKind.MEMORY,)

        def open(self, backend):
            return {"n": 0}

        @operation
        def add(self, cell):
            cell["n"] += 1

        @invariant
        def not_negative(self, cell):
            assert cell["n"] >= 0

    @pytest.mark.parametrize("orders", ["auto", "all"])
    def test_that_is_no_race(self, orders):
        result = run(self.Unlocked, backend=MEMORY, schedules=20, orders=orders)
        assert result.outcome == "inconclusive"
        assert "no two operations of different clients ever overlapped" in result.reason
        assert "explore stops a client where it calls a store" in result.reason

    def test_what_was_cut_since_all_that_follows_was_tried_is_not_unknown(self):
        result = run(CountsRight, backend=MEMORY, schedules=40, seed=7)
        assert result.outcome == "passed"
        assert result.certificate["operations"]["info"] == 0
