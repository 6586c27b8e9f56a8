"""What recording costs: operations per second of the harness's own loop, with a recorder and without.

    python -m pytest tests/bench/test_race_overhead.py --override-ini=norecursedirs= -s

The loop is a client's of a race: it takes a call, performs it on the session keeper, and goes on; the
operation is a login at the limit, which counts, evicts and inserts. Once a recorder writes its history into a
file, each event before the client goes on, as ``planproof race run`` does; once a stand-in of two empty
methods takes the recorder's place. What the harness does to call an operation at all (looking it up, mapping
its exceptions) is in both, and told as well, against the bare call.

Short rounds of all kinds take turns, and of each kind the round that stands at the fifth place in a hundred
counts: on a busy machine the others' work only ever adds time. Wall-clock time is measured; nothing runs
beside the loop, for the recorder has no thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from tests.race.workloads.session_limit import SessionLimit

from planproof.backends.model import Backend, BackendKind
from planproof.race.history import Recorder
from planproof.race.program import call
from planproof.race.recording import Entry, Findings, perform


MEMORY = Backend(BackendKind.MEMORY, "memory://")
LEAST = 0.90
LOGIN = call("login", user="ann")


class Nothing:
    """Stands where the recorder stands and notes nothing."""

    def call(self, client, op, args=()):
        """No number is dealt."""
        return 0

    def ok(self, number, result=None):
        """Nothing is noted."""


@dataclass
class Loop:
    """Logins of one client, and how long an operation took in each round."""

    workload: object
    system: object
    recorder: object
    seconds: list = field(default_factory=list)

    def round(self, operations):
        findings = Findings()
        began = time.perf_counter()
        for _ in range(operations):
            entry = Entry(self.recorder, 0, LOGIN)
            entry.begin()
            perform(self.workload, self.system, LOGIN, entry, self.recorder, findings)
        self.seconds.append((time.perf_counter() - began) / operations)
        assert findings.first is None

    @property
    def typical(self):
        return sorted(self.seconds)[len(self.seconds) // 20]


class Bare(Loop):
    """The operation itself."""

    def round(self, operations):
        workload, system = self.workload, self.system
        began = time.perf_counter()
        for _ in range(operations):
            workload.login(system, user="ann")
        self.seconds.append((time.perf_counter() - began) / operations)


def share_left(backend, folder, operations, rounds):
    workload = SessionLimit()
    system = workload.open(backend)
    workload.setup(system)
    recorder = Recorder(folder / "history.jsonl")
    kinds = {"bare": None, "without": Nothing(), "in memory": Recorder(), "in a file": recorder}
    loops = {name: (Loop if each else Bare)(workload, system, each) for name, each in kinds.items()}
    try:
        for _ in range(rounds):
            for loop in loops.values():
                loop.round(operations)
    finally:
        workload.close(system)
    assert len(recorder.close().operations) == operations * rounds
    bare, without, memory, file = (loop.typical * 1e6 for loop in loops.values())
    print(
        f"\n{backend.kind}: {bare:.2f} us an operation, {without:.2f} as the harness calls it; recording "
        f"adds {memory - without:.2f} in memory and {file - without:.2f} in a file: {without / file:.1%} of "
        f"the operations per second are left ({bare / file:.1%} of the bare calls)"
    )
    return without / file


def test_recording_costs_at_most_a_tenth_on_memory(tmp_path):
    assert share_left(MEMORY, tmp_path, operations=8, rounds=2000) >= LEAST


@pytest.mark.postgres
def test_recording_costs_at_most_a_tenth_on_postgres(tmp_path, postgres_backend):
    assert share_left(postgres_backend, tmp_path, operations=4, rounds=250) >= LEAST
