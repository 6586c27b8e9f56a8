"""The gate: which claims must hold, and whether they do. Nothing checked is never a pass."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from planproof.plan.model import Claim

from .binding.check_parser import EMBEDDED
from .binding.spec import GatePolicy
from .model import Outcome
from .verdict import Judged, State, Verdict


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from .binding.spec import Spec, Waiver


HOLDS: Final = 0
FAILS: Final = 1
NOT_HERE: Final = 3
GOOD: Final = frozenset({Verdict.VERIFIED, Verdict.READY_TO_TICK, Verdict.DONE_EARLY})


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why the gate does not hold.

    Attributes:
        item: id of the item, or empty.
        path: file that it is about.
        line: line in it.
        word: ``false_claim``, ``nothing_checked``, ``waiver_expired``, ``check_proves_nothing``, ...
        message: one sentence.
    """

    item: str
    path: str
    line: int
    word: str
    message: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """The gate's word.

    Attributes:
        exit_code: 0 holds, 1 does not, 3 could not be verified here.
        problems: why it does not hold, in the order of the plans.
        waived: ids of items that do not hold and are waived, with the waiver.
        checked: how many gated items are proved.
    """

    exit_code: int
    problems: tuple[Problem, ...]
    waived: tuple[tuple[str, Waiver], ...] = ()
    checked: int = 0

    @property
    def holds(self) -> bool:
        """True where everything that is gated holds."""
        return self.exit_code == HOLDS


def policy_of(spec: Spec | None, configured: Mapping[str, Any], asked: Mapping[str, Any]) -> GatePolicy:
    """A plan's policy: the configuration, overridden by its spec, overridden by the command line."""
    said = {**configured, **(spec.gate if spec else {}), **asked}
    policy = GatePolicy(**said)
    return policy if policy.backends else replace(policy, backends=EMBEDDED)


def is_gated(one: Judged, policy: GatePolicy) -> bool:
    """True where the policy speaks of an item."""
    item = one.item
    return (
        _matches(one.plan, policy.plans)
        and _matches(item.kind.value, policy.kinds)
        and _matches(item.phase or "", policy.phases)
        and _matches(item.priority or "", policy.priorities)
        and _matches(item.story or "", policy.stories)
    )


def _matches(value: str, patterns: Collection[str]) -> bool:
    return not patterns or any(
        fnmatch.fnmatchcase(value, one) or value.startswith(f"{one}:") for one in patterns
    )


def decide(
    judged: Sequence[Judged],
    policies: Mapping[str, GatePolicy],
    waivers: Iterable[tuple[str, Waiver]],
    today: dt.date,
    only: Collection[str] | None = None,
) -> GateResult:
    """Weigh the verdicts.

    Args:
        judged: every item.
        policies: by plan id.
        waivers: item id and waiver.
        today: the day on which waivers are looked at.
        only: ids that are gated (``--since``); None for all.

    Returns:
        The gate's word. Where ``only`` is empty, no claim was made or touched and the gate holds vacuously.
    """
    gated = [
        one
        for one in judged
        if is_gated(one, policies.get(one.plan, GatePolicy())) and (only is None or one.item.id in only)
    ]
    if only is not None and not gated:
        return GateResult(HOLDS, ())
    by_item = dict(waivers)
    problems: list[Problem] = []
    waived: list[tuple[str, Waiver]] = []
    unavailable = True
    for one in gated:
        found = fault(one, policies.get(one.plan, GatePolicy()))
        if found is None:
            continue
        waiver = by_item.get(one.item.id)
        if waiver is not None and waiver.expires >= today:
            waived.append((one.item.id, waiver))
            continue
        problems.append(found)
        if waiver is not None:
            said = f"the waiver of {waiver.owner} for {one.item.local} expired on {waiver.expires}"
            problems.append(Problem(one.item.id, waiver.path, waiver.line, "waiver_expired", said))
        unavailable = unavailable and one.state is State.UNAVAILABLE
    if only is None:
        problems.extend(_missing(judged, policies))
        unavailable = unavailable and not any(one.word == "required" and not one.item for one in problems)
    checked = sum(one.verdict in GOOD for one in gated)
    if not checked and not problems:
        where = gated[0] if gated else None
        said = (
            "nothing was checked, so nothing is shown" if gated else "no item is gated, so nothing is shown"
        )
        return GateResult(
            FAILS, (Problem("", where.path if where else "", 0, "nothing_checked", said),), tuple(waived)
        )
    code = HOLDS if not problems else (NOT_HERE if unavailable else FAILS)
    return GateResult(code, tuple(problems), tuple(waived), checked)


def _missing(judged: Sequence[Judged], policies: Mapping[str, GatePolicy]) -> Iterator[Problem]:
    """What a plan's policy requires, and the plan does not have."""
    plans: dict[str, list[Judged]] = {}
    for one in judged:
        plans.setdefault(one.plan, []).append(one)
    required = {pattern for plan in plans for pattern in policies.get(plan, GatePolicy()).require}
    for pattern in sorted(required):
        owners = [plan for plan in plans if pattern in policies.get(plan, GatePolicy()).require]
        if not any(fnmatch.fnmatchcase(one.item.local, pattern) for plan in owners for one in plans[plan]):
            path = plans[owners[0]][0].path
            yield Problem("", path, 0, "required", f"{pattern} must be verified, and no item has that name")


def fault(one: Judged, policy: GatePolicy) -> Problem | None:
    """Why an item does not hold, or None."""
    item = one.item

    def problem(word: str, message: str) -> Problem:
        return Problem(item.id, one.path, item.line, word, message)

    if item.claim is Claim.DONE and one.verdict is not Verdict.VERIFIED:
        return problem(one.verdict.value, f"{item.local} is said to be done: {one.reason}")
    if (
        any(fnmatch.fnmatchcase(item.local, pattern) for pattern in policy.require)
        and one.verdict is not Verdict.VERIFIED
    ):
        return problem("required", f"{item.local} must be verified and is {one.verdict.value}: {one.reason}")
    for view in one.checks:
        found = view.evidence
        if view.demanded and found is not None and view.outcome == Outcome.NOTHING.value:
            return problem(
                "check_proves_nothing", f"{item.local}: {found.kind} {found.target}: {found.reason}"
            )
    if policy.warnings and one.verdict is Verdict.OPEN and one.state in {State.REFUTED, State.STALE}:
        return problem("warning", f"{item.local} is open and its check does not pass: {one.reason}")
    return None
