"""What a linter says: a finding, the lines it rests on, and a fix where one is safe."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad a finding is. An error is a contradiction that the plan itself shows for certain."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(StrEnum):
    """How sure a finding is: from structure alone, from words that match, or from words that hint."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Place(NamedTuple):
    """A line of a plan."""

    path: str
    line: int


class Splice(NamedTuple):
    """Bytes ``start`` to ``end`` of the file give way to ``text``."""

    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """A safe edit: what it does, and its byte splices, none of which overlap."""

    description: str
    splices: tuple[Splice, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule found, before it is known under which code and level it goes.

    Attributes:
        line: the line that should change, as far as one can tell.
        message: one or two sentences for the reader of the plan.
        items: ids of the items that it is about.
        related: all other lines that it rests on; a :class:`Place` for lines of other plans.
        confidence: how sure it is.
        fix: a safe edit, or None.
    """

    line: int
    message: str
    items: tuple[str, ...] = ()
    related: tuple[int | Place, ...] = ()
    confidence: Confidence = Confidence.HIGH
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a plan.

    Attributes:
        code: e.g. ``PP401``.
        name: the rule's name, e.g. ``done-before-dependency``.
        level: error, warning or info.
        message: in the reader's words.
        path: the plan, relative to the workspace.
        line: the line to look at first, from 1.
        items: ids of the items concerned.
        related: further lines that it rests on, ascending, without the first.
        confidence: how sure it is.
        fix: a safe edit, or None.
        fingerprint: stays the same when lines move; used by baselines.
    """

    code: str
    name: str
    level: Level
    message: str
    path: str
    line: int
    items: tuple[str, ...] = ()
    related: tuple[Place, ...] = ()
    confidence: Confidence = Confidence.HIGH
    fix: Fix | None = None
    fingerprint: str = ""


def fingerprint(code: str, path: str, quoted: str, repetition: int) -> str:
    """A name for a finding that survives moved lines and ticked boxes elsewhere.

    Args:
        code: of the rule.
        path: of the plan.
        quoted: the text of the finding's first line.
        repetition: how many findings with the same code and text come before it in the file.
    """
    body = "\0".join((code, path, " ".join(quoted.split()), str(repetition)))
    return hashlib.sha256(body.encode()).hexdigest()[:16]
