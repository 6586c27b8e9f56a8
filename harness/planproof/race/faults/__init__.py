"""Faults: what goes wrong in the real world, injected at calls that reach the store.

And counted when it fired.

Name them in ``Workload.faults``. Each hits the ``nth`` matching call of ``client`` (of any client where that
is None), ``times`` times in a row.
"""

from __future__ import annotations

from planproof.race.faults.clients import ClockGoesBack, ClockSkew, DiskFull, ExpiryLag, Pause
from planproof.race.faults.dynamodb import (
    CANCELLATION_REASONS,
    Answer,
    LostResponse,
    StaleIndex,
    Throttled,
    TransactionCanceled,
    TransactionConflict,
    UnprocessedItems,
)
from planproof.race.faults.fault import Fault, Point
from planproof.race.faults.postgres import (
    CutAfterCommit,
    CutBeforeCommit,
    HalfOpen,
    ServerError,
    Terminated,
)
from planproof.race.faults.sqlite import Busy


__all__ = [
    "CANCELLATION_REASONS",
    "Answer",
    "Busy",
    "ClockGoesBack",
    "ClockSkew",
    "CutAfterCommit",
    "CutBeforeCommit",
    "DiskFull",
    "ExpiryLag",
    "Fault",
    "HalfOpen",
    "LostResponse",
    "Pause",
    "Point",
    "ServerError",
    "StaleIndex",
    "Terminated",
    "Throttled",
    "TransactionCanceled",
    "TransactionConflict",
    "UnprocessedItems",
]
