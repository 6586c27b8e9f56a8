"""Workloads with a mistake in them: one clear sentence, never a hang, never green."""

from __future__ import annotations

import threading
from typing import ClassVar

import pytest
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.errors import WorkloadError
from planproof.race import Workload, call, invariant, operation, parallel, run
from planproof.race.models import CasRegister
from planproof.race.report import failure_text


MEMORY = Backend(BackendKind.MEMORY, "memory://")


class Adds(Workload):
    """Right: it adds under a lock."""

    scenarios: ClassVar = (parallel(call("add"), call("add")),)

    def open(self, backend):
        self.n = 0
        return threading.Lock()

    @operation
    def add(self, lock):
        with lock:
            self.n += 1

    @invariant
    def never_negative(self, lock):
        assert self.n >= 0


@pytest.fixture(params=["explore", "stress"])
def outcome(request):
    def of(workload):
        return run(workload, backend=MEMORY, schedules=5, mode=request.param, shrink=False)

    return of


def workload(**declared):
    return type("Mistaken", (Adds,), declared)


class TestDeclarations:
    @pytest.mark.parametrize(
        ("declared", "sentence"),
        [
            ({"model": "register"}, "Mistaken.model is an object such as CasRegister()"),
            ({"model": CasRegister}, "Mistaken.model is an object such as CasRegister()"),
            ({"expected": ("SoldOut",)}, "Mistaken.expected holds exceptions, and 'SoldOut' is none"),
            ({"expected": (ValueError, 3)}, "Mistaken.expected holds exceptions, and 3 is none"),
            (
                {"faults": ("Pause",)},
                "Mistaken.faults are objects such as Pause(client=0), and 'Pau",
            ),
            ({"clients": 0}, "Mistaken.clients is at least 1, not 0"),
            ({"steps": 0}, "Mistaken.steps is at least 1, not 0"),
            (
                {"__init__": lambda self, url: None},
                "Mistaken is made without arguments, and that fails: T",
            ),
        ],
    )
    def test_each_is_one_sentence(self, outcome, declared, sentence):
        with pytest.raises(WorkloadError) as told:
            outcome(workload(**declared))
        assert sentence in told.value.message
        assert "\n" not in told.value.message

    def test_one_exception_may_stand_alone(self, outcome):
        class Refuses(Adds):
            scenarios: ClassVar = (parallel([call("add"), call("refuse")], call("add")),)
            expected: ClassVar = ValueError

            @operation
            def refuse(self, lock):
                raise ValueError("no")

        assert outcome(Refuses).certificate["operations"]["fail"]

    def test_an_argument_without_a_value_is_told(self, outcome):
        class Empty(Adds):
            @operation(n=st.nothing())
            def put(self, lock, n):
                pass

        with pytest.raises(WorkloadError, match="argument 'n' of operation 'put' can have no value"):
            outcome(Empty)

    def test_a_strategy_that_raises_is_told(self, outcome):
        class Raises(Adds):
            scenarios: ClassVar = ()

            @operation(n=st.integers().map(lambda n: n / 0))
            def put(self, lock, n):
                pass

        with pytest.raises(WorkloadError, match="arguments of Raises cannot be drawn: ZeroDivisionError"):
            outcome(Raises)

    def test_what_a_hook_raises_is_told_on_one_line(self, outcome):
        def opens(self, backend):
            raise OSError("no\nway")

        with pytest.raises(WorkloadError, match="open fails on memory: OSError: no way"):
            outcome(workload(open=opens))


class TestOperations:
    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_one_that_would_end_its_thread_is_a_failure(self, outcome, kind):
        class Leaves(Adds):
            @operation
            def add(self, lock):
                with lock:
                    raise kind

        failure = outcome(Leaves).failure
        assert failure.violation.property == "no unexpected error"
        assert f"raised {kind.__name__}" in failure.violation.message

    def test_a_coroutine_that_leaves_is_a_failure(self, outcome):
        class Leaves(Adds):
            @operation
            async def add(self, lock):
                raise SystemExit(3)

        assert "raised SystemExit: 3" in outcome(Leaves).failure.violation.message

    def test_pytest_fail_denies_like_an_assert(self, outcome):
        class Fails(Adds):
            @operation
            def add(self, lock):
                with lock:
                    pytest.fail("not so")

        assert outcome(Fails).failure.reason == "add: not so"


def of(function, when="always"):
    function.__name__ = "odd"
    return workload(odd=invariant(when=when)(function))


def test_a_round_that_hangs_tells_where_the_application_stands():
    class Hangs(Adds):
        limit_seconds = 1.0

        @operation
        def add(self, lock):
            self.started = threading.Event()
            self.started.wait()

    result = run(Hangs, backend=MEMORY, schedules=1, mode="stress")
    assert result.outcome == "inconclusive"
    assert "client 0, client 1 did not finish within 1 s" in result.reason
    assert "add: self.started.wait()" in result.reason
    assert "planproof/race/" not in result.reason.replace("tests/unit/race/", "")


class TestInvariants:
    def test_pytest_fail_denies_like_an_assert(self, outcome):
        assert outcome(of(lambda self, lock: pytest.fail("not so"))).failure.reason == "odd: not so"

    @pytest.mark.parametrize("said", [True, False])
    def test_one_that_returns_a_bool_asserts_nothing(self, outcome, said):
        with pytest.raises(WorkloadError, match="invariant odd returns a bool: let it assert that"):
            outcome(of(lambda self, lock: said))

    @pytest.mark.parametrize("kind", [SystemExit, GeneratorExit])
    def test_one_that_would_end_the_observer_is_told(self, outcome, kind):
        def odd(self, lock):
            raise kind

        with pytest.raises(WorkloadError, match=f"invariant odd raised {kind.__name__}"):
            outcome(of(odd))

    def test_one_that_cannot_look_at_rest_is_told(self, outcome):
        def odd(self, lock):
            raise TimeoutError("slow")

        with pytest.raises(WorkloadError, match="odd cannot look though every client is done: TimeoutErr"):
            outcome(of(odd, when="rest"))

    def test_one_that_never_holds_is_found_before_anything_was_called(self):
        def odd(self, lock):
            assert False, "never"  # noqa: B011, PT015 - an invariant that cannot hold

        result = run(of(odd), backend=MEMORY)
        assert result.failure.reason.startswith("odd: never")
        assert "  before any client made a call" in failure_text(result.failure, result.certificate)
