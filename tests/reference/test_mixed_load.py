"""Logins, refreshes, uses, logouts and cleanups at once: whatever happened, the books agree at the end."""

from __future__ import annotations

import random
import sys
import threading

import pytest
from tests.reference.meeting import bad, together
from tests.reference.places import System

from sessionkeeper import (
    AuthenticationError,
    RequestReplayedError,
    SessionKeeperError,
    SystemClock,
    hash_token,
)


pytestmark = pytest.mark.slow


STEPS = {"memory": 300, "sqlite": 60, "postgres": 60, "dynamodb": 10}
USERS = ("ann", "bob")


@pytest.fixture(autouse=True)
def switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


class Client:
    """One client: it does what chance says and remembers every token that it was given."""

    def __init__(self, system, seed, steps):
        self.manager, self.chance, self.steps = system.manager, random.Random(seed), steps
        self.pairs, self.given, self.ended, self.came_back = [], [], [], []

    def run(self):
        for _ in range(self.steps):
            step = self.chance.choice(
                [self.login, self.login, self.refresh, self.use, self.logout, self.tidy]
            )
            try:
                step()
            except AuthenticationError:
                continue  # evicted by somebody else meanwhile

    def login(self):
        login = self.manager.create(self.chance.choice(USERS))
        self.given.append(login.tokens)
        self.pairs.append(login.tokens)

    def pick(self):
        return self.chance.randrange(len(self.pairs)) if self.pairs else self.login() or 0

    def refresh(self):
        at = self.pick()
        login = self.manager.refresh(self.pairs[at].refresh)
        self.pairs[at] = login.tokens
        self.given.append(login.tokens)

    def use(self):
        self.manager.validate(self.pairs[self.pick()].access)

    def logout(self):
        pair = self.pairs.pop(self.pick())
        self.manager.logout(pair.access)
        self.ended.append(pair)
        try:
            self.manager.validate(pair.access)
        except AuthenticationError:
            return
        self.came_back.append(pair)

    def tidy(self):
        self.manager.cleanup()


def test_the_books_agree(place):
    system = System.at(place, clock=SystemClock())
    watching = place.open(system.clock)
    clients = [Client(system, seed, STEPS[place.kind]) for seed in range(6)]
    most, done = [0], threading.Event()

    def watch():
        while not done.is_set():
            most[0] = max(most[0], *(len(watching.sessions_of(user)) for user in USERS))

    watcher = threading.Thread(target=watch)
    watcher.start()
    outcomes = together(*[client.run for client in clients])
    done.set()
    watcher.join()
    assert bad(outcomes) == []
    assert most[0] <= 5

    live = {session.refresh_hash for user in USERS for session in system.store.sessions_of(user)}
    given = {hash_token(pair.refresh): pair for client in clients for pair in client.given}
    blocked = {token_hash for token_hash in given if system.store.block_of(token_hash) is not None}
    assert live | blocked == set(given)  # nothing acknowledged is lost, nothing lives that nobody was given
    assert live & blocked == set()
    assert [client.came_back for client in clients] == [[]] * 6
    for token_hash in blocked:
        with pytest.raises(AuthenticationError):
            system.manager.validate(given[token_hash].access)
    for client in clients:
        for pair in client.ended:
            with pytest.raises(AuthenticationError):
                system.manager.refresh(pair.refresh)


def test_a_request_repeated_by_impatient_clients_makes_one_session(system):
    for _ in range(4):
        system.login()
    outcomes = together(*[lambda: system.manager.create("ann", request_id="r1")] * 6)
    assert bad(outcomes) == []
    assert len({each.tokens for each in outcomes}) == 1
    assert sum(not each.replayed for each in outcomes) == 1
    assert len(system.live()) == 5
    assert system.manager.validate(outcomes[0].tokens.access)


def test_many_requests_each_repeated_end_each_victim_once(system):
    requests = [f"r{number % 4}" for number in range(12)]
    outcomes = together(
        *[lambda name=name: system.manager.create("ann", request_id=name) for name in requests]
    )
    assert all(isinstance(each, RequestReplayedError) for each in bad(outcomes))
    assert (
        len({each.session.session_id for each in outcomes if not isinstance(each, SessionKeeperError)}) == 4
    )
    assert len(system.live()) == 4
