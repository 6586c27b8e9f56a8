"""The gate's word as text, as JSON (``schemas/gate.schema.json``) and as GitHub annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.proof.verdict import summarise

from .paint import Paint, clip, wrap
from .verdicts import gate_lines
from .verdicts_json import gate_document


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from planproof.proof.gate import GateResult
    from planproof.proof.verdict import Judged


SHOWN: Final = 20
ANNOTATIONS: Final = 10


def document(
    judged: Sequence[Judged],
    result: GateResult,
    *,
    since: str | None = None,
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """What ``planproof gate --output-format json`` prints."""
    return {
        "schema": 1,
        **gate_document(result),
        "summary": summarise(judged),
        "since": since,
        "gated": None if only is None else sorted(only),
    }


def lines(judged: Sequence[Judged], result: GateResult, paint: Paint) -> Iterator[str]:
    """The gate's reasons, each with its line, then its word."""
    for problem in result.problems[:SHOWN]:
        place = f"{problem.path}:{problem.line}  " if problem.path and problem.line else ""
        word = problem.word.replace("_", " ")
        yield clip(f"{place}{word}", 80)
        yield from (paint(line, "dim") for line in wrap(problem.message, 4))
    if len(result.problems) > SHOWN:
        yield f"... and {len(result.problems) - SHOWN} more; --output-format json has them all"
    counts = ", ".join(
        f"{count} {word.replace('_', ' ')}" for word, count in summarise(judged).items() if count
    )
    yield paint(counts, "dim")
    stale = any(problem.word in {"stale_claim", "unproved_claim"} for problem in result.problems)
    if stale:
        yield paint("planproof verify runs what is due", "dim")
    bare = type(result)(result.exit_code, (), result.waived, result.checked)
    yield from gate_lines(judged, bare, paint)


def github_lines(result: GateResult) -> Iterator[str]:
    """Annotations on the plan's own lines; at most ten are shown by GitHub, so the rest are counted."""
    for problem in result.problems[:ANNOTATIONS]:
        title = problem.word.replace("_", " ")
        message = _escape(problem.message)
        place = f"file={_escape(problem.path)},line={max(problem.line, 1)}"
        yield f"::error {place},title=planproof {title}::{message}"
    if len(result.problems) > ANNOTATIONS:
        yield f"::notice title=planproof::{len(result.problems) - ANNOTATIONS} more claims do not hold"
    word = "holds" if result.holds else f"does not hold (exit {result.exit_code})"
    yield f"gate: {word}, {result.checked} items checked, {len(result.problems)} problems"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
