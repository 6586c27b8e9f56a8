"""What clients did and when: operations, notes, the recorder that writes them down, the file form."""

from __future__ import annotations

from planproof.race.history.lines import read_lines
from planproof.race.history.operation import (
    History,
    Note,
    Operation,
    Outcome,
    SubOperation,
    merged,
)
from planproof.race.history.recorder import Recorder
from planproof.race.history.values import UNKNOWN, frozen, plain


__all__ = [
    "UNKNOWN",
    "History",
    "Note",
    "Operation",
    "Outcome",
    "Recorder",
    "SubOperation",
    "frozen",
    "merged",
    "plain",
    "read_lines",
]
