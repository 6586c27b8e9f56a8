"""PostgreSQL from a program of this machine: ``initdb`` and ``postgres`` in a folder that goes away."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from planproof.backends import postgres
from planproof.backends.programs import (
    Program,
    found,
    free_port,
    give_to,
    is_full,
    run,
    unprivileged_user,
)
from planproof.backends.settings import PROGRAM
from planproof.backends.waiting import NotYetError, until
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from planproof.backends.model import BackendKind
    from planproof.backends.servers import Told
    from planproof.backends.settings import Settings
    from planproof.backends.waiting import Clock


OWNER = "planproof"
PORT_TRIES = 3
IN_USE = "Address already in use"
DEBIAN = Path("/usr/lib/postgresql")
# A store that lives as long as a test run need not survive a power cut.
SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class PortTakenError(BackendUnavailableError):
    """Somebody else listens on the port that was chosen."""


def options(*extra: str) -> list[str]:
    """``-c`` arguments of every server that this package starts."""
    return [part for setting in (*SPEED, *extra) for part in ("-c", setting)]


def binaries(settings: Settings) -> Path:
    """The folder that holds ``initdb`` and ``postgres``.

    Raises:
        BackendUnavailableError: there is none; the message says where it was looked for.
    """
    if settings.postgres_bin is not None:
        return _checked(settings.postgres_bin)
    here = found("initdb", settings.path)
    if here is not None:
        return _checked(Path(here).resolve().parent)
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: _number(path.parts[-3]))
    if versions:
        return versions[-1].parent
    raise BackendUnavailableError(f"initdb is neither on PATH nor below {DEBIAN}")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _checked(folder: Path) -> Path:
    missing = [name for name in ("initdb", "postgres") if not os.access(folder / name, os.X_OK)]
    if missing:
        raise BackendUnavailableError(f"{folder} holds no program {' and no '.join(missing)}")
    return folder


class PostgresProgram:
    """A ``postgres`` of our own. See :class:`planproof.backends.servers.Server`."""

    source = PROGRAM

    def __init__(self, program: Program, url: str, version: str, data: Path) -> None:
        self._program = program
        self._data = data
        self.url = url
        self.version = version

    def failure(self) -> str | None:
        """How it ended; None while it runs."""
        return self._program.failure()

    def stop(self) -> None:
        """Stop it and remove its data."""
        self._program.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def bury(self) -> None:
        """Kill it from a process that is not its parent."""
        self._program.bury()
        shutil.rmtree(self._data, ignore_errors=True)


def start(kind: BackendKind, settings: Settings, directory: Path, clock: Clock) -> PostgresProgram:  # noqa: ARG001 - a Starter
    """Start a server on a free loopback port; see :class:`planproof.backends.servers.Starter`."""
    postgres.driver()
    folder = binaries(settings)
    user = unprivileged_user()
    data = directory / "data"
    data.mkdir(mode=0o700)
    for path in (directory, data):
        give_to(user, path)
    password = secrets.token_hex(16)
    _initialise(folder, data, password, user)
    for _ in range(PORT_TRIES - 1):
        try:
            return _serve(folder, data, password, user, settings, clock)
        except PortTakenError:
            continue  # between our choosing the port and using it, somebody else took it
    return _serve(folder, data, password, user, settings, clock)


def _serve(
    folder: Path, data: Path, password: str, user: str | None, settings: Settings, clock: Clock
) -> PostgresProgram:
    port = free_port()
    program = _launch(folder, data, port, user, data.parent)
    url = f"postgresql://{OWNER}:{password}@127.0.0.1:{port}/postgres"

    def answer() -> Told:
        ended = program.failure()
        if ended is not None and IN_USE in program.log.read_text(errors="replace"):
            raise PortTakenError(f"port {port} was taken by another program while postgres started")
        if ended is not None:
            raise BackendUnavailableError(full(data) if is_full(ended) else ended)
        try:
            return postgres.ask(url)
        except NotYetError as error:
            raise NotYetError(f"{error}{program.last_words()}") from error

    try:
        told = until(answer, clock=clock, seconds=settings.start_seconds, what="postgres")
    except BaseException:
        program.stop()
        raise
    return PostgresProgram(program, url, told.version, data)


def full(data: Path) -> str:
    """What is said where there is no room for PostgreSQL's files."""
    return f"the disk that holds {data.parent} is full, so PostgreSQL cannot lay out its files"


def _initialise(folder: Path, data: Path, password: str, user: str | None) -> None:
    secret = data.parent / "password"
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    give_to(user, secret)
    arguments = [
        str(folder / "initdb"),
        f"--pgdata={data}",
        f"--username={OWNER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    try:
        run(arguments, user=user, cwd=data.parent)
    except BackendUnavailableError as error:
        if is_full(str(error)):
            raise BackendUnavailableError(full(data)) from error
        raise
    finally:
        secret.unlink()


def _launch(folder: Path, data: Path, port: int, user: str | None, directory: Path) -> Program:
    arguments = [
        str(folder / "postgres"),
        "-D",
        str(data),
        *options("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories="),
    ]
    # SIGINT is PostgreSQL's fast shutdown: sessions are cut, files left clean.
    return Program(arguments, directory=directory, name="postgres", user=user, stop_signal=signal.SIGINT)
