"""What people read in a terminal or a CI log about a race."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from planproof.race.result import Failure, RaceResult


WIDTH = 80


def failure_text(failure: Failure, certificate: dict[str, Any]) -> str:
    """What did not hold, who did what in which order, how to see it again; 80 columns, but for paths."""
    lines = [*_wrapped(failure.reason), ""]
    for n, calls in enumerate(failure.program):
        lines += _wrapped(f"  client {n}  {'  '.join(map(str, calls))}", " " * 12)
    if failure.steps:
        lines += ["", "  in this order:"]
        lines += [line for step in failure.steps for line in _wrapped(f"    {step}", " " * 14)]
    elif certificate["mode"] == "explore":
        lines += ["", "  before any client made a call"]
    else:
        lines += ["", "  found by stress; no order of single calls was found that breaks it each time"]
    lines += ["", "  on the record:"]
    for op in failure.history.operations[:40]:
        lines += _wrapped(f"    client {op.client}  {op.text} -> {op.reply}", " " * 14)
    left_out = len(failure.history.operations) - 40
    if left_out > 0:
        lines.append(f"    and {left_out} more")
    if failure.violation.detail:
        lines += ["", *(f"  {line}" for line in failure.violation.detail.splitlines())]
    lines += ["", *_wrapped(f"  {_size(failure)}, seed {failure.seed}, {_store(certificate)}", "  ")]
    if failure.replay_command:
        lines.append(f"  replay: {failure.replay_command}")
    if failure.page_path:
        lines.append(f"  page: {failure.page_path}")
    return "\n".join(lines)


def _wrapped(text: str, indent: str = "    ") -> list[str]:
    """One line of text, on several where it is wide; its own spaces at the start stay."""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _size(failure: Failure) -> str:
    operations, clients, switches = failure.size
    told = f"{clients} client{_s(clients)}, {operations} operation{_s(operations)}"
    if failure.choices:
        told += f", {switches} switch{'' if switches == 1 else 'es'}"
    if failure.shrunk_from is not None:
        told += " (shrunk from {1}, {0}, {2})".format(*failure.shrunk_from)
    return told


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _store(certificate: dict[str, Any]) -> str:
    backend = certificate["backend"]
    return " ".join(part for part in (backend["kind"], backend["version"]) if part)


def result_text(result: RaceResult) -> str:
    """The whole outcome for a terminal."""
    record = result.certificate
    name = record["workload"].rpartition(":")[2]
    head = f"{name} on {_store(record)}: {result.outcome.upper()}"
    if result.failure is not None:
        head += f" at schedule {result.failure.schedule}"
        return f"{head}\n\n{failure_text(result.failure, record)}"
    lines = [head]
    if result.reason:
        first, *stacks = result.reason.splitlines()
        lines += [*_wrapped(f"  {first}", "  "), *(f"  {line}" for line in stacks)]
    return "\n".join([*lines, *_figures(record)])


def _figures(record: dict[str, Any]) -> list[str]:
    schedules, overlap, seen = record["schedules"], record["overlap"], record["observations"]
    operations, seed = record["operations"], record["seed"]
    flight = f"in flight {overlap['mean_in_flight']} on average, {overlap['most_in_flight']} at most"
    lines = [
        f"  {schedules['run']} schedules, {schedules['distinct']} distinct; {record['mode']}, seed {seed}",
        f"  operations: {operations['ok']} ok, {operations['fail']} refused, {operations['info']} unknown",
        f"  overlap: in {overlap['schedules']} schedules, {overlap['pairs']} pairs; {flight}",
        f"  observed {seen['made']} times beside the clients; {record['waits']['seen']} waits seen",
    ]
    if record["exhausted"]:
        lines += _wrapped(f"  exhausted: {record['exhausted']}", "    ")
    for name, times in record["faults"].items():
        lines.append(f"  fault {name} fired {times} times")
    for name, told in record["controls"].items():
        if told["placebo"]:
            lines.append(f"  placebo {name}: {told['outcome']}")
            continue
        fate = (
            f"killed by {told['property']} at schedule {told['schedule']}" if told["killed"] else "SURVIVED"
        )
        lines.append(f"  control {name}: {fate}")
    return lines


def result_json(result: RaceResult) -> dict[str, Any]:
    """The outcome as JSON; its form is ``schemas/race-run.schema.json``."""
    return {
        "schema": 1,
        "outcome": result.outcome,
        "reason": result.reason or (result.failure.reason if result.failure else ""),
        "certificate": result.certificate,
        "failure": None if result.failure is None else _failure_json(result.failure),
    }


def _failure_json(failure: Failure) -> dict[str, Any]:
    from planproof.race.program import to_literal

    operations, clients, switches = failure.size
    return {
        "property": failure.violation.property,
        "message": failure.violation.message,
        "detail": failure.violation.detail,
        "schedule": failure.schedule,
        "seed": failure.seed,
        "operations": operations,
        "clients": clients,
        "switches": switches,
        "shrunk_from": list(failure.shrunk_from) if failure.shrunk_from else None,
        "program": to_literal(failure.program),
        "choices": list(failure.choices),
        "steps": list(failure.steps),
        "history": [
            {"client": op.client, "operation": op.text, "outcome": str(op.outcome), "reply": op.reply}
            for op in failure.history.operations
        ],
        "file": failure.replay_path,
        "page": failure.page_path,
        "replay": failure.replay_command,
    }
