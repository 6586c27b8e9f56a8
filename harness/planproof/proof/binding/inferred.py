"""Bindings read off the words of a plan; replaced in the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.config import Workspace
    from planproof.plan.model import Item, Plan
    from planproof.proof.model import Binding


def infer(unbound: Sequence[tuple[Plan, Item]], workspace: Workspace) -> dict[str, tuple[Binding, ...]]:
    """What the items' own words say would prove them."""
    return {}
