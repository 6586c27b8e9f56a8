"""What a race came to: passed, failed or inconclusive, with the certificate and the failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from planproof.race.history import History
    from planproof.race.program import Program


PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"


@dataclass(frozen=True, slots=True)
class Violation:
    """What did not hold.

    Attributes:
        property: name of the invariant, ``linearizable``, ``progress`` or ``no unexpected error``.
        message: one sentence.
        detail: more lines: a stack, the checker's explanation.
    """

    property: str
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule on which something did not hold, and all that it takes to see it again.

    Attributes:
        violation: what did not hold.
        program: what each client did.
        choices: which client moved, step by step; empty in stress mode.
        steps: what each choice did, for people: ``client 0: SELECT ...``.
        history: what was recorded.
        schedule: number of the schedule, from 1.
        seed: of the run.
        shrunk_from: operations, clients and switches before shrinking; None where it was not shrunk.
        replay_path: the standalone pytest file that was written; None where none was.
        page_path: the failure page that was written; None where none was.
    """

    violation: Violation
    program: Program
    choices: tuple[int, ...]
    steps: tuple[str, ...]
    history: History
    schedule: int
    seed: int
    shrunk_from: tuple[int, int, int] | None = None
    replay_path: str | None = None
    page_path: str | None = None

    @property
    def reason(self) -> str:
        """The property and the sentence."""
        return f"{self.violation.property}: {self.violation.message}"

    @property
    def replay_command(self) -> str:
        """What to type to see it again."""
        return f"planproof race replay {self.replay_path}" if self.replay_path else ""

    @property
    def size(self) -> tuple[int, int, int]:
        """Operations, clients, context switches."""
        switches = sum(1 for a, b in zip(self.choices, self.choices[1:], strict=False) if a != b)
        return sum(map(len, self.program)), len(self.program), switches


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The outcome of one run.

    Attributes:
        outcome: ``passed``, ``failed`` or ``inconclusive``.
        certificate: what was run and seen; JSON-able, see ``schemas/certificate.schema.json``.
        failure: where it failed.
        reason: why it is inconclusive, or what else is to be known of a pass, in one sentence; mostly empty.
    """

    outcome: str
    certificate: dict[str, Any]
    failure: Failure | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        """True only for ``passed``."""
        return self.outcome == PASSED


@dataclass(slots=True)
class Tally:
    """Counts over all schedules of a run.

    Attributes:
        schedules: how many ran to their end.
        orders: the distinct orders seen.
        outcomes: how many operations came back ok, fail, info.
        overlapping: schedules in which operations of two clients overlapped.
        pairs: overlapping pairs of operations, over all schedules.
        in_flight: the most operations at one moment.
        in_flight_seconds: operation-seconds, for the mean.
        busy_seconds: seconds in which any operation ran.
        observations: times that invariants were evaluated beside the clients.
        unseen: times that the state could not be seen (a lock was held).
        waits: steps that found a lock taken.
        stray: waits that the scheduler could not see.
        faults: fault name -> times it fired.
        unchecked: schedules whose history the checker gave up on.
    """

    schedules: int = 0
    orders: set[int] = field(default_factory=set)
    outcomes: dict[str, int] = field(default_factory=dict)
    overlapping: int = 0
    pairs: int = 0
    in_flight: int = 0
    in_flight_seconds: float = 0.0
    busy_seconds: float = 0.0
    observations: int = 0
    unseen: int = 0
    waits: int = 0
    stray: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    unchecked: int = 0
