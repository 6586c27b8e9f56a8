"""Frozen dataclasses, made fast: a store makes six sessions of fifteen values with every login."""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from typing import TYPE_CHECKING, Any, TypeVar


if TYPE_CHECKING:
    from collections.abc import Callable


N = TypeVar("N")


def maker_of(noun: type[N]) -> Callable[..., N]:
    """Return what makes a noun of all its values, in the order of its fields, several times as fast.

    A frozen dataclass sets each value by a call of its own, past its guard. What is returned here fills a
    draft, which has the same slots and no guard, and makes it the noun when it is complete; nobody sees it
    before.

    Args:
        noun: a frozen dataclass with slots and without a ``__post_init__``.
    """
    draft: Any = make_dataclass(f"{noun.__name__}Draft", [each.name for each in fields(noun)], slots=True)  # type: ignore[arg-type]  # a dataclass, as said

    def make(*values: Any) -> N:
        made = draft(*values)
        made.__class__ = noun
        return made  # type: ignore[no-any-return]  # it has just become one

    return make
