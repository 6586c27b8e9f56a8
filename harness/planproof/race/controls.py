"""Controls: broken variants on which the same race must fail, and a placebo on which it must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planproof.race.result import FAILED, INCONCLUSIVE, PASSED, RaceResult
from planproof.race.workload import Workload, load_workload, reference_of


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def with_controls(
    result: RaceResult,
    controls: Sequence[type[Workload] | str],
    placebo: type[Workload] | str | None,
    race: Callable[[type[Workload]], RaceResult],
) -> RaceResult:
    """The result with what the controls came to in its certificate.

    A control that survives makes it inconclusive.

    Args:
        result: of the workload itself.
        controls: variants that must fail.
        placebo: a variant that must pass.
        race: runs a variant as the workload was run.

    Raises:
        WorkloadError: a variant cannot be found or run.
    """
    told: dict[str, Any] = {}
    doubts = []
    for each in controls:
        kind = _loaded(each)
        outcome = race(kind)
        told[reference_of(kind)] = _fate(outcome)
        if outcome.outcome != FAILED:
            doubts.append(f"control {kind.__name__} survived, so this race cannot tell right from wrong")
    if placebo is not None:
        kind = _loaded(placebo)
        outcome = race(kind)
        told[reference_of(kind)] = {**_fate(outcome), "placebo": True}
        if outcome.outcome != PASSED:
            doubts.append(f"placebo {kind.__name__} is {outcome.outcome}, so what fails may be the machinery")
    certificate = {**result.certificate, "controls": told}
    if doubts and result.outcome == PASSED:
        certificate["outcome"] = INCONCLUSIVE
        return replace(result, outcome=INCONCLUSIVE, reason="; ".join(doubts), certificate=certificate)
    return replace(result, certificate=certificate)


def _loaded(variant: type[Workload] | str) -> type[Workload]:
    return load_workload(variant) if isinstance(variant, str) else variant


def _fate(outcome: RaceResult) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "outcome": outcome.outcome,
        "killed": outcome.outcome == FAILED,
        "property": failure.violation.property if failure else None,
        "schedule": failure.schedule if failure else None,
        "placebo": False,
    }
