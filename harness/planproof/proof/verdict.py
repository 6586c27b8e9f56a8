"""The one function that judges: what a plan claims against what was found.

Every surface (text, JSON, gate, editor, report) shows what :func:`judge_all` says and decides nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Claim, Kind

from .evidence.fingerprint import Fingerprints, claim_digest
from .model import Binding, BoundBy, CheckKind, ControlOutcome, ControlResult, Outcome


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from planproof.plan.model import Item, Plan

    from .binding.table import Demand, Table
    from .evidence.record import Evidence


class Verdict(StrEnum):
    """What is to be said of an item."""

    VERIFIED = "verified"
    FALSE_CLAIM = "false_claim"
    STALE_CLAIM = "stale_claim"
    UNPROVED_CLAIM = "unproved_claim"
    READY_TO_TICK = "ready_to_tick"
    OPEN = "open"
    DEFERRED = "deferred"
    DONE_EARLY = "done_early"


class State(StrEnum):
    """What the evidence amounts to, worst first."""

    REFUTED = "refuted"
    UNAVAILABLE = "unavailable"
    STALE = "stale"
    WEAK = "weak"
    NONE = "none"
    PROVED = "proved"


DONE: Final = {
    State.PROVED: Verdict.VERIFIED,
    State.REFUTED: Verdict.FALSE_CLAIM,
    State.STALE: Verdict.STALE_CLAIM,
}
DROPPED: Final = frozenset({Claim.DEFERRED, Claim.SKIPPED})
# Kinds that are not statements of their own: nobody has to prove them for their parent to hold.
UNREQUIRED: Final = frozenset({Kind.NOTE, Kind.META, Kind.RISK, Kind.STORY})


def verdict(claim: Claim, state: State) -> Verdict:
    """Claim x evidence -> verdict: the table of the manual, and the only place where it stands.

    Args:
        claim: what the plan says.
        state: what the evidence amounts to.
    """
    proved = state is State.PROVED
    if claim is Claim.DONE:
        return DONE.get(state, Verdict.UNPROVED_CLAIM)
    if claim in DROPPED:
        return Verdict.DONE_EARLY if proved else Verdict.DEFERRED
    if claim is Claim.NONE:
        return Verdict.VERIFIED if proved else Verdict.OPEN
    return Verdict.READY_TO_TICK if proved else Verdict.OPEN


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of an item as it stands now.

    Attributes:
        binding: who bound it.
        state: what its evidence amounts to for this item.
        reason: why, in one sentence.
        evidence: what was found last, or None.
        demanded: False where its backend is not asked for in this run.
    """

    binding: Binding
    state: State
    reason: str
    evidence: Evidence | None
    demanded: bool = True

    @property
    def outcome(self) -> str:
        """One word for the check: its outcome, ``stale`` or ``not_run``."""
        if self.evidence is None:
            return "not_run"
        return "stale" if self.state is State.STALE else self.evidence.outcome.value


