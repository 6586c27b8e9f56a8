"""Negative controls of pytest checks: the same tests again, for each broken variant and for the placebo."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planproof.proof.model import Check, ControlOutcome, ControlResult, Outcome, Result

from . import pytest_run
from .pytest_check import Mapping, wanted_by
from .swap import PLACEBO, SWAP


if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Context


# What a broken variant raises where it is not broken on purpose but by a slip: it would fail any test.
SLIP: Final = re.compile(
    r"(NameError|UnboundLocalError|ImportError|ModuleNotFoundError|SyntaxError|IndentationError):"
    r"|TypeError: .*(positional argument|unexpected keyword argument|required keyword-only argument)"
)
PLUGIN: Final = "planproof.proof.checks.swap"


def run_controls(results: Sequence[Result], context: Context) -> dict[str, tuple[ControlResult, ...]]:
    """Run what the checks of passed results declare, one process for each variant, shared by checks.

    Returns:
        By key of the check, the placebos first.
    """
    wanted: dict[tuple[str, str], list[tuple[str, Check]]] = defaultdict(list)
    for result in results:
        check = result.check
        if result.outcome is not Outcome.PASSED or check.controls is None:
            continue
        for target in dict.fromkeys(variant.target for variant in check.controls.variants):
            wanted[target, PLACEBO].append(("placebo", check))
        for variant in check.controls.variants:
            wanted[variant.target, variant.replacement].append((variant.name, check))
    found: dict[str, list[ControlResult]] = defaultdict(list)
    for (target, replacement), asked in wanted.items():
        for check, control in _one_variant(target, replacement, asked, context):
            found[check.key].append(control)
        context.progress(f"control {replacement or 'gutted'} for {target}")
    return {key: _ordered(controls) for key, controls in found.items()}


def _ordered(controls: list[ControlResult]) -> tuple[ControlResult, ...]:
    """One placebo (the worst of several), then the variants."""
    placebos = [one for one in controls if one.variant == "placebo"]
    bad = [one for one in placebos if one.outcome is not ControlOutcome.PASSED]
    return (*(bad or placebos)[:1], *(one for one in controls if one.variant != "placebo"))


def _one_variant(
    target: str, replacement: str, asked: list[tuple[str, Check]], context: Context
) -> list[tuple[Check, ControlResult]]:
    """Run the tests of all checks that ask for one swap."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=context.scratch) as folder:
        report = Path(folder) / "swap.txt"
        job = {"target": target, "replacement": replacement, "report": str(report), "root": str(context.root)}
        run = pytest_run.run(
            wanted_by([check for _, check in asked], context.tests),
            context,
            prefix=(),
            extra=["-p", PLUGIN],
            env={SWAP: json.dumps(job)},
            footprints=False,
            parallel=False,
        )
        swapped = report.read_text(encoding="utf-8") if report.exists() else ""
    if run.interrupted:
        raise KeyboardInterrupt
    seconds = round((time.monotonic() - started) / len(asked), 3)
    return [(check, _judge(name, check, run, swapped, context, seconds)) for name, check in asked]


def _judge(  # noqa: PLR0911 - one way to end a line
    name: str, check: Check, run: pytest_run.Run, swapped: str, context: Context, seconds: float
) -> ControlResult:
    """What the check did: only a test that failed in its own body kills a variant."""
    if swapped != "swapped":
        why = swapped.removeprefix("error: ") or "its module was never imported, so nothing was swapped"
        return ControlResult(name, ControlOutcome.UNDECIDED, why, seconds)
    nodes = Mapping(check, run, context.root).nodes()
    if not nodes:
        return ControlResult(name, ControlOutcome.UNDECIDED, "its tests could not be collected", seconds)
    failed = [node for node in nodes if node.outcome == "failed"]
    in_body = [node for node in failed if not node.text.startswith(("setup: ", "teardown: "))]
    slips = [node for node in in_body if _slip(node)]
    if name == "placebo":
        bad = [node for node in nodes if node.outcome in {"failed", "died", "hung", "flaky", ""}]
        outcome = ControlOutcome.FAILED if bad else ControlOutcome.PASSED
        return ControlResult(name, outcome, bad[0].id if bad else "", seconds)
    if in_body and len(slips) == len(in_body):
        why = f"it fails of itself: {_slip(slips[0])}"
        return ControlResult(name, ControlOutcome.UNDECIDED, why, seconds)
    if in_body:
        bitten = next(node for node in in_body if node not in slips)
        return ControlResult(name, ControlOutcome.KILLED, bitten.id, seconds)
    if failed or any(node.outcome in {"died", "hung", "flaky", ""} for node in nodes):
        return ControlResult(name, ControlOutcome.UNDECIDED, "no test failed in its own body", seconds)
    return ControlResult(name, ControlOutcome.SURVIVED, "every test passes on it", seconds)


def _slip(node: pytest_run.Node) -> str:
    """The error by which a variant fails of itself (a name it does not know, arguments it does not take)."""
    said = node.text.rsplit("\n@@ ", 1)[-1].strip()
    return said if SLIP.match(said) else ""
