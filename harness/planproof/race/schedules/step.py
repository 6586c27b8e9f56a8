"""One step of a client: the call that reaches the store, what it reads and writes.

And what was chosen when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


ANYTHING = "*"
# A client looks what a bundle holds: any step of another one may be that after which something is there.
TAKE = "take"


@dataclass(frozen=True, slots=True)
class Step:
    """A call that is about to reach the store.

    Attributes:
        kind: ``sql``, ``http``, ``lock``, ``start``, ``take``, ``sleep`` or ``declared``.
        label: what people see: the SQL, the API operation, the lock.
        reads: names of what it looks at; ``*`` is everything.
        writes: names of what others can see changed by it, or of locks that it takes or frees.
        begins: True for the first call of an operation (its place decides what it overlaps).
    """

    kind: str
    label: str
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    begins: bool = False

    @property
    def touches(self) -> frozenset[str]:
        """All names, read or written."""
        return self.reads | self.writes


def independent(left: Step, right: Step) -> bool:
    """True if both orders of these steps (of different clients) lead to the same state.

    Reads commute with reads; a write commutes with what touches none of its names. Unknown means dependent.
    """
    if TAKE in {left.kind, right.kind}:
        return left.kind == right.kind
    return not (_clash(left.writes, right.touches) or _clash(right.writes, left.touches))


def _clash(writes: frozenset[str], touched: frozenset[str]) -> bool:
    if not writes or not touched:
        return False
    return ANYTHING in writes or ANYTHING in touched or not writes.isdisjoint(touched)


@dataclass(slots=True)
class Taken:
    """One choice of a schedule.

    Attributes:
        client: who moved.
        step: what it did.
        ready: who could have moved instead, with what each was about to do.
        waited: the call found its resource taken and had no effect: it waits and will be chosen again.
        queued: the call is held inside the server (a row lock) and ends by itself when it is granted.
    """

    client: int
    step: Step
    ready: dict[int, Step] = field(default_factory=dict)
    waited: bool = False
    queued: bool = False


class Order(Protocol):
    """Decides who moves next. One object serves many schedules, one after the other."""

    def begin(self) -> None:
        """A schedule starts."""
        ...

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """One of the clients that can move; ``last`` is the one that moved before, if any."""
        ...

    def refused(self, client: int) -> None:
        """The call just chosen found its resource taken and had no effect; another choice follows."""
        ...

    def end(self, trace: list[Taken]) -> None:
        """The schedule is over; this is all that was chosen."""
        ...


class RedundantError(Exception):
    """Raised by ``choose``: whatever comes now was tried before; the schedule can end here."""


class DivergedError(Exception):
    """Raised by ``choose``: the application made other calls than when these choices were recorded."""