@dataclass(frozen=True, slots=True)
class Judged:
    """An item with its verdict.

    Attributes:
        item: what is claimed.
        plan: id of its plan.
        path: the plan's file.
        verdict: what is to be said of it.
        state: what the evidence amounts to, children included.
        reason: why, in one sentence; empty for what is verified by its own checks.
        checks: its own checks.
    """

    item: Item
    plan: str
    path: str
    verdict: Verdict
    state: State
    reason: str
    checks: tuple[CheckView, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as evidence in this run.

    Attributes:
        backends: stores that are demanded; a check on another one is not asked for.
        inferred: True where an inferred binding counts.
        emulated: True where an emulated store counts.
    """

    backends: tuple[str, ...] = ("memory", "sqlite")
    inferred: bool = False
    emulated: bool = False


class Judge:
    """Judges the items of plans.

    Args:
        table: the bindings.
        evidence: what is known, by key of check.
        fingerprints: the workspace as it is now.
        rules: what counts, by plan; a plan that is not named has the defaults.
    """

    def __init__(
        self,
        table: Table,
        evidence: Mapping[str, Evidence],
        fingerprints: Fingerprints,
        rules: Mapping[str, Rules],
    ) -> None:
        self.table = table
        self.evidence = evidence
        self.fingerprints = fingerprints
        self.rules = rules
        self.by_name = {(one.name, one.kind, one.backend) for one in evidence.values()}

    def rules_of(self, item: str) -> Rules:
        """What counts for an item, by its plan."""
        return self.rules.get(item.split(":", 1)[0], Rules())

    def is_demanded(self, binding: Binding) -> bool:
        """True where the binding's backend is asked for, or it has none."""
        return binding.check.backend is None or binding.check.backend in self.rules_of(binding.item).backends

    def view(self, item: Item, binding: Binding) -> CheckView:
        """One check of one item as it stands now."""
        found = self.evidence.get(binding.check.key)
        if not self.is_demanded(binding):
            return CheckView(
                binding, State.NONE, f"{binding.check.backend} is not asked for", found, demanded=False
            )
        if binding.bound_by is BoundBy.INFERRED and not self.rules_of(item.id).inferred:
            return CheckView(binding, State.WEAK, _only_inferred(binding, found), found)
        if found is None:
            return self._unknown(binding)
        stale = self._stale(item, binding, found)
        if stale:
            return CheckView(binding, State.STALE, stale, found)
        state, reason = self._weigh(item, binding, found)
        return CheckView(binding, state, reason, found)

    def _unknown(self, binding: Binding) -> CheckView:
        check = binding.check
        if (check.name, check.kind, check.backend) in self.by_name:
            return CheckView(binding, State.STALE, f"stale-check: its entry in {check.path} changed", None)
        return CheckView(binding, State.NONE, f"{check.kind} {check.target} was never run", None)

    def _stale(self, item: Item, binding: Binding, found: Evidence) -> str:
        """What changed since the evidence was taken, or empty."""
        claimed = found.claims.get(item.id)
        if claimed is None:
            return ""
        if claimed != claim_digest(item):
            return "stale-claim: the item's text changed"
        changed = self.fingerprints.changed(found.footprint, binding.check)
        return f"{changed.word}: {changed.what}" if changed else ""

    def _weigh(self, item: Item, binding: Binding, found: Evidence) -> tuple[State, str]:
        """What fresh evidence amounts to."""
        if item.id not in found.claims:
            return State.NONE, f"{found.kind} {found.target} was never run for this item"
        if found.outcome is Outcome.FAILED:
            return State.REFUTED, found.reason
        if found.outcome is Outcome.UNAVAILABLE:
            return State.UNAVAILABLE, found.reason
        if found.outcome is not Outcome.PASSED:
            return State.WEAK, f"{found.outcome.value}: {found.reason}"
        weak = self._controls(binding, found, self.table.demands.get(item.id)) or self._emulated(
            binding, found
        )
        return (State.WEAK, weak) if weak else (State.PROVED, "")

    def _controls(self, binding: Binding, found: Evidence, demand: Demand | None) -> str:
        """Why the controls do not hold, or empty."""
        if binding.check.controls is None:
            if demand is not None and demand.needs_control and binding.check.kind in CONTROLLED:
                return "needs a control that bites, and none is declared"
            return ""
        return controls_fault(found.controls)

    def _emulated(self, binding: Binding, found: Evidence) -> str:
        rules = self.rules_of(binding.item)
        backend = found.certificate.get("backend")
        if isinstance(backend, dict) and backend.get("emulated") and not rules.emulated:
            return f"{backend.get('kind')} was only emulated"
        return ""

    def own(self, item: Item) -> tuple[State, str, tuple[CheckView, ...]]:
        """What an item's own checks amount to."""
        views = tuple(self.view(item, binding) for binding in self.table.by_item.get(item.id, ()))
        asked = [one for one in views if one.demanded]
        if not views:
            return State.NONE, "bound to no check", ()
        if not asked:
            names = ", ".join(sorted({str(one.binding.check.backend) for one in views}))
            return State.UNAVAILABLE, f"needs {names}: not asked for here", views
        worst = min(asked, key=lambda one: ORDER.index(one.state))
        if worst.state is State.PROVED:
            return (*self._complete(item, asked), views)
        return worst.state, worst.reason, views

    def _complete(self, item: Item, asked: Sequence[CheckView]) -> tuple[State, str]:
        """All passed; is it the whole of the item, on every backend that the spec asks for?"""
        if all(one.binding.partial for one in asked):
            return State.WEAK, "only a part of it is proved"
        demand = self.table.demands.get(item.id)
        if (
            demand is not None
            and demand.needs_control
            and not any(one.binding.check.controls for one in asked)
        ):
            return State.WEAK, "needs a control that bites, and none of its checks has one"
        had = {one.binding.check.backend for one in asked}
        for backend in demand.backends if demand else ():
            if backend in self.rules_of(item.id).backends and backend not in had:
                return State.WEAK, f"no check of it runs on {backend}"
        return State.PROVED, ""


def _only_inferred(binding: Binding, found: Evidence | None) -> str:
    said = f"only inferred: {binding.reason}"
    return f"{said}; it fails: {found.reason}" if found and found.outcome is Outcome.FAILED else said


CONTROLLED: Final = frozenset({CheckKind.PYTEST, CheckKind.RACE, CheckKind.CALLS})
ORDER: Final = (State.REFUTED, State.STALE, State.UNAVAILABLE, State.WEAK, State.NONE, State.PROVED)


def controls_fault(controls: Sequence[ControlResult]) -> str:
    """Why a check's controls do not show that it bites, or empty where they do."""
    if not controls:
        return "its controls did not run"
    placebo = [one for one in controls if one.variant == "placebo"]
    if not placebo:
        return "no placebo ran, so its controls show nothing"
    if placebo[0].outcome is not ControlOutcome.PASSED:
        said = "is undecided" if placebo[0].outcome is ControlOutcome.UNDECIDED else "fails"
        return f"undecided: the placebo {said}, so its controls show nothing: {placebo[0].detail}"
    for one in controls:
        if one.outcome is ControlOutcome.SURVIVED:
            return f"vacuous: it passes on the broken variant {one.variant}"
        if one.outcome is ControlOutcome.UNDECIDED:
            return f"undecided on the broken variant {one.variant}: {one.detail}"
    return ""


def judge_all(plans: Iterable[Plan], judge: Judge) -> tuple[Judged, ...]:
    """Judge every item of some plans, in their order.

    A parent is verified only when all its required children are: what refutes a child refutes it.
    """
    found: list[Judged] = []
    for plan in plans:
        found.extend(_judge_plan(plan, judge))
    return tuple(found)


# What is known of a part that stands above itself.
RING: Final = (State.WEAK, "it stands above itself")


def _judge_plan(plan: Plan, judge: Judge) -> list[Judged]:
    children: dict[str, list[Item]] = {}
    for item in plan.items:
        if item.parent:
            children.setdefault(item.parent, []).append(item)
    known: dict[str, tuple[State, str]] = {}
    own = {item.id: judge.own(item) for item in plan.items}
    for item in _deepest_first(plan.items, children):
        required = [one for one in children.get(item.id, []) if is_required(one)]
        state, reason, views = own[item.id]
        parts = [(one, *known.get(one.id, RING)) for one in required]
        known[item.id] = _with_children(state, reason, _counts(views), parts)
    return [
        Judged(
            item, plan.id, plan.path, verdict(item.claim, known[item.id][0]), *known[item.id], own[item.id][2]
        )
        for item in plan.items
    ]


def _counts(views: Sequence[CheckView]) -> bool:
    """True where an item has checks of its own; guesses that do not count leave it to its children."""
    return any(
        one.binding.bound_by is not BoundBy.INFERRED or one.state in {State.PROVED, State.REFUTED}
        for one in views
    )


def _deepest_first(items: Sequence[Item], children: Mapping[str, list[Item]]) -> list[Item]:
    """Every item after all its children, without recursion; a ring of parents is cut."""
    order: list[Item] = []
    seen: set[str] = set()
    for root in items:
        stack: list[tuple[Item, bool]] = [(root, False)]
        while stack:
            item, ready = stack.pop()
            if ready:
                order.append(item)
            elif item.id not in seen:
                seen.add(item.id)
                stack.append((item, True))
                stack.extend((one, False) for one in children.get(item.id, ()) if one.id not in seen)
    return order


def is_required(item: Item) -> bool:
    """True where an item must hold for its parent to hold."""
    return item.claim not in DROPPED | {Claim.OPTIONAL} and item.kind not in UNREQUIRED


def _with_children(
    state: State,
    reason: str,
    has_checks: bool,  # noqa: FBT001 - one of the two states
    children: Sequence[tuple[Item, State, str]],
) -> tuple[State, str]:
    """An item's own state and those of the children that it needs, as one."""
    if not children:
        return state, reason
    worst = min(children, key=lambda one: ORDER.index(one[1]))
    item, child_state, child_reason = worst
    if child_state is State.PROVED:
        return (state, reason) if has_checks else (State.PROVED, "")
    if has_checks and ORDER.index(state) <= ORDER.index(child_state):
        return state, reason
    name = item.local.rsplit("/", 1)[-1]
    combined = child_state if child_state in {State.REFUTED, State.STALE, State.UNAVAILABLE} else State.WEAK
    return combined, f"{name} is not proved: {child_reason}"


def summarise(judged: Iterable[Judged]) -> dict[str, int]:
    """How many items have each verdict; every verdict is named."""
    counts = {one.value: 0 for one in Verdict}
    for one in judged:
        counts[one.verdict.value] += 1
    return counts
