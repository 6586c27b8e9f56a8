"""What recording costs: operations per second of a loop with the recorder, as a share of those without.

    python -m pytest tests/bench/test_race_overhead.py --override-ini=norecursedirs=

The loop is a login of the session keeper. On memory the history is kept in memory, as a race does that is
told of no file; on PostgreSQL it goes to disk as well. On a busy machine wall-clock time says more about the
others than about the loop. So the cost of recording is the processor time that it adds (of both threads: the
client's and the recorder's), set against the loop's wall-clock time without it. Rounds of both kinds take
turns; the best of each counts.
"""

from __future__ import annotations

import itertools
import time

import pytest
from tests.race.workloads.session_limit import SessionLimit

from planproof.backends.model import Backend, BackendKind
from planproof.race.history import Recorder
from planproof.race.program import call
from planproof.race.recording import Entry, Findings, perform


MEMORY = Backend(BackendKind.MEMORY, "memory://")
LEAST = 0.90


def timed(loop):
    wall, processor = time.perf_counter(), time.process_time()
    loop()
    return time.perf_counter() - wall, time.process_time() - processor


def plain_loop(workload, system, operations):
    for _ in range(operations):
        workload.login(system, user="ann")


def recorded_loop(workload, system, operations, recorder):
    findings, login = Findings(), call("login", user="ann")
    for _ in range(operations):
        entry = Entry(recorder, 0, login)
        entry.begin()
        perform(workload, system, login, entry, recorder, findings)
    recorder.flush()
    assert findings.first is None


def share_left(backend, folder, operations, rounds):
    workload = SessionLimit()
    system = workload.open(backend)
    workload.setup(system)
    numbers = itertools.count()

    def recorded():
        recorder = Recorder(folder / f"{next(numbers)}.jsonl" if folder else None)
        took = timed(lambda: recorded_loop(workload, system, operations, recorder))
        assert len(recorder.close().operations) == operations
        return took

    try:
        plain_loop(workload, system, operations)
        pairs = [(timed(lambda: plain_loop(workload, system, operations)), recorded()) for _ in range(rounds)]
    finally:
        workload.close(system)
    wall = min(plain[0] for plain, _ in pairs)
    added = min(each[1] for _, each in pairs) - min(plain[1] for plain, _ in pairs)
    share = wall / (wall + added)
    told = f"{wall / operations * 1e6:.1f} us an operation, recording adds {added / operations * 1e6:.1f} us"
    print(f"{backend.kind}: {told}: {share:.1%} of the operations per second are left")
    return share


def test_recording_costs_at_most_a_tenth_on_memory():
    assert share_left(MEMORY, None, operations=3000, rounds=20) >= LEAST


@pytest.mark.postgres
def test_recording_costs_at_most_a_tenth_on_postgres(tmp_path, postgres_backend):
    assert share_left(postgres_backend, tmp_path, operations=200, rounds=15) >= LEAST
