"""Many logins at once, somebody who watches all the while, and what must be true of both.

The end of a run proves little: a design that removes all excess heals itself with the next login. So three
things are judged: what a watcher saw meanwhile on consistent snapshots; what the clients' own history
implies (a session is certainly live from its acknowledgement until the call that ended it began); and the
books at the end (acknowledged = live + blocked, nothing in both).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.reference.places import PEPPER

from sessionkeeper import (
    AuthenticationError,
    Keeper,
    Patience,
    SessionKeeperError,
    SessionManager,
    SystemClock,
    TokenMint,
    create_session_with_limit_enforcement,
    hash_token,
)


@dataclass(frozen=True)
class Acknowledged:
    """One login that was answered, with the time at which it was asked for and answered."""

    login: object
    asked: float
    answered: float


@dataclass
class Report:
    """What a run did and what was seen of it.

    Attributes:
        limit: live sessions that a user may hold.
        observed: most live sessions of one user that the watcher ever saw.
        glances: how often it looked.
        history: most sessions of one user that were certainly live at once, by the clients' own history.
        at_the_end: most live sessions of one user at the end.
        acknowledged: refresh tokens (by hash) of the sessions whose making was acknowledged.
        live: those of the sessions that live at the end.
        blocked: acknowledged ones that are on the blocklist at the end.
        opened: blocked tokens that opened something nevertheless.
        errors: errors that reached a client, by class.
        races: attempts that lost to another change and were made again.
        seconds: how long the logins took.
    """

    limit: int
    observed: int = 0
    glances: int = 0
    history: int = 0
    at_the_end: int = 0
    acknowledged: set = field(default_factory=set)
    live: set = field(default_factory=set)
    blocked: set = field(default_factory=set)
    opened: int = 0
    errors: Counter = field(default_factory=Counter)
    races: int = 0
    seconds: float = 0.0

    def wrongs(self):
        """Every way in which the run broke its promises, in words; an empty list if it kept them."""
        said = {
            f"{self.observed} live sessions seen, limit {self.limit}": self.observed > self.limit,
            f"{self.history} sessions live at once by the history": self.history > self.limit,
            f"{self.at_the_end} live sessions at the end": self.at_the_end > self.limit,
            "an acknowledged session is lost": bool(self.acknowledged - self.live - self.blocked),
            "a session lives that nobody was told of": bool(self.live - self.acknowledged),
            "a session is live and blocked": bool(self.live & self.blocked),
            f"{self.opened} blocked tokens opened something": self.opened > 0,
            f"errors reached a client: {dict(self.errors)}": bool(self.errors),
        }
        return [sentence for sentence, wrong in said.items() if wrong]


def run(
    opener,
    url,
    *,
    namespace="",
    users=("ann", "bob"),
    clients=8,
    logins=20,
    limit=5,
    attempts=100,
    enough=None,
):
    """Log in from many threads at once while another watches through a store of its own.

    With ``enough`` set, nobody begins another login once the watcher has seen that many sessions.

    Returns:
        The `Report`. Nothing is judged here.
    """
    clock = SystemClock()
    report = Report(limit)

    def pause(seconds):
        report.races += 1
        time.sleep(seconds)

    def opened():
        return opener(url, clock=clock, limit=limit, namespace=namespace)

    store = opened()
    watching = store if url.startswith("memory") else opened()
    patience = Patience(attempts=attempts, seconds=60, sleep=pause)
    keeper = Keeper(store, TokenMint(PEPPER), clock=clock, patience=patience)
    made = _log_in(keeper, watching, report, users, clients, logins, enough or float("inf"))
    report.history = max(_certainly_live(made, user) for user in users)
    _look_back(report, keeper, made, users)
    store.close()
    watching.close()
    return report


def _log_in(keeper, watching, report, users, clients, logins, enough):
    made, guard = [], threading.Lock()
    start, done = threading.Barrier(clients + 1), threading.Event()

    def client(number):
        start.wait()
        for turn in range(logins):
            if report.observed >= enough:
                return
            asked = time.monotonic()
            try:
                login = create_session_with_limit_enforcement(keeper, users[(number + turn) % len(users)])
            except SessionKeeperError as error:
                with guard:
                    report.errors[type(error).__name__] += 1
            else:
                made.append(Acknowledged(login, asked, time.monotonic()))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    watch = threading.Thread(target=_watch, args=(watching, report, users, start, done))
    began = time.perf_counter()
    for thread in (*threads, watch):
        thread.start()
    for thread in threads:
        thread.join()
    report.seconds = time.perf_counter() - began
    done.set()
    watch.join()
    return made


def _watch(store, report, users, start, done):
    start.wait()
    while not done.is_set():
        for user in users:
            report.observed = max(report.observed, len(store.sessions_of(user)))
            report.glances += 1


def _certainly_live(made, user):
    """Most sessions of a user whose certain lifetimes (answered, until their end was asked) overlap."""
    mine = [each for each in made if each.login.session.user_id == user]
    ended = {session.session_id: each.asked for each in mine for session in each.login.ended}
    changes = []
    for each in mine:
        end = ended.get(each.login.session.session_id, float("inf"))
        if each.answered < end:
            changes += [(each.answered, 1), (end, -1)]
    now = most = 0
    for _, step in sorted(changes):
        now += step
        most = max(most, now)
    return most


def _look_back(report, keeper, made, users):
    manager = SessionManager(keeper)
    living = {user: keeper.store.sessions_of(user) for user in users}
    report.at_the_end = max(len(sessions) for sessions in living.values())
    report.live = {session.refresh_hash for sessions in living.values() for session in sessions}
    for each in made:
        tokens = each.login.tokens
        token_hash = hash_token(tokens.refresh)
        report.acknowledged.add(token_hash)
        if keeper.store.block_of(token_hash) is None:
            continue
        report.blocked.add(token_hash)
        report.opened += _opens(manager.validate, tokens.access) + _opens(manager.refresh, tokens.refresh)


def _opens(door, token):
    try:
        door(token)
    except AuthenticationError:
        return False
    return True
