"""A store of values under keys, with append."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class KeyValue(Model):
    """``get(key) -> value``, ``put(key, value)``, ``append(key, text)``; each key is a part of its own.

    Args:
        initial: the value of a key that was never put.
    """

    name = "kv"
    operations: ClassVar[frozenset[str]] = frozenset({"get", "put", "append"})
    arity: ClassVar[dict[str, int]] = {"get": 1, "put": 2, "append": 2}

    def __init__(self, initial: Hashable = "") -> None:
        self._initial = initial

    def initial(self) -> Hashable:
        """The value of one key; the checker looks at each key alone."""
        return self._initial

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """A get returns the value, a put replaces it, an append adds to its end."""
        if op == "get":
            return result is UNKNOWN or result == state, state
        if op == "put":
            return True, args[1]
        if state is None:
            return True, args[1]
        if isinstance(state, str) and isinstance(args[1], str):
            return True, state + args[1]
        if isinstance(state, tuple):
            return True, (*state, args[1])
        return False, state

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        """The key, told apart from None."""
        del op
        return (args[0],)

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Gets."""
        del args, result, certain
        return op == "get"

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """A get takes a key; put and append a key and a value."""
        wanted = self.arity.get(op, 0)
        if op in self.operations and len(args) < wanted:
            return f"{op} takes {wanted} values, not {len(args)}"
        return super().check_call(op, args)
