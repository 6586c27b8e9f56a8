"""One value that is read, written, and compared-and-set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class Register(Model):
    """``read() -> value`` and ``write(value)``.

    Args:
        initial: what the first read sees.
    """

    name = "register"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write"})
    arity: ClassVar[dict[str, int]] = {"write": 1, "cas": 2}

    def __init__(self, initial: Hashable = None) -> None:
        self._initial = initial

    def initial(self) -> Hashable:
        """The value before the first write."""
        return self._initial

    def settings(self) -> dict[str, Any]:
        """What the first read sees."""
        return {"initial": self._initial}

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """A read returns the state; a write replaces it."""
        if op == "read":
            return result is UNKNOWN or result == state, state
        return True, args[0]

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Reads."""
        del args, result, certain
        return op == "read"

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """A write takes one value, a compare-and-set two."""
        wanted = self.arity.get(op, 0)
        if op in self.operations and len(args) < wanted:
            return f"{op} takes {wanted} values, not {len(args)}"
        return super().check_call(op, args)


class CasRegister(Register):
    """A register with ``cas(old, new)``: false where it compared unequal, true or nothing where not."""

    name = "cas-register"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write", "cas"})

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """A compare-and-set succeeds where the state equals its first argument, and only there."""
        if op == "cas":
            equal = args[0] == state
            if result is UNKNOWN:
                return True, args[1] if equal else state
            return equal is (result is not False), args[1] if equal else state
        return super().step(state, op, args, result)

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Reads, and a compare-and-set that compared unequal, or that sets what it compared with."""
        del certain
        return op == "read" or (op == "cas" and (result is False or args[0] == args[1]))
