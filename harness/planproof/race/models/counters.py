"""A counter that must not fall below its floor, and a bucket of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class Counter(Model):
    """``add(n)``, ``sub(n)`` (n is 1 unless given) and ``read() -> value``.

    A change below the floor is refused. A change may return the new value, true or
    None where it happened; false where it was refused.

    Args:
        initial: the first value.
        floor: what the value never falls below; None for no floor.
    """

    name = "counter"
    operations: ClassVar[frozenset[str]] = frozenset({"add", "sub", "read"})

    def __init__(self, initial: int = 0, floor: int | None = 0) -> None:
        self._initial = initial
        self._floor = floor

    def initial(self) -> Hashable:
        """The first value."""
        return self._initial

    def settings(self) -> dict[str, Any]:
        """The first value and the floor."""
        return {"initial": self._initial, "floor": self._floor}

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """A change is refused, with the value as it was, where it would go below the floor."""
        if op == "read":
            return result is UNKNOWN or result == state, state
        amount = args[0] if args else 1
        after = state + amount if op == "add" else state - amount
        refused = self._floor is not None and after < self._floor
        if result is UNKNOWN:
            return True, state if refused else after
        if refused or result is False:
            return refused and result is False, state
        return result is None or result is True or result == after, after

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Reads, and changes that were refused."""
        del args, certain
        return op == "read" or result is False


class TokenBucket(Model):
    """``take(n) -> bool``, ``refill(n)`` and ``level() -> tokens``.

    Args:
        capacity: what the bucket holds; what is refilled above it is lost.
        initial: tokens at the start; full unless given.
    """

    name = "token-bucket"
    operations: ClassVar[frozenset[str]] = frozenset({"take", "refill", "level"})

    def __init__(self, capacity: int = 10, initial: int | None = None) -> None:
        self._capacity = capacity
        self._initial = capacity if initial is None else initial

    def initial(self) -> Hashable:
        """Tokens at the start."""
        return self._initial

    def settings(self) -> dict[str, Any]:
        """What it holds, and the tokens at the start."""
        return {"capacity": self._capacity, "initial": self._initial}

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """A take succeeds where there are tokens enough, and only there."""
        if op == "level":
            return result is UNKNOWN or result == state, state
        amount = args[0] if args else 1
        if op == "refill":
            return True, min(self._capacity, state + amount)
        enough = state >= amount
        allowed = result is UNKNOWN or enough is (result is not False)
        return allowed, state - amount if enough else state

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Looking at the level, and a take that was refused."""
        del args, certain
        return op == "level" or (op == "take" and result is False)
