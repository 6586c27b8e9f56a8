"""Under load, on every store: never one too many, nothing lost, nothing back from the dead."""

from __future__ import annotations

import importlib
import multiprocessing
import sys

import pytest
from tests.reference.conftest import place_of
from tests.reference.load import run
from tests.reference.meeting import together
from tests.reference.places import PEPPER, System
from tests.variants import eviction

from sessionkeeper import (
    AuthenticationError,
    Keeper,
    SystemClock,
    TokenMint,
    TokenReuseError,
    create_session_with_limit_enforcement,
    hash_token,
    open_store,
)


pytestmark = pytest.mark.slow


LOGINS = {"memory": 100, "sqlite": 40, "postgres": 40, "dynamodb": 6}


@pytest.fixture(autouse=True)
def switch_often():
    """Let threads change places a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def test_never_more_than_the_limit_and_nothing_lost(place):
    report = run(open_store, place.url, namespace=place.namespace, logins=LOGINS[place.kind])
    assert report.wrongs() == []
    assert len(report.acknowledged) == 8 * LOGINS[place.kind]
    assert report.glances > 5


def variants():
    for name in (*eviction.BROKEN, "placebo"):
        for kind in ("memory", "sqlite"):
            yield kind, name, eviction.open_variant(name), name != "placebo"
    for kind in ("sqlite", "postgres", "dynamodb"):
        try:
            module = importlib.import_module(f"tests.variants.{kind}_designs")
        except ModuleNotFoundError:  # its driver is not installed, and so neither is its store
            continue
        for name in (*module.BROKEN, *module.PLACEBO):
            yield kind, name, module.open_design(name), name in module.BROKEN


def parameters():
    for kind, name, opener, broken in variants():
        marks = [getattr(pytest.mark, kind)] if kind in {"postgres", "dynamodb"} else []
        yield pytest.param(kind, opener, broken, marks=marks, id=f"{kind}-{name}")


@pytest.mark.parametrize(("kind", "opener", "broken"), [*parameters()])
def test_the_watcher_sees_every_broken_design_and_no_placebo(kind, opener, broken, request):
    for _ in range(8 if broken else 1):
        place = place_of(kind, request)
        namespace = place.namespace
        report = run(
            opener, place.url, namespace=namespace, users=("ann",), logins=LOGINS[kind] // 2, enough=6
        )
        place.stores.append(open_store(place.url, clock=SystemClock(), namespace=namespace))
        place.close()
        if report.observed > report.limit:
            break
    assert (report.observed > report.limit) is broken, report
    if not broken:
        assert report.wrongs() == []


def log_in_from_another_process(url, namespace, start, answers):
    keeper = Keeper(open_store(url, clock=SystemClock(), namespace=namespace), TokenMint(PEPPER))
    start.wait()
    made = [create_session_with_limit_enforcement(keeper, "ann") for _ in range(25)]
    answers.put([hash_token(each.tokens.refresh) for each in made])


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_processes_share_one_limit(kind, request):
    place = place_of(kind, request)
    store = place.open(SystemClock())
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(4), context.Queue()
    arguments = (place.url, place.namespace, start, answers)
    clients = [context.Process(target=log_in_from_another_process, args=arguments) for _ in range(3)]
    for client in clients:
        client.start()
    start.wait(timeout=60)
    most = 0
    while any(client.is_alive() for client in clients) and answers.qsize() < len(clients):
        most = max(most, len(store.sessions_of("ann")))
    acknowledged = {token_hash for _ in clients for token_hash in answers.get(timeout=60)}
    for client in clients:
        client.join(timeout=60)
    live = {session.refresh_hash for session in store.sessions_of("ann")}
    blocked = {token_hash for token_hash in acknowledged if store.block_of(token_hash)}
    place.close()
    assert most <= 5
    assert len(acknowledged) == 75
    assert (len(live), len(blocked), live | blocked) == (5, 70, acknowledged)


def test_one_refresh_token_has_one_successor_however_many_present_it(place):
    strict = System.at(place, refresh_grace_seconds=0)
    login = strict.login()
    outcomes = together(*[lambda: strict.manager.refresh(login.tokens.refresh)] * 8)
    assert sum(not isinstance(each, Exception) for each in outcomes) == 1
    assert all(isinstance(each, AuthenticationError) for each in outcomes if isinstance(each, Exception))
    assert any(isinstance(each, TokenReuseError) for each in outcomes)
    assert strict.live() == []


def test_within_the_grace_window_all_get_the_same_successor(system):
    login = system.login()
    outcomes = together(*[lambda: system.manager.refresh(login.tokens.refresh)] * 8)
    assert len({each.tokens for each in outcomes}) == 1
    assert sum(not each.replayed for each in outcomes) == 1
    assert len(system.live()) == 1


def test_nothing_survives_a_revocation_of_everything(system):
    for _ in range(4):
        logins = [system.login() for _ in range(3)]
        tokens = [login.tokens for login in logins]
        outcomes = together(
            lambda: system.manager.revoke_all("ann"),
            *[lambda pair=pair: system.manager.refresh(pair.refresh) for pair in tokens],
            *[lambda pair=pair: system.manager.validate(pair.access) for pair in tokens],
        )
        minted = [each.tokens for each in outcomes[1:4] if not isinstance(each, Exception)]
        for pair in [*tokens, *minted]:
            with pytest.raises(AuthenticationError):
                system.manager.validate(pair.access)
            with pytest.raises(AuthenticationError):
                system.manager.refresh(pair.refresh)
        assert system.live() == []


def test_two_logins_that_replace_each_other_do_not_wait_for_ever(system):
    ann, bob = system.login("ann"), system.login("bob")
    outcomes = together(
        lambda: system.manager.create("ann", current_token=bob.tokens.access),
        lambda: system.manager.create("bob", current_token=ann.tokens.access),
    )
    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert len(system.live("ann")) == len(system.live("bob")) == 1


def test_a_touch_that_finishes_after_the_end_brings_nothing_back(system):
    login = system.login()
    seen = system.store.read(login.session.session_id)
    together(
        lambda: system.manager.revoke("ann", login.session.session_id),
        *[lambda: system.store.update(seen)] * 4,
    )
    assert system.live() == []
