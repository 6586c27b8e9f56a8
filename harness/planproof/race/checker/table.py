"""The model as a table of small numbers, filled in while it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.errors import PlanproofError, WorkloadError


if TYPE_CHECKING:
    from collections.abc import Hashable

    from planproof.race.models.base import Model


class Row(dict[int, tuple[int, ...]]):
    """For one state: letter -> the states that may follow; none where the result is not allowed."""

    __slots__ = ("_state", "_table")

    def __init__(self, table: Table, state: Any) -> None:
        super().__init__()
        self._table = table
        self._state = state

    def __missing__(self, letter: int) -> tuple[int, ...]:
        found = self[letter] = self._table.follow(self._state, letter)
        return found


class Table:
    """States by number, and what each letter does in each.

    Args:
        model: asked once for each state and letter.
        alphabet: name, arguments and result of each letter.
    """

    __slots__ = ("_alphabet", "_numbers", "model", "rows", "start", "states")

    def __init__(self, model: Model, alphabet: list[tuple[str, tuple[Any, ...], Any]]) -> None:
        self.model = model
        self._alphabet = alphabet
        self._numbers: dict[Hashable, int] = {}
        self.states: list[Any] = []
        self.rows: list[Row] = []
        self.start = self.number(model.initial())

    def follow(self, state: Any, letter: int) -> tuple[int, ...]:
        """The numbers of the states after ``letter`` in ``state``.

        Raises:
            WorkloadError: the model raised, or its state cannot be hashed.
        """
        name, args, result = self._alphabet[letter]
        try:
            return tuple([self.number(after) for after in self.model.branches(state, name, args, result)])
        except PlanproofError:
            raise
        except Exception as error:
            raise WorkloadError(
                f"the model {self.model.name} raised {type(error).__name__} at "
                f"{name}{args!r} -> {result!r} in state {state!r}: {error}"
            ) from error

    def number(self, state: Any) -> int:
        """The number of a state; the same for equal states."""
        number = self._numbers.get(state)
        if number is None:
            number = self._numbers[state] = len(self.states)
            self.states.append(state)
            self.rows.append(Row(self, state))
        return number
