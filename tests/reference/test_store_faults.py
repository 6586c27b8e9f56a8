"""Stores that are down, slow, cut off or answer too late: a domain error each, and nothing lost."""

from __future__ import annotations

import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.reference.conftest import place_of
from tests.reference.door import Door
from tests.reference.places import PEPPER, START, System
from tests.unit.sessionkeeper.aws_faults import LOST, Wire, refusal

import sessionkeeper
from sessionkeeper import (
    Keeper,
    ManualClock,
    RaceReason,
    SessionKeeperError,
    SessionLimitRaceError,
    SessionManager,
    StoreUnavailableError,
    SystemClock,
    TokenMint,
    TooManyGuessesError,
    create_session_with_limit_enforcement,
    open_store,
)
from sessionkeeper.data_access.exceptions import RateLimitExceededError, RetryableError
from sessionkeeper.stores import bounded, sqlite


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", marks=pytest.mark.postgres),
        pytest.param("dynamodb://127.0.0.1:1", marks=pytest.mark.dynamodb),
        "sqlite:////no/such/folder/sessions.db",
        "sqlite:////",
    ],
)
def test_a_store_that_is_not_there(url):
    with pytest.raises(StoreUnavailableError) as caught:
        open_store(url, clock=SystemClock())
    assert (caught.value.retriable, caught.value.http_status) == (True, 503)


class TestSqlite:
    def test_a_file_that_is_no_database(self, tmp_path):
        path = tmp_path / "sessions.db"
        path.write_text("a shopping list, " * 100)
        with pytest.raises(StoreUnavailableError):
            open_store(f"sqlite:///{path}", clock=SystemClock())
        assert path.read_text().startswith("a shopping list")

    def test_a_writer_of_another_process_that_does_not_let_go(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.01)
        path = tmp_path / "sessions.db"
        system = Keeper(open_store(f"sqlite:///{path}", clock=SystemClock()), TokenMint(PEPPER))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SessionLimitRaceError) as caught:
            system.store.create(system.prepare("ann", "direct")[0])
        assert caught.value.reason is RaceReason.BUSY
        assert system.store.sessions_of("ann") == ()  # readers are not held up
        other.execute("ROLLBACK")
        assert create_session_with_limit_enforcement(system, "ann")
        other.close()

    def test_a_writer_that_forgets_the_law_meets_the_key(self, tmp_path):
        path = tmp_path / "sessions.db"
        system = Keeper(open_store(f"sqlite:///{path}", clock=SystemClock()), TokenMint(PEPPER))
        create_session_with_limit_enforcement(system, "ann")
        forgetful = sqlite3.connect(path)
        with pytest.raises(sqlite3.IntegrityError):
            forgetful.execute(
                "INSERT INTO sessions SELECT 'x', user_id, login, created_at, last_used_at, expires_at,"
                " ends_at, access_hash, 'x', previous_hash, rotated_at, client, attributes, slot, version"
                " FROM sessions"
            )
        forgetful.close()


