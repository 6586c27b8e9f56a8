"""Measures the catalogue: schedules that explore needs, rounds that 16 threads need.

Interleavings of frontrun.

    python -m tests.race.measure_catalogue explore sqlite  >> figures.jsonl
    python -m tests.race.measure_catalogue stress sqlite   >> figures.jsonl
    frontrun python -m tests.race.measure_catalogue frontrun sqlite >> figures.jsonl
    python -m tests.race.measure_catalogue table figures.jsonl > docs/race-catalogue-table.md

The table stands in docs/race-catalogue.md.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

from tests.race.catalogue.entries import BROKEN, CORRECT, on

from planproof.backends import BackendKind, acquire
from planproof.race import run


SEEDS = (1, 2, 3)
THREADS = 16
ROUNDS = 100
SECONDS = 8.0


def main(mode, *rest):
    if mode == "table":
        table([json.loads(line) for path in rest for line in Path(path).read_text().splitlines()])
        return
    kind = BackendKind(rest[0])
    with acquire(kind) as backend:
        for broken, variants in ((True, BROKEN), (False, CORRECT)):
            for variant in on(kind, variants):
                began = time.monotonic()
                figures = MEASURES[mode](variant, backend, broken)
                seconds = round(time.monotonic() - began, 2)
                row = {"variant": variant.__name__, "broken": broken, "store": str(kind), "mode": mode}
                print(json.dumps({**row, **figures, "seconds": seconds}), flush=True)


def explored(variant, backend, broken):
    if not broken:
        result = run(variant, backend=backend, schedules=3000, orders="all")
        return {"outcome": result.outcome, "exhausted": bool(result.certificate["exhausted"]), **ran(result)}
    results = [run(variant, backend=backend, schedules=200, seed=seed, shrink=False) for seed in SEEDS]
    found = [each.failure for each in results if each.failure]
    return {
        "schedules": [each.schedule for each in found],
        "property": sorted({each.violation.property for each in found}),
        "outcome": "failed" if len(found) == len(SEEDS) else "missed",
    }


def ran(result):
    return {"schedules": [result.certificate["schedules"]["run"]]}


def stressed(variant, backend, broken):
    """The calls of the scenarios, five for each of sixteen threads, until one round fails."""
    calls = [call for scenario in variant.scenarios for client in scenario for call in client]
    program = tuple(
        tuple(itertools.islice(itertools.cycle(calls[n % len(calls) :] + calls[: n % len(calls)]), 5))
        for n in range(THREADS)
    )
    crowded = type(variant.__name__, (variant,), {"scenarios": (program,), "limit_seconds": 20.0})
    until = time.monotonic() + SECONDS
    rounds = 0
    while rounds < ROUNDS and time.monotonic() < until:
        rounds += 1
        result = run(crowded, backend=backend, schedules=1, mode="stress", shrink=False)
        if result.outcome == "failed" or (result.reason and "did not finish" in result.reason):
            found = result.failure.violation.property if result.failure else "hang"
            return {"schedules": [rounds], "property": [found], "outcome": "failed"}
    return {"schedules": [rounds], "property": [], "outcome": "missed" if broken else "passed"}


def with_frontrun(variant, backend, broken):
    fresh = type(variant.__name__, (variant,), {"reuse": False, "__module__": variant.__module__})
    result = run(fresh, backend=backend, schedules=200, engine="frontrun", shrink=False)
    return {
        **ran(result),
        "outcome": "missed" if broken and result.outcome == "passed" else result.outcome,
        "property": [result.failure.violation.property] if result.failure else [],
        "exhausted": bool(result.certificate["exhausted"]),
    }


MEASURES = {"explore": explored, "stress": stressed, "frontrun": with_frontrun}


def table(rows):
    found = {(row["variant"], row["store"], row["mode"]): row for row in rows}
    print("| variant | caught by | explore: schedules, seeds 1, 2, 3 | 16 threads: rounds | frontrun |")
    print("|---|---|---|---|---|")
    for variant in BROKEN:
        own = [found.get((variant.__name__, str(kind), "explore")) for kind in variant.backends]
        properties = sorted({each for row in own if row for each in row["property"]})
        cells = [
            "; ".join(cell(found.get((variant.__name__, str(kind), mode)), kind) for kind in variant.backends)
            for mode in ("explore", "stress")
        ]
        rival = "; ".join(
            cell(found.get((variant.__name__, str(kind), "frontrun")), kind)
            for kind in variant.backends
            if kind in {"memory", "sqlite"}
        )
        print(f"| {variant.__name__} | {', '.join(properties)} | {cells[0]} | {cells[1]} | {rival or '-'} |")
    print()
    print("| correct variant | explore, every order | 16 threads | frontrun |")
    print("|---|---|---|---|")
    for variant in CORRECT:
        cells = [
            "; ".join(
                text
                for kind in variant.backends
                if (text := cell(found.get((variant.__name__, str(kind), mode)), kind)) and "-" not in text
            )
            for mode in ("explore", "stress", "frontrun")
        ]
        print(f"| {variant.__name__} | {' | '.join(each or '-' for each in cells)} |")


def cell(row, kind):
    if row is None:
        return f"{kind} -"
    numbers = ", ".join(map(str, row["schedules"]))
    if row["outcome"] == "failed":
        return f"{kind} {numbers}"
    if row["mode"] == "explore" and not row["broken"]:
        return f"{kind} {'exhausted' if row.get('exhausted') else row['outcome']} ({numbers})"
    return f"{kind} {row['outcome']} ({numbers})"


if __name__ == "__main__":
    main(*sys.argv[1:])
