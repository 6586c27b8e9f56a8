"""What a model is, and how to make one of your own from one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar


if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence


class Model:
    """A sequential specification; subclass it, or use :func:`own_model`.

    States are immutable and hashable. ``step`` is a pure function; the checker remembers its answers.
    A result of :data:`planproof.race.history.UNKNOWN` means that nobody saw the reply: step must then take
    the state on as if the operation had run.

    Attributes:
        name: for messages.
        operations: the operations it knows; empty means any.
        exact: with an unknown result, step leads where it would with the result that the state calls for.
            True of every model whose results follow from the state.
    """

    name: str = "model"
    operations: ClassVar[frozenset[str]] = frozenset()
    exact: bool = True

    def initial(self) -> Hashable:
        """The state before the first operation."""
        raise NotImplementedError

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """Whether ``op(*args)`` may return ``result`` in ``state``, and the state after it."""
        raise NotImplementedError

    def branches(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> Iterable[Any]:
        """Every state that may follow; empty where the result is not allowed. One, unless overridden."""
        allowed, after = self.step(state, op, args, result)
        return (after,) if allowed else ()

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        """The part of the system that the operation touches, where parts are independent; else None.

        One None makes the whole history one part.
        """
        del op, args
        return None

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """Whether this operation with this result leaves EVERY state in which it is allowed as it is.

        Leaving some states unchanged is not enough: the checker places a pure operation as soon as it fits,
        and would otherwise call wrong histories right.

        Args:
            op: the operation.
            args: its arguments.
            result: its result, which may be UNKNOWN.
            certain: True where every operation of the history came back, so that only states count that
                can be reached without an unknown result.
        """
        del op, args, result, certain
        return False

    def reduced(self, alphabet: Sequence[tuple[str, tuple[Any, ...], Any]]) -> Model:
        """A model with as few states as these operations can tell apart; itself if none is known.

        Two states may become one where no sequence of these operations is allowed in one only.

        Args:
            alphabet: name, arguments and result of every operation that will be asked for.
        """
        del alphabet
        return self

    def describe(self, state: Any) -> str:
        """The state for people."""
        return repr(state)

    def settings(self) -> dict[str, Any]:
        """The arguments that make an equal model, as JSON values; they stand at the head of a history."""
        return {}

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """What is wrong with a call, such as an operation that is not known; None if nothing is."""
        del args
        if self.operations and op not in self.operations:
            known = ", ".join(sorted(self.operations))
            return f"the model {self.name} knows no operation {op!r}; it knows {known}"
        return None


class _OwnModel(Model):
    """A model made of functions."""

    def __init__(
        self,
        step: Callable[[Any, str, tuple[Any, ...], Any], tuple[bool, Any]],
        initial: Hashable,
        name: str,
        pure: frozenset[str],
        partition: Callable[[str, tuple[Any, ...]], Hashable | None] | None,
    ) -> None:
        self.name = name
        self.exact = False
        self._step = step
        self._initial = initial
        self._pure = pure
        self._partition = partition

    def initial(self) -> Hashable:
        return self._initial

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        return self._step(state, op, args, result)

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        return self._partition(op, args) if self._partition else None

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        del args, result, certain
        return op in self._pure


def own_model(
    step: Callable[[Any, str, tuple[Any, ...], Any], tuple[bool, Any]],
    initial: Hashable = None,
    *,
    name: str | None = None,
    pure: Iterable[str] = (),
    partition: Callable[[str, tuple[Any, ...]], Hashable | None] | None = None,
) -> Model:
    """A model of your own from one function.

    Args:
        step: ``(state, op, args, result) -> (allowed, state after)``; the result may be ``UNKNOWN``.
        initial: the state before the first operation, hashable.
        name: for messages; the function's name unless given.
        pure: operations that never change any state.
        partition: ``(op, args) -> key`` where parts of the system are independent.
    """
    return _OwnModel(
        step, initial, name or str(getattr(step, "__name__", "model")), frozenset(pure), partition
    )
