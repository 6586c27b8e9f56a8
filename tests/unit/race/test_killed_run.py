"""A run that is killed by SIGKILL leaves a history that can be judged, in every mode."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import planproof as package
from planproof.race.history import read_lines


pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and named pipes")

WORKLOAD = '''
from __future__ import annotations

import os
import sqlite3

from hypothesis import strategies as st
from planproof.race import Workload, call, operation, parallel
from planproof.race.models import Register

HERE = os.path.dirname(os.path.abspath(__file__))


class Cell(Workload):
    """Says 5 where nobody ever wrote 5, then stands still inside a write of 2 until it is let go."""

    model = Register()
    clients, steps = 2, 1  # no drawn program is larger than the scenario, which every mode then runs first
    scenarios = (
        parallel([call("write", value=1), call("read"), call("write", value=2)], call("write", value=3)),
    ) * 4
    setups = 0

    def open(self, backend):
        connection = self.attach(backend)
        connection.execute("CREATE TABLE t (n INTEGER)")
        connection.execute("INSERT INTO t VALUES (0)")
        return connection

    def attach(self, backend):
        path = backend.url.removeprefix("sqlite:///")
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def setup(self, system):
        Cell.setups += 1

    def now(self):
        return Cell.setups == int(os.environ["TELLS_LIES_AT"])

    @operation(value=st.integers(0, 1))
    def write(self, system, value):
        system.execute("UPDATE t SET n = ?", (value,))
        if value == 2 and self.now():
            with open(os.path.join(HERE, "reached"), "wb", buffering=0) as reached:
                reached.write(b"!")
            with open(os.path.join(HERE, "let_go"), "rb", buffering=0) as let_go:
                let_go.read(1)

    @operation
    def read(self, system):
        n = system.execute("SELECT n FROM t").fetchone()[0]
        return 5 if self.now() else n
'''


def planproof(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "planproof", "race", *arguments]
    paths = [str(Path(package.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def killed(folder, *options, lies_at):
    """Run until a client stands inside its last write, then SIGKILL; the one file that is left."""
    (folder / "cell.py").write_text(WORKLOAD)
    pipes = {}
    for name in ("reached", "let_go"):
        os.mkfifo(folder / name)
        pipes[name] = os.open(folder / name, os.O_RDWR)
    try:
        child = planproof(
            *("run", "cell.py:Cell", "--backend", "sqlite", "--schedules", "20", "--folder", "races"),
            *options,
            cwd=folder,
            TELLS_LIES_AT=str(lies_at),
        )
        came, _, _ = select.select([pipes["reached"], child.stdout], [], [], 120)
        assert pipes["reached"] in came, child.stdout.read().decode()
        child.send_signal(signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
    finally:
        os.write(pipes["let_go"], b"!")  # a client that is a process outlives the run, and ends by itself
        for pipe in pipes.values():
            os.close(pipe)
    [left] = (folder / "races").glob("history_*.jsonl")
    return left


def judged(left):
    check = planproof("check", str(left), "--output-format", "json", cwd=left.parent)
    out, _ = check.communicate(timeout=120)
    return check.returncode, json.loads(out)["results"][0]


MODES = [
    pytest.param(["--mode", "explore"], 3, id="explore"),
    pytest.param(["--mode", "explore", "--orders", "all"], 3, id="every_order"),
    pytest.param(["--mode", "stress"], 1, id="threads"),
    pytest.param(["--mode", "stress", "--processes"], 0, id="processes"),
]


@pytest.mark.parametrize(("options", "lies_at"), MODES)
def test_what_a_killed_run_left_is_judged(tmp_path: Path, options: list[str], lies_at: int):
    left = killed(tmp_path, *options, lies_at=lies_at)
    meta = read_lines(left).meta
    assert (meta["workload"], meta["model"], meta["seed"]) == ("cell:Cell", "register", 0)
    assert meta["planproof"] == package.__version__
    done = [op for op in read_lines(left).operations if op.client == 0]
    assert [(op.op, op.result) for op in done[:2]] == [("write", None), ("read", 5)]
    assert done[2].args == (2,), "the call that was under way is on the record"
    code, result = judged(left)
    assert (code, result["linearizable"]) == (1, False)


def test_a_run_that_passes_leaves_none(tmp_path):
    (tmp_path / "cell.py").write_text(WORKLOAD)
    for options in (["--mode", "explore"], ["--mode", "stress", "--processes"]):
        run = planproof(
            *("run", "cell.py:Cell", "--backend", "sqlite", "--schedules", "2", "--folder", "races"),
            *options,
            cwd=tmp_path,
            TELLS_LIES_AT="-1",
        )
        out, _ = run.communicate(timeout=120)
        assert run.returncode in {0, 3}, out.decode()
        assert list((tmp_path / "races").glob("history_*")) == []