@pytest.mark.postgres
class TestPostgres:
    @pytest.fixture
    def system(self):
        return System.at(self.place)

    @pytest.fixture(autouse=True)
    def _place(self, request):
        self.place = place_of("postgres", request)
        yield
        self.place.close()

    def cut(self, system):
        """Cut every connection of the store, as a restart of the server does."""
        import psycopg

        store = system.store
        with store._lent() as one, store._lent() as other:
            processes = [one.info.backend_pid, other.info.backend_pid]
        with psycopg.connect(store._url, autocommit=True) as connection:
            for process in processes:
                connection.execute("SELECT pg_terminate_backend(%s, 5000)", (process,))

    def test_connections_that_were_cut_cost_one_answer_and_no_more(self, system):
        login = system.login()
        self.cut(system)
        with pytest.raises(StoreUnavailableError):
            system.store.sessions_of("ann")
        assert system.live() == [login.session.session_id]

    def test_a_login_that_was_cut_is_repeated(self, system):
        for _ in range(5):
            system.login()
        self.cut(system)
        with pytest.raises(StoreUnavailableError):
            system.login(request_id="r1")
        first = system.login(request_id="r1")
        assert system.login(request_id="r1").tokens == first.tokens
        assert len(system.live()) == 5

    def test_a_lock_that_is_not_let_go_is_a_race(self, system):
        import psycopg

        system.login()
        with psycopg.connect(system.store._url) as other:
            other.execute(f"SET search_path TO {system.store._schema}")
            other.execute("SELECT 1 FROM session_users WHERE user_id = 'ann' FOR UPDATE")
            with system.store._lent() as connection:
                connection.execute("SET lock_timeout = '50ms'")
            with pytest.raises(SessionLimitRaceError) as caught:
                system.store.create(system.keeper.prepare("ann", "direct")[0])
        assert caught.value.reason is RaceReason.BUSY
        assert system.login()

    def test_a_server_that_is_too_slow_is_not_waited_for(self, system):
        import psycopg

        login = system.login()
        with system.store._lent() as connection:
            connection.execute("SET statement_timeout = '60ms'")
        with psycopg.connect(system.store._url) as other:
            other.execute(f"LOCK TABLE {system.store._schema}.sessions IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailableError) as caught:
                system.login()
        assert (caught.value.http_status, caught.value.retriable) == (503, True)
        assert system.live() == [login.session.session_id]

    @pytest.fixture(params=["the driver's limit", "ours, for a driver that has none"])
    def door(self, request, monkeypatch):
        monkeypatch.setattr(bounded.BoundedConnection, "answer_timeout", 0.5)
        if request.param.startswith("ours"):
            monkeypatch.setattr(bounded, "_DRIVER_HAS_LIMIT", False)
        with Door(self.place.url) as door:
            yield door

    def behind(self, door):
        clock = ManualClock(START)
        store = open_store(door.url, clock=clock, namespace=self.place.namespace)
        self.place.stores.append(store)
        return System(Keeper(store, TokenMint(PEPPER), clock=clock), clock)

    def test_a_server_that_falls_silent_is_not_waited_for_without_end(self, door):
        """Its own time limits say nothing while it is frozen, or behind a network that swallows packets."""
        system = self.behind(door)
        login = system.login()
        door.silent_after(b"SELECT")
        with pytest.raises(StoreUnavailableError) as caught:
            system.live()
        assert (caught.value.http_status, caught.value.retriable) == (503, True)
        door.answer()
        assert system.live() == [login.session.session_id]

    def test_a_commit_whose_answer_is_lost_and_a_caller_who_repeats(self, door):
        system = self.behind(door)
        for _ in range(5):
            system.login()
        door.silent_after(b"COMMIT")
        with pytest.raises(StoreUnavailableError):
            system.login(request_id="mine")
        door.answer()
        before = system.live()  # it had been committed
        again = system.login(request_id="mine")
        assert again.replayed
        assert system.live() == before
        assert before[-1] == again.session.session_id
        assert len(before) == 5

    def test_a_user_row_that_cleanup_removed_is_made_again(self, system):
        login = system.login()
        system.manager.logout(login.tokens.access)
        system.store.cleanup()
        with system.store._lent() as connection:
            assert connection.execute("SELECT count(*) FROM session_users").fetchone() == (0,)
        assert system.login()
        assert len(system.live()) == 1


@pytest.mark.dynamodb
class TestDynamoDB:
    @pytest.fixture
    def system(self, request):
        place = place_of("dynamodb", request)
        yield System.at(place, clock=ManualClock(START))
        place.close()

    def test_a_reply_that_is_lost_is_asked_for_again_with_the_same_token(self, system):
        for _ in range(5):
            system.login()
        second = system.store.sessions_of("ann")[1]
        wire = Wire(system.store._client)
        wire.next("TransactWriteItems", LOST)
        login = system.login()
        assert wire.count("TransactWriteItems") == 2
        assert len(login.ended) == 1
        assert system.store.sessions_of("ann")[0] == second  # one eviction, not two

    def test_a_store_that_stays_silent_and_a_caller_who_repeats(self, system):
        for _ in range(5):
            system.login()
        second = system.store.sessions_of("ann")[1]
        wire = Wire(system.store._client)
        wire.next("TransactWriteItems", LOST, LOST, LOST)
        with pytest.raises(StoreUnavailableError):
            system.login(request_id="r1")
        login = system.login(request_id="r1")
        assert login.replayed
        assert system.store.sessions_of("ann")[0] == second
        assert SessionManager(system.keeper).validate(login.tokens.access)

    @pytest.mark.parametrize(
        "fault",
        [
            refusal("TransactionConflictException"),
            refusal("TransactionInProgressException"),
            refusal("ThrottlingException"),
            refusal(
                "TransactionCanceledException",
                CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}],
            ),
            refusal(
                "TransactionCanceledException",
                CancellationReasons=[{"Code": "ProvisionedThroughputExceeded"}, {"Code": "None"}],
            ),
            refusal("InternalServerError", status=500),
        ],
        ids=["conflict", "in-progress", "throttled", "cancelled-conflict", "cancelled-throttled", "server"],
    )
    def test_what_passes_by_itself_never_reaches_the_caller(self, system, fault):
        wire = Wire(system.store._client)
        wire.next("TransactWriteItems", fault, fault)
        login = system.login()
        assert wire.count("TransactWriteItems") == 3  # and nothing was sent behind our back
        assert system.live() == [login.session.session_id]


@pytest.mark.parametrize(
    "error",
    [
        SessionLimitRaceError("ann", RaceReason.BUSY, retry_after=3),
        TooManyGuessesError("slowly", retry_after=7),
        RateLimitExceededError("too many", retry_after=9),
        RetryableError("later", aws_code="X", outcome_unknown=True),
        StoreUnavailableError("down"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_crosses_a_process_boundary_whole(error):
    back = pickle.loads(pickle.dumps(error))
    assert isinstance(back, SessionKeeperError)
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


FORKS = """
import os, sys
from sessionkeeper import (
    Keeper, LoginKind, SystemClock, TokenMint, create_session_with_limit_enforcement, open_store
)

store = open_store(sys.argv[1], clock=SystemClock(), namespace=sys.argv[2])
keeper = Keeper(store, TokenMint(b"p" * 32))
made = keeper.prepare("ann", LoginKind.DIRECT)[0]
store.create(made)
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        own = [store.find(made.session_id) for _ in range(30)]
        create_session_with_limit_enforcement(keeper, "ann")  # all at once, so that some lose a race
        os._exit(0 if {each.session_id for each in own} == {made.session_id} else 2)
    children.append(child)
own = [store.find(made.session_id) for _ in range(30)]
assert {each.session_id for each in own} == {made.session_id}
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
assert len(store.sessions_of("ann")) == 4
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_children_of_a_process_go_on_with_its_store(place):
    """A server that opens its store and then forks its workers: each opens connections of its own."""
    if place.kind == "memory":
        pytest.skip("each process has a memory of its own")
    place.open(SystemClock())
    line = [sys.executable, "-c", FORKS, place.url, place.namespace]
    found = {**os.environ, "PYTHONPATH": str(Path(sessionkeeper.__file__).parents[1])}
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60, env=found)
    assert (done.returncode, done.stderr) == (0, "")
