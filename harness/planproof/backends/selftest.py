"""Does a store keep its promises? Asked before any verdict that rests on it counts.

Four probes, each a race that a correct store cannot lose: a conditional write has one winner, an atomic
add loses nothing, a transaction happens whole or not at all, and a request that is sent again under its
token happens once. An emulator without locks (moto) fails them, and makes correct code look wrong.
"""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planproof.backends.model import Backend


CLIENTS = 8
KEYS = 6
ADDS = 15
LIMIT = 3


class Probe(NamedTuple):
    """One promise and whether it was kept.

    Attributes:
        name: ``conditional``, ``add``, ``transaction`` or ``token``.
        passed: whether it was kept.
        detail: what was seen, in one clause.
    """

    name: str
    passed: bool
    detail: str


class SelfTest(NamedTuple):
    """All probes of one store."""

    probes: tuple[Probe, ...]

    @property
    def passed(self) -> bool:
        """Whether every promise was kept; a test without probes passes nothing."""
        return bool(self.probes) and all(probe.passed for probe in self.probes)

    @property
    def reason(self) -> str:
        """Which promises were broken and how, in one clause; empty where none was."""
        return "; ".join(f"{probe.name}: {probe.detail}" for probe in self.probes if not probe.passed)


class Store(Protocol):
    """What the probes need of a store: the same four promises, in its own words."""

    def prepare(self) -> None:
        """Make what the probes write to."""

    def client(self) -> Client:
        """A client for one thread."""

    def clean(self) -> None:
        """Remove what :meth:`prepare` made."""


class Client(Protocol):
    """One thread's way to the store."""

    def put_once(self, key: str, value: str) -> bool:
        """Write ``key`` if nobody has; whether we did."""

    def add(self, key: str) -> None:
        """Add one to ``key``."""

    def enter(self, room: str, name: str, limit: int) -> bool:
        """Count ``room`` up, if below ``limit``, and write ``name``: both or neither; whether it was done."""

    def put(self, key: str) -> None:
        """Write ``key``, whatever is there."""

    def add_under_token(self, key: str, token: str) -> None:
        """Add one to ``key`` unless ``token`` has been used."""

    def number(self, key: str) -> int:
        """The count at ``key``; 0 where there is none."""

    def keys(self, prefix: str) -> set[str]:
        """All keys that begin so."""

    def close(self) -> None:
        """Let go of the connection."""


def run(store: Store) -> SelfTest:
    """Run all probes; a store that answers with errors of its own fails the probe in which it did."""
    probes: Sequence[tuple[str, Callable[[Store], tuple[bool, str]]]] = (
        ("conditional", _conditional),
        ("add", _add),
        ("transaction", _transaction),
        ("token", _token),
    )
    results = []
    store.prepare()
    try:
        for name, probe in probes:
            try:
                passed, detail = probe(store)
            except Exception as error:  # noqa: BLE001 - any error under a race is a broken promise
                passed, detail = False, f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
            results.append(Probe(name, passed, detail))
    finally:
        store.clean()
    return SelfTest(tuple(results))


def together(store: Store, work: Callable[[Client, int], Any]) -> list[Any]:
    """``work(client, number)`` in every thread at once, from a common start; what each returned."""
    start = threading.Barrier(CLIENTS)

    def one(number: int) -> Any:
        try:
            client = store.client()
        except BaseException:
            start.abort()  # the others would wait for us
            raise
        try:
            start.wait(timeout=30)
            return work(client, number)
        finally:
            client.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(one, range(CLIENTS)))


def _reader(store: Store, read: Callable[[Client], Any]) -> Any:
    client = store.client()
    try:
        return read(client)
    finally:
        client.close()


def _conditional(store: Store) -> tuple[bool, str]:
    keys = [f"first{key}" for key in range(KEYS)]
    won = together(store, lambda client, me: [client.put_once(key, str(me)) for key in keys])
    winners = [sum(row[index] for row in won) for index in range(KEYS)]
    wrong = sum(count != 1 for count in winners)
    return wrong == 0, f"{KEYS - wrong} of {KEYS} keys had exactly one first writer"


def _add(store: Store) -> tuple[bool, str]:
    def work(client: Client, _me: int) -> None:
        for _ in range(ADDS):
            client.add("sum")

    together(store, work)
    total = _reader(store, lambda client: client.number("sum"))
    return total == CLIENTS * ADDS, f"{CLIENTS * ADDS} additions of 1 came to {total}"


def _transaction(store: Store) -> tuple[bool, str]:
    """Rooms fill up while unrelated writes go on: counts and names must agree, and no write may be lost."""
    rooms = [f"room{room}" for room in range(KEYS)]

    def work(client: Client, me: int) -> list[str]:
        entered = []
        for room in rooms:
            client.put(f"by/{me}/{room}")
            if client.enter(room, f"in/{room}/{me}", LIMIT):
                entered.append(f"in/{room}/{me}")
        return entered

    entered = {name for names in together(store, work) for name in names}

    def read(client: Client) -> tuple[set[str], set[str], list[int]]:
        return client.keys("in/"), client.keys("by/"), [client.number(room) for room in rooms]

    inside, beside, counts = _reader(store, read)
    lost = CLIENTS * KEYS - len(beside)
    off = sum(count != LIMIT for count in counts) + len(inside ^ entered)
    detail = f"{lost} acknowledged writes lost, {off} rooms or names do not agree with their transactions"
    return lost == 0 and off == 0, detail if lost or off else "whole or not at all, and nothing else lost"


def _token(store: Store) -> tuple[bool, str]:
    token = str(uuid.uuid4())  # a store remembers tokens for minutes, also those of the run before

    def twice(client: Client) -> int:
        client.add_under_token("once", token)
        client.add_under_token("once", token)
        return client.number("once")

    total = _reader(store, twice)
    return total == 1, f"one request sent twice under its token came to {total}"


def of(backend: Backend) -> SelfTest:
    """Run the probes on a store that was acquired; the embedded ones have nothing to be asked over a wire."""
    from planproof.backends.model import BackendKind

    if backend.kind is BackendKind.POSTGRES:
        from planproof.backends.selftest_postgres import PostgresStore

        return run(PostgresStore(backend.url))
    if backend.kind is BackendKind.DYNAMODB:
        from planproof.backends.selftest_dynamodb import DynamoStore, over_http

        return run(DynamoStore(over_http(backend.url), backend.namespace))
    return SelfTest((Probe("embedded", passed=True, detail="a library in this process"),))


def require_trust(backend: Backend) -> None:
    """Refuse a store whose verdict on a race would mean nothing.

    Raises:
        BackendUnavailableError: it only imitates the store, or it broke a promise; the message says which.
    """
    if backend.emulated:
        raise BackendUnavailableError(
            f"{backend.url} only imitates {backend.kind} in one process and without locks: "
            "it makes correct code fail and hides real conflicts, so no race is judged on it"
        )
    result = of(backend)
    if not result.passed:
        raise BackendUnavailableError(
            f"{backend.url} failed the self-test, so no race is judged on it: {result.reason}"
        )
