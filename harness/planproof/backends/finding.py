"""Finding a store: the address in the environment, a container, a program of this machine."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from planproof import __version__
from planproof.backends import dynamodb, postgres
from planproof.backends.dynamodb_program import require_consent
from planproof.backends.keeping import own_directory, sweep
from planproof.backends.lease import Lease, NotToBeHadError, take
from planproof.backends.model import Backend, BackendKind
from planproof.backends.selftest import require_trust
from planproof.backends.servers import Attempt, Told
from planproof.backends.settings import CONSENT, ENVIRONMENT, Settings
from planproof.backends.waiting import SystemClock, until
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from planproof.backends.waiting import Clock


NAMES = {
    BackendKind.MEMORY: "memory",
    BackendKind.SQLITE: "SQLite",
    BackendKind.POSTGRES: "PostgreSQL",
    BackendKind.DYNAMODB: "DynamoDB Local",
}
REMEDIES = {
    BackendKind.POSTGRES: (
        "set PLANPROOF_POSTGRES_URL, start a container engine, or install PostgreSQL (initdb and postgres)"
    ),
    BackendKind.DYNAMODB: (
        f"set PLANPROOF_DYNAMODB_URL; or start a container engine and set PLANPROOF_DYNAMODB={CONSENT}; "
        "or install Java 17 and set PLANPROOF_DYNAMODB_JAR"
    ),
}
# A server that somebody else started is there or not; it is given time for a hiccup, not for a start.
URL_SECONDS = 5.0
# PostgreSQL's code, SQLSTATE, for a disk that has no room left.
DISK_FULL = "53100"


@contextmanager
def acquire(
    kind: BackendKind | str,
    *,
    env: Mapping[str, str] = os.environ,
    room: Path | None = None,
    clock: Clock | None = None,
    allow_emulated: bool = False,
) -> Iterator[Backend]:
    """A store of ``kind`` that can be used now, with a namespace that is ours alone; released at the end.

    Args:
        kind: which store.
        env: the environment; see :class:`planproof.backends.settings.Settings`.
        room: folder in which the processes of one run share one server. Without it, and without
            ``PLANPROOF_BACKENDS_ROOM``, a server that has to be started is started for this call alone.
        clock: where time comes from.
        allow_emulated: whether a configured address may lead to an imitation (moto). Such a backend is
            marked ``emulated``; it serves single-threaded work and no race is judged on it.

    Raises:
        BackendUnavailableError: it is not to be had here, failed the self-test, or went away while in use.
    """
    kind = BackendKind(kind)
    if kind is BackendKind.MEMORY:
        yield Backend(kind, "memory://", version=__version__)
        return
    if kind is BackendKind.SQLITE:
        with _sqlite() as backend:
            yield backend
        return
    settings, clock = Settings.of(env), clock or SystemClock()
    with ExitStack() as stack:
        if ENVIRONMENT in settings.sources and configured(kind, settings):
            url = configured(kind, settings)
            told = ask(kind, url, clock)
            backend = stack.enter_context(_furnished(kind, url, told, ENVIRONMENT))
            if not (backend.emulated and allow_emulated):
                require_trust(backend)
            stack.enter_context(_noticing_death(kind, url, clock))
            yield backend
            return
        if kind is BackendKind.DYNAMODB:
            require_consent(settings)
        lease = _lease(kind, env, room or settings.room)
        stack.callback(lease.close)
        with _noticing_death(kind, lease.url, clock, lease.failure):
            told = Told(lease.version)
            yield stack.enter_context(_furnished(kind, lease.url, told, lease.source))


def configured(kind: BackendKind, settings: Settings) -> str:
    """The address that the environment gives for ``kind``, or nothing."""
    return settings.postgres_url if kind is BackendKind.POSTGRES else settings.dynamodb_url


def ask(kind: BackendKind, url: str, clock: Clock) -> Told:
    """What the server at a configured address says of itself.

    Raises:
        BackendUnavailableError: nothing answers there, or something else does. The other rungs are not
            tried then: who names a server does not want another one.
    """
    module = postgres if kind is BackendKind.POSTGRES else dynamodb
    shown = postgres.hidden(url)
    if kind is BackendKind.POSTGRES and not url.startswith(("postgresql://", "postgres://")):
        raise BackendUnavailableError(
            f"PLANPROOF_POSTGRES_URL is {shown!r}; it looks like postgresql://HOST/DATABASE"
        )
    if "@" in url.rpartition("@")[0].partition("?")[0]:
        raise BackendUnavailableError(
            f"PLANPROOF_POSTGRES_URL is {shown!r}; an @ in a name or password is written %40"
        )
    name = "PLANPROOF_POSTGRES_URL" if kind is BackendKind.POSTGRES else "PLANPROOF_DYNAMODB_URL"

    def answered() -> Told:
        told: Told = module.ask(url)
        return told

    return until(answered, clock=clock, seconds=URL_SECONDS, what=f"{shown} ({name})")


def _lease(kind: BackendKind, env: Mapping[str, str], room: Path | None) -> Lease:
    try:
        return take(kind, env, room)
    except NotToBeHadError as error:
        raise NotToBeHadError(sentence(kind, error.attempts, error.message), error.attempts) from error


def sentence(kind: BackendKind, attempts: tuple[Attempt, ...], otherwise: str = "") -> str:
    """What was tried and how to get it, in one sentence."""
    tried = "; ".join(
        f"{attempt.source}: {attempt.message}" if attempt.source else attempt.message
        for attempt in attempts
        if not attempt.found
    )
    return f"{NAMES[kind]} is not to be had here ({tried or otherwise}); {REMEDIES[kind]}"


@contextmanager
def _noticing_death(
    kind: BackendKind, url: str, clock: Clock, failure: Callable[[], str | None] = lambda: None
) -> Iterator[None]:
    """Where the work fails because the server died under it, say so instead.

    Args:
        kind: which store.
        url: where it answers.
        clock: where time comes from.
        failure: how it ended, as far as its keeper knows; a server that somebody else keeps has none to ask.
    """
    try:
        yield
    except Exception as error:
        full = _full_disk(error)
        if full:
            raise BackendUnavailableError(f"the disk of {NAMES[kind]} is full: {full}") from error
        why = _death(kind, url, clock, failure)
        if why is None:
            raise
        raise BackendUnavailableError(f"{NAMES[kind]} died while it was used: {why}") from error


def _full_disk(error: BaseException | None) -> str:
    """What a server said that found its disk full, wherever in the chain of causes; empty where none did."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if getattr(error, "sqlstate", None) == DISK_FULL:
            return str(error).splitlines()[0]
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return ""


