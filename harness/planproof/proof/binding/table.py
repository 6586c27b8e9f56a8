"""Brings items and checks together: markers, specs and inferred bindings in one table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from planproof.errors import SpecError, UnknownItemError
from planproof.proof.model import Binding, BoundBy, Check, CheckKind


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from planproof.plan.model import Item, Plan

    from .markers import Mark
    from .spec import ItemSpec, Spec


class Demand(NamedTuple):
    """What a spec asks beyond the bindings: a control that bites, and stores."""

    needs_control: bool
    backends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All bindings.

    Attributes:
        by_item: bindings of each item that has any, strongest rung only.
        demands: what the spec asks of an item.
        specs: by plan id.
    """

    by_item: Mapping[str, tuple[Binding, ...]]
    demands: Mapping[str, Demand]
    specs: Mapping[str, Spec]

    def checks(self) -> tuple[Check, ...]:
        """Every check that is bound to something, once."""
        unique = {one.check.key: one.check for bindings in self.by_item.values() for one in bindings}
        return tuple(unique.values())


class Names:
    """Finds items by what people call them.

    Args:
        plans: every plan that may be named.
    """

    def __init__(self, plans: Iterable[Plan]) -> None:
        self.items: dict[str, Item] = {}
        self.locals: dict[str, list[str]] = {}
        self.plans: set[str] = set()
        for plan in plans:
            self.plans.add(plan.id)
            for item in plan.items:
                self.items[item.id] = item
                self.locals.setdefault(item.local, []).append(item.id)
                if "/" in item.local:
                    self.locals.setdefault(item.local.rsplit("/", 1)[-1], []).append(item.id)

    def find(self, name: str, *, plan: str | None, path: str | None = None, line: int | None = None) -> str:
        """The id of the item that a name means.

        Args:
            name: ``PLAN:LOCAL``, or ``LOCAL`` in the given plan or unique over all plans.
            plan: the plan that a bare name is looked up in first.
            path: where the name stands, for errors.
            line: likewise.

        Raises:
            UnknownItemError: no item has that name, or several have.
        """
        if name in self.items:
            return name
        if plan is not None and f"{plan}:{name}" in self.items:
            return f"{plan}:{name}"
        candidates = list(dict.fromkeys(self.locals.get(name, [])))
        if plan is not None:
            candidates = [one for one in candidates if one.startswith(f"{plan}:")]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            said = ", ".join(candidates[:3])
            raise UnknownItemError(
                f"{name!r} means several items: {said}; name one in full", path=path, line=line
            )
        whole = f"{plan}:{name}" if plan is not None and not name.startswith(f"{plan}:") else name
        near = difflib.get_close_matches(whole, self.items, n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownItemError(f"no plan has an item {name!r}{hint}", path=path, line=line)


def build(
    plans: Sequence[Plan],
    specs: Sequence[Spec],
    marks: Sequence[Mark],
    inferred: Sequence[Binding] = (),
) -> Table:
    """Link all that is said about proof.

    Args:
        plans: every plan of the workspace, so that each name can be resolved.
        specs: every spec.
        marks: every marker.
        inferred: bindings read off the plans' own words; used where no stronger one is present.

    Raises:
        SpecError: a spec for a plan that is not there.
        UnknownItemError: a marker or spec names an item that no plan has.
    """
    names = Names(plans)
    bindings = [one for mark in marks for one in _of_mark(mark, names)]
    demands: dict[str, Demand] = {}
    for spec in specs:
        if spec.plan not in names.plans:
            near = difflib.get_close_matches(spec.plan, names.plans, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SpecError(f"there is no plan {spec.plan!r}{hint}", path=spec.path, line=spec.plan_line)
        for waiver in spec.waivers:
            names.find(waiver.item, plan=spec.plan, path=waiver.path, line=waiver.line)
        for item in spec.items:
            target = names.find(item.local, plan=spec.plan, path=spec.path, line=item.line)
            demands[target] = Demand(item.needs_control, item.backends)
            bindings.extend(_of_spec(target, item, spec))
    bindings.extend(inferred)
    return Table(_strongest(bindings), demands, {spec.plan: spec for spec in specs})


def _of_mark(mark: Mark, names: Names) -> list[Binding]:
    """Bindings of one marker; a bare id belongs to the plan that the marker named last."""
    found: list[Binding] = []
    plan: str | None = None
    for name in mark.items:
        item = names.find(name, plan=plan, path=mark.path, line=mark.line)
        plan = item.split(":", 1)[0]
        params = {"targets": [mark.target], **({"proving": name} if mark.params else {})}
        check = Check(CheckKind.PYTEST, mark.target, mark.target, params, path=mark.path, line=mark.line)
        found.append(Binding(item, check, BoundBy.MARKER, mark.partial, mark.path, mark.line))
    return found


def _of_spec(target: str, item: ItemSpec, spec: Spec) -> list[Binding]:
    found: list[Binding] = []
    for name in item.checks:
        for check in spec.checks[name]:
            partial = name in item.partial
            found.append(Binding(target, check, BoundBy.SIDECAR, partial, spec.path, item.line))
    return found


def _strongest(bindings: Iterable[Binding]) -> dict[str, tuple[Binding, ...]]:
    """Group by item; inferred bindings stand only where nobody bound anything.

    A marker on a test that the spec binds as well is one binding, the marker's, with the spec's controls.
    """
    grouped: dict[str, dict[str, Binding]] = {}
    for one in bindings:
        mine = grouped.setdefault(one.item, {})
        twin = mine.get(one.check.key)
        if twin is None:
            mine[one.check.key] = one
        elif twin.check.controls is None and one.check.controls is not None:
            mine[one.check.key] = replace(twin, check=one.check)
    return {item: _without_weaker(list(mine.values())) for item, mine in grouped.items()}


def _without_weaker(bindings: list[Binding]) -> tuple[Binding, ...]:
    declared = [one for one in bindings if one.bound_by is not BoundBy.INFERRED]
    return tuple(declared or bindings)
