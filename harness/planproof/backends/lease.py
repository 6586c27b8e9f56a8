"""Holding a server: start its keeper or join the one of this run, ask after it, let it go."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import planproof
from planproof.backends.keeping import trouble
from planproof.backends.servers import Attempt
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planproof.backends.model import BackendKind


STOP_SECONDS = 60.0
# Above the waits inside the keeper: two rungs, each with its own deadline and an image to fetch.
GRACE_SECONDS = 600.0


class NotToBeHadError(BackendUnavailableError):
    """No rung gave a server.

    Attributes:
        attempts: what was tried, in order.
    """

    def __init__(self, message: str, attempts: tuple[Attempt, ...]) -> None:
        super().__init__(message)
        self.attempts = attempts


class Lease:
    """The right to use a server until :meth:`close`; it ends by itself with this process.

    Attributes:
        url: how an owner of the whole server reaches it.
        version: what the server says of itself.
        source: ``container`` or ``program``.
        attempts: what was tried before it was found; empty where the server was already there.
    """

    def __init__(self, connection: socket.socket, told: Mapping[str, Any]) -> None:
        self._connection = connection
        self.url: str = told["url"]
        self.version: str = told["version"]
        self.source: str = told["source"]
        self.socket: str = told["socket"]
        self.attempts = tuple(Attempt(*attempt) for attempt in told["attempts"])

    def failure(self) -> str | None:
        """Why the server is no longer running, in one sentence; None while it runs."""
        try:
            self._connection.sendall(b"?")
            answer = read_line(self._connection, STOP_SECONDS)
        except OSError:
            answer = None
        if answer is None:
            return "the process that kept the server was killed"
        failure: str | None = answer["failure"]
        return failure

    def close(self) -> None:
        """Let go; where we were the last, return when the server is stopped and its files are gone."""
        with contextlib.suppress(OSError), self._connection as connection:
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(STOP_SECONDS)
            while connection.recv(4096):
                pass


def read_line(connection: socket.socket, seconds: float) -> dict[str, Any] | None:
    """One message of the keeper; None where it hung up."""
    connection.settimeout(seconds)
    data = b""
    while not data.endswith(b"\n"):
        more = connection.recv(4096)
        if not more:
            return None
        data += more
    message: dict[str, Any] = json.loads(data)
    return message


def start_keeper(kind: BackendKind, env: Mapping[str, str]) -> Lease:
    """Start a keeper of our own.

    Raises:
        NotToBeHadError: no rung gave a server.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "planproof.backends.keeper", str(kind), str(theirs.fileno())]
        subprocess.run(
            command,
            env=_environment(env),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=_log(env),
            start_new_session=True,
            check=False,
        )
    try:
        told = read_line(ours, GRACE_SECONDS)
    except BaseException:
        ours.close()
        raise
    if told is None:
        ours.close()
        raise NotToBeHadError("the process that keeps servers died while it started one", ())
    if "url" not in told:
        ours.close()
        attempts = tuple(Attempt(*attempt) for attempt in told["attempts"])
        raise NotToBeHadError("; ".join(attempt.message for attempt in attempts), attempts)
    return Lease(ours, told)


def _log(env: Mapping[str, str]) -> int:
    """Where a keeper's own complaints go: nowhere, unless somebody looks for a fault in it."""
    return sys.stderr.fileno() if env.get("PLANPROOF_BACKENDS_DEBUG") else subprocess.DEVNULL


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """``env`` with this package importable."""
    root = str(Path(planproof.__file__).resolve().parents[1])
    paths = [root, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    return {**env, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def join(pointer: Path) -> Lease | None:
    """A lease of the server that ``pointer`` tells of; None where it is gone.

    Raises:
        NotToBeHadError: an earlier process of this run found that there is none.
    """
    try:
        told = json.loads(pointer.read_text())
    except (OSError, ValueError):
        return None
    if "socket" not in told:
        raise NotToBeHadError(told["message"], tuple(Attempt(*attempt) for attempt in told["attempts"]))
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(told["socket"])
        answer = read_line(connection, STOP_SECONDS)
    except OSError:
        answer = None
    if answer is None:
        connection.close()
        return None
    return Lease(connection, {**answer, "socket": told["socket"]})


def take(kind: BackendKind, env: Mapping[str, str], room: Path | None) -> Lease:
    """A lease of a server of ``kind``: the one of this run where ``room`` is shared, else a new one.

    Raises:
        NotToBeHadError: no rung gave a server, now or for another process of this run.
        BackendUnavailableError: nothing can be written in ``room``.
    """
    if room is None:
        return start_keeper(kind, env)
    try:
        room.mkdir(parents=True, exist_ok=True)
        return _share(kind, env, room)
    except OSError as error:
        raise BackendUnavailableError(trouble(error, room)) from error


def _share(kind: BackendKind, env: Mapping[str, str], room: Path) -> Lease:
    pointer = room / f"{kind}.json"
    with _locked(room / f"{kind}.lock"):
        lease = join(pointer)
        if lease is not None:
            return lease
        try:
            lease = start_keeper(kind, env)
        except NotToBeHadError as error:
            failed = {"message": error.message, "attempts": [list(attempt) for attempt in error.attempts]}
            pointer.write_text(json.dumps(failed))
            raise
        pointer.write_text(json.dumps({"socket": lease.socket}))
        return lease


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the kernel frees the lock of a killed one."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
