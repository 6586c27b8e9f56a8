"""A set of elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class GrowSet(Model):
    """``add(x)``, ``remove(x)``, ``contains(x) -> bool`` and ``read() -> elements``.

    An add or remove may say whether it changed anything (true, false) or nothing (None).
    """

    name = "set"
    operations: ClassVar[frozenset[str]] = frozenset({"add", "remove", "contains", "read"})

    def initial(self) -> Hashable:
        """The empty set."""
        return frozenset()

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """As Python's set, with adds and removes that tell whether they changed it."""
        if op == "read":
            return result is UNKNOWN or frozenset(result or ()) == state, state
        inside = args[0] in state
        if op == "contains":
            return result is UNKNOWN or result is inside, state
        changed = inside if op == "remove" else not inside
        if isinstance(result, bool) and result is not changed:
            return False, state
        return True, state - {args[0]} if op == "remove" else state | {args[0]}

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        """The element; a read of the whole set makes the history one part."""
        return None if op == "read" else (args[0],)

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Reads, and adds and removes that changed nothing."""
        del args, certain
        return op in {"read", "contains"} or result is False

    def describe(self, state: Any) -> str:
        """The elements, sorted by their text."""
        return "{" + ", ".join(sorted(map(repr, state))) + "}"

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """All but the read take one element."""
        if op in self.operations and op != "read" and not args:
            return f"{op} takes an element"
        return super().check_call(op, args)
