"""The items of a graph, by id and by number, held once for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planproof.plan.model import Item


class Nodes(Mapping[str, "Item"]):
    """Items by id, in their order, each with its number, counted from 0.

    One dictionary leads from ids to numbers and a tuple from numbers to items: a dictionary to items and
    another to numbers would take as much again.

    Args:
        items: of two with one id the later counts, in the place of the earlier.

    Attributes:
        all: the items by number.
    """

    __slots__ = ("_numbers", "all")

    def __init__(self, items: Iterable[Item]) -> None:
        numbers: dict[str, int] = {}
        held: list[Item] = []
        for item in items:
            number = numbers.setdefault(item.id, len(held))
            if number == len(held):
                held.append(item)
            else:
                held[number] = item
        self._numbers: Final = numbers
        self.all: Final = tuple(held)

    @classmethod
    def of(cls, items: Mapping[str, Item]) -> Self:
        """The nodes of a mapping from ids to items."""
        return items if isinstance(items, cls) else cls(items.values())

    def number(self, name: str) -> int:
        """The number of the item with this id.

        Raises:
            KeyError: there is none.
        """
        return self._numbers[name]

    def find(self, name: str) -> int | None:
        """The number of the item with this id; None where there is none."""
        return self._numbers.get(name)

    def names(self, numbers: Iterable[int]) -> Iterator[str]:
        """The ids of the items with these numbers."""
        held = self.all
        return (held[number].id for number in numbers)

    def __getitem__(self, name: str) -> Item:
        return self.all[self._numbers[name]]

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self.all)
