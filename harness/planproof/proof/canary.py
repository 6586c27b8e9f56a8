"""The gate's own test: it must refuse false ticks that are planted in a copy of the plans in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.errors import InputError
from planproof.plan.model import Claim, Plan
from planproof.plan.reading import read_bytes

from .gate import decide
from .model import Outcome
from .session import Session, judged
from .verdict import Verdict


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from .evidence.record import Evidence


PLANTED: Final = b"\n\n## Canary of the gate\n\n- [x] CANARY-1 A claim that nothing proves\n"


class Canary(NamedTuple):
    """One planted untruth: what it is, the item that carries it, and whether the gate refused it."""

    what: str
    item: str
    refused: bool


def sing(session: Session, today: dt.date) -> tuple[Canary, ...]:
    """Plant each kind of untruth once and look whether the gate refuses it; the session is left as it was."""
    return tuple(
        _refused(what, changed, item, today) for plant in PLANTS for what, changed, item in plant(session)
    )


def _refused(what: str, session: Session, item: str, today: dt.date) -> Canary:
    verdicts = judged(session)
    result = decide(verdicts, session.policies, (), today, {item})
    return Canary(what, item, not result.holds and any(problem.item == item for problem in result.problems))


def _with_plan(session: Session, plan: Plan) -> Session:
    plans = tuple(plan if one.id == plan.id else one for one in session.plans)
    return replace(session, plans=plans)


def _unbound_tick(session: Session) -> Iterator[tuple[str, Session, str]]:
    """A ticked box that nothing is bound to, at the end of the first plan that takes one."""
    for plan in session.plans:
        try:
            changed = read_bytes(plan.source + PLANTED, plan.path, plan_id=plan.id)
        except InputError:
            continue
        known = {item.id for item in plan.items}
        new = [item for item in changed.items if item.id not in known and item.claim is Claim.DONE]
        if new:
            yield "a tick that nothing proves", _with_plan(session, changed), new[0].id
            return


def _early_tick(session: Session) -> Iterator[tuple[str, Session, str]]:
    """An open box that is not proved, ticked by its own byte."""
    for one in judged(session):
        if one.item.box is None or one.verdict is not Verdict.OPEN or one.item.claim is not Claim.OPEN:
            continue
        plan = next(plan for plan in session.plans if plan.id == one.plan)
        data = plan.source[: one.item.box] + b"x" + plan.source[one.item.box + 1 :]
        changed = read_bytes(data, plan.path, plan_id=plan.id)
        if any(item.id == one.item.id and item.claim is Claim.DONE for item in changed.items):
            yield "an open box, ticked", _with_plan(session, changed), one.item.id
            return


def _failed_check(session: Session) -> Iterator[tuple[str, Session, str]]:
    """A proved claim whose check fails."""
    for one in judged(session):
        if one.verdict is Verdict.VERIFIED and one.item.claim is Claim.DONE and one.checks:
            key = one.checks[0].binding.check.key
            broken = replace(session.evidence[key], outcome=Outcome.FAILED, reason="planted")
            yield "a proved claim whose check fails", _with_evidence(session, key, broken), one.item.id
            return


def _lost_evidence(session: Session) -> Iterator[tuple[str, Session, str]]:
    """A proved claim whose evidence is gone."""
    for one in judged(session):
        if one.verdict is Verdict.VERIFIED and one.item.claim is Claim.DONE and one.checks:
            key = one.checks[0].binding.check.key
            kept = {name: found for name, found in session.evidence.items() if name != key}
            yield "a proved claim without its evidence", replace(session, evidence=kept), one.item.id
            return


def _with_evidence(session: Session, key: str, found: Evidence) -> Session:
    return replace(session, evidence={**session.evidence, key: found})


PLANTS: Final[tuple[Callable[[Session], Iterator[tuple[str, Session, str]]], ...]] = (
    _unbound_tick,
    _early_tick,
    _failed_check,
    _lost_evidence,
)
