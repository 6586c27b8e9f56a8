"""How far a plan is, by phase, story, priority or kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from planproof.plan.model import Claim


if TYPE_CHECKING:
    from collections.abc import Iterable

    from planproof.plan.model import Item

Axis = Literal["plan", "phase", "story", "priority", "kind"]
AXES: tuple[Axis, ...] = ("plan", "phase", "story", "priority", "kind")


class Progress(NamedTuple):
    """Claims counted over some items.

    Attributes:
        name: the phase, story, priority or kind; empty for items that have none.
        done: items claimed done.
        deferred: items put off or skipped.
        total: all of them.
    """

    name: str
    done: int
    deferred: int
    total: int


def progress_by(items: Iterable[Item], axis: Axis) -> tuple[Progress, ...]:
    """Claims counted by one axis, in the order in which its values first occur.

    Items without a state (:attr:`Claim.NONE`) are counted in the total only where they are tasks.
    """
    totals: Counter[str] = Counter()
    done: Counter[str] = Counter()
    deferred: Counter[str] = Counter()
    for item in items:
        if item.claim is Claim.NONE and item.kind != "task":
            continue
        name = _value(item, axis)
        totals[name] += 1
        done[name] += item.claim is Claim.DONE
        deferred[name] += item.claim in {Claim.DEFERRED, Claim.SKIPPED}
    return tuple(Progress(name, done[name], deferred[name], total) for name, total in totals.items())


def _value(item: Item, axis: Axis) -> str:
    """The item's value on the axis, empty where it has none."""
    if axis == "plan":
        return item.id.partition(":")[0]
    value: str | None = getattr(item, axis)
    return str(value or "")
