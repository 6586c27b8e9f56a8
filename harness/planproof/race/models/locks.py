"""A lock that one owner holds at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class Lock(Model):
    """``acquire(owner)``, ``release(owner)`` and ``holder() -> owner``.

    Each may say false: an acquire while somebody holds it, a release by another than the holder. Anything
    else that is not false means that it was done.
    """

    name = "lock"
    operations: ClassVar[frozenset[str]] = frozenset({"acquire", "release", "holder"})

    def initial(self) -> Hashable:
        """Free."""
        return None

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """Acquired only when free, released only by the holder."""
        if op == "holder":
            return result is UNKNOWN or result == state, state
        possible = state is None if op == "acquire" else state == args[0]
        if result is not UNKNOWN and possible is (result is False):
            return False, state
        if not possible:
            return True, state
        return True, args[0] if op == "acquire" else None

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Looking at the holder, and whatever was refused."""
        del args, certain
        return op == "holder" or result is False

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """An acquire and a release name their owner."""
        if op in {"acquire", "release"} and (not args or args[0] is None):
            return f"{op} takes an owner"
        return super().check_call(op, args)
