"""Many systems of one kind side by side, each under a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


class Keyed(Model):
    """A model whose operations take a key first: what ``jepsen.independent`` makes of one.

    Args:
        model: what stands under each key.
    """

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.exact = model.exact
        self._model = model

    def initial(self) -> Hashable:
        """What stands under a key at first; the checker looks at each key alone."""
        return self._model.initial()

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """As the model does, without the key."""
        return self._model.step(state, op, args[1:], result)

    def branches(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> Iterable[Any]:
        """As the model does, without the key."""
        return self._model.branches(state, op, args[1:], result)

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        """The key."""
        del op
        return (args[0],)

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """As the model says."""
        return self._model.pure(op, args[1:], result, certain=certain)

    def reduced(self, alphabet: Sequence[tuple[str, tuple[Any, ...], Any]]) -> Model:
        """As the model is."""
        smaller = self._model.reduced([(op, args[1:], result) for op, args, result in alphabet])
        return self if smaller is self._model else Keyed(smaller)

    def describe(self, state: Any) -> str:
        """As the model does."""
        return self._model.describe(state)

    def settings(self) -> dict[str, Any]:
        """Those of the model."""
        return self._model.settings()

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """A key, and then what the model wants."""
        if not args:
            return f"{op} takes a key here, as the reads of this history do"
        return self._model.check_call(op, args[1:])
