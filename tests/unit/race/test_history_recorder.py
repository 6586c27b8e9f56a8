"""The recorder and its file: what was noted is read back, after a kill too, and what is wrong is refused."""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planproof.race.history.journal as journal_module
import planproof.race.history.lines as lines_module
from planproof.errors import HistoryError, WorkloadError
from planproof.race.checker import check
from planproof.race.history import (
    UNKNOWN,
    History,
    Note,
    Operation,
    Outcome,
    Recorder,
    frozen,
    merged,
    read_lines,
)
from planproof.race.models import Register


SCHEMA = json.loads(
    (Path(lines_module.__file__).resolve().parents[2] / "schemas" / "history.schema.json").read_text()
)


def ticking():
    """A clock that never stands still."""
    now = iter(range(10, 10**9))
    return lambda: next(now)


def unnumbered(history):
    return [replace(op, line=None) for op in history.operations]


def test_what_was_noted_is_read_back(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path, meta={"seed": 7, "replay": "again"}, clock=ticking())
    first = recorder.call("ann", "write", (1,))
    second = recorder.call("bob", "read")
    recorder.sub(first, "sql", "UPDATE t SET x = 1", 11, 12, note="UPDATE 1")
    recorder.ok(first)
    recorder.ok(second, {"b": [1, 2], "a": None})
    third = recorder.call("ann", "write", (2,))
    recorder.fail(third, "40001")
    fourth = recorder.call("ann", "write", (3,))
    recorder.info(fourth, "server closed the connection")
    recorder.note("fault", "connection killed", client="ann")
    recorder.call("bob", "read")
    kept = recorder.close()
    read = read_lines(path)
    assert unnumbered(read) == unnumbered(kept)
    assert read.notes == kept.notes
    assert [note.text for note in read.notes] == ["connection killed"]
    assert read.meta == {"seed": 7, "replay": "again"}
    assert read.ended
    assert read.cut is None
    outcomes = [op.outcome for op in read.operations]
    assert outcomes == [Outcome.OK, Outcome.OK, Outcome.FAIL, Outcome.INFO, Outcome.INFO]
    assert read.operations[1].result == (("a", None), ("b", (1, 2)))
    assert read.operations[0].subs[0].note == "UPDATE 1"
    assert read.operations[3].error == "server closed the connection"
    assert read.operations[4].ret is None


def test_every_line_fits_the_schema(tmp_path):
    path = tmp_path / "run.jsonl"
    with Recorder(path) as recorder:
        recorder.ok(recorder.call(1, "write", (frozenset({2, 1}),)), b"bytes")
        recorder.note("fault", "pause", at=3, end=5)
        recorder.sub(0, "http", "GET /", 1)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    lines = path.read_text().splitlines()
    assert len(lines) == 6
    for line in lines:
        validator.validate(json.loads(line))
    assert not validator.is_valid([["called", 1]])
    assert not validator.is_valid({"planproof-history": 2})


def test_at_once_writes_each_event_before_the_call_goes_on(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path)
    recorder.call(1, "write", (1,))
    assert [op.text for op in read_lines(path).operations] == ["write(1)"]
    assert not read_lines(path).ended
    recorder.close()


KILLED = """
import os, sys, pathlib
from planproof.race.history import Recorder

recorder = Recorder(pathlib.Path(sys.argv[1]), shared=sys.argv[2] == "shared")
for i in range(10**9):
    recorder.ok(recorder.call(1, "write", (i,)))
    number = recorder.call(1, "read")
    recorder.ok(number, i)
    os.write(1, b"%d\\n" % i)
"""


@pytest.mark.parametrize("kind", ["own", "shared"])
@pytest.mark.parametrize("writes", [1, 100, 3000])
def test_a_kill_loses_nothing_that_was_noted(tmp_path, kind, writes):
    path = tmp_path / "run.jsonl"
    harness = str(Path(lines_module.__file__).resolve().parents[3])
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), kind],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": harness},
    )
    for _ in range(writes):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    last = int((child.stdout.read().split() or [writes - 1])[-1])
    child.wait()
    child.stdout.close()
    history = read_lines(path)
    done = [op for op in history.operations if op.op == "read" and op.outcome is Outcome.OK]
    assert len(done) in {last + 1, last + 2}, "each reply is there whose client went on"
    assert not history.ended
    assert check(history, Register()).linearizable is True
    assert history.cut is None


