"""Bundles: a call takes what an earlier call returned; in scenarios, drawn programs, replays, small runs."""

from __future__ import annotations

import threading
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.errors import WorkloadError
from planproof.interfaces.cli.main import run as cli
from planproof.race import Bundle, Workload, call, invariant, operation, parallel, run
from planproof.race.bundles import Reference, Values
from planproof.race.program import Call, draw, from_literal, to_literal
from planproof.race.replay import read_replay


MEMORY = Backend(BackendKind.MEMORY, "memory://")
SQLITE = Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule")

SOURCE = '''
import sqlite3
from planproof.race import Bundle, Workload, call, invariant, operation, parallel

sessions = Bundle("sessions")

class Gone(Exception):
    pass

class Sessions(Workload):
    """A refresh looks, then writes: it brings a revoked session back to life."""
    expected = (Gone,)
    clients = 3
    {scenarios}

    def open(self, backend):
        self.path = backend.url.removeprefix("sqlite:///")
        self.revoked = []
        db = self.connect()
        db.execute("CREATE TABLE s (id INTEGER PRIMARY KEY, live INTEGER)")
        return db

    def connect(self):
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def attach(self, backend):
        self.path = backend.url.removeprefix("sqlite:///")
        self.revoked = []
        return self.connect()

    {setup}

    @operation(target=sessions)
    def login(self, system):
        return self.connect().execute("INSERT INTO s (live) VALUES (1)").lastrowid

    @operation(session=sessions)
    def refresh(self, system, session):
        db = self.connect()
        if not db.execute("SELECT live FROM s WHERE id = ?", (session,)).fetchone()[0]:
            raise Gone
        db.execute("UPDATE s SET live = 1 WHERE id = ?", (session,))

    @operation(session=sessions)
    def revoke(self, system, session):
        self.connect().execute("UPDATE s SET live = 0 WHERE id = ?", (session,))
        self.revoked.append(session)

    @invariant(when="rest")
    def revoked_stays_revoked(self, system):
        live = {{row[0] for row in system.execute("SELECT id FROM s WHERE live = 1")}}
        assert not live & set(self.revoked), f"session {{min(live & set(self.revoked))}} lives again"
'''
SCENARIO = (
    'scenarios = (parallel([call("login"), call("login"), call("refresh", session=sessions[1])], '
    '[call("login"), call("revoke", session=sessions[1])]),)'
)
SETUP = "def setup(self, system): self.give(sessions, self.login(system))"


