"""What the checker says of a history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from planproof.race.checker.parts import Part


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a history stops being linearizable.

    Attributes:
        part: the operations that were looked at together.
        op: index in the part of the operation whose reply no order explains.
        event: index of that reply among the part's events: the events up to and with it are the shortest
            failing prefix, the events before it the longest valid one (calls in flight may be left out, and
            where they are not, have the reply that they got later). None where no search was needed to
            see that the reply is impossible; some shorter prefix may then fail already.
        start: an event before it, the configurations there, and the states by number: from there the last
            steps can be traced.
    """

    part: Part = field(repr=False)
    op: int
    event: int | None
    start: tuple[int, tuple[int, ...], tuple[Any, ...]] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and why.

    Attributes:
        linearizable: True, False, or None where the checker gave up or the history is cut.
        reason: one sentence.
        operations: how many operations the history has.
        seconds: wall-clock seconds that the check took.
        configurations: how many configurations were looked at.
        failure: where it fails; None unless ``linearizable`` is False.
        model: name of the model.
    """

    linearizable: bool | None
    reason: str
    operations: int
    seconds: float
    configurations: int = 0
    failure: Failure | None = None
    model: str = ""

    def as_json(self, file: str) -> dict[str, Any]:
        """The form that ``planproof race check --output-format json`` prints for one file."""
        return {
            "file": file,
            "linearizable": self.linearizable,
            "operations": self.operations,
            "seconds": round(self.seconds, 6),
            "reason": self.reason,
        }
