"""Which rung a test stands on, and a process that holds a store until it is told or made to let go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from planproof.backends import keeping
from planproof.backends.doctor import State, examine
from planproof.backends.waiting import NotYetError, SystemClock, until


HOLDER = """
import json, sys
from pathlib import Path
from planproof.backends import acquire
with acquire(sys.argv[1], room=Path(sys.argv[2]) if sys.argv[2] else None) as backend:
    print(json.dumps({"url": backend.url, "namespace": backend.namespace}), flush=True)
    sys.stdin.read()
"""


class Holder:
    """A process that has acquired a store."""

    def __init__(self, kind, env, room=None):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, kind, str(room or "")],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        told = json.loads(line)
        self.url, self.namespace = told["url"], told["namespace"]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()

    def end(self, sign):
        """Send a signal to the holder alone and wait until it is gone."""
        os.kill(self.process.pid, sign)
        self.process.wait(60)

    def let_go(self):
        """An orderly end."""
        self.process.stdin.close()
        assert self.process.wait(60) == 0


@pytest.fixture
def holder():
    """Starts holders, and ends those that a failing test left."""
    started = []

    def start(kind, env, room=None):
        started.append(Holder(kind, env, room))
        return started[-1].__enter__()

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGKILL)
        one.__exit__()


@pytest.fixture(scope="session")
def diagnoses():
    """What the doctor sees here, by store."""
    return {str(diagnosis.kind): diagnosis for diagnosis in examine(os.environ)}


@pytest.fixture
def only(diagnoses):
    """``only(kind, source)``: an environment that allows one way to a store; skips where there is none."""

    def environment(kind, source):
        look = next(look for look in diagnoses[kind].looks if look.source == source)
        if look.state is not State.READY:
            pytest.skip(f"{kind} by {source}: {look.message}")
        root = str(Path(__file__).resolve().parents[2] / "harness")
        rest = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        return {**rest, "PLANPROOF_BACKEND_SOURCES": source, "PYTHONPATH": root}

    return environment


@pytest.fixture
def open_room():
    """A folder that every account may pass; a server that refuses root runs under another one.

    Not pytest's own: that is closed to others, and every start of pytest closes it again.
    """
    folder = Path(tempfile.mkdtemp(prefix="planproof-test-", dir=keeping.place()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def soon():
    """``soon(what, condition)``: wait on a real clock until the condition holds, two minutes at most."""

    def wait(what, condition):
        def check():
            if not condition():
                raise NotYetError("it does not hold yet")

        until(check, clock=SystemClock(), seconds=120, what=what)

    return wait
