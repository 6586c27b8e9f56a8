"""Workers killed while they work: what was acknowledged stands, and log and ledger tell one story (K2.22)."""

from __future__ import annotations

import os
import signal

import pytest

from sessionkeeper.boundary.domain import ActiveSessionExistsError
from sessionkeeper.boundary.ledger import open_ledger
from sessionkeeper.boundary.rows import State
from sessionkeeper.boundary.schema_recorder import RecorderConfig, recorded_events
from sessionkeeper.boundary.schemas import SessionManagerEndInput, SessionManagerStartInput
from sessionkeeper.boundary.service import SessionService
from sessionkeeper.clock import ManualClock


WORKERS = 4
STATES = {State.ACTIVE: ["session_started"], State.CLOSED: ["session_started", "session_ended"]}


def work(service, name, acknowledge):
    """Start and end sessions for ever, and say what was acknowledged."""
    for turn in range(10_000):
        user = f"{name}-{turn % 3}"
        started = service.start_session(SessionManagerStartInput(user_id=user, performer_id="n"))
        acknowledge("started", user, started.session_id)
        service.end_session(
            SessionManagerEndInput(user_id=user, session_id=started.session_id, performer_id="n")
        )
        acknowledge("ended", user, started.session_id)


def spawn(url, recorder, name, pipe):
    """One worker as a process of its own; its acknowledgements go into a pipe, a line each."""
    child = os.fork()
    if child:
        return child
    try:
        service = SessionService(open_ledger(url), recorder, clock=ManualClock())
        work(service, name, lambda *words: os.write(pipe, (" ".join(words) + "\n").encode()))
    finally:
        os._exit(1)


@pytest.mark.parametrize("acknowledged", [1, 7, 20, 33])
def test_what_was_acknowledged_before_a_kill_stands(tmp_path, acknowledged):
    url, recorder = f"sqlite:///{tmp_path}/ledger.db", RecorderConfig(tmp_path / "logs", sync=False)
    open_ledger(url).close()
    reading, writing = os.pipe()
    children = [spawn(url, recorder, f"w{number}", writing) for number in range(WORKERS)]
    os.close(writing)
    with os.fdopen(reading) as lines:
        told = [next(lines).split() for _ in range(acknowledged)]
        for child in children:
            os.kill(child, signal.SIGKILL)
        told += [line.split() for line in lines if line.endswith("\n")]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [
        -signal.SIGKILL
    ] * WORKERS

    clock = ManualClock()
    clock.advance(11)
    ledger = open_ledger(url)
    service = SessionService(ledger, recorder, clock=clock)
    service.recover()

    # Every event in a log belongs to a row that says the same, and the other way round.
    logs = {path.stem: path.parent.parent.name for path in recorder.root.rglob("*.jsonl")}
    for session_id, user in logs.items():
        with ledger.transaction() as rows:
            row = rows.get(session_id)
        # A kill between making a log and writing it leaves an empty one; its reservation was withdrawn.
        told_by_row = [] if row is None else STATES[row.state]
        assert told_by_row == [event["event"] for event in recorded_events(recorder, user, session_id)]
    # What a caller was told is true.
    last = {session_id: (what, user) for what, user, session_id in told}
    for session_id, (what, user) in last.items():
        events = [event["event"] for event in recorded_events(recorder, user, session_id)]
        assert len(events) >= (1 if what == "started" else 2)
    # Nobody is stuck: every user can go on, or has a session to end.
    for user in {f"w{number}-{turn}" for number in range(WORKERS) for turn in range(3)}:
        try:
            service.start_session(SessionManagerStartInput(user_id=user, performer_id="n"))
        except ActiveSessionExistsError:
            with ledger.transaction() as rows:
                assert rows.open_row_of(user).state is State.ACTIVE
    ledger.close()
