"""TEST_001: the store (S1.SC-001 to SC-004) on memory; the conformance suite repeats it on every store."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import sessionkeeper
from sessionkeeper import Keeper, LoginKind, ManualClock, SessionStore, TokenMint, open_store
from sessionkeeper.stores.memory import InMemorySessionStore


PEPPER = b"a pepper for tests, 32 bytes long"


@pytest.fixture
def clock():
    return ManualClock(1_000_000.0)


@pytest.fixture
def store(clock):
    return InMemorySessionStore(clock=clock)


def session_for(store, clock, user="ann"):
    return Keeper(store, TokenMint(PEPPER), clock=clock).prepare(user, LoginKind.DIRECT)[0]


def test_sc_001_create_stores_the_timestamp(store, clock):
    session = session_for(store, clock)
    store.create(session)
    stored = store.read(session.session_id)
    assert (stored.created_at, stored.last_used_at) == (1_000_000.0, 1_000_000.0)


def test_sc_002_reading_an_expired_session_returns_none(store, clock):
    session = session_for(store, clock)
    store.create(session)
    clock.advance(3599.9)
    assert store.read(session.session_id) is not None
    clock.advance(0.1)
    assert store.read(session.session_id) is None


def test_sc_003_cleanup_removes_only_expired_sessions(store, clock):
    old = session_for(store, clock)
    store.create(old)
    clock.advance(2000)
    young = session_for(store, clock)
    seated = store.create(young).session
    clock.advance(2000)
    assert store.cleanup().sessions == 1
    assert (store.find(old.session_id), store.find(young.session_id)) == (None, seated)


def test_sc_004_concurrent_access_is_safe(store, clock):
    keeper = Keeper(store, TokenMint(PEPPER), clock=clock)
    faults = []

    def work(user):
        try:
            for _ in range(50):
                session = keeper.prepare(user, LoginKind.DIRECT)[0]
                store.create(session)
                assert len(store.sessions_of(user)) <= store.limit
                store.delete(session.session_id)
                store.cleanup()
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            faults.append(error)

    threads = [threading.Thread(target=work, args=(f"user{number % 3}",)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [store.sessions_of(f"user{number}") for number in range(3)] == [(), (), ()]
    assert store._users == store._owners == {}


def test_the_protocol_names_no_type_of_a_backend():
    from sessionkeeper import store as module

    names = {name for name in vars(SessionStore) if not name.startswith("_")}
    assert {"create", "read", "update", "delete", "cleanup"} <= names
    assert not {"redis", "sqlite3", "psycopg", "boto3"} & set(vars(module))
    assert all(callable(getattr(SessionStore, name)) for name in names - {"limit"})


PROGRAM = """
import sys
before = set(sys.modules)
import sessionkeeper
for url in sys.argv[1:]:
    sessionkeeper.open_store(url, clock=sessionkeeper.SystemClock())
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded - set(sys.stdlib_module_names) - {"sessionkeeper"}))
"""


def test_memory_and_sqlite_import_nothing_but_the_standard_library(tmp_path):
    source = Path(sessionkeeper.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, "memory://", f"sqlite:///{tmp_path}/x.db"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(source)},
    )
    assert ran.stdout.strip() == "[]"


def test_a_store_is_chosen_by_its_address(clock):
    assert isinstance(open_store("memory://", clock=clock), InMemorySessionStore)
