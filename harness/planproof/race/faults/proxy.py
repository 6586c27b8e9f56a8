"""A proxy between clients and PostgreSQL that cuts a connection at an exact place, or leaves it half open."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit


if TYPE_CHECKING:
    from planproof.backends.model import Backend


@dataclass(slots=True)
class _Link:
    """One connection through the proxy.

    Attributes:
        client: the socket to the client.
        server: the socket to the server.
        how: what happens to the next thing that the client sends; empty for nothing.
        dropping: True once the next reply is to be dropped and the connection cut.
    """

    client: socket.socket
    server: socket.socket
    how: str = ""
    dropping: bool = False


class Proxy:
    """Listens on a port of its own and forwards; a context manager.

    Args:
        backend: the server behind it.
    """

    def __init__(self, backend: Backend) -> None:
        parts = urlsplit(backend.url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._links: dict[int, _Link] = {}
        self._kept: list[socket.socket] = []
        self._lock = threading.Lock()
        port = self._listener.getsockname()[1]
        user = parts.netloc.rpartition("@")[0]
        netloc = f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}"
        self.place = replace(backend, url=urlunsplit(parts._replace(netloc=netloc)))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept is woken by the shutdown, not by closing the descriptor.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            links, self._links = list(self._links.values()), {}
        for link in links:
            _close(link.client)
            _close(link.server)
        for kept in self._kept:
            _close(kept)

    def arm(self, descriptor: int, how: str) -> None:
        """Decide what happens to the next thing that the client behind this socket sends.

        Args:
            descriptor: the client's own socket.
            how: ``before``: it is not forwarded and both sides are cut; ``after``: it is forwarded, and cut
                when the reply comes; ``half open``: the client is cut, the server is left waiting.
        """
        own = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
        try:
            port = own.getsockname()[1]
        finally:
            own.close()
        with self._lock:
            self._links[port].how = how

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._listener.accept()
                server = socket.create_connection(self._server)
            except OSError:
                return
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(client, server)
            with self._lock:
                self._links[address[1]] = link
            for pump in (self._up, self._down):
                threading.Thread(target=pump, args=(link,), name="proxy-link", daemon=True).start()

    def _up(self, link: _Link) -> None:
        while data := _receive(link.client):
            if link.how in {"before", "half open"}:
                if link.how == "half open":
                    self._kept.append(link.server)
                else:
                    _close(link.server)
                _close(link.client)
                return
            link.dropping = link.how == "after"
            if not _send(link.server, data):
                break
        if link.server not in self._kept:
            _close(link.server)

    def _down(self, link: _Link) -> None:
        while data := _receive(link.server):
            if link.dropping:
                break
            if not _send(link.client, data):
                break
        _close(link.client)
        if link.dropping:
            _close(link.server)


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _send(end: socket.socket, data: bytes) -> bool:
    try:
        end.sendall(data)
    except OSError:
        return False
    return True


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
