"""A failure is made small on its own store, written as a test that fails by itself.

And replayed by command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from planproof.backends.model import Backend, BackendKind
from planproof.errors import ConfigError
from planproof.interfaces.cli.main import run as cli
from planproof.race import run
from planproof.race.replay import read_replay, replay


pytestmark = pytest.mark.slow


ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "harness/planproof/schemas"
SOURCE = """
import sqlite3
from hypothesis import strategies as st
from planproof.race import Workload, call, invariant, operation, parallel

class Counter(Workload):
    clients, steps = 4, 4
    scenarios = (parallel(*[[call("add", amount=2), call("look"), call("add", amount=1)]] * 4),)
    atomic = {atomic}

    def open(self, backend):
        self.path = backend.url.removeprefix("sqlite:///")
        self.done = []
        connection = self.connect()
        connection.execute("CREATE TABLE t (n INTEGER)")
        connection.execute("INSERT INTO t VALUES (0)")
        return connection

    def connect(self):
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    @operation(amount=st.integers(1, 3))
    def add(self, system, amount):
        connection = self.connect()
        if self.atomic:
            connection.execute("UPDATE t SET n = n + ?", (amount,))
        else:
            n = connection.execute("SELECT n FROM t").fetchone()[0]
            connection.execute("UPDATE t SET n = ?", (n + amount,))
        connection.close()
        self.done.append(amount)

    @operation
    def look(self, system):
        connection = self.connect()
        n = connection.execute("SELECT n FROM t").fetchone()[0]
        connection.close()
        return n

    @invariant(when="rest")
    def nothing_lost(self, system):
        n = system.execute("SELECT n FROM t").fetchone()[0]
        assert n == sum(self.done), f"{{n}} counted, {{sum(self.done)}} acknowledged"
