"""What a spec file says: the checks of one plan, what they prove, controls, waivers, gate policy."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planproof.plan.model import Kind


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from planproof.proof.model import Check


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """What a spec says of one item.

    Attributes:
        local: id in the plan.
        checks: names of the checks that all must pass.
        partial: names of those that prove only a part.
        needs_control: True where a check without a control that bites is not enough.
        backends: stores on which the item must be proved.
        line: where the spec says so.
    """

    local: str
    checks: tuple[str, ...]
    partial: tuple[str, ...] = ()
    needs_control: bool = False
    backends: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody answers for an item that is not verified, until a day.

    Attributes:
        item: id in the plan.
        owner: who answers for it.
        reason: why.
        expires: the last day on which it counts.
        line: where the spec says so.
    """

    item: str
    owner: str
    reason: str
    expires: dt.date
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """Which claims must hold, and what counts as evidence.

    Attributes:
        plans: ids or globs of plans that are gated; empty means all.
        kinds: kinds of item that are gated; empty means all. The same for phases, priorities, stories.
        backends: stores that are demanded; a check's other backends are neither run nor asked for.
        inferred: True where an inferred binding counts.
        emulated: True where a store that only imitates the real one counts.
        warnings: True where notes and open items that fail make the gate fail.
        require: local ids or globs that must be verified whatever their box says.
    """

    plans: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    stories: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    inferred: bool = False
    emulated: bool = False
    warnings: bool = False
    require: tuple[str, ...] = ()


def unknown_kind(patterns: Iterable[str]) -> str:
    """What is wrong with the kinds that a policy names, or empty: a misspelt one would gate nothing."""
    kinds = [one.value for one in Kind]
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(kind, pattern) for kind in kinds):
            return f"no item is of kind {pattern!r}; kinds are {', '.join(kinds)}"
    return ""


@dataclass(frozen=True, slots=True)
class Spec:
    """One spec file, read.

    Attributes:
        path: relative to the workspace.
        plan: id of the plan that it speaks of.
        checks: by name.
        items: in the order of the file.
        waivers: in the order of the file.
        gate: what this plan's gate overrides, by key of :class:`GatePolicy`.
        plan_line: where the plan is named.
    """

    path: str
    plan: str
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    items: tuple[ItemSpec, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    gate: dict[str, Any] = field(default_factory=dict)
    plan_line: int = 1