@pytest.fixture
def race(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(scenarios="", setup=""):
        (tmp_path / "sessions.py").write_text(SOURCE.format(scenarios=scenarios, setup=setup))
        return f"{tmp_path / 'sessions.py'}:Sessions"

    return write


@pytest.mark.parametrize("scenarios", ["", SCENARIO], ids=["drawn", "scenario"])
@pytest.mark.parametrize("setup", ["", SETUP], ids=["alone", "with-setup"])
def test_the_race_of_revoke_and_refresh_is_found_and_small(race, scenarios, setup):
    result = run(race(scenarios, setup), backend=SQLITE, schedules=200, seed=5)
    assert result.outcome == "failed", result.reason
    operations, clients, switches = result.failure.size
    assert (operations, clients) == ((2, 2) if setup else (3, 2))
    assert switches <= 3
    text = " ".join(str(each) for calls in result.failure.program for each in calls)
    assert "refresh(session=sessions[0])" in text
    assert "revoke(session=sessions[0])" in text


def test_the_same_seed_finds_the_same(race):
    found = [run(race(), backend=SQLITE, schedules=200, seed=9).failure for _ in range(2)]
    assert found[0].program == found[1].program
    assert found[0].choices == found[1].choices


def test_the_history_tells_the_value_and_not_the_reference(race):
    failure = run(race("", SETUP), backend=SQLITE, schedules=200, seed=5).failure
    assert {op.args for op in failure.history.operations} == {(1,)}


def test_a_replay_takes_the_values_anew(race, tmp_path):
    result = run(race("", SETUP), backend=SQLITE, schedules=200, seed=5, folder=tmp_path / "races")
    path = result.failure.replay_path
    assert cli(["race", "replay", path]) == 1
    recorded = read_replay(tmp_path / "races" / path.rpartition("/")[2])
    assert from_literal(recorded.program) == result.failure.program


def test_processes_get_what_setup_gave(race):
    result = run(race(SCENARIO, SETUP), backend=SQLITE, schedules=1, mode="stress", processes=True)
    assert result.certificate["operations"]["ok"] >= 3, result.reason


class Tokens(Workload):
    """Nothing is wrong with it."""

    made = Bundle("made")
    backends: ClassVar = (BackendKind.MEMORY,)

    def open(self, backend):
        self.used = []
        return threading.Lock()

    @operation(target=made, name=st.sampled_from(["a", "b"]))
    def make(self, system, name):
        with system:
            return name if name == "a" else None

    @operation(token=made)
    def use(self, system, token):
        with system:
            self.used.append(token)

    @invariant(when="rest")
    def only_what_was_made(self, system):
        assert set(self.used) <= {"a"}


def test_none_is_no_value_and_an_empty_bundle_leaves_the_call_out():
    Tokens.scenarios = (
        parallel([call("make", name="b"), call("use", token=Tokens.made[0])], call("make", name="b")),
    )
    try:
        result = run(Tokens, backend=MEMORY, schedules=500, orders="all")
    finally:
        Tokens.scenarios = ()
    assert result.outcome == "passed", result.reason
    assert result.certificate["exhausted"]
    assert result.certificate["operations"]["ok"] == 2 * result.certificate["schedules"]["run"]


def test_a_drawn_call_comes_after_one_that_fills_its_bundle():
    for program in draw(Tokens, seed=3, count=60, clients=3, steps=4):
        for calls in program:
            names = [each.operation for each in calls]
            assert "use" not in names or "make" in names[: names.index("use")]


def test_an_order_decides_which_value_is_taken(race):
    # The look into a bundle commutes with nothing: a value is there after the call that returned it only.
    scenario = 'scenarios = (parallel(call("login"), call("revoke", session=sessions[0])),)'
    result = run(race(scenario), backend=SQLITE, schedules=100, orders="all")
    assert result.outcome == "passed", result.reason
    done, runs = result.certificate["operations"]["ok"], result.certificate["schedules"]["run"]
    assert runs < done < 2 * runs  # in some orders nothing was there yet, in some there was


@given(st.lists(st.integers(), max_size=5), st.integers(0, 9))
def test_a_reference_is_counted_round(values, index):
    held = Values()
    for value in values:
        held.put("b", value)
    assert held.take(Reference("b", index)) == ((values[index % len(values)],) if values else None)


names = st.text(st.characters(categories=("Ll",)), min_size=1, max_size=4)
arguments = st.dictionaries(
    names, st.one_of(st.integers(), names, st.builds(Reference, names, st.integers(0, 5)))
)


@given(st.lists(st.lists(st.tuples(names, arguments), max_size=3), max_size=3))
def test_programs_with_references_are_written_and_read_back(drawn):
    program = tuple(
        tuple(
            Call(name, tuple(sorted(each.items(), key=lambda item: isinstance(item[1], Reference))))
            for name, each in calls
        )
        for calls in drawn
    )
    assert from_literal(to_literal(program)) == program


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (call("makes"), "Tokens has no operation 'makes'; it has make, use"),
        (call("make", nam="a"), "Tokens cannot be asked for make(nam='a'): "),
        (call("use"), "Tokens cannot be asked for use(): "),
    ],
)
def test_a_scenario_that_cannot_be_run_is_said_before_it_runs(wrong, told):
    class Wrong(Tokens):
        scenarios: ClassVar = (parallel(wrong, wrong),)

    with pytest.raises(WorkloadError, match="Wrong") as caught:
        run(Wrong, backend=MEMORY, schedules=1)
    assert caught.value.message.startswith(told.replace("Tokens", "Wrong"))
