"""What changed between two readings of a plan: claims, items, edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:
    from planproof.plan.model import Claim, Edge, Item, Plan


class ClaimChange(NamedTuple):
    """An item that both readings have, with different claims.

    Attributes:
        item: as it is now.
        before: what was claimed of it.
        after: what is claimed of it now.
    """

    item: Item
    before: Claim
    after: Claim


class PlanChange(NamedTuple):
    """Everything that changed in one plan.

    Attributes:
        path: of the plan.
        status: ``added``, ``removed`` or ``changed``.
        claims: items whose claim changed, in the order of the new file.
        added: items that are new.
        removed: items that are gone.
        edges_added: edges that are new; an edge that only moved to another line is not.
        edges_removed: edges that are gone, with their old lines.
    """

    path: str
    status: str
    claims: tuple[ClaimChange, ...]
    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    edges_added: tuple[Edge, ...]
    edges_removed: tuple[Edge, ...]


def compare(old: Plan | None, new: Plan | None) -> PlanChange | None:
    """What changed from one reading to the other; None where nothing did.

    Args:
        old: the plan as it was; None where there was none.
        new: the plan as it is; None where it is gone.
    """
    known = new or old
    if known is None:
        return None
    before = {item.id: item for item in old.items} if old else {}
    after = {item.id: item for item in new.items} if new else {}
    change = PlanChange(
        known.path,
        "added" if old is None else "removed" if new is None else "changed",
        tuple(
            ClaimChange(item, before[name].claim, item.claim)
            for name, item in after.items()
            if name in before and before[name].claim is not item.claim
        ),
        tuple(item for name, item in after.items() if name not in before),
        tuple(item for name, item in before.items() if name not in after),
        _missing(new.edges if new else (), old.edges if old else ()),
        _missing(old.edges if old else (), new.edges if new else ()),
    )
    return change if change.status != "changed" or any(change[2:]) else None


def _missing(edges: tuple[Edge, ...], others: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Edges that the other reading does not have from the same source."""
    known = {(edge.before, edge.after, edge.origin) for edge in others}
    return tuple(edge for edge in edges if (edge.before, edge.after, edge.origin) not in known)
