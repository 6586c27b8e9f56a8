"""Which boxes evidence would tick, and which it would take back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planproof.errors import EditError, UnknownItemError
from planproof.plan.editing import splice_of

from .verdict import State, Verdict


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from planproof.plan.model import Plan

    from .verdict import Judged


TAKEN_BACK: Final = frozenset({Verdict.FALSE_CLAIM, Verdict.STALE_CLAIM})


@dataclass(frozen=True, slots=True)
class Change:
    """One item whose claim evidence contradicts.

    Attributes:
        judged: the item with its verdict.
        done: what it shall claim.
        why: in one sentence.
    """

    judged: Judged
    done: bool
    why: str


def changes(
    plans: Sequence[Plan], judged: Iterable[Judged], *, untick: bool, only: Sequence[str] = ()
) -> tuple[Change, ...]:
    """The changes that the verdicts ask for, in the order of the plans.

    Args:
        plans: the plans, as they were read.
        judged: their verdicts.
        untick: also take back what is refuted or stale.
        only: ids or local ids; named items must have something to change.

    Raises:
        UnknownItemError: a name that no item has.
        EditError: a named item has no evidence for a change, or nothing in the plan that could be spliced.
    """
    source = {plan.id: plan.source for plan in plans}
    everything = list(judged)
    wanted = _named(everything, only) if only else everything
    found = []
    for one in wanted:
        change = _change(one, untick=untick)
        if change is None:
            if only:
                raise EditError(_refusal(one, untick=untick), path=one.path, line=one.item.line)
            continue
        if _can_be_spliced(source[one.plan], change, must=bool(only)):
            found.append(change)
    return tuple(found)


def _named(judged: Sequence[Judged], names: Sequence[str]) -> list[Judged]:
    found = []
    for name in names:
        hits = [one for one in judged if name in {one.item.id, one.item.local}]
        if not hits:
            raise UnknownItemError(f"no plan that was asked for has an item {name!r}")
        if len(hits) > 1:
            ids = ", ".join(one.item.id for one in hits)
            raise UnknownItemError(f"{name!r} names several items ({ids}); say which plan's")
        found.append(hits[0])
    return found


def _change(one: Judged, *, untick: bool) -> Change | None:
    if one.verdict is Verdict.READY_TO_TICK:
        return Change(one, done=True, why="proved")
    if untick and one.verdict in TAKEN_BACK:
        return Change(one, done=False, why=one.reason)
    return None


def _refusal(one: Judged, *, untick: bool) -> str:
    name = one.item.local
    if one.verdict is Verdict.VERIFIED:
        return f"{name} is verified as it stands: there is nothing to change"
    if one.verdict in TAKEN_BACK and not untick:
        return f"{name} is ticked and {one.verdict.value.replace('_', ' ')}; --untick takes it back"
    if one.state is State.PROVED:
        return f"{name} is proved and deferred; take the deferral out of the plan first"
    return f"{name} is not proved: {one.reason}"


def _can_be_spliced(data: bytes, change: Change, *, must: bool) -> bool:
    """True where the plan has a box, a status or a sign for the item."""
    try:
        return splice_of(data, change.judged.item, done=change.done) is not None
    except EditError:
        if must:
            raise
        return False
