"""The certificate: what was run and seen, so that a reader can tell what a green race is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof import __version__
from planproof.race.isolation import without_place
from planproof.race.overlap import measure, order_of
from planproof.race.schedules.step import TAKE


if TYPE_CHECKING:
    from planproof.backends.model import Backend
    from planproof.race.execution import Execution
    from planproof.race.result import Tally
    from planproof.race.schedules.step import Taken
    from planproof.race.workload import Workload


SCHEMA = 1
OUTSIDE = frozenset({"start", TAKE})
"""Steps at which a client stands before an operation, not within it."""


def count(tally: Tally, done: Execution) -> None:
    """Add one execution to the tally."""
    tally.schedules += 1
    for operation in done.history.operations:
        if operation.ret is None:  # the schedule was decided before; nothing was lost
            continue
        outcome = str(operation.outcome)
        tally.outcomes[outcome] = tally.outcomes.get(outcome, 0) + 1
    overlap = measure(done.history)
    # Under the scheduler an operation of one call has no length; two clients that could move are as good.
    tally.overlapping += overlap.pairs > 0 or any(_within(each, done) for each in done.trace)
    tally.pairs += overlap.pairs
    tally.in_flight = max(tally.in_flight, overlap.in_flight)
    tally.in_flight_seconds += overlap.operation_seconds
    tally.busy_seconds += overlap.busy_seconds
    tally.observations += done.observations
    tally.unseen += done.unseen
    tally.stray += done.stray
    tally.unchecked += done.unchecked
    tally.waits += sum(each.waited or each.queued for each in done.trace)
    steps = tuple((each.client, without_place(each.step.label)) for each in done.trace if not each.waited)
    tally.orders.add(hash(steps) if steps else order_of(done.history))
    for name, times in done.faults.items():
        tally.faults[name] = tally.faults.get(name, 0) + times


def _within(taken: Taken, done: Execution) -> bool:
    """Whether a client stood within an operation while another one could move too.

    Tasks may stand before theirs: what has no await runs whole on one loop, and in service too.
    """
    return len(taken.ready) > 1 and (
        done.tasks or any(step.kind not in OUTSIDE for step in taken.ready.values())
    )


def certificate(
    *,
    reference: str,
    backend: Backend,
    mode: str,
    seed: int,
    wanted: int,
    tally: Tally,
    outcome: str,
    exhausted: str = "",
    engine: str = "planproof",
    controls: dict[str, Any] | None = None,
    assumptions: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The JSON-able record of one run; its form is ``schemas/certificate.schema.json``.

    Args:
        reference: the workload, as ``module:Class`` or ``file.py:Class``.
        backend: the store.
        mode: ``stress`` or ``explore``.
        seed: of the run.
        wanted: schedules that were asked for.
        tally: counts over all schedules.
        outcome: of the run.
        exhausted: what was tried completely, in words; empty where nothing was.
        engine: who chose the orders.
        controls: control name -> whether it was killed, by which property, at which schedule.
        assumptions: what pruning rests on.
    """
    mean = tally.in_flight_seconds / tally.busy_seconds if tally.busy_seconds else 0.0
    return {
        "schema": SCHEMA,
        "planproof": __version__,
        "workload": reference,
        "backend": {
            "kind": str(backend.kind),
            "version": backend.version,
            "source": backend.source,
            "emulated": backend.emulated,
        },
        "mode": mode,
        "engine": engine,
        "seed": seed,
        "outcome": outcome,
        "schedules": {"wanted": wanted, "run": tally.schedules, "distinct": len(tally.orders)},
        "exhausted": exhausted or None,
        "operations": {name: tally.outcomes.get(name, 0) for name in ("ok", "fail", "info")},
        "overlap": {
            "schedules": tally.overlapping,
            "pairs": tally.pairs,
            "most_in_flight": tally.in_flight,
            "mean_in_flight": round(mean, 2),
        },
        "observations": {"made": tally.observations, "not_possible": tally.unseen},
        "waits": {"seen": tally.waits, "unseen": tally.stray},
        "faults": dict(sorted(tally.faults.items())),
        "unchecked_histories": tally.unchecked,
        "controls": controls or {},
        "assumptions": list(assumptions),
    }


def doubt(workload: type[Workload], tally: Tally, *, controlled: bool) -> str:
    """Why a run without a failure proves nothing; empty where it does prove something.

    Args:
        workload: what was run.
        tally: what was seen.
        controlled: clients were stopped by the scheduler; False where they ran as fast as they could.
    """
    if not workload.invariants() and workload.model is None:
        return "the workload has neither an invariant nor a model, so nothing was checked"
    if tally.overlapping == 0:
        return "no two operations of different clients ever overlapped, so no race was run" + (
            ": explore stops a client where it calls a store, takes a lock or waits, and met none of these "
            "within an operation while another client could move"
            if controlled
            else ""
        )
    if tally.unchecked == tally.schedules and workload.model is not None:
        return "the checker gave up on every history"
    if tally.unchecked:
        return f"the checker gave up on {tally.unchecked} of {tally.schedules} histories"
    if not tally.outcomes.get("ok"):
        return "no operation ever succeeded, so nothing was put to the test"
    return ""