def _death(kind: BackendKind, url: str, clock: Clock, failure: Callable[[], str | None]) -> str | None:
    """Why the server is no longer there; None while it is.

    Its sockets are closed before the kernel tells its parent that it ended, so its users can hear of a death
    before its keeper does. One that does not answer is therefore asked after until both say the same.
    """
    module = postgres if kind is BackendKind.POSTGRES else dynamodb

    def known() -> str | None:
        why = failure()
        if why is None:
            with suppress(BackendUnavailableError):  # a refusal is an answer
                module.ask(url)
        return why

    try:
        return until(known, clock=clock, seconds=URL_SECONDS, what=postgres.hidden(url))
    except BackendUnavailableError as error:
        return error.message


@contextmanager
def _furnished(kind: BackendKind, url: str, told: Told, source: str) -> Iterator[Backend]:
    """The server with a room of our own in it."""
    if kind is BackendKind.DYNAMODB:
        host, port = dynamodb.address(url)
        plain = f"dynamodb://{host}:{port}"
        with dynamodb.own_prefix(plain) as prefix:
            yield Backend(kind, plain, told.version, source, told.emulated, prefix)
        return
    own = postgres.own_schema if source == ENVIRONMENT else postgres.own_database
    with own(url) as (own_url, name):
        yield Backend(kind, own_url, told.version, source, told.emulated, name)


@contextmanager
def _sqlite() -> Iterator[Backend]:
    sweep()
    with own_directory() as directory:
        path = directory / "store.db"
        yield Backend(BackendKind.SQLITE, f"sqlite:///{path}", sqlite3.sqlite_version, namespace=str(path))
