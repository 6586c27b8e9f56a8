"""The store: whole after a kill at any moment, shared by two runs, begun anew where it is broken."""

import os
import random
import signal
import subprocess
import sys
import threading

import pytest
from tests.unit.proof.evidence_samples import some
from tests.unit.proof.workshop import ROOT, Repo

from planproof.proof.evidence.store import Store, read_all
from planproof.proof.model import Outcome


KILLS = int(os.environ.get("PLANPROOF_KILLS", "200"))
WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.unit.proof.evidence_samples import some
from planproof.proof.evidence.store import Store
with Store(Path(sys.argv[1])) as store:
    known = store.all()
    start = 1 + max((int(key) for key in known), default=-1)
    print("ready", flush=True)
    for number in range(start, start + 100_000):
        store.put([some(str(number))])
        print(number, flush=True)
"""


def test_what_is_put_comes_back(tmp_path):
    with Store(tmp_path / "e.db") as store:
        store.put([some("1"), some("2", outcome=Outcome.FAILED, reason="no")])
        store.put([some("1", seconds=3.0)])

    assert read_all(tmp_path / "e.db") == {
        "1": some("1", seconds=3.0),
        "2": some("2", outcome=Outcome.FAILED, reason="no"),
    }


def test_reading_makes_no_store(tmp_path):
    assert read_all(tmp_path / "none/e.db") == {}
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all, whatever it says", b"SQLite format 3\x00" + b"\xff" * 500]
)
def test_a_broken_store_is_set_aside(tmp_path, content):
    path = tmp_path / "e.db"
    path.write_bytes(content)

    with Store(path) as store:
        store.put([some("1")])

    assert set(read_all(path)) == {"1"}


def test_a_store_of_another_format_is_set_aside(tmp_path):
    import sqlite3

    path = tmp_path / "e.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.commit()
    db.close()

    assert read_all(path) == {}
    assert list(tmp_path.glob("e.db.broken-*"))


def test_a_kill_at_any_moment_leaves_it_whole(tmp_path):
    """Kill a writer with SIGKILL again and again; whatever it said it had recorded is there."""
    path = tmp_path / "e.db"
    chance = random.Random(7)
    acknowledged = -1
    for _ in range(KILLS):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "harness"), str(ROOT)])}
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(ROOT)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )
        for _ in range(chance.randrange(0, 6)):
            line = writer.stdout.readline().strip()
            if line.isdigit():
                acknowledged = max(acknowledged, int(line))
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            if line.endswith(b"\n") and line.strip().isdigit():
                acknowledged = max(acknowledged, int(line))
        writer.wait()
        writer.stdout.close()
    with Store(path) as store:
        assert store.intact()
        found = store.all()
    assert acknowledged >= 0
    assert set(map(str, range(acknowledged + 1))) <= set(found)
    assert all(one == some(key) for key, one in found.items())
    assert not list(tmp_path.glob("*.broken-*"))


def test_two_writers_wait_for_each_other(tmp_path):
    path = tmp_path / "e.db"
    start = threading.Barrier(4)
    errors = []

    def write(first):
        try:
            start.wait()
            with Store(path) as store:
                for number in range(first, first + 25):
                    store.put([some(str(number))])
        except Exception as error:  # noqa: BLE001 - whatever went wrong in a thread is looked at below
            errors.append(error)

    threads = [threading.Thread(target=write, args=(100 * count,)) for count in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(read_all(path)) == 100


def test_many_begin_one_store_at_once(tmp_path):
    """Each round is a new file that eight threads make: SQLite's change of journal mode does not wait."""
    errors = []

    def begin(start, path):
        try:
            start.wait()
            with Store(path) as store:
                store.durations()
        except Exception as error:  # noqa: BLE001 - whatever went wrong in a thread is looked at below
            errors.append(error)

    for number in range(40):
        start = threading.Barrier(8)
        path = tmp_path / str(number) / "e.db"
        if number % 2:
            path.parent.mkdir()
            path.write_bytes(b"no store at all")
        threads = [threading.Thread(target=begin, args=(start, path)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(path.parent.glob("*.broken-*"))) == number % 2

    assert errors == []


def test_two_runs_at_once_both_end_well(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[x] T001 One")
    repo.write(
        "tests/test_it.py",
        """
        import pytest


        @pytest.mark.proves("demo:T001")
        def test_it():
            assert len("a") == 1
        """,
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "harness")}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "planproof", "verify"],
            cwd=repo.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    said = [run.communicate(timeout=240) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], said
    assert repo.judge().verdict("T001") == "verified"
