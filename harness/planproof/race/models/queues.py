"""A first-in, first-out queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class Queue(Model):
    """``enqueue(x)`` and ``dequeue() -> x``; a dequeue of an empty queue returns None."""

    name = "queue"
    operations: ClassVar[frozenset[str]] = frozenset({"enqueue", "dequeue"})

    def initial(self) -> Hashable:
        """The empty queue."""
        return ()

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """A dequeue takes the oldest."""
        if op == "enqueue":
            return True, (*state, args[0])
        if not state:
            return result is None or result is UNKNOWN, state
        return result is UNKNOWN or (result is not None and result == state[0]), state[1:]

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """A dequeue that found nothing."""
        del args, certain
        return op == "dequeue" and result is None

    def describe(self, state: Any) -> str:
        """Oldest first."""
        return "[" + ", ".join(map(repr, state)) + "]"

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """An enqueue takes an element; None is what an empty queue returns."""
        if op == "enqueue" and (not args or args[0] is None):
            return "enqueue takes an element, and not nil"
        return super().check_call(op, args)
