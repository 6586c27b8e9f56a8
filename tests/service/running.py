"""A service as a process of its own, started by its one command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx


ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
BOUNDARY = "sessionkeeper.boundary"


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environment(**more):
    """The environment of a service process."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONKEEPER_")}
    return kept | {"PYTHONPATH": str(ROOT / "reference_impl")} | more


@contextmanager
def service(store, logs, *arguments):
    """Run the boundary service; yields its address once it answers, and stops it with all its workers."""
    port = free_port()
    line = ("-m", BOUNDARY, "--store", store, "--logs", logs, "--port", port, *arguments)
    with running(line) as url:
        yield url


@contextmanager
def running(line, **variables):
    """Run a service by its command line, which names its port; yields its address once it answers."""
    process = subprocess.Popen(
        [sys.executable, *map(str, line)],
        env=environment(**variables),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{line[line.index('--port') + 1]}"
        _wait_until_it_answers(url, process)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        process.stderr.close()


def _wait_until_it_answers(url, process):
    until = time.monotonic() + DEADLINE
    pause = threading.Event()
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the service ended at once: {process.stderr.read()}")
        try:
            httpx.get(f"{url}/openapi.json", timeout=5).raise_for_status()
        except httpx.TransportError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError("the service does not answer")


def refused(*arguments):
    """Run the boundary service with arguments that it must refuse; returns exit status and what it said."""
    return refused_by(BOUNDARY, *arguments)


def refused_by(module, *arguments, **variables):
    """Run a service that must not start; returns exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, done.stderr


@contextmanager
def serving(app):
    """Serve an application from a thread of this process; yields a client for it."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until, pause = time.monotonic() + DEADLINE, threading.Event()
    while not server.started and thread.is_alive() and time.monotonic() < until:
        pause.wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
