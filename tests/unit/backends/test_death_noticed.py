"""A server's users can hear of its death before its keeper does: the death is told all the same."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from planproof.backends import finding
from planproof.backends.model import BackendKind
from planproof.errors import BackendUnavailableError


class FlyingClock:
    """Time that passes only where somebody waits."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"dynamodb://127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def living(status=200, answer=b'{"TableNames": []}'):
    """A server that answers ListTables."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"dynamodb://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def work_fails(url, *told):
    """The work on the server at ``url`` fails; its keeper tells these, one at each question."""
    told = list(told)

    def failure():
        return told.pop(0) if told else None

    with finding._noticing_death(BackendKind.DYNAMODB, url, FlyingClock(), failure):
        raise ZeroDivisionError


def test_a_keeper_that_does_not_know_yet_is_asked_again():
    with pytest.raises(BackendUnavailableError) as caught:
        work_fails(nobody_listens(), None, None, "it was killed")
    assert str(caught.value) == "DynamoDB Local died while it was used: it was killed"


def test_a_server_that_is_gone_without_a_word():
    url = nobody_listens()
    with pytest.raises(BackendUnavailableError) as caught:
        work_fails(url)
    expected = f"DynamoDB Local died while it was used: {url} did not answer in 5 s: Connection refused"
    assert str(caught.value) == expected


def test_a_living_server_leaves_the_error_as_it_is():
    with living() as url, pytest.raises(ZeroDivisionError):
        work_fails(url)


def test_a_server_that_refuses_is_alive():
    refusal = json.dumps({"__type": "x#AccessDeniedException", "message": "no"}).encode()
    with living(400, refusal) as url, pytest.raises(ZeroDivisionError):
        work_fails(url)


def test_work_that_succeeds_is_not_asked_about():
    with finding._noticing_death(BackendKind.DYNAMODB, nobody_listens(), FlyingClock(), lambda: 1 / 0):
        pass