"""
SQLITE = Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counter.py").write_text(SOURCE.format(atomic=False))
    return tmp_path


def failing(place):
    result = run(f"{place / 'counter.py'}:Counter", backend=SQLITE, seed=7, folder=place / "races")
    assert result.outcome == "failed"
    return result.failure


def test_the_smallest_run_is_two_operations_two_clients_two_switches(place):
    failure = failing(place)
    assert failure.size == (2, 2, 2)
    assert failure.shrunk_from is not None
    assert failure.shrunk_from[0] == 12
    assert failure.shrunk_from[1] == 4
    assert failure.violation.property == "nothing_lost"


def test_the_file_is_a_test_that_fails_by_itself_and_passes_when_the_race_is_repaired(place):
    path = failing(place).replay_path
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "harness", ROOT)))}
    environment.pop("PYTEST_XDIST_WORKER", None)

    def pytest_run():
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path]
        return subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=False
        )

    broken = pytest_run()
    assert broken.returncode == 1, broken.stdout
    assert "nothing_lost" in broken.stdout
    (place / "counter.py").write_text(SOURCE.format(atomic=True))
    repaired = pytest_run()
    assert repaired.returncode == 0, repaired.stdout
    assert "1 failed" not in repaired.stdout


def test_the_command_replays_the_very_schedule(place, capsys):
    failure = failing(place)
    again = replay(Path(failure.replay_path))
    assert again.outcome == "failed"
    assert again.failure.choices == failure.choices
    assert again.failure.steps == failure.steps
    assert cli(["race", "replay", failure.replay_path]) == 1
    assert "nothing_lost" in capsys.readouterr().out


def test_a_mark_is_enough_where_races_lie_in_their_folder(place, capsys):
    result = run(f"{place / 'counter.py'}:Counter", backend=SQLITE, folder=Path(".planproof/races"))
    mark = Path(result.failure.replay_path).stem.removeprefix("test_race_")
    assert cli(["race", "replay", mark[:4]]) == 1


def test_two_runs_in_one_folder_do_not_disturb_each_other(place):
    assert failing(place).replay_path == failing(place).replay_path
    assert len(list((place / "races").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("form=1", "form=99"), "reads form 1"),
        (lambda text: text.replace("choices=", "chosen="), "is damaged"),
        (lambda text: text.replace("RACE = Replay(", "RACE = Other("), "holds no replay"),
        (lambda text: "]]" + text, "is no replay"),
    ],
)
def test_a_replay_that_cannot_be_read_is_one_sentence(place, capsys, change, told):
    path = Path(failing(place).replay_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(ConfigError, match=told):
        read_replay(path)
    assert cli(["race", "replay", str(path)]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_reading_a_replay_runs_nothing_in_it(place):
    path = Path(failing(place).replay_path)
    path.write_text(f"raise SystemExit('ran')\n{path.read_text()}")
    assert read_replay(path).property == "nothing_lost"


def test_no_such_replay(place, capsys):
    assert cli(["race", "replay", "nowhere.py"]) == 2
    assert "no such replay" in capsys.readouterr().err


def test_an_operation_that_is_gone_is_said(place, capsys):
    path = failing(place).replay_path
    (place / "counter.py").write_text(SOURCE.format(atomic=True).replace("def add", "def plus"))
    sys.modules.pop("planproof_workload_counter", None)
    for name in [each for each in sys.modules if each.endswith("counter") and "planproof" not in each]:
        sys.modules.pop(name)
    assert cli(["race", "replay", path]) == 2
    assert "workload changed since" in capsys.readouterr().err


@pytest.mark.parametrize(("atomic", "code"), [(True, 0), (False, 1)])
def test_where_the_order_cannot_be_made_any_more_all_others_are(place, capsys, atomic, code):
    path = failing(place).replay_path
    text = Path(path).read_text()
    Path(path).write_text(text.replace("choices=[", "choices=[0, 0, 0, 0, 0, 0, "))
    (place / "counter.py").write_text(SOURCE.format(atomic=atomic))
    for name in [each for each in sys.modules if each.endswith("counter")]:
        sys.modules.pop(name)
    assert cli(["race", "replay", path]) == code
    told = "the recorded order cannot be made any more; every distinct order of the calls"
    assert (told in capsys.readouterr().out.replace("\n  ", " ")) == atomic


class TestCommand:
    def test_exit_codes(self, place, capsys):
        (place / "right.py").write_text(SOURCE.format(atomic=True))
        base = ["--backend", "sqlite", "--schedules", "20", "--folder", "races"]
        assert cli(["race", "run", "right.py:Counter", *base]) == 0
        assert cli(["race", "run", "counter.py:Counter", *base]) == 1
        assert cli(["race", "run", "right.py:Counter", *base, "--clients", "1"]) in {0, 3}
        assert cli(["race", "run", "nowhere.py:Counter", *base]) == 2
        assert cli(["race", "run", "right.py:Counter", "--mode", "wild"]) == 2
        assert "Traceback" not in capsys.readouterr().err

    def test_json_keeps_to_its_schema(self, place, capsys):
        schema = json.loads((SCHEMAS / "race-run.schema.json").read_text())
        certificate = json.loads((SCHEMAS / "certificate.schema.json").read_text())
        (place / "right.py").write_text(SOURCE.format(atomic=True))
        for file, code in (("counter.py", 1), ("right.py", 0)):
            arguments = ["race", "run", f"{file}:Counter", "--backend", "sqlite", "--schedules", "10"]
            assert cli([*arguments, "--output-format", "json"]) == code
            told = json.loads(capsys.readouterr().out)
            jsonschema.validate(told, schema)
            jsonschema.validate(told["certificate"], certificate)

    def test_controls_and_placebo(self, place, capsys):
        (place / "right.py").write_text(SOURCE.format(atomic=True))
        base = ["race", "run", "right.py:Counter", "--backend", "sqlite", "--schedules", "10"]
        assert cli([*base, "--control", "counter.py:Counter", "--placebo", "right.py:Counter"]) == 0
        told = capsys.readouterr().out
        assert "killed by nothing_lost at schedule 1" in told
        assert "placebo" in told
        assert cli([*base, "--control", "right.py:Counter"]) == 3
        assert "survived" in capsys.readouterr().out
        assert cli([*base, "--placebo", "counter.py:Counter"]) == 3
