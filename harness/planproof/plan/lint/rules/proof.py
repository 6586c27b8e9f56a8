"""PP6xx: claims against bindings and evidence, which are handed in as plain data.

The linter knows plans only. Whoever knows the bindings (the command line does) hands them to
:func:`proof_findings` and gets findings of the same form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Finding, Hit, Level, fingerprint
from planproof.plan.lint.rule import Rule
from planproof.plan.model import Claim, Kind


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item, Plan

CLAIMED = frozenset(
    {Kind.TASK, Kind.CRITERION, Kind.ACCEPTANCE, Kind.COVERAGE, Kind.INVARIANT, Kind.SCENARIO}
)


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """What the linter needs to know of a check that is bound to an item.

    Attributes:
        item: id of the item, as the binding names it.
        check: the check's name.
        path: file that holds the binding, relative to the workspace.
        line: line of the binding, from 1.
        collected: how many tests or measurements it found when it last ran; None where it never ran.
        can_fail: False where its control showed that it cannot fail; None where nothing is known.
        stale: what changed since it last ran, in words; empty where nothing did.
    """

    item: str
    check: str
    path: str
    line: int
    collected: int | None = None
    can_fail: bool | None = None
    stale: str = ""


def _never(_: PlanView) -> Iterator[Hit]:
    """Found by :func:`proof_findings` only, which knows the bindings."""
    return iter(())


UNBOUND = Rule("PP601", "bound-to-nothing", Level.WARNING, default=True, check=_never)
UNKNOWN = Rule("PP602", "binding-to-unknown-item", Level.ERROR, default=True, check=_never)
EMPTY = Rule("PP603", "check-found-nothing", Level.ERROR, default=True, check=_never)
VACUOUS = Rule("PP604", "check-cannot-fail", Level.ERROR, default=True, check=_never)
STALE = Rule("PP605", "stale-evidence", Level.WARNING, default=True, check=_never)
RULES = (UNBOUND, UNKNOWN, EMPTY, VACUOUS, STALE)


def proof_findings(
    plans: Sequence[Plan], checks: Iterable[BoundCheck], *, rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """What is wrong between claims and the checks that should prove them.

    Args:
        plans: the plans, read.
        checks: every binding, with what is known of its check.
        rules: which of the PP6xx rules run.
    """
    chosen = {rule.code for rule in rules}
    items = {item.id: (plan, item) for plan in plans for item in plan.items}
    bound: dict[str, list[BoundCheck]] = {}
    found: list[Finding] = []
    for check in checks:
        bound.setdefault(check.item, []).append(check)
        found += _of_check(check, items)
    covered = {item.parent for name, (_, item) in items.items() if name in bound}
    found += [
        _finding(UNBOUND, plan.path, item.line, f"{item.local} is done, and no check is bound to it.", item)
        for plan, item in items.values()
        if item.claim is Claim.DONE
        and item.kind in CLAIMED
        and item.id not in bound
        and item.id not in covered
    ]
    return sorted(
        (one for one in found if one.code in chosen), key=lambda one: (one.path, one.line, one.code)
    )


def _of_check(check: BoundCheck, items: Mapping[str, tuple[Plan, Item]]) -> Iterator[Finding]:
    """Findings about one binding."""
    known = items.get(check.item)
    item = known[1] if known else None
    if item is None:
        yield _finding(UNKNOWN, check.path, check.line, f"No plan has an item {check.item}.", None)
        return
    if check.collected == 0:
        yield _finding(
            EMPTY, check.path, check.line, f"{check.check} found nothing to check for {item.local}.", item
        )
    if check.can_fail is False:
        message = f"{check.check} passes on a broken variant too; it proves nothing of {item.local}."
        yield _finding(VACUOUS, check.path, check.line, message, item)
    if check.stale and known:
        message = f"The evidence for {item.local} is stale: {check.stale}."
        yield _finding(STALE, known[0].path, item.line, message, item)


def _finding(rule: Rule, path: str, line: int, message: str, item: Item | None) -> Finding:
    mark = fingerprint(rule.code, path, message, 1)
    items = (item.id,) if item else ()
    return Finding(rule.code, rule.name, rule.level, message, path, line, items, fingerprint=mark)
