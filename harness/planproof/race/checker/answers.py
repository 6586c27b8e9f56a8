"""What an answer without a search is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.race.history.operation import Operation, Outcome


if TYPE_CHECKING:
    from planproof.race.checker.parts import Part


NEVER: Final = 1 << 62
"""Later than every event."""


class Refusal(NamedTuple):
    """Why no search is needed.

    Attributes:
        op: index of an operation that cannot be placed.
        why: one sentence.
    """

    op: int
    why: str


Answer = Refusal | bool | None


class Times:
    """When each operation was called and answered, as places among a part's events.

    Attributes:
        call: the place of each call.
        ret: the place of each reply; NEVER where there is none that binds.
    """

    __slots__ = ("call", "ret")

    def __init__(self, part: Part) -> None:
        self.call = [0] * len(part.ops)
        self.ret = [NEVER] * len(part.ops)
        for at, event in enumerate(part.events):
            if event < 0:
                self.ret[~event] = at
            else:
                self.call[event] = at


def known(op: Operation) -> bool:
    """Whether the operation's reply binds."""
    return op.outcome is Outcome.OK
