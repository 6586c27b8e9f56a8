"""A door to a server: what goes in passes, and at a word the answers no longer come out."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Door:
    """Stands between a client and a server on this machine; a context manager.

    Args:
        url: address of the server, ``scheme://USER:PASSWORD@HOST:PORT/REST``.

    Attributes:
        url: the same server through the door.
    """

    def __init__(self, url):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._ear = socket.create_server(("127.0.0.1", 0))
        who, _, _ = parts.netloc.rpartition("@")
        self.url = parts._replace(netloc=f"{who}@127.0.0.1:{self._ear.getsockname()[1]}").geturl()
        self._word = None
        self._silent = threading.Event()
        self._open = []

    def silent_after(self, word):
        """Let the next request with this word pass, and no answer after it."""
        self._word = word

    def answer(self):
        """Let answers out again, for connections made from now on."""
        self._word = None
        self._silent.clear()

    def __enter__(self):
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        for one in [self._ear, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._ear.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                for work in ((self._in, client, server), (self._out, server, client)):
                    threading.Thread(target=work[0], args=work[1:], daemon=True).start()

    def _in(self, client, server):
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._word is not None and self._word in data:
                    self._silent.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _out(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not self._silent.is_set():
                    client.sendall(data)
            client.shutdown(socket.SHUT_WR)