def test_a_file_grows_without_losing_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "CHUNK", mmap.ALLOCATIONGRANULARITY)
    monkeypatch.setattr(journal_module, "LARGEST", mmap.ALLOCATIONGRANULARITY)
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path)
    rng = random.Random(1)
    wanted = ["x" * rng.choice([0, 5, 900, 4000, mmap.ALLOCATIONGRANULARITY, 20000]) for _ in range(200)]
    for text in wanted:
        recorder.ok(recorder.call(1, "read"), text)
        if not rng.randrange(40):
            assert recorder.history().operations[-1].result == text
    kept = recorder.close()
    assert [op.result for op in kept.operations] == wanted
    assert read_lines(path) == kept
    assert path.read_bytes().endswith(b"]]\n")


def test_a_client_that_hangs_on_after_the_end_harms_nothing(tmp_path):
    recorder = Recorder(tmp_path / "run.jsonl")
    number = recorder.call(1, "read")
    recorder.close()
    recorder.ok(number, 1)
    assert not [op for op in read_lines(tmp_path / "run.jsonl").operations if op.outcome is Outcome.OK]


def test_a_disk_that_is_full_when_a_file_grows_is_said(tmp_path):
    path = tmp_path / "run.jsonl"
    code = (
        "import resource, signal, sys, pathlib\n"
        "from planproof.race.history import Recorder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "recorder = Recorder(pathlib.Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "for i in range(5000):\n"
        "    recorder.ok(recorder.call(1, 'write', (i,)))\n"
        "try:\n"
        "    recorder.close()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    harness = str(Path(lines_module.__file__).resolve().parents[3])
    said = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": harness},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == f"HistoryError {path}: the history cannot be written: File too large\n"
    assert read_lines(path).operations


@settings(max_examples=60)
@given(st.data())
def test_a_file_cut_anywhere_is_a_prefix_or_refused_and_never_green(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "run.jsonl"
    recorder = Recorder(path, clock=ticking())
    for value in range(5):
        recorder.ok(recorder.call(1, "write", (value,)))
        recorder.ok(recorder.call(2, "read"), value)
    recorder.close()
    whole = path.read_bytes()
    at = data.draw(st.integers(1, len(whole) - 1))
    path.write_bytes(whole[:at])
    history = read_lines(path)
    verdict = check(history, Register())
    if whole[at - 1 : at] == b"\n":
        assert history.cut is None
        assert verdict.linearizable is True
    elif history.cut is not None:
        assert verdict.linearizable is None
        assert f"line {history.cut}" in verdict.reason
    else:  # only the newline is missing
        assert whole[at : at + 1] == b"\n"


def test_a_cut_file_that_is_wrong_before_the_cut_is_wrong(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path)
    recorder.ok(recorder.call(1, "write", (1,)))
    recorder.ok(recorder.call(1, "read"), 2)
    recorder.close()
    path.write_bytes(path.read_bytes()[:-4])
    assert check(read_lines(path), Register()).linearizable is False


HEAD = '{"planproof-history":1,"meta":{}}\n'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (HEAD + '[["call",1,1,"read",[],5],["call",1,2,"read",[],6]]\n', 2, "called twice"),
        (HEAD + '[["ok",1,5,null]]\n', 2, "without having been called"),
        (HEAD + '[["call",1,1,"read",[],5]]\n[["ok",1,6,1]]\n[["ok",1,7,1]]\n', 4, "returns twice"),
        (HEAD + '[["call",1,1,"read",[],5]]\n[["call",2,1,"read",[],6]]\n', 3, "still open"),
        (HEAD + '[["call",1,1,"read",[],5],["ok",1,4,1]]\n', 2, "before it was called"),
        (HEAD + "nonsense\n[]\n", 2, "JSON"),
        (HEAD + '[["jump",1]]\n', 2, "no event"),
        (HEAD + '[["call",1]]\n', 2, "no event"),
        (HEAD + '"text"\n', 2, "neither"),
        (HEAD + '{"what": 1}\n', 2, "no part"),
        ('{"planproof-history":2}\n', 1, "form 2"),
        (HEAD + '{"planproof-history":1,"meta":{"seed":2}}\n', 2, "second run"),
        ('{"process":1,"type":"ok","f":"read","value":1}\n', 1, "without having called"),
        ('{"process":1,"type":"invoke","f":"read"}\n' * 2, 2, "still open"),
        ('{"process":1,"type":"maybe","f":"read"}\n', 1, "none of"),
        ('{"op":"read","call":"now"}\n', 1, "in numbers"),
        ('{"op":"read","call":1,"id":4,"return":2}\n' * 2, 2, "twice"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_line(tmp_path, text, line, says):
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(HistoryError, match=says) as caught:
        read_lines(path)
    assert caught.value.line == line
    assert caught.value.path == str(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(HistoryError, match="cannot be read"):
        read_lines(tmp_path / "none")


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_history_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "run.jsonl"
    path.write_bytes(data)
    try:
        read_lines(path)
    except HistoryError as error:
        assert error.path == str(path)  # noqa: PT017 - it need not be raised


def test_the_plain_forms_are_read(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text(
        '{"process":0,"type":"invoke","f":"write","value":3,"time":1}\n'
        '{"process":0,"type":"ok","f":"write","value":3,"time":2}\n'
        '{"process":1,"type":"invoke","f":"read","value":null,"time":3}\n'
        '{"process":1,"type":"info","f":"read","value":null,"time":4,"error":"lost"}\n'
        '{"client":"c","op":"cas","args":[3,4],"result":true,"call":5,"return":6,"outcome":"ok"}\n'
        '{"client":"c","op":"write","args":[9],"call":7}\n'
    )
    ops = read_lines(path).operations
    assert [(op.text, op.outcome.value, op.ret) for op in ops] == [
        ("write(3)", "ok", 2),
        ("read()", "info", 4),
        ("cas(3, 4)", "ok", 6),
        ("write(9)", "info", None),
    ]


def test_what_cannot_be_recorded_is_said_at_the_end(tmp_path):
    recorder = Recorder(tmp_path / "run.jsonl")
    recorder.ok(recorder.call(1, "login", ("ann",)), object())
    with pytest.raises(WorkloadError, match=r"login returned what cannot be recorded: .*object"):
        recorder.close()


class FullDisk:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, room):
        self.room = room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left on device")

    def flush(self):
        """Nothing is held back."""

    def close(self):
        """Nothing to do."""


def test_a_full_disk_is_said_and_never_passed():
    recorder = Recorder(sink=FullDisk(60))
    for value in range(20):
        recorder.ok(recorder.call(1, "write", (value,)))
    assert recorder.failure is not None
    with pytest.raises(HistoryError, match="No space left"):
        recorder.close()


def test_two_runs_do_not_share_a_file(tmp_path):
    Recorder(tmp_path / "run.jsonl").close()
    with pytest.raises(HistoryError, match="another run"):
        Recorder(tmp_path / "run.jsonl")
    with pytest.raises(HistoryError, match="cannot be written"):
        Recorder(tmp_path / "none" / "run.jsonl")


def test_many_threads_make_one_well_formed_history(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path)
    start = threading.Barrier(8)

    def client(name):
        start.wait()
        for value in range(300):
            number = recorder.call(name, "write", (value,))
            recorder.end(number, Outcome.OK)

    threads = [threading.Thread(target=client, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    assert len(read_lines(path).operations) == 2400


def test_histories_of_processes_are_merged():
    one = History.of([Operation(0, "a", "write", (1,), 1, 4, Outcome.OK)], meta={"seed": 1})
    two = History.of([Operation(0, "b", "read", (), 2, 3, Outcome.OK, 1)], notes=(Note(2, "fault", "x"),))
    both = merged([one, two])
    assert [(op.id, op.client) for op in both.operations] == [(0, "a"), (1, "b")]
    assert both.meta == {"seed": 1}
    assert both.clients == ("a", "b")
    assert check(both, Register()).linearizable


def test_values_are_frozen_alike_on_both_ways():
    rng = random.Random(1)

    def value(depth):
        kind = rng.randrange(7 if depth else 4)
        if kind < 4:
            return (None, True, 3, "x")[kind]
        if kind == 4:
            return [value(depth - 1) for _ in range(3)]
        if kind == 5:
            return {str(number): value(depth - 1) for number in range(2)}
        return {1, 2, 3}

    for _ in range(200):
        made = value(3)
        hash(frozen(made))
        assert frozen(made) == frozen(json.loads(json.dumps(made, default=sorted)))
    assert frozen(UNKNOWN) is UNKNOWN
