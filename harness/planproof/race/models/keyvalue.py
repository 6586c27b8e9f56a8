"""A store of values under keys, with append."""

from __future__ import annotations

import enum
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class _Dead(enum.Enum):
    """The state that stands for every value that no get ever shows the beginning of."""

    DEAD = "a value that no get shows"


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

    def settings(self) -> dict[str, Any]:
        """The value of a key that was never put."""
        return {"initial": self._initial}

    def step(  # noqa: PLR0911 - a table of cases
        self, state: Any, op: str, args: tuple[Any, ...], result: Any
    ) -> tuple[bool, Any]:
        """A get returns the value, a put replaces it, an append adds to its end."""
        if op == "get":
            return result is UNKNOWN or result == state, state
        if op == "put":
            return True, args[1]
        if state is _Dead.DEAD:
            return True, state
        if state is None:
            return True, args[1]
        if isinstance(state, str) and isinstance(args[1], str):
            return True, state + args[1]
        if isinstance(state, tuple):
            return True, (*state, args[1])
        return True, _Dead.DEAD

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        """The key, told apart from None."""
        del op
        return (args[0],)

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Gets."""
        del args, result, certain
        return op == "get"

    def reduced(self, alphabet: Sequence[tuple[str, tuple[Any, ...], Any]]) -> Model:
        """All values that begin none that a get showed are one: only a put leads out of them."""
        shown = [result for op, _, result in alphabet if op == "get" and result is not UNKNOWN]
        return _Observed(self, shown)

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """A get takes a key; put and append a key and a value."""
        wanted = self.arity.get(op, 0)
        if op in self.operations and len(args) < wanted:
            return f"{op} takes {wanted} values, not {len(args)}"
        return super().check_call(op, args)


class _Observed(Model):
    """One key whose value matters only while it is the beginning of a value that some get showed.

    An append only ever adds to the end. So from a value that begins no shown value none is reached but by a
    put, and until then no get fits: all such values are alike, whatever order of appends made them.
    """

    name = "kv"

    def __init__(self, whole: KeyValue, shown: list[Any]) -> None:
        self._whole = whole
        self._texts = sorted({value for value in shown if isinstance(value, str)})
        self._others = {value for value in shown if not isinstance(value, str)}
        self._others |= {
            value[:end] for value in self._others if isinstance(value, tuple) for end in range(len(value))
        }

    def initial(self) -> Hashable:
        state: Hashable = self._merged(self._whole.initial())
        return state

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        if state is not _Dead.DEAD:
            allowed, after = self._whole.step(state, op, args, result)
            return allowed, self._merged(after)
        if op == "put":
            return True, self._merged(args[1])
        return op == "append" or result is UNKNOWN, state

    def describe(self, state: Any) -> str:
        return str(state.value) if state is _Dead.DEAD else self._whole.describe(state)

    def _merged(self, state: Any) -> Any:
        if state is None:
            return state
        if isinstance(state, str):
            at = bisect_left(self._texts, state)
            return state if at < len(self._texts) and self._texts[at].startswith(state) else _Dead.DEAD
        return state if state in self._others else _Dead.DEAD
