"""The process that owns a server: starts it, lends it out, stops it when nobody holds it any more.

Everyone who uses the server holds a socket to its keeper. The kernel closes that socket when its holder
ends, in order, by Ctrl-C or by ``kill -9``; when the last one is closed the server is stopped and its
files are removed. Should the keeper itself be killed, its programs are told by the kernel, and what is
left (containers, folders) is swept when the next keeper starts.

Run as ``python -m planproof.backends.keeper KIND FD``: FD is the first holder's socket.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from planproof.backends.keeping import SOCKET, own_directory, sweep, trouble
from planproof.backends.model import Backend, BackendKind
from planproof.backends.selftest import require_trust
from planproof.backends.servers import Attempt
from planproof.backends.settings import CONTAINER, ENVIRONMENT, Settings
from planproof.backends.waiting import SystemClock
from planproof.errors import BackendUnavailableError, PlanproofError


if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from planproof.backends.servers import Server, Starter


class Kept(NamedTuple):
    """What starting came to: the server, or None, and every try."""

    server: Server | None
    attempts: tuple[Attempt, ...]


def starter(kind: BackendKind, source: str) -> Starter:
    """The function that starts ``kind`` by ``source``."""
    if source == CONTAINER:
        from planproof.backends.containers import start as start_container

        return start_container
    if kind is BackendKind.POSTGRES:
        from planproof.backends.postgres_program import start as start_postgres

        return start_postgres
    from planproof.backends.dynamodb_program import start as start_dynamodb

    return start_dynamodb


def start_first(kind: BackendKind, settings: Settings, directory: Path) -> Kept:
    """Try the rungs in their order and keep the first server that answers a real query."""
    attempts: list[Attempt] = []
    for source in settings.sources:
        if source == ENVIRONMENT:
            continue
        room = directory / source
        try:
            room.mkdir()
            room.chmod(0o755)  # a server that refuses root reaches its files through here
            server = _trusted(kind, starter(kind, source)(kind, settings, room, SystemClock()))
        except PlanproofError as error:
            attempts.append(Attempt(source, found=False, message=error.message))
            continue
        except ImportError as error:
            attempts.append(Attempt(source, found=False, message=f"{error.name} is not installed"))
            continue
        except OSError as error:
            attempts.append(Attempt(source, found=False, message=trouble(error, directory)))
            continue
        attempts.append(Attempt(source, found=True, message=f"answered from {server.url.rsplit('@', 1)[-1]}"))
        return Kept(server, tuple(attempts))
    return Kept(None, tuple(attempts))


def _trusted(kind: BackendKind, server: Server) -> Server:
    """The server, once it has kept its promises; one that breaks them is stopped."""
    try:
        require_trust(Backend(kind, server.url, server.version, server.source))
    except BaseException:
        server.stop()
        raise
    return server


class Keeper:
    """Lends one server out over a Unix socket until nobody holds it."""

    def __init__(self, server: Server, listener: socket.socket, first: socket.socket) -> None:
        self._server = server
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._holders: set[socket.socket] = set()
        self._selector.register(listener, selectors.EVENT_READ)
        self._add(first)

    def run(self) -> None:
        """Serve until the last holder has let go; its socket stays open until the server is stopped."""
        while self._holders:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._welcome()
                elif isinstance(key.fileobj, socket.socket):
                    self._hear(key.fileobj)

    def _add(self, holder: socket.socket) -> None:
        holder.setblocking(True)  # noqa: FBT003 - the standard library has no other form
        self._holders.add(holder)
        self._selector.register(holder, selectors.EVENT_READ)

    def _welcome(self) -> None:
        holder, _ = self._listener.accept()
        with contextlib.suppress(OSError):
            holder.sendall(description(self._server))
            self._add(holder)

    def _hear(self, holder: socket.socket) -> None:
        """A question after the server's health, or the end of a lease."""
        try:
            asked = holder.recv(64)
            if asked:
                holder.sendall(line({"failure": self._server.failure()}))
                return
        except OSError:
            pass
        self._selector.unregister(holder)
        self._holders.discard(holder)
        if self._holders:
            holder.close()


def line(message: dict[str, Any]) -> bytes:
    """One message of the keeper."""
    return json.dumps(message).encode() + b"\n"


def description(server: Server, attempts: Sequence[Attempt] = (), socket_path: str = "") -> bytes:
    """What a holder is told of the server."""
    told = {"url": server.url, "version": server.version, "source": server.source}
    return line({**told, "socket": socket_path, "attempts": [list(attempt) for attempt in attempts]})


def guard(server: Server, directory: Path, first: socket.socket) -> int:
    """Fork a guardian that outlives us and buries the server if we are killed.

    It holds nothing but the read end of a pipe. Returns the write end: a byte sent there tells the guardian
    that the server was stopped in order; a pipe that closes without one tells it that we were killed.
    """
    ours, theirs = os.pipe()
    if os.fork():
        os.close(ours)
        return theirs
    os.close(theirs)
    first.close()
    os.setsid()
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    try:
        if not os.read(ours, 1):
            server.bury()
            shutil.rmtree(directory, ignore_errors=True)
    finally:
        os._exit(0)


def _leave(signum: int, _frame: object) -> None:
    raise SystemExit(128 + signum)


def main(arguments: Sequence[str]) -> int:
    """Keep one server; the first line on FD says what came of it.

    Returns at once in the process that was started: its child keeps the server. So the keeper is nobody's
    child, may outlive whoever started it, and nobody has to wait for its end.
    """
    if os.fork():
        return 0
    kind = BackendKind(arguments[0])
    first = socket.socket(fileno=int(arguments[1]))
    os.set_inheritable(first.fileno(), False)  # noqa: FBT003 - the standard library has no other form
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sweep()
    try:
        with own_directory() as directory:
            attempts = _keep(kind, directory, first)
    except BackendUnavailableError as error:
        attempts = (Attempt("", found=False, message=error.message),)
    if attempts:
        first.sendall(line({"attempts": [list(attempt) for attempt in attempts]}))
        return 3
    return 0


def _keep(kind: BackendKind, directory: Path, first: socket.socket) -> tuple[Attempt, ...]:
    """Start a server and lend it out until nobody holds it; what was tried, where nothing gave one."""
    kept = start_first(kind, Settings.of(os.environ), directory)
    if kept.server is None:
        return kept.attempts
    with contextlib.ExitStack() as stack:
        guardian = guard(kept.server, directory, first)
        stack.callback(os.write, guardian, b"!")
        stack.callback(kept.server.stop)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        path = directory / SOCKET
        try:
            listener.bind(str(path))
            path.chmod(0o600)
        except OSError as error:
            raise BackendUnavailableError(trouble(error, directory)) from error
        listener.listen(64)
        first.sendall(description(kept.server, kept.attempts, str(path)))
        Keeper(kept.server, listener, first).run()
        path.unlink()
    return ()


if __name__ == "__main__":
    try:
        CODE = main(sys.argv[1:])
    except BrokenPipeError:
        CODE = 0  # the first holder died while the server started
    sys.exit(CODE)
