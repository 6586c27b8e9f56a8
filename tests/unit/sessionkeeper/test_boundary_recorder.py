"""schema_recorder: a line whole or not at all, appended and never edited (S2.INV2, S2.INV5)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
import uuid
from pathlib import Path

import pytest
from tests.unit.sessionkeeper.aws_faults import together

from sessionkeeper.boundary import schema_recorder
from sessionkeeper.boundary.layout import session_directory, session_log_path
from sessionkeeper.boundary.schema_recorder import RecorderConfig, append_event, recorded_events
from sessionkeeper.boundary.schemas import SessionManagerStartOutput


SESSION = "sess_" + "a" * 43


def event(notes="", user="u1"):
    return SessionManagerStartOutput(
        record_id=str(uuid.uuid4()),
        user_id=user,
        session_id=SESSION,
        timestamp="2026-01-01T00:00:00.000Z",
        performer_id="nurse-7",
        session_notes=notes,
    )


@pytest.fixture
def config(tmp_path):
    session_directory("u1", root=tmp_path).mkdir(parents=True)
    return RecorderConfig(tmp_path)


@pytest.fixture
def log(config):
    return session_log_path("u1", SESSION, root=config.root)


def test_events_are_lines_in_order(config, log):
    events = [event("first\nline\u2028"), event("zweite ü 🙂")]
    for one in events:
        append_event(config, "u1", SESSION, one)

    assert [json.loads(line) for line in log.read_text().split("\n")[:-1]] == [e.model_dump() for e in events]
    assert recorded_events(config, "u1", SESSION) == [e.model_dump() for e in events]
    assert recorded_events(config, "nobody", SESSION) == []


def test_what_stands_is_never_touched(config, log):
    append_event(config, "u1", SESSION, event("first"))
    before = log.read_bytes()
    append_event(config, "u1", SESSION, event("second"))

    assert log.read_bytes().startswith(before)


def test_a_line_is_on_the_disk_before_it_counts(config, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        schema_recorder.os,
        "fsync",
        lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), real(fd)),
    )

    append_event(config, "u1", SESSION, event())

    assert synced[-1].endswith(".jsonl")
    assert str(config.root) in synced  # the new directories too, up to the root
    synced.clear()
    append_event(config, "u1", SESSION, event())
    assert len(synced) == 1


@pytest.mark.parametrize("what", ["short write", "full disk", "sync fails"])
def test_a_write_that_fails_leaves_the_log_as_it_was(config, log, monkeypatch, what):
    append_event(config, "u1", SESSION, event("first"))
    before = log.read_bytes()
    real = os.write

    def full(*_args):
        raise OSError(errno.ENOSPC, "no space left")

    if what == "short write":
        monkeypatch.setattr(schema_recorder.os, "write", lambda fd, data: real(fd, data[:20]))
    elif what == "full disk":
        monkeypatch.setattr(schema_recorder.os, "write", full)
    else:
        monkeypatch.setattr(schema_recorder.os, "fsync", full)

    with pytest.raises(OSError, match=r"bytes were written|no space"):
        append_event(config, "u1", SESSION, event("second"))
    assert log.read_bytes() == before


@pytest.mark.parametrize("torn", [b'{"record_id": "x', b"x" * 10_000])
@pytest.mark.parametrize("before", [0, 2])
def test_a_line_that_a_crash_cut_short_was_never_recorded(config, log, torn, before):
    events = [event(str(number)) for number in range(before)]
    for one in events:
        append_event(config, "u1", SESSION, one)
    with log.open("ab") as file:
        file.write(torn)

    assert recorded_events(config, "u1", SESSION) == [e.model_dump() for e in events]
    events.append(event("after the crash"))
    append_event(config, "u1", SESSION, events[-1])
    assert recorded_events(config, "u1", SESSION) == [e.model_dump() for e in events]
    assert log.read_bytes().count(b"\n") == before + 1


def test_writers_at_once_do_not_mix_their_lines(config, log):
    together(12, lambda n: [append_event(config, "u1", SESSION, event(f"{n:x}" * 1500)) for _ in range(4)])

    found = recorded_events(config, "u1", SESSION)
    assert len(found) == 48
    assert len({one["record_id"] for one in found}) == 48
    assert log.read_bytes().endswith(b"\n")


def test_a_writer_waits_for_another_one_to_finish(config, log):
    """What looks cut short to one may be another's line on its way: nobody repairs while somebody writes."""
    append_event(config, "u1", SESSION, event("first"))
    before = log.read_bytes()
    with log.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer = threading.Thread(target=append_event, args=(config, "u1", SESSION, event("second")))
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        assert log.read_bytes() == before
        fcntl.flock(other, fcntl.LOCK_UN)
    writer.join(20)
    assert len(recorded_events(config, "u1", SESSION)) == 2


def test_a_link_is_not_followed(config, log, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    log.symlink_to(victim)

    with pytest.raises(OSError, match=r"symbolic|loop|ELOOP|Too many"):
        append_event(config, "u1", SESSION, event())
    assert victim.read_text() == "precious"


def test_a_directory_that_is_not_there_is_an_error(config):
    with pytest.raises(FileNotFoundError):
        append_event(config, "u2", SESSION, event(user="u2"))
